"""The rows of the register compared with the journal: rows that no act explains.

Triggers note the SHA-256 of each row that a transaction writes (``registry/core/change_triggers.py``). The commit keeps
it in ``changes``, and the last entry of the transaction covers it (``written_rows``). So that old changes can be
deleted, ``sealed_rows`` has the last digest of each row up to some change, which an entry covers as well: a seal. A row
must be as the last act after the seal wrote it, or as the seal has it.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import LargeBinary, String, Text, TextClause, cast, delete, func, inspect, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.changes.models import ChangeHead, RecordedChange
from registry.changes.service import PENDING, change_line
from registry.core.change_triggers import RECORDED, row_digest
from registry.core.clock import now
from registry.core.database import Model, db, table_of, transaction
from registry.core.dialects import HasEnded, JoinedDigest, insert_or_ignore, is_sqlite
from registry.core.schema import upgrade_schema
from registry.journal.service import SELECT_HEADS_FOR_UPDATE, WRITTEN_ROWS, JournalActor, JournalEntry, record
from registry.journal.verification import save_verification

log = logging.getLogger(__name__)

SEALED: Final = "journal.rows-sealed"
UNSEALED: Final = "journal.rows-unsealed"
SUBJECT: Final = "database:registry"
RUNBOOK: Final = "docs/runbooks/rows-differ.md"
# A night compares one of so many slices, and once a week all rows.
PARTS: Final = 28
# No id is larger. Those that acts give are smaller by far, but SQLite takes any.
EVERY_ID: Final = range(-(2**63), 2**63)
# Of differences that somebody accepts, and of rows that an upgrade changes, in the entry.
LISTED: Final = 100
# From so many rows on, a night seals what acts wrote: the nights of a week would read it again.
SEALED_AT_ONCE: Final = 10_000
KEYS: Final = {recorded.table: recorded.key for recorded in RECORDED if recorded.digest is not None}
# Of each kind of changes the columns that have digests, and of rows of which table.
DIGESTS: Final[Mapping[str, dict[str, str]]] = {
    kind: {each.digest: each.table for each in RECORDED if each.kind == kind and each.digest is not None}
    for kind in {recorded.kind for recorded in RECORDED}
}
KINDS: Final = {recorded.table: recorded.kind for recorded in RECORDED}
CHANGE: Final = table_of(RecordedChange).c


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
    ``not-accepted``: an upgrade has sealed rows that differed, which its entry lists. ``planted``: a digest of the row
    with this key was noted in ``pending_changes`` for an act to come.
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

    ``not_accepted``: how many rows differed that an upgrade has sealed all the same. ``changed``: how many have changed
    while it ran; None: not known.
    """

    seq: int
    act: int
    change: int
    digests: Mapping[str, tuple[int, str]]
    not_accepted: int = 0
    changed: int | None = 0


@dataclass(slots=True)
class Acts:
    """What acts after a seal wrote: by table and key the digest of a row and the entry that covers it; up to which act
    and change.
    """

    rows: dict[str, dict[int, tuple[bytes, int]]]
    differences: list[Difference]
    act: int
    change: int

    @property
    def count(self) -> int:
        return sum(map(len, self.rows.values()))


def newest_seal() -> Seal | None:
    """Return the seal that rows are compared with; None before the first one, and while an upgrade changes rows."""
    entry = db.session.execute(NEWEST).one_or_none()
    return None if entry is None or entry.action == UNSEALED else _seal(entry)


def _seal(entry: Any) -> Seal:
    sealed = json.loads(entry.details)
    # After a downgrade a later release has sealed tables that this one does not know.
    digests = {table: (each["count"], each["sha256"]) for table, each in sealed["tables"].items() if table in KEYS}
    more = sealed.get("not_accepted", 0), sealed.get("changed", 0)
    return Seal(entry.seq, sealed["acts_up_to"], sealed["changes_up_to"], digests, *more)


def find_differences(seal: Seal, part: int | None = None) -> tuple[list[Difference], Acts]:
    """Compare the rows with the acts since the seal and with it; only a slice of them when ``part`` is given."""
    acts = _acts_since(seal)
    differences = [*acts.differences, *_planted(seal)]
    if part is None or acts.count >= SEALED_AT_ONCE:
        differences += _sealed_otherwise(seal)
    suspects = [row for table in seal.digests for row in _compare(table, acts, seal, _slice(table, part))]
    if suspects:
        # Acts went on meanwhile: these rows again, while nobody commits.
        with transaction() as session:
            session.execute(SELECT_HEADS_FOR_UPDATE)
            now_acts = _acts_since(seal)
            for table in seal.digests:
                keys = frozenset(row.key for row in suspects if row.table == table and row.key is not None)
                differences += _compare(table, now_acts, seal, keys) if keys else ()
    if seal.not_accepted:
        differences.append(Difference("sealed_rows", None, "not-accepted", seal.seq))
    return differences, acts


def _planted(seal: Seal) -> Iterator[Difference]:
    """What is noted for transactions that have not ended: theirs nobody else sees, so that others wrote it."""
    noted = select(PENDING.c.record_id).where(~HasEnded(PENDING.c.xact))
    return (Difference("pending_changes", key, "planted", seal.seq) for key in db.session.scalars(noted))


def _acts_since(seal: Seal) -> Acts:
    session = db.session()
    # In one statement, so that the acts are those of the changes.
    heads = select(select(func.max(JournalEntry.seq)).scalar_subquery(), ChangeHead.seq)
    act, change = session.execute(heads).one()
    acts = Acts(defaultdict(dict), [], act or 0, change)
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
                        acts.rows[table][row.record_id] = bytes(digest), seq
            row = next(changes, None)
        if len(lines) != covered["count"] or sha256(";".join(lines).encode()).hexdigest() != covered["sha256"]:
            acts.differences.append(Difference("changes", None, "act-differs", seq))
    return acts


def _slice(table: str, part: int | None) -> range:
    """The ids of a slice of a table, of which the first and the last have no end; without a part all."""
    if part is None:
        return EVERY_ID
    top = db.session.scalar(text(f"SELECT max({KEYS[table]}) FROM {table}")) or 0  # noqa: S608 - names of our own
    bounds = [EVERY_ID.start, *(top * each // PARTS for each in range(1, PARTS)), EVERY_ID.stop]
    return range(bounds[part], bounds[part + 1])


def _compare(
    table: str, acts: Acts, seal: Seal, ids: Collection[int], columns: Iterable[str] | None = None
) -> Iterator[Difference]:
    """The rows of a table with these ids that differ. ``columns``: those that the digests are of, None for all."""
    session, written, read = db.session(), acts.rows.get(table, {}), set()
    statement = _suspicious(table, ids, _digest(session, table, columns), since=seal.change if written else None)
    for record_id, digest, sealed in session.execute(statement):
        read.add(record_id)
        expected, since = written.get(record_id, (sealed, seal.seq))
        if digest != expected:
            what = "missing" if digest is None else "added" if expected is None else "changed"
            yield Difference(table, record_id, what, since)
    # Those that are neither there nor sealed.
    for record_id in sorted(written.keys() - read):
        if record_id in ids:
            yield Difference(table, record_id, "missing", written[record_id][1])


def _suspicious(table: str, ids: Collection[int], digest: str, *, since: int | None) -> TextClause:
    """The key, digest and sealed digest of rows that are not as they were sealed, or that changed since that change;
    all others, which are nearly all, stay in the database.
    """
    key = f"own.{KEYS[table]}"

    def fits(column: str) -> str:
        if not isinstance(ids, range):
            return f"{column} IN ({', '.join(map(str, ids))})"
        least = f"{column} >= {ids.start}" if ids.start > EVERY_ID.start else "TRUE"
        return f"{least} AND {column} < {ids.stop}" if ids.stop < EVERY_ID.stop else least

    sealed = f"sealed.table_name = '{table}' AND {fits('sealed.record_id')}"
    differs = f"{digest} IS DISTINCT FROM sealed.digest"
    if since is not None:
        # As they were sealed, though acts have written them.
        differs += f" OR {key} IN (SELECT record_id FROM changes WHERE seq > {since} AND kind = '{KINDS[table]}')"  # noqa: S608
    return text(
        f"SELECT {key}, {digest}, sealed.digest FROM {table} AS own"  # noqa: S608 - names and numbers of our own
        f" LEFT JOIN sealed_rows AS sealed ON {sealed} AND sealed.record_id = {key} WHERE {fits(key)} AND ({differs})"
        f" UNION ALL SELECT sealed.record_id, NULL, sealed.digest FROM sealed_rows AS sealed WHERE {sealed}"
        f" AND NOT EXISTS (SELECT 1 FROM {table} AS own WHERE {key} = sealed.record_id)"
    )


def _digest(session: Session, table: str, columns: Iterable[str] | None = None) -> str:
    """The SQL of the digest of ``own``, a row of the table; of these columns, or of all that the table has: before an
    upgrade not those of the models.
    """
    present = _columns(session, table)
    covered = present if columns is None else [name for name in columns if name in present]
    return row_digest(not is_sqlite(), table, "own", covered)


def _columns(session: Session, table: str) -> list[str]:
    return list(session.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys())  # noqa: S608


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
    and after an upgrade those that were found before it and the rows that changed since.
    """
    with transaction() as session:
        heads = session.execute(SELECT_HEADS_FOR_UPDATE).one()
        newest = session.execute(NEWEST).one_or_none()
        details = {"reason": reason, **_listed("accepted", "differences", accepted)}
        if newest is not None and newest.action == UNSEALED:
            unsealed = json.loads(newest.details)
            kept = {name: unsealed[name] for name in ("not_accepted", "differences") if name in unsealed}
            details = kept | _changed_since(session, unsealed) | details
        session.execute(delete(SEALED_ROWS))
        for table, key in KEYS.items():
            rows = f"SELECT '{table}', own.{key}, {_digest(session, table)} FROM {table} AS own"  # noqa: S608
            session.execute(text(f"INSERT INTO sealed_rows (table_name, record_id, digest) {rows}"))
        _record_seal(session, actor, heads.seq, heads.changes, details)


def _changed_since(session: Session, unsealed: Mapping[str, Any]) -> dict[str, Any]:
    """The rows that differ after an upgrade and did not before it, in columns that there were then."""
    sealed = session.execute(NEWEST.where(JournalEntry.action == SEALED)).one_or_none()
    if sealed is None or "columns" not in unsealed:
        return {"changed": None}
    seal, before = _seal(sealed), unsealed.get("differences", ())
    acts = _acts_since(seal)
    changed = [
        row
        for table, columns in unsealed["columns"].items()
        for row in _compare(table, acts, seal, EVERY_ID, columns)
        if str(row) not in before
    ]
    return _listed("changed", "changed_rows", changed)


def _listed(count: str, rows: str, differences: Sequence[Difference]) -> dict[str, Any]:
    if not differences:
        return {}
    return {count: len(differences), rows: [str(each) for each in differences[:LISTED]]}


def upgrade_and_seal(actor: JournalActor, service_role: str | None = None) -> None:
    """Upgrade the schema, which changes rows without acts, and seal them again. Raises as ``upgrade_schema`` does.

    They are compared before, and what differs then is not forgotten; and after, so that the entry of the seal has what
    the upgrade changed. When this is interrupted, the rows are without a seal, and the next night seals them.
    """
    tables = inspect(db.engine).get_table_names()
    was_sealed = JournalEntry.__tablename__ in tables and db.session.execute(NEWEST).one_or_none() is not None
    seal = newest_seal() if was_sealed else None
    # A downgrade has dropped the table, and kept the entry.
    if seal is not None and SealedRow.__tablename__ in tables:
        differences, _ = find_differences(seal)
        columns = {table: _columns(db.session(), table) for table in seal.digests}
        details = {"reason": "upgrade", "columns": columns, **_listed("not_accepted", "differences", differences)}
        with transaction():
            record(actor, UNSEALED, SUBJECT, details)
    db.session.remove()
    upgrade_schema(service_role=service_role)
    if was_sealed:
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
        rows = [
            {"table_name": table, "record_id": key, "digest": digest}
            for table, written in acts.rows.items()
            for key, (digest, _) in written.items()
        ]
        session.execute(upsert, rows)
        _record_seal(session, actor, acts.act, acts.change, {})


def _record_seal(session: Session, actor: JournalActor, act: int, change: int, details: Mapping[str, Any]) -> None:
    digests = _sealed_digests(session, KEYS)
    tables = {table: {"count": count, "sha256": digest} for table, (count, digest) in digests.items()}
    session.execute(update(ChangeHead).values(sealed_up_to=change), execution_options={"synchronize_session": False})
    record(actor, SEALED, SUBJECT, {**details, "acts_up_to": act, "changes_up_to": change, "tables": tables})


def reconcile(actor: JournalActor, part: int | None = None) -> list[Difference]:
    """Compare all rows, or a slice, and return what differs; it is kept for ``/readyz``, ``/metrics`` and ``registry
    doctor`` until a comparison finds nothing. Seals rows that nobody has sealed yet.
    """
    seal = newest_seal()
    differences: list[Difference] = []
    if seal is None:
        seal_rows(actor, "rows of before")
        seal, part = newest_seal(), None
    if seal is not None:
        differences, acts = find_differences(seal, part)
        if not differences and acts.count >= (1 if part is None else SEALED_AT_ONCE):
            _seal_acts(actor, seal, acts)
    fault = f"{differences[0]} ({len(differences)})" if differences else None
    values: dict[str, object] = {"rows_compared_at": now(), "rows_fault": fault}
    if part is None:
        values["all_rows_at"] = now()
    save_verification(values)
    return differences
