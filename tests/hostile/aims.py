"""Targets of the hostile cases: each declared route with a valid request and an actor who may send it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, literal, select, union_all
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.fields import InputField, Reference, Text, WholeNumber
from registry.http.requests import MULTIPART
from registry.journal import service as journal
from tests.api.access_matrix.roles import AGENCY
from tests.api.access_matrix.routes import TRIES
from tests.api.access_matrix.world_making import a_world
from tests.api.callers import Caller, caller
from tests.api.routes import Operation, RequestBody, declared_routes
from tests.factories import a_project

WRITING = ("POST", "PATCH", "PUT", "DELETE")
KINDS = {
    "Choice": "choice",
    "Day": "day",
    "AnyDay": "any_day",
    "Boolean": "yes_no",
    "Bin": "bin",
    "Email": "email",
    "Url": "url",
    "Telephone": "telephone",
    "YearlyAmounts": "years",
    "Entries": "entries",
    "Integrations": "integrations",
    "Ids": "ids",
    "Objects": "objects",
    "ListedRows": "objects",
    "PlatformKeys": "project_numbers",
    "SeenCases": "seen_cases",
    "LifetimeField": "lifetime",
    "ScopesField": "scopes",
    "AddressesField": "addresses",
    "ProjectNumbers": "project_numbers",
    "Query": "query",
    "Setting": "setting",
    "VerdictCases": "verdict_cases",
    "VersionName": "version",
    "Events": "events",
    "Conditions": "conditions",
    "Moment": "moment",
    "RowAnswers": "row_answers",
    "SignatureField": "signature",
    "Values": "setting",
}
# The project of the world has an exemption, which keeps its names.
EDITS = ("patch_project", "patch_project_by_external_id", "put_project", "check_before_changing")
# The actor where several roles are permitted.
PREFERRED = (Role.ADMINISTRATOR, Role.SUPERVISOR, *Role)


@dataclass(frozen=True)
class Aim:
    """A route and a valid request to it. ``file`` is the name and content of a form's file."""

    operation: Operation
    path: str
    actor: Caller
    good: int
    body: dict[str, Any]
    file: tuple[str, bytes] | None

    @property
    def fields(self) -> dict[str, InputField]:
        """The fields of a JSON body."""
        body = self.json_body
        # Operations name the classes of their schemas, or a schema of their own.
        schema = body.schema() if isinstance(body.schema, type) else body.schema
        return {name: field for name, field in schema.fields.items() if isinstance(field, InputField)}

    @property
    def json_body(self) -> RequestBody | None:
        """The body where it is JSON."""
        body = self.operation.body
        return None if body is None or body.content_type == MULTIPART else body

    @property
    def takes_form(self) -> bool:
        """Whether the body is a form."""
        return self.operation.body is not None and self.json_body is None

    @property
    def content_type(self) -> str:
        """The content type of the body."""
        return "" if self.json_body is None else self.json_body.content_type

    def send(self, raw: bytes | None = None, *, path: str | None = None, **headers: str) -> TestResponse:
        """Send a raw JSON body, by default the valid one; headers are keyword arguments with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.operation.needs_if_match:
            named.setdefault("If-Match", "*")
        if self.json_body is not None:
            named.setdefault("Content-Type", self.content_type)
            raw = json.dumps(self.body).encode() if raw is None else raw
        elif self.takes_form and raw is None:
            raw = self.form()
            named.setdefault("Content-Type", "multipart/form-data; boundary=limit")
        return self.actor.call(self.operation.method, path or self.path, data=raw or b"", headers=named)

    def form(
        self, *more: bytes, filename: str | None = "list.csv", name: str = "file", kind: str = "text/csv"
    ) -> bytes:
        """Return the valid form as bytes, so that each byte can be replaced."""
        assert self.file is not None
        named = "" if filename is None else f'; filename="{filename}"'
        parts = [part(field, value) for field, value in self.body.items()]
        parts.append(part(f'{name}"{named}'.removesuffix('"'), self.file[1], kind, closed=filename is not None))
        return b"".join([*parts, *more]) + b"--limit--\r\n"


def part(name: str, value: str | bytes, kind: str | None = None, *, closed: bool = False) -> bytes:
    """Return one part of a form; ``closed`` when the name contains its own closing quote."""
    end = '"' if closed or "filename" not in name else ""
    head = f'--limit\r\nContent-Disposition: form-data; name="{name}{end}\r\n'
    head += f"Content-Type: {kind}\r\n" if kind else ""
    return head.encode() + b"\r\n" + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"


def aims(client: FlaskClient, home: Agency) -> dict[str, Aim]:
    """Return a target for each declared route, for one agency and its records."""
    world = a_world(home)
    callers = {role: caller(client, role, home if role in AGENCY else None) for role in Role}
    names = {
        "bin": world.agency.bin,
        "number": world.project.number,
        "external_id": world.project.external_id,
        "document": world.document_id,
        "exemption": world.exemption_id,
        "audit": world.audit_id,
        "import_run": world.import_id,
        "case": world.case_id,
        "account": world.account_id,
        "service": world.service_id,
        "key": world.key_id,
        **world.requests,
        "link": world.link_id,
        "letter": world.letter,
        "template": world.template_id,
        **world.reports,
    }
    undecided = a_project(world.agency)
    of_undecided = {**names, "number": undecided.number, "external_id": undecided.external_id}
    targets = {}
    for operation in declared_routes(client.application):
        tried = TRIES[operation.name]
        # Some records are changed by who made them alone: others do not find them.
        good = tried.good if tried.allowed else 404
        role = next(role for role in PREFERRED if role in (tried.allowed or tried.unseen))
        body, file = ({} if tried.body is None else tried.body(world)), None
        if tried.form is not None:
            parts = tried.form(world)
            sent = next(value for value in parts.values() if isinstance(value, FileStorage))
            file = (sent.filename or "", sent.read())
            body = {name: value for name, value in parts.items() if isinstance(value, str)}
        path = tried.path.format(**(of_undecided if operation.name in EDITS else names))
        targets[operation.name] = Aim(operation, path, callers[role], good, body, file)
    return targets


def kind_of(field: InputField) -> str:
    """Return the corpus's name for the type of a field."""
    if type(field) in (Text, Reference):
        return f"text{field.limit}"
    if isinstance(field, WholeNumber):
        return "class" if field.largest == 3 else "whole"
    return KINDS[type(field).__name__]


def state() -> list[tuple[str, Any]]:
    """Return each table's number of rows, and the head of the journal."""
    tables = sorted(db.metadata.tables.items())
    counts = [
        select(literal(name).label("name"), func.count().label("rows")).select_from(table) for name, table in tables
    ]
    counted = [(str(name), int(rows)) for name, rows in db.session.execute(union_all(*counts).order_by("name"))]
    head = db.session.execute(
        select(journal.JournalEntry.hash).order_by(journal.JournalEntry.seq.desc()).limit(1)
    ).scalar()
    db.session.commit()
    return [*counted, ("head", head)]


def faults(answer: TestResponse, statuses: tuple[int, ...]) -> list[str]:
    """Return what is wrong with an error response: its status, or an incomplete problem document."""
    wrong = [] if answer.status_code in statuses else [f"{answer.status_code}, expected {statuses}"]
    if answer.content_type != "application/problem+json":
        return [*wrong, f"is {answer.content_type}: {answer.data[:200]!r}"]
    body = answer.get_json()
    wrong += [f"no {name}" for name in ("type", "title", "status", "detail", "instance", "trace_id") if not body[name]]
    if body["status"] != answer.status_code:
        wrong.append("another status inside")
    problems = body.get("errors", [])
    wrong += [f"{p} lacks something" for p in problems if set(p) != {"pointer", "code", "message"} or not p["message"]]
    return wrong
