"""Demo history: a year of weekly audits (``earlier.py``), then five weeks of registrations, nightly audits and cases.

All is replayed through the services. Each action is one transaction with its own timestamp, so that an interrupted
replay continues after the last journal entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import func, select

from registry.audits.jobs import run_nightly_audit
from registry.audits.service import run_audit
from registry.cases import decisions
from registry.cases import service as cases
from registry.cases.models import Case
from registry.cases.queries import find_case_to_change
from registry.cases.service import open_case
from registry.cases.vocabulary import ActionName
from registry.core.clock import clock_set_to, local_date, local_instant, today
from registry.core.database import db
from registry.core.transactions import transaction
from registry.core.working_days import national_calendar
from registry.demo import earlier
from registry.demo.calendar import AUDIT_TIME, BETWEEN_ACTS, MORNING, PARTS, rows_of, working_day
from registry.demo.people import OPERATOR, SOURCE, demo_actor
from registry.demo.records import ACTS, import_part, on_the_last_day
from registry.demo.reports import REPORT_ACTS
from registry.flags.models import AuditRun
from registry.imports.models import ImportRun
from registry.journal.service import JournalEntry
from registry.projects.models import Project

# The file of the first part of the projects that the cases are about.
FIRST_PART: Final = "projects-1.csv"
# The audit of the night after this working day did not run, as if the machine had been down.
MISSED_AFTER: Final = 11
LEGAL_BASIS: Final = "Указ Президента от 10 декабря 2025 года, пункт 1; Цифровой кодекс № 255-VIII, статья 82(4)"
ON_CASES: Final[Mapping[str, Callable[..., Case]]] = {
    ActionName.CLAIM: cases.claim,
    ActionName.ASK: cases.ask,
    ActionName.ANSWER: cases.answer,
    ActionName.RETURN: cases.send_back,
    ActionName.REFER: cases.refer,
    ActionName.CONFIRM: cases.confirm,
    ActionName.APPEAL: cases.appeal,
    ActionName.COMMENT: cases.say,
    ActionName.APPROVE: decisions.approve,
}


@dataclass(frozen=True, slots=True)
class Event:
    """An event. ``once``: one transaction that never repeats; other events detect by themselves what is done."""

    at: datetime
    act: Callable[[], object]
    once: bool


def history(day: date) -> list[Event]:
    """Return all events before the day of loading, in order."""
    before = (Event(*event) for event in earlier.events(day))
    return sorted([*before, *_audits(day), *_acts(day)], key=lambda event: event.at)


def replay(story: Sequence[Event]) -> Iterator[int]:
    """Replay the events that have not been replayed yet. Yield the number of finished events."""
    until = replayed_until()
    for count, event in enumerate(story):
        if not event.once:
            with clock_set_to(event.at):
                event.act()
        elif until is None or event.at > until:
            with clock_set_to(event.at), transaction():
                event.act()
        yield count + 1


def day_of_loading() -> date:
    """Return the day of loading: today, or the day of a replay that came as far as the cases."""
    first = db.session.scalar(select(ImportRun.queued_at).where(ImportRun.file_name == FIRST_PART))
    return today() if first is None else min(today(), working_day(local_date(first), -PARTS[0]))


def replayed_until() -> datetime | None:
    """Return the timestamp of the last replayed action."""
    return _journal_time(func.max(JournalEntry.at))


def last_day(day: date, story: Sequence[Event]) -> AuditRun | None:
    """Make today's edits and run a manual audit. Return None when this is done already."""
    of_operator = (AuditRun.started_by == OPERATOR, AuditRun.status == "succeeded")
    done = select(AuditRun.id).where(*of_operator, AuditRun.on > working_day(day, PARTS[0]))
    if db.session.scalar(done.limit(1)) is not None:
        return None
    until = replayed_until()
    if until is None or until <= story[-1].at:
        with transaction():
            on_the_last_day(today())
    return run_audit(demo_actor(OPERATOR))


def _journal_time(which: Any) -> datetime | None:
    at = db.session.scalar(select(which).where(JournalEntry.source == SOURCE))
    return None if at is None else datetime.fromisoformat(at)


def _audits(day: date) -> Iterator[Event]:
    first, missed = working_day(day, PARTS[0]), working_day(day, MISSED_AFTER) + timedelta(days=1)
    for number in range(1, (day - first).days):
        business_date = first + timedelta(days=number)
        if business_date != missed:
            yield Event(local_instant(business_date, AUDIT_TIME), run_nightly_audit, once=False)


def _acts(day: date) -> Iterator[Event]:
    rows = rows_of("cases.csv", day)
    for before in range(PARTS[0], 0, -1):
        actions: list[tuple[Callable[[], object], bool]] = []
        if before in PARTS:
            actions.append((partial(import_part, before, day), False))
        actions += [(partial(act, day), True) for number, act in (*ACTS, *REPORT_ACTS) if number == before]
        actions += [(partial(_on_case, row, day), True) for row in rows if row["day"] == str(before)]
        morning = local_instant(working_day(day, before), MORNING)
        for number, (act, once) in enumerate(actions):
            yield Event(morning + number * BETWEEN_ACTS, act, once)


def _on_case(row: Mapping[str, str], day: date) -> None:
    actor, name, comment = demo_actor(row["by"]), row["act"], row["comment"] or None
    number = db.session.scalars(select(Project.number).where(Project.external_id == row["project"])).one()
    if name == "open":
        open_case(actor, number)
        return
    newest = select(func.max(Case.id)).join(Case.project_record).where(Project.number == number)
    case = find_case_to_change(actor, db.session.scalars(newest).one())
    if name == "assign":
        cases.assign(actor, case, row["assignee"], comment)
    elif name == "propose":
        decisions.propose(actor, case, _proposal(row, day))
    else:
        ON_CASES[name](actor, case, comment)


def _proposal(row: Mapping[str, str], day: date) -> dict[str, Any]:
    return {
        "decision": row["decision"],
        "reason_code": row["reason_code"] or None,
        "reason": row["comment"],
        "legal_basis": LEGAL_BASIS,
        "due_on": national_calendar().after(day, int(row["due_on"])) if row["due_on"] else None,
    }
