"""Revisions: the change history of projects. Who, when, and the old and new value of each changed field.

A revision also stores the values that the rules compare (``LAW_LOOKS_AT``), as they were after the change.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, ColumnElement, ForeignKey, Select, SelectBase, String, Text, UniqueConstraint, case, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.agencies.models import Agency
from registry.core.clock import local_date
from registry.core.database import EncodedJson, Instant, Model, db, require_transaction, table_of
from registry.core.dialects import is_among
from registry.core.lists import Listing, Page, read_page, sort_keys
from registry.freeze.facts import Confirmed, EarlierRevision
from registry.journal.service import ENCODE
from registry.projects.models import CHANGEABLE, Project
from registry.projects.vocabulary import FreezeStatus

LAW_LOOKS_AT = ("work_type", "stage", "placement", "contract_signed_on", "work_started_on", "ended_on")

# What else the rules compare, of revisions that do not store it: undone from the present values.
UNDONE: Final = (
    "pilot_started_on",
    "commissioned_on",
    "object_commissioned_on",
    "budget_kzt",
    "object_original_cost_kzt",
    "consent_number",
    "security_conclusion_number",
    "security_conclusion_on",
    "is_ai",
    "ai_risk_class",
)


# What else an audit by a policy with facts to confirm reads.
CONFIRMED: Final = "confirmed_facts"
READ_OF_PAST: Final = (*UNDONE, CONFIRMED)


class Revision(Model):
    """The change that produced ``version``; version 1 is the registration."""

    __tablename__ = "revisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    version: Mapped[int]
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(Text)
    work_type: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str] = mapped_column(String(20))
    placement: Mapped[str] = mapped_column(String(20))
    contract_signed_on: Mapped[date | None]
    work_started_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (UniqueConstraint("project_id", "version"),)


def snapshot(project: Project) -> dict[str, Any]:
    """Return the current values of the changeable columns."""
    return {name: getattr(project, name) for name in CHANGEABLE}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``{field, old, new}`` of each value that differs, JSON-serialisable, in the order of the columns."""
    return [
        {"field": name, "old": json_value(old), "new": json_value(new)}
        for name in CHANGEABLE
        if (old := before.get(name)) != (new := after.get(name))
    ]


def first_changes(values: Mapping[str, Any], names: Iterable[str]) -> EncodedJson:
    """Return the ``differences`` of a registration as the journal encodes them. ``names``: of values that it may have,
    in the order of the columns.
    """
    changes = [
        f'{{"field":"{name}","new":{ENCODE(json_value(value))},"old":null}}'
        for name in names
        if (value := values[name]) is not None
    ]
    return EncodedJson(f"[{','.join(changes)}]")


def revision_row(project: Mapping[str, Any], changes: list[dict[str, Any]] | EncodedJson, actor: str) -> dict[str, Any]:
    """Return a revision as a row to insert; ``project`` must include ``id``, ``version`` and ``updated_at``."""
    row = {name: project[name] for name in LAW_LOOKS_AT}
    return row | {
        "project_id": project["id"],
        "version": project["version"],
        "at": project["updated_at"],
        "by": actor,
        "changes": changes,
    }


def save_revision(project: Project, changes: list[dict[str, Any]], actor: str, reason: str | None = None) -> None:
    """Add the revision of a project that was just changed, in the open transaction."""
    values = {name: getattr(project, name) for name in (*LAW_LOOKS_AT, "id", "version", "updated_at")}
    require_transaction().add(Revision(**revision_row(values, changes, actor), reason=reason))


def history(project_id: int) -> list[dict[str, Any]]:
    """Return all revisions of a project, oldest first: ``{at, by, changes, reason}``."""
    return [dict(row) for row in db.session.execute(_history(project_id)).mappings()]


def history_page(project_id: int, page: Page) -> Listing:
    """Return a page of the revisions of a project, oldest first. Raises Malformed for an invalid cursor."""
    return read_page(_history(project_id), page, Revision.version, sort_keys(Revision.version.expression), "version")


def _history(project_id: int) -> Select[Any]:
    shown = select(Revision.at, Revision.by, Revision.changes, Revision.reason)
    return shown.where(Revision.project_id == project_id).order_by(Revision.version)


class StoredRevision(NamedTuple):
    """What is read of a revision for the rules; ``changes`` is None for the registration. ``law``: LAW_LOOKS_AT."""

    version: int
    at: datetime
    changes: Sequence[Mapping[str, Any]] | None
    law: Sequence[Any]


# The columns of a StoredRevision. The changes of a registration are all its values, and nothing comes before them.
STORED_REVISION: Final = (
    Revision.version,
    Revision.at,
    case((Revision.version > 1, Revision.changes)).label("changes"),
    *(getattr(Revision, name) for name in LAW_LOOKS_AT),
)


def past_of(present: Mapping[Any, Any], revisions: Sequence[StoredRevision]) -> tuple[EarlierRevision, ...]:
    """Return the revisions before the present one, oldest first.

    ``present``: the values of the last of ``revisions``, which are all up to it, oldest first.
    """
    values = {name: present[name] for name in READ_OF_PAST}
    past: list[EarlierRevision] = []
    for before, edit in reversed(list(pairwise(revisions))):
        for change in edit.changes or ():
            if change["field"] in values:
                values[change["field"]] = value_of_json(change["field"], change["old"])
        law = dict(zip(LAW_LOOKS_AT, before.law, strict=True))
        past.append(as_earlier({**law, **values}, local_date(edit.at)))
    return tuple(reversed(past))


def as_earlier(values: Mapping[Any, Any], replaced_on: date) -> EarlierRevision:
    """Return the values of a project as those of an earlier revision, once an edit of that day has replaced them."""
    entered = {name: values[name] for name in (*LAW_LOOKS_AT, *UNDONE)}
    return EarlierRevision(**entered, confirmed=confirmed_of(values[CONFIRMED]), replaced_on=replaced_on)


def confirmed_of(entries: Collection[str] | None) -> Confirmed:
    """Return the confirmed facts of a project, from its column."""
    pairs = (entry.split(" ") for entry in entries or ())
    return tuple((name, date.fromisoformat(day)) for name, day in pairs)


def stored_revisions(ids: Collection[int]) -> dict[int, list[StoredRevision]]:
    """Return all revisions of each project, oldest first."""
    statement = (
        select(Revision.project_id, *STORED_REVISION)
        .where(is_among(Revision.project_id.expression, ids))
        .order_by(Revision.project_id, Revision.version)
    )
    revisions: dict[int, list[StoredRevision]] = {}
    for project_id, version, at, changes, *law in db.session.execute(statement) if ids else ():
        revisions.setdefault(project_id, []).append(StoredRevision(version, at, changes, law))
    return revisions


def earlier(project: Project) -> tuple[EarlierRevision, ...]:
    """Return the values that the rules compare, of every revision before the current one, oldest first."""
    if project.version == 1:
        return ()
    revisions = [each for each in stored_revisions([project.id]).get(project.id, ()) if each.version <= project.version]
    return past_of({name: getattr(project, name) for name in READ_OF_PAST}, revisions)


def value_of_json(name: str, value: Any) -> Any:
    """Return a project's value from ``json_value``."""
    return date.fromisoformat(value) if name.endswith("_on") and value is not None else value


def json_value(value: Any) -> Any:
    """Return a JSON-serialisable value: dates and instants as ISO 8601 text."""
    return value.isoformat() if isinstance(value, date) else value


# Projects as the register knew them at an earlier moment, from their revisions.
#
# A revision holds the old value of each changed field. The values of a moment are the current ones, with the changes
# of all later revisions undone.

PROJECT: Final = table_of(Project)
REVISION: Final = table_of(Revision)
AGENCY: Final = table_of(Agency)


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project at a moment: its version, its agency's BIN, whether it was withdrawn, and the values asked for."""

    id: int
    number: str
    version: int
    registered_at: datetime
    agency: str
    is_withdrawn: bool
    values: Mapping[str, Any]


def projects_known_at(
    at: datetime, names: Collection[str], after: int, to: int | None, among: SelectBase | None = None
) -> list[KnownProject]:
    """Return the projects with ids above ``after`` and up to ``to`` as known at the moment, by id.

    ``names``: the columns to return, of those whose changes are in revisions (``CHANGEABLE`` and ``attested_on``).
    ``among``: only the projects that it selects.
    A project that was registered later has the values of its registration: the caller knows which ids existed.
    """
    in_range = _range(PROJECT.c.id, after, to, among)
    columns = [PROJECT.c[name] for name in ("id", "number", "version", "registered_at", "withdrawn_at")]
    rows = db.session.execute(
        select(*columns, AGENCY.c.bin, *(PROJECT.c[name] for name in names))
        .join(AGENCY, AGENCY.c.id == PROJECT.c.agency_id)
        .where(*in_range)
        .order_by(PROJECT.c.id)
    ).all()
    undone = _undone(at, _range(REVISION.c.project_id, after, to, among))
    known = []
    for row in rows:
        project_id, number, version, registered_at, withdrawn_at, bin_number, *current = row
        values: dict[str, Any] = dict(zip(names, current, strict=True))
        is_withdrawn = withdrawn_at is not None
        earlier = undone.get(project_id)
        if earlier is not None:
            version, old = earlier
            bin_number = old.get("agency", bin_number)
            if "freeze_status" in old:
                # Only withdrawing and restoring write it.
                is_withdrawn = old["freeze_status"] == FreezeStatus.WITHDRAWN.value
            values.update({name: value_of_json(name, old[name]) for name in values.keys() & old.keys()})
        known.append(KnownProject(project_id, number, version, registered_at, bin_number, is_withdrawn, values))
    return known


def _range(project_id: ColumnElement[int], after: int, to: int | None, among: SelectBase | None) -> list[Any]:
    in_range = [project_id > after, *([] if to is None else [project_id <= to])]
    return in_range if among is None else [*in_range, project_id.in_(among)]


def _undone(at: datetime, in_range: Sequence[ColumnElement[bool]]) -> dict[int, tuple[int, dict[str, Any]]]:
    """Return the version of each project that changed later, and the values before its changes."""
    later = (
        select(REVISION.c.project_id, REVISION.c.version, REVISION.c.changes)
        .where(*in_range, REVISION.c.at > at, REVISION.c.version > 1)
        .order_by(REVISION.c.project_id, REVISION.c.version.desc())
    )
    undone: dict[int, tuple[int, dict[str, Any]]] = {}
    for project_id, version, changes in db.session.execute(later):
        _, old = undone.get(project_id, (0, {}))
        old.update({change["field"]: change["old"] for change in changes})
        undone[project_id] = (version - 1, old)
    return undone
