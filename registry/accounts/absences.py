"""Absences: from one day to another a deputy gets a person's work. Four eyes still count persons."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, ForeignKey, and_, select
from sqlalchemy.orm import Mapped, aliased, mapped_column

from registry.accounts import account_management
from registry.accounts.models import Account, AccountKind, AccountNotFound, find_account, is_active, require_person
from registry.accounts.roles import Actor, Permission, Role, RoleNotAllowed
from registry.core.clock import now, today
from registry.core.database import Instant, Model, db, transaction
from registry.core.errors import Conflict, NotFound, invalid
from registry.journal import service as journal

MAX_LENGTH: Final = timedelta(days=366)
# Whom a supervisor may record an absence for, without managing accounts.
LED_BY_SUPERVISORS: Final = frozenset({Role.REVIEWER, Role.SUPERVISOR})
# A role that may stand in for another one, besides the same role.
HIGHER_ROLES: Final[Mapping[Role, frozenset[Role]]] = {Role.REVIEWER: frozenset({Role.SUPERVISOR})}


class AbsenceNotFound(NotFound):
    """There is no such absence, or the actor may not change it."""


class AbsencesOverlap(Conflict):
    """The person has another absence in these days."""


class DeputyOfDeputy(Conflict):
    """The deputy is absent in these days, or the absent person is a deputy in them."""


class Absence(Model):
    """An absence, first and last day included. ``ended_at``: when it was ended before its last day, or cancelled."""

    __tablename__ = "absences"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    deputy_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    recorded_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class Substitution:
    """Who is absent today, who has the work, and until when."""

    absent: str
    deputy: str
    last_day: date
    absent_id: int
    deputy_id: int


def record_absence(actor: Actor, account_id: int, deputy_id: int, first_day: date, last_day: date) -> Absence:
    """Record an absence and its deputy.

    People record their own, account managers those of the accounts that they manage, supervisors those of reviewers
    and supervisors. Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, RightsChanged, Invalid,
    AbsencesOverlap, DeputyOfDeputy.
    """
    require_person(actor)
    with transaction() as session:
        # Locked in one order, so that two absences that would make a deputy of a deputy wait for one another.
        accounts = {each: find_account(each, lock=True) for each in sorted({account_id, deputy_id})}
        account, deputy = accounts[account_id], accounts[deputy_id]
        account_management.require_unchanged(actor)
        _require_may_record(actor, account)
        _require_days(first_day, last_day)
        if not may_deputize(deputy, account):
            raise invalid("/deputy", "deputy-not-usable")
        same_days = (Absence.ended_at.is_(None), Absence.first_day <= last_day, Absence.last_day >= first_day)
        _require_none(AbsencesOverlap(name=account.name), Absence.account_id == account_id, *same_days)
        _require_none(DeputyOfDeputy(name=deputy.name), Absence.account_id == deputy_id, *same_days)
        _require_none(DeputyOfDeputy(name=account.name), Absence.deputy_account_id == account_id, *same_days)
        absence = Absence(
            account_id=account_id,
            deputy_account_id=deputy_id,
            first_day=first_day,
            last_day=last_day,
            recorded_at=now(),
            recorded_account_id=actor.account_id,
        )
        session.add(absence)
        session.flush()
        details = {"deputy": deputy.name, "first_day": first_day, "last_day": last_day}
        journal.record(actor, "account.absence-recorded", f"account:{account.name}", details)
    return absence


def end_absence(actor: Actor, absence_id: int, account_id: int | None = None) -> Account:
    """End an absence, or cancel one that has not begun; returns whose it is. ``account_id``: only one of that account.

    Raises AbsenceNotFound, and as ``record_absence``.
    """
    require_person(actor)
    with transaction():
        absence = db.session.get(Absence, absence_id, populate_existing=True, with_for_update=True)
        if absence is None or absence.ended_at is not None or account_id not in (None, absence.account_id):
            raise AbsenceNotFound(id=absence_id)
        account = find_account(absence.account_id)
        account_management.require_unchanged(actor)
        _require_may_record(actor, account)
        close_absence(actor, absence, account)
    return account


def close_absence(actor: Actor, absence: Absence, account: Account) -> None:
    """End the absence of the account, in the open transaction, and record it in the journal."""
    absence.ended_at = now()
    details = {"first_day": absence.first_day, "last_day": absence.last_day}
    journal.record(actor, "account.absence-ended", f"account:{account.name}", details)


def may_record_absence(actor: Actor, account: Account) -> bool:
    """Return True when the actor may record an absence of that person."""
    if not account.is_person or not actor.is_person:
        return False
    leads = actor.may(Permission.CASES_LEAD) and Role(account.role) in LED_BY_SUPERVISORS
    return account_management.is_own(actor, account) or leads or account_management.can_manage(actor, account)


def may_deputize(deputy: Account, account: Account) -> bool:
    """True for another active person of the same agency with the same role, or one that may stand in for it."""
    roles = {Role(account.role), *HIGHER_ROLES.get(Role(account.role), ())}
    return (
        deputy.id != account.id
        and deputy.is_person
        and deputy.status == "active"
        and deputy.agency_id == account.agency_id
        and Role(deputy.role) in roles
    )


def possible_deputies(account: Account) -> list[Account]:
    """Return the people who may be the deputy of that account, by name."""
    people = db.session.scalars(
        select(Account)
        .where(Account.kind == AccountKind.PERSON.value, Account.agency_id.is_not_distinct_from(account.agency_id))
        .order_by(Account.name)
    )
    return [each for each in people if may_deputize(each, account)]


def absences_of(account_id: int) -> list[tuple[Absence, str]]:
    """Return the absences of an account that have not ended, each with the name of its deputy, the first one first."""
    statement = (
        select(Absence, Account.name)
        .join(Account, Account.id == Absence.deputy_account_id)
        .where(Absence.account_id == account_id, Absence.ended_at.is_(None), Absence.last_day >= today())
        .order_by(Absence.first_day)
    )
    return [
        (absence, name) for absence, name in db.session.execute(statement.execution_options(populate_existing=True))
    ]


def absences_led_by(actor: Actor) -> list[tuple[Absence, Account, str]]:
    """Return the absences of reviewers and supervisors that have not ended: each with its account and its deputy's
    name.

    Raises RoleNotAllowed.
    """
    actor.require(Permission.CASES_LEAD)
    absent, deputy = aliased(Account), Account
    statement = (
        select(Absence, absent, deputy.name)
        .join(absent, absent.id == Absence.account_id)
        .join(deputy, deputy.id == Absence.deputy_account_id)
        .where(_is_led(absent), Absence.ended_at.is_(None), Absence.last_day >= today())
        .order_by(Absence.first_day, absent.name)
    )
    rows = db.session.execute(statement.execution_options(populate_existing=True))
    return [(absence, account, name) for absence, account, name in rows]


def people_led_by(actor: Actor) -> list[Account]:
    """Return the active reviewers and supervisors, by name, whose absences a supervisor may record. Raises
    RoleNotAllowed.
    """
    actor.require(Permission.CASES_LEAD)
    statement = select(Account).where(_is_led(Account), is_active()).order_by(Account.name)
    return list(db.session.scalars(statement))


def substitutions() -> list[Substitution]:
    """Return the absences of today whose deputies still have a role that may stand in, by the name of the absent
    person.
    """
    absent, deputy = aliased(Account), Account
    statement = (
        select(absent, deputy, Absence.last_day)
        .select_from(Absence)
        .join(absent, absent.id == Absence.account_id)
        .join(deputy, deputy.id == Absence.deputy_account_id)
        .where(*_today(), is_active())
        .order_by(absent.name)
    )
    return [
        Substitution(of.name, substitute.name, last_day, of.id, substitute.id)
        for of, substitute, last_day in db.session.execute(statement)
        if may_deputize(substitute, of)
    ]


def substituted_by(actor: Actor) -> list[str]:
    """Return the names of the people whose work the actor has today, as their deputy."""
    return [each.absent for each in substitutions() if each.deputy_id == actor.account_id]


def _is_led(account: type[Account]) -> ColumnElement[bool]:
    roles = [role.value for role in LED_BY_SUPERVISORS]
    return and_(account.kind == AccountKind.PERSON.value, account.role.in_(roles))


def _today() -> tuple[ColumnElement[bool], ...]:
    return (Absence.ended_at.is_(None), Absence.first_day <= today(), Absence.last_day >= today())


def _require_may_record(actor: Actor, account: Account) -> None:
    if may_record_absence(actor, account):
        if account_management.can_manage(actor, account):
            account_management.require_account_manager(actor)
        return
    if not (
        account_management.is_own(actor, account) or actor.may(Permission.PEOPLE_READ)
    ) or not account_management.sees_account(actor, account):
        raise AccountNotFound(id=account.id)
    raise RoleNotAllowed(role=actor.role.value, permission=Permission.PEOPLE_MANAGE.value)


def _require_days(first_day: date, last_day: date) -> None:
    if last_day < first_day:
        raise invalid("/last_day", "absence-ends-before-it-begins")
    if last_day < today():
        raise invalid("/last_day", "absence-in-the-past")
    if last_day - first_day > MAX_LENGTH:
        raise invalid("/last_day", "absence-too-long", days=MAX_LENGTH.days)


def _require_none(error: Conflict, *conditions: ColumnElement[bool]) -> None:
    if db.session.scalar(select(Absence.id).where(*conditions).limit(1)) is not None:
        raise error
