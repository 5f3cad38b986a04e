"""Spreadsheet writer: tables as CSV or XLSX, and workbooks to fill in; no cell becomes a formula, a link or another
value.
"""

import codecs
import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from registry.core.errors import Conflict
from registry.core.fields import AnyDay, InputField, WholeNumber, labelled_choices
from registry.core.spreadsheets.rows import FORMULA_PREFIXES
from registry.core.translations import Language, lazy_text, translator
from registry.freeze.vocabulary import Translate

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
    import xlsxwriter

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


# Workbooks that people fill in or edit: labels as headers, drop-down lists, notes, locked columns, instructions.

# Rows with drop-down lists below those that are filled in.
BLANK_ROWS: Final = 1000
LISTS: Final = "Lists"
HEADER: Final = {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#D2E2F1", "border": 1}
GREY: Final = {"bg_color": "#F3F2F1", "font_color": "#505A5F"}
LOOKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "header": HEADER,
    "needed": {**HEADER, "bg_color": "#FFF7BF"},
    "note": {"italic": True, "font_color": "#505A5F", "locked": False},
    "wrapped": {"text_wrap": True, "valign": "top"},
    "locked": GREY,
    "locked_day": {**GREY, "num_format": "dd.mm.yyyy"},
    "text": {"num_format": "@", "locked": False},
    "day": {"num_format": "dd.mm.yyyy", "locked": False},
    "amount": {"num_format": "#,##0", "locked": False},
}
# What a protected sheet still allows.
ALLOWED: Final = dict.fromkeys(
    ("format_cells", "format_columns", "format_rows", "insert_rows", "delete_rows", "sort", "autofilter"), True
)
FILLING_IN: Final = (
    lazy_text("An empty cell clears the field of a record that exists; a column that is missing leaves it unchanged."),
    lazy_text("Write dates with the day first: 20.01.2026. Write amounts in whole tenge: 1 200 000."),
    lazy_text("Choose values from the lists, or write their codes. Write a BIN with all its twelve digits."),
    lazy_text("Do a dry run first: it shows what becomes of each row and saves nothing."),
)


def write_form(
    path: Path,
    name: str,
    columns: Mapping[str, InputField | str],
    language: Language,
    instructions: Sequence[str],
    *,
    needed: Collection[str] = (),
    example: Sequence[str] = (),
    rows: Iterable[Sequence[Cell]] = (),
) -> None:
    """Write a workbook with a sheet of these columns and one of instructions, in a language.

    A column is a field, or the English label of one that is locked. ``needed``: columns that stand out. ``rows``:
    texts, whole numbers, dates, and codes of choices, which their labels replace; formulas are escaped already.
    """
    _ = translator(language)
    fields = {place: field for place, field in enumerate(columns.values()) if isinstance(field, InputField)}
    with plain_workbook(path) as workbook:
        sheet = workbook.add_worksheet(_(name)[:31])
        guide = workbook.add_worksheet(_(lazy_text("Instructions")))
        lists = workbook.add_worksheet(LISTS)
        lists.hide()
        formats = {look: workbook.add_format(how) for look, how in LOOKS.items()}
        _write_headers(sheet, columns, needed, formats, _)
        for place, text in enumerate(example):
            if text:
                sheet.write_string(1, place, text, formats["note"])
        last = _write_rows(sheet, columns, rows, formats, _) if not example else 1
        _write_lists(sheet, lists, fields, last + BLANK_ROWS, _)
        sheet.freeze_panes(1, 1 if rows else 0)
        if len(fields) < len(columns):
            sheet.protect("", ALLOWED)
        _write_guide(guide, instructions, fields.values(), formats, _)


def _look(field: InputField | str) -> str:
    if not isinstance(field, InputField):
        return "locked"
    return "day" if isinstance(field, AnyDay) else "amount" if isinstance(field, WholeNumber) else "text"


def _write_headers(
    sheet: Any,
    columns: Mapping[str, InputField | str],
    needed: Collection[str],
    formats: Mapping[str, Any],
    _: Translate,
) -> None:
    for place, (name, field) in enumerate(columns.items()):
        label = _(field.label if isinstance(field, InputField) else field)
        sheet.set_column(place, place, max(14, min(40, len(label) + 4)), formats[_look(field)])
        is_needed = name in needed
        sheet.write_string(0, place, f"{label} *" if is_needed else label, formats["needed" if is_needed else "header"])
        if isinstance(field, InputField) and field.hint:
            sheet.write_comment(0, place, _(field.hint), {"x_scale": 2})


def _write_rows(
    sheet: Any,
    columns: Mapping[str, InputField | str],
    rows: Iterable[Sequence[Cell]],
    formats: Mapping[str, Any],
    _: Translate,
) -> int:
    """Return the number of rows."""
    looks = [_look(field) for field in columns.values()]
    labels = [
        {code: _(label) for code, label in labelled_choices(field).items()} if isinstance(field, InputField) else {}
        for field in columns.values()
    ]
    number = 0
    for number, row in enumerate(rows, 1):
        for place, cell in enumerate(row):
            look, shown = looks[place], labels[place].get(str(cell), cell)
            if isinstance(shown, date):
                sheet.write_datetime(number, place, shown, formats["locked_day" if look == "locked" else "day"])
            elif isinstance(shown, str):
                sheet.write_string(number, place, shown, formats[look])
            elif shown is not None:
                sheet.write_number(number, place, shown, formats[look])
            else:
                sheet.write_blank(number, place, None, formats[look])
    return number


def _write_lists(sheet: Any, lists: Any, fields: Mapping[int, InputField], last: int, _: Translate) -> None:
    """Drop-down lists; Excel limits lists in the cell itself to 255 characters."""
    offered = {place: [_(label) for label in labelled_choices(field).values()] for place, field in fields.items()}
    columns = [(place, texts) for place, texts in offered.items() if texts]
    for row in range(max(len(texts) for _place, texts in columns)):
        for column, (_place, texts) in enumerate(columns):
            if row < len(texts):
                lists.write_string(row, column, texts[row])
    for column, (place, texts) in enumerate(columns):
        letter = chr(ord("A") + column)
        source = f"={LISTS}!${letter}$1:${letter}${len(texts)}"
        # A warning only: codes and other spellings are accepted too.
        rule = {"validate": "list", "source": source, "error_type": "warning"}
        sheet.data_validation(1, place, last, place, rule)


def _write_guide(
    guide: Any, instructions: Sequence[str], fields: Iterable[InputField], formats: Mapping[str, Any], _: Translate
) -> None:
    guide.set_column(0, 0, 42)
    guide.set_column(1, 1, 90)
    numbered = [(str(place), _(text)) for place, text in enumerate(instructions, 1)]
    for row, (number, text) in enumerate(numbered):
        guide.write_string(row, 0, number)
        guide.write_string(row, 1, text, formats["wrapped"])
    for row, field in enumerate(fields, len(numbered) + 1):
        guide.write_string(row, 0, _(field.label), formats["header"])
        texts = "; ".join(map(_, labelled_choices(field).values()))
        guide.write_string(
            row, 1, " ".join(filter(None, [_(field.hint) if field.hint else "", texts])), formats["wrapped"]
        )
