"""Imports: queueing a file, finding its run, and listing the errors of its rows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Malformed, NotFound, Problem, invalid
from registry.core.file_names import printable_file_name
from registry.core.pagination import Listing, Page, SortKey, after, build_page, order_by
from registry.core.spreadsheets.reader import check_columns, open_sheet, require_upload_size
from registry.core.transactions import transaction
from registry.imports.models import ImportRun, RowError, store_file
from registry.imports.vocabulary import ImportKind
from registry.imports.worker import COLUMNS, LEASE, Progress, RunLease, run_import
from registry.journal import service as journal

MAX_RUNS: Final = 100
BY_ROW: Final = SortKey("row", RowError.row.expression, int)


class ImportNotFound(NotFound):
    """No import has this id, or it belongs to another account."""


def queue_import(actor: Actor, kind: str, dry_run: bool, file_name: str, content: bytes) -> ImportRun:
    """Queue a file for the background worker. The file is read once, so that an unreadable one fails immediately.

    Raises RoleNotAllowed and Invalid (pointer /file: not a table, wrong columns, over 20 MiB; pointer /kind).
    """
    _require(actor, kind)
    require_upload_size(content)
    return _take_in(actor, kind, dry_run, file_name, content, None)


def import_now(
    actor: Actor, kind: str, dry_run: bool, file_name: str, content: bytes, on_progress: Progress | None = None
) -> ImportRun:
    """Import a file of any size synchronously, for the command line; ``on_progress`` is called after each chunk.

    Raises RoleNotAllowed and Invalid. If this process is killed, the background worker continues the run.
    """
    _require(actor, kind)
    until = now() + LEASE
    run = _take_in(actor, kind, dry_run, file_name, content, until)
    return run_import(RunLease(run.id, until, LEASE), on_progress)


def find_import(actor: Actor, import_id: int) -> ImportRun:
    """Return the run, for its owner and administrators. Raises ImportNotFound."""
    run = db.session.scalar(
        select(ImportRun).where(ImportRun.id == import_id).execution_options(populate_existing=True)
    )
    if run is None or not _may_see(actor, run):
        raise ImportNotFound(id=import_id)
    return run


def imports_of(actor: Actor) -> list[ImportRun]:
    """Return the actor's runs, or all runs for an administrator, newest first, at most 100."""
    statement = select(ImportRun).order_by(ImportRun.id.desc()).limit(MAX_RUNS)
    if not actor.may(Permission.IMPORTS_READ_ALL):
        statement = statement.where(ImportRun.principal == actor.principal)
    return list(db.session.scalars(statement))


def errors_of(actor: Actor, run: ImportRun, page: Page) -> Listing:
    """Return a page of ``{row, column, code, params}`` in row order; ``column`` is None when the whole row is invalid.

    Raises ImportNotFound for another account's run, Malformed for an invalid sort or cursor.
    """
    if not _may_see(actor, run):
        raise ImportNotFound(id=run.id)
    if page.sort not in (None, "row", "-row"):
        raise Malformed([Problem("sort", "not-a-choice", {"options": "row, -row"})])
    descending = page.sort == "-row"
    unique = RowError.id.expression
    statement = select(
        RowError.row, RowError.column, RowError.code, RowError.params, RowError.row.label("_sort"), unique.label("_id")
    ).where(RowError.import_id == run.id)
    if page.cursor is not None:
        statement = statement.where(after(BY_ROW, unique, descending, page.cursor))
    statement = statement.order_by(*order_by(BY_ROW, unique, descending)).limit(page.limit + 1)
    return build_page(db.session.execute(statement).mappings().all(), page, BY_ROW, descending)


def _may_see(actor: Actor, run: ImportRun) -> bool:
    return run.principal == actor.principal or actor.may(Permission.IMPORTS_READ_ALL)


def _require(actor: Actor, kind: str) -> None:
    actor.require(Permission.IMPORTS_RUN)
    if kind not in ImportKind.codes():
        raise invalid("/kind", "not-a-choice", options=", ".join(ImportKind.codes()))
    actor.require(Permission.AGENCIES_WRITE if kind == ImportKind.AGENCIES else Permission.PROJECTS_WRITE)


def _take_in(
    actor: Actor, kind: str, dry_run: bool, file_name: str, content: bytes, lease_until: datetime | None
) -> ImportRun:
    sheet = open_sheet(content)
    check_columns(sheet.columns, *COLUMNS[kind])
    total = sum(1 for _ in sheet.rows())
    with transaction() as session:
        timestamp = now()
        run = ImportRun(
            kind=kind,
            state="queued" if lease_until is None else "running",
            dry_run=dry_run,
            principal=actor.principal,
            role=actor.role.value,
            agency_id=actor.agency_id,
            source=actor.source,
            request_id=actor.request_id,
            credential=actor.credential,
            client_request_id=actor.client_request_id,
            file_name=printable_file_name(file_name),
            sha256=hashlib.sha256(content).hexdigest(),
            total=total,
            queued_at=timestamp,
            started_at=None if lease_until is None else timestamp,
            lease_until=lease_until,
            attempts=0 if lease_until is None else 1,
        )
        session.add(run)
        session.flush()
        store_file(run.id, sheet.content)
        if not dry_run:
            details = {"kind": kind, "file_name": run.file_name, "sha256": run.sha256, "rows": total}
            journal.record(actor, "import.queued", f"import:{run.id}", details)
    return run
