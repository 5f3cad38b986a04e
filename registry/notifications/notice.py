"""One notification for one recipient, before those of a recipient become an e-mail."""

from __future__ import annotations

from dataclasses import dataclass

from registry.notifications.recipients import Recipient


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification for one recipient. ``letter``: the number of the letter that says more."""

    to: Recipient
    kind: str
    reference: int | str
    letter: str | None = None
