"""Layout of a table: where its header is, and which field each column is.

Clerks' tables have title rows above the header, headers of two or three rows with merged cells, a row of column
numbers below, totals and signatures at the end, and columns that are nobody's field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Any, Final, NamedTuple

from registry.core.errors import Invalid, Problem
from registry.core.fields import Text
from registry.core.spreadsheets.csv_and_xlsx import MAX_SHEETS, WHOLE_SHEETS
from registry.core.spreadsheets.reader import Row, Table, open_file, printable
from registry.core.values import comparable, is_blank
from registry.imports.header_search import MIN_KNOWN, Header, Mappings, find_header, plain_header
from registry.imports.headers import BY_YEAR, EXACT, FIELDS, KNOWN, YEAR, all_labels, header_key, is_by_year
from registry.imports.values import Values, ValueScan, has_unit, stated_units
from registry.projects.fields import FIELDS as PROJECT_FIELDS

# Rows of a table that are no records: numbers of columns, totals, headings, signatures, examples, headers.

TOTALS: Final = re.compile(
    r"\W*(?:всего|итого|итог|в том числе|из них|оның ішінде|жиыны|жиынтығы|барлығы|қорытынды|total|grand\s*total)\b.*",
    re.IGNORECASE | re.DOTALL,
)
# What the template has in the key of its example row.
EXAMPLES: Final = frozenset(map(comparable, ("пример", "мысал", "example")))
# First letters of totals and examples: most keys need no further look.
NOTE_LETTERS: Final = frozenset('иИвВжЖбБқҚоОпПмМtTgGeE"«')
# In tables with so many columns a row with one cell is a signature or a heading, unless the cell is a code.
MIN_COLUMNS_OF_RECORDS: Final = 4
BLANK: Final = re.compile(r"\s")
# An amount, or those of years, and no date.
AMOUNT: Final = re.compile(r"(?![0-9]{1,4}[./-][0-9]{1,2}[./-])[0-9\s.,:;'₸–-]+")
MIN_NUMBERED: Final = 3
MAX_COLUMN_NUMBER: Final = 200
# The number of a column: 8, "8.", "8=6+7"; forms number their first columns with letters.
COLUMN_NUMBER: Final = re.compile(r"([0-9]{1,3}) ?[.)]? ?(?:=[0-9 +*/x().=-]*)?")
COLUMN_LETTER: Final = re.compile(r"[^\W\d_]")


def is_note(cells: Sequence[str], key: int, known: Sequence[int], headers: Sequence[str]) -> bool:
    """True for a total, a signature, an example, a repeated header: a row that no project or agency can be.

    ``key``: the place of the column that identifies a record; ``known``: those that are fields.
    """
    text = cells[key].strip()
    if text and text[0] not in NOTE_LETTERS and not BLANK.search(text):
        # Most records, whose other cells need no look.
        return _is_header(cells, known, headers)
    filled = [cell for cell in map(str.strip, cells) if cell]
    is_wide = sum(map(bool, headers)) >= MIN_COLUMNS_OF_RECORDS
    if not text:
        is_bare = len(known) >= MIN_COLUMNS_OF_RECORDS and sum(bool(cells[place].strip()) for place in known) <= 1
        return is_bare or (is_wide and len(filled) <= 1) or any(map(TOTALS.fullmatch, filled))
    if len(filled) == 1 and is_wide and BLANK.search(text):
        return True
    if text[0] in NOTE_LETTERS and (
        (TOTALS.fullmatch(text) is not None and all(cell == text or AMOUNT.fullmatch(cell) for cell in filled))
        or comparable(text) in EXAMPLES
    ):
        return True
    return _is_header(cells, known, headers)


def below_column_numbers(table: Table, header: int, width: int) -> int:
    """Return the number of the record below the header when it only numbers the columns, else the header's."""
    row = next(table.rows(header, width), None)
    return row.number if row is not None and _numbers_columns(row.cells) else header


def _numbers_columns(cells: Sequence[str]) -> bool:
    """True for 1 2 3 4, А Б 1 2 3, and 1 2 3=1+2."""
    filled = [text for cell in cells if (text := " ".join(cell.split()))]
    letters = 0
    while letters < len(filled) and COLUMN_LETTER.fullmatch(filled[letters]):
        letters += 1
    matches = [COLUMN_NUMBER.fullmatch(cell) for cell in filled[letters:]]
    numbers = [int(match[1]) for match in matches if match is not None]
    if len(filled) < MIN_NUMBERED or len(numbers) < len(matches) or not numbers:
        return False
    # Columns that were hidden or deleted leave gaps.
    is_rising = all(before < after for before, after in pairwise(numbers))
    return is_rising and numbers[0] <= 1 and numbers[-1] <= MAX_COLUMN_NUMBER


def _is_header(cells: Sequence[str], known: Sequence[int], headers: Sequence[str]) -> bool:
    """True for a row with a key whose fields are what is written above them."""
    return all(comparable(cells[place]) == comparable(headers[place]) for place in known if cells[place].strip())


# Choice of the sheet of a workbook that has the table; further sheets with tables are named with the reason.

MAX_NAMED: Final = 10
# A sheet that lacks required columns looks like a table of records when it has so many fields.
MIN_LOOKING: Final = 3


class _Sheet(NamedTuple):
    table: Table
    header: Header


class ChosenSheet(NamedTuple):
    """The table of a file. ``problems`` name the other sheets with a table, and why each was not read.

    ``sheets``: of a workbook each sheet by its name, and why it is not read; None for the one that is.
    """

    table: Table
    problems: list[Problem]
    sheets: list[tuple[str, Problem | None]]


def choose_sheet(
    content: bytes, kind: str, mappings: Mappings, *, needs_agency: bool, name: str | None = None
) -> ChosenSheet:
    """Return the sheet of a name, else the first visible one with all required columns, else with the most columns.

    Raises Invalid where the file is unreadable.
    """
    tables = open_file(content)
    known = [_Sheet(table, header) for table in tables if (header := find_header(table, kind, mappings)) is not None]
    sheets = [sheet for sheet in known if sheet.table.is_whole]
    required = set(KNOWN[kind].required)
    named_sheet = next((sheet for sheet in sheets if printable(sheet.table.name) == name), None)
    chosen = named_sheet or next((sheet for sheet in sheets if required <= sheet.header.fields), None)
    if chosen is None and sheets:
        chosen = max(sheets, key=lambda sheet: len(sheet.header.fields))
    # A list of the fields, as templates have, names one or two of them.
    enough = 0 if chosen is None else max(MIN_KNOWN, len(chosen.header.fields) // 2)
    lacking = {sheet.table.name: KNOWN[kind].missing(sheet.header.fields, needs_agency=needs_agency) for sheet in known}
    named = [sheet for sheet in known if sheet is not chosen and _is_table(sheet, lacking, enough)]
    table = tables[0] if chosen is None else chosen.table
    reasons = {sheet.table.name: _reason(sheet, kind, lacking) for sheet in named}
    problems = [reasons[sheet.table.name] for sheet in named if not _could_be_read(sheet, lacking)]
    others = [sheet.table.name for sheet in named if _could_be_read(sheet, lacking)]
    if others:
        shown = ", ".join(f'"{printable(name)}"' for name in others[:MAX_NAMED])
        problems.insert(0, Problem("/file", "sheets-left-out", {"sheet": printable(table.name), "sheets": shown}))
    if len(tables) == MAX_SHEETS:
        problems.append(Problem("/file", "sheets-beyond-limit", {"limit": MAX_SHEETS}))
    listed = [
        (printable(each.name), None if each is table else reasons.get(each.name) or _no_table(each))
        for each in tables
        if each.is_workbook
    ]
    return ChosenSheet(table, problems[:MAX_NAMED], listed)


def _no_table(table: Table) -> Problem:
    code = "sheet-hidden-left-out" if table.is_hidden else "sheet-without-table"
    return Problem("/file", code, {"sheet": printable(table.name)})


def _is_table(sheet: _Sheet, lacking: Mapping[str, Sequence[str]], enough: int) -> bool:
    return len(sheet.header.fields) >= (max(enough, MIN_LOOKING) if lacking[sheet.table.name] else enough)


def _could_be_read(sheet: _Sheet, lacking: Mapping[str, Sequence[str]]) -> bool:
    return sheet.table.is_whole and not lacking[sheet.table.name]


def _reason(sheet: _Sheet, kind: str, lacking: Mapping[str, Sequence[str]]) -> Problem:
    name = printable(sheet.table.name)
    if sheet.table.is_hidden:
        return Problem("/file", "sheet-hidden-left-out", {"sheet": name})
    if not sheet.table.is_whole:
        return Problem("/file", "sheet-beyond-limit", {"sheet": name, "limit": WHOLE_SHEETS})
    if not lacking[sheet.table.name]:
        return Problem("/file", "sheet-left-out", {"sheet": name})
    missing = [all_labels(kind, column) for column in lacking[sheet.table.name]]
    return Problem("/file", "sheet-without-columns", {"sheet": name, "columns": "; ".join(missing)})


MAX_PROBLEMS: Final = 20
# Of hostile files: cells that are filled because they are merged with others.
MAX_FILLED: Final = 200_000
# At most so many columns and rows are named in warnings.
MAX_WARNINGS: Final = 50
# A row with so many of the headers, but in other columns, begins another table.
MIN_HEADERS: Final = 3
# Why a row is left out.
NOTE: Final = "note"
OTHER_TABLE: Final = "other-table"
# Of several columns for the agency the one that says BIN is meant; the other has names.
BIN_WORDS: Final = ("бин", "бсн", "bin")
# Of these the column with the label of the field is chosen over one with a further header.
CHOSEN_BY_NAME: Final = frozenset(
    name for name, field in PROJECT_FIELDS.items() if type(field) is Text and name != "external_id"
)
# What strict imports refuse instead of leaving it out.
STRICT_CODES: Final = {"column-left-out": "column-unknown", "column-without-name-left-out": "column-without-name"}


@dataclass(frozen=True, slots=True)
class Layout:
    """``columns``: the field of each column, None for one that is left out; ``headers``: what is written above it.

    ``header`` is the record number of the header's last row. ``skips_notes``: totals, signatures and examples are no
    rows, and a second table below the first is left out. ``values``: how the cells of a field are read (``values.py``);
    ``merged``, as of ``Table``: such a cell is in each of its rows, but an amount, of which each row would have the sum
    of all; ``stated``: the units of amounts that the table states.
    """

    header: int
    columns: tuple[str | None, ...]
    headers: tuple[str, ...]
    key: int | None = None
    skips_notes: bool = True
    values: Values = field(default_factory=dict)
    is_workbook: bool = False
    merged: Sequence[Sequence[int]] = ()
    stated: Mapping[str, tuple[str, str]] = field(default_factory=dict, compare=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def names(self) -> tuple[str, ...]:
        """Return the columns, "" for one that is left out, or whose cells stand in the first column of its field."""
        return tuple(
            (name or "") if name not in self.columns[:place] else "" for place, name in enumerate(self.columns)
        )

    def rows(self, table: Table) -> Iterator[Row]:
        """Return the rows of the table that are records. Raises Invalid where the file is unreadable."""
        return (row for row, left_out in self.all_rows(table) if left_out is None)

    def all_rows(self, table: Table) -> Iterator[tuple[Row, str | None]]:
        """All rows below the header, and why each is left out: NOTE, OTHER_TABLE or None.

        Raises Invalid where the file is unreadable.
        """
        known = [place for place, name in enumerate(self.columns) if name is not None]
        key = self.key or 0
        skips = self.skips_notes and self.key is not None
        names = {self.headers[place] for place in known} - {""}
        is_below = False
        for row in self._filled(table):
            if not skips:
                yield row, None
                continue
            is_below = is_below or self._begins_table(row.cells, names)
            is_left_out = is_below or is_note(row.cells, key, known, self.headers)
            yield row, (OTHER_TABLE if is_below else NOTE) if is_left_out else None

    def is_read(self, column: int, row: int) -> bool:
        """True for a cell of a record that a field is read from."""
        return row > self.header and column < len(self.columns) and self.columns[column] is not None

    def _filled(self, table: Table) -> Iterator[Row]:
        """Yield all rows, with cells that are merged over several rows in each of them."""
        merged = (
            ((row, column), first)
            for column, first, last in self.merged
            if self.is_read(column, first) and not has_unit(str(self.columns[column]))
            for row in range(first + 1, last + 1)
        )
        spans = dict(islice(merged, MAX_FILLED))
        texts: dict[tuple[int, int], str] = {}
        starts = {(first, column) for (_row, column), first in spans.items()}
        columns = {column for _row, column in starts}
        years = self._years()
        for row in table.rows(self.header, len(self.columns)):
            for column in columns:
                at = (row.number, column)
                if at in starts:
                    texts[at] = row.cells[column]
                elif at in spans:
                    row.cells[column] = row.cells[column] or texts.get((spans[at], column), "")
            yield self._with_amounts_by_year(row, years) if years else row

    def _years(self) -> dict[int, str]:
        """Return the columns that have the amounts of one year each, and the year."""
        places = [place for place, name in enumerate(self.columns) if name == BY_YEAR]
        is_each = is_by_year(BY_YEAR, [self.headers[place] for place in places])
        return {place: YEAR.findall(self.headers[place])[0] for place in places} if is_each else {}

    @staticmethod
    def _with_amounts_by_year(row: Row, years: Mapping[int, str]) -> Row:
        """Have the amounts of all years in the cell of the first, as the field reads them."""
        amounts = [f"{year}: {row.cells[place]}" for place, year in years.items() if not is_blank(row.cells[place])]
        for place in years:
            row.cells[place] = "; ".join(amounts)
            amounts = []
        return row

    def _begins_table(self, cells: Sequence[str], names: set[str]) -> bool:
        """True for a row with the headers once more, in other columns."""
        if len(names.intersection(cells)) < MIN_HEADERS:
            return False
        return any(cell in names and cell != header for cell, header in zip(cells, self.headers, strict=True))

    def as_json(self) -> dict[str, Any]:
        """How the layout is stored with the import."""
        return {
            "header": self.header,
            "columns": list(self.columns),
            "headers": list(self.headers),
            "key": self.key,
            "skips_notes": self.skips_notes,
            "values": self.values,
            "is_workbook": self.is_workbook,
            "merged": self.merged,
        }


def layout_from_json(stored: Mapping[str, Any]) -> Layout:
    """Return the layout that is stored with an import."""
    known = ("header", "key", "skips_notes", "values", "is_workbook", "merged")
    given: dict[str, Any] = {name: stored[name] for name in known if name in stored}
    return Layout(columns=tuple(stored["columns"]), headers=tuple(stored["headers"]), **given)


@dataclass(frozen=True, slots=True)
class Strictness:
    """``strict``: unknown columns are refused, and every row below the header is a record.

    ``needs_agency`` is False for an actor of an agency, whose rows these are when the table has no such column.
    """

    strict: bool = False
    needs_agency: bool = True


PLAIN: Final = Strictness(strict=True)


def header_of(table: Table, kind: str, mappings: Mappings) -> Header:
    """Return the header that is recognised, else the first row that can be one. Raises Invalid for an empty table."""
    return find_header(table, kind, mappings) or plain_header(table)


def layout_of(table: Table, kind: str, mappings: Mappings, how: Strictness) -> Layout:
    """Return the layout of a table. Raises Invalid for missing and ambiguous columns."""
    header = header_of(table, kind, mappings)
    columns, problems, warnings = _columns(header, is_workbook=table.is_workbook)
    if how.strict:
        problems += [Problem(each.pointer, STRICT_CODES[each.code], each.params) for each in warnings]
        warnings = []
    missing = [
        Problem("/file", "column-missing", {"column": all_labels(kind, name)})
        for name in KNOWN[kind].missing(header.fields, needs_agency=how.needs_agency)
    ]
    if missing or problems:
        raise Invalid((missing + problems)[:MAX_PROBLEMS])
    return with_columns(table, kind, header, columns, how, warnings)


def with_columns(
    table: Table,
    kind: str,
    header: Header,
    columns: Sequence[str | None],
    how: Strictness,
    warnings: Sequence[Problem] = (),
) -> Layout:
    """Return the layout of a table whose columns are known. Raises Invalid where the file is unreadable."""
    name = KNOWN[kind].key_among([each for each in columns if each != "number"])
    key = None if name is None else columns.index(name)
    number = below_column_numbers(table, header.number, len(columns))
    texts = tuple(header.texts[: len(columns)])
    earlier = [Problem("/file", "table-left-out", {"row": row}) for row in header.earlier[:1]]
    return Layout(
        number,
        tuple(columns),
        texts,
        key,
        skips_notes=not how.strict,
        is_workbook=table.is_workbook,
        merged=table.merged,
        stated=stated_units(table, header, columns),
        warnings=(*earlier, *warnings[:MAX_WARNINGS]),
    )


class SeenRows(NamedTuple):
    """What the rows of a table say: how many are records, which are not, what they ask, and how they are read."""

    layout: Layout
    total: int
    warnings: list[Problem]
    questions: list[dict[str, Any]]


def see_rows(kind: str, layout: Layout, table: Table, values: Values) -> SeenRows:
    """Look at all rows of a table, whose cells are read by ``values`` where the file does not say how.

    Raises Invalid where the file is unreadable.
    """
    total = 0
    left_out: dict[str, list[int]] = {NOTE: [], OTHER_TABLE: []}
    scan = ValueScan(layout.names(), FIELDS[kind], values)
    for row, why in layout.all_rows(table):
        if why is None:
            total += 1
            scan.see(row)
        else:
            left_out[why].append(row.number)
    questions, decided, more = scan.result(layout.headers, layout.stated)
    read = replace(layout, values={**values, **decided})
    empty = [] if total else [Problem("/file", "rows-missing")]
    return SeenRows(read, total, [*empty, *_merged(layout), *_left_out(left_out), *more], questions)


def _merged(layout: Layout) -> list[Problem]:
    """Return warnings that name the columns whose cells are merged over rows, and the first such row."""
    first = {column: row for column, row, _last in reversed(layout.merged) if layout.is_read(column, row)}
    return [
        Problem("/file", code, {"column": printable(layout.headers[column]), "row": first[column]})
        for column in sorted(first)
        for code in ["amounts-merged" if has_unit(str(layout.columns[column])) else "cells-filled-down"]
    ]


def _left_out(left_out: Mapping[str, Sequence[int]]) -> list[Problem]:
    """Return warnings that name rows that are no records."""
    notes = left_out[NOTE]
    rows = ", ".join(map(str, notes[:MAX_WARNINGS]))
    warnings = [Problem("/file", "rows-left-out", {"rows": rows, "count": len(notes)})] if notes else []
    return warnings + [Problem("/file", "table-left-out", {"row": row}) for row in left_out[OTHER_TABLE][:1]]


def _columns(header: Header, *, is_workbook: bool) -> tuple[list[str | None], list[Problem], list[Problem]]:
    """Return the field of each column, the problems, and what is left out."""
    width = len(header.texts)
    while not is_workbook and width and not header.texts[width - 1]:
        width -= 1
    columns: list[str | None] = [None] * width
    problems: list[Problem] = []
    warnings: list[Problem] = []
    places: dict[str, list[int]] = {}
    for place in range(width):
        text, match = header.texts[place], header.matches[place]
        if match is not None:
            places.setdefault(match.field, []).append(place)
        elif text and not header.known[place]:
            warnings.append(Problem("/file", "column-left-out", {"column": printable(text)}))
        elif not text and not is_workbook:
            warnings.append(Problem("/file", "column-without-name-left-out", {"position": place + 1}))
    for name, several in places.items():
        chosen = chosen_places(name, several, header)
        if not chosen:
            problems.append(_several(name, [header.texts[place] for place in several]))
            continue
        for place in chosen:
            columns[place] = name
        warnings += [
            Problem("/file", "column-left-out", {"column": printable(header.texts[place])})
            for place in several
            if place not in chosen
        ]
    return columns, problems, warnings


def chosen_places(name: str, places: Sequence[int], header: Header) -> Sequence[int]:
    """Return the only column of a field, or those of its years; of an agency's BIN and name, the BIN; of texts, the one
    with the field's own name.

    Amounts and dates are never chosen: which of two is meant, only the file's owner knows.
    """
    if len(places) == 1 or is_by_year(name, [header.texts[place] for place in places]):
        return places
    hows = {place: match.how for place in places if (match := header.matches[place]) is not None}
    named = [place for place in places if hows.get(place) == min(hows.values())]
    if name != "agency":
        return named if len(named) == 1 and name in CHOSEN_BY_NAME else []
    coded = [place for place in places if hows.get(place) == EXACT]
    bins = [place for place in places if any(word in header.texts[place].casefold() for word in BIN_WORDS)]
    return next((each for each in (coded, bins) if len(each) == 1), [])


def _several(name: str, texts: Sequence[str]) -> Problem:
    if len({header_key(text) for text in texts}) == 1:
        return Problem("/file", "column-twice", {"column": printable(texts[0])})
    several = ", ".join(f'"{printable(text)}"' for text in texts)
    return Problem("/file", "columns-for-one-field", {"columns": several, "column": name})
