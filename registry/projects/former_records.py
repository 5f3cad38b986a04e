"""Former records: withdrawn and ended projects that are registered again, and what the law remembers of them.

Whoever registers one again says why. The link between the two is written once, with the registration, with the edit
that gives the new record the same code, contract or name, or, where the new record was there before, with the
withdrawal or the end of the former one, and is never removed: ``integrity.rewritten`` reads it
(docs/reference/rules.md, "Records that are registered again").
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, ForeignKey, RowMapping, Select, and_, not_, or_, select, union
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.accounts.agency_tree import paths
from registry.accounts.roles import Actor
from registry.core.database import Instant, Model, db, table_of
from registry.core.dialects import insert_rows, is_among, planned_for_values
from registry.core.errors import Problem
from registry.core.search import NAMES
from registry.core.values import comparable
from registry.freeze.edits import serious_findings
from registry.freeze.facts import EarlierRevision
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import FINAL_STAGES, Placement
from registry.projects.fingerprints import CONTRACT, ProjectFingerprint, exact_hashes, exact_value
from registry.projects.models import Project
from registry.projects.revisions import READ_OF_PAST, StoredRevision, past_of, projects_known_at, stored_revisions
from registry.projects.visibility import journal_restricted_reads, visible_projects

REASON: Final = "change_reason"
PROJECT: Final = table_of(Project).c


class FormerRecord(Model):
    """The link of a project to a former record of the same work, registered before it."""

    __tablename__ = "former_records"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True, autoincrement=False)
    former_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True, autoincrement=False, index=True)
    at: Mapped[datetime] = mapped_column(Instant)


FORMER: Final = table_of(FormerRecord).c
# What a record confirmed on QazTech was flagged for has ended otherwise.
IS_FORMER: Final = and_(
    or_(PROJECT.withdrawn_at.is_not(None), PROJECT.stage.in_(sorted(FINAL_STAGES))),
    not_(and_(PROJECT.placement == Placement.ON_PLATFORM.value, PROJECT.placement_verified_on.is_not(None))),
)
READ: Final = (*READ_OF_PAST, "stage", "placement", "placement_verified_on", "is_restricted")
# Built once: each registration reads it.
FORMER_PASTS: Final = (
    select(
        FORMER.project_id,
        *(PROJECT[name] for name in ("id", "version", "withdrawn_at", "is_restricted", *READ_OF_PAST)),
    )
    .join(table_of(Project), PROJECT.id == FORMER.former_id)
    .where(IS_FORMER)
    .order_by(FORMER.project_id, FORMER.former_id)
)
# The fields of which an edit may make a project the same work as a former record.
IDENTIFYING: Final = frozenset({*NAMES, "object_code", *CONTRACT})
COMPARED: Final = ("id", "number", "agency_id", "is_restricted", "version", "withdrawn_at", *NAMES, "object_code")
# The links of one registration, beside the newest former record of each set of serious findings: further ones would
# change nothing that is judged, and equal records registered again and again would make links by the square.
MAX_LINKS: Final = 20


class FormerPast(NamedTuple):
    """A former record: its id, and its revisions that are judged, oldest first."""

    id: int
    past: tuple[EarlierRevision, ...]
    is_restricted: bool = False


Pasts = dict[int, list[FormerPast]]


class Match(NamedTuple):
    """A former record of a project that is to be registered, with what is judged of it."""

    record: Mapping[str, Any]
    past: tuple[EarlierRevision, ...]


def former_records_of(items: Sequence[tuple[int, Mapping[str, Any]]]) -> list[list[Match]]:
    """Return the former records of each project that is to be registered, given as agency id and values.

    They are withdrawn, or have ended and once had a serious finding; they have the same object code, or, of the agency
    or one above or below it, the same contract with the same supplier, or, of the agency, the same name. Of many, the
    newest (``MAX_LINKS``).
    """
    if not items:
        return []
    hashes = [exact_hashes(values) for _, values in items]
    compared = table_of(ProjectFingerprint).c
    same: list[ColumnElement[bool]] = []
    for name in ("object_code", "contract_number"):
        values = {each[name] for each in hashes if each[name] is not None}
        if values:
            same.append(is_among(compared[name], sorted(values)))
    alike = _alike(and_(is_among(PROJECT.agency_id, sorted({agency_id for agency_id, _ in items})), IS_FORMER), same)
    names = (*COMPARED, *CONTRACT, *READ_OF_PAST)
    statement = select(*(PROJECT[name] for name in names)).where(IS_FORMER, alike).order_by(PROJECT.id)
    with planned_for_values(db.session()) if len(items) > 1 else nullcontext():
        records = [dict(zip(names, row, strict=True)) for row in db.session.execute(statement)]
    if not records:
        return [[] for _ in items]
    matched = _Keys(records).of(items)
    by_id = {record["id"]: record for each in matched for record in each}
    judged = _judged_of(by_id)
    policy = policy_in_force()
    serious = {key: serious_findings(past, policy) for key, past in judged.items()}
    return [[Match(record, judged[record["id"]]) for record in _linked_of(each, serious)] for each in matched]


def _alike(of_agency: ColumnElement[bool], same: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Condition: a project is of the agencies, or its fingerprint is the same. Ids of both, each found by an index: of
    an OR of the two PostgreSQL reads every project that has ended, 28 ms in place of 0.2 among 15,000.
    """
    if not same:
        return of_agency
    compared = select(table_of(ProjectFingerprint).c.project_id).where(or_(*same))
    return PROJECT.id.in_(union(select(PROJECT.id).where(of_agency), compared))


def _linked_of(
    records: Sequence[Mapping[str, Any]], serious: Mapping[int, frozenset[tuple[str, str]]]
) -> Sequence[Mapping[str, Any]]:
    """Return those that are linked of the matching records, which are in the order of their registration."""
    counting = [each for each in records if each["withdrawn_at"] is not None or serious[each["id"]]]
    newest_of_each = {serious[each["id"]]: each["id"] for each in counting}
    kept = {*newest_of_each.values(), *(each["id"] for each in counting[-MAX_LINKS:])}
    return [each for each in counting if each["id"] in kept]


def without_hidden(actor: Actor, matches: Sequence[Match]) -> list[Match]:
    """Return the former records without restricted ones that the actor may not see."""
    shown = set(numbers_shown(actor, matches))
    return [each for each in matches if each.record["number"] in shown or not each.record["is_restricted"]]


def numbers_shown(actor: Actor, matches: Sequence[Match]) -> list[str]:
    """Return the numbers of the former records that the actor may see."""
    ids = [each.record["id"] for each in matches]
    if not ids:
        return []
    seen = select(PROJECT.number).where(PROJECT.id.in_(ids), *visible_projects(actor)).order_by(PROJECT.id)
    return list(db.session.scalars(seen))


class Shown(NamedTuple):
    """What a registration shows of its former records, without restricted ones that the actor may not see."""

    numbers: list[str]
    pasts: tuple[tuple[EarlierRevision, ...], ...]
    is_reason_required: bool


def former_records_shown(actor: Actor, agency_id: int, values: Mapping[str, Any]) -> Shown:
    """Return what the actor is shown of the former records of a project with these values before it is registered."""
    (matches,) = former_records_of([(agency_id, values)])
    asked = without_hidden(actor, matches)
    return Shown(numbers_shown(actor, matches), tuple(each.past for each in asked), bool(asked))


def reason_problem(actor: Actor, matches: Sequence[Match]) -> Problem | None:
    """Return the problem of a registration without a reason; None where nothing asks for one.

    A restricted record that the actor may not see asks for nothing: that would tell that it exists.
    """
    if not without_hidden(actor, matches):
        return None
    numbers = numbers_shown(actor, matches)
    if not numbers:
        return Problem(f"/{REASON}", "former-record-elsewhere")
    return Problem(f"/{REASON}", "former-record", {"numbers": ", ".join(numbers)})


def save_former_records(session: Session, matches: Mapping[int, Iterable[Match]], at: datetime) -> None:
    """Link newly registered projects, by id, to their former records, in the open transaction."""
    rows = [
        {"project_id": project_id, "former_id": match.record["id"], "at": at}
        for project_id, each in matches.items()
        for match in each
    ]
    insert_rows(session, FormerRecord, rows)


def link_edited_records(
    session: Session, edited: Sequence[tuple[Mapping[str, Any], Collection[str]]], at: datetime
) -> None:
    """Link projects, given as values and names of the fields that an edit has changed, in the open transaction.

    With the edit that makes it the same work a project is linked to its former records, and with the one that ends it
    the records that were registered after it to the project. Their revisions must have been saved.
    """
    same = [values for values, fields in edited if not IDENTIFYING.isdisjoint(fields)]
    if same:
        linked = {tuple(row) for row in session.execute(_links_of([values["id"] for values in same]))}
        matched = former_records_of([(values["agency_id"], values) for values in same])
        new = {
            values["id"]: [
                match
                for match in matches
                if match.record["id"] < values["id"] and (values["id"], match.record["id"]) not in linked
            ]
            for values, matches in zip(same, matched, strict=True)
        }
        save_former_records(session, new, at)
    ended = [
        values["id"]
        for values, fields in edited
        if values["stage"] in FINAL_STAGES and ("stage" in fields or not IDENTIFYING.isdisjoint(fields))
    ]
    if ended:
        columns = [PROJECT[name] for name in dict.fromkeys((*COMPARED, *CONTRACT, *READ_OF_PAST))]
        former = select(*columns).where(IS_FORMER, is_among(PROJECT.id, ended)).order_by(PROJECT.id)
        records = {row["id"]: dict(row) for row in session.execute(former).mappings()}
        policy = policy_in_force()
        for key, past in _judged_of(records).items():
            if serious_findings(past, policy):
                _link_later_records(session, records[key], at)


def _links_of(ids: Collection[int]) -> Select[int, int]:
    return select(FORMER.project_id, FORMER.former_id).where(is_among(FORMER.project_id, sorted(ids)))


def link_later_records(session: Session, withdrawn: Project, at: datetime) -> None:
    """Link the records of the same work that were registered after a project to it, as it is withdrawn."""
    _link_later_records(session, {name: getattr(withdrawn, name) for name in (*COMPARED, *CONTRACT)}, at)


def _link_later_records(session: Session, values: Mapping[str, Any], at: datetime) -> None:
    hashes = exact_hashes(values)
    compared = table_of(ProjectFingerprint).c
    same = [compared[name] == hashes[name] for name in ("object_code", "contract_number") if hashes[name] is not None]
    of_agency: ColumnElement[bool] = PROJECT.agency_id == values["agency_id"]
    alike = _alike(of_agency, same)
    columns = [PROJECT[name] for name in dict.fromkeys(("agency_id", "id", *NAMES, "object_code", *CONTRACT))]
    linked = select(FORMER.project_id).where(FORMER.former_id == values["id"])
    statement = select(*columns).where(alike, PROJECT.id > values["id"], PROJECT.id.not_in(linked))
    later = [dict(row) for row in session.execute(statement.order_by(PROJECT.id)).mappings()]
    matched = _Keys([values]).of([(row["agency_id"], row) for row in later]) if later else []
    rows = [
        {"project_id": row["id"], "former_id": values["id"], "at": at}
        for row, each in zip(later, matched, strict=True)
        if each
    ]
    insert_rows(session, FormerRecord, rows)


def linked_records(actor: Actor, project_id: int) -> tuple[list[RowMapping], list[RowMapping]]:
    """Return the former records of a project, and the later ones of which it is one, that the actor may see: their
    numbers.

    Restricted ones are journalled as read.
    """
    ends = ((FORMER.former_id, FORMER.project_id), (FORMER.project_id, FORMER.former_id))
    linked = []
    for shown, own in ends:
        statement = select(*(PROJECT[name] for name in ("number", "is_restricted", "withdrawn_at", *NAMES)))
        statement = statement.join(table_of(FormerRecord), PROJECT.id == shown).where(own == project_id)
        statement = statement.where(*visible_projects(actor)).order_by(PROJECT.id)
        linked.append(list(db.session.execute(statement).mappings()))
    restricted = (row["number"] for each in linked for row in each if row["is_restricted"])
    journal_restricted_reads(actor, restricted, "former")
    return linked[0], linked[1]


def later_records_of(ids: Collection[int]) -> frozenset[int]:
    """Return the projects of which one of these is a former record."""
    return frozenset(db.session.scalars(select(FORMER.project_id).where(is_among(FORMER.former_id, ids))))


def former_pasts(condition: ColumnElement[bool], parameters: Mapping[str, Any] | None = None) -> Pasts:
    """Return what is judged of the former records, by project. ``condition``: on the table of links."""
    rows = db.session.execute(FORMER_PASTS.where(condition), parameters or {}).mappings().all()
    judged = _judged_of({row["id"]: row for row in rows})
    pasts: Pasts = {}
    for row in rows:
        if judged[row["id"]]:
            former = FormerPast(row["id"], judged[row["id"]], row["is_restricted"])
            pasts.setdefault(row["project_id"], []).append(former)
    return pasts


def former_pasts_known_at(at: datetime, after: int, to: int) -> Pasts:
    """Return what ``former_pasts`` of the projects with ids above ``after`` and up to ``to`` was at a moment."""
    in_range = (FORMER.project_id > after, FORMER.project_id <= to, FORMER.at <= at)
    links = select(FORMER.project_id, FORMER.former_id).where(*in_range)
    rows = db.session.execute(links.order_by(FORMER.project_id, FORMER.former_id)).all()
    known: dict[int, FormerPast] = {}
    revisions = stored_revisions(sorted({row.former_id for row in rows}))
    for former_id, stored in revisions.items():
        (record,) = projects_known_at(at, READ, former_id - 1, former_id)
        values = record.values
        is_confirmed = values["placement"] == Placement.ON_PLATFORM and values["placement_verified_on"] is not None
        if (record.is_withdrawn or values["stage"] in FINAL_STAGES) and not is_confirmed:
            past = _judged(values, record.version, stored, is_withdrawn=record.is_withdrawn)
            known[former_id] = FormerPast(former_id, past, values["is_restricted"])
    pasts: Pasts = {}
    for project_id, former_id in rows:
        if former_id in known and known[former_id].past:
            pasts.setdefault(project_id, []).append(known[former_id])
    return pasts


def _judged_of(records: Mapping[int, Mapping[Any, Any]]) -> dict[int, tuple[EarlierRevision, ...]]:
    revisions = stored_revisions(sorted(records))
    return {
        key: _judged(row, row["version"], revisions.get(key, ()), is_withdrawn=row["withdrawn_at"] is not None)
        for key, row in records.items()
    }


def _judged(
    present: Mapping[Any, Any], version: int, revisions: Sequence[StoredRevision], *, is_withdrawn: bool
) -> tuple[EarlierRevision, ...]:
    """Return the revisions of a former record before it was withdrawn or ended: its last one is what made it a former
    one.
    """
    past = past_of(
        {name: present[name] for name in READ_OF_PAST}, [each for each in revisions if each.version <= version]
    )
    return past if is_withdrawn else tuple(each for each in past if each.stage not in FINAL_STAGES)


class _Keys:
    """Former records by what the same work has in common with them."""

    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        self.by_key: dict[Any, list[Mapping[str, Any]]] = {}
        for record in records:
            for key in _keys(record["agency_id"], record):
                self.by_key.setdefault(key, []).append(record)

    def of(self, items: Sequence[tuple[int, Mapping[str, Any]]]) -> list[list[Mapping[str, Any]]]:
        """Return the records of each item, given as agency id and values."""
        matched = []
        for agency_id, values in items:
            same = {}
            for key in _keys(agency_id, values):
                for record in self.by_key.get(key, ()):
                    if key[0] != "contract_number" or _related(agency_id, record["agency_id"]):
                        same[record["id"]] = record
            matched.append([same[key] for key in sorted(same)])
        return matched


def _keys(agency_id: int, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    keys: list[tuple[Any, ...]] = [("name", agency_id, comparable(values[name])) for name in NAMES if values.get(name)]
    code = exact_value("object_code", values.get("object_code"))
    contract = [exact_value(name, values.get(name)) for name in CONTRACT]
    if code is not None:
        keys.append(("object_code", code))
    if None not in contract:
        keys.append(("contract_number", *contract))
    return keys


def _related(one: int, other: int) -> bool:
    """Return whether one of two agencies is the other or above it."""
    if one == other:
        return True
    above = paths({one, other})
    return above[one].endswith(above[other]) or above[other].endswith(above[one])
