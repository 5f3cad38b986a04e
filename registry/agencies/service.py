"""Agencies: the hierarchy of organisations that must register projects, identified by BIN."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CTE, BindParameter, ForeignKey, Integer, Select, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.events import agency_changed
from registry.agencies.vocabulary import Region
from registry.core.bin_numbers import is_bin
from registry.core.bulk import table_of
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.errors import Conflict, Invalid, NotFound, Problem
from registry.core.field_types import Bin, Choice, Email, InvalidValue, Kind, Text
from registry.core.transactions import require_transaction, transaction
from registry.freeze.vocabulary import AgencyKind
from registry.journal import service as journal

AGENCY_FIELDS: Final[Mapping[str, Kind]] = {
    "name_kk": Text(500),
    "name_ru": Text(500),
    "name_en": Text(500),
    "kind": Choice(AgencyKind.codes()),
    "region": Choice(Region.codes()),
    "parent_bin": Bin(),
    "email": Email(),
}


class AgencyNotFound(NotFound):
    """No agency has that BIN."""


class BinTaken(Conflict):
    """An agency with that BIN already exists."""


class Agency(Model):
    """An organisation. ``parent_id`` forms a tree: an editor of an agency also acts for its subordinate agencies."""

    __tablename__ = "agencies"

    id: Mapped[int] = mapped_column(primary_key=True)
    bin: Mapped[str] = mapped_column(String(12), unique=True)
    name_kk: Mapped[str | None] = mapped_column(String(500))
    name_ru: Mapped[str | None] = mapped_column(String(500))
    name_en: Mapped[str | None] = mapped_column(String(500))
    kind: Mapped[str] = mapped_column(String(20))
    region: Mapped[str | None] = mapped_column(String(2))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"), index=True)
    email: Mapped[str | None] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    parent: Mapped[Agency | None] = relationship(remote_side="Agency.id", lazy="joined", join_depth=1)

    @property
    def parent_bin(self) -> str | None:
        """The BIN of the parent agency."""
        return self.parent.bin if self.parent else None


def agency_by_bin(number: str) -> Agency:
    """The agency with that BIN. Raises AgencyNotFound."""
    return _find(number, lock=False)


def agency_to_change(number: str) -> Agency:
    """The agency with that BIN, locked until the open transaction ends. Raises AgencyNotFound."""
    require_transaction()
    return _find(number, lock=True)


def agencies_by_id() -> dict[int, Agency]:
    """All agencies by id."""
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
            raise BinTaken(bin=values["bin"]) from error
        details = {name: value for name, value in values.items() if value is not None}
        journal.record(actor, "agency.registered", f"agency:{agency.bin}", details)
    return agency


def change_agency(actor: Actor, agency: Agency, changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Apply validated changes in the open transaction; returns the changes, empty when nothing differs.

    Raises RoleNotAllowed, and Invalid for a missing required value or an unknown or subordinate parent.
    """
    actor.require(Permission.AGENCIES_WRITE)
    before = {name: getattr(agency, name) for name in AGENCY_FIELDS}
    after = before | dict(changes)
    problems = _problems(after, agency)
    if problems:
        raise Invalid(problems)
    applied = [
        {"field": name, "old": before[name], "new": after[name]}
        for name in AGENCY_FIELDS
        if before[name] != after[name]
    ]
    if applied:
        with transaction() as session:
            _apply(agency, after)
            agency.version += 1
            agency.updated_at = now()
            session.flush()
            agency_changed.publish(agency.id, frozenset(change["field"] for change in applied), agency.updated_at)
            journal.record(actor, "agency.changed", f"agency:{agency.bin}", {"changes": applied})
    return applied


def accept_agency_fields(raw: Mapping[str, object]) -> tuple[dict[str, Any], list[Problem]]:
    """Validate raw values of known fields (including ``bin``); returns the accepted values and the problems."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in raw.items():
        field_type = Bin() if name == "bin" else AGENCY_FIELDS[name]
        try:
            values[name] = field_type.accept(value)
        except InvalidValue as error:
            problems.append(Problem(f"/{name}", error.code, error.params))
    return values, problems


def subtree(agency_id: int | BindParameter[int]) -> CTE:
    """A recursive CTE of the ids of an agency and all its subordinate agencies.

    The CTE is anonymous, because a statement may contain two: one for visibility and one for a filter.
    """
    agency = table_of(Agency).c
    below = select(agency.id).where(agency.id == agency_id).cte(recursive=True)
    return below.union(select(agency.id).join(below, agency.parent_id == below.c.id))


def own_agencies(actor: Actor) -> Select[tuple[int]] | None:
    """A query of the ids of the agencies that the actor is bound to; None for oversight roles."""
    return None if actor.agency_id is None else select(subtree(actor.agency_id).c.id)


def may_act_for(actor: Actor, agency_id: int) -> bool:
    """True when the agency is the actor's own or subordinate to it, or the actor has an oversight role."""
    own = own_agencies(actor)
    return (
        own is None
        or db.session.scalar(select(Agency.id).where(Agency.id == agency_id, Agency.id.in_(own))) is not None
    )


def missing_field_problems(values: Mapping[str, Any]) -> list[Problem]:
    """The problems of required fields; the parent is validated separately."""
    problems = [] if values.get("kind") else [Problem("/kind", "required")]
    if not values.get("name_kk") and not values.get("name_ru"):
        problems += [Problem("/name_kk", "name-required"), Problem("/name_ru", "name-required")]
    return problems


def _find(number: str, *, lock: bool) -> Agency:
    statement = select(Agency).where(Agency.bin == number).execution_options(populate_existing=True)
    # PostgreSQL rejects NUL in a parameter.
    valid = is_bin(number)
    agency = db.session.scalar(statement.with_for_update(of=Agency) if lock else statement) if valid else None
    if agency is None:
        raise AgencyNotFound(bin=number)
    return agency


def _problems(values: Mapping[str, Any], agency: Agency | None = None) -> list[Problem]:
    problems = missing_field_problems(values)
    parent = values.get("parent_bin")
    if parent is not None:
        parent_id = db.session.scalar(select(Agency.id).where(Agency.bin == parent))
        if parent_id is None:
            problems.append(Problem("/parent_bin", "agency-unknown", {"bin": parent}))
        elif agency is not None and db.session.scalar(
            select(Agency.id).where(Agency.id == parent_id, Agency.id.in_(select(subtree(agency.id).c.id)))
        ):
            problems.append(Problem("/parent_bin", "parent-below-itself"))
    return problems


def _apply(agency: Agency, values: Mapping[str, Any]) -> None:
    for name in AGENCY_FIELDS:
        if name != "parent_bin":
            setattr(agency, name, values.get(name))
    parent = values.get("parent_bin")
    agency.parent = None if parent is None else agency_by_bin(parent)
    agency.parent_id = agency.parent.id if agency.parent else None
