"""Columns chosen by hand: of a file that waits for them, and of a finished dry run, which is then done again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from registry.accounts.actors import Actor
from registry.changes.service import record_change
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.spreadsheets.reader import Table, require_upload_size, stored_table
from registry.core.spreadsheets.row_errors import shown_value
from registry.core.transactions import transaction
from registry.imports.amount_units import unit_problems
from registry.imports.columns import chosen_mapping, remembered_columns
from registry.imports.header_search import Header, Mappings
from registry.imports.headers import KNOWN, SCHEMAS
from registry.imports.layout import Strictness, count_rows, header_of, layout_from_json, with_columns
from registry.imports.models import IMPORT_SUBJECT, ImportRun, forget_results, has_file, stored_file
from registry.imports.notes import below_column_numbers
from registry.imports.queries import find_import, require_rows
from registry.imports.service import ReadFile, record_queued, require_importer, take_in
from registry.imports.sheet_choice import choose_sheet

# Problems of columns that mapping by hand solves.
COLUMN_CODES: Final = frozenset({"column-missing", "column-twice", "columns-for-one-field"})
# What is said of other sheets beside them.
SHEET_CODES: Final = frozenset(
    {
        "sheets-left-out",
        "sheet-beyond-limit",
        "sheet-hidden-left-out",
        "sheet-without-columns",
        "sheets-beyond-limit",
    }
)
SAMPLES: Final = 3
MAX_SAMPLE_LENGTH: Final = 60


class ImportAlreadyMapped(Conflict):
    """The import waits for no columns, and is no finished dry run whose file is kept."""


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of the file: its place from 0, its header, some of its values, and the field that was recognised."""

    place: int
    header: str
    samples: Sequence[str]
    field: str | None


def can_be_mapped(error: Invalid) -> bool:
    """True when a file was refused for its columns alone."""
    codes = {problem.code for problem in error.problems}
    return not codes.isdisjoint(COLUMN_CODES) and codes <= COLUMN_CODES | SHEET_CODES


def hold_import(
    actor: Actor, kind: str, dry_run: bool, file_name: str, content: bytes, change_reason: str | None = None
) -> ImportRun:
    """Store a file until its columns are chosen. Raises RoleNotAllowed and Invalid for what is no table."""
    require_importer(actor, kind)
    require_upload_size(content)
    mappings = Mappings(remembered=remembered_columns(actor, kind))
    table, sheets = choose_sheet(content, kind, mappings, needs_agency=actor.agency_id is None)
    header = header_of(table, kind, Mappings())
    layout = with_columns(table, kind, header, _recognised(header), Strictness())
    total, notes = count_rows(layout, table)
    file = ReadFile(hashlib.sha256(content).hexdigest(), table, layout, total, (*sheets, *notes))
    return take_in(actor, kind, dry_run, file_name, file, None, is_mapped=False, change_reason=change_reason)


def can_map_columns(run: ImportRun) -> bool:
    """True for a file that waits for its columns, and for a finished dry run that was not imported."""
    return run.state == "unmapped" or (run.dry_run and run.state == "done" and has_file(run.id))


def columns_to_map(actor: Actor, import_id: int) -> tuple[ImportRun, list[FileColumn]]:
    """The columns of a file that may be mapped. Raises ImportNotFound and ImportAlreadyMapped."""
    run = _mappable(actor, import_id)
    table, header = _table_and_header(actor, run)
    fields = _as_before(run, header) or _recognised(header)
    fields = [name if name == "number" or name in SCHEMAS[run.kind][0].fields else None for name in fields]
    number = below_column_numbers(table, header.number, len(fields))
    rows = list(islice(table.rows(number, len(fields)), SAMPLES))
    return run, [
        FileColumn(
            place, header.texts[place], [_sample(row.cells[place]) for row in rows if row.cells[place].strip()], name
        )
        for place, name in enumerate(fields)
    ]


def map_columns(actor: Actor, import_id: int, fields: Sequence[str | None]) -> ImportRun:
    """Give each column its field, None to leave it out, and queue the import, or the dry run once more.

    When the import has succeeded, the agency's next table with the same headers is read alike.

    Raises ImportNotFound, ImportAlreadyMapped, and Invalid at ``/columns`` for missing fields and ``/column_<place>``.
    """
    run = _mappable(actor, import_id)
    table, header = _table_and_header(actor, run)
    columns = [*fields[: len(header.texts)], *[None] * (len(header.texts) - len(fields))]
    is_strict = run.state == "done" and not layout_from_json(run.layout or {}).skips_notes
    how = Strictness(strict=is_strict, needs_agency=actor.agency_id is None)
    _require_usable(run.kind, columns, how)
    if problems := list(unit_problems(table, header, columns)):
        raise Invalid(problems)
    layout = with_columns(table, run.kind, header, columns, how)
    total, notes = count_rows(layout, table)
    left_out = [
        Problem("/file", "column-left-out", {"column": text[:MAX_SAMPLE_LENGTH]})
        for text, name in zip(layout.headers, layout.columns, strict=True)
        if text and name is None
    ]
    with transaction() as session:
        session.refresh(run, with_for_update=True)
        if not can_map_columns(run):
            raise ImportAlreadyMapped(id=run.id)
        record_change(IMPORT_SUBJECT, run.id, run.state)
        forget_results(run)
        chosen = chosen_mapping(header.full[: len(columns)], columns)
        run.layout, run.total, run.state = {**layout.as_json(), "chosen": chosen}, total, "queued"
        run.warnings = [{"code": each.code, "params": each.params} for each in (*left_out, *notes)]
        session.flush()
        if not run.dry_run:
            record_queued(actor, run)
    return run


def _mappable(actor: Actor, import_id: int) -> ImportRun:
    run = find_import(actor, import_id)
    require_importer(actor, run.kind)
    require_rows(actor, run)
    if not can_map_columns(run):
        raise ImportAlreadyMapped(id=run.id)
    return run


def _table_and_header(actor: Actor, run: ImportRun) -> tuple[Table, Header]:
    table = stored_table(stored_file(run.id))
    return table, header_of(table, run.kind, Mappings(remembered=remembered_columns(actor, run.kind)))


def _as_before(run: ImportRun, header: Header) -> list[str | None]:
    """The fields that a dry run gave to the columns; empty for a file that had none, or another header."""
    layout = None if run.state == "unmapped" or run.layout is None else layout_from_json(run.layout)
    if layout is None or list(layout.headers) != header.texts[: len(layout.headers)]:
        return []
    return [*layout.columns, *[None] * (len(header.texts) - len(layout.columns))]


def _require_usable(kind: str, columns: Sequence[str | None], how: Strictness) -> None:
    problems = []
    for place, name in enumerate(columns):
        if name is None:
            continue
        if name not in KNOWN[kind].fields:
            problems.append(Problem(f"/column_{place}", "not-a-choice", {"options": ", ".join(KNOWN[kind].fields)}))
        elif name in columns[:place]:
            problems.append(Problem(f"/column_{place}", "column-chosen-twice"))
    missing = [
        Problem("/columns", "column-not-chosen", {"column": name})
        for name in KNOWN[kind].missing(columns, needs_agency=how.needs_agency)
    ]
    if missing or problems:
        raise Invalid(missing + problems)


def _recognised(header: Header) -> list[str | None]:
    """The field of each column, the first of several for one field."""
    fields = [None if match is None else match.field for match in header.matches]
    return [None if name in fields[:place] else name for place, name in enumerate(fields)]


def _sample(cell: str) -> str:
    return shown_value(" ".join(cell.split())[:MAX_SAMPLE_LENGTH]) or ""
