"""``registry demo``: loads example data."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final

import click
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.exc import ProgrammingError

from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.cli.app_context import RegistryCommands, as_owner, command_settings
from registry.cli.output import print_message, progress
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Conflict
from registry.core.record_guards import switch_journal_clock
from registry.demo.records import rows_of
from registry.demo.story import day_of_loading, history, last_day, replay
from registry.projects.models import Project

# Five weeks after the freeze began.
EARLIEST = date(2026, 2, 20)
INSUFFICIENT_PRIVILEGE: Final = "42501"


class RegistryInUse(Conflict):
    """The registry already has other records, with which demo data does not mix."""


class JournalClockNotYours(Conflict):
    """Only the owner of the tables can load the demo, whose year is in the past."""


class DemoTooEarly(Conflict):
    """The demo needs a date five weeks after the start of the freeze."""


@click.group(cls=RegistryCommands)
def demo() -> None:
    """Example data."""


@demo.command()
def load() -> None:
    """Load Kazakh agencies, people and projects with a year of audits and five weeks of reviews.

    The registry must be empty. A second run changes nothing; an interrupted run continues. Uses the role of
    REGISTRY_DATABASE_OWNER_URL if it is set: the database takes no entries of the past into the journal, and only the
    owner of the tables can let the demo tell its year. Until it ends, `registry doctor` names the trigger that is off.
    """
    demo_bins = {row["bin"] for row in rows_of("agencies.csv", today())}
    if set(db.session.scalars(select(Agency.bin))) - demo_bins:
        raise RegistryInUse
    day = day_of_loading()
    if day < EARLIEST:
        raise DemoTooEarly(today=day.isoformat(), earliest=EARLIEST.isoformat())
    story = history(day)
    with _past_allowed(), progress("cli-demo-telling") as on_progress:
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


@contextmanager
def _past_allowed() -> Iterator[None]:
    """Let the journal have entries of the past inside the block. Raises JournalClockNotYours."""
    owner, service_role = as_owner(command_settings())
    engine = db.engine if service_role is None else create_engine(owner.database_url)
    db.session.rollback()
    try:
        _switch(engine, on=False)
        try:
            yield
        finally:
            db.session.rollback()
            _switch(engine, on=True)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
            raise
        raise JournalClockNotYours from error
    finally:
        if engine is not db.engine:
            engine.dispose()


def _switch(engine: Engine, *, on: bool) -> None:
    with engine.begin() as connection:
        switch_journal_clock(connection, on=on)
