"""Inventory pages: upload, preview, apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import agency_names
from registry.approvals.tables import Approval
from registry.core.base_schema import BaseSchema
from registry.core.errors import Conflict, Invalid, NotAllowed, invalid
from registry.core.transactions import transaction
from registry.http.request_bodies import read_form
from registry.platform.pending_uploads import read_upload, store_upload, take_upload
from registry.projects.views.links import projects_numbered
from registry.requests.inventory_approval import REASON, import_inventory, preview_inventory
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import Form, invalid_form, typed_values


class Applying(BaseSchema):
    """How a previewed inventory is applied."""

    reason = REASON


APPLYING: Final = Applying()


@pages.page("/inventory", needs=Permission.PLACEMENTS_CONFIRM, methods=("GET", "POST"), takes_file=True)
def inventory(actor: Actor) -> Answer:
    """Upload an inventory and preview its effect; nothing is written."""
    if request.method != "POST":
        return render_template("platform/inventory.html", form=Form(), summary=None)
    try:
        name, content = uploaded_file()
        summary = preview_inventory(actor, name, content)
    except Invalid as error:
        return render_template("platform/inventory.html", form=invalid_form({}, error, "file"), summary=None), 422
    return _preview(actor, Form(), summary, store_upload(actor, name, content))


@pages.page("/inventory/<row_id:waiting>/apply", needs=Permission.PLACEMENTS_CONFIRM, methods=("POST",))
def apply_waiting_inventory(actor: Actor, waiting: int) -> Answer:
    """Apply the previewed inventory, or propose it where a second person must approve it."""
    texts = typed_values(("reason",))
    values, problems = APPLYING.load_texts(texts)
    if problems:
        return _preview(
            actor, Form(texts, problems), preview_inventory(actor, *read_upload(actor, waiting)), waiting
        ), 422
    try:
        with transaction():
            name, content = take_upload(actor, waiting)
            done = import_inventory(actor, name, content, values.get("reason"))
    except (Invalid, Conflict, NotAllowed) as error:
        summary = preview_inventory(actor, *read_upload(actor, waiting))
        return _preview(actor, invalid_form(texts, error, "reason"), summary, waiting), 422
    if isinstance(done, Approval):
        flash_message(_("Your proposal is sent. Nothing changes until another person approves it."))
        return redirect_to("approval_page", approval_id=done.id)
    flash_message(
        _("The inventory is applied: %(matched)s confirmed, %(lost)s lost their confirmation.")
        % {"matched": done["matched"], "lost": done["lost"]}
    )
    return redirect_to("inventory")


def _preview(actor: Actor, form: Form, summary: Mapping[str, Any], waiting: int) -> str:
    rows = summary["rows"]
    numbers = [
        *rows["lost"],
        *rows["shared"],
        *rows["flagged"],
        *rows["changed_since_audit"],
        *(row["number"] for row in rows["mismatched"]),
    ]
    return render_template(
        "platform/inventory.html",
        form=form,
        summary=summary,
        waiting=waiting,
        projects=projects_numbered(actor, numbers),
        agencies=agency_names(row["agency"] for row in rows["unregistered"]),
    )


def uploaded_file() -> tuple[str, bytes]:
    """The name and content of the uploaded file. Raises Invalid when none was selected."""
    selected = request.files.get("file")
    if selected is None or not selected.filename:
        raise invalid("/file", "page-choose-file")
    upload = read_form()[1]["file"]
    return upload.name, upload.content
