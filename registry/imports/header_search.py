"""Search for the header of a table, below title rows and in up to three rows with merged cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from registry.core.errors import invalid
from registry.core.spreadsheets.reader import Table, has_content
from registry.imports import headers
from registry.imports.headers import Match

MAX_HEADER_DEPTH: Final = 3
ROWS_SEARCHED: Final = 60
# How many rows below one with all required fields may be a better header.
ROWS_BELOW_HEADER: Final = 3
# A row is taken for a header when it has so many known fields, or all required ones.
MIN_KNOWN: Final = 2
MAX_COLUMNS: Final = 500
# How many filled cells are searched, of a sheet that is only named and not read, and of one that is: each is tried with
# those above it, which takes half a millisecond where the texts are long.
CELLS_SEARCHED: Final = (200, 2000)
# A row that names so many fields, the key among them, begins a table, also where it has no column of the agency.
MIN_FIELDS_OF_TABLE: Final = 4
# What no database takes as text; headers are kept with the import.
NOT_STORABLE: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Mappings:
    """Columns that people mapped: header key → field, or None for a column that is left out.

    ``given`` with the file, and ``remembered`` of tables with just these headers, by the key of their layout. Tables of
    the register's own, whose headers are all codes or labels of fields, never consult what is remembered.
    """

    given: Mapping[str, str | None] = field(default_factory=dict)
    remembered: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)


class Matcher:
    """Matches headers of one file; each text once, because files of thousands of columns are tried."""

    def __init__(self, kind: str, mappings: Mappings) -> None:
        self.kind = kind
        self.mappings = mappings
        self._matches: dict[str, tuple[bool, Match | None]] = {}

    def match(self, text: str) -> tuple[bool, Match | None]:
        """Return whether the header is known, and its field; None for a column that is left out."""
        if text not in self._matches:
            self._matches[text] = self._match(text)
        return self._matches[text]

    def _match(self, text: str) -> tuple[bool, Match | None]:
        key = headers.header_key(text)
        if key in self.mappings.given:
            return True, _mapped(self.mappings.given[key])
        match = headers.match_header(self.kind, text)
        return match is not None, match

    def remembered(self, full: Sequence[str]) -> Mapping[str, str | None]:
        """Header key → field of a table with just these headers; empty when there was none."""
        if not self.mappings.remembered:
            return {}
        remembered = self.mappings.remembered.get(headers.layout_key(full), {})
        return {} if remembered and self._is_own(full) else remembered

    def _is_own(self, full: Sequence[str]) -> bool:
        matches = (headers.match_header(self.kind, text) for text in full if headers.header_key(text))
        return all(match is not None and match.how in (headers.EXACT, headers.LABEL) for match in matches)


@dataclass(frozen=True, slots=True)
class Header:
    """A candidate for the header: the number of its last record, the text and the match of each column.

    ``full``: the texts of a column with those of the groups above it. ``above``: the cells above the header.
    ``earlier``: the records of headers of other tables above it.
    """

    number: int
    texts: list[str]
    matches: list[Match | None]
    known: list[bool]
    full: list[str] = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    earlier: list[int] = field(default_factory=list)

    @property
    def fields(self) -> set[str]:
        """The fields that it names."""
        return {match.field for match in self.matches if match is not None}

    @property
    def size(self) -> int:
        """How many fields it names, and years beside the first; the number in the register may be one of rows."""
        years = sum(match is not None and match.field == headers.BY_YEAR for match in self.matches)
        return len(self.fields - {"number"}) + max(0, years - 1)


def find_header(table: Table, kind: str, mappings: Mappings) -> Header | None:
    """Return the rows that name the most fields, the earliest of equal ones; None when nothing is recognised."""
    records = _first_records(table)
    required = set(headers.KNOWN[kind].required)
    best: Header | None = None
    tables: list[int] = []
    until = len(records)
    matcher = Matcher(kind, mappings)
    for last in range(len(records)):
        if last >= until:
            break
        for depth in range(1, min(MAX_HEADER_DEPTH, last + 1) + 1):
            rows = [cells for _, cells in records[last - depth + 1 : last + 1]]
            header = _combined(records[last][0], rows, matcher)
            if best is None or header.size > best.size:
                best = header
                if required <= header.fields:
                    until = last + 1 + ROWS_BELOW_HEADER
            if header.size >= MIN_FIELDS_OF_TABLE and headers.KNOWN[kind].key_among(header.fields) is not None:
                tables.append(header.number)
    if best is None or not best.fields:
        return None
    # A header of several rows is a candidate with each of them.
    best.earlier.extend(sorted({number for number in tables if number + ROWS_BELOW_HEADER < best.number}))
    best.above.extend(cell for number, cells in records if number < best.number for cell in cells if cell.strip())
    return best if len(best.fields) >= MIN_KNOWN or required <= best.fields else None


def plain_header(table: Table) -> Header:
    """Return the first row with two or more cells, else the first one: where nothing is recognised. Raises Invalid."""
    records = _first_records(table)
    if not records:
        raise invalid("/file", "file-empty")
    number, cells = next((each for each in records if sum(bool(cell.strip()) for cell in each[1]) > 1), records[0])
    texts = [" ".join(cell.split()) for cell in cells]
    return Header(number, texts, [None] * len(texts), [False] * len(texts), texts)


def _first_records(table: Table) -> list[tuple[int, list[str]]]:
    records: list[tuple[int, list[str]]] = []
    filled = 0
    for number, cells in islice(table.records(), ROWS_SEARCHED):
        if has_content(cells):
            records.append(
                (number, [NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", cell) for cell in cells[:MAX_COLUMNS]])
            )
            filled += sum(bool(cell.strip()) for cell in cells[:MAX_COLUMNS])
        if filled >= CELLS_SEARCHED[table.is_whole]:
            break
    return records


def _combined(number: int, rows: Sequence[Sequence[str]], matcher: Matcher) -> Header:
    """Return a header of one or several rows: of a column, the lowest text counts, with the groups above it or
    alone.
    """
    width = max(map(len, rows))
    levels: list[list[str]] = [[] for _ in range(width)]
    own = [""] * width
    for depth, row in enumerate(rows, 1):
        above = ""
        for place in range(width):
            text = " ".join(row[place].split()) if place < len(row) else ""
            # A merged cell has its text in the first column only.
            above = text or ("" if own[place] or depth == len(rows) else above)
            if text:
                own[place] = text
            if above:
                levels[place].append(above)
    matches: list[Match | None] = []
    known: list[bool] = []
    texts: list[str] = []
    for place in range(width):
        # A blank cell beside a merged one has no name.
        tried = headers.header_texts(own[place], levels[place]) if own[place] else []
        results = [(text, *matcher.match(text)) for text in tried]
        chosen = next((each for each in results if each[1]), (tried[-1] if tried else "", False, None))
        texts.append(chosen[0])
        known.append(chosen[1])
        matches.append(chosen[2])
    full = [" ".join(each) for each in levels]
    remembered = matcher.remembered(full)
    for place, key in enumerate(map(headers.header_key, full) if remembered else ()):
        if key in remembered and headers.header_key(texts[place]) not in matcher.mappings.given:
            known[place], matches[place] = True, _mapped(remembered[key])
    return Header(number, texts, matches, known, full)


def _mapped(name: str | None) -> Match | None:
    return None if name is None else Match(name, headers.ALIAS)
