"""``registry demo``: loads example data."""

from __future__ import annotations

from datetime import date

import click
from sqlalchemy import func, select

from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.cli.app_context import in_registry
from registry.cli.output import print_message, progress
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Conflict
from registry.demo.calendar import rows_of
from registry.demo.story import day_of_loading, history, last_day, replay
from registry.projects.models import Project

# Five weeks after the freeze began.
EARLIEST = date(2026, 2, 20)


class RegistryInUse(Conflict):
    """The registry already has other records, with which demo data does not mix."""


class DemoTooEarly(Conflict):
    """The demo needs a date five weeks after the start of the freeze."""


@click.group()
def demo() -> None:
    """Example data."""


@demo.command()
@in_registry
def load() -> None:
    """Load Kazakh agencies, people and projects with a year of audits and five weeks of reviews.

    The registry must be empty. A second run changes nothing; an interrupted run continues.
    """
    demo_bins = {row["bin"] for row in rows_of("agencies.csv", today())}
    if set(db.session.scalars(select(Agency.bin))) - demo_bins:
        raise RegistryInUse
    day = day_of_loading()
    if day < EARLIEST:
        raise DemoTooEarly(today=day.isoformat(), earliest=EARLIEST.isoformat())
    story = history(day)
    with progress("cli-demo-telling") as on_progress:
        for count in replay(story):
            on_progress(count, len(story))
    audit = last_day(day, story)
    if audit is None:
        print_message("cli-demo-there")
        return
    print_message(
        "cli-demo-done",
        agencies=len(demo_bins),
        projects=db.session.execute(select(func.count(Project.id))).scalar_one(),
        cases=db.session.execute(select(func.count(Case.id))).scalar_one(),
        on=audit.on,
        flagged=audit.projects_flagged,
    )
