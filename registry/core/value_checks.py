"""Checks of single values: visible text, control characters, dates. A failed check has a code and parameters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from marshmallow import ValidationError

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# U+FFFE and U+FFFF are not characters, and XML cannot contain them: an XLSX export would be unreadable.
NONCHARACTERS = "\ufffe\uffff"


@dataclass(frozen=True, slots=True)
class FieldError:
    """A validation error of a field: a message code and its parameters."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


class InvalidValue(ValidationError):
    """A marshmallow ValidationError with one FieldError, which its ``code`` and ``params`` give."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__([FieldError(code, params)])
        self.code = code
        self.params = params


def is_visible(text: str) -> bool:
    """True unless the text consists only of blanks, zero-width characters and direction marks."""
    if text.isprintable():
        return text != ""
    return any(unicodedata.category(letter) not in ("Cc", "Cf", "Zs", "Zl", "Zp") for letter in text)


def control_character(text: str, but: str = "") -> str | None:
    """The first control character, lone surrogate or noncharacter of a text, except those in ``but``; None if none."""
    if text.isprintable():
        return None
    unusable = ("Cc", "Cs")
    return next(
        (one for one in text if one not in but and (unicodedata.category(one) in unusable or one in NONCHARACTERS)),
        None,
    )


def exact_day(value: object) -> date:
    """Parse ``YYYY-MM-DD`` in ASCII digits. Raises InvalidValue, also for the other forms of ISO 8601."""
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise InvalidValue("expected-date")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InvalidValue("no-such-date") from error


def years_ahead(day: date, years: int) -> date:
    """The same calendar day ``years`` later; 29 February becomes 28 February in a common year."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
