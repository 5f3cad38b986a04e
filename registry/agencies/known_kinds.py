"""The kinds of agencies at an earlier moment, from the journal: an agency has no revisions of its own."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.core.clock import rfc3339
from registry.core.database import db
from registry.journal.service import JournalEntry

SUBJECT = "agency:"


def kinds_known_at(at: datetime) -> dict[str, str]:
    """Return the kind of each agency by BIN as known at the moment; later agencies have their first kind."""
    kinds = dict(db.session.execute(select(Agency.bin, Agency.kind)).all())
    later = (
        select(JournalEntry.subject, JournalEntry.details)
        .where(JournalEntry.action == "agency.changed", JournalEntry.at > rfc3339(at))
        .order_by(JournalEntry.seq.desc())
    )
    for subject, details in db.session.execute(later):
        for change in json.loads(details)["changes"]:
            if change["field"] == "kind":
                kinds[subject.removeprefix(SUBJECT)] = change["old"]
    return kinds
