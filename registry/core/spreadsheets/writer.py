"""Spreadsheet writer: tables as CSV or XLSX; no cell becomes a formula, a link or another value."""

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
from registry.core.spreadsheets.rows import FORMULA_PREFIXES

MAX_XLSX_ROWS: Final = 1_048_575
CSV_BOM: Final = codecs.BOM_UTF8
DATE_FORMAT: Final = {"num_format": "yyyy-mm-dd"}

Cell = str | int | float | date | None
Rows = Sequence[Sequence[Cell]]


class TooManyRowsForXlsx(Conflict):
    """The table has more rows than an XLSX sheet can hold (1,048,576 with the header); CSV has no limit."""


def escape_formula(text: str) -> str:
    """Return the text with a leading apostrophe if a spreadsheet would evaluate it; existing apostrophes are
    doubled.
    """
    first = text.lstrip("'")[:1]
    return f"'{text}" if first and first in FORMULA_PREFIXES else text


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV lines in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def plain_workbook(path: Path) -> Any:
    """Return a workbook written row by row in constant memory, in which text is never converted."""
    return xlsxwriter.Workbook(
        str(path),
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )


def table_as_csv(header: Sequence[str], pages: Iterable[Rows]) -> Iterator[bytes]:
    """Stream a table as CSV in UTF-8 with BOM, one chunk per page of rows; formulas are escaped, dates ISO 8601."""
    yield CSV_BOM + csv_lines([header])
    for rows in pages:
        yield csv_lines([[escape_formula(cell) if isinstance(cell, str) else cell for cell in row] for row in rows])


def table_as_xlsx(
    path: Path, name: str, header: Sequence[str], pages: Iterable[Rows], *, escaped: bool = False
) -> None:
    """Write a table as a workbook of one sheet; formulas are escaped as in CSV, or are already.

    Raises TooManyRowsForXlsx.
    """
    rows = chain.from_iterable(pages)
    with plain_workbook(path) as workbook:
        sheet = workbook.add_worksheet(name)
        day = workbook.add_format(DATE_FORMAT)
        sheet.write_row(0, 0, header)
        for place, row in enumerate(islice(rows, MAX_XLSX_ROWS), 1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(place, column, cell if escaped else escape_formula(cell))
                elif isinstance(cell, date):
                    sheet.write_datetime(place, column, cell, day)
                elif cell is not None:
                    sheet.write_number(place, column, cell)
        if next(rows, None) is not None:
            raise TooManyRowsForXlsx(rows=f"> {MAX_XLSX_ROWS}", limit=MAX_XLSX_ROWS)
