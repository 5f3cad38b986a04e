"""``registry demo``: an example registry to look around in."""

from __future__ import annotations

from datetime import date

import click
from sqlalchemy import func, select

from registry.agencies.service import Agency
from registry.cases.models import Case
from registry.cli.app_context import in_registry
from registry.cli.output import print_message, progress
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Conflict
from registry.demo.calendar import rows_of
from registry.demo.story import day_of_loading, last_day, moments, tell
from registry.projects.models import Project

# Five weeks after the freeze began.
EARLIEST = date(2026, 2, 20)


class RegistryInUse(Conflict):
    """Demo data does not mix with records that are somebody's own."""


class DemoTooEarly(Conflict):
    """The story of the demo takes place under the freeze, which had not begun by then."""


@click.group()
def demo() -> None:
    """Example data."""


@demo.command()
@in_registry
def load() -> None:
    """Load some Kazakh agencies, their people and projects, and what five weeks of nights and reviews made of them.

    Into an empty registry only; a second time it changes nothing, and after an interruption it goes on.
    """
    ours = {row["bin"] for row in rows_of("agencies.csv", today())}
    if set(db.session.scalars(select(Agency.bin))) - ours:
        raise RegistryInUse
    day = day_of_loading()
    if day < EARLIEST:
        raise DemoTooEarly(today=day.isoformat(), earliest=EARLIEST.isoformat())
    story = moments(day)
    with progress("cli-demo-telling") as on_progress:
        for count in tell(story):
            on_progress(count, len(story))
    audit = last_day(story)
    if audit is None:
        print_message("cli-demo-there")
        return
    print_message(
        "cli-demo-done",
        agencies=len(ours),
        projects=db.session.execute(select(func.count(Project.id))).scalar_one(),
        cases=db.session.execute(select(func.count(Case.id))).scalar_one(),
        on=audit.on,
        flagged=audit.projects_flagged,
    )
