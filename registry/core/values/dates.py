"""Dates as people write them: day first, with month names in three languages, and as Excel's numbers."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from registry.core.value_checks import DAY, InvalidValue
from registry.core.values.texts import comparable, is_blank

DASH: Final = "\\-\u2010\u2011\u2013\u2014"
TIME: Final = r"(?:[T\s]\s*[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)?"
# "г.", "года", "ж.", "жылы" behind the year.
YEAR_WORD: Final = r"(?:\s*+(?:г(?:ода?|\.)?|ж(?:\.|ыл[а-яёәғқңөұүһі]*)?|y\.?))?"
NUMERIC: Final = re.compile(
    rf"([0-9]{{1,4}})\s*([./{DASH}])\s*([0-9]{{1,2}})\s*[./{DASH}]\s*([0-9]{{1,4}}){YEAR_WORD}{TIME}\s*\.?",
    re.IGNORECASE,
)
NAMED: Final = (
    # 2 марта 2026 г., «02» марта 2026 года, 2 наурыз 2026 ж., 2-Mar-2026
    re.compile(
        rf"[«\"“„]?(?P<day>[0-9]{{1,2}})[»\"”“]?[\s{DASH}.]*(?P<month>[^\W\d_]{{3,}})\.?[\s{DASH},]*(?P<year>[0-9]{{2,4}}){YEAR_WORD}\s*\.?",
        re.IGNORECASE,
    ),
    # 2026 жылғы 2 наурыз, 2026 ж. 2 наурыз
    re.compile(
        rf"(?P<year>[0-9]{{4}}){YEAR_WORD}[\s,]*[«\"“„]?(?P<day>[0-9]{{1,2}})[»\"”“]?[\s\-]*(?P<month>[^\W\d_]{{3,}})\.?",
        re.IGNORECASE,
    ),
    # March 2, 2026
    re.compile(r"(?P<month>[^\W\d_]{3,})\.?\s+(?P<day>[0-9]{1,2}),?\s+(?P<year>[0-9]{4})", re.IGNORECASE),
)
MONTHS: Final[tuple[tuple[str, ...], ...]] = (
    ("январь", "января", "қаңтар", "january"),
    ("февраль", "февраля", "ақпан", "february"),
    ("март", "марта", "наурыз", "march"),
    ("апрель", "апреля", "сәуір", "april"),
    ("май", "мая", "мамыр", "may"),
    ("июнь", "июня", "маусым", "june"),
    ("июль", "июля", "шілде", "july"),
    ("август", "августа", "тамыз", "august"),
    ("сентябрь", "сентября", "қыркүйек", "september"),
    ("октябрь", "октября", "қазан", "october"),
    ("ноябрь", "ноября", "қараша", "november"),
    ("декабрь", "декабря", "желтоқсан", "december"),
)
COMPARABLE_MONTHS: Final = tuple(tuple(map(comparable, names)) for names in MONTHS)
MIN_MONTH_LETTERS: Final = 3
YEAR_DIGITS: Final = 4
MONTHS_A_YEAR: Final = 12
# A number without a date format in a spreadsheet: days since 1899-12-30. From 1982 to 2064.
SERIAL: Final = re.compile(r"([3-5][0-9]{4})(?:[.,][0-9]+)?")
SERIAL_ZERO: Final = date(1899, 12, 30)
# A year, a month with a year, a quarter, a half-year.
INCOMPLETE: Final = re.compile(
    rf"(?:[0-9]{{1,2}}[./{DASH}])?(?:19|20)[0-9]{{2}}{YEAR_WORD}\s*\.?|[^\W\d_]{{3,}}\.?\s+(?:19|20)[0-9]{{2}}{YEAR_WORD}\s*\.?"
    rf"|.*(?:кварт|\bкв\b|тоқсан|quarter|\bq[1-4]\b|полугод|жартыжыл).*",
    re.IGNORECASE,
)
WRITTEN_DAY: Final = rf"[0-9]{{1,4}}[./{DASH}][0-9]{{1,2}}[./{DASH}][0-9]{{1,4}}"
RANGE: Final = re.compile(
    rf"\D*{WRITTEN_DAY}\D+{WRITTEN_DAY}\D*|\D*(?:19|20)[0-9]{{2}}\s*[{DASH}]\s*(?:19|20)[0-9]{{2}}\D*"
)
MAX_LENGTH: Final = 60


def read_day(text: str) -> str:
    """The date as ``YYYY-MM-DD``; "" for a blank text or a dash; a text that is no date as it is.

    Raises InvalidValue for a month above 12, a year of two digits, a date without a day, and two dates.
    """
    if DAY.fullmatch(text):
        return text
    written = " ".join(text.split())
    if is_blank(written):
        return ""
    if len(written) > MAX_LENGTH or not written.isprintable():
        return text
    if numeric := NUMERIC.fullmatch(written):
        first, _, middle, last = numeric.groups()
        return _iso(first, middle, last) if len(first) == YEAR_DIGITS else _iso(last, middle, first)
    if serial := SERIAL.fullmatch(written):
        return (SERIAL_ZERO + timedelta(days=int(serial[1]))).isoformat()
    for pattern in NAMED:
        named = pattern.fullmatch(written)
        month = _month(named["month"]) if named else None
        if named and month is not None:
            return _iso(named["year"], str(month), named["day"])
    if RANGE.fullmatch(written):
        raise InvalidValue("date-range")
    if INCOMPLETE.fullmatch(written):
        raise InvalidValue("date-incomplete")
    return written


def _iso(year: str, month: str, day: str) -> str:
    if len(year) != YEAR_DIGITS:
        raise InvalidValue("date-year-short")
    if not 1 <= int(month) <= MONTHS_A_YEAR:
        raise InvalidValue("date-month-wrong", month=int(month))
    return f"{year}-{month:0>2}-{day:0>2}"


def _month(word: str) -> int | None:
    """The number of the month that the word names or abbreviates."""
    name = comparable(word)
    if len(name) < MIN_MONTH_LETTERS:
        return None
    places = (place for place, names in enumerate(COMPARABLE_MONTHS, 1) if any(each.startswith(name) for each in names))
    return next(places, None)
