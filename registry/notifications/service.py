"""Queue of outbound e-mails and Aitu messages: adding, listing and deleting them."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, func, select

from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.outbox import delete_delivered
from registry.core.queues import Backlog, backlog
from registry.notifications import models
from registry.notifications.recipients import Recipient

STATES: Final = ("waiting", "sent", "failed", "dropped")
RETENTION: Final = timedelta(days=30)
MAX_REFERENCES: Final = 20


class MoreOf(NamedTuple):
    """What a notice says of a reference: the number of its letter, and the last day for what it asks."""

    letter: str | None = None
    due_on: date | None = None


# By kind of notice: the references, or what is said of each.
References = Mapping[str, Sequence[int | str] | Mapping[int | str, MoreOf]]


def queue_notice(
    to: Recipient,
    references: References,
    timestamp: datetime,
    *,
    channels: frozenset[models.Channel] = models.EMAIL_ONLY,
    is_digest: bool = False,
    figures: Mapping[str, Any] | None = None,
) -> None:
    """Queue a notice in the open transaction: references by kind of notice; the first 20 of each kind are named.

    ``channels``: those that the service has; the recipient's choice decides which of them the notice takes.
    ``figures``: of the overview of the week.
    """
    taken = _channels_of_notice(to, references, channels)
    for channel in taken:
        require_transaction().add(
            models.OutboundEmail(
                key=secrets.token_hex(16),
                person_id=to.person_id,
                agency_id=to.agency_id,
                is_digest=is_digest,
                events=[
                    _event(kind, references[kind]) | ({} if figures is None else {"figures": dict(figures)})
                    for kind in models.KINDS
                    if references.get(kind)
                ],
                created_at=timestamp,
                state="waiting",
                tries=0,
                next_try_at=timestamp,
                channel=channel.value,
                is_copy=channel is models.Channel.AITU and models.Channel.EMAIL in taken,
                fell_back=False,
            )
        )


def queue_email(to: Recipient, references: References, timestamp: datetime, *, is_digest: bool = False) -> None:
    """Queue a notice by e-mail in the open transaction, whatever the recipient chose."""
    queue_notice(replace(to, channels=models.ChannelChoice.EMAIL), references, timestamp, is_digest=is_digest)


def _event(kind: str, references: Sequence[int | str] | Mapping[int | str, MoreOf]) -> dict[str, Any]:
    named = list(references)[:MAX_REFERENCES]
    event: dict[str, Any] = {"kind": kind, "references": named, "count": len(references)}
    more = {str(each): references[each] for each in named} if isinstance(references, Mapping) else {}
    letters = {each: one.letter for each, one in more.items() if one.letter is not None}
    due_on = {each: one.due_on.isoformat() for each, one in more.items() if one.due_on is not None}
    return event | ({"letters": letters} if letters else {}) | ({"due_on": due_on} if due_on else {})


def _channels_of_notice(
    to: Recipient, kinds: Iterable[str], usable: frozenset[models.Channel]
) -> frozenset[models.Channel]:
    """Return the channels of one notice, of those that the service has (``usable``).

    A notice takes at least one channel when the recipient can be reached by any: a channel that is not usable is
    replaced by the other one. Notices about the security of the account always go by e-mail too, and invitations, whose
    link is a secret, by e-mail only.
    """
    named = frozenset(kinds)
    has_email = to.address is not None and models.Channel.EMAIL in usable
    has_aitu = to.aitu_id is not None and models.Channel.AITU in usable and not named & models.BY_EMAIL_ONLY
    by_aitu = has_aitu and (to.channels is not models.ChannelChoice.EMAIL or not has_email)
    by_email = has_email and (
        to.channels is not models.ChannelChoice.AITU or not by_aitu or bool(named & models.BY_EMAIL_TOO)
    )
    return frozenset(
        channel for channel, is_taken in ((models.Channel.EMAIL, by_email), (models.Channel.AITU, by_aitu)) if is_taken
    )


def latest_emails(state: str | None, limit: int) -> list[models.OutboundEmail]:
    """Return the latest e-mails and Aitu messages, newest first, optionally of one state."""
    statement = select(models.OutboundEmail).order_by(models.OutboundEmail.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(models.OutboundEmail.state == state)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def waiting_emails() -> Backlog:
    """Return how many e-mails and Aitu messages wait, and since when."""
    return backlog(models.OutboundEmail.created_at, models.OutboundEmail.state == "waiting")


def failed_emails() -> int:
    """Return how many e-mails and Aitu messages failed in the last 30 days."""
    return backlog(models.OutboundEmail.created_at, models.OutboundEmail.state == "failed").waiting


def delete_old_emails() -> None:
    """Delete e-mails, Aitu messages and delivered outbox messages after 30 days.

    The last e-mail that was sent stays: it shows that sending works (the setup checklist).
    """
    before = now() - RETENTION
    last_sent = select(func.max(models.OutboundEmail.id)).where(
        models.OutboundEmail.state == "sent", models.OutboundEmail.channel == models.Channel.EMAIL
    )
    with transaction() as session:
        kept = session.scalar(last_sent)
        old = delete(models.OutboundEmail).where(models.OutboundEmail.created_at < before)
        session.execute(old if kept is None else old.where(models.OutboundEmail.id != kept))
        delete_delivered(before)
