"""Earlier states of flags, kept before each change, and the flags as they were at an earlier moment."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Subquery, and_, case, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.roles import Actor
from registry.core.clock import now, rfc3339, today
from registry.core.database import Instant, Model, db, require_transaction, table_of
from registry.core.errors import Conflict
from registry.core.lists import Listing, Page, after, build_page, chosen_sort, order_by
from registry.core.translations import Language
from registry.exemptions.models import Exemption
from registry.exemptions.service import in_force_on
from registry.flags.models import FLAGS, IS_ACTIVE, AuditRun, Flag, FlagStatus, last_good_date, rank
from registry.flags.queries import FLAG_LIST, flag_representation, flag_rows
from registry.freeze.policy import Policy
from registry.freeze.vocabulary import Severity
from registry.projects.visibility import journal_restricted_reads, visible_projects


class FormerFlag(Model):
    """What a flag was until an audit (``ended_by_audit``), a decision or a withdrawal changed it.

    A trigger writes it (``registry/core/change_triggers.py``). Ids follow the order of changes: whoever changes flags
    holds the flag lock (``lock_flags_for_audit``).
    """

    __tablename__ = "former_flags"

    id: Mapped[int] = mapped_column(primary_key=True)
    flag_id: Mapped[int] = mapped_column(ForeignKey("flags.id"))
    until: Mapped[datetime] = mapped_column(Instant)
    ended_by_audit: Mapped[int | None] = mapped_column(ForeignKey("audits.id"))
    status: Mapped[str] = mapped_column(String(10))
    severity: Mapped[str] = mapped_column(String(10))
    observed: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[str] = mapped_column(String(64))
    accepted_fingerprint: Mapped[str | None] = mapped_column(String(64))
    opened_on: Mapped[date]
    last_seen_on: Mapped[date | None]
    cleared_on: Mapped[date | None]
    exemption_id: Mapped[int | None] = mapped_column(ForeignKey("exemptions.id"))

    __table_args__ = (Index("ix_former_flags_flag_id", "flag_id", "id"),)


FORMER: Final = table_of(FormerFlag)
STATE: Final = (
    "status",
    "severity",
    "observed",
    "fingerprint",
    "accepted_fingerprint",
    "opened_on",
    "last_seen_on",
    "cleared_on",
    "exemption_id",
)


class FlagWriter(Model):
    """The audit that changes flags now, in the only row: None for everybody but its transaction."""

    __tablename__ = "flag_writer"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    audit_id: Mapped[int | None]


@contextmanager
def flags_written_by(audit_id: int) -> Iterator[None]:
    """Let former states that end in this block be ended by the audit, in the open transaction."""
    session, writer = require_transaction(), update(table_of(FlagWriter))
    session.execute(writer.values(audit_id=audit_id))
    yield
    session.execute(writer.values(audit_id=None))


def highest_ids() -> tuple[int, int]:
    """Return the highest id of a flag, and of a former state, which only grow: what came later has a higher one."""
    highest = [select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery() for table in (FLAGS, FORMER)]
    flags, former = require_transaction().execute(select(*highest)).one()
    return flags, former


def flags_then(which: ColumnElement[bool], ended_later: ColumnElement[bool]) -> Iterator[Mapping[str, Any]]:
    """The flags that fit, each with the earliest of its former states that ended later, or as it is without one.

    Yields mappings of ``id``, ``project_id``, ``rule``, ``opened_by_audit`` and the columns of STATE, by id.
    """
    former = [FORMER.c.flag_id, *(FORMER.c[name] for name in STATE)]
    later = select(*former).join(FLAGS, FLAGS.c.id == FORMER.c.flag_id).where(which, ended_later)
    states: dict[int, dict[str, Any]] = {}
    for row in db.session.execute(later.order_by(FORMER.c.id)).mappings():
        states.setdefault(row["flag_id"], {name: row[name] for name in STATE})
    columns = [FLAGS.c[name] for name in ("id", "project_id", "rule", "opened_by_audit", *STATE)]
    for row in db.session.execute(select(*columns).where(which).order_by(FLAGS.c.id)).mappings():
        yield {**row, **states.get(row["id"], {})}


def ended_after(former_flags_up_to: int, but_by: int | None = None) -> ColumnElement[bool]:
    """Condition on FORMER: the state ended after that many former states; not by the audit ``but_by``."""
    later = FORMER.c.id > former_flags_up_to
    if but_by is None:
        return later
    return later & or_(FORMER.c.ended_by_audit.is_(None), FORMER.c.ended_by_audit != but_by)


# Flags as they were at an earlier moment, as a subquery with the columns of the table that lists show.

RUN: Final = table_of(AuditRun).c


class FlagsNotKnown(Conflict):
    """The moment is before former states of flags were kept."""


def flags_known_at(at: datetime) -> Subquery:
    """Query the flags that existed at the moment, each in its state of then; ``changed_at`` is when that state began.

    Raises FlagsNotKnown.
    """
    _require_known(at)
    ended_later = and_(FORMER.c.flag_id == FLAGS.c.id, FORMER.c.until > at)
    state_id = select(func.min(FORMER.c.id)).where(ended_later).correlate(FLAGS).scalar_subquery()
    state = FORMER.alias("state")
    last_end = and_(FORMER.c.flag_id == FLAGS.c.id, FORMER.c.until <= at)
    began = select(func.max(FORMER.c.until)).where(last_end).correlate(FLAGS).scalar_subquery()

    def then(name: str) -> ColumnElement[object]:
        return case((state.c.id.is_(None), FLAGS.c[name]), else_=state.c[name]).label(name)

    return (
        select(
            *(FLAGS.c[name] for name in ("id", "project_id", "rule")),
            *(then(name) for name in STATE),
            func.coalesce(began, RUN.finished_at).label("changed_at"),
        )
        .select_from(FLAGS)
        .join(table_of(AuditRun), RUN.id == FLAGS.c.opened_by_audit)
        .outerjoin(state, state.c.id == state_id)
        .where(RUN.finished_at <= at)
        .subquery("flags_then")
    )


def _require_known(at: datetime) -> None:
    """Audits of versions that kept no former states have no ``known_at``."""
    good = (RUN.status.in_(("succeeded", "voided")), RUN.dry_run.is_(False))
    since = db.session.scalar(select(func.min(RUN.known_at)).where(*good))
    earlier = select(RUN.id).where(*good, RUN.known_at.is_(None)).limit(1)
    if (since is None or at < since) and db.session.scalar(earlier) is not None:
        raise FlagsNotKnown(since=rfc3339(since or now()))


# The list of a project's flags as they were at an earlier moment.


def flags_of_then(
    actor: Actor, project_id: int, at: datetime, page: Page, language: Language, policy: Policy, last_on: date | None
) -> Listing:
    """Return a page of one project's flags as they were ``at`` a moment, with the texts of the policy of then.

    ``last_on``: the date of the last good audit at the moment. The case is the one of today. Raises Malformed for a bad
    sort or cursor, and FlagsNotKnown.
    """
    key, descending = chosen_sort(FLAG_LIST.sorts, page.sort or FLAG_LIST.default_sort)
    then = flags_known_at(at)
    key = replace(key, column=rank(then.c.severity) if key.name == "severity" else then.c[key.name])
    statement = flag_rows(key.column, visible_projects(actor), then).where(then.c.project_id == project_id)
    if page.cursor is not None:
        statement = statement.where(after(key, then.c.id, descending, page.cursor))
    ordered = statement.order_by(*order_by(key, then.c.id, descending)).limit(page.limit + 1)
    listing = build_page(db.session.execute(ordered).mappings().all(), page, key, descending)
    shown = [flag_representation(actor, row, policy, last_on, language) for row in listing.items]
    journal_restricted_reads(actor, (row["project"] for row in listing.items if row["_restricted"]), "flags")
    return Listing(shown, listing.next)


# Flags of a withdrawn project: cleared with the withdrawal, by no audit, and active again when it is restored.

# A flag of these takes two people to withdraw the project.
SERIOUS = Severity.MEDIUM.and_above()
ACCEPTED = Flag.accepted_fingerprint == Flag.fingerprint


def ever_had_serious_flag(project_id: int) -> bool:
    """Return True when the project has, or ever had, a flag of medium or high severity, be it cleared, exempt or
    accepted.
    """
    of_project = select(FLAGS.c.id).where(FLAGS.c.project_id == project_id)
    now_serious = of_project.where(FLAGS.c.severity.in_(SERIOUS))
    once_serious = select(FORMER.c.id).where(FORMER.c.flag_id.in_(of_project), FORMER.c.severity.in_(SERIOUS))
    return any(db.session.scalar(each.limit(1)) is not None for each in (now_serious, once_serious))


def serious_flags(project_id: int | None = None) -> dict[int, int]:
    """Return how many flags of medium or high severity are active, be they exempt or accepted, by the project's id."""
    active = [IS_ACTIVE, FLAGS.c.severity.in_(SERIOUS)]
    if project_id is not None:
        active.append(FLAGS.c.project_id == project_id)
    counted = select(FLAGS.c.project_id, func.count()).where(*active).group_by(FLAGS.c.project_id)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def clear_flags(project_id: int, at: datetime) -> list[int]:
    """Clear the active flags of a project in the open transaction; returns their ids."""
    session = require_transaction()
    active = select(FLAGS.c.id).where(FLAGS.c.project_id == project_id, IS_ACTIVE).order_by(FLAGS.c.id)
    ids = list(session.scalars(active.with_for_update()))
    values = {"status": "cleared", "cleared_on": today(), "last_seen_on": last_good_date()}
    _update(ids, at, **values)
    return ids


def reopen_flags(ids: Sequence[int], at: datetime) -> None:
    """Give flags that a withdrawal cleared the status that they had, in the open transaction."""
    _update(ids, at, status=status_when_reopened(), cleared_on=None, last_seen_on=None)


def status_when_reopened() -> ColumnElement[str]:
    """Return the status that a cleared flag had, or open or accepted where its exemption has ended since, as SQL on
    flags.
    """
    in_force = select(Exemption.id).where(Exemption.id == Flag.exemption_id, in_force_on(today())).exists()
    return case((in_force, FlagStatus.EXEMPT.value), (ACCEPTED, FlagStatus.ACCEPTED.value), else_=FlagStatus.OPEN.value)


def status_before_withdrawal() -> ColumnElement[str]:
    """Return the status that a flag had which a withdrawal cleared, as SQL on the table of flags."""
    return case((Flag.exemption_id.is_not(None), "exempt"), (ACCEPTED, "accepted"), else_="open")


def _update(ids: Sequence[int], at: datetime, **values: object) -> None:
    statement = update(Flag).where(Flag.id.in_(ids)).values(**values, changed_at=at)
    require_transaction().execute(statement, execution_options={"synchronize_session": False})
