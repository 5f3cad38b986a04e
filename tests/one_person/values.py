"""Random values for whatever a body, form or command asks for, mostly those that could end a flag."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.models import Account
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import db
from registry.flags.models import AuditRun
from registry.freeze.facts import Facts
from registry.freeze.rules import RULES
from registry.projects.documents import Document
from registry.projects.models import Project
from tests.factories import a_bin

PARAMETER: Final = re.compile(r"<(?:(?P<converter>[^:>]+):)?(?P<name>\w+)>")
# Parameters of addresses that always name something.
NAMED: Final = {"bin", "number", "external_id", "version", "key_id"}
# What the rules look at.
FACTS: Final = {field.name for field in fields(Facts)}
# With these no rule of the freeze holds.
HARMLESS: Final = {
    "work_type": "maintenance",
    "stage": "operation",
    "object_commissioned_on": "2026-02-01",
    "contract_signed_on": None,
    "work_started_on": None,
}
KEYS: Final = ("K-CONFIRMED", "K-CLAIMED", "K-LISTED", "K-NOWHERE")
# Where the ids of a path come from, when the word before them is no table's name.
TABLES: Final = {
    "accounts": "accounts",
    "people": "people",
    "pending": "accounts",
    "successions": "requests",
    "transfers": "requests",
    "withdrawals": "requests",
    "confirmation-requests": "requests",
    "views": "saved_views",
    "templates": "case_templates",
    "links": "project_links",
    "columns": "import_mappings",
}
PDF: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


class Values:
    """Values from what is in the register now. ``random`` is that of the walk."""

    def __init__(self, random: Random) -> None:
        self.random = random
        # The number of the project that the last address named.
        self.about: str | None = None

    # Of bodies

    def body(self, schema: Mapping[str, Any], *, is_patch: bool = False) -> dict[str, Any]:
        """An object: all that it requires, and something more."""
        properties: dict[str, Any] = schema.get("properties", {})
        required = set(schema.get("required", ()))
        telling = [name for name in properties if name in FACTS]
        chosen = {name for name in properties if name in required or self.chance(0.15 if telling else 0.5)}
        if telling:
            chosen |= set(self.random.sample(telling, self.random.randint(0, min(5, len(telling)))))
        if is_patch and not chosen:
            chosen = {self.random.choice(list(properties))} if properties else set()
        values = {name: self.of(name, properties[name]) for name in properties if name in chosen}
        if telling and self.chance(0.4):
            values |= {name: value for name, value in HARMLESS.items() if self.chance(0.85)}
        return values

    def of(self, name: str, schema: Mapping[str, Any]) -> Any:
        """A value of a property."""
        types = schema.get("type") or ()
        types = [types] if isinstance(types, str) else list(types)
        if "null" in types and self.chance(0.15):
            return None
        kind = next((each for each in types if each != "null"), "string")
        choices = [each for each in schema.get("enum") or schema.get("x-extensible-enum") or () if each is not None]
        if choices:
            return self.random.choice(choices)
        if schema.get("format") == "binary":
            return self.file()
        if kind == "array":
            if name == "cost_by_year":
                return None
            return [
                self.of(SINGULAR.get(name, name), schema.get("items", {})) for _ in range(self.random.randint(1, 2))
            ]
        if kind == "object":
            return self.an_object(name, schema)
        if kind == "boolean":
            return self.chance(0.5)
        if kind in ("integer", "number"):
            return self.number(name)
        if schema.get("format") == "date":
            return self.day()
        if schema.get("format") == "bin":
            return self.bin()
        return self.text(name)

    def an_object(self, name: str, schema: Mapping[str, Any]) -> Any:
        if name == "rules":
            return {self.random.choice(RULES): {"enabled": False}}
        if schema.get("properties"):
            return self.body(schema)
        if name == "query":
            return {"stage": "creation"}
        return {"2": self.random.choice(["same", "new"])} if name == "answers" else {}

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def number(self, name: str) -> int:
        if name == "document" and self.about is not None:
            return self.random.choice(documents_of(self.about) or [1])
        ids = _singular_table(name)
        return self.row_id(ids) if ids else self.random.choice([0, 1, 2, 7, 24, 120, 120_000_000, 10**12])

    def day(self) -> str:
        now = today()
        days = (now, now, now + timedelta(days=1), now + timedelta(days=90), now - timedelta(days=30))
        return self.random.choice([*map(str, days), "2019-05-01", "2025-06-01", "2026-02-01", "2036-12-31"])

    def bin(self) -> str:
        return a_bin() if self.chance(0.1) else str(self.random.choice(_column(Agency.bin)))

    def text(self, name: str) -> str:
        """A text for a field, by its name: what exists where it names something, else any words."""
        for words, given in self._by_name().items():
            if name in words:
                return str(given())
        return self.random.choice(["No. 5-1", "The list of the platform.", "2"])

    def _by_name(self) -> dict[tuple[str, ...], Callable[[], object]]:
        pick = self.random.choice
        return {
            ("platform_key", "key"): lambda: pick(KEYS),
            ("agency", "agency_bin", "parent_bin", "bin", "successor", "supplier_bin"): self.bin,
            ("project", "target", "duplicate_of", "number", "numbers", "projects"): lambda: pick(
                _column(Project.number)
            ),
            ("assignee", "responsible", "owner", "receiver", "deputy", "account_name"): lambda: pick(
                _column(Account.name)
            ),
            ("to",): lambda: pick([self.bin(), pick(_column(Account.name))]),
            ("name",): lambda: (
                f"new {self.random.randrange(10**6)}" if self.chance(0.7) else pick(_column(Account.name))
            ),
            ("external_id",): lambda: pick([*_column(Project.external_id), f"N-{self.random.randrange(10**6)}"]),
            ("name_ru", "name_kk"): lambda: pick([*_column(Project.name_ru), "Другая система"]),
            ("email", "responsible_email"): lambda: f"new{self.random.randrange(1000)}@example.kz",
            ("role",): lambda: pick(list(Role)).value,
            ("version",): lambda: f"2027.{self.random.randrange(9)}",
            ("based_on", "earlier"): lambda: pick(["2026.1", *_rows("policy_versions", "version")]),
            ("addresses", "address"): lambda: "127.0.0.0/8",
            ("event",): lambda: self.row_id("case_events"),
            ("expires_in",): lambda: "30d",
            ("language", "chosen"): lambda: pick(["kk", "ru", "en"]),
            ("url",): lambda: "https://receiver.example.kz/qaztech",
            ("valid_to", "valid_from", "decided_on", "on", "due_on", "ended_on", "verified_on"): self.day,
            ("proposed_at",): lambda: pick([*_proposed_at(), "2026-10-01T00:00:00Z"]),
        }

    def file(self) -> tuple[str, bytes]:
        """A document, or a table: of projects, of agencies, of what is on the platform."""
        return self.random.choice(
            [lambda: ("act.pdf", PDF), lambda: ("act.txt", b"An act."), self.projects, self.agencies, self.inventory]
        )()

    def projects(self) -> tuple[str, bytes]:
        names = ["number", "external_id", "name_ru", "object_kind", "work_type", "stage", "placement"]
        names += ["platform_key", "contract_signed_on", "work_started_on", "object_commissioned_on"]
        project = self.random.choice(list(db.session.scalars(select(Project).order_by(Project.id))))
        agency = db.session.get_one(Agency, project.agency_id)
        values = {name: getattr(project, name) for name in names} | {"agency": agency.bin}
        changes = {name: value for name, value in HARMLESS.items() if self.chance(0.5)}
        if self.chance(0.3):
            changes |= {"placement": "on_platform", "platform_key": self.random.choice(KEYS)}
        return csv_file(values | changes)

    def agencies(self) -> tuple[str, bytes]:
        agency = self.random.choice(list(db.session.scalars(select(Agency).order_by(Agency.id))))
        values = {"bin": agency.bin, "name_ru": agency.name_ru, "kind": self.random.choice([agency.kind, "private"])}
        return csv_file(values | {"parent_bin": self.random.choice(["", self.bin()])})

    def inventory(self) -> tuple[str, bytes]:
        return csv_file({"platform_key": self.random.choice(KEYS), "agency": self.bin(), "verified_on": str(today())})

    # Of paths

    def in_path(self, before: str, name: str) -> str:
        """A value of a path's parameter; ``before`` is the word before it."""
        by_name = {
            "bin": self.bin,
            "external_id": lambda: self.random.choice(_column(Project.external_id)),
            "report_number": lambda: self.random.choice(_rows("government_reports", "number") or ["x"]),
            "version": lambda: self.random.choice(["2026.1", *_rows("policy_versions", "version")]),
        }
        if name == "number":
            self.about = str(self.random.choice(_column(Project.number)))
            return self.about
        if name in by_name:
            return str(by_name[name]())
        if name == "key_id":
            return str(self.random.choice(_rows("tokens", "key_id") or ["x"]))
        return str(self.row_id(_table_in_path(before, name)))

    def are_there(self, rule: str) -> bool:
        """False when nothing exists that the last id of an address could be of."""
        parameters = list(PARAMETER.finditer(rule))
        if not parameters or parameters[-1]["name"] in NAMED:
            return True
        last = parameters[-1]
        if last["name"] == "report_number":
            return bool(_rows("government_reports", "number"))
        table = _table_in_path(word_before(rule, last), last["name"])
        return table is None or bool(_rows(table, "id"))

    def row_id(self, table: str | None) -> int:
        """An id of a row, mostly a late one."""
        ids = _rows(table, "id") if table else []
        if not ids:
            return self.random.randint(1, 12)
        return int(ids[-1] if self.chance(0.5) else self.random.choice(ids))


SINGULAR: Final = {"cases": "case", "projects": "project", "documents": "document", "entries": "entry"}


def json_of(value: object) -> str:
    """For the description of a step."""
    return json.dumps(value, ensure_ascii=False, default=lambda content: content.decode("utf-8", "replace"))


def documents_of(number: str) -> list[int]:
    """The ids of the documents of a project."""
    documents = select(Document.id).join(Project, Project.id == Document.project_id).where(Project.number == number)
    return list(db.session.scalars(documents.order_by(Document.id)))


def _column(column: Any) -> Sequence[Any]:
    return list(db.session.scalars(select(column).order_by(column)))


def _proposed_at() -> list[str]:
    voidings = db.session.scalars(select(AuditRun.voiding).where(AuditRun.voiding.is_not(None)))
    return [str(each["proposed_at"]) for each in voidings if each]


def word_before(rule: str, parameter: re.Match[str]) -> str:
    """The last fixed word of an address before a parameter."""
    words = [word for word in rule[: parameter.start()].split("/") if word and "<" not in word]
    return words[-1] if words else ""


def _table_in_path(before: str, name: str) -> str | None:
    of_name = None if name == "id" else _table_of(f"{name.removesuffix('_id')}s")
    return of_name or _table_of(before)


def _table_of(word: str) -> str | None:
    name = TABLES.get(word, word.replace("-", "_"))
    return name if name in db.metadata.tables else None


def _singular_table(name: str) -> str | None:
    return _table_of(f"{name}s") if name in SINGULAR.values() else None


def _rows(table: str, column: str) -> list[Any]:
    columns = db.metadata.tables[table].c
    return list(db.session.scalars(select(columns[column]).order_by(columns[column]))) if column in columns else []


def csv_file(values: Mapping[str, Any]) -> tuple[str, bytes]:
    """A table of one row."""
    row = ",".join("" if value is None else str(value) for value in values.values())
    return "table.csv", f"{','.join(values)}\n{row}\n".encode()
