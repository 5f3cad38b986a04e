"""Kinds of values: what a single field may hold. Types are strict, as in JSON; a refusal has a code and parameters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlsplit

from registry.core.bin_numbers import is_bin
from registry.core.clock import today

EARLIEST = date(1991, 12, 16)
YEARS_AHEAD = 10
LATEST_PLANNED_END = date(2060, 12, 31)
LARGEST_AMOUNT = 10**15
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# U+FFFE and U+FFFF stand for nothing: no XLSX could give back a text that has them.
NOT_FOR_INTERCHANGE = "\ufffe\uffff"
# \x22 is a quotation mark: written so because generated clients copy the pattern into their own source.
EMAIL = re.compile(r"[^@\s,;<>\x22]+@[^@\s,;<>\x22]+\.[^@\s,;<>\x22.]+")


class InvalidValue(Exception):
    """A value that its field cannot hold."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params


class Kind(Protocol):
    """Turns what was sent into what is kept, None for a missing value, or raises InvalidValue."""

    def accept(self, value: object) -> Any: ...


@dataclass(frozen=True, slots=True)
class Text:
    """Up to ``limit`` characters, trimmed; blank is missing, and so is what shows nothing.

    Control characters but tab and newline are refused.
    """

    limit: int = 200

    def accept(self, value: object) -> str | None:
        """The trimmed text."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        text = value.replace("\r\n", "\n").strip()
        found = control_character(text, but="\t\n")
        if found is not None:
            raise InvalidValue("control-character", character=f"U+{ord(found):04X}")
        if len(text) > self.limit:
            raise InvalidValue("too-long", limit=self.limit, length=len(text))
        return text if is_visible(text) else None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a fixed set of words."""

    options: tuple[str, ...]

    def accept(self, value: object) -> str | None:
        """The word itself."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        if value not in self.options:
            raise InvalidValue("not-a-choice", options=", ".join(self.options))
        return value


@dataclass(frozen=True, slots=True)
class Day:
    """A date written ``YYYY-MM-DD`` and nothing else, from independence day to ten years ahead or to ``latest``."""

    latest: date | None = None

    def accept(self, value: object) -> date | None:
        """The date."""
        if value is None:
            return None
        day = exact_day(value)
        latest = self.latest or years_ahead(today(), YEARS_AHEAD)
        if not EARLIEST <= day <= latest:
            raise InvalidValue("date-out-of-range", earliest=EARLIEST.isoformat(), latest=latest.isoformat())
        return day


@dataclass(frozen=True, slots=True)
class AnyDay:
    """A date written ``YYYY-MM-DD``, of any year."""

    def accept(self, value: object) -> date | None:
        """The date."""
        return None if value is None else exact_day(value)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number; money is in whole tenge."""

    smallest: int = 0
    largest: int = LARGEST_AMOUNT

    def accept(self, value: object) -> int | None:
        """The number. True and 1.0 are not whole numbers here."""
        if value is None:
            return None
        if type(value) is not int:
            raise InvalidValue("expected-whole-number")
        if not self.smallest <= value <= self.largest:
            raise InvalidValue("number-out-of-range", smallest=self.smallest, largest=self.largest)
        return value


@dataclass(frozen=True, slots=True)
class Ids:
    """One to ``most`` ids of rows."""

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
    """true or false."""

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
    """An http or https address, without a user name or password: everybody who sees the project sees it."""

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
    """Whether a reader sees anything: blanks, zero-width letters and marks of direction alone are nothing."""
    if text.isprintable():
        return text != ""
    return any(unicodedata.category(letter) not in ("Cc", "Cf", "Zs", "Zl", "Zp") for letter in text)


def control_character(text: str, but: str = "") -> str | None:
    """The first control character, lone surrogate or letter that XML cannot hold in a text, None when it has none."""
    if text.isprintable():
        return None
    unusable = ("Cc", "Cs")
    return next(
        (
            one
            for one in text
            if one not in but and (unicodedata.category(one) in unusable or one in NOT_FOR_INTERCHANGE)
        ),
        None,
    )


def exact_day(value: object) -> date:
    """``YYYY-MM-DD`` in ASCII digits as a date. Raises InvalidValue: ISO 8601 has more forms, which are refused."""
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise InvalidValue("expected-date")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InvalidValue("no-such-date") from error


def years_ahead(day: date, years: int) -> date:
    """The same calendar day ``years`` later; 29 February becomes the 28th where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
