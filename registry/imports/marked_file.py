"""The file of an import as a workbook in which wrong cells are marked and carry their errors as comments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.core.database import db
from registry.core.spreadsheets.reader import stored_table
from registry.core.spreadsheets.table_child import NO_VALUE
from registry.core.spreadsheets.writer import MAX_XLSX_ROWS, escape_formula, plain_workbook
from registry.core.translations import Language
from registry.imports.error_texts import field_label, row_error_text
from registry.imports.layout import Layout, layout_from_json
from registry.imports.models import ImportRun, RowError, has_file, stored_file
from registry.imports.queries import find_import, require_rows
from registry.imports.service import MarkedFileNotAvailable

# Excel opens files with more comments slowly.
MAX_COMMENTS: Final = 20_000
MAX_CELL_LENGTH: Final = 32_767
WRONG: Final = {"bg_color": "#F6D7D2", "font_color": "#942514", "border": 1, "border_color": "#D4351C"}
HEADER: Final = {"bold": True, "text_wrap": True, "valign": "top"}
COLUMN_WIDTH: Final = 18

Errors = dict[int, dict[str | None, list[str]]]


def marked_import(actor: Actor, import_id: int) -> ImportRun:
    """The run whose file can be marked. Raises ImportNotFound, RoleNotAllowed and MarkedFileNotAvailable."""
    run = find_import(actor, import_id)
    require_rows(actor, run)
    if run.layout is None or run.state != "done" or not has_file(run.id):
        raise MarkedFileNotAvailable(id=run.id)
    return run


def write_marked_file(path: Path, run: ImportRun, language: Language, *, only_wrong: bool) -> None:
    """Write the workbook: all rows, or with ``only_wrong`` those above the data and the wrong ones.

    An error of a cell marks the cell, one of a whole row or of a column that the file does not have the row's first
    cell.
    """
    table, layout = stored_table(stored_file(run.id)), layout_from_json(run.layout or {})
    errors = _errors(run, language)
    with plain_workbook(path) as workbook:
        sheet = workbook.add_worksheet("import")
        wrong, header = workbook.add_format(WRONG), workbook.add_format(HEADER)
        sheet.set_column(0, max(0, len(layout.columns) - 1), COLUMN_WIDTH)
        comments = target = 0
        for number, cells in table.records():
            is_above = number <= layout.header
            if only_wrong and not is_above and number not in errors:
                continue
            if target > MAX_XLSX_ROWS:
                break
            marks = _marks(layout, errors.get(number, {}), lambda name: field_label(run.kind, name, language))
            for place in range(
                max(len(cells), 1 if marks else 0, *(place + 1 for place in marks)) if marks else len(cells)
            ):
                text = _shown(cells[place]) if place < len(cells) else ""
                if place in marks:
                    sheet.write_string(target, place, text, wrong)
                elif text:
                    sheet.write_string(target, place, text, header if is_above else None)
                if place in marks and comments < MAX_COMMENTS:
                    sheet.write_comment(
                        target, place, _encodable("\n".join(marks[place]))[:MAX_CELL_LENGTH], {"x_scale": 2}
                    )
                    comments += 1
            target += 1
        sheet.freeze_panes(layout.header, 0)


def _errors(run: ImportRun, language: Language) -> Errors:
    rows = db.session.execute(
        select(RowError.row, RowError.column, RowError.code, RowError.params)
        .where(RowError.import_id == run.id)
        .order_by(RowError.row, RowError.id)
    )
    errors: Errors = {}
    for number, column, code, params in rows:
        error = {"column": column, "code": code, "params": params}
        errors.setdefault(number, {}).setdefault(column, []).append(row_error_text(run.kind, error, language))
    return errors


def _marks(
    layout: Layout, errors: Mapping[str | None, Sequence[str]], label: Callable[[str], str]
) -> dict[int, list[str]]:
    """The texts of the comments by column."""
    marks: dict[int, list[str]] = {}
    for column, texts in errors.items():
        if column is not None and column in layout.columns:
            marks.setdefault(layout.columns.index(column), []).extend(texts)
        else:
            place = next((place for place, name in enumerate(layout.columns) if name is not None), 0)
            named = texts if column is None else [f"{label(column)}: {text}" for text in texts]
            marks.setdefault(place, []).extend(named)
    return marks


def _shown(cell: str) -> str:
    text: Any = "" if cell == NO_VALUE else cell
    return _encodable(str(escape_formula(text)))[:MAX_CELL_LENGTH]


def _encodable(text: str) -> str:
    """The text without halves of characters, which a CSV in broken UTF-8 has and no workbook can have."""
    return text.encode("utf-8", "replace").decode("utf-8")
