"""Imports: queueing a file, and running it at once or after a dry run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import update

from registry.accounts.roles import Actor, Permission
from registry.core.clock import now
from registry.core.database import transaction
from registry.core.errors import Conflict, Invalid, Problem, invalid
from registry.core.files import printable_file_name
from registry.core.spreadsheets.reader import Table, printable, require_upload_size, stored_table
from registry.core.spreadsheets.rows import shown_value
from registry.imports import layout as table_layout, models
from registry.imports.header_search import Header, Mappings
from registry.imports.headers import (
    FIELDS,
    KNOWN,
    chosen_mapping,
    header_key,
    is_by_year,
    remembered_columns,
    remembered_words,
)
from registry.imports.queries import find_import, require_rows
from registry.imports.same_project import stored_answers
from registry.imports.values import REFUSED, WORDS, Values, checked_values, choices_of_new, unanswered
from registry.imports.worker import Progress, begin, run_import
from registry.journal import service as journal


class MarkedFileNotAvailable(Conflict):
    """The import is at work, had no wrong rows, or ended more than a week ago: its file is not kept."""


class DryRunNotUsable(Conflict):
    """The import is no finished dry run, or its file was imported or deleted since."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """``mapping``: header → field, None to leave the column out. ``strict``: unknown columns are refused.

    ``values``: how cells are read where the file does not say so, by field (``values.py``).

    ``change_reason``: why registered projects change, for their history. ``answers``: row → "same" or "new", for rows
    that ask whether they are the registered project that they resemble. ``sheet``: of a workbook, by its name.
    """

    mapping: Mapping[str, str | None] = field(default_factory=dict)
    strict: bool = False
    change_reason: str | None = None
    answers: Mapping[int, str] = field(default_factory=dict)
    values: Values = field(default_factory=dict)
    sheet: str | None = None


NO_OPTIONS: Final = ImportOptions()


def queue_import(
    actor: Actor, kind: str, dry_run: bool, file_name: str, content: bytes, options: ImportOptions = NO_OPTIONS
) -> models.ImportRun:
    """Queue a file for the background worker. The file is read once, so that an unreadable one fails immediately.

    Raises RoleNotAllowed and Invalid (pointer /file: not a table, wrong columns, over 20 MiB; /mapping; /kind).
    """
    require_importer(actor, kind)
    require_upload_size(content)
    return _take_in(actor, kind, dry_run, file_name, answered(read_file(actor, kind, content, options)), options)


def import_now(
    actor: Actor,
    kind: str,
    dry_run: bool,
    file_name: str,
    content: bytes,
    on_progress: Progress | None = None,
    options: ImportOptions = NO_OPTIONS,
) -> models.ImportRun:
    """Import a file of any size synchronously, for the command line; ``on_progress`` is called after each chunk.

    Raises RoleNotAllowed and Invalid. If this process is killed, the background worker continues the run.
    """
    require_importer(actor, kind)
    file = answered(read_file(actor, kind, content, options))
    # The table has it too, and the import takes long.
    del content
    with transaction():
        lease = begin(_take_in(actor, kind, dry_run, file_name, file, options))
    return run_import(lease, on_progress, file.table)


def run_dry_run_now(
    actor: Actor, import_id: int, on_progress: Progress | None = None, change_reason: str | None = None
) -> models.ImportRun:
    """Import the file of a dry run synchronously. Raises as ``run_dry_run``."""
    with transaction():
        lease = begin(run_dry_run(actor, import_id, change_reason))
    return run_import(lease, on_progress)


def run_dry_run(actor: Actor, import_id: int, change_reason: str | None = None) -> models.ImportRun:
    """Queue the file of a dry run for import, without a second upload; its columns are read alike.

    ``change_reason`` comes before the reason that was given with the dry run.

    Raises ImportNotFound, RoleNotAllowed, and DryRunNotUsable for another run, for one that is not done, and when the
    file was imported or deleted since.
    """
    dry = find_import(actor, import_id)
    # The rows of the import that follows are its actor's own.
    require_rows(actor, dry)
    require_importer(actor, dry.kind)
    with transaction() as session:
        session.refresh(dry, with_for_update=True)
        if not dry.dry_run or dry.state != "done" or dry.layout is None or not models.has_file(dry.id):
            raise DryRunNotUsable(id=dry.id)
        values = {name: getattr(dry, name) for name in ("kind", "file_name", "sha256", "total", "layout", "warnings")}
        values["change_reason"] = change_reason or dry.change_reason
        values["answers"] = stored_answers(dry) or None
        run = _new_run(actor, **values, state="queued", dry_run=False, dry_run_id=dry.id)
        session.add(run)
        session.flush()
        session.execute(update(models.FilePiece).where(models.FilePiece.import_id == dry.id).values(import_id=run.id))
        _record_queued(actor, run)
    return run


def require_importer(actor: Actor, kind: str) -> None:
    """Raise RoleNotAllowed, or Invalid for an unknown kind. The scope of a token to import grants what the rows do."""
    actor.require(Permission.IMPORTS_RUN)
    if kind not in models.ImportKind.codes():
        raise invalid("/kind", "not-a-choice", options=", ".join(models.ImportKind.codes()))
    actor.require_role(Permission.AGENCIES_WRITE if kind == models.ImportKind.AGENCIES else Permission.PROJECTS_WRITE)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read: its table, where its columns are, how many rows it has, what was left out and is asked.

    ``original``: the workbook as it came.
    """

    sha256: str
    table: Table
    layout: table_layout.Layout
    total: int
    warnings: Sequence[Problem]
    questions: Sequence[Mapping[str, Any]] = ()
    sheets: Sequence[tuple[str, Problem | None]] = ()
    original: bytes = b""


def read_file(actor: Actor, kind: str, content: bytes, options: ImportOptions) -> ReadFile:
    """Find the header of a file, in a workbook on the first sheet that has one. Raises Invalid."""
    mappings = Mappings(_given(kind, options.mapping), remembered_columns(actor, kind))
    how = table_layout.Strictness(options.strict, needs_agency=actor.agency_id is None)
    sheet = table_layout.choose_sheet(content, kind, mappings, needs_agency=how.needs_agency, name=options.sheet)
    try:
        layout = table_layout.layout_of(sheet.table, kind, mappings, how)
    except Invalid as error:
        # The table that was meant may be on a sheet that was not read.
        raise Invalid([*error.problems, *sheet.problems]) from error
    headers = set(map(header_key, layout.headers))
    unused = [text for text in options.mapping if header_key(text) not in headers][: table_layout.MAX_PROBLEMS]
    if unused:
        raise Invalid([Problem("/mapping", "column-not-in-file", {"column": printable(text)}) for text in unused])
    values = {**remembered_words(actor, kind), **checked_values(FIELDS[kind], options.values)}
    if not choices_of_new(FIELDS[kind], values).keys().isdisjoint(layout.columns):
        # The column says what each project is.
        raise invalid("/values", "values-invalid")
    return _read(content, sheet, table_layout.see_rows(kind, layout, sheet.table, values))


def _read(content: bytes, chosen: table_layout.ChosenSheet, seen: table_layout.SeenRows) -> ReadFile:
    warnings = (*chosen.problems, *seen.layout.warnings, *seen.warnings)
    sha256 = hashlib.sha256(content).hexdigest()
    original = content if chosen.table.is_workbook else b""
    return ReadFile(sha256, chosen.table, seen.layout, seen.total, warnings, seen.questions, chosen.sheets, original)


def answered(file: ReadFile) -> ReadFile:
    """Return a file with warnings of what it leaves open. Raises Invalid where it cannot be read until it is said."""
    problems = [problem for question in file.questions if (problem := unanswered(question)) is not None]
    if refused := [problem for problem in problems if problem.code in REFUSED]:
        raise Invalid(refused)
    return replace(file, warnings=[*file.warnings, *problems])


def _given(kind: str, mapping: Mapping[str, str | None]) -> dict[str, str | None]:
    fields = KNOWN[kind].fields
    if any(name is not None and name not in fields for name in mapping.values()):
        raise invalid("/mapping", "not-a-choice", options=", ".join(fields))
    return {header_key(text): name for text, name in mapping.items()}


def _take_in(
    actor: Actor,
    kind: str,
    dry_run: bool,
    file_name: str,
    file: ReadFile,
    options: ImportOptions,
    state: str = "queued",
) -> models.ImportRun:
    """Store a file and its run: queued, or unmapped until somebody has chosen its columns."""
    run = _new_run(
        actor,
        kind=kind,
        state=state,
        dry_run=dry_run,
        file_name=printable_file_name(file_name),
        sha256=file.sha256,
        total=file.total,
        change_reason=options.change_reason,
        answers={str(row): answer for row, answer in options.answers.items()} or None,
        layout={
            **file.layout.as_json(),
            "questions": file.questions,
            "sheets": [{"name": name, "reason": why and _stored(why)} for name, why in file.sheets],
        },
        warnings=[*map(_stored, file.warnings)],
    )
    with transaction() as session:
        session.add(run)
        session.flush()
        models.store_file(run.id, file.table.content)
        models.store_file(run.id, file.original, models.ORIGINAL)
        _record_queued(actor, run)
    return run


def _stored(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "params": problem.params}


def _new_run(actor: Actor, **values: Any) -> models.ImportRun:
    return models.ImportRun(
        attempts=0,
        account_id=actor.account_id,
        principal=actor.principal,
        role=actor.role.value,
        agency_id=actor.agency_id,
        source=actor.source,
        request_id=actor.request_id,
        credential=actor.credential,
        client_request_id=actor.client_request_id,
        queued_at=now(),
        **values,
    )


def _record_queued(actor: Actor, run: models.ImportRun) -> None:
    """Journal in the open transaction that a run was queued which writes."""
    if run.state == "queued" and not run.dry_run:
        details = {"kind": run.kind, "file_name": run.file_name, "sha256": run.sha256, "rows": run.total}
        journal.record(actor, "import.queued", f"import:{run.id}", details)


# Columns and values chosen by hand: of a file that waits for them, and of a finished dry run, which is then done again.

# Problems of columns that mapping by hand solves.
COLUMN_CODES: Final = frozenset({"column-missing", "column-twice", "columns-for-one-field"})
# What is said of other sheets beside them.
SHEET_CODES: Final = frozenset(
    {"sheets-left-out", "sheet-beyond-limit", "sheet-hidden-left-out", "sheet-without-columns", "sheets-beyond-limit"}
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


def receive_import(
    actor: Actor,
    kind: str,
    dry_run: bool,
    file_name: str,
    content: bytes,
    change_reason: str | None = None,
    sheet: str | None = None,
) -> models.ImportRun:
    """Queue a file that a person sends, or hold it until its columns and values are chosen.

    Raises RoleNotAllowed, and Invalid for what is no table.
    """
    require_importer(actor, kind)
    require_upload_size(content)
    options = ImportOptions(change_reason=change_reason, sheet=sheet)
    try:
        file = read_file(actor, kind, content, options)
    except Invalid as error:
        codes = {problem.code for problem in error.problems}
        if codes.isdisjoint(COLUMN_CODES) or not codes <= COLUMN_CODES | SHEET_CODES:
            raise
        mappings = Mappings(remembered=remembered_columns(actor, kind))
        chosen = table_layout.choose_sheet(content, kind, mappings, needs_agency=actor.agency_id is None, name=sheet)
        header = table_layout.header_of(chosen.table, kind, Mappings())
        layout = table_layout.with_columns(
            chosen.table, kind, header, _recognised(kind, header), table_layout.Strictness()
        )
        seen = table_layout.see_rows(kind, layout, chosen.table, remembered_words(actor, kind))
        file, is_known = _read(content, chosen, seen), False
    else:
        is_known = not file.questions
    return _take_in(actor, kind, dry_run, file_name, file, options, "queued" if is_known else "unmapped")


def receive_sheet(actor: Actor, import_id: int, sheet: str) -> models.ImportRun:
    """Make a dry run of another sheet of the workbook of a dry run.

    Raises ImportNotFound, RoleNotAllowed, DryRunNotUsable where the workbook is not kept, and as ``receive_import``.
    """
    run = find_import(actor, import_id)
    require_rows(actor, run)
    content = models.stored_file(run.id, original=True)
    if not content:
        raise DryRunNotUsable(id=run.id)
    return receive_import(actor, run.kind, True, run.file_name, content, run.change_reason, sheet)


def can_map_columns(run: models.ImportRun) -> bool:
    """True for a file that waits for its columns, and for a finished dry run that was not imported."""
    return run.state == "unmapped" or (run.dry_run and run.state == "done" and models.has_file(run.id))


class FileToMap(NamedTuple):
    """A file whose columns may be mapped: its run, its columns, and what is asked of their values."""

    run: models.ImportRun
    columns: list[FileColumn]
    questions: Sequence[Mapping[str, Any]]


def columns_to_map(actor: Actor, import_id: int, chosen: Sequence[str | None] | None = None) -> FileToMap:
    """Return the columns of a file that may be mapped, and the questions that these columns ask, or ``chosen`` ones.

    Raises ImportNotFound and ImportAlreadyMapped.
    """
    run = _mappable(actor, import_id)
    table, header = _table_and_header(actor, run)
    fields = _as_before(run, header) or _recognised(run.kind, header)
    number = table_layout.below_column_numbers(table, header.number, len(fields))
    rows = list(islice(table.rows(number, len(fields)), SAMPLES))
    columns = [
        FileColumn(
            place, header.full[place], [_sample(row.cells[place]) for row in rows if row.cells[place].strip()], name
        )
        for place, name in enumerate(fields)
    ]
    shown = fields if chosen is None else _padded(chosen, header)
    layout = table_layout.with_columns(table, run.kind, header, shown, _strictness(actor, run))
    return FileToMap(run, columns, table_layout.see_rows(run.kind, layout, table, {}).questions)


def map_columns(
    actor: Actor, import_id: int, fields: Sequence[str | None], values: Values = NO_OPTIONS.values
) -> models.ImportRun:
    """Give each column its field, None to leave it out, and queue the import, or the dry run once more.

    ``values``: how their cells are read. When the import has succeeded, the columns are remembered for the agency's
    next table with the same headers, the words for all its tables.

    Raises ImportNotFound, ImportAlreadyMapped, and Invalid at ``/columns`` for missing fields, ``/column_<place>``, and
    ``/value_<field>`` where it must be said how amounts or dates are read.
    """
    run = _mappable(actor, import_id)
    table, header = _table_and_header(actor, run)
    columns = _padded(fields, header)
    how = _strictness(actor, run)
    _require_usable(run.kind, columns, how, header)
    layout = table_layout.with_columns(table, run.kind, header, columns, how)
    seen = table_layout.see_rows(run.kind, layout, table, checked_values(FIELDS[run.kind], values))
    unsaid = [question for question in seen.questions if question["asks"] != WORDS]
    if unsaid:
        raise Invalid([Problem(f"/value_{each['field']}", f"{each['asks']}-not-chosen") for each in unsaid])
    left_out = [
        Problem("/file", "column-left-out", {"column": text[:MAX_SAMPLE_LENGTH]})
        for text, name, match in zip(layout.headers, layout.columns, header.matches, strict=False)
        # What the register works out itself is known, and nobody's choice.
        if text and name is None and (match is None or _is_chosen(run.kind, match.field))
    ]
    before = run.layout or {}
    words = {name: words for name, words in values.items() if isinstance(words, Mapping) and words}
    is_new = [*columns] != (_as_before(run, header) or _recognised(run.kind, header))
    mapping = chosen_mapping(header.full[: len(columns)], columns) if is_new else {}
    with transaction() as session:
        session.refresh(run, with_for_update=True)
        if not can_map_columns(run):
            raise ImportAlreadyMapped(id=run.id)
        models.forget_results(run)
        chosen = {**before.get("chosen", {}), **mapping, "words": words}
        further = {"questions": seen.questions, "sheets": before.get("sheets", []), "chosen": chosen}
        run.layout, run.total, run.state = {**seen.layout.as_json(), **further}, seen.total, "queued"
        run.warnings = [*map(_stored, (*left_out, *seen.warnings))]
        session.flush()
        _record_queued(actor, run)
    return run


def _padded(fields: Sequence[str | None], header: Header) -> list[str | None]:
    return [*fields[: len(header.texts)], *[None] * (len(header.texts) - len(fields))]


def _strictness(actor: Actor, run: models.ImportRun) -> table_layout.Strictness:
    is_strict = run.state == "done" and not table_layout.layout_from_json(run.layout or {}).skips_notes
    return table_layout.Strictness(strict=is_strict, needs_agency=actor.agency_id is None)


def _mappable(actor: Actor, import_id: int) -> models.ImportRun:
    run = find_import(actor, import_id)
    require_importer(actor, run.kind)
    require_rows(actor, run)
    if not can_map_columns(run):
        raise ImportAlreadyMapped(id=run.id)
    return run


def _table_and_header(actor: Actor, run: models.ImportRun) -> tuple[Table, Header]:
    stored = table_layout.layout_from_json(run.layout or {})
    merged = tuple((column, first, last) for column, first, last in stored.merged)
    table = replace(stored_table(models.stored_file(run.id)), is_workbook=stored.is_workbook, merged=merged)
    return table, table_layout.header_of(table, run.kind, Mappings(remembered=remembered_columns(actor, run.kind)))


def _as_before(run: models.ImportRun, header: Header) -> list[str | None]:
    """Return the fields that a dry run gave to the columns; empty for a file that had none, or another header."""
    layout = None if run.state == "unmapped" or run.layout is None else table_layout.layout_from_json(run.layout)
    if layout is None or list(layout.headers) != header.texts[: len(layout.headers)]:
        return []
    fields = [name if name is None or _is_chosen(run.kind, name) else None for name in layout.columns]
    return [*fields, *[None] * (len(header.texts) - len(fields))]


def _is_chosen(kind: str, name: str) -> bool:
    """True for a field that people enter, and for the number by which rows are matched."""
    return name == "number" or name in FIELDS[kind]


def _require_usable(kind: str, columns: Sequence[str | None], how: table_layout.Strictness, header: Header) -> None:
    problems = []
    for place, name in enumerate(columns):
        if name is None:
            continue
        if name not in KNOWN[kind].fields:
            problems.append(Problem(f"/column_{place}", "not-a-choice", {"options": ", ".join(KNOWN[kind].fields)}))
        elif name in columns[:place] and not is_by_year(
            name, [text for text, each in zip(header.texts, columns, strict=True) if each == name]
        ):
            problems.append(Problem(f"/column_{place}", "column-chosen-twice"))
    missing = [
        Problem("/columns", "column-not-chosen", {"column": name})
        for name in KNOWN[kind].missing(columns, needs_agency=how.needs_agency)
    ]
    if missing or problems:
        raise Invalid(missing + problems)


def _recognised(kind: str, header: Header) -> list[str | None]:
    """Return the field of each column; of several for one field the one that needs no choice, else the first."""
    places: dict[str, list[int]] = {}
    for place, match in enumerate(header.matches):
        if match is not None and _is_chosen(kind, match.field):
            places.setdefault(match.field, []).append(place)
    fields: list[str | None] = [None] * len(header.matches)
    for name, several in places.items():
        for place in table_layout.chosen_places(name, several, header) or several[:1]:
            fields[place] = name
    return fields


def _sample(cell: str) -> str:
    return shown_value(" ".join(cell.split())[:MAX_SAMPLE_LENGTH]) or ""
