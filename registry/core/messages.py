"""Messages by code, of errors, commands and e-mails. The texts are English; registry/translations/ translates them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from registry.core.translations import Language, translate

# Of each subject: code → English text with {parameters}.
MESSAGES_OF: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    Path(__file__).with_name("messages.toml").read_text(encoding="utf-8")
)
MESSAGES: Final[Mapping[str, str]] = {
    code: text for messages in MESSAGES_OF.values() for code, text in messages.items()
}


class MessageUnknown(LookupError):
    """There is no message with this code: a programming error, not a user error."""


def message(code: str, language: Language, params: Mapping[str, object] | None = None) -> str:
    """Return the message ``code`` in ``language`` with its parameters filled in. Raises MessageUnknown."""
    text = MESSAGES.get(code)
    if text is None:
        raise MessageUnknown(code)
    return translate(text, language).format_map(params or {})


def extract(file: IO[bytes], *_args: Any, **_options: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """Return the texts by code of a file for the catalogues, as Babel asks for them; babel.cfg names the files."""
    for messages in tomllib.load(file).values():
        for text in messages.values():
            yield 1, None, text, []
