"""The message catalogue: texts in three languages by code, read from ``messages.toml`` beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from registry.core.languages import Language

CATALOGUE = Path(__file__).with_name("messages.toml")


class MessageUnknown(LookupError):
    """The catalogue has no message with this code: a programming error, not a user error."""


# Read once: 6 ms.
@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """All messages: code → language → template with ``{parameter}`` placeholders."""
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


def message(code: str, language: Language, params: Mapping[str, object] | None = None) -> str:
    """The message ``code`` in ``language`` with its parameters filled in. Raises MessageUnknown."""
    entry = catalogue().get(code)
    if entry is None:
        raise MessageUnknown(code)
    return entry[language].format_map(params or {})
