"""Messages for Aitu: kinds of events, numbers and links. Never findings, names, figures or personal data.

Aitu's servers are not the register's: a message must say nothing that a stranger should not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from registry.core.languages import Language
from registry.core.messages import message
from registry.notifications.email_texts import notice_part, notice_subject
from registry.notifications.kinds import KINDS

# Of the contract, counted as Java does: in UTF-16 code units.
MAX_UNITS: Final = 4096
# How many references of each kind are named: as many as fit.
REFERENCES: Final = (20, 10, 5, 3, 2, 1, 0)


def render_message(
    public_url: str, language: Language, entries: Sequence[Mapping[str, Any]], *, is_digest: bool
) -> str:
    """Render a message, identically at each attempt, of at most 4,096 UTF-16 code units."""
    for most in REFERENCES:
        text = _text(public_url, language, entries, is_digest, most)
        if utf16_units(text) <= MAX_UNITS:
            return text
    return "\n\n".join([notice_subject(entries, language, is_digest), public_url, message("notice-ending", language)])


def utf16_units(text: str) -> int:
    """Return the length of a text as the API counts it."""
    return len(text.encode("utf-16-le")) // 2


def _text(public_url: str, language: Language, entries: Sequence[Mapping[str, Any]], is_digest: bool, most: int) -> str:
    parts = [message("notice-digest", language)] if is_digest else []
    parts += [notice_part(public_url, _named(each, most), language) for each in entries]
    if any(KINDS[each["kind"]] == "account" for each in entries):
        parts.append(message("notice-not-you", language))
    return "\n\n".join([*parts, message("notice-ending", language)])


def _named(each: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return the entry with its first references, and without the figures of the overview."""
    return {
        **{name: value for name, value in each.items() if name != "figures"},
        "references": each["references"][:most],
    }
