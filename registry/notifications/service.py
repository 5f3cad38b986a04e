"""Queue of outbound e-mails and Aitu messages: adding, listing and deleting them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import delete, func, select

from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.outbox import delete_delivered
from registry.core.queues import Backlog, backlog
from registry.notifications.models import EMAIL_ONLY, KINDS, Channel, ChannelChoice, OutboundEmail, channels_of_notice
from registry.notifications.recipients import Recipient

STATES: Final = ("waiting", "sent", "failed", "dropped")
RETENTION: Final = timedelta(days=30)
MAX_REFERENCES: Final = 20
NO_LETTERS: Final[Mapping[tuple[str, int | str], str]] = MappingProxyType({})


def queue_notice(
    to: Recipient,
    references: Mapping[str, Sequence[int | str]],
    timestamp: datetime,
    *,
    channels: frozenset[Channel] = EMAIL_ONLY,
    is_digest: bool = False,
    letters: Mapping[tuple[str, int | str], str] = NO_LETTERS,
    figures: Mapping[str, Any] | None = None,
) -> None:
    """Queue a notice in the open transaction: references by kind of notice; the first 20 of each kind are named.

    ``channels``: those that the service has; the recipient's choice decides which of them the notice takes.
    ``letters``: numbers of letters by kind and reference. ``figures``: of the overview of the week.
    """
    taken = channels_of_notice(to, references, channels)
    for channel in taken:
        require_transaction().add(
            OutboundEmail(
                key=secrets.token_hex(16),
                person_id=to.person_id,
                agency_id=to.agency_id,
                is_digest=is_digest,
                events=[
                    _event(kind, references[kind], letters) | ({} if figures is None else {"figures": dict(figures)})
                    for kind in KINDS
                    if references.get(kind)
                ],
                created_at=timestamp,
                state="waiting",
                tries=0,
                next_try_at=timestamp,
                channel=channel.value,
                is_copy=channel is Channel.AITU and Channel.EMAIL in taken,
                fell_back=False,
            )
        )


def queue_email(
    to: Recipient, references: Mapping[str, Sequence[int | str]], timestamp: datetime, *, is_digest: bool = False
) -> None:
    """Queue a notice by e-mail in the open transaction, whatever the recipient chose."""
    queue_notice(replace(to, channels=ChannelChoice.EMAIL), references, timestamp, is_digest=is_digest)


def _event(kind: str, references: Sequence[int | str], letters: Mapping[tuple[str, int | str], str]) -> dict[str, Any]:
    named = list(references[:MAX_REFERENCES])
    event: dict[str, Any] = {"kind": kind, "references": named, "count": len(references)}
    numbers = {str(each): letters[kind, each] for each in named if (kind, each) in letters}
    return event | {"letters": numbers} if numbers else event


def latest_emails(state: str | None, limit: int) -> list[OutboundEmail]:
    """Return the latest e-mails and Aitu messages, newest first, optionally of one state."""
    statement = select(OutboundEmail).order_by(OutboundEmail.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(OutboundEmail.state == state)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def waiting_emails() -> Backlog:
    """Return how many e-mails and Aitu messages wait, and since when."""
    return backlog(OutboundEmail.created_at, OutboundEmail.state == "waiting")


def failed_emails() -> int:
    """Return how many e-mails and Aitu messages failed in the last 30 days."""
    return backlog(OutboundEmail.created_at, OutboundEmail.state == "failed").waiting


def delete_old_emails() -> None:
    """Delete e-mails, Aitu messages and delivered outbox messages after 30 days.

    The last e-mail that was sent stays: it shows that sending works (the setup checklist).
    """
    before = now() - RETENTION
    last_sent = select(func.max(OutboundEmail.id)).where(
        OutboundEmail.state == "sent", OutboundEmail.channel == Channel.EMAIL
    )
    with transaction() as session:
        kept = session.scalar(last_sent)
        old = delete(OutboundEmail).where(OutboundEmail.created_at < before)
        session.execute(old if kept is None else old.where(OutboundEmail.id != kept))
        delete_delivered(before)
