"""Agencies: the tree of organisations that must register, each known by its BIN."""

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
from registry.core.bin_numbers import is_bin
from registry.core.bulk import table_of
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.errors import Conflict, Invalid, NotFound, Problem
from registry.core.field_types import Bin, Choice, Email, InvalidValue, Kind, Text
from registry.core.transactions import require_transaction, transaction
from registry.core.vocabularies import AGENCY_KINDS, REGIONS
from registry.journal import service as journal

AGENCY_FIELDS: Final[Mapping[str, Kind]] = {
    "name_kk": Text(500),
    "name_ru": Text(500),
    "name_en": Text(500),
    "kind": Choice(AGENCY_KINDS),
    "region": Choice(REGIONS),
    "parent_bin": Bin(),
    "email": Email(),
}


class AgencyNotFound(NotFound):
    """There is no agency of that BIN."""


class BinTaken(Conflict):
    """An agency of that BIN is registered already."""


class Agency(Model):
    """One organisation. ``parent_id`` makes the tree: an editor of an agency acts for those below it too."""

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
        """The BIN of the agency above."""
        return self.parent.bin if self.parent else None


def agency_by_bin(number: str) -> Agency:
    """The agency of that BIN. Raises AgencyNotFound."""
    return _find(number, lock=False)


def agency_to_change(number: str) -> Agency:
    """The same, locked until the open transaction ends, so that no two changes overwrite one another."""
    require_transaction()
    return _find(number, lock=True)


def agencies_by_id() -> dict[int, Agency]:
    """Every agency by its row, to name those that other rows point to."""
    return {agency.id: agency for agency in db.session.scalars(select(Agency))}


def register_agency(actor: Actor, values: Mapping[str, Any]) -> Agency:
    """Register an agency from accepted values with ``bin``. Raises Invalid, BinTaken, RoleNotAllowed."""
    actor.require(Permission.AGENCIES_WRITE)
    with transaction() as session:
        problems = [] if values.get("bin") else [Problem("/bin", "required")]
        problems += _problems(values)
        if problems:
            raise Invalid(problems)
        if session.scalar(select(Agency.id).where(Agency.bin == values["bin"])) is not None:
            raise BinTaken(bin=values["bin"])
        moment = now()
        agency = Agency(bin=values["bin"], version=1, created_at=moment, updated_at=moment)
        _apply(agency, values)
        session.add(agency)
        try:
            session.flush()
        except IntegrityError as error:
            raise BinTaken(bin=values["bin"]) from error
        kept = {name: value for name, value in values.items() if value is not None}
        journal.record(actor, "agency.registered", f"agency:{agency.bin}", kept)
    return agency


def change_agency(actor: Actor, agency: Agency, changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Apply accepted changes inside the open transaction; the changes made, none when all was so already.

    Raises Invalid (a required value cleared, a parent that is not there or stands below), RoleNotAllowed.
    """
    actor.require(Permission.AGENCIES_WRITE)
    before = {name: getattr(agency, name) for name in AGENCY_FIELDS}
    wanted = before | dict(changes)
    problems = _problems(wanted, agency)
    if problems:
        raise Invalid(problems)
    made = [
        {"field": name, "old": before[name], "new": wanted[name]}
        for name in AGENCY_FIELDS
        if before[name] != wanted[name]
    ]
    if made:
        with transaction() as session:
            _apply(agency, wanted)
            agency.version += 1
            agency.updated_at = now()
            session.flush()
            agency_changed.publish(agency.id, frozenset(change["field"] for change in made), agency.updated_at)
            journal.record(actor, "agency.changed", f"agency:{agency.bin}", {"changes": made})
    return made


def accept_agency_fields(raw: Mapping[str, object]) -> tuple[dict[str, Any], list[Problem]]:
    """Known fields as they are kept (``bin`` among them), and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, sent in raw.items():
        kind = Bin() if name == "bin" else AGENCY_FIELDS[name]
        try:
            values[name] = kind.accept(sent)
        except InvalidValue as refused:
            problems.append(Problem(f"/{name}", refused.code, refused.params))
    return values, problems


def subtree(agency_id: int | BindParameter[int]) -> CTE:
    """A recursive query of the ids of an agency and all below it.

    It has no name of its own: a statement may hold two of them, one for the reader and one for a filter.
    """
    agency = table_of(Agency).c
    below = select(agency.id).where(agency.id == agency_id).cte(recursive=True)
    return below.union(select(agency.id).join(below, agency.parent_id == below.c.id))


def own_agencies(actor: Actor) -> Select[tuple[int]] | None:
    """The ids that the actor is bound to, as a query; None when the actor is bound to none."""
    return None if actor.agency_id is None else select(subtree(actor.agency_id).c.id)


def acts_for(actor: Actor, agency_id: int) -> bool:
    """True when the agency is the actor's own or below it, or the actor is bound to none."""
    own = own_agencies(actor)
    return (
        own is None
        or db.session.scalar(select(Agency.id).where(Agency.id == agency_id, Agency.id.in_(own))) is not None
    )


def whole_agency_problems(values: Mapping[str, Any]) -> list[Problem]:
    """What is missing in the values of one agency; its place in the tree is looked at apart."""
    problems = [] if values.get("kind") else [Problem("/kind", "required")]
    if not values.get("name_kk") and not values.get("name_ru"):
        problems += [Problem("/name_kk", "name-required"), Problem("/name_ru", "name-required")]
    return problems


def _find(number: str, *, lock: bool) -> Agency:
    statement = select(Agency).where(Agency.bin == number).execution_options(populate_existing=True)
    usable = is_bin(number)
    found = db.session.scalar(statement.with_for_update(of=Agency) if lock else statement) if usable else None
    if found is None:
        raise AgencyNotFound(bin=number)
    return found


def _problems(values: Mapping[str, Any], agency: Agency | None = None) -> list[Problem]:
    problems = whole_agency_problems(values)
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
