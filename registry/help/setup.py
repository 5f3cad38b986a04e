"""The setup checklist: what a new registry needs before its first working day, each task judged by facts.

docs/explanation/architecture.md: why nothing is ticked by hand, and why the journal holds who has hidden the list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select

from registry.accounts.models import Account, AccountKind, AccountsNeedAPerson, is_active, own_person
from registry.accounts.roles import Actor, Permission, Role
from registry.accounts.same_person import names_of
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.flags.models import last_good_date
from registry.freeze.policy import policy_in_force
from registry.journal import service as journal
from registry.journal.service import BACKUP_FAILED, BACKUP_STARTED, JournalEntry
from registry.notifications.email import sends_email
from registry.notifications.models import Channel, OutboundEmail

HIDDEN: Final = "account.setup-hidden"


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """What the tasks are judged by. ``email``: the state of the newest e-mail, None without one.

    ``email_error``: why it was not sent. ``own_address``: where a test e-mail goes. ``backed_up_at``: when the newest
    ``registry backup`` was started; None when it failed.
    """

    agencies: int
    administrators: int
    supervisors: int
    policy: str
    has_mail_server: bool
    has_sent_email: bool
    email: str | None
    email_error: str | None
    own_address: str | None
    backed_up_at: datetime | None
    audited_on: date | None

    @property
    def tasks(self) -> dict[str, bool]:
        """Each task, in the order in which it is done, and whether it is done."""
        return {
            "agencies": self.agencies > 0,
            "people": self.administrators > 1 and self.supervisors > 0,
            "policy": bool(self.policy),
            "mail": self.has_mail_server and self.has_sent_email,
            "backup": self.backed_up_at is not None,
            "audit": self.audited_on is not None,
        }

    @property
    def is_complete(self) -> bool:
        """True when every task is done."""
        return all(self.tasks.values())


def setup_facts(actor: Actor) -> SetupFacts:
    """Read the facts. Raises RoleNotAllowed for all but administrators."""
    actor.require(Permission.AGENCIES_WRITE)
    newest = db.session.execute(
        select(OutboundEmail.state, OutboundEmail.error)
        .where(OutboundEmail.channel == Channel.EMAIL)
        .order_by(OutboundEmail.id.desc())
        .limit(1)
    ).one_or_none()
    active = dict(_active_people())
    person = own_person(actor)
    return SetupFacts(
        agencies=db.session.scalar(select(func.count()).select_from(Agency)) or 0,
        administrators=active.get(Role.ADMINISTRATOR, 0),
        supervisors=active.get(Role.SUPERVISOR, 0),
        policy=policy_in_force().version,
        has_mail_server=sends_email(),
        has_sent_email=db.session.scalar(
            select(OutboundEmail.id)
            .where(OutboundEmail.state == "sent", OutboundEmail.channel == Channel.EMAIL)
            .limit(1)
        )
        is not None,
        email=newest.state if newest else None,
        email_error=newest.error if newest else None,
        own_address=person.email if person else None,
        backed_up_at=_backed_up_at(),
        audited_on=last_good_date(),
    )


def setup_to_show(actor: Actor) -> SetupFacts | None:
    """Return the facts for the actor's home page; None when the list is complete, hidden, or of another role."""
    if not actor.may(Permission.AGENCIES_WRITE) or not actor.is_person or is_setup_hidden(actor):
        return None
    facts = setup_facts(actor)
    return None if facts.is_complete else facts


def hide_setup(actor: Actor) -> None:
    """Take the list off the actor's home page. Raises RoleNotAllowed and AccountsNeedAPerson."""
    actor.require(Permission.AGENCIES_WRITE)
    if not actor.is_person:
        raise AccountsNeedAPerson
    if not is_setup_hidden(actor):
        with transaction():
            journal.record(actor, HIDDEN, f"account:{actor.principal}")


def is_setup_hidden(actor: Actor) -> bool:
    """Return True when the actor has hidden the list, under the present name or a former one."""
    statement = (
        select(JournalEntry.seq)
        .where(JournalEntry.action == HIDDEN, JournalEntry.principal.in_(names_of(actor)))
        .limit(1)
    )
    return db.session.scalar(statement) is not None


def _active_people() -> Iterator[tuple[Role, int]]:
    statement = (
        select(Account.role, func.count())
        .where(
            Account.kind == AccountKind.PERSON.value,
            Account.role.in_((Role.ADMINISTRATOR.value, Role.SUPERVISOR.value)),
            is_active(),
        )
        .group_by(Account.role)
    )
    for role, count in db.session.execute(statement):
        yield Role(role), count


def _backed_up_at() -> datetime | None:
    statement = (
        select(JournalEntry.action, JournalEntry.at)
        .where(JournalEntry.action.in_((BACKUP_STARTED, BACKUP_FAILED)))
        .order_by(JournalEntry.seq.desc())
        .limit(1)
    )
    newest = db.session.execute(statement).one_or_none()
    return None if newest is None or newest.action == BACKUP_FAILED else datetime.fromisoformat(newest.at)
