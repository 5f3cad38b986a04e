"""Pages for adding many people from a table, with a dry run."""

from __future__ import annotations

import base64
from typing import Final

from flask import render_template, request

from registry.accounts.account_management import roles_to_give
from registry.accounts.actors import Actor
from registry.accounts.people_columns import COLUMNS, REQUIRED_COLUMNS
from registry.accounts.people_import import MAX_ROWS, PeopleImport, import_people
from registry.accounts.people_template import write_people_template
from registry.accounts.roles import Permission
from registry.agencies.service import agencies_by_id
from registry.core.errors import Conflict, Invalid, NotAllowed, invalid
from registry.core.languages import LANGUAGES
from registry.core.spreadsheets.reader import open_table
from registry.core.spreadsheets.writer import table_as_csv
from registry.http.downloads import xlsx_download
from registry.platform.views.inventories import uploaded_file
from registry.web.blueprint import Answer, pages
from registry.web.current_user import page_locale
from registry.web.formats import gettext as _
from registry.web.forms import Form, invalid_form
from registry.web.labels import field_label

TABLE: Final = "table"
# The table goes from the dry run's page to the next request in a form field.
MAX_TABLE_LENGTH: Final = 60_000


@pages.page("/people/import", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"), takes_file=True)
def people_import(actor: Actor) -> Answer:
    """Upload a table of people and see what it would create; nothing is written."""
    if request.method != "POST":
        return _form(actor, Form())
    try:
        content = open_table(uploaded_file()[1]).content
        if len(content) > MAX_TABLE_LENGTH:
            raise invalid("/file", "too-many-people", limit=MAX_ROWS)
        result = import_people(actor, content, dry_run=True)
    except Invalid as error:
        return _form(actor, invalid_form({}, error, "file")), 422
    return _result(result, dry_run=True, table=base64.b64encode(content).decode())


@pages.page("/people/import/apply", needs=Permission.PEOPLE_MANAGE, methods=("POST",))
def apply_people_import(actor: Actor) -> Answer:
    """Add the people of the table that the dry run displayed; one-time passwords are displayed once."""
    try:
        content = base64.b64decode(request.form.get(TABLE, ""), validate=True)
        result = import_people(actor, content, dry_run=False)
    except (Invalid, Conflict, NotAllowed) as error:
        return _form(actor, invalid_form({}, error, "file")), 422
    except ValueError:
        return _form(actor, invalid_form({}, invalid("/file", "file-not-a-table"), "file")), 422
    return _result(result, dry_run=False, passwords=_passwords_as_link(result))


@pages.page("/people/import.xlsx", needs=Permission.PEOPLE_MANAGE)
def people_import_template(actor: Actor) -> Answer:
    """Download an empty table with headers in the page's language and lists of roles and languages."""
    labels, roles = {name: field_label(name) for name in COLUMNS}, roles_to_give(actor)
    return xlsx_download("people", lambda path: write_people_template(path, labels, roles, page_locale()))


def _form(actor: Actor, form: Form) -> str:
    codes = {"role": [role.value for role in roles_to_give(actor)], "language": list(LANGUAGES)}
    texts = {
        "name": _("First name and surname, such as Aigul Serikova. The person signs in with this name."),
        "email": _("Address for the invitation and for notifications."),
        "agency": _("The BIN; only for agency roles."),
    }
    columns = [
        (name, field_label(name), name in REQUIRED_COLUMNS, codes.get(name), texts.get(name, "")) for name in COLUMNS
    ]
    return render_template("accounts/people_import.html", form=form, columns=columns, limit=MAX_ROWS)


def _result(result: PeopleImport, **more: object) -> str:
    agencies = {agency.bin: agency for agency in agencies_by_id().values()} if result.created else {}
    return render_template("accounts/people_import_result.html", result=result, agencies=agencies, **more)


def _passwords_as_link(result: PeopleImport) -> str:
    """The one-time passwords as a table in a link: they are stored nowhere, so nothing else can serve the file."""
    rows = [(person.name, person.password) for person in result.created if person.password is not None]
    if not rows:
        return ""
    content = b"".join(table_as_csv(("name", "password"), [rows]))
    return f"data:text/csv;base64,{base64.b64encode(content).decode()}"
