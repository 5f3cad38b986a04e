"""The Aitu transport: one message through the bot API for one notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.notifications.aitu.client import AituClient
from registry.notifications.aitu.links import mark_rejected
from registry.notifications.aitu.settings import AituBot
from registry.notifications.aitu.texts import render_message
from registry.notifications.channels import Channel
from registry.notifications.recipients import Recipient
from registry.notifications.transport import LeasedNotice, NoticeRejected


class AituTransport:
    """Sends notices to linked Aitu accounts; release it with ``close``."""

    channel = Channel.AITU

    def __init__(self, bot: AituBot) -> None:
        self._bot = bot
        self._client = AituClient(bot)

    def reaches(self, to: Recipient) -> bool:
        """True when the person has linked an Aitu account."""
        return to.aitu_id is not None

    def send(self, notice: LeasedNotice, to: Recipient, entries: Sequence[Mapping[str, Any]]) -> None:
        """Send one message. Raises NoticeRejected and ChannelUnavailable."""
        if to.aitu_id is None or to.person_id is None:
            raise NoticeRejected("no Aitu account is linked", for_good=True)
        text = render_message(self._bot.public_url, to.languages[0], entries, is_digest=notice.is_digest)
        try:
            self._client.send_message(to.aitu_id, notice.key, text)
        except NoticeRejected:
            mark_rejected(to.person_id, rejected=True)
            raise
        mark_rejected(to.person_id, rejected=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
