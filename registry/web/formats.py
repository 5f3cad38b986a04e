"""Locale formats of dates, money and numbers. The server formats them, because browsers' Kazakh data is wrong."""

import re
from datetime import date, datetime
from typing import Any, Final

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_decimal
from flask import Flask
from markupsafe import Markup, escape

from registry.core.clock import ALMATY, local_date, today
from registry.core.translations import LOCALES, load_translations
from registry.freeze.dates import format_deadline
from registry.web.current_user import page_locale

# gettext for pages, in the page's language. The catalogues are loaded by ``registry.core.translations``.


def gettext(text: str) -> str:
    """Translate a text into the page's language."""
    return load_translations(page_locale()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """Translate a text with a count into the page's language."""
    return load_translations(page_locale()).ngettext(one, many, count)


def init_translations(app: Flask) -> None:
    """Register ``_()`` and ``ngettext()`` as template globals."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    environment: Any = app.jinja_env
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)


CLDR: Final = {language: Locale.parse(locale) for language, locale in LOCALES.items()}
TENGE: Final = "₸"
NO_BREAK: Final = "\u00a0"
NARROW_NO_BREAK: Final = "\u202f"
NOTHING: Final = "–"
WHOLE: Final = "#,##0"
ONE_DECIMAL: Final = "#,##0.0"
# What keeps its capital within a sentence.
PROPER_NAMES: Final = ("QazTech", "Комисси")
# Numbers of projects and letters.
RECORD_NUMBER: Final = re.compile(r"\bQ[TL]-[0-9]{4}-[0-9]+(?:-[0-9])?\b")


def day(value: date | str | None) -> str:
    """Format a date, such as 20 January 2026; ``–`` for None. Accepts ISO texts as in JSON."""
    if value is None or value == "":
        return NOTHING
    parsed = date.fromisoformat(value) if isinstance(value, str) else value
    return _plain(format_date(parsed, "long", locale=_locale()))


def short_day(value: date | str | None) -> str:
    """Format a date in figures for tables, such as 20.01.2026."""
    if value is None or value == "":
        return NOTHING
    return (date.fromisoformat(value) if isinstance(value, str) else value).strftime("%d.%m.%Y")


def deadline(value: date | str) -> str:
    """Format the last day for something: not later than 20 January 2026 (inclusive)."""
    return format_deadline(date.fromisoformat(value) if isinstance(value, str) else value, page_locale())


def month(value: date) -> str:
    """Format a month, such as January 2026."""
    text = _plain(format_skeleton("yMMMM", value, locale=_locale()))
    return text[:1].upper() + text[1:]


def local_day(value: datetime | None) -> str:
    """Format the date of a timestamp in Almaty."""
    return day(None if value is None else local_date(value))


def days_since(value: datetime) -> int:
    """Return the calendar days in Almaty since a timestamp."""
    return (today() - local_date(value)).days


def moment(value: datetime | str | None) -> str:
    """Format a timestamp in Almaty time, to the minute."""
    if value is None or value == "":
        return NOTHING
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    local = parsed.astimezone(ALMATY)
    return f"{_plain(format_date(local, 'long', locale=_locale()))}, {format_datetime(local, 'HH:mm')}"


def number(value: float | None) -> str:
    """Format a number with thousands separators."""
    return NOTHING if value is None else _plain(format_decimal(value, locale=_locale()))


def money(value: int | None) -> str:
    """Format whole tenge."""
    return NOTHING if value is None else f"{number(value)}{NO_BREAK}{TENGE}"


def millions(value: int | None) -> str:
    """Format whole tenge as whole millions, for narrow columns."""
    if value is None:
        return NOTHING
    return _plain(format_decimal(value / 1_000_000, format=WHOLE, locale=_locale()))


def money_in_short(value: int) -> str:
    """Format whole tenge for a sentence: in whole millions, below one million exactly."""
    if value < 1_000_000:
        return money(value)
    return (gettext("%(num)s million ₸") % {"num": millions(value)}).replace(" ", NO_BREAK)


def one_decimal(value: float | None) -> str:
    """Format a number with exactly one decimal, so that columns align."""
    return NOTHING if value is None else _plain(format_decimal(value, format=ONE_DECIMAL, locale=_locale()))


def percent(value: float | None) -> str:
    """Format a share from 0 to 100 in percent."""
    return NOTHING if value is None else f"{one_decimal(value)}{_percent_sign()}"


def whole_percent(value: float) -> str:
    """Format a share from 0 to 100 in whole percent, for charts."""
    return f"{round(value)}{_percent_sign()}"


def numbered(value: object) -> str:
    """Return the number of a record as titles and links name it: No. 17."""
    return (gettext("No. %(number)s") % {"number": value}).replace(" ", NO_BREAK)


def within_sentence(label: str) -> str:
    """Return a label with a small first letter, unless it begins with a proper name."""
    return label if label.startswith(PROPER_NAMES) else label[:1].lower() + label[1:]


def unbroken_numbers(text: str) -> Markup:
    """Return a text as HTML in which no line ends within the number of a project or a letter."""
    return Markup(RECORD_NUMBER.sub(r'<span class="number">\g<0></span>', str(escape(text))))  # noqa: S704


def init_formats(app: Flask) -> None:
    """Register the template filters."""
    formats = (
        day,
        short_day,
        deadline,
        month,
        local_day,
        days_since,
        moment,
        number,
        money,
        millions,
        money_in_short,
        one_decimal,
        percent,
        whole_percent,
    )
    for format_ in (*formats, numbered, within_sentence, unbroken_numbers):
        app.add_template_filter(format_, format_.__name__)


def _percent_sign() -> str:
    # English writes it beside the number, Kazakh and Russian after a space.
    return "%" if page_locale() == "en" else f"{NO_BREAK}%"


def _locale() -> Locale:
    return CLDR[page_locale()]


def _plain(text: str) -> str:
    # Many fonts lack the narrow no-break space.
    return text.replace(NARROW_NO_BREAK, NO_BREAK)
