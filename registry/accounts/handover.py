"""Hand-over: when somebody leaves, all open work goes to a named person in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import or_, select

from registry.accounts.absences import Absence, close_absence
from registry.accounts.account_changes import change_role
from registry.accounts.account_management import find_managed_account, require_account_manager, sees_account
from registry.accounts.models import Account, AccountNotFound, drafts_handed_over, find_account, work_handed_over
from registry.accounts.roles import Actor, Role
from registry.accounts.same_person import OWNER_CHANGED
from registry.accounts.service import find_person
from registry.core.clock import today
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import RegistryError, invalid
from registry.journal import service as journal


@dataclass(frozen=True, slots=True)
class HandOver:
    """A hand-over in the open transaction. ``counts``: what was handed over, by kind; handlers add theirs."""

    actor: Actor
    giver: Account
    receiver: Account
    counts: dict[str, int] = field(default_factory=dict)


def hand_over(actor: Actor, account_id: int, to_account_id: int) -> dict[str, int]:
    """Give the open work of one person to another, and return how much it was, by kind.

    The proposals of decisions keep their proposer: another person than the one who made them approves. Raises
    RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, NotYourself, AccountNotYours, and Invalid at ``/to`` unless
    the receiver is another active person who may do the work.
    """
    require_account_manager(actor)
    with transaction() as session:
        # Locked in one order, so that two hand-overs in opposite directions wait for one another.
        both = select(Account.id).where(Account.id.in_([account_id, to_account_id])).order_by(Account.id)
        session.execute(both.with_for_update())
        giver = find_managed_account(actor, account_id)
        if not giver.is_person:
            raise AccountNotFound(id=account_id)
        step = HandOver(actor, giver, _receiver(actor, giver, to_account_id))
        _hand_over_service_accounts(step)
        _end_absences(step)
        work_handed_over.publish(step)
        details = {"receiver": step.receiver.name, **step.counts}
        journal.record(actor, "account.handed-over", f"account:{giver.name}", details)
    return step.counts


def hand_over_drafts(actor: Actor, account_id: int, to_account_id: int) -> int:
    """Give only the drafts of one person to another, and return how many. Raises what ``hand_over`` raises."""
    require_account_manager(actor)
    with transaction():
        giver = find_managed_account(actor, account_id)
        step = HandOver(actor, giver, _receiver(actor, giver, to_account_id))
        drafts_handed_over.publish(step)
        count = step.counts.get("drafts", 0)
        if count:
            details = {"receiver": step.receiver.name, "drafts": count}
            journal.record(actor, "account.handed-over", f"account:{giver.name}", details)
    return count


def _receiver(actor: Actor, giver: Account, account_id: int) -> Account:
    try:
        receiver = find_account(account_id)
    except AccountNotFound:
        raise invalid("/to", "receiver-not-usable") from None
    usable = receiver.id != giver.id and receiver.is_person and receiver.status == "active"
    if not usable or not sees_account(actor, receiver):
        raise invalid("/to", "receiver-not-usable")
    return receiver


def _hand_over_service_accounts(step: HandOver) -> None:
    owned = db.session.scalars(select(Account).where(Account.owner_account_id == step.giver.id).with_for_update())
    accounts = list(owned.all())
    for account in accounts:
        account.owner_account_id = step.receiver.id
        details = {"previous_owner": step.giver.name, "owner": step.receiver.name}
        journal.record(step.actor, OWNER_CHANGED, f"account:{account.name}", details)
    step.counts["service_accounts"] = len(accounts)


def _end_absences(step: HandOver) -> None:
    """End the absences of the person, and those in which the person is the deputy: the work has another holder."""
    of_giver = or_(Absence.account_id == step.giver.id, Absence.deputy_account_id == step.giver.id)
    statement = select(Absence, Account).join(Account, Account.id == Absence.account_id)
    open_ones = statement.where(of_giver, Absence.ended_at.is_(None), Absence.last_day >= today())
    rows = require_transaction().execute(open_ones.order_by(Absence.id).with_for_update(of=Absence)).all()
    for absence, account in rows:
        close_absence(step.actor, absence, account)
    step.counts["absences"] = len(rows)


# Many people move to another agency, with the roles that they have.

MAX_MOVED: Final = 100


@dataclass(frozen=True, slots=True)
class Moves:
    """The names of those who moved and of those who already were there, and the errors of the others."""

    moved: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[tuple[str, RegistryError]] = field(default_factory=list)


def move_people(actor: Actor, person_ids: Sequence[int], agency_id: int | None, drafts_to: int | None = None) -> Moves:
    """Give people another agency, each independently.

    Their drafts of registrations go to the account ``drafts_to``, if given; the agency of drafts that they keep is
    cleared. As any change of the agency it ends their sessions and tokens. Raises RoleNotAllowed, AccountsNeedAPerson,
    and PersonNotFound for one whom the actor does not see.
    """
    require_account_manager(actor)
    chosen = [find_person(actor, person_id) for person_id in dict.fromkeys(person_ids[:MAX_MOVED])]
    # Read before the first change: a failed one ends the transaction, and with it what was loaded.
    accounts = [(person.name, person.account_id, Role(person.role), person.agency_id) for person in chosen]
    moves = Moves()
    for name, account_id, role, present_agency in accounts:
        if present_agency == agency_id:
            moves.unchanged.append(name)
            continue
        try:
            with transaction():
                if drafts_to is not None:
                    hand_over_drafts(actor, account_id, drafts_to)
                change_role(actor, account_id, role, agency_id)
        except RegistryError as error:
            moves.failed.append((name, error))
        else:
            moves.moved.append(name)
    return moves
