"""Writing tables to take along, as CSV or XLSX; no cell of them becomes a formula, a link or another value."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from registry.core.errors import Conflict
from registry.core.spreadsheets.cell_values import FORMULA_SIGNS

MOST_XLSX_ROWS: Final = 1_048_575
CSV_START: Final = codecs.BOM_UTF8
DAY_FORMAT: Final = {"num_format": "yyyy-mm-dd"}

Cell = str | int | float | date | None
Rows = Sequence[Sequence[Cell]]


class TooManyRowsForXlsx(Conflict):
    """A sheet holds 1,048,576 rows, the header among them; a CSV has no limit."""


def guarded(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would run, and before one that was there."""
    first = text.lstrip("'")[:1]
    return f"'{text}" if first and first in FORMULA_SIGNS else text


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as lines of CSV in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def plain_workbook(path: Path) -> Any:
    """A workbook that is written row by row in constant memory, where text stays text."""
    return xlsxwriter.Workbook(
        str(path),
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )


def table_as_csv(header: Sequence[str], pages: Iterable[Rows]) -> Iterator[bytes]:
    """A table as CSV in UTF-8 with BOM, a piece for each page of rows; texts guarded, dates ISO 8601."""
    yield CSV_START + csv_lines([header])
    for rows in pages:
        yield csv_lines([[guarded(cell) if isinstance(cell, str) else cell for cell in row] for row in rows])


def table_as_xlsx(path: Path, name: str, header: Sequence[str], pages: Iterable[Rows]) -> None:
    """Write a table as a workbook of one sheet; texts guarded, as in a CSV. Raises TooManyRowsForXlsx."""
    rows = chain.from_iterable(pages)
    with plain_workbook(path) as workbook:
        sheet = workbook.add_worksheet(name)
        day = workbook.add_format(DAY_FORMAT)
        sheet.write_row(0, 0, header)
        for place, row in enumerate(islice(rows, MOST_XLSX_ROWS), 1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(place, column, guarded(cell))
                elif isinstance(cell, date):
                    sheet.write_datetime(place, column, cell, day)
                elif cell is not None:
                    sheet.write_number(place, column, cell)
        if next(rows, None) is not None:
            raise TooManyRowsForXlsx(rows=f"> {MOST_XLSX_ROWS}", limit=MOST_XLSX_ROWS)
