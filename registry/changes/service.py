"""The change feed: the commit numbers what triggers have noted, and old changes are deleted.

Of each record a transaction has at most one change, with the state before the transaction and the one after it.
Numbers are taken at the end, while the row of ``change_head`` is locked until the commit: they follow the order of
commits, and whoever sees a number sees all smaller ones. ``registry/hooks.py`` connects ``number_changes`` after the
journal, so that all transactions lock the two heads in one order.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from registry.changes.models import ChangeHead, ChangeKind, PendingChange, RecordedChange
from registry.core.change_triggers import DIGESTS
from registry.core.clock import now
from registry.core.database import Instant, db, require_transaction, table_of, transaction
from registry.core.dialects import HasEnded, JoinedDigest, OfTransaction, has_writing_ctes

CHANGES: Final = table_of(RecordedChange)
PENDING: Final = table_of(PendingChange)
HEAD: Final = table_of(ChangeHead)
COPIED: Final = (
    *("kind", "record_id", "project_id", "version", "old_status", "new_status", "old_severity", "new_severity"),
    *("fields", "seen_by", "was_restricted", *DIGESTS),
)
OWN: Final = OfTransaction(PENDING.c.xact)
# What others have noted; of transactions to come only for a comparison to find (registry/journal/rows.py).
ENDED: Final = HasEnded(PENDING.c.xact)


def _numbered(
    pending: sa.FromClause, last: sa.ColumnElement[int], count: sa.ColumnElement[int], json: bool
) -> sa.Select[tuple[int]]:
    """Return every pending change with its number, the last of which is known, as a row of ``changes``."""
    ordered = sa.func.row_number().over(order_by=(pending.c.position, pending.c.record_id))
    sides = sa.literal('{"before":{') + pending.c.values_before + '},"after":{' + pending.c.values_after + "}}"
    details = sa.case(
        (pending.c.values_before.is_not(None), sa.cast(sides, sa.JSON) if json else sa.type_coerce(sides, sa.JSON))
    )
    at = sa.bindparam("at", type_=Instant())
    return sa.select(last - count + ordered, at, details, *(pending.c[name] for name in COPIED))


def _insert(numbered: sa.Select[tuple[int]]) -> sa.Insert:
    return sa.insert(CHANGES).from_select(["seq", "at", "details", *COPIED], numbered)


def _number(which: sa.ColumnElement[bool]) -> sa.Insert:
    """Number the pending changes that fit in one statement (PostgreSQL only)."""
    moved = sa.delete(PENDING).where(which).returning(*PENDING.c).cte("moved")
    taken = (
        sa.update(HEAD)
        .where(HEAD.c.id == 1, sa.exists(sa.select(moved.c.position)))
        .values(seq=HEAD.c.seq + sa.select(sa.func.count()).select_from(moved).scalar_subquery())
        .returning(HEAD.c.seq)
        .cte("taken")
    )
    numbered = _numbered(moved, taken.c.seq, sa.func.count().over(), json=True)
    return _insert(numbered.select_from(moved.join(taken, sa.true())))


# Built once at import.
NUMBER_OWN: Final = _number(OWN)
NUMBER_ENDED: Final = _number(ENDED)
COUNT: Final = sa.select(sa.func.count()).select_from(PENDING)
TAKE_NUMBERS: Final = (
    sa.update(HEAD).where(HEAD.c.id == 1).values(seq=HEAD.c.seq + sa.bindparam("count")).returning(HEAD.c.seq)
)
_last, _count = sa.bindparam("last", type_=sa.BigInteger), sa.bindparam("count", type_=sa.BigInteger)
INSERT_NUMBERED: Final = _numbered(PENDING, _last, _count, json=False)


def number_changes(session: Session) -> None:
    """Give what the open transaction has changed its numbers, holding the head's lock until the commit."""
    if has_writing_ctes():
        session.execute(NUMBER_OWN, {"at": now()})
    else:
        _number_in_steps(session, OWN)


def number_changes_by_hand() -> None:
    """Number what somebody changed without the service, in a transaction of its own."""
    db.session.rollback()
    if db.session.scalar(sa.select(PENDING.c.position).where(ENDED).limit(1)) is not None:
        with transaction() as session:
            if has_writing_ctes():
                session.execute(NUMBER_ENDED, {"at": now()})
            else:
                _number_in_steps(session, ENDED)


def _number_in_steps(session: Session, which: sa.ColumnElement[bool]) -> None:
    count = session.execute(COUNT.where(which)).scalar_one()
    if count:
        last = session.execute(TAKE_NUMBERS, {"count": count}).scalar_one()
        session.execute(_insert(INSERT_NUMBERED.where(which)), {"at": now(), "last": last, "count": count})
        session.execute(sa.delete(PENDING).where(which))


# What an entry of the journal covers of the open transaction: how many changes it numbers, and the SHA-256 of their
# lines, None when none of them has a digest.


def change_line(kind: str, record_id: int, digest: bytes | None, status_digest: bytes | None) -> str:
    """Return the text of a change that the SHA-256 is of, as ``WRITTEN`` makes it."""
    return " ".join((kind, str(record_id), *("-" if each is None else each.hex() for each in (digest, status_digest))))


_hex: Final = [sa.func.coalesce(sa.func.encode(PENDING.c[name], "hex"), "-") for name in DIGESTS]
_line: Final = PENDING.c.kind + " " + sa.cast(PENDING.c.record_id, sa.Text) + " " + _hex[0] + " " + _hex[1]
_lines: Final = (
    sa.select(_line.label("line"), sa.func.coalesce(*(PENDING.c[name] for name in DIGESTS)).label("digest"))
    .where(OWN)
    .order_by(PENDING.c.position, PENDING.c.record_id)
    .subquery()
)
_digest: Final = sa.case((sa.func.count(_lines.c.digest) > 0, JoinedDigest(_lines.c.line)))
WRITTEN: Final = sa.select(sa.func.count(_lines.c.line).label("count"), _digest.label("sha256")).subquery()


# What has changed since a moment, by the feed: for work that reads without locks and checks again under them.

CHANGE: Final = table_of(RecordedChange).c
OF_ONE_PROJECT: Final = frozenset({ChangeKind.PROJECT.value, ChangeKind.VIEW.value})


class Changed(NamedTuple):
    """Ids of projects of which anything changed, of agencies, and of other records by their kind."""

    projects: frozenset[int]
    agencies: frozenset[int]
    others: Mapping[str, frozenset[int]]


def newest_seq() -> int:
    """Return the number of the last change that is committed; read it before what is to be checked later."""
    return int(db.session.execute(sa.select(HEAD.c.seq)).scalar_one())


def deleted_up_to() -> int:
    """Return the number of the last change that was deleted; 0 without any."""
    return int(db.session.execute(sa.select(HEAD.c.deleted_up_to)).scalar_one())


def changed_since(number: int, but: range = range(0)) -> Changed:
    """Everything that was committed after ``newest_seq`` answered so, whoever changed it, ``but`` for these numbers."""
    later = CHANGE.seq > max(number, but.stop - 1)
    if but:
        later = sa.or_(later, CHANGE.seq.between(number + 1, but.start - 1))
    projects: set[int] = set()
    others: dict[str, set[int]] = {}
    for kind, record_id, project_id in db.session.execute(
        sa.select(CHANGE.kind, CHANGE.record_id, CHANGE.project_id).where(later)
    ):
        if kind in OF_ONE_PROJECT:
            projects.add(record_id)
        elif project_id is not None:
            projects.add(project_id)
        else:
            others.setdefault(kind, set()).add(record_id)
    agencies = others.pop(ChangeKind.AGENCY.value, set())
    return Changed(frozenset(projects), frozenset(agencies), {kind: frozenset(ids) for kind, ids in others.items()})


# Deletion of old changes: whoever falls further behind reads the lists again.

RETENTION: Final = timedelta(days=90)
DELETED_AT_ONCE: Final = 10_000
# More changes than a register has in the time between a backup and its restoration.
LEAP: Final = 1_000_000_000


def delete_old_changes() -> None:
    """Delete changes after ``RETENTION``, in parts, so that nobody who writes changes waits long."""
    while _delete_part():
        pass


def restart_feed() -> None:
    """Let the feed of a restored database go on with numbers that were never given, in the open transaction.

    Its next numbers were given to other changes already. Everybody who follows the feed reads the lists again.
    """
    next_numbers = {"seq": HEAD.c.seq + LEAP, "deleted_up_to": HEAD.c.seq + LEAP}
    session = require_transaction()
    session.execute(sa.update(HEAD).values(next_numbers))
    # Transactions of another server, which may count less far: here they would never end, and never be numbered.
    session.execute(sa.update(PENDING).where(PENDING.c.xact > 0).values(xact=-PENDING.c.xact))


def _delete_part() -> bool:
    with transaction() as session:
        oldest = sa.select(CHANGES.c.seq, CHANGES.c.at).order_by(CHANGES.c.seq).limit(DELETED_AT_ONCE).subquery()
        # Times may step back with a clock, numbers do not.
        # The digests of what is not sealed yet are still needed. The first seal needs none (registry/journal/rows.py).
        sealed = sa.func.coalesce(sa.select(HEAD.c.sealed_up_to).scalar_subquery(), oldest.c.seq)
        last = session.scalar(
            sa.select(sa.func.max(oldest.c.seq)).where(oldest.c.at < now() - RETENTION, oldest.c.seq <= sealed)
        )
        if last is None:
            return False
        session.execute(sa.update(HEAD).values(deleted_up_to=last))
        session.execute(sa.delete(CHANGES).where(CHANGES.c.seq <= last))
    return True
