"""Field types: validation of single values. Types are strict, as in JSON; an error has a code and parameters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlsplit

from registry.core.bin_numbers import is_bin
from registry.core.clock import today

MIN_DATE = date(1991, 12, 16)
YEARS_AHEAD = 10
MAX_PLANNED_END = date(2060, 12, 31)
MAX_AMOUNT = 10**15
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# U+FFFE and U+FFFF are not characters, and XML cannot contain them: an XLSX export would be unreadable.
NONCHARACTERS = "\ufffe\uffff"
# \x22 is a quotation mark, escaped because generated clients copy the pattern into their own source.
EMAIL = re.compile(r"[^@\s,;<>\x22]+@[^@\s,;<>\x22]+\.[^@\s,;<>\x22.]+")


class InvalidValue(Exception):
    """A value that its field type does not accept."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params


class Kind(Protocol):
    """A field type: ``accept`` returns the value to store, None for a missing one, or raises InvalidValue."""

    def accept(self, value: object) -> Any: ...


@dataclass(frozen=True, slots=True)
class Text:
    """Up to ``limit`` characters, trimmed; blank or invisible text counts as missing.

    Control characters other than tab and newline are invalid.
    """

    limit: int = 200

    def accept(self, value: object) -> str | None:
        """The trimmed text."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        text = value.replace("\r\n", "\n").strip()
        character = control_character(text, but="\t\n")
        if character is not None:
            raise InvalidValue("control-character", character=f"U+{ord(character):04X}")
        if len(text) > self.limit:
            raise InvalidValue("too-long", limit=self.limit, length=len(text))
        return text if is_visible(text) else None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a fixed set of codes."""

    options: tuple[str, ...]

    def accept(self, value: object) -> str | None:
        """The code, unchanged."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        if value not in self.options:
            raise InvalidValue("not-a-choice", options=", ".join(self.options))
        return value


@dataclass(frozen=True, slots=True)
class Day:
    """A date as ``YYYY-MM-DD``, from Independence Day (1991-12-16) to ten years ahead or to ``latest``."""

    latest: date | None = None

    def accept(self, value: object) -> date | None:
        """The date."""
        if value is None:
            return None
        day = exact_day(value)
        latest = self.latest or years_ahead(today(), YEARS_AHEAD)
        if not MIN_DATE <= day <= latest:
            raise InvalidValue("date-out-of-range", earliest=MIN_DATE.isoformat(), latest=latest.isoformat())
        return day


@dataclass(frozen=True, slots=True)
class AnyDay:
    """A date as ``YYYY-MM-DD`` in any year."""

    def accept(self, value: object) -> date | None:
        """The date."""
        return None if value is None else exact_day(value)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number; money is in whole tenge."""

    smallest: int = 0
    largest: int = MAX_AMOUNT

    def accept(self, value: object) -> int | None:
        """The number. ``True`` and ``1.0`` are not accepted."""
        if value is None:
            return None
        if type(value) is not int:
            raise InvalidValue("expected-whole-number")
        if not self.smallest <= value <= self.largest:
            raise InvalidValue("number-out-of-range", smallest=self.smallest, largest=self.largest)
        return value


@dataclass(frozen=True, slots=True)
class Ids:
    """A list of 1 to ``most`` row ids."""

    most: int = 500

    def accept(self, value: object) -> list[int] | None:
        """The ids."""
        if value is None:
            return None
        if not isinstance(value, list) or any(type(each) is not int or not 0 < each < 2**31 for each in value):
            raise InvalidValue("expected-ids")
        if not 0 < len(value) <= self.most:
            raise InvalidValue("number-of-ids", largest=self.most)
        return value


@dataclass(frozen=True, slots=True)
class YesNo:
    """A boolean."""

    def accept(self, value: object) -> bool | None:
        """The boolean."""
        if value is None or isinstance(value, bool):
            return value
        raise InvalidValue("expected-true-or-false")


@dataclass(frozen=True, slots=True)
class Bin:
    """A business identification number of 12 digits with its check digit."""

    def accept(self, value: object) -> str | None:
        """The BIN."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        if not is_bin(value):
            raise InvalidValue("bin-invalid")
        return value


@dataclass(frozen=True, slots=True)
class Email:
    """One e-mail address."""

    text: Text = field(default_factory=Text)

    def accept(self, value: object) -> str | None:
        """The address as written."""
        text = self.text.accept(value)
        if text is not None and not EMAIL.fullmatch(text):
            raise InvalidValue("email-invalid")
        return text


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL without credentials: everybody who may see the project may see the URL."""

    text: Text = field(default_factory=Text)

    def accept(self, value: object) -> str | None:
        """The address as written."""
        text = self.text.accept(value)
        if text is None:
            return None
        try:
            parts = urlsplit(text)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\\]", text)
            # Reading the port raises ValueError when it is no port; an encoded host means another one to some clients.
            usable = usable and parts.port != 0 and "%" not in parts.netloc
        except ValueError as error:
            raise InvalidValue("url-invalid") from error
        if not usable:
            raise InvalidValue("url-invalid")
        if "@" in parts.netloc:
            raise InvalidValue("url-with-credentials")
        return text


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
