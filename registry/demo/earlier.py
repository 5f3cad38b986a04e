"""The demo's year before its cases: systems of the regions, which move to the platform, and weekly audits.

It gives the overview what it compares with: lines over months, changes over 7, 30 and 90 days, and a forecast. All its
flags are low, so that it opens no cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import select

from registry.audits.service import run_audit
from registry.core.clock import local_instant, today
from registry.core.database import db
from registry.demo.calendar import AUDIT_TIME, BETWEEN_ACTS, MORNING, PARTS, working_day
from registry.demo.people import ADMINISTRATOR, OPERATOR, add_people, demo_actor
from registry.demo.records import import_agencies, import_rows
from registry.demo.regional import ON_PLATFORM_AT_FIRST, platform_key_of, systems
from registry.flags.models import last_good_date
from registry.freeze.vocabulary import Placement
from registry.platform.confirmations import verify_placement
from registry.projects.models import Project
from registry.projects.service import change_project, find_project_to_change

# At most so many weeks of audits before the nightly ones, and none before the freeze.
WEEKS: Final = 47
EARLIEST: Final = date(2026, 1, 12)
ON_PLATFORM_AT_LAST: Final = 55
# Below 1: the pace rises.
PACE: Final = 0.7
MOVED_BY_HOUR: Final = timedelta(hours=6)

Scheduled = tuple[datetime, Callable[[], object], bool]


def first_day(day: date) -> date:
    """Return the day of the first registration, whole weeks before that of the demo's cases."""
    story = working_day(day, PARTS[0])
    return story - timedelta(weeks=max(0, min(WEEKS, (story - EARLIEST).days // 7)))


def events(day: date) -> Iterator[Scheduled]:
    """Yield what happened, each with its time and whether it must not be repeated."""
    first, story = first_day(day), working_day(day, PARTS[0])
    morning = local_instant(first, MORNING) - 3 * BETWEEN_ACTS
    for number, act in enumerate((import_agencies, add_people, _register)):
        yield morning + number * BETWEEN_ACTS, act, False
    for week in range(1, (story - first).days // 7 + 1):
        yield local_instant(first + timedelta(weeks=week), AUDIT_TIME), _audit, False
    order = systems()[:ON_PLATFORM_AT_LAST]
    moved = ON_PLATFORM_AT_LAST - ON_PLATFORM_AT_FIRST
    for number, row in enumerate(order):
        share = max(0, number - ON_PLATFORM_AT_FIRST + 1) / moved
        on = first + timedelta(days=round(((day - first).days - 2) * share**PACE))
        at = local_instant(on, MORNING) + MOVED_BY_HOUR + number * timedelta(minutes=1)
        yield at, partial(_move, row["external_id"], platform_key_of(row)), True


def _register() -> None:
    import_rows("projects", "regional-systems.csv", systems())


def _audit() -> None:
    last = last_good_date()
    if last is None or last < today():
        run_audit(demo_actor(OPERATOR))


def _move(external_id: str, platform_key: str) -> None:
    """Move a system to the platform, with its confirmation. Nothing for one that is there and confirmed."""
    number = db.session.scalars(select(Project.number).where(Project.external_id == external_id)).one()
    project = find_project_to_change(demo_actor(OPERATOR), number)
    if project.placement_verified_on is not None:
        return
    if project.placement != Placement.ON_PLATFORM.value:
        changes = {"placement": Placement.ON_PLATFORM.value, "platform_key": platform_key}
        change_project(demo_actor(ADMINISTRATOR), project, changes)
    verify_placement(demo_actor(OPERATOR), project, platform_key, today(), "Акт переноса на платформу")
