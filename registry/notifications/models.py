"""Tables of notifications, and the kinds of messages."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, ForeignKey, Index, String, Text, false, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model, require_transaction
from registry.core.queues import Retried
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Kinds of notifications and their subjects, and the channels that a notice takes.

# Kinds of notifications and their subjects. The text of a kind is the message ``notice-<kind>``.

# Kind → type of its references, in the order of a digest.
KINDS: Final[Mapping[str, str]] = {
    # Immediate. The references to an account are local times; of a changed address, the entry of the journal.
    "account-aitu": "account",
    "account-email": "entries",
    "account-factor": "account",
    "account-moved": "account",
    "account-new-device": "account",
    "account-password": "account",
    "account-token": "account",
    "invitation": "invitations",
    "password-link": "invitations",
    "question": "cases",
    "order": "cases",
    "appeal-answered": "cases",
    "case-reopened": "cases",
    "case-assigned": "cases",
    "question-answered": "cases",
    "proposal-returned": "cases",
    "decision-appealed": "cases",
    "test-email": "account",
    "audit-held": "audits",
    "audit-confirmed": "audits",
    "audit-rejected": "audits",
    "audit-failed": "audits",
    "nights-missed": "audits",
    "policy-activated": "policies",
    "policy-activation-withdrawn": "policies",
    "sign-in-surge": "sign-ins",
    "approval-waiting": "approvals",
    "approval-decided": "approvals",
    "contract-decided": "contracts",
    "request-waiting": "requests",
    "request-decided": "requests",
    "request-carried-out": "requests",
    "request-failed": "requests",
    "request-restored": "requests",
    "webhook-added": "webhooks",
    "webhook-disabled": "webhooks",
    # On Mondays, to those who subscribed. The reference is the day of the audit.
    "weekly-overview": "overview",
    # In the digest.
    "order-overdue": "cases",
    "order-due-soon": "cases",
    "exemption-ending": "projects",
    "attestation-due": "projects",
    "flag-coming": "projects",
    "case-overdue": "cases",
    "approval-overdue": "cases",
    "proposal-waiting": "cases",
    "case-awaiting-confirmation": "cases",
    "case-opened": "cases",
    "case-closed": "cases",
    "flags-opened": "projects",
    "flags-cleared": "projects",
    "severity-raised": "projects",
    "severity-lowered": "projects",
    "token-ending": "tokens",
    "service-without-owner": "service-accounts",
}
# The only kinds that the preferences of a person switch off: all others have a deadline or concern security.
OPTIONAL_IMMEDIATE: Final = frozenset({"case-assigned", "question-answered", "proposal-returned", "decision-appealed"})
OPTIONAL_DIGEST: Final = frozenset(
    {
        "order-overdue",
        "order-due-soon",
        "exemption-ending",
        "attestation-due",
        "flag-coming",
        "case-overdue",
        "approval-overdue",
        "proposal-waiting",
        "case-awaiting-confirmation",
        "case-opened",
        "case-closed",
        "flags-opened",
        "flags-cleared",
        "severity-raised",
        "severity-lowered",
    }
)
# The link is a secret, and the test is of e-mail.
LINKS: Final = frozenset(kind for kind, of in KINDS.items() if of == "invitations")
BY_EMAIL_ONLY: Final = LINKS | {"account-aitu", "test-email"}
# Whoever took over an account and linked an Aitu account of their own must not keep these from its owner.
BY_EMAIL_TOO: Final = frozenset(kind for kind in KINDS if kind.startswith("account-")) | {"webhook-added"}
# References of notices about the security of one's account.
OF_ACCOUNTS: Final = frozenset({"account", "entries"})
# References without a page of their own, and the page where the reader goes on.
PAGES: Final[Mapping[str, str]] = {
    "account": "account",
    "entries": "account",
    "tokens": "account",
    "overview": "overview",
    "sign-ins": "home",
    "service-accounts": "tokens",
}


# Channels of notices: e-mail and the Aitu messenger, and which of them a notice takes.


class Channel(StrEnum):
    """How a notice leaves the service."""

    EMAIL = "email"
    AITU = "aitu"


class ChannelUnavailable(Exception):
    """No notice can be sent now: the server is down or rejects this service altogether. The message says why."""


class NoticeRejected(Exception):
    """The server rejected this notice only. ``for_good``: retrying is pointless."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


EMAIL_ONLY: Final = frozenset({Channel.EMAIL})


class ChannelChoice(Choices, field="notice_channels"):
    """Which channels a person with a linked Aitu account chose. There is no choice without any channel."""

    BOTH = "both", lazy_text("Aitu and e-mail")
    AITU = "aitu", lazy_text("Aitu only")
    EMAIL = "email", lazy_text("E-mail only")


# Models of outbound notices and digests. ``notifications/service.py`` writes them.


class OutboundEmail(Retried, Model):
    """One e-mail, or one message through Aitu, to one recipient, a person or an agency.

    ``events``: what it notifies of, as ``{kind, references, count}``; references are numbers, never findings or names.
    Where letters say more, ``letters`` has their numbers by reference. The overview of the week has ``figures``.
    ``key`` is the Message-ID, or the localId of Aitu's bot API, the same at each attempt. ``state``: ``waiting``,
    ``sent``, ``failed`` (given up; see ``error``) or ``dropped`` (no recipient any more). While it is being sent, it is
    ``waiting`` with ``next_try_at`` some minutes ahead, so that it is retried if the sender is killed. ``is_copy``: a
    message through Aitu whose notice also goes by e-mail. ``fell_back``: an e-mail in place of a message that Aitu did
    not deliver.
    """

    __tablename__ = "emails"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    is_digest: Mapped[bool]
    events: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    error: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(String(10), server_default=Channel.EMAIL.value)
    is_copy: Mapped[bool] = mapped_column(server_default=false())
    fell_back: Mapped[bool] = mapped_column(server_default=false())

    __table_args__ = (Index(None, "state", "next_try_at"), Index(None, "created_at"))


def pass_on_emails(former_id: int, successor_id: int) -> None:
    """Send e-mails that wait for an agency's address to its successor's, in the open transaction."""
    waiting = (OutboundEmail.agency_id == former_id, OutboundEmail.state == "waiting")
    statement = update(OutboundEmail).where(*waiting).values(agency_id=successor_id)
    require_transaction().execute(statement, execution_options={"synchronize_session": False})


class WeeklyOverview(Model):
    """A week whose overview was sent by e-mail."""

    __tablename__ = "weekly_overviews"

    monday: Mapped[date] = mapped_column(primary_key=True)


class Digest(Model):
    """A completed digest of one working day; it covers the time from the last digest to ``until``."""

    __tablename__ = "digests"

    on: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(Instant)
