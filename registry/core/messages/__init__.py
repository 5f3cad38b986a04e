"""Messages by code, of errors, commands and e-mails. The texts are English; registry/translations/ translates them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.messages import accounts, cli, doctor, files, http, notifications, records
from registry.core.translations import Language, translate

# Code → English text with {parameters}.
MESSAGES: Final[Mapping[str, str]] = {
    **http.MESSAGES,
    **accounts.MESSAGES,
    **records.MESSAGES,
    **files.MESSAGES,
    **cli.MESSAGES,
    **doctor.MESSAGES,
    **notifications.MESSAGES,
}


class MessageUnknown(LookupError):
    """There is no message with this code: a programming error, not a user error."""


def message(code: str, language: Language, params: Mapping[str, object] | None = None) -> str:
    """Return the message ``code`` in ``language`` with its parameters filled in. Raises MessageUnknown."""
    text = MESSAGES.get(code)
    if text is None:
        raise MessageUnknown(code)
    return translate(text, language).format_map(params or {})
