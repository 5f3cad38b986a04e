"""The stored set: written by the worker; a project leaves it in the transaction that makes it private."""

import csv
import gzip
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, select, update

from registry.accounts.roles import SCHEDULE
from registry.core.clock import local_date, now
from registry.core.database import db, read_in_transaction, require_transaction, table_of, transaction
from registry.core.postgresql import extend_timeouts
from registry.core.spreadsheets.writer import CSV_BOM, csv_lines, escape_formula
from registry.flags.models import last_good_audit
from registry.journal import service as journal
from registry.open_data.models import ONLY_ROW, OpenDataSet
from registry.open_data.queries import PUBLIC_FIELDS, public_projects
from registry.projects.models import Project

SET: Final = table_of(OpenDataSet).c
ROWS_PER_CHUNK: Final = 500
# Without a nightly audit the set is written all the same.
MAX_AGE: Final = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class StoredSet:
    """What describes the set. ``size``: bytes of the CSV; ``audited_on``: the last audit that it shows."""

    sha256: str
    size: int
    projects: int
    audited_on: date | None
    made_at: datetime


def stored_set() -> StoredSet | None:
    """Return the set of today; None while there is none."""
    row = db.session.execute(_of_row(SET.sha256, SET.size, SET.projects, SET.audited_on, SET.made_at)).first()
    return None if row is None or row.made_at is None else StoredSet(*row)


def stored_file(sha256: str) -> bytes | None:
    """Return the CSV of that set, compressed with gzip; None when it was replaced meanwhile."""
    content: bytes | None = db.session.scalar(_of_row(SET.content).where(SET.sha256 == sha256))
    return content


def write_when_due() -> bool:
    """Write the set if there is none, a newer audit, or it is a day old. True when it was written.

    Several workers may try at once: one of them writes. A set that was read before a project became private is
    discarded, and the next run writes it.
    """
    db.session.rollback()
    row = db.session.execute(_of_row(SET.generation, SET.audited_on, SET.made_at)).one()
    audit = last_good_audit()
    audited_on = None if audit is None else audit.on
    if not _is_due(row, audited_on):
        return False
    compressed, digest, size, projects = _compressed(_pieces())
    at = now()
    with transaction() as session:
        generation = session.scalar(_of_row(SET.generation).with_for_update())
        if generation != row.generation:
            return False
        values = {"content": compressed, "sha256": digest, "size": size, "projects": projects}
        session.execute(_changed(**values, audited_on=audited_on, made_at=at))
        details = {"projects": projects, "sha256": digest, "audited_on": audited_on}
        journal.record(SCHEDULE, "open-data.written", f"open-data:{local_date(at).isoformat()}", details)
    return True


def withhold_restricted(project: Project) -> None:
    """Take the project out of the set when it has become restricted."""
    if project.is_restricted:
        withhold(project)


def withhold(project: Project) -> None:
    """Take the project out of the stored set, in the open transaction; a set that is being made is discarded.

    The other rows stay as they are, so that the files go on being served also where no worker runs.
    """
    session = require_transaction()
    row = session.execute(_of_row(SET.content, SET.projects, SET.made_at).with_for_update()).one()
    values: dict[str, Any] = {}
    if row.content is not None:
        compressed, digest, size, projects = _compressed(_pieces_without(row.content, project.number))
        if projects != row.projects:
            values = {"content": compressed, "sha256": digest, "size": size, "projects": projects}
            # Later by a whole second: caches that keep times see the change.
            values["made_at"] = max(now(), row.made_at + timedelta(seconds=1))
    session.execute(_changed(**values))


def _is_due(row: Row[Any], audited_on: date | None) -> bool:
    if row.made_at is None or now() - row.made_at > MAX_AGE:
        return True
    return audited_on is not None and (row.audited_on is None or audited_on > row.audited_on)


def _compressed(pieces: Iterator[tuple[bytes, int]]) -> tuple[bytes, str, int, int]:
    hashed, file = hashlib.sha256(), io.BytesIO()
    size = projects = 0
    # The same projects give the same bytes: no time in the header of gzip.
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
        for lines, count in pieces:
            hashed.update(lines)
            packed.write(lines)
            size, projects = size + len(lines), projects + count
    return file.getvalue(), hashed.hexdigest(), size, projects


def _pieces() -> Iterator[tuple[bytes, int]]:
    statement = public_projects().order_by(table_of(Project).c.id)
    yield CSV_BOM + csv_lines([[field.name for field in PUBLIC_FIELDS]]), 0
    read_in_transaction()
    extend_timeouts(db.session.connection())
    rows = db.session.execute(statement, execution_options={"yield_per": ROWS_PER_CHUNK})
    while chunk := list(islice(rows, ROWS_PER_CHUNK)):
        yield csv_lines([[_cell(value) for value in row] for row in chunk]), len(chunk)


def _pieces_without(content: bytes, number: str) -> Iterator[tuple[bytes, int]]:
    """The pieces of a stored CSV without the row of a project. Texts have line breaks, so that rows are parsed."""
    with gzip.open(io.BytesIO(content), "rt", encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        yield CSV_BOM + csv_lines([next(rows)]), 0
        place = [field.name for field in PUBLIC_FIELDS].index("number")
        left = (row for row in rows if row[place] != number)
        while chunk := list(islice(left, ROWS_PER_CHUNK)):
            yield csv_lines(chunk), len(chunk)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape_formula(value) if isinstance(value, str) else value


def _of_row(*columns: ColumnElement[Any]) -> Any:
    return select(*columns).where(SET.id == ONLY_ROW)


def _changed(**values: Any) -> Any:
    return update(OpenDataSet).where(SET.id == ONLY_ROW).values(generation=SET.generation + 1, **values)
