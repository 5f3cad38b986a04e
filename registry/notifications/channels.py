"""Channels of notices: e-mail and the Aitu messenger, and which of them a notice takes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from registry.core.translations import lazy_text
from registry.freeze.choices import Choices
from registry.notifications.kinds import BY_EMAIL_ONLY, BY_EMAIL_TOO

if TYPE_CHECKING:
    from registry.notifications.recipients import Recipient


class Channel(StrEnum):
    """How a notice leaves the service."""

    EMAIL = "email"
    AITU = "aitu"


EMAIL_ONLY: Final = frozenset({Channel.EMAIL})


class ChannelChoice(Choices):
    """Which channels a person with a linked Aitu account chose. There is no choice without any channel."""

    BOTH = "both", lazy_text("Aitu and e-mail")
    AITU = "aitu", lazy_text("Aitu only")
    EMAIL = "email", lazy_text("E-mail only")


def channels_of_notice(to: Recipient, kinds: Iterable[str], usable: frozenset[Channel]) -> frozenset[Channel]:
    """Return the channels of one notice, of those that the service has (``usable``).

    A notice takes at least one channel when the recipient can be reached by any: a channel that is not usable is
    replaced by the other one. Notices about the security of the account always go by e-mail too, and invitations, whose
    link is a secret, by e-mail only.
    """
    named = frozenset(kinds)
    has_email = to.address is not None and Channel.EMAIL in usable
    has_aitu = to.aitu_id is not None and Channel.AITU in usable and not named & BY_EMAIL_ONLY
    by_aitu = has_aitu and (to.channels is not ChannelChoice.EMAIL or not has_email)
    by_email = has_email and (to.channels is not ChannelChoice.AITU or not by_aitu or bool(named & BY_EMAIL_TOO))
    return frozenset(channel for channel, is_taken in ((Channel.EMAIL, by_email), (Channel.AITU, by_aitu)) if is_taken)
