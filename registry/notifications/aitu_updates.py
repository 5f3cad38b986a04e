"""Updates of the bot: codes that people send, and confirmations of sent messages.

The API gives each update once. A code that a killed service had read is lost: the person sends it again, and the link
is not there until then.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from registry.accounts.attempts import TooManyAttempts
from registry.core.errors import Conflict
from registry.core.messages import message
from registry.core.translations import LANGUAGES, OFFICIAL_LANGUAGES
from registry.notifications.aitu import AituAccountTaken, AituClient, has_valid_code, link_with_code
from registry.notifications.delivery import confirm_sent
from registry.notifications.models import Channel
from registry.notifications.settings import AituBot
from registry.notifications.transport import ChannelUnavailable, NoticeRejected

log = logging.getLogger(__name__)

UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read_updates_when_codes_are_valid(bot: AituBot) -> int | None:
    """Read updates while a code is valid. Return how many; None when none is.

    At other times people's messages to the bot concern nobody, and are left unread.
    """
    return read_updates(bot) if has_valid_code() else None


def read_updates(bot: AituBot) -> int:
    """Read the waiting updates and act on them. Return how many; 0 when the API cannot be used."""
    client = AituClient(bot)
    try:
        updates = client.read_updates()
        for each in updates:
            _handle(client, each)
    except (ChannelUnavailable, NoticeRejected) as error:
        log.error("the updates of the Aitu bot cannot be read: %s", error)  # noqa: TRY400 - its reason says all
        return 0
    finally:
        client.close()
    return len(updates)


def _handle(client: AituClient, each: Mapping[str, Any]) -> None:
    match each:
        case {"type": "MessageIdAssigned", "localId": str(key)}:
            confirm_sent(Channel.AITU, key)
        case {
            "type": "Message",
            "author": {"type": "USER", "id": str(user_id)},
            "dialog": {"type": "USER" | "BOT"},
            "content": str(content),
        } if UUID.fullmatch(user_id):
            _answer(client, user_id.lower(), content)
        case _:
            # Groups, channels, buttons: the bot has no use for them.
            pass


def _answer(client: AituClient, user_id: str, content: str) -> None:
    """Link the account whose code it is, and reply. Whoever sends too many wrong codes gets no reply any more."""
    try:
        language = link_with_code(user_id, content)
    except TooManyAttempts:
        return
    except AituAccountTaken as error:
        reply = _in_official_languages(error.code)
    except Conflict as error:
        reply = _in_official_languages(error.code)
    else:
        reply = message("aitu-linked", next(each for each in LANGUAGES if each == language))
    try:
        client.send_message(user_id, secrets.token_hex(16), reply)
    except (ChannelUnavailable, NoticeRejected) as error:
        log.warning("the Aitu bot could not reply: %s", error)


def _in_official_languages(code: str) -> str:
    return "\n\n".join(message(code, language) for language in OFFICIAL_LANGUAGES)
