"""Tables of imports, and their closed sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.models import Account
from registry.accounts.roles import Actor
from registry.core.database import Instant, Model, db, read_in_transaction, require_transaction, table_of
from registry.core.queues import Queue
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Closed vocabularies of imports.


class ImportKind(Choices, field="import_kind"):
    """What the rows of a file are."""

    PROJECTS = "projects", lazy_text("Projects")
    AGENCIES = "agencies", lazy_text("Agencies")


class ImportState(Choices, field="import_state"):
    """States of an import."""

    UNMAPPED = "unmapped", lazy_text("Columns to be chosen")
    QUEUED = "queued", lazy_text("Queued")
    RUNNING = "running", lazy_text("In progress")
    DONE = "done", lazy_text("Done")
    FAILED = "failed", lazy_text("Failed")


# What becomes of a row.
ROW_OUTCOMES: Final[Mapping[str, str]] = {
    "created": lazy_text("To be created"),
    "updated": lazy_text("To be changed"),
    "unchanged": lazy_text("No change"),
    "rejected": lazy_text("With errors"),
    "question": lazy_text("Question"),
}
OUTCOMES: Final = tuple(ROW_OUTCOMES)
# Answers to a question: the registered project that the row resembles, or a new one.
SAME, NEW = "same", "new"
ANSWERS: Final = (SAME, NEW)


# Import models: the uploaded file, the progress of its run, and its row errors.

PIECE = 1 << 20
# Pieces from here on are the workbook as it came, in which wrong cells are marked; those before, its table.
ORIGINAL: Final = 1000
RETENTION = timedelta(days=7)


class ImportRun(Model):
    """One file to import. ``lease_until`` shows whether the process that works on it is alive.

    ``principal``: the name, at the time, of who queued it; without ``account_id`` a command on the server.
    ``attempts`` counts starts since the last progress. ``failure`` is a message code.
    """

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    state: Mapped[str] = mapped_column(sa.String(10), index=True)
    dry_run: Mapped[bool] = mapped_column(sa.Boolean)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey(Account.id), index=True)
    principal: Mapped[str] = mapped_column(sa.Text)
    role: Mapped[str] = mapped_column(sa.String(20))
    agency_id: Mapped[int | None] = mapped_column(sa.ForeignKey("agencies.id"))
    source: Mapped[str] = mapped_column(sa.Text)
    request_id: Mapped[str] = mapped_column(sa.Text)
    # None for runs queued by a version without this column.
    credential: Mapped[str | None] = mapped_column(sa.Text)
    client_request_id: Mapped[str | None] = mapped_column(sa.Text)
    file_name: Mapped[str] = mapped_column(sa.Text)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    total: Mapped[int] = mapped_column(default=0)
    processed: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    # Of the rejected rows, those that ask whether they are a registered project or a new one.
    unanswered: Mapped[int] = mapped_column(default=0, server_default="0")
    queued_at: Mapped[datetime] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None] = mapped_column(sa.Text)
    # None for runs queued by a version without these columns.
    layout: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    warnings: Mapped[list[dict[str, Any]] | None] = mapped_column(sa.JSON(none_as_null=True))
    # Of a dry run: rule → how many rows it would flag.
    would_flag: Mapped[dict[str, int] | None] = mapped_column(sa.JSON(none_as_null=True))
    # Why it changes projects, for their history.
    change_reason: Mapped[str | None] = mapped_column(sa.Text)
    # Row → "same" or "new", with the project that was asked for (answers.py); of a dry run also in its rows.
    answers: Mapped[dict[str, str] | None] = mapped_column(sa.JSON(none_as_null=True))
    # The dry run whose file this run imports.
    dry_run_id: Mapped[int | None] = mapped_column(sa.ForeignKey("imports.id"))
    # When and by whom it was undone, and what became of its projects.
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(sa.Text)
    undone: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))

    def is_of(self, actor: Actor) -> bool:
        """True for who queued it."""
        if actor.account_id is None:
            return self.account_id is None and self.principal == actor.principal
        return self.account_id == actor.account_id


IMPORTS: Final = table_of(ImportRun)
# The lease is renewed with each chunk of rows.
IMPORT_QUEUE: Final = Queue(
    ImportRun, ImportRun.lease_until, timedelta(seconds=120), ImportRun.state.in_(("queued", "running"))
)


def is_own(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the SQL condition for the runs that the actor queued."""
    if actor.account_id is None:
        return sa.and_(IMPORTS.c.account_id.is_(None), IMPORTS.c.principal == actor.principal)
    return IMPORTS.c.account_id == actor.account_id


class ImportWrite(Model):
    """The version of a project that an import wrote; 1 is its registration. Without foreign keys, for speed."""

    __tablename__ = "import_writes"

    import_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[str] = mapped_column(sa.String(17), primary_key=True)
    version: Mapped[int]


class FilePiece(Model):
    """A piece of the file. A table of its own, because the run's row is updated often.

    Of a dry run it is kept until that is run, of one with wrong rows too; both for ``RETENTION``.
    """

    __tablename__ = "import_files"

    import_id: Mapped[int] = mapped_column(sa.ForeignKey("imports.id"), primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(sa.LargeBinary)


class RowError(Model):
    """One invalid cell, or an invalid row when ``column`` is None. ``row`` is the spreadsheet's row number."""

    __tablename__ = "import_errors"

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("imports.id"))
    row: Mapped[int]
    column: Mapped[str | None] = mapped_column(sa.String(200))
    code: Mapped[str] = mapped_column(sa.String(60))
    params: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    # The cell as it was read, shortened; None for a whole row, and for rows of earlier versions.
    value: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (sa.Index(None, "import_id", "row"),)


class PreviewedRow(Model):
    """What a dry run would do with a row: ``outcome`` is created, updated, unchanged, rejected or question.

    ``record`` is the project's number or the agency's BIN, None for a new project. ``changes``: ``{field, old, new}``.
    A question, whose code is ``question``, is whether the row is ``record``: the answer is "same" or "new".
    """

    __tablename__ = "import_rows"

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("imports.id"))
    row: Mapped[int]
    outcome: Mapped[str] = mapped_column(sa.String(10))
    record: Mapped[str | None] = mapped_column(sa.String(40))
    name: Mapped[str | None] = mapped_column(sa.Text)
    changes: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    would_flag: Mapped[list[str]] = mapped_column(sa.JSON)
    question: Mapped[str | None] = mapped_column(sa.String(60))
    answer: Mapped[str | None] = mapped_column(sa.String(4))

    __table_args__ = (sa.Index(None, "import_id", "row"),)


class ColumnMapping(Model):
    """What somebody of an agency chose by hand: header → field of a layout of table, word → code of a field, or None.

    ``agency_id`` is None for people without an agency. ``layout`` is the key of its set of headers (``headers.py``), or
    the name of the field.
    """

    __tablename__ = "import_mappings"

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int | None] = mapped_column(sa.ForeignKey("agencies.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    layout: Mapped[str] = mapped_column(sa.String(64))
    columns: Mapped[dict[str, str | None]] = mapped_column(sa.JSON)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    recorded_by: Mapped[str] = mapped_column(sa.Text)


def store_file(run_id: int, content: bytes, first: int = 0) -> None:
    """Store the file inside the open transaction, in pieces, because a driver copies each parameter several times.

    ``first``: the position of its first piece, ``ORIGINAL`` for the workbook as it came.
    """
    session = require_transaction()
    for position, start in enumerate(range(0, len(content), PIECE), first):
        piece = content[start : start + PIECE]
        session.execute(sa.insert(FilePiece).values(import_id=run_id, position=position, content=piece))


def pass_on_imports(former_id: int, successor_id: int) -> None:
    """Let imports that have not ended, and previews, which can still be run, go on for an agency's successor.

    Remembered columns pass on too, where the successor remembers none of that layout. In the open transaction.
    """
    session, in_sql = require_transaction(), {"synchronize_session": False}
    unended = (ImportRun.agency_id == former_id, sa.or_(ImportRun.finished_at.is_(None), ImportRun.dry_run))
    session.execute(sa.update(ImportRun).where(*unended).values(agency_id=successor_id), execution_options=in_sql)
    own = sa.select(ColumnMapping.layout).where(ColumnMapping.agency_id == successor_id).scalar_subquery()
    passing = (ColumnMapping.agency_id == former_id, ColumnMapping.layout.not_in(own))
    session.execute(sa.update(ColumnMapping).where(*passing).values(agency_id=successor_id), execution_options=in_sql)


def forget_results(run: ImportRun) -> None:
    """Delete what a dry run said of the rows, and what was answered, so that it can be done again.

    In the open transaction.
    """
    session = require_transaction()
    for table in (RowError, PreviewedRow):
        session.execute(sa.delete(table).where(table.import_id == run.id))
    run.processed = run.created = run.updated = run.unchanged = run.rejected = run.unanswered = run.attempts = 0
    run.started_at = run.finished_at = run.would_flag = run.answers = None


def has_file(run_id: int) -> bool:
    """True while the file of a run is kept."""
    return db.session.scalar(sa.select(FilePiece.position).where(FilePiece.import_id == run_id).limit(1)) is not None


def stored_file(run_id: int, *, original: bool = False) -> bytes:
    """Return the file of a run as CSV, or the workbook as it came; empty when it is not kept, or was no workbook."""
    is_part = FilePiece.position >= ORIGINAL if original else FilePiece.position < ORIGINAL
    pieces = sa.select(FilePiece.content).where(FilePiece.import_id == run_id, is_part).order_by(FilePiece.position)
    read_in_transaction()
    return b"".join(db.session.scalars(pieces, execution_options={"yield_per": 1}))
