"""Project exports: all columns as CSV or XLSX, with the filters of the list."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.core.database import Instant, db, read_in_transaction, table_of
from registry.core.dialects import copy_csv, has_copy, instant_text
from registry.core.fields import Entries, Text as TextField, WholeNumber
from registry.core.postgresql import extend_timeouts
from registry.core.spreadsheets import writer
from registry.core.spreadsheets.rows import FORMULA_PREFIXES
from registry.core.translations import Language, lazy_text, translate
from registry.freeze.policy import policy_in_force
from registry.projects.fields import FIELDS, READ_ONLY
from registry.projects.filters import project_conditions, started_on
from registry.projects.models import STATUS, STATUS_COLUMNS, Project
from registry.projects.schemas import PROJECT, PROJECT_BODY
from registry.projects.visibility import journal_restricted_reads

# Export columns: all fields and read-only values, formatted as cell text by the database.
#
# Formatting in SQL is ten times as fast as in Python; both databases produce the same text.

COLUMNS: Final = ("number", "agency", *FIELDS, *(name for name in READ_ONLY if name != "number"))
NUMBERS: Final = frozenset({"version", *(name for name, field in FIELDS.items() if isinstance(field, WholeNumber))})
DAYS: Final = frozenset(
    {"started_on", *(column.name for column in table_of(Project).columns if isinstance(column.type, sa.Date))}
)
FREE_TEXT: Final = frozenset(name for name, field in FIELDS.items() if isinstance(field, TextField | Entries))


def export_columns() -> list[sa.ColumnElement[Any]]:
    """Return the labelled columns; the statement must join Agency and ProjectStatus."""
    computed: dict[str, sa.ColumnElement[Any]] = {
        "agency": Agency.bin.expression,
        "started_on": started_on(policy_in_force()),
        **{column.name: column for column in STATUS_COLUMNS},
    }
    return [
        _as_text(name, computed[name] if name in computed else table_of(Project).c[name]).label(name)
        for name in COLUMNS
    ]


def _as_text(name: str, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, sa.TypeDecorator) and not isinstance(column.type, Instant):
        # A list is stored as the text of its cell.
        column = sa.type_coerce(column, sa.Text)
    if name in FREE_TEXT:
        return _escape_formula(column)
    if name in DAYS:
        return sa.cast(column, sa.Text)
    if isinstance(column.type, Instant):
        return instant_text(column)
    if column.type.python_type is bool:
        return sa.case((column.is_(True), "true"), (column.is_(False), "false"))
    if isinstance(column.type, sa.Integer | sa.BigInteger):
        return sa.cast(column, sa.Text)
    return column


def _escape_formula(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Add an apostrophe to text that a spreadsheet would evaluate, as ``writer.escape_formula``; imports remove it."""
    first = sa.func.substr(sa.func.ltrim(column, "'"), 1, 1)
    return sa.case((first.in_(list(FORMULA_PREFIXES)), "'" + column), else_=column)


ROWS_PER_CHUNK: Final = 500


def export_csv(
    actor: Actor,
    raw_filters: Mapping[str, str],
    *,
    only: Sequence[sa.ColumnElement[bool]] = (),
    labels_in: Language | None = None,
) -> Iterator[bytes]:
    """Stream the CSV in UTF-8 with BOM; needs the application context until the end.

    Filters are parsed (raising Malformed) and restricted projects journalled before the first chunk. ``only``:
    additional conditions on Project. ``labels_in``: the headers are labels in this language, which imports recognise.
    """
    statement = _statement(actor, raw_filters, only)
    header = writer.CSV_BOM + writer.csv_lines([_headers(statement.selected_columns.keys(), labels_in)])
    return _chunks(header, statement)


def export_ndjson(actor: Actor, raw_filters: Mapping[str, str]) -> Iterator[bytes]:
    """Stream the projects as lines of JSON objects, each as the API shows one project; otherwise as ``export_csv``."""
    columns = [column for column in table_of(Project).columns if column.name != "words"]
    shown = (*columns, *STATUS_COLUMNS, Agency.bin.label("agency"), started_on(policy_in_force()).label("started_on"))
    return _lines(_statement(actor, raw_filters, (), shown))


def export_xlsx(
    actor: Actor,
    raw_filters: Mapping[str, str],
    path: Path,
    *,
    only: Sequence[sa.ColumnElement[bool]] = (),
    labels_in: Language | None = None,
) -> None:
    """Write the XLSX file. Raises Malformed and TooManyRowsForXlsx."""
    statement = _statement(actor, raw_filters, only)
    rows = ([row] for row in _cells(statement))
    writer.table_as_xlsx(path, "projects", _headers(statement.selected_columns.keys(), labels_in), rows, escaped=True)


INSTRUCTIONS: Final = (
    lazy_text("Change cells and send this workbook under Import: only what you changed is saved."),
    lazy_text("Grey columns are locked: the number says which project a row is, the others are set by the register."),
    lazy_text("Write a new project in a row below the last one, without a number."),
    *writer.FILLING_IN,
)


def export_workbook(
    actor: Actor,
    raw_filters: Mapping[str, str],
    path: Path,
    language: Language,
    *,
    only: Sequence[sa.ColumnElement[bool]],
) -> None:
    """Write a workbook to edit and import: labels, drop-down lists, locked columns of the register, instructions.

    Raises Malformed and TooManyRowsForXlsx.
    """
    statement = _statement(actor, raw_filters, only)
    fields = {**FIELDS, "agency": PROJECT_BODY.inputs["agency"]}
    names = statement.selected_columns.keys()
    columns = {name: fields.get(name) or label for name, label in zip(names, _labels(names), strict=True)}
    writer.write_form(path, "Projects", columns, language, INSTRUCTIONS, rows=_cells(statement))


def _cells(statement: sa.Select[Any]) -> Iterator[list[writer.Cell]]:
    """Return the cells of each row. Raises TooManyRowsForXlsx before the first."""
    counted = db.session.execute(sa.select(sa.func.count()).select_from(statement.subquery())).scalar_one()
    if counted > writer.MAX_XLSX_ROWS:
        raise writer.TooManyRowsForXlsx(rows=counted, limit=writer.MAX_XLSX_ROWS)
    names = statement.selected_columns.keys()
    kinds = [int if name in NUMBERS else date.fromisoformat if name in DAYS else str for name in names]
    return (
        [None if cell is None else kind(cell) for kind, cell in zip(kinds, row, strict=True)]
        for row in _rows(statement)
    )


def _headers(names: Sequence[str], language: Language | None) -> list[str]:
    """Return the names of the columns, or their labels in a language; a column without a label keeps its name."""
    return list(names) if language is None else [translate(label, language) for label in _labels(names)]


def _labels(names: Sequence[str]) -> list[str]:
    fields = {**PROJECT.fields, **PROJECT_BODY.fields}
    return [str((name in fields and fields[name].metadata.get("label")) or name) for name in names]


def _statement(
    actor: Actor,
    raw_filters: Mapping[str, str],
    only: Sequence[sa.ColumnElement[bool]],
    columns: Sequence[sa.ColumnElement[Any]] = (),
) -> sa.Select[Any]:
    conditions = [*project_conditions(actor, raw_filters), *only]
    statement = (
        sa.select(*(columns or export_columns()))
        .join_from(Project, Agency, Agency.id == Project.agency_id)
        .join(STATUS, STATUS.c.project_id == Project.id)
        .where(*conditions)
    )
    if actor.may(Permission.RESTRICTED_READ):
        numbers = sa.select(Project.number).join(Agency, Agency.id == Project.agency_id)
        restricted = db.session.scalars(numbers.where(*conditions, Project.is_restricted.is_(True))).all()
        journal_restricted_reads(actor, restricted, "export")
        # A project that became restricted since then was not journalled, so it is not exported.
        statement = statement.where(Project.is_restricted.is_(False) | Project.number.in_(restricted))
    read_in_transaction()
    extend_timeouts(db.session.connection())
    return statement.order_by(Project.id)


def _chunks(header: bytes, statement: sa.Select[Any]) -> Iterator[bytes]:
    yield header
    if has_copy():
        yield from copy_csv(db.session(), statement)
        return
    rows = _rows(statement)
    while chunk := list(islice(rows, ROWS_PER_CHUNK)):
        yield writer.csv_lines(chunk)


def _lines(statement: sa.Select[Any]) -> Iterator[bytes]:
    rows = db.session.execute(statement, execution_options={"yield_per": ROWS_PER_CHUNK})
    for chunk in rows.mappings().partitions():
        yield "".join(
            f"{json.dumps(PROJECT.dump(row), ensure_ascii=False, separators=(',', ':'))}\n" for row in chunk
        ).encode()


def _rows(statement: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    yield from db.session.execute(statement, execution_options={"yield_per": ROWS_PER_CHUNK})
