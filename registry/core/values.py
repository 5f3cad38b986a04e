"""Values: checks of single ones, and texts, choices, dates and numbers as people write them."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any, Final, NoReturn

from marshmallow import ValidationError

from registry.core.translations import LANGUAGES, Language, translate
from registry.freeze.vocabulary import Choices

# Checks of single values: visible text, control characters, dates. A failed check has a code and parameters.

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
    """Return the first control character, lone surrogate or noncharacter of a text, except those in ``but``; None if
    none.
    """
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
    """Return the same calendar day ``years`` later; 29 February becomes 28 February in a common year."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


# Comparison of written words regardless of case, blanks, quotes, punctuation and ё/е.

# Excel fills cells with no-break, thin and figure spaces; a leading apostrophe marks a text.
BLANKS: Final = str.maketrans("", "", " \u00a0\u2007\u2009\u202f\t\r\n'\u2019\ufeff\u200b")
# What people write into a cell that has nothing to say.
DASHES: Final = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212")
CYRILLIC: Final = re.compile(r"[\u0400-\u04ff]")
NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")
# Kazakh letters, Latin letters that look like Cyrillic ones, and ъ, which is confused with ь. The usual letters stand
# for themselves: translating one that the table lacks takes ten times as long.
LOOK_ALIKES: Final = {ord(letter): letter for letter in "абвгдежзийклмнопрстуфхцчшщыьэюя 0123456789«»"} | str.maketrans(
    "\u0259\u0275iaeopcxykmtbhәғқңөұүһіъ",
    "аоиаеорсхукмтвнагкноуухиь",
)


# The names of an agency's former records are compared again with each registration.
@lru_cache(maxsize=1 << 14)
def comparable(text: str) -> str:
    """Return the letters and digits of a text in lower case: equal for two spellings of the same words.

    ё is е. In texts with a Cyrillic letter a Kazakh letter is the Russian one that stands in for it, and a Latin letter
    the Cyrillic one that looks like it: both are typed where a keyboard has no Kazakh letters.
    """
    return NOT_ALPHANUMERIC.sub("", _folded(text))


def plain_number(text: str, digits: int = 9) -> int | None:
    """Return the number that a text of ASCII digits alone is, such as an id; None for any other or longer text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def read_json(raw: bytes) -> Any:
    """Return the JSON value in UTF-8 text.

    Raises ValueError for what is none and for what two readers would read differently: duplicate keys, NaN, lone
    surrogates; RecursionError where it is nested too deeply.
    """
    value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    if b"\\ud" in raw.lower():
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key comes twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def is_blank(text: str) -> bool:
    """True for a text without content, or of a single dash."""
    stripped = text.strip()
    return not stripped or stripped in DASHES


def read_boolean(text: str) -> bool | str:
    """True or False for yes or no in the languages of the service; any other text as it is."""
    word = _folded(text.strip()).rstrip(".")
    return True if word in YES else False if word in NO else text.strip()


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
    return folded.translate(LOOK_ALIKES) if CYRILLIC.search(folded) else folded


# Compared with folded words: written as those are.
YES: Final = frozenset(map(_folded, ("true", "1", "yes", "да", "иә", "ия", "истина", "ақиқат", "есть", "бар")))
NO: Final = frozenset(map(_folded, ("false", "0", "no", "нет", "жоқ", "ложь", "жалған")))


# Codes of closed vocabularies by their labels, in all languages of the service.

# Words that say that a place is a town; the labels of towns are without them.
TOWN_WORDS: Final = frozenset({"г", "гор", "город", "қ", "қала", "қаласы", "city"})
FULL_WORDS: Final = {"обл": "область"}
MAX_REMEMBERED: Final = 1000
# Between the names of one choice in two languages, or around its abbreviation.
PARTS: Final = re.compile(r"[/()\n]")
MAX_LENGTH_OF_PARTS: Final = 200


class ChoiceLabels:
    """Finds the code of a label. ``spellings``: code → further words that people write for it."""

    def __init__(self, options: Sequence[str] | type[Choices], spellings: Mapping[str, Sequence[str]]) -> None:
        self._options = options
        self._spellings = spellings
        self._read: dict[str, str | None] = {}

    def code(self, text: str) -> str | None:
        """Return the code that a text names by its label, as code and label, or by a spelling; None when it names
        none.
        """
        if text in self._read:
            return self._read[text]
        code = None if control_character(text, but="\t\r\n") else self._read_code(text)
        # Files repeat few different texts; hostile ones have many.
        if len(self._read) < MAX_REMEMBERED:
            self._read[text] = code
        return code

    def _read_code(self, text: str) -> str | None:
        """Return the code of the whole text, or the one that all its parts name: "Дамыту / Развитие", "Система
        (ИС)".
        """
        code = self._codes.get(_key(text))
        if code is not None or not PARTS.search(text) or len(text) > MAX_LENGTH_OF_PARTS:
            return code
        codes = {self._codes.get(_key(part)) for part in PARTS.split(text) if comparable(part)}
        return codes.pop() if len(codes) == 1 else None

    def english(self) -> list[str]:
        """Return the English labels in the order of the codes; the codes themselves where there are no labels."""
        if not isinstance(self._options, type):
            return list(self._options)
        return [member.label for member in self._options]

    def texts(self, language: Language) -> list[str]:
        """Return the labels in a language, in the order of the codes; the codes themselves where there are no
        labels.
        """
        return [translate(text, language) for text in self.english()]

    def __deepcopy__(self, _memo: object) -> ChoiceLabels:
        # marshmallow copies the fields for each schema.
        return self

    @cached_property
    def _codes(self) -> dict[str, str]:
        """Comparable text → code. A text that stands for two codes is left out."""
        exact = {comparable(code): str(code) for code in self._codes_of_options()}
        named: dict[str, set[str]] = {}
        for code, label in self._labels():
            for text in (label, f"{code} {label}", f"{label} {code}"):
                named.setdefault(_key(text), set()).add(code)
        spelled: dict[str, set[str]] = {}
        for code, texts in self._spellings.items():
            for text in texts:
                spelled.setdefault(_key(text), set()).add(code)
        certain = [{key: min(codes) for key, codes in table.items() if len(codes) == 1} for table in (spelled, named)]
        return {**certain[0], **certain[1], **exact}

    def _codes_of_options(self) -> Sequence[str]:
        return self._options.codes() if isinstance(self._options, type) else self._options

    def _labels(self) -> list[tuple[str, str]]:
        if not isinstance(self._options, type):
            return []
        return [
            (member.value, translate(label, language))
            for member in self._options
            for label in member.labels[:1]
            for language in LANGUAGES
        ]


def _key(text: str) -> str:
    words = text.casefold().replace(".", ". ").split()
    plain = [word.strip(".,") for word in words]
    kept = [FULL_WORDS.get(word, word) for word in plain if word not in TOWN_WORDS]
    return comparable(" ".join(kept or plain))


# Dates as people write them: day first, with month names in three languages, and as Excel's numbers.

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
# "26" is 2026, "91" is 1991: between them no date of the register lies.
SHORT_YEAR_DIGITS: Final = 2
LAST_SHORT_YEAR: Final = 60
FIRST_SHORT_YEAR: Final = 91
MONTHS_A_YEAR: Final = 12
# A number without a date format in a spreadsheet: days since 1899-12-30. From 1982 to 2064.
SERIAL: Final = re.compile(r"([3-5][0-9]{4})(?:[.,][0-9]+)?")
# There is no contract yet, or no end, and so no date.
NO_DAY: Final = frozenset(map(_folded, ("no", "нет", "жоқ", "постоянно", "ежегодно", "тұрақты", "жыл сайын")))
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
# Of folded texts: words of half-years and quarters by their beginnings, and their numbers.
PERIOD_MONTHS: Final = {"кв": 3, "токсан": 3, "q": 3, "полугод": 6, "жартыжыл": 6, "half": 6}
PERIOD_NUMBERS: Final = {
    **{"и": 1, "ии": 2, "иии": 3, "иv": 4, "i": 1, "ii": 2, "iii": 3, "iv": 4},
    **{"перв": 1, "втор": 2, "трет": 3, "четв": 4, "бири": 1, "екин": 2, "ушин": 3, "торт": 4},
}
PERIOD_WORD: Final = re.compile(r"[0-9]+|(?:до )?конца|[^\W\d_]+")
PERIOD_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
# "1-й квартал 2026 г.", "2026 жылғы 1-ші тоқсан"
FILLERS: Final = re.compile("(?:до )?конца|гг?|год[аы]?|году|ж|жыл(?:ы|гы|дар|дары)?|й|ый|ой|о?е|н?ши|н?шы|в|с|y")
# No dash of "1-й" and "2-тоқсан".
BETWEEN_PERIODS: Final = re.compile(rf"(?<![0-9])[{DASH}]|[{DASH}](?![^\W\d_])|\bпо\b")


def read_period(text: str) -> tuple[date, date] | None:
    """Return the first and the last day of a month, quarter, half-year or year, or of two and what lies between them;
    None for other texts.
    """
    halves = [PERIOD_WORD.findall(half) for half in BETWEEN_PERIODS.split(_folded(text[:MAX_LENGTH]))]
    whole = _period([word for half in halves for word in half])
    if whole is not None or len(halves) != len(("first", "last")):
        return whole
    first, last = halves
    # "I–IV кварталы 2026": what one of them says once is said of both.
    begin, end = (_period([*half, *_said_once(half, other)]) for half, other in ((first, last), (last, first)))
    return (begin[0], end[1]) if begin and end and begin < end else None


def _said_once(half: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    if not any(map(PERIOD_YEAR.fullmatch, half)):
        yield from filter(PERIOD_YEAR.fullmatch, other)
    if not any(_months_of_period(word) or _month(word) for word in half):
        yield from filter(_months_of_period, other)


def _months_of_period(word: str) -> int | None:
    return next((months for start, months in PERIOD_MONTHS.items() if word.startswith(start)), None)


def _period(written: Sequence[str]) -> tuple[date, date] | None:
    words = [word for word in written if not FILLERS.fullmatch(word)]
    years = [word for word in words if PERIOD_YEAR.fullmatch(word)]
    lengths = [months for word in words if (months := _months_of_period(word)) is not None]
    numbers = [number for word in words if word not in years and (number := _number_of_period(word)) is not None]
    if len(years) != 1 or len(lengths) > 1 or len(words) != 1 + len(lengths) + len(numbers) or len(numbers) > 1:
        return None
    months = lengths[0] if lengths else 1 if numbers else MONTHS_A_YEAR
    last = months * (numbers[0] if numbers else 1)
    if (lengths and not numbers) or not months <= last <= MONTHS_A_YEAR:
        return None
    end = date(int(years[0]) + last // MONTHS_A_YEAR, last % MONTHS_A_YEAR + 1, 1)
    return date(int(years[0]), last - months + 1, 1), end - timedelta(days=1)


def _number_of_period(word: str) -> int | None:
    if word.isascii() and word.isdigit():
        return int(word[:MAX_DIGITS])
    return PERIOD_NUMBERS.get(word) or PERIOD_NUMBERS.get(word[:4]) or _month(word)


def read_day(text: str) -> str:
    """Return the date as ``YYYY-MM-DD``; "" for a blank text, a dash or "no"; a text that is no date as it is.

    Of a year with two digits the century is that of dates in the register, 1991 to 2060. Raises InvalidValue for a
    month above 12, another year of two digits, a date without a day, and two dates.
    """
    if DAY.fullmatch(text):
        return text
    written = " ".join(text.split())
    if is_blank(written) or _folded(written).rstrip(".") in NO_DAY:
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
    if len(year) == SHORT_YEAR_DIGITS and not LAST_SHORT_YEAR < int(year) < FIRST_SHORT_YEAR:
        year = f"{20 if int(year) <= LAST_SHORT_YEAR else 19}{year}"
    if len(year) != YEAR_DIGITS:
        raise InvalidValue("date-year-short")
    if not 1 <= int(month) <= MONTHS_A_YEAR:
        raise InvalidValue("date-month-wrong", month=int(month))
    return f"{year}-{month:0>2}-{day:0>2}"


def _month(word: str) -> int | None:
    """Return the number of the month that the word names or abbreviates."""
    name = comparable(word)
    if len(name) < MIN_MONTH_LETTERS:
        return None
    places = (place for place, names in enumerate(COMPARABLE_MONTHS, 1) if any(each.startswith(name) for each in names))
    return next(places, None)


# Numbers as people write them: amounts with blanks, separators and ₸, and codes whose zeros a spreadsheet dropped.

WHOLE: Final = re.compile(r"([-\u2212]?)([0-9]+)")
# More digits than the largest valid number has. Further ones are cut: Python converts no texts of thousands of digits.
MAX_DIGITS: Final = 20
TENGE: Final = re.compile(r"^(?:₸|kzt)|(?:₸|тг|тенге|теңге|kzt|tenge)\.?$", re.IGNORECASE)
FOREIGN: Final = re.compile(r"[$€£₽]|\b(?:usd|eur|rub|руб|долл|евро|доллар)", re.IGNORECASE)
MAGNITUDE: Final = re.compile(
    r"[0-9]\s*(?:млн|миллион|mln|million|млрд|миллиард|mlrd|bln|billion|bn|тыс|тысяч|мың|k\b|трлн|trln)",
    re.IGNORECASE,
)
BLANK_GROUPS: Final = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+|[0-9]+(?: [0-9]{3})*")
GROUPED: Final = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})+")
# Digits, or groups of three, then another separator and a fraction.
WITH_FRACTION: Final = re.compile(r"([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+(?=\.)|[0-9]{1,3}(?:\.[0-9]{3})+(?=,))[.,]([0-9]+)")
ONE_GROUP: Final = 3
EXPONENT: Final = re.compile(r"([0-9])[.,]?([0-9]*)e\+?([0-9]{1,2})", re.IGNORECASE)
CODE_PREFIX: Final = re.compile(r"^(?:бин|иин|бсн|жсн|bin|iin)[:№]?", re.IGNORECASE)
ZERO_FRACTION: Final = re.compile(r"([0-9]+)[.,]0+")
# Three digits of a year 2000 and its month are the most zeros that a BIN begins with.
MAX_LOST_ZEROS: Final = 3


def read_whole_number(text: str, unit: int | None = None) -> int | str | None:
    """Return the number that a text writes out, with ₸ or without; None for a blank text or a dash; other texts as
    they are.

    ``unit``: of a column of amounts, 1000 for thousands; the amount is rounded to whole tenge. Without one a fraction
    raises InvalidValue, as do "1.2 млн", other currencies, an exponent, and ``1,200``, which some read as a thousand
    and others as a fraction.
    """
    if plain := WHOLE.fullmatch(text):
        return _number(*plain.groups()) * (unit or 1)
    if is_blank(text):
        return None
    written = " ".join(text.replace("'", " ").replace("\u2019", " ").split())
    if plain := WHOLE.fullmatch(written):
        return _number(*plain.groups()) * (unit or 1)
    if len(written) > MAX_LENGTH or not written.isprintable():
        return written
    if MAGNITUDE.search(written):
        raise InvalidValue("number-in-words")
    if FOREIGN.search(written):
        raise InvalidValue("amount-not-in-tenge")
    amount = TENGE.sub("", TENGE.sub("", written)).strip()
    sign = amount[:1] if amount[:1] in ("-", "\u2212") else ""
    parts = _whole_and_fraction(amount.removeprefix(sign).strip())
    if parts is None:
        return written
    whole, fraction = parts
    if not fraction:
        return _number(sign, whole) * (unit or 1)
    if unit is None:
        raise InvalidValue("number-with-fraction")
    scale: int = 10 ** len(fraction)
    return (2 * int(whole + fraction) * unit + scale) // (2 * scale) * (-1 if sign else 1)


def read_digits(text: str, width: int, lost: int) -> str:
    """Return a code of ``width`` digits without blanks; up to ``lost`` leading zeros, which spreadsheets drop, are
    restored.

    A text that is no such code is returned without its blanks, a dash as "". Raises InvalidValue for an exponent.
    """
    if len(text) == width and text.isascii() and text.isdigit():
        return text
    code = "" if is_blank(text) else text.translate(BLANKS)
    if code.isascii() and code.isdigit():
        return code.zfill(width) if width - lost <= len(code) < width else code
    code = CODE_PREFIX.sub("", code)
    if exponent := EXPONENT.fullmatch(code):
        first, fraction, power = exponent.groups()
        if len(fraction) != int(power):
            raise InvalidValue("number-shortened")
        code = first + fraction
    elif whole := ZERO_FRACTION.fullmatch(code):
        code = whole[1]
    is_short = code.isascii() and code.isdigit() and width - lost <= len(code) < width
    return code.zfill(width) if is_short else code


def _number(sign: str, digits: str) -> int:
    return int(f"{'-' if sign else ''}{digits.lstrip('0')[:MAX_DIGITS] or '0'}")


def _whole_and_fraction(amount: str) -> tuple[str, str] | None:
    """Return the digits of an amount before and behind the decimal separator, "" for zeros; None for other texts."""
    if EXPONENT.fullmatch(amount):
        raise InvalidValue("number-shortened")
    parts = re.split(r"[.,]", amount, maxsplit=1)
    has_blanks = " " in amount
    if has_blanks and not BLANK_GROUPS.fullmatch(parts[0]):
        return None
    amount = amount.replace(" ", "")
    if amount.isascii() and amount.isdigit():
        return amount, ""
    if GROUPED.fullmatch(amount) and not has_blanks:
        return re.sub(r"[.,]", "", amount), ""
    split = WITH_FRACTION.fullmatch(amount)
    if split is None:
        return None
    whole, fraction = split.groups()
    is_grouped = not whole.isdigit()
    if len(fraction) == ONE_GROUP and not is_grouped and whole.strip("0"):
        raise InvalidValue("number-ambiguous")
    return re.sub(r"[.,]", "", whole), fraction.rstrip("0")
