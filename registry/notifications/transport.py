"""Transports: how one notice reaches one recipient, whatever the channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from registry.notifications.models import Channel, OutboundEmail

if TYPE_CHECKING:
    from registry.notifications.recipients import Recipient


# One notification for one recipient, before those of a recipient become an e-mail.


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification for one recipient. ``letter``: the number of the letter that says more; ``due_on``: the last day
    for what it asks.
    """

    to: Recipient
    kind: str
    reference: int | str
    letter: str | None = None
    due_on: date | None = None


class ChannelUnavailable(Exception):
    """No notice can be sent now: the server is down or rejects this service altogether. The message says why."""


class NoticeRejected(Exception):
    """The server rejected this notice only. ``for_good``: retrying is pointless."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Transport(Protocol):
    """Sends the notices of one channel; release it with ``close``."""

    channel: Channel

    def reaches(self, to: Recipient) -> bool:
        """Return True when the recipient has an address of this channel."""

    def send(self, notice: OutboundEmail, to: Recipient, entries: Sequence[Mapping[str, Any]]) -> None:
        """Send one notice. Raises NoticeRejected, ChannelUnavailable, and ValueError for an unusable address."""

    def close(self) -> None:
        """Close the connection, if any."""
