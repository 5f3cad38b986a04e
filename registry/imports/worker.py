"""Working off imports, chunk by chunk, each with its counts in one transaction: a kill loses and doubles nothing.

A run is held by its lease: whoever writes it names the lease that it took, so a worker that was taken for dead and
wakes up writes nothing more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from registry.accounts.actors import Actor
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role, is_within
from registry.agencies.service import BinTaken
from registry.core.bulk import insert_rows, table_of
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Invalid, RegistryError
from registry.core.spreadsheets.reader import Row, open_sheet
from registry.core.spreadsheets.row_errors import ImportResult, ImportRow
from registry.core.transactions import transaction
from registry.imports import agencies as import_agencies
from registry.imports import projects as import_projects
from registry.imports.agencies import AgencyImport
from registry.imports.models import FilePiece, ImportRun, RowError, kept_file
from registry.imports.projects import ProjectImport
from registry.journal import service as journal

LEASE: Final = timedelta(seconds=120)
MOST_ATTEMPTS: Final = 3
ATTEMPTS_A_CHUNK: Final = 3
logger = logging.getLogger(__name__)

Progress = Callable[[ImportRun], None]


class RowImport(Protocol):
    """What reads and writes the rows of one kind."""

    def chunks(self, rows: Iterator[Row], done: int) -> Iterator[list[ImportRow]]: ...
    def apply(self, chunk: Sequence[ImportRow]) -> ImportResult: ...


IMPORTS: Final[Mapping[str, Callable[[Actor, Sequence[str], bool], RowImport]]] = {
    "projects": ProjectImport,
    "agencies": AgencyImport,
}
COUNTS: Final = ("processed", "created", "updated", "unchanged", "rejected")
COLUMNS: Final = {
    "projects": (import_projects.COLUMNS, import_projects.REQUIRED_COLUMNS),
    "agencies": (import_agencies.COLUMNS, import_agencies.REQUIRED_COLUMNS),
}


class LeaseLost(Exception):
    """Another worker has taken the run over, as this one was silent for too long."""


class ImportGivenUp(RegistryError):
    """The run was taken up several times and never got on."""


class PrincipalDisabled(RegistryError):
    """Who queued the run has been disabled since."""


@dataclass(slots=True)
class Hold:
    """A worker's hold on a run: its lease ends at ``until`` unless it is taken anew for ``length``."""

    run_id: int
    until: datetime
    length: timedelta

    def write(self, values: Mapping[str, Any]) -> None:
        """Write the run inside the open transaction, if it is still ours. Raises LeaseLost."""
        table = table_of(ImportRun)
        mine = (table.c.id == self.run_id) & (table.c.state == "running") & (table.c.lease_until == self.until)
        written = update(table).where(mine).values(**values).returning(table.c.id)
        if db.session.execute(written).one_or_none() is None:
            raise LeaseLost


def work_off_next(lease: timedelta = LEASE, on_progress: Progress | None = None) -> ImportRun | None:
    """Claim a run that waits, or one whose worker died, and work it off; None when there is none.

    A run that cannot go on is failed, with its reason. A mistake of this program is raised after that; when the
    database is away, the run is left to be taken up again.
    """
    hold = _claim(lease)
    return None if hold is None else work_off(hold, on_progress)


def work_off(hold: Hold, on_progress: Progress | None = None) -> ImportRun:
    """Work off a run that the caller holds; ``on_progress`` hears of it after each chunk."""
    run = db.session.get_one(ImportRun, hold.run_id)
    actor = _actor(run)
    try:
        _finish(hold, actor, run, _work(hold, actor, run, on_progress))
    except LeaseLost:
        logger.warning("import %s was taken over by another worker", hold.run_id)
    return run


def _work(hold: Hold, actor: Actor, run: ImportRun, on_progress: Progress | None) -> str | None:
    """Work the run off; the code of what keeps it from going on, None when it is done."""
    try:
        _require_able(run)
        sheet = open_sheet(kept_file(hold.run_id))
        rows = IMPORTS[run.kind](actor, sheet.columns, run.dry_run)
        for chunk in rows.chunks(sheet.rows(), run.processed):
            _work_off_chunk(hold, rows, chunk)
            if on_progress is not None:
                on_progress(run)
    except (ImportGivenUp, PrincipalDisabled) as refused:
        return refused.code
    except Invalid:
        # It could be read when it was taken in: the machine is short of memory, or the reader has changed since.
        logger.exception("the file of import %s cannot be read any more", hold.run_id)
        return "import-file-unreadable"
    except (OperationalError, LeaseLost):
        raise
    except Exception:
        # A mistake of ours, which another try would repeat: who waits for the import is told, and the error goes on up.
        with suppress(LeaseLost):
            _finish(hold, actor, run, "import-broke-off")
        raise
    return None


def _claim(lease: timedelta) -> Hold | None:
    with transaction() as session:
        moment = now()
        abandoned = (ImportRun.state == "running") & (ImportRun.lease_until < moment)
        free = select(ImportRun.id).where(or_(ImportRun.state == "queued", abandoned)).order_by(ImportRun.id).limit(1)
        run_id = session.scalar(free.with_for_update(skip_locked=True))
        if run_id is None:
            return None
        values = {
            "state": "running",
            "started_at": func.coalesce(ImportRun.started_at, moment),
            "lease_until": moment + lease,
            "attempts": ImportRun.attempts + 1,
        }
        session.execute(update(ImportRun).where(ImportRun.id == run_id).values(**values))
    return Hold(run_id, moment + lease, lease)


def _actor(run: ImportRun) -> Actor:
    account = account_named(run.principal)
    return Actor(
        run.principal,
        Role(run.role),
        run.agency_id,
        run.source,
        run.request_id,
        account_id=None if account is None else account.id,
        is_person=account is not None and account.is_person,
        credential=run.credential or "",
        client_request_id=run.client_request_id or "",
    )


def _require_able(run: ImportRun) -> None:
    if run.attempts > MOST_ATTEMPTS:
        raise ImportGivenUp
    account = account_named(run.principal)
    if account is not None and not _may_still(account, run):
        raise PrincipalDisabled(principal=run.principal)


def _may_still(account: Account, run: ImportRun) -> bool:
    is_out = account.disabled_at is not None or account.pending_since is not None
    return not is_out and is_within(Role(run.role), run.agency_id, Role(account.role), account.agency_id)


def _work_off_chunk(hold: Hold, rows: RowImport, chunk: Sequence[ImportRow]) -> None:
    for attempt in range(1, ATTEMPTS_A_CHUNK + 1):
        until = now() + hold.length
        try:
            with transaction() as session:
                # No long work: a chunk takes seconds, and a worker frozen in one must not hold its locks for long.
                # First of all: the run's row is locked until the chunk is committed, or the hold is known to be lost.
                hold.write({"lease_until": until, "attempts": 0})
                outcome = rows.apply(chunk)
                added = {name: table_of(ImportRun).c[name] + getattr(outcome, name) for name in COUNTS}
                session.execute(update(table_of(ImportRun)).where(ImportRun.id == hold.run_id).values(**added))
                insert_rows(session, RowError, [{"import_id": hold.run_id, **error} for error in outcome.errors])
        except (IntegrityError, BinTaken, OperationalError):
            # Somebody registered the same between our reading and writing, or the database undid a deadlock.
            if attempt == ATTEMPTS_A_CHUNK:
                raise
        else:
            hold.until = until
            return


def _finish(hold: Hold, actor: Actor, run: ImportRun, failure: str | None) -> None:
    state = "done" if failure is None else "failed"
    with transaction() as session:
        ended = {"state": state, "finished_at": now(), "lease_until": None, "failure": failure}
        hold.write(ended)
        session.execute(delete(FilePiece).where(FilePiece.import_id == hold.run_id))
        session.refresh(run)
        if not run.dry_run:
            counts: dict[str, object] = {name: getattr(run, name) for name in ("total", *COUNTS)}
            details = counts if failure is None else {**counts, "failure": failure}
            journal.record(actor, f"import.{state}", f"import:{run.id}", details)
