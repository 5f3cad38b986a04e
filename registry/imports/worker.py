"""Import worker: processes imports in chunks. Each chunk and its counts are one transaction, so a crash is harmless.

A worker owns a run through a lease. Every write checks the lease, so a worker that was considered dead and wakes up
writes nothing more.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, Protocol

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError, OperationalError

from registry.accounts.models import Account, find_account
from registry.accounts.roles import Actor, Role, is_within
from registry.agencies.service import BinTaken
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction, violates
from registry.core.dialects import insert_rows
from registry.core.errors import Invalid, RegistryError
from registry.core.queues import Lease, LeaseLost
from registry.core.spreadsheets.reader import Row, Table, stored_table
from registry.core.spreadsheets.rows import ImportResult, ImportRow
from registry.imports import models
from registry.imports.agencies import AgencyImport
from registry.imports.header_search import Mappings
from registry.imports.headers import FIELDS, remember_choices
from registry.imports.layout import PLAIN, Layout, layout_from_json, layout_of
from registry.imports.models import IMPORT_QUEUE, FilePiece, ImportRun
from registry.imports.projects import ProjectImport
from registry.imports.values import choices_of_new, readers
from registry.journal import service as journal
from registry.projects.models import EXTERNAL_ID_UNIQUE

MAX_ATTEMPTS: Final = 3
ATTEMPTS_A_CHUNK: Final = 3
logger = logging.getLogger(__name__)

Progress = Callable[[ImportRun], None]


class RowImport(Protocol):
    """Reads and writes the rows of one kind."""

    def chunks(self, rows: Iterator[Row], done: int) -> Iterator[list[ImportRow]]: ...
    def apply(self, chunk: Sequence[ImportRow]) -> ImportResult: ...


COUNTS: Final = ("processed", "created", "updated", "unchanged", "rejected", "unanswered")


def row_import(actor: Actor, run: ImportRun, layout: Layout) -> RowImport:
    """Return the reader and writer of a run's rows."""
    columns, read = layout.names(), readers(FIELDS[run.kind], layout.values, is_workbook=layout.is_workbook)
    if run.kind == models.ImportKind.AGENCIES:
        return AgencyImport(actor, columns, run.dry_run, run.id, read)
    answers = {int(row): answer for row, answer in (run.answers or {}).items()}
    of_new = choices_of_new(FIELDS[run.kind], layout.values)
    how = (actor, columns, run.dry_run, run.change_reason)
    return ProjectImport(*how, run_id=run.id, answers=answers, readers=read, of_new=of_new)


class ImportGivenUp(RegistryError):
    """The run was started several times without progress."""


class PrincipalDisabled(RegistryError):
    """The account that queued the run has been disabled since."""


def run_next_import(length: timedelta | None = None, on_progress: Progress | None = None) -> ImportRun | None:
    """Claim a queued or abandoned run and process it. Return None when there is none.

    A run that cannot continue is stored as failed with its reason. Programming errors are raised after that. When the
    database is unavailable, the run stays claimable.
    """
    lease = _take(length)
    return None if lease is None else run_import(lease, on_progress)


def run_import(lease: Lease, on_progress: Progress | None = None, table: Table | None = None) -> ImportRun:
    """Process a run that the caller owns; ``on_progress`` is called after each chunk.

    ``table``: the file, if the caller has it in memory anyway; otherwise it is read from the database.
    """
    run = db.session.get_one(ImportRun, lease.id)
    actor = _actor(run)
    try:
        failure = _work(lease, actor, run, on_progress, table)
        _finish(lease, actor, failure)
    except LeaseLost:
        logger.warning("import %s was taken over by another worker", lease.id)
    return run


def _work(lease: Lease, actor: Actor, run: ImportRun, on_progress: Progress | None, table: Table | None) -> str | None:
    """Process the run. Return the error code that stopped it, or None."""
    try:
        _require_able(run)
        table = table or stored_table(models.stored_file(lease.id))
        # Runs queued by an earlier version have no layout: their header is the first row.
        layout = layout_from_json(run.layout) if run.layout else layout_of(table, run.kind, Mappings(), PLAIN)
        rows = row_import(actor, run, layout)
        for chunk in rows.chunks(layout.rows(table), run.processed):
            _import_chunk(lease, rows, chunk)
            # Not beside the next one.
            del chunk
            if on_progress is not None:
                on_progress(run)
    except (ImportGivenUp, PrincipalDisabled) as error:
        return error.code
    except Invalid:
        # The file was readable when it was queued: memory is short, or the reader has changed since.
        logger.exception("the file of import %s cannot be read any more", lease.id)
        return "import-file-unreadable"
    except (OperationalError, LeaseLost):
        raise
    except Exception:
        # A programming error, which a retry would repeat: mark the run as failed and re-raise.
        with suppress(LeaseLost):
            _finish(lease, actor, "import-broke-off")
        raise
    return None


def _take(length: timedelta | None) -> Lease | None:
    if not IMPORT_QUEUE.has(IMPORT_QUEUE.is_due):
        return None
    with transaction():
        run = IMPORT_QUEUE.next_due(order_by=[ImportRun.id])
        return None if run is None else begin(run, length)


def begin(run: ImportRun, length: timedelta | None = None) -> Lease:
    """Let this worker have a locked run, in the open transaction."""
    run.state, run.started_at, run.attempts = "running", run.started_at or now(), run.attempts + 1
    return IMPORT_QUEUE.lease(run, length)


def _actor(run: ImportRun) -> Actor:
    account = _account_of(run)
    return Actor(
        run.principal if account is None else account.name,
        Role(run.role),
        run.agency_id,
        run.source,
        run.request_id,
        account_id=run.account_id,
        is_person=account is not None and account.is_person,
        credential=run.credential or "",
        client_request_id=run.client_request_id or "",
        is_admitted=account is None or account.is_admitted,
    )


def _require_able(run: ImportRun) -> None:
    if run.attempts > MAX_ATTEMPTS:
        raise ImportGivenUp
    account = _account_of(run)
    if account is not None and not _may_still(account, run):
        raise PrincipalDisabled(principal=account.name)


def _account_of(run: ImportRun) -> Account | None:
    return None if run.account_id is None else find_account(run.account_id)


def _may_still(account: Account, run: ImportRun) -> bool:
    is_out = account.disabled_at is not None or account.pending_since is not None
    return not is_out and is_within(Role(run.role), run.agency_id, Role(account.role), account.agency_id)


def _import_chunk(lease: Lease, rows: RowImport, chunk: Sequence[ImportRow]) -> None:
    for attempt in range(1, ATTEMPTS_A_CHUNK + 1):
        try:
            # First, the row of the run is locked until the commit, or the lease is lost.
            with IMPORT_QUEUE.leased(lease) as run:
                # A chunk takes seconds; a worker frozen in one must not hold its locks for long.
                renewed = IMPORT_QUEUE.lease(run, lease.length)
                run.attempts = 0
                outcome = rows.apply(chunk)
                for name in COUNTS:
                    setattr(run, name, getattr(run, name) + getattr(outcome, name))
                errors = [{"import_id": run.id, **error} for error in outcome.errors]
                insert_rows(require_transaction(), models.RowError, errors)
                _save_preview(run, outcome.preview)
        except (IntegrityError, BinTaken, OperationalError) as error:
            # Another transaction registered the same key meanwhile, or the database resolved a deadlock.
            is_other = isinstance(error, IntegrityError) and not violates(error, EXTERNAL_ID_UNIQUE)
            if is_other or attempt == ATTEMPTS_A_CHUNK:
                raise
        else:
            lease.until = renewed.until
            return


def _save_preview(run: ImportRun, preview: Sequence[Mapping[str, Any]]) -> None:
    """Store what a dry run would do with the rows of a chunk, and count the rules, inside the open transaction."""
    if preview:
        insert_rows(require_transaction(), models.PreviewedRow, [{"import_id": run.id, **row} for row in preview])
        rules = Counter(run.would_flag or {})
        rules.update(rule for row in preview for rule in row["would_flag"])
        run.would_flag = dict(rules)


def delete_old_files() -> None:
    """Delete the files of dry runs, of runs with wrong rows and of files without columns after ``RETENTION``."""
    before = now() - models.RETENTION
    old = select(ImportRun.id).where(
        ImportRun.state.not_in(("queued", "running")),
        func.coalesce(ImportRun.finished_at, ImportRun.queued_at) < before,
    )
    with transaction() as session:
        session.execute(delete(FilePiece).where(FilePiece.import_id.in_(old)))


def _finish(lease: Lease, actor: Actor, failure: str | None) -> None:
    state = "done" if failure is None else "failed"
    with IMPORT_QUEUE.leased(lease) as run:
        session = require_transaction()
        run.state, run.finished_at, run.lease_until, run.failure = state, now(), None, failure
        session.flush()
        # The file is needed once more to import it, or to mark its wrong rows.
        if failure is not None or not (run.dry_run or run.rejected):
            session.execute(delete(FilePiece).where(FilePiece.import_id == run.id))
        if failure is None and not run.dry_run and run.processed > run.rejected:
            remember_choices(actor, run)
        if not run.dry_run:
            counts: dict[str, object] = {name: getattr(run, name) for name in ("total", *COUNTS)}
            details = counts if failure is None else {**counts, "failure": failure}
            journal.record(actor, f"import.{state}", f"import:{run.id}", details)
