"""Agencies: the hierarchy of organisations that must register projects, identified by BIN."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.exc import IntegrityError

from registry.accounts.agency_tree import is_in_subtree, subtree
from registry.accounts.roles import Actor, Permission
from registry.agencies.fields import APPROVED_FIELDS, CHANGEABLE
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import Event, db, require_transaction, table_of, transaction, violates
from registry.core.dialects import advisory_row_locks, has_row_locks
from registry.core.errors import Conflict, Invalid, NotFound, Problem
from registry.core.fields import is_bin
from registry.journal import service as journal

# Events of agencies, published inside the transaction of the change.

# The agency's id, the names of the fields that changed, and when.
agency_changed: Final[Event[[int, frozenset[str], datetime]]] = Event("agency_changed")


# Locks of agencies: who registers something of an agency shares its lock, who changes or closes it has it alone.
#
# Row locks do not queue: of registrations that overlap without a gap, each shares the row with the one before, and a
# merger would wait for ever. Advisory locks of PostgreSQL queue, so that whoever comes after the merger waits for
# it. They are taken before the row locks, by rising ids. SQLite has one writer at a time.

# In the upper half of the number, above the ids: no other lock has it.
AGENCY_LOCKS: Final = 742_004 << 32
IMPORT_LOCKS: Final = 742_005 << 32
AGENCY: Final = table_of(Agency).c


def share_agencies(*which: ColumnElement[bool]) -> None:
    """Keep the agencies that fit from being changed or closed until the open transaction ends."""
    _lock(*which, shared=True)


def hold_agencies(*which: ColumnElement[bool]) -> None:
    """Wait for whoever registers something of the agencies that fit, and keep others from it."""
    _lock(*which, shared=False)


def lock_agencies_for_import(*which: ColumnElement[bool]) -> None:
    """Wait for other imports of projects of the agencies that fit, before ``share_agencies``."""
    _lock(*which, shared=False, base=IMPORT_LOCKS)


def _lock(*which: Any, shared: bool, base: int = AGENCY_LOCKS) -> None:
    session = require_transaction()
    if has_row_locks():
        ids = select(AGENCY.id).where(*which).order_by(AGENCY.id)
        session.execute(advisory_row_locks(base, ids, shared=shared))


class AgencyNotFound(NotFound):
    """No agency has that BIN."""


class BinTaken(Conflict):
    """An agency with that BIN already exists."""


class AgencyClosed(Conflict):
    """The agency no longer exists; its successor has what it had."""


def agency_by_bin(number: str) -> Agency:
    """Return the agency with that BIN. Raises AgencyNotFound."""
    return _find(number, lock=False)


def agency_to_change(number: str) -> Agency:
    """Return the agency with that BIN, locked until the open transaction ends. Raises AgencyNotFound."""
    require_transaction()
    return _find(number, lock=True)


def agencies_by_id() -> dict[int, Agency]:
    """Return all agencies by id."""
    return {agency.id: agency for agency in db.session.scalars(select(Agency))}


def register_agency(actor: Actor, values: Mapping[str, Any]) -> Agency:
    """Register an agency from validated values including ``bin``. Raises Invalid, BinTaken, RoleNotAllowed."""
    actor.require(Permission.AGENCIES_WRITE)
    with transaction() as session:
        problems = [] if values.get("bin") else [Problem("/bin", "required")]
        problems += _problems(values)
        if problems:
            raise Invalid(problems)
        if session.scalar(select(Agency.id).where(Agency.bin == values["bin"])) is not None:
            raise BinTaken(bin=values["bin"])
        at = now()
        agency = Agency(bin=values["bin"], version=1, created_at=at, updated_at=at)
        _apply(agency, values)
        session.add(agency)
        try:
            session.flush()
        except IntegrityError as error:
            if not violates(error, "uq_agencies_bin"):
                raise
            raise BinTaken(bin=values["bin"]) from error
        details = {name: value for name, value in values.items() if value is not None}
        journal.record(actor, "agency.registered", f"agency:{agency.bin}", details)
    return agency


def change_agency(
    actor: Actor,
    agency: Agency,
    changes: Mapping[str, Any],
    *,
    approved: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Apply validated changes in the open transaction; returns the changes, empty when nothing differs.

    ``approved``: what the journal gets of the approval by which kind and parent change; ``details``: what else it gets.
    Raises RoleNotAllowed unless there is an approval, AgencyClosed, and Invalid for a missing required value, an
    unusable parent, or a change of kind or parent without an approval.
    """
    if approved is None:
        actor.require(Permission.AGENCIES_WRITE)
    before = {name: getattr(agency, name) for name in CHANGEABLE}
    after = check_agency_change(agency, changes)
    applied = [
        {"field": name, "old": before[name], "new": after[name]} for name in CHANGEABLE if before[name] != after[name]
    ]
    if approved is None:
        problems = approval_problems(change["field"] for change in applied)
        if problems:
            raise Invalid(problems)
    if applied:
        with transaction() as session:
            _apply(agency, after)
            agency.version += 1
            agency.updated_at = now()
            session.flush()
            agency_changed.publish(agency.id, frozenset(change["field"] for change in applied), agency.updated_at)
            entry = {"changes": applied, **(approved or {}), **(details or {})}
            journal.record(actor, "agency.changed", f"agency:{agency.bin}", entry)
    return applied


def check_agency_change(agency: Agency, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return every value of the agency with the changes. Raises AgencyClosed, and Invalid as ``change_agency``."""
    require_open(agency)
    after = {name: getattr(agency, name) for name in CHANGEABLE} | dict(changes)
    problems = _problems(after, agency)
    if problems:
        raise Invalid(problems)
    return after


def approval_problems(fields: Iterable[str]) -> list[Problem]:
    """Return the problem of each of these fields that only an approval changes."""
    return [Problem(f"/{name}", "agency-change-needs-approval") for name in fields if name in APPROVED_FIELDS]


def own_agencies(actor: Actor) -> Select[tuple[int]] | None:
    """Return a query of the ids of the agencies that the actor is bound to; None for oversight roles."""
    return None if actor.agency_id is None else select(subtree(actor.agency_id).c.id)


def may_act_for(actor: Actor, agency_id: int) -> bool:
    """Return True when the agency is the actor's own or subordinate to it, or the actor has an oversight role."""
    own = own_agencies(actor)
    return (
        own is None
        or db.session.scalar(select(Agency.id).where(Agency.id == agency_id, Agency.id.in_(own))) is not None
    )


def require_open(agency: Agency) -> None:
    """Raise AgencyClosed for an agency that no longer exists."""
    if agency.closed_on is not None:
        raise AgencyClosed(bin=agency.bin, successor=agency.successor_bin)


def closed_problem(agency: Agency, pointer: str) -> Problem | None:
    """Return the problem of naming an agency that no longer exists, which says who succeeded it; None for another
    one.
    """
    if agency.closed_on is None:
        return None
    return Problem(pointer, "agency-closed", {"bin": agency.bin, "successor": agency.successor_bin})


def missing_field_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of required fields; the parent is validated separately."""
    problems = [] if values.get("kind") else [Problem("/kind", "required")]
    if not values.get("name_kk") and not values.get("name_ru"):
        problems += [Problem("/name_kk", "name-required"), Problem("/name_ru", "name-required")]
    return problems


def _find(number: str, *, lock: bool) -> Agency:
    statement = select(Agency).where(Agency.bin == number).execution_options(populate_existing=True)
    # PostgreSQL rejects NUL in a parameter.
    valid = is_bin(number)
    if lock and valid:
        hold_agencies(Agency.bin.expression == number)
    agency = db.session.scalar(statement.with_for_update(of=Agency) if lock else statement) if valid else None
    if agency is None:
        raise AgencyNotFound(bin=number)
    return agency


def _problems(values: Mapping[str, Any], agency: Agency | None = None) -> list[Problem]:
    problems = missing_field_problems(values)
    number = values.get("parent_bin")
    if number is not None:
        # Whoever closes the parent moves what is below it: what is added meanwhile would stay behind.
        share_agencies(Agency.bin.expression == number)
        above = select(Agency).where(Agency.bin == number)
        parent = db.session.scalar(above.execution_options(populate_existing=True))
        if parent is None:
            problems.append(Problem("/parent_bin", "agency-unknown", {"bin": number}))
        elif agency is not None and is_in_subtree(parent.id, agency.id):
            problems.append(Problem("/parent_bin", "parent-below-itself"))
        elif (closed := closed_problem(parent, "/parent_bin")) is not None:
            problems.append(closed)
    return problems


def _apply(agency: Agency, values: Mapping[str, Any]) -> None:
    for name in CHANGEABLE:
        if name != "parent_bin":
            setattr(agency, name, values.get(name))
    parent = values.get("parent_bin")
    agency.parent = None if parent is None else agency_by_bin(parent)
    agency.parent_id = agency.parent.id if agency.parent else None


# Agencies that close: what is below them passes to the successor, and nobody changes them any more.


def close_agency(actor: Actor, former: Agency, successor: Agency, on: date, details: Mapping[str, Any]) -> int:
    """Close an agency, locked like its successor by the open transaction; returns how many agencies were below it.

    The agencies below it pass to the successor, which itself moves up when it is one of them.
    """
    session = require_transaction()
    if is_in_subtree(successor.id, former.id):
        _move(actor, successor, former.parent, details)
    below = select(Agency).where(Agency.parent_id == former.id).order_by(Agency.id).with_for_update(of=Agency)
    children = list(session.scalars(below.execution_options(populate_existing=True)))
    for child in children:
        _move(actor, child, successor, details)
    former.closed_on, former.successor_id, former.successor = on, successor.id, successor
    former.version += 1
    former.updated_at = now()
    session.flush()
    entry = {**details, "on": on.isoformat(), "successor": successor.bin}
    journal.record(actor, "agency.closed", f"agency:{former.bin}", entry)
    journal.record(actor, "agency.succeeded", f"agency:{successor.bin}", {**details, "former_agency": former.bin})
    return len(children)


def _move(actor: Actor, agency: Agency, parent: Agency | None, details: Mapping[str, Any]) -> None:
    change = {"field": "parent_bin", "old": agency.parent_bin, "new": None if parent is None else parent.bin}
    agency.parent, agency.parent_id = parent, None if parent is None else parent.id
    agency.version += 1
    agency.updated_at = now()
    require_transaction().flush()
    agency_changed.publish(agency.id, frozenset({"parent_bin"}), agency.updated_at)
    journal.record(actor, "agency.changed", f"agency:{agency.bin}", {**details, "changes": [change]})
