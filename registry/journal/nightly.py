"""Nightly verification of the journal: from the last verified entry on, and wholly once a week.

What it finds is kept in one row, for ``/readyz``, ``/metrics`` and ``registry doctor``. A break stays until a
verification of the whole journal finds none.
"""

from __future__ import annotations

import logging
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy import BigInteger, String, Text, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import local_date, local_instant, now
from registry.core.database import Instant, Model, db
from registry.core.installation import installed_at
from registry.core.transactions import transaction
from registry.journal.verification import Fault, Head, head_now, verify_stored

log = logging.getLogger(__name__)

# After the nightly audit, whose entries it verifies too.
VERIFIED_AT: Final = time(4)
WHOLE_EVERY: Final = timedelta(days=7)
MAX_AGE: Final = timedelta(hours=50)
RUNBOOK: Final = "docs/runbooks/journal-broken.md"


class JournalVerification(Model):
    """A single row, inserted by the migration. ``fault``: the first one of the last verification, None for none.

    ``seq`` and ``hash``: the last entry up to which the journal is verified.
    """

    __tablename__ = "journal_verification"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    verified_at: Mapped[datetime | None] = mapped_column(Instant)
    whole_at: Mapped[datetime | None] = mapped_column(Instant)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    fault: Mapped[str | None] = mapped_column(Text)


def last_verification() -> JournalVerification:
    """What the last verification found."""
    return db.session.execute(select(JournalVerification).execution_options(populate_existing=True)).scalar_one()


def is_overdue(last: JournalVerification) -> bool:
    """Whether two nights have passed without a verification."""
    return now() - (last.verified_at or installed_at()) > MAX_AGE


def verify_when_due() -> None:
    """Verify the journal if it has not been since the last 4:00."""
    at, last = now(), last_verification()
    due = local_instant(local_date(at), VERIFIED_AT)
    if due > at:
        due -= timedelta(days=1)
    if last.verified_at is not None and last.verified_at >= due:
        return
    # A day of tolerance: nights are not exactly 24 hours apart.
    whole = last.fault is not None or last.whole_at is None or at - last.whole_at > WHOLE_EVERY - timedelta(hours=12)
    faults = verify_and_save(whole=whole)
    if faults:
        log.error("the journal is broken: %s; see %s", faults[0], RUNBOOK)


def verify_and_save(expected_head: Head | None = None, *, whole: bool = True) -> list[Fault]:
    """Verify the stored journal, from the last verified entry on unless ``whole``, and keep what was found."""
    last = last_verification()
    start = None if whole else Head(last.seq, last.hash)
    end = head_now()
    faults = verify_stored(expected_head, start)
    values: dict[str, object] = {"verified_at": now(), "fault": str(faults[0]) if faults else None}
    if not faults:
        values |= {"seq": end.seq, "hash": end.hash}
    if whole:
        values |= {"whole_at": now()}
    try:
        with transaction() as session:
            session.execute(
                update(JournalVerification).values(values), execution_options={"synchronize_session": False}
            )
    except SQLAlchemyError as error:
        # A database that is read-only or full is verified too.
        log.warning("what the verification of the journal found could not be saved", exc_info=error)
    return faults
