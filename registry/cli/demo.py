"""``registry demo``: an example registry to look around in."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from pathlib import Path

import click
from sqlalchemy import func, select

from registry.access.actors import local_actor
from registry.access.roles import Role
from registry.audits.runs import run_audit
from registry.cli.demo_story import before_the_audits, between_the_audits
from registry.cli.opening import in_registry
from registry.cli.speech import progress, say
from registry.records.agencies import Agency
from registry.records.audit_runs import AuditRun
from registry.records.import_runs import ImportRun
from registry.records.imports import import_now
from registry.records.inventory import apply_inventory
from registry.records.project_table import Project
from registry.store.clock import today
from registry.store.database import db
from registry.store.errors import Conflict

DATA = Path(__file__).with_name("demo_data")
DAYS_FROM_NOW = re.compile(r"@(-?[0-9]{1,4})")
AUDITS = 2


class RegistryInUse(Conflict):
    """Demo data does not mix with records that are somebody's own."""


class DemoBroken(RuntimeError):
    """The demo data does not import: a mistake of this program."""


@click.group()
def demo() -> None:
    """Example data."""


@demo.command()
@in_registry
def load() -> None:
    """Load some Kazakh agencies and their projects, what was confirmed and decided on them, and two nights' audits.

    Into an empty registry only; a second time it changes nothing.
    """
    ours = {row["bin"] for row in rows_of("agencies.csv", today())}
    there = set(db.session.scalars(select(Agency.bin)))
    if there - ours:
        raise RegistryInUse
    # Each step is whole or not there, so that a load which was interrupted goes on where it stopped.
    done = db.session.execute(
        select(func.count(AuditRun.id)).where(AuditRun.status == "succeeded", AuditRun.dry_run.is_(False))
    ).scalar_one()
    if done >= AUDITS:
        say("cli-demo-there")
        return
    if done == 0:
        import_demo("agencies")
        import_demo("projects")
        apply_inventory(local_actor(Role.OPERATOR), "inventory.csv", as_csv("inventory.csv", today()), dry_run=False)
        before_the_audits(today())
        run_audit(local_actor(Role.OPERATOR), today() - timedelta(days=1))
    between_the_audits(today())
    audit = run_audit(local_actor(Role.OPERATOR))
    say(
        "cli-demo-done",
        agencies=len(ours),
        projects=db.session.execute(select(func.count(Project.id))).scalar_one(),
        on=audit.on,
        flagged=audit.projects_flagged,
    )


def import_demo(kind: str) -> None:
    """Import a file of the demo. Raises DemoBroken when a row is refused."""
    with progress(f"cli-demo-importing-{kind}") as on_progress:

        def tell(run: ImportRun) -> None:
            on_progress(run.processed, run.total)

        content = as_csv(f"{kind}.csv", today())
        run = import_now(local_actor(Role.ADMINISTRATOR), kind, False, f"{kind}.csv", content, tell)
    if run.rejected or run.state != "done":
        raise DemoBroken(f"{kind}: {run.state}, {run.rejected} rows rejected")


def rows_of(name: str, day: date) -> list[dict[str, str]]:
    """The rows of a file, with ``@-45`` turned into the date 45 days before ``day``."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return [{column: _dated(cell, day) for column, cell in row.items()} for row in csv.DictReader(file)]


def as_csv(name: str, day: date) -> bytes:
    """The file as it is imported on ``day``."""
    rows = rows_of(name, day)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _dated(cell: str, day: date) -> str:
    found = DAYS_FROM_NOW.fullmatch(cell)
    return (day + timedelta(days=int(found[1]))).isoformat() if found else cell
