"""Security notices: events of an account become outbox messages, and then notices to its owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from registry.core.clock import ALMATY, now
from registry.core.outbox import enqueue

# Topic of the outbox message → kind of notice.
ACCOUNT_TOPICS: Final[Mapping[str, str]] = {
    "account.aitu-linked": "account-aitu",
    "account.factor-added": "account-factor",
    "account.moved": "account-moved",
    "account.new-device": "account-new-device",
    "account.password-changed": "account-password",
    "account.token-issued": "account-token",
}


def enqueue_notice(topic: str) -> Callable[[int], None]:
    """A handler that adds the message with the local time to the open transaction."""

    def handle(account_id: int) -> None:
        enqueue(topic, {"account": account_id, "at": now().astimezone(ALMATY).strftime("%d.%m.%Y %H:%M")})

    return handle
