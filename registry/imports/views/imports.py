"""Import pages: uploading a table, and the progress and errors of its run."""

from __future__ import annotations

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import Invalid
from registry.core.spreadsheets.writer import table_as_csv
from registry.http.downloads import csv_download
from registry.imports.service import errors_of, find_import, imports_of, queue_import
from registry.imports.views.columns import import_columns
from registry.platform.views.inventories import uploaded_file
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.forms import Form, invalid_form
from registry.web.labels import options
from registry.web.lists import first_address, next_address, requested_page


@pages.page("/imports", needs=Permission.IMPORTS_RUN, methods=("GET", "POST"), takes_file=True)
def imports(actor: Actor) -> Answer:
    """Display the form and earlier imports; a POST queues a file."""
    if request.method != "POST":
        return _page(actor, Form({"kind": _kind_in_address(), "dry_run": "yes"}))
    typed = {"kind": request.form.get("kind", "projects"), "dry_run": request.form.get("dry_run", "")}
    try:
        name, content = uploaded_file()
        run = queue_import(actor, typed["kind"], typed["dry_run"] == "yes", name, content)
    except Invalid as error:
        return _page(actor, invalid_form(typed, error, "file")), 422
    return redirect_to("import_run", import_id=run.id)


@pages.page("/imports/<any(projects, agencies):kind>.csv", needs=Permission.IMPORTS_RUN)
def import_template(_actor: Actor, kind: str) -> Answer:
    """Download a table with only the header row."""
    return csv_download(f"{kind}-template", table_as_csv([column.name for column in import_columns(kind)], []))


@pages.page("/imports/<row_id:import_id>", needs=Permission.IMPORTS_RUN)
def import_run(actor: Actor, import_id: int) -> Answer:
    """Display progress and row errors. With JavaScript the page refreshes itself."""
    run = find_import(actor, import_id)
    errors = errors_of(actor, run, requested_page(100))
    return render_template(
        "imports/detail.html",
        run=run,
        errors=errors.items,
        next_address=next_address(errors.next),
        first_address=first_address(),
    )


def _kind_in_address() -> str:
    return "agencies" if request.args.get("kind") == "agencies" else "projects"


def _page(actor: Actor, form: Form) -> str:
    kinds = options("import_kind") if actor.may(Permission.AGENCIES_WRITE) else options("import_kind")[:1]
    columns = [(kind, text, import_columns(kind)) for kind, text in kinds]
    return render_template("imports/list.html", form=form, kinds=kinds, columns=columns, runs=imports_of(actor))
