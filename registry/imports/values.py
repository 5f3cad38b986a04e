"""How the cells of a file are read where it does not say so: unknown words, units of amounts, day and month."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Final

from marshmallow import ValidationError

from registry.core.clock import today
from registry.core.errors import Invalid, Problem
from registry.core.fields import AnyDay, Choice, InputField, YearlyAmounts, labelled_choices, split_entries, split_year
from registry.core.spreadsheets.reader import Row, Table, printable
from registry.core.spreadsheets.rows import shown_value
from registry.core.values import TIME, InvalidValue, comparable, is_blank, read_day, read_period, read_whole_number
from registry.imports.header_search import Header
from registry.imports.headers import BY_YEAR
from registry.projects.fields import FIELDS as PROJECT_FIELDS

# Field → the unit of its amounts, how its dates are read, or word → code, None for an empty cell. A code alone is the
# choice of new projects where the file has no column for it.
Values = Mapping[str, str | Mapping[str, str | None]]
Fields = Mapping[str, InputField]

UNITS: Final = {"one": 1, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
# What dates begin with, which day of a quarter or month is meant, or that the column is left out.
DAY, MONTH, FIRST, LAST, EMPTY = DATE_ANSWERS = ("day", "month", "first", "last", "empty")
WORDS, UNIT, ORDER, DATES = "words", "unit", "order", "dates"
# A column of dates is not taken for the real start of works on its word "Начало" alone: plans have it too.
START: Final = "work_started_on"
REAL_START: Final = re.compile("работ|факт|жумыс|накты|work|actual", re.IGNORECASE)
PLANNED_DATES: Final = ("planned_end_on", "onboarding_due_on")
SLASHED: Final = re.compile(
    rf"([0-9]{{1,2}})/([0-9]{{1,2}})/((?:19|20)[0-9]{{2}}|[0-5][0-9]|60|9[1-9]){TIME}", re.ASCII
)
# Written by a workbook, which has no groups: 14.567 thousand tenge.
THREE_DECIMALS: Final = re.compile(r"(?<![0-9.,])[0-9]{1,3}\.[0-9]{3}(?![0-9.,])")
MONTHS_A_YEAR: Final = 12
# Amounts below it are asked about: of projects, they are rather in thousands.
SMALL_KZT: Final = 100_000
MAX_WORDS: Final = 20
# Distinct cells of a column that are counted: a column of choices has few.
MAX_DISTINCT: Final = 1000
EXAMPLES: Final = 3


def has_unit(name: str) -> bool:
    """True for a field of amounts of money."""
    return name.endswith("_kzt") or isinstance(PROJECT_FIELDS.get(name), YearlyAmounts)


def readers(fields: Fields, values: Values, *, is_workbook: bool) -> dict[str, Callable[[str], object]]:
    """Return what reads the cells of amounts, and of columns whose values were chosen."""
    read: dict[str, Callable[[str], object]] = {}
    for name, field in fields.items():
        chosen = values.get(name)
        if has_unit(name):
            unit = UNITS[str(chosen or "one")]
            read[name] = partial(_amount, field, unit, is_workbook and unit > 1)
        elif chosen == MONTH:
            read[name] = partial(_month_first, field)
        elif chosen in (FIRST, LAST, EMPTY) and isinstance(field, AnyDay):
            read[name] = partial(_day_of_period, field, str(chosen))
        elif isinstance(chosen, Mapping):
            read[name] = partial(_word, field, {word_key(word): code for word, code in chosen.items()})
    return read


def _amount(field: Any, unit: int, is_decimal_point: bool, cell: str) -> object:
    return field.from_text(THREE_DECIMALS.sub(r"\g<0>0", cell) if is_decimal_point else cell, unit)


def _month_first(field: InputField, cell: str) -> object:
    return field.from_text(day_first(cell))


def _day_of_period(field: InputField, chosen: str, cell: str) -> object:
    period = read_period(cell)
    if chosen == EMPTY:
        return None
    return field.from_text(cell) if period is None else period[chosen == LAST].isoformat()


def day_first(date: str) -> str:
    """Return a date that has the month first with the day first."""
    match = SLASHED.fullmatch(date.strip())
    return date if match is None else f"{match[2]}/{match[1]}/{match[3]}"


def _word(field: InputField, codes: Mapping[str, str | None], cell: str) -> object:
    key = word_key(cell)
    if key not in codes:
        return field.from_text(cell)
    code = codes[key]
    return None if code is None else field.from_text(code)


def word_key(word: str) -> str:
    """Return what two spellings of a word have in common; a sign, such as +, is itself."""
    return comparable(word) or word.strip()


def checked_values(fields: Fields, values: Mapping[str, Any]) -> Values:
    """Return the values that are chosen for a file. Raises Invalid with pointer ``/values``."""
    known = {name: _answers(name, field) for name, field in fields.items()}
    problems = []
    for name, chosen in values.items():
        answers = known.get(name, ())
        if not answers:
            askable = ", ".join(each for each, options in known.items() if options)
            problems.append(Problem("/values", "not-a-choice", {"options": askable}))
        elif _is_choice(fields, name, chosen) and chosen in answers:
            continue
        elif isinstance(chosen, Mapping) != bool(labelled_choices(fields[name])):
            problems.append(Problem("/values", "values-invalid"))
        elif set(chosen.values() if isinstance(chosen, Mapping) else [chosen]) - {*answers}:
            problems.append(Problem("/values", "not-a-choice", {"options": ", ".join(filter(None, answers))}))
    if problems:
        raise Invalid(problems[:MAX_WORDS])
    return values


def choices_of_new(fields: Fields, values: Values) -> dict[str, str]:
    """Return the choices of new records in fields for which a file may have no column."""
    return {name: str(chosen) for name, chosen in values.items() if _is_choice(fields, name, chosen)}


def _is_choice(fields: Fields, name: str, chosen: object) -> bool:
    return isinstance(chosen, str) and isinstance(fields.get(name), Choice)


def _answers(name: str, field: InputField) -> Sequence[str | None]:
    codes = labelled_choices(field)
    if codes:
        return [*codes, None]
    return [*UNITS] if has_unit(name) else DATE_ANSWERS if isinstance(field, AnyDay) else ()


# Units of amounts in headers, and above or below them.

MULTIPLE: Final = (
    r"(?:(?P<thousand>тыс(?:\.|яч\w*)?|мың|thousands?)|(?P<million>млн\.?|миллион\w*|million\w*|mln)"
    r"|(?P<billion>млрд\.?|миллиард\w*|bln))"
)
TENGE: Final = r"(?:тенге|теңге\w*|тг\.?|₸|kzt|tenge)"
IN_HEADER: Final = re.compile(rf"(?<![^\W\d_]){MULTIPLE}(?![^\W\d_])", re.IGNORECASE)
# A cell that is a unit, or what a title ends with: "(в тыс. тенге)".
IS_UNIT: Final = re.compile(rf"(?:ед(?:\.|иница) ?изм\w*+\.? ?)?(?:в )?{MULTIPLE} ?{TENGE}[ ).]*", re.IGNORECASE)
BEFORE_UNIT: Final = re.compile("[(,;:–-]")
ROWS_BELOW: Final = 2


def stated_units(table: Table, header: Header, columns: Sequence[str | None]) -> dict[str, tuple[str, str]]:
    """Field → its unit that is not tenge and the text that says so: its header, or a cell above or below.

    Raises Invalid where the file is unreadable.
    """
    below = [cell for row in islice(table.rows(header.number, len(columns)), ROWS_BELOW) for cell in row.cells]
    general = next(filter(None, map(_unit_of_cell, (*header.above, *below))), None)
    stated: dict[str, tuple[str, str]] = {}
    for place, name in enumerate(columns):
        if name is None or not has_unit(name):
            continue
        full = header.full[place] if place < len(header.full) else ""
        match = IN_HEADER.search(full)
        unit = general if match is None else (str(match.lastgroup), printable(" ".join(full.split())))
        if unit is not None:
            stated.setdefault(name, unit)
    return stated


def _unit_of_cell(cell: str) -> tuple[str, str] | None:
    match = IS_UNIT.fullmatch(" ".join(BEFORE_UNIT.split(cell)[-1].split()))
    return None if match is None else (str(match.lastgroup), printable(" ".join(cell.split())))


# What is asked of a file, after all its rows were seen.


class ValueScan:
    """Sees the rows of a file: which words are not known, which amounts are small, what its dates begin with."""

    def __init__(self, columns: Sequence[str], fields: Fields, values: Values) -> None:
        self._seen: list[tuple[int, _Words | _Amounts | _Dates]] = []
        self._number = columns.index("number") if "number" in columns else None
        for place, name in enumerate(columns):
            field = fields.get(name)
            if field is None:
                continue
            if isinstance(field, AnyDay):
                self._seen.append((place, _Dates(name, values.get(name))))
            elif has_unit(name):
                self._seen.append((place, _Amounts(name, values.get(name))))
            elif labelled_choices(field):
                self._seen.append((place, _Words(name, field, values)))

    def see(self, row: Row) -> None:
        """Note the cells of a row. An amount that the register exported is not doubted."""
        is_registered = self._number is not None and row.cells[self._number].startswith("QT-")
        for place, column in self._seen:
            cell = row.cells[place]
            if cell and not (is_registered and isinstance(column, _Amounts) and column.is_plain(cell)):
                column.see(row.number, cell)

    def result(
        self, headers: Sequence[str], stated: Mapping[str, tuple[str, str]]
    ) -> tuple[list[dict[str, Any]], dict[str, str], list[Problem]]:
        """Return what is asked, what the columns decide by themselves, and warnings."""
        questions, decided, warnings = [], {}, []
        for place, column in self._seen:
            question, problem = column.result(printable(headers[place]), stated.get(column.name))
            if question is not None:
                questions.append({"field": column.name, "header": printable(headers[place]), **question})
            if problem is not None:
                warnings.append(problem)
            if isinstance(column, _Dates) and column.decided is not None:
                decided[column.name] = column.decided
        return questions, decided, warnings


Result = tuple[dict[str, Any] | None, Problem | None]


class _Words:
    def __init__(self, name: str, field: InputField, values: Values) -> None:
        self.name, self._field = name, field
        self._read = readers({name: field}, values, is_workbook=False).get(name, field.from_text)
        self._known: set[str] = set()
        self._rows: dict[str, list[int]] = {}
        self._words: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def see(self, row: int, cell: str) -> None:
        if cell in self._known:
            return
        key = word_key(cell)
        if key not in self._counts:
            if len(self._counts) + len(self._known) >= MAX_DISTINCT or self._is_known(cell):
                self._known.add(cell)
                return
            self._words[key], self._rows[key], self._counts[key] = cell, [], 0
        self._counts[key] += 1
        if len(self._rows[key]) < EXAMPLES:
            self._rows[key].append(row)

    def _is_known(self, cell: str) -> bool:
        try:
            value = self._read(cell)
            return value is None or self._field.deserialize(value) is not None
        except ValidationError:
            return False

    def result(self, _header: str, _stated: object) -> Result:
        words = [
            {"word": shown, "count": self._counts[key], "rows": self._rows[key]}
            for key in sorted(self._counts, key=self._counts.__getitem__, reverse=True)
            if (shown := shown_value(" ".join(self._words[key].split()))) and not is_blank(shown)
        ]
        question = {"asks": WORDS, "words": words[:MAX_WORDS], "more": max(0, len(words) - MAX_WORDS)}
        return (question if words else None), None


class _Amounts:
    def __init__(self, name: str, chosen: Any) -> None:
        self.name, self._chosen = name, chosen
        self._total = self._small = self._rounded = 0
        self._examples: list[dict[str, Any]] = []
        self._first_rounded: tuple[int, str] | None = None

    def see(self, row: int, cell: str) -> None:
        parts = [split_year(entry) for entry in split_entries(cell)] if self.name == BY_YEAR else []
        for text in [part[1] for part in parts if part] or [cell]:
            self._see(row, text)

    def is_plain(self, cell: str) -> bool:
        """True for an amount as the register writes it."""
        return cell.isdigit() or self.name == BY_YEAR

    def _see(self, row: int, cell: str) -> None:
        try:
            amount = read_whole_number(cell)
        except InvalidValue as error:
            if error.code != "number-with-fraction":
                return
            amount = read_whole_number(cell, 1)
            self._rounded += 1
            self._first_rounded = self._first_rounded or (row, printable(cell.strip()))
        if not isinstance(amount, int) or amount <= 0:
            return
        self._total += 1
        if amount < SMALL_KZT:
            self._small += 1
            if len(self._examples) < EXAMPLES:
                self._examples.append({"row": row, "value": printable(cell.strip())})

    def result(self, header: str, stated: tuple[str, str] | None) -> Result:
        if self._chosen in (None, "one") and stated is None and self._first_rounded is not None:
            row, value = self._first_rounded
            params = {"column": header, "row": row, "value": value, "count": self._rounded}
            rounded = Problem("/file", "amounts-rounded", params)
        else:
            rounded = None
        if self._chosen is not None or (stated is None and not self._small):
            return None, rounded
        suggested, text = stated or (None, None)
        counts = {"count": self._small, "of": self._total, "examples": self._examples}
        return {"asks": UNIT, "suggested": suggested, "stated": text, **counts}, rounded


class _Dates:
    def __init__(self, name: str, chosen: Any) -> None:
        self.name, self._chosen = name, chosen
        self._counts = Counter[str | None]()
        self._examples: dict[str | None, list[dict[str, Any]]] = {}
        self._latest = ""

    def see(self, row: int, cell: str) -> None:
        doubt, latest = _doubt(cell)
        self._latest = max(self._latest, latest)
        self._counts[doubt] += 1
        examples = self._examples.setdefault(doubt, [])
        if len(examples) < EXAMPLES:
            examples.append({"row": row, "value": printable(cell.strip())})

    @property
    def decided(self) -> str | None:
        """The order that the column itself shows; None where it does not, or where there is nothing to decide."""
        is_decided = bool(self._counts[DAY]) != bool(self._counts[MONTH])
        if not self._counts[ORDER] or not is_decided or self._chosen is not None:
            return None
        return DAY if self._counts[DAY] else MONTH

    def result(self, header: str, _stated: object) -> Result:
        if self._chosen is not None:
            return None, None
        decided = self.decided
        orders = [decided] if decided else [DAY, MONTH] if self._counts[ORDER] else [DAY]
        is_start = self.name == START and self._latest != "" and not REAL_START.search(comparable(header))
        question = None
        if is_start or self._counts[DATES]:
            options = [FIRST, LAST] if self._counts[DATES] else orders
            question = self._question(DATES, [*options, EMPTY], self._likely(options, is_start=is_start))
            question["is_start"] = is_start
        elif len(orders) > 1:
            likely = MONTH if self._counts[MONTH] > self._counts[DAY] else DAY if self._counts[DAY] else None
            question = self._question(ORDER, orders, likely)
        if decided != MONTH:
            return question, None
        return question, Problem("/file", "dates-read-month-first", {"column": header, **self._examples[MONTH][0]})

    def _likely(self, options: Sequence[str], *, is_start: bool) -> str | None:
        if is_start and self._latest > today().isoformat():
            return EMPTY
        if FIRST in options:
            return LAST if self.name in PLANNED_DATES else None
        return options[0] if len(options) == 1 else None

    def _question(self, asks: str, options: Sequence[str], suggested: str | None) -> dict[str, Any]:
        examples = self._examples.get(asks) or self._examples.get(ORDER) or next(iter(self._examples.values()))
        counts = {"count": self._counts[asks], "of": self._counts.total(), "examples": examples}
        return {"asks": asks, "options": options, "suggested": suggested, **counts}


@lru_cache(maxsize=1 << 12)
def _doubt(cell: str) -> tuple[str | None, str]:
    """Return what of a date is in doubt: which day a period means, or its order, which another date may show; and its
    last day.
    """
    period = read_period(cell)
    if period is not None:
        return DATES, period[1].isoformat()
    date = SLASHED.fullmatch(cell.strip())
    first, second = (int(date[1]), int(date[2])) if date else (0, 0)
    if first <= MONTHS_A_YEAR < second:
        return MONTH, ""
    kind = DAY if second <= MONTHS_A_YEAR < first else ORDER if max(first, second) <= MONTHS_A_YEAR else None
    try:
        return kind if first != second else None, read_day(cell)
    except InvalidValue:
        return None, ""


def unanswered(question: Mapping[str, Any]) -> Problem | None:
    """Return why a file is refused until a question is answered, or the warning where it is read as it stands."""
    params = {"column": question["header"], "field": question["field"]}
    if question["asks"] == UNIT and question["stated"]:
        params |= {"column": question["stated"], "unit": question["suggested"]}
        return Problem("/file", "amounts-in-thousands", params)
    if question["asks"] == WORDS or (question["asks"] == DATES and question["suggested"] != EMPTY):
        return None
    example = question["examples"][0]
    if question["asks"] == UNIT:
        return Problem("/file", "amounts-small", {**params, **example})
    if question["asks"] == DATES:
        return Problem("/file", "start-may-be-planned", {**params, **example})
    code = "dates-month-first" if question["suggested"] == MONTH else "dates-two-ways"
    return Problem("/file", code, {**params, **example})


REFUSED: Final = frozenset({"amounts-in-thousands", "dates-month-first"})
