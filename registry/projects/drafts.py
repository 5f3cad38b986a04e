"""Drafts of registrations, with the values as entered."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.agency_tree import AGENCIES, is_in_subtree, subtree
from registry.accounts.handover import HandOver
from registry.accounts.models import Account, find_account
from registry.accounts.roles import PERMISSIONS, Actor, Permission, Role
from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction, transaction
from registry.core.errors import Conflict, NotFound, invalid

MAX_DRAFTS: Final = 200


class DraftNotFound(NotFound):
    """The draft does not exist or belongs to someone else."""


class TooManyDrafts(Conflict):
    """The actor already has ``MAX_DRAFTS`` drafts."""


class Draft(Model):
    """A draft. ``values`` contains the entered text of each field, which may be invalid.

    The number of one that was deleted is never used again: a link to it must not lead to another.
    """

    __tablename__ = "drafts"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - the declarative base has it as a variable of classes

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id), index=True)
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


def start_draft(actor: Actor) -> Draft:
    """Create an empty draft for the actor. Raises RoleNotAllowed and TooManyDrafts."""
    actor.require(Permission.PROJECTS_WRITE)
    with transaction() as session:
        if session.execute(select(func.count(Draft.id)).where(Draft.account_id == actor.account_id)).scalar_one() >= (
            MAX_DRAFTS
        ):
            raise TooManyDrafts(most=MAX_DRAFTS)
        at = now()
        draft = Draft(account_id=actor.account_id, values={}, created_at=at, updated_at=at)
        session.add(draft)
        session.flush()
    return draft


def drafts_of(actor: Actor) -> list[Draft]:
    """Return the actor's drafts, most recently changed first."""
    return list(
        db.session.scalars(
            select(Draft).where(Draft.account_id == actor.account_id).order_by(Draft.updated_at.desc(), Draft.id.desc())
        )
    )


def find_draft(actor: Actor, draft_id: int) -> Draft:
    """Return the actor's draft with that id. Raises DraftNotFound."""
    draft = db.session.scalar(
        select(Draft)
        .where(Draft.id == draft_id, Draft.account_id == actor.account_id)
        .execution_options(populate_existing=True)
    )
    if draft is None:
        raise DraftNotFound(id=draft_id)
    return draft


def save_draft(actor: Actor, draft_id: int, texts: dict[str, str]) -> Draft:
    """Merge entered texts into the draft. Raises DraftNotFound."""
    with transaction():
        draft = find_draft(actor, draft_id)
        draft.values = {**draft.values, **texts}
        draft.updated_at = now()
    return draft


def discard_draft(actor: Actor, draft_id: int) -> None:
    """Delete the draft; no error if it does not exist."""
    with transaction() as session:
        session.execute(delete(Draft).where(Draft.id == draft_id, Draft.account_id == actor.account_id))


def count_drafts(account_ids: Collection[int]) -> dict[int, int]:
    """Return how many drafts each of these accounts has; without those that have none."""
    statement = (
        select(Draft.account_id, func.count(Draft.id).label("drafts"))
        .where(Draft.account_id.in_(account_ids))
        .group_by(Draft.account_id)
    )
    return {row.account_id: row.drafts for row in db.session.execute(statement)}


def clear_agency_of_drafts(account_id: int) -> None:
    """Clear the agency of drafts that belong to an agency for which the account does not work: the form asks again."""
    account = find_account(account_id)
    if account.agency_id is None:
        return
    below = select(AGENCIES.c.bin).where(AGENCIES.c.id.in_(select(subtree(account.agency_id).c.id)))
    session = require_transaction()
    own = {"", *session.scalars(below)}
    for draft in session.scalars(select(Draft).where(Draft.account_id == account.id).with_for_update()):
        if draft.values.get("agency", "") not in own:
            draft.values = {**draft.values, "agency": ""}


def _sees_agency_of(giver: Account, receiver: Account) -> bool:
    """True for a receiver of the same agency or one above it, or of oversight: drafts are of the giver's agency."""
    if receiver.agency_id is None:
        return True
    return giver.agency_id is not None and is_in_subtree(giver.agency_id, receiver.agency_id)


def hand_over_drafts(step: HandOver) -> None:
    """Give the drafts to the receiver. Raises Invalid at ``/to`` for drafts that the receiver cannot register."""
    drafts = Draft.account_id == step.giver.id
    count = require_transaction().execute(select(func.count(Draft.id)).where(drafts)).scalar_one()
    able = Permission.PROJECTS_WRITE in PERMISSIONS[Role(step.receiver.role)]
    if count and not (able and _sees_agency_of(step.giver, step.receiver)):
        raise invalid("/to", "receiver-cannot-register", name=step.receiver.name)
    change = update(Draft).where(drafts).values(account_id=step.receiver.id)
    require_transaction().execute(change, execution_options={"synchronize_session": False})
    step.counts["drafts"] = count


def of_agency(bin_number: str) -> ColumnElement[bool]:
    """Return the SQL condition for the drafts for an agency."""
    has_bin: ColumnElement[bool] = Draft.values["agency"].as_string() == bin_number
    return has_bin


def pass_on_drafts(bin_number: str, to_bin: str) -> int:
    """Let the drafts for one agency be for another, in the open transaction; returns how many there were."""
    statement = select(Draft).where(of_agency(bin_number)).order_by(Draft.id).with_for_update()
    drafts = list(require_transaction().scalars(statement))
    for draft in drafts:
        draft.values = {**draft.values, "agency": to_bin}
    return len(drafts)
