"""Imports: a file is taken in at once and worked off in the background."""

from __future__ import annotations

from typing import Any, Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.api.blueprint import BASE, Routes
from registry.api.declared import Answer, Answers, Call, FormBody
from registry.api.uploads import (
    DRY_RUN_SCHEMA,
    FILE_SCHEMA,
    ROW_ERROR_EXAMPLE,
    ROW_ERROR_PROPERTIES,
    TrueOrFalse,
    form_values,
    one_of,
    told,
)
from registry.core.languages import Language
from registry.core.messages import message
from registry.core.pagination import Listing
from registry.core.schema_fields import Body, Moment, Shown
from registry.http.etag import make_tag
from registry.imports.models import STATES, ImportRun
from registry.imports.service import KINDS, errors_of, find_import, queue_import

routes = Routes("imports", "Files of projects or agencies, worked off row by row.")

COUNT: Final = {"type": "integer", "minimum": 0}
FORM: Final = FormBody(
    {
        "file": FILE_SCHEMA,
        "kind": {"type": "string", "enum": list(KINDS), "description": "What the rows are."},
        "dry_run": DRY_RUN_SCHEMA,
    },
    required=("file", "kind"),
)


class Import(Body):
    """One file and how far it is worked off."""

    id = Shown("Its id.", {"type": "integer"})
    kind = Shown("What the rows are.", {"type": "string", "enum": list(KINDS)})
    dry_run = Shown("True when nothing is written.", {"type": "boolean"})
    state = Shown("`done` also when rows were rejected.", {"type": "string", "enum": list(STATES)})
    file_name = Shown("The file's name.", {"type": "string"})
    sha256 = Shown("SHA-256 of the file, in hex.", {"type": "string"})
    total = Shown("Rows in the file.", COUNT)
    processed = Shown("Rows worked off.", COUNT)
    created = Shown("Rows that made something new.", COUNT)
    updated = Shown("Rows that changed something.", COUNT)
    unchanged = Shown("Rows that said what was there.", COUNT)
    rejected = Shown("Rows that were refused; `/errors` tells why.", COUNT)
    queued_at = Moment("When it was taken in.")
    started_at = Moment("When the work began.", nullable=True)
    finished_at = Moment("When it ended.", nullable=True)
    failure = Shown("Why it could not be finished.", {"type": ["string", "null"]})


class RowError(Body):
    """One wrong cell, or one wrong row."""

    row = Shown("Where.", ROW_ERROR_PROPERTIES["row"])
    column = Shown("In which column.", ROW_ERROR_PROPERTIES["column"])
    code = Shown("What is wrong.", ROW_ERROR_PROPERTIES["code"])
    message = Shown("The same in words.", ROW_ERROR_PROPERTIES["message"])


IMPORT: Final = Import()
EXAMPLE: Final[dict[str, Any]] = {
    "id": 3,
    "kind": "projects",
    "dry_run": False,
    "state": "running",
    "file_name": "projects-2026.xlsx",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "total": 1200,
    "processed": 500,
    "created": 480,
    "updated": 11,
    "unchanged": 8,
    "rejected": 1,
    "queued_at": "2026-03-02T06:00:00.000000Z",
    "started_at": "2026-03-02T06:00:01.000000Z",
    "finished_at": None,
    "failure": None,
}


def import_of(actor: Actor, id: int) -> ImportRun:
    """The import that the path names."""
    return find_import(actor, id)


def _answer(run: ImportRun, language: Language, location: str | None = None) -> Answer:
    shown = {name: getattr(run, name) for name in IMPORT.fields}
    if run.failure is not None:
        shown["failure"] = message(run.failure, language)
    return Answer(shown, location, make_tag("import", *shown.values()))


@routes.declare(
    "POST",
    "/imports",
    needs=Permission.IMPORTS_RUN,
    body=FORM,
    answers=Answers(
        IMPORT,
        {
            **EXAMPLE,
            "state": "queued",
            **dict.fromkeys(("processed", "created", "updated", "unchanged", "rejected"), 0),
        },
        202,
        "Taken in; `Location` tells how far it is.",
        headers=("Location", "ETag"),
    ),
)
def create_import(call: Call) -> Answer:
    """Import a file of projects or agencies.

    A project that its agency and external id name already is changed, others are registered. An empty cell clears a
    field, an absent column leaves it. A bad row is reported and does not stop the rest.
    """
    asked = form_values(call, kind=one_of(KINDS), dry_run=TrueOrFalse())
    sent = call.files["file"]
    run = queue_import(call.by, asked["kind"], asked["dry_run"], sent.name, sent.content)
    return _answer(run, call.language, f"{BASE}/imports/{run.id}")


@routes.declare(
    "GET",
    "/imports/<row_id:id>",
    needs=Permission.IMPORTS_RUN,
    subject=import_of,
    answers=Answers(IMPORT, EXAMPLE, headers=("ETag",)),
)
def read_one_import(call: Call) -> Answer:
    """See how far an import is. It shows to who sent it and to administrators."""
    return _answer(call.subject, call.language)


@routes.declare(
    "GET",
    "/imports/<row_id:id>/errors",
    needs=Permission.IMPORTS_RUN,
    subject=import_of,
    paged=True,
    sorts=("row",),
    answers=Answers(RowError(), {"items": [ROW_ERROR_EXAMPLE], "next": None}, lists=True),
)
def list_import_errors(call: Call) -> Listing:
    """List what was wrong in which row, in the order of the rows."""
    listing = errors_of(call.by, call.subject, call.page)
    return Listing([told(error, call.language) for error in listing.items], listing.next)
