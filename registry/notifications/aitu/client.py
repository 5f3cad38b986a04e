"""Client of Aitu's bot API: sends messages and reads updates (https://btsdigital.github.io/bot-api-contract/)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import requests

from registry.core.trace_context import outgoing_headers
from registry.notifications.aitu.settings import AituBot
from registry.notifications.transport import ChannelUnavailable, NoticeRejected

# Seconds to connect and to wait for an answer. Updates are read by long polling: silence means that there are none.
TIMEOUT_S: Final = (5, 10)
MAX_REASON_LENGTH: Final = 200
# The contract names no statuses of errors. These say that the whole service is not served now, not this message.
NOT_SERVED: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)


class AituClient:
    """Calls the API over one session; release it with ``close``. The token is in a header, never in a log."""

    def __init__(self, bot: AituBot) -> None:
        self._bot = bot
        # The slash belongs to the endpoint: without it the API would redirect, and redirects are not followed.
        self._updates = f"{bot.api_url}/updates/"
        self._session = requests.Session()
        self._session.headers["X-BOT-TOKEN"] = bot.token

    def send_message(self, user_id: str, local_id: str, text: str) -> None:
        """Send one text to one user. Raises NoticeRejected and ChannelUnavailable.

        ``local_id`` comes back in the update ``MessageIdAssigned``.
        """
        command = {
            "type": "SendMessage",
            "localId": local_id,
            "recipient": {"type": "USER", "id": user_id},
            "content": text,
        }
        self._call("POST", {"commands": [command]})

    def read_updates(self) -> list[dict[str, Any]]:
        """Take the waiting updates: the API does not give them again. Raises NoticeRejected and ChannelUnavailable."""
        try:
            answer = self._call("GET", None)
        except requests.ReadTimeout:
            return []
        try:
            updates = answer.json()["updates"]
        except (ValueError, KeyError, TypeError) as error:
            raise ChannelUnavailable("the answer holds no updates") from error
        return [each for each in updates if isinstance(each, dict)] if isinstance(updates, list) else []

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _call(self, method: str, body: dict[str, Any] | None) -> requests.Response:
        try:
            answer = self._session.request(
                method,
                self._updates,
                json=body,
                headers=outgoing_headers(),
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.ReadTimeout as error:
            if method == "GET":
                raise
            raise ChannelUnavailable("no answer in time") from error
        except requests.RequestException as error:
            # Its text may repeat the address only; the cause says enough.
            raise ChannelUnavailable(type(error).__name__) from error
        if answer.status_code == HTTPStatus.OK:
            return answer
        reason = self._reason(answer)
        if answer.status_code in NOT_SERVED or not 400 <= answer.status_code < 500:
            raise ChannelUnavailable(reason)
        raise NoticeRejected(reason, for_good=True)

    def _reason(self, answer: requests.Response) -> str:
        text = "".join(character if character.isprintable() else " " for character in answer.text[:2000])
        plain = " ".join(text.replace(self._bot.token, "…").split())
        return f"{answer.status_code} {plain}"[:MAX_REASON_LENGTH].strip()
