"""Workbooks that are sent back: templates, and the file of an import with its errors marked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.roles import Actor
from registry.core.child_processes import ChildFailed, run_child
from registry.core.database import db
from registry.core.fields import AnyDay, Bin, Choice, InputField, Text, WholeNumber, labelled_choices
from registry.core.spreadsheets.csv_and_xlsx import NO_VALUE
from registry.core.spreadsheets.reader import stored_table
from registry.core.spreadsheets.writer import FILLING_IN, MAX_XLSX_ROWS, escape_formula, plain_workbook, write_form
from registry.core.translations import Language, lazy_text, message, translate, translator
from registry.imports import agencies, projects
from registry.imports.headers import FIELDS, SCHEMAS
from registry.imports.layout import Layout, layout_from_json
from registry.imports.models import ImportKind, ImportRun, RowError, has_file, stored_file
from registry.imports.queries import find_import, require_rows
from registry.imports.service import MarkedFileNotAvailable

# Errors of rows in the words of people who fill in tables: labels instead of codes, dates as they write them.

TYPED: Final = {"expected-date": "typed-date-wrong", "expected-whole-number": "typed-number-wrong"}


def field_label(kind: str, name: str, language: Language) -> str:
    """Return the label of a field; its code where it has none."""
    for schema in SCHEMAS[kind]:
        label = schema.fields[name].metadata.get("label") if name in schema.fields else None
        if label:
            return translate(str(label), language)
    return name


def row_error_text(kind: str, error: Mapping[str, Any], language: Language) -> str:
    """Return the message of a row error with ``column``, ``code`` and ``params``."""
    params = dict(error["params"] or {})
    field = SCHEMAS[kind][0].fields.get(error["column"] or "")
    if error["code"] == "not-a-choice" and isinstance(field, Choice):
        params["options"] = ", ".join(field.labels.texts(language))
    if isinstance(params.get("other"), str):
        params["other"] = field_label(kind, params["other"], language)
    return message(TYPED.get(error["code"], error["code"]), language, params)


# The file of an import as a workbook in which wrong cells are marked and carry their errors as comments.

# Excel opens files with more comments slowly.
MAX_COMMENTS: Final = 20_000
MAX_CELL_LENGTH: Final = 32_767
WRONG: Final = {"bg_color": "#F6D7D2", "font_color": "#942514", "border": 1, "border_color": "#D4351C"}
HEADER_STYLE: Final = {"bold": True, "text_wrap": True, "valign": "top"}
COLUMN_WIDTH: Final = 18

MARKING: Final = "registry.core.spreadsheets.marking"
Errors = dict[int, dict[str | None, list[str]]]


def marked_import(actor: Actor, import_id: int) -> ImportRun:
    """Return the run whose file can be marked. Raises ImportNotFound, RoleNotAllowed and MarkedFileNotAvailable."""
    run = find_import(actor, import_id)
    require_rows(actor, run)
    if run.layout is None or run.state != "done" or not has_file(run.id):
        raise MarkedFileNotAvailable(id=run.id)
    return run


def write_marked_file(path: Path, run: ImportRun, language: Language, *, only_wrong: bool, is_own: bool = True) -> None:
    """Write the workbook: all rows, or with ``only_wrong`` those above the data and the wrong ones.

    An error of a cell marks the cell, one of a whole row or of a column that the file does not have the row's first
    cell. Whoever sent a workbook gets that one marked; others, who did not make its formulas, get its texts.
    """
    layout = layout_from_json(run.layout or {})
    errors = _errors(run, language)
    original = stored_file(run.id, original=True) if is_own and not only_wrong else b""
    if original and (marked := _marked_original(original, run, layout, errors, language)):
        path.write_bytes(marked)
        return
    table = stored_table(stored_file(run.id))
    with plain_workbook(path) as workbook:
        sheet = workbook.add_worksheet("import")
        wrong, header = workbook.add_format(WRONG), workbook.add_format(HEADER_STYLE)
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


def _marked_original(
    original: bytes, run: ImportRun, layout: Layout, errors: Errors, language: Language
) -> bytes | None:
    """Return the sent workbook with marked cells, None for one that is too large. Raises ServiceBusy."""
    _ = translator(language)
    sheets = [each["name"] for each in (run.layout or {}).get("sheets", []) if each["reason"] is None]
    marks = [
        (row, place + 1, _encodable("\n".join(texts))[:MAX_CELL_LENGTH])
        for row, wrong in errors.items()
        for place, texts in _marks(layout, wrong, lambda name: field_label(run.kind, name, language)).items()
    ]
    header = [_(lazy_text("Cell")), _(lazy_text("Error"))]
    task = {"sheet": sheets[0], "marks": marks, "title": _(lazy_text("Errors")), "header": header}
    try:
        return run_child(MARKING, json.dumps(task).encode() + b"\n" + original)
    except ChildFailed:
        return None


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
    """Return the texts of the comments by column."""
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
    """Return the text without halves of characters, which a CSV in broken UTF-8 has and no workbook can have."""
    return text.encode("utf-8", "replace").decode("utf-8")


# Templates of imports.

REQUIRED: Final[Mapping[str, Sequence[str]]] = {
    ImportKind.PROJECTS: projects.REQUIRED_COLUMNS,
    ImportKind.AGENCIES: agencies.REQUIRED_COLUMNS,
}
EXAMPLE: Final[Mapping[str, str]] = {"kk": "МЫСАЛ", "ru": "ПРИМЕР", "en": "EXAMPLE"}
EXAMPLE_BIN: Final = "050340004478"
INSTRUCTIONS: Final = (
    lazy_text("Write one record in each row, below the example. The example is left out; you may delete it."),
    lazy_text("Columns with a yellow header are required for a new record. A name in Kazakh or in Russian is enough."),
    lazy_text("You may delete columns, reorder them and add your own: unknown columns are left out with a warning."),
    *FILLING_IN,
)


def write_template(path: Path, kind: str, language: Language) -> None:
    """Write the template of a kind of rows in a language."""
    fields = FIELDS[kind]
    needed = [name for name, field in fields.items() if field.required or name in REQUIRED[kind]]
    example = [_example(kind, name, field, language) for name, field in fields.items()]
    write_form(path, ImportKind(kind).label, fields, language, INSTRUCTIONS, needed=needed, example=example)


def _example(kind: str, name: str, field: InputField, language: Language) -> str:
    key = "bin" if kind == ImportKind.AGENCIES else "external_id"
    texts = labelled_choices(field)
    if name == key:
        return EXAMPLE[language]
    if isinstance(field, Bin):
        return EXAMPLE_BIN
    if texts:
        return translate(next(iter(texts.values())), language)
    if isinstance(field, AnyDay):
        return "20.01.2026"
    if isinstance(field, WholeNumber):
        return "1 200 000"
    return translate(lazy_text("text"), language) if isinstance(field, Text) and name.startswith("name_") else ""
