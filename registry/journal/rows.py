"""The rows of the register compared with the journal: rows that no act explains.

Triggers note the SHA-256 of each row that a transaction writes (``registry/core/change_triggers.py``). The commit keeps
it in ``changes``, and the last entry of the transaction covers it (``written_rows``). So that old changes can be
deleted, ``sealed_rows`` has the last digest of each row up to some change, which an entry covers as well: a seal. A row
must be as the last act after the seal wrote it, or as the seal has it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import LargeBinary, String, Text, cast, delete, func, inspect, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.changes.models import ChangeHead, RecordedChange
from registry.changes.service import change_line
from registry.core.change_triggers import RECORDED, row_digest
from registry.core.clock import now
from registry.core.database import Model, db, table_of, transaction
from registry.core.dialects import JoinedDigest, insert_or_ignore, is_sqlite
from registry.core.schema import upgrade_schema
from registry.journal.service import SELECT_HEADS_FOR_UPDATE, WRITTEN_ROWS, JournalActor, JournalEntry, record
from registry.journal.verification import JournalVerification

log = logging.getLogger(__name__)

SEALED: Final = "journal.rows-sealed"
UNSEALED: Final = "journal.rows-unsealed"
SUBJECT: Final = "database:registry"
RUNBOOK: Final = "docs/runbooks/rows-differ.md"
PARTS: Final = 7
# No id is larger. Those that acts give are smaller by far, but SQLite takes any.
LARGEST: Final = 2**63
BATCH_SIZE: Final = 1000
# Of differences that somebody accepts, in the entry.
LISTED: Final = 100
KEYS: Final = {recorded.table: recorded.key for recorded in RECORDED if recorded.digest is not None}
# Of each kind of changes the columns that have digests, and of rows of which table.
DIGESTS: Final[Mapping[str, dict[str, str]]] = {
    kind: {each.digest: each.table for each in RECORDED if each.kind == kind and each.digest is not None}
    for kind in {recorded.kind for recorded in RECORDED}
}
CHANGE: Final = table_of(RecordedChange).c
Row = tuple[str, int]


class SealedRow(Model):
    """The digest of a row as the last act up to the newest seal wrote it."""

    __tablename__ = "sealed_rows"

    table_name: Mapped[str] = mapped_column(String(30), primary_key=True)
    record_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary)


SEALED_ROWS: Final = table_of(SealedRow)
NEWEST: Final = (
    select(JournalEntry.seq, JournalEntry.action, JournalEntry.details)
    .where(JournalEntry.action.in_((SEALED, UNSEALED)))
    .order_by(JournalEntry.seq.desc())
    .limit(1)
)


class Difference(NamedTuple):
    """What no act explains. ``table`` and ``key``: of a row. ``since``: the entry that explains it last.

    ``what``: ``changed``, ``added`` or ``missing``; without a key ``act-differs``, the digests that are kept of an act
    are not those that its entry covers, ``seal-differs``, those of a table are not those of the seal, and
    ``not-accepted``: an upgrade has sealed rows that differed, which its entry lists.
    """

    table: str
    key: int | None
    what: str
    since: int

    def __str__(self) -> str:
        return f"{self.table}{'' if self.key is None else f' {self.key}'}: {self.what} since entry {self.since}"


@dataclass(frozen=True, slots=True)
class Seal:
    """The entry of a seal: it covers acts up to an entry, and their changes up to a number.

    ``not_accepted``: how many rows differed that an upgrade has sealed all the same.
    """

    seq: int
    act: int
    change: int
    digests: Mapping[str, tuple[int, str]]
    not_accepted: int = 0


@dataclass(slots=True)
class Acts:
    """What acts after a seal wrote: the digest of each row and the entry that covers it; up to which act and change."""

    rows: dict[Row, tuple[bytes, int]]
    differences: list[Difference]
    act: int
    change: int


def newest_seal() -> Seal | None:
    """Return the seal that rows are compared with; None before the first one, and while an upgrade changes rows."""
    entry = db.session.execute(NEWEST).one_or_none()
    if entry is None or entry.action == UNSEALED:
        return None
    sealed = json.loads(entry.details)
    digests = {table: (each["count"], each["sha256"]) for table, each in sealed["tables"].items()}
    return Seal(entry.seq, sealed["acts_up_to"], sealed["changes_up_to"], digests, sealed.get("not_accepted", 0))


def find_differences(seal: Seal, part: int | None = None) -> tuple[list[Difference], Acts]:
    """Compare the rows with the acts since the seal and with it; only a seventh of them when ``part`` is given."""
    acts = _acts_since(seal)
    differences = [] if part is not None else list(_sealed_otherwise(seal))
    suspects = [row for table in seal.digests for row in _compare(table, acts, seal, part=part)]
    if suspects:
        # Acts went on meanwhile: these rows again, while nobody commits.
        with transaction() as session:
            session.execute(SELECT_HEADS_FOR_UPDATE)
            acts = _acts_since(seal)
            for table in seal.digests:
                keys = frozenset(row.key for row in suspects if row.table == table and row.key is not None)
                differences += _compare(table, acts, seal, keys=keys) if keys else ()
    if seal.not_accepted:
        differences.append(Difference("sealed_rows", None, "not-accepted", seal.seq))
    return acts.differences + differences, acts


def _acts_since(seal: Seal) -> Acts:
    session = db.session()
    # In one statement, so that the acts are those of the changes.
    heads = select(select(func.max(JournalEntry.seq)).scalar_subquery(), ChangeHead.seq)
    act, change = session.execute(heads).one()
    acts = Acts({}, [], act or 0, change)
    entries = (
        select(JournalEntry.seq, JournalEntry.details)
        .where(JournalEntry.seq > seal.act, JournalEntry.seq <= acts.act)
        .where(JournalEntry.details.contains(f'"{WRITTEN_ROWS}":{{"after":', autoescape=True))
        .order_by(JournalEntry.seq)
    )
    columns = (CHANGE.seq, CHANGE.kind, CHANGE.record_id, CHANGE.digest, CHANGE.status_digest)
    noted = select(*columns).where(CHANGE.seq > seal.change, CHANGE.seq <= change).order_by(CHANGE.seq)
    changes = iter(session.execute(noted))
    row = next(changes, None)
    for seq, details in session.execute(entries):
        covered = json.loads(details).get(WRITTEN_ROWS)
        if covered is None:
            continue
        lines = []
        while row is not None and row.seq <= covered["after"] + covered["count"]:
            # What no entry covers was written by hand.
            if row.seq > covered["after"]:
                lines.append(change_line(*row[1:]))
                for column, table in DIGESTS.get(row.kind, {}).items():
                    digest = getattr(row, column)
                    if digest is not None:
                        acts.rows[table, row.record_id] = bytes(digest), seq
            row = next(changes, None)
        if len(lines) != covered["count"] or sha256(";".join(lines).encode()).hexdigest() != covered["sha256"]:
            acts.differences.append(Difference("changes", None, "act-differs", seq))
    return acts


def _compare(
    table: str, acts: Acts, seal: Seal, *, part: int | None = None, keys: Collection[int] | None = None
) -> Iterator[Difference]:
    """The rows of a table that differ: of all, a seventh, or those with these keys."""
    session = db.session()
    key, digest = f"own.{KEYS[table]}", _digest(session, table)
    ids = range(-LARGEST, LARGEST)
    if part is not None:
        top = session.scalar(text(f"SELECT max({key}) FROM {table} AS own")) or 0  # noqa: S608
        bounds = [-LARGEST, *(top * each // PARTS for each in range(1, PARTS)), LARGEST]
        ids = range(bounds[part], bounds[part + 1])

    def fits(column: str) -> str:
        if keys is not None:
            return f"{column} IN ({', '.join(map(str, keys))})"
        # The first and the last seventh have no end.
        ends = (f"{column} >= {ids.start}", ids.start > -LARGEST), (f"{column} < {ids.stop}", ids.stop < LARGEST)
        return " AND ".join(sql for sql, is_end in ends if is_end) or "TRUE"

    # Those that are as they were sealed, nearly all, stay in the database.
    others = session.execute(
        text(
            f"SELECT {key}, {digest}, sealed.digest IS NOT NULL FROM {table} AS own"  # noqa: S608 - names of our own
            f" LEFT JOIN sealed_rows AS sealed ON sealed.table_name = '{table}' AND sealed.record_id = {key}"
            f" WHERE {fits(key)} AND {digest} IS DISTINCT FROM sealed.digest"
        )
    )
    read = set()
    for record_id, digested, was_sealed in others:
        read.add(record_id)
        expected, since = acts.rows.get((table, record_id), (None, seal.seq))
        if bytes(digested) != expected:
            yield Difference(table, record_id, "changed" if was_sealed or expected else "added", since)
    gone = set(
        session.scalars(
            text(
                f"SELECT sealed.record_id FROM sealed_rows AS sealed WHERE sealed.table_name = '{table}'"  # noqa: S608
                f" AND {fits('sealed.record_id')}"
                f" AND NOT EXISTS (SELECT 1 FROM {table} AS own WHERE {key} = sealed.record_id)"
            )
        )
    )
    # Written since the seal, and now as the seal has them or not there at all.
    written = [
        record_id
        for of, record_id in acts.rows
        if of == table and record_id not in read
        if record_id in (ids if keys is None else keys)
    ]
    for first in range(0, len(written), BATCH_SIZE):
        asked = written[first : first + BATCH_SIZE]
        statement = f"SELECT {key}, {digest} FROM {table} AS own WHERE {key} IN ({', '.join(map(str, asked))})"  # noqa: S608
        present = {record_id: bytes(digested) for record_id, digested in session.execute(text(statement))}
        gone.update(set(asked) - set(present))
        for record_id, digested in present.items():
            expected, since = acts.rows[table, record_id]
            if digested != expected:
                yield Difference(table, record_id, "changed", since)
    for record_id in sorted(gone):
        yield Difference(table, record_id, "missing", acts.rows.get((table, record_id), (b"", seal.seq))[1])


def _digest(session: Session, table: str) -> str:
    """The SQL of the digest of ``own``, a row of the table."""
    # Those that the table has: before an upgrade not those of the models.
    columns = session.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys()  # noqa: S608
    return row_digest(not is_sqlite(), table, "own", columns)


# Seals.


def _sealed_otherwise(seal: Seal) -> Iterator[Difference]:
    """The tables of which the sealed digests are not those of the seal."""
    for table, digest in _sealed_digests(db.session(), seal.digests).items():
        if digest != seal.digests[table]:
            yield Difference(table, None, "seal-differs", seal.seq)


def _sealed_digests(session: Session, tables: Iterable[str]) -> dict[str, tuple[int, str]]:
    digests = {}
    line = cast(SEALED_ROWS.c.record_id, Text) + " " + func.encode(SEALED_ROWS.c.digest, "hex", type_=Text)
    for table in tables:
        of_table = select(line.label("line")).where(SEALED_ROWS.c.table_name == table)
        lines = of_table.order_by(SEALED_ROWS.c.record_id).subquery()
        count, digest = session.execute(select(func.count(), JoinedDigest(lines.c.line)).select_from(lines)).one()
        digests[table] = (count, digest or "")
    return digests


def seal_rows(actor: JournalActor, reason: str, accepted: Sequence[Difference] = ()) -> None:
    """Seal the rows as they are, whoever wrote them. Nobody commits meanwhile. Lists the differences that are accepted,
    and those that an upgrade found before it.
    """
    with transaction() as session:
        heads = session.execute(SELECT_HEADS_FOR_UPDATE).one()
        newest = session.execute(NEWEST).one_or_none()
        session.execute(delete(SEALED_ROWS))
        for table, key in KEYS.items():
            rows = f"SELECT '{table}', own.{key}, {_digest(session, table)} FROM {table} AS own"  # noqa: S608
            session.execute(text(f"INSERT INTO sealed_rows (table_name, record_id, digest) {rows}"))
        details = {"reason": reason, **_listed("accepted", accepted)}
        if newest is not None and newest.action == UNSEALED:
            unsealed = json.loads(newest.details)
            details = {name: unsealed[name] for name in ("not_accepted", "differences") if name in unsealed} | details
        _record_seal(session, actor, heads.seq, heads.changes, details)


def _listed(what: str, differences: Sequence[Difference]) -> dict[str, Any]:
    if not differences:
        return {}
    return {what: len(differences), "differences": [str(each) for each in differences[:LISTED]]}


def upgrade_and_seal(actor: JournalActor, service_role: str | None = None) -> None:
    """Upgrade the schema, which changes rows without acts, and seal them again. Raises as ``upgrade_schema`` does.

    They are compared before, and what differs then is not forgotten. When this is interrupted, the rows are without a
    seal, and the next night seals them.
    """
    tables = inspect(db.engine).get_table_names()
    seal = newest_seal() if JournalEntry.__tablename__ in tables else None
    # A downgrade has dropped the table, and kept the entry.
    if seal is not None and SealedRow.__tablename__ in tables:
        differences, _ = find_differences(seal)
        with transaction():
            record(actor, UNSEALED, SUBJECT, {"reason": "upgrade", **_listed("not_accepted", differences)})
    db.session.remove()
    upgrade_schema(service_role=service_role)
    if seal is not None:
        seal_rows(actor, "upgrade")


def _seal_acts(actor: JournalActor, seal: Seal, acts: Acts) -> None:
    """Seal what acts have written since the seal, unless another process has done so meanwhile."""
    upsert = insert_or_ignore(SealedRow)
    upsert = upsert.on_conflict_do_update(
        index_elements=["table_name", "record_id"], set_={"digest": upsert.excluded.digest}
    )
    with transaction() as session:
        session.execute(SELECT_HEADS_FOR_UPDATE)
        if newest_seal() != seal:
            return
        rows = acts.rows.items()
        session.execute(
            upsert, [{"table_name": table, "record_id": key, "digest": digest} for (table, key), (digest, _) in rows]
        )
        _record_seal(session, actor, acts.act, acts.change, {})


def _record_seal(session: Session, actor: JournalActor, act: int, change: int, details: Mapping[str, Any]) -> None:
    digests = _sealed_digests(session, KEYS)
    tables = {table: {"count": count, "sha256": digest} for table, (count, digest) in digests.items()}
    session.execute(update(ChangeHead).values(sealed_up_to=change), execution_options={"synchronize_session": False})
    record(actor, SEALED, SUBJECT, {**details, "acts_up_to": act, "changes_up_to": change, "tables": tables})


def reconcile(actor: JournalActor, part: int | None = None) -> list[Difference]:
    """Compare all rows, or a seventh, and return what differs; it is kept for ``/readyz``, ``/metrics`` and
    ``registry doctor`` until a comparison of all rows finds nothing. Seals rows that nobody has sealed yet.
    """
    seal = newest_seal()
    differences: list[Difference] = []
    if seal is None:
        seal_rows(actor, "rows of before")
        seal, part = newest_seal(), None
    if seal is not None:
        differences, acts = find_differences(seal, part)
        if part is None and acts.rows and not differences:
            _seal_acts(actor, seal, acts)
    values: dict[str, object] = {"rows_compared_at": now()}
    if part is None or differences:
        values["rows_fault"] = f"{differences[0]} ({len(differences)})" if differences else None
    if part is None:
        values["all_rows_at"] = now()
    try:
        with transaction() as session:
            session.execute(
                update(JournalVerification).values(values), execution_options={"synchronize_session": False}
            )
    except SQLAlchemyError as error:
        # A database that is read-only or full is compared too.
        log.warning("what the comparison of rows found could not be saved", exc_info=error)
    return differences
