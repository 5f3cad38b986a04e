"""Date arithmetic with calendar months, and the formatting of dates and amounts."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

_A_DAY = timedelta(days=1)
_ENGLISH_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_RUSSIAN_MONTHS = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)
# After these words the Kazakh language asks "from when", so a deadline cannot be put together from the month's name.
_KAZAKH_MONTHS_FROM = (
    "қаңтардан",
    "ақпаннан",
    "наурыздан",
    "сәуірден",
    "мамырдан",
    "маусымнан",
    "шілдеден",
    "тамыздан",
    "қыркүйектен",
    "қазаннан",
    "қарашадан",
    "желтоқсаннан",
)


def add_months(day: date, months: int) -> date:
    """Return the same day ``months`` calendar months later, or that month's last day: 29 February gives 28 February."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


class RecordingDate(date):
    """A date that records the later dates from which on its comparisons would come out differently."""

    boundaries: set[date]

    @classmethod
    def of(cls, day: date) -> RecordingDate:
        """Return the date, with no boundary recorded yet."""
        recording = cls(day.year, day.month, day.day)
        recording.boundaries = set()
        return recording

    def __lt__(self, other: date) -> bool:
        if is_earlier := super().__lt__(other):
            self.boundaries.add(other)
        return is_earlier

    def __ge__(self, other: date) -> bool:
        return not self < other

    def __le__(self, other: date) -> bool:
        if is_not_later := super().__le__(other):
            self.boundaries.add(other + _A_DAY)
        return is_not_later

    def __gt__(self, other: date) -> bool:
        return not self <= other


def iso(day: date | None) -> str | None:
    """Return the date as YYYY-MM-DD; None for None."""
    return None if day is None else day.isoformat()


def format_date(day: date, language: str) -> str:
    """Return the date for a text: 5 January 2026 in English, 05.01.2026 in other languages.

    Does not use strftime, which depends on the machine's locale.
    """
    if language == "en":
        return f"{day.day} {_ENGLISH_MONTHS[day.month - 1]} {day.year}"
    return f"{day.day:02}.{day.month:02}.{day.year}"


def grouped(amount: int, language: str) -> str:
    """Return an amount for a text, its thousands apart: 5,000 in English, with no-break spaces in other languages."""
    return f"{amount:,}" if language == "en" else f"{amount:,}".replace(",", "\N{NO-BREAK SPACE}")


# What says of a last day that it is included: a bare «до» is read both ways.
_INCLUSIVE = {"kk": "(қоса алғанда)", "ru": "(включительно)", "en": "(inclusive)"}


def format_last_day(day: date, language: str) -> str:
    """Return the last day for something, where a sentence or a label says for what."""
    return f"{format_date(day, language)} {_INCLUSIVE[language]}"


def format_deadline(day: date, language: str) -> str:
    """Return the last day for something as state bodies write it, so that nobody can read it as excluded."""
    if language == "kk":
        return f"{day.year} жылғы {day.day} {_KAZAKH_MONTHS_FROM[day.month - 1]} кешіктірмей {_INCLUSIVE[language]}"
    if language == "ru":
        return f"не позднее {day.day} {_RUSSIAN_MONTHS[day.month - 1]} {day.year} года {_INCLUSIVE[language]}"
    return f"not later than {format_last_day(day, 'en')}"
