"""Imports: taking a file in, finding its run again, and what was wrong in its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
from registry.imports.models import ImportRun, RowError, keep_file
from registry.imports.worker import COLUMNS, LEASE, Hold, Progress, work_off
from registry.journal import service as journal

KINDS: Final[Sequence[str]] = ("projects", "agencies")
MOST_RUNS: Final = 100
BY_ROW: Final = SortKey("row", RowError.row.expression, int)


class ImportNotFound(NotFound):
    """There is no import of that id, or it is another's."""


def queue_import(actor: Actor, kind: str, dry_run: bool, file_name: str, content: bytes) -> ImportRun:
    """Take a file in for the background worker, read through once, so that an unreadable one is refused now.

    Raises RoleNotAllowed and Invalid (pointer /file: not a table, wrong columns, over 20 MiB; pointer /kind).
    """
    _require(actor, kind)
    require_upload_size(content)
    return _take_in(actor, kind, dry_run, file_name, content, None)


def import_now(
    actor: Actor, kind: str, dry_run: bool, file_name: str, content: bytes, on_progress: Progress | None = None
) -> ImportRun:
    """Take a file of any size in and work it off at once, for the command line; ``on_progress`` hears of each chunk.

    Raises RoleNotAllowed and Invalid. If this process is killed, the background worker goes on with the run.
    """
    _require(actor, kind)
    until = now() + LEASE
    run = _take_in(actor, kind, dry_run, file_name, content, until)
    return work_off(Hold(run.id, until, LEASE), on_progress)


def find_import(actor: Actor, import_id: int) -> ImportRun:
    """The run, for its principal and for administrators. Raises ImportNotFound."""
    run = db.session.scalar(
        select(ImportRun).where(ImportRun.id == import_id).execution_options(populate_existing=True)
    )
    if run is None or not _may_see(actor, run):
        raise ImportNotFound(id=import_id)
    return run


def imports_of(actor: Actor) -> list[ImportRun]:
    """The actor's own runs, an administrator's view of all, the newest first, a hundred at most."""
    statement = select(ImportRun).order_by(ImportRun.id.desc()).limit(MOST_RUNS)
    if not actor.may(Permission.IMPORTS_READ_ALL):
        statement = statement.where(ImportRun.principal == actor.principal)
    return list(db.session.scalars(statement))


def errors_of(actor: Actor, run: ImportRun, page: Page) -> Listing:
    """A page of ``{row, column, code, params}`` in the order of the rows; ``column`` is None when a whole row is wrong.

    Raises ImportNotFound for another's run, Malformed for a bad sort or cursor.
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
    if kind not in KINDS:
        raise invalid("/kind", "not-a-choice", options=", ".join(KINDS))
    actor.require(Permission.AGENCIES_WRITE if kind == "agencies" else Permission.PROJECTS_WRITE)


def _take_in(
    actor: Actor, kind: str, dry_run: bool, file_name: str, content: bytes, lease_until: datetime | None
) -> ImportRun:
    sheet = open_sheet(content)
    check_columns(sheet.columns, *COLUMNS[kind])
    total = sum(1 for _ in sheet.rows())
    with transaction() as session:
        moment = now()
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
            queued_at=moment,
            started_at=None if lease_until is None else moment,
            lease_until=lease_until,
            attempts=0 if lease_until is None else 1,
        )
        session.add(run)
        session.flush()
        keep_file(run.id, sheet.content)
        if not dry_run:
            details = {"kind": kind, "file_name": run.file_name, "sha256": run.sha256, "rows": total}
            journal.record(actor, "import.queued", f"import:{run.id}", details)
    return run
