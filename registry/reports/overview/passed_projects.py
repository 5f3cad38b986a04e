"""Projects that passed to another agency between two audits, and the money at risk that they took with them."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.core.bulk import table_of
from registry.core.clock import rfc3339
from registry.core.database import db
from registry.flags.audit_runs import AuditRun
from registry.flags.known_flags import flags_known_at
from registry.flags.vocabulary import FlagStatus
from registry.journal.service import JournalEntry
from registry.projects.known_projects import projects_known_at
from registry.projects.models import Project

PASSED_ON: Final = "project.passed-on"
AGENCY: Final = table_of(Agency).c
PROJECT: Final = table_of(Project).c
KNOWN: Final = ("budget_kzt", "is_restricted")
AT_ONCE: Final = 500


def passed_projects(earlier: AuditRun, later: AuditRun) -> dict[str, tuple[int, int]]:
    """Return the agency at the earlier audit and that at the later one of each project that passed on between them.

    By the project's number; of those that came back neither.
    """
    since, until = (rfc3339(run.finished_at or run.started_at) for run in (earlier, later))
    passed = (JournalEntry.action == PASSED_ON, JournalEntry.at > since, JournalEntry.at <= until)
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    statement = select(JournalEntry.subject, JournalEntry.details).where(*passed).order_by(JournalEntry.seq)
    for subject, details in db.session.execute(statement):
        number = subject.removeprefix("project:")
        change = next(each for each in json.loads(details)["changes"] if each["field"] == "agency")
        first.setdefault(number, change["old"])
        last[number] = change["new"]
    named = select(AGENCY.bin, AGENCY.id).where(AGENCY.bin.in_({*first.values(), *last.values()}))
    ids = {row.bin: row.id for row in db.session.execute(named)} if first else {}
    return {number: (ids[first[number]], ids[last[number]]) for number in first if first[number] != last[number]}


def at_risk_then(actor: Actor, numbers: Collection[str], at: datetime) -> dict[str, int]:
    """Return the budgets of those of the projects that were flagged at the moment, as the actor may count them.

    Raises FlagsNotKnown.
    """
    listed = sorted(numbers)
    budgets: dict[str, int] = {}
    then = flags_known_at(at)
    for start in range(0, len(listed), AT_ONCE):
        some = select(PROJECT.id, PROJECT.number).where(PROJECT.number.in_(listed[start : start + AT_ONCE]))
        ids = {row.id: row.number for row in db.session.execute(some)}
        flagged = select(then.c.project_id).where(then.c.project_id.in_(ids), then.c.status == FlagStatus.OPEN.value)
        for project_id in db.session.scalars(flagged.distinct()):
            (known,) = projects_known_at(at, KNOWN, project_id - 1, project_id)
            if actor.may(Permission.RESTRICTED_READ) or not known.values["is_restricted"]:
                budgets[ids[project_id]] = int(known.values["budget_kzt"] or 0)
    return budgets
