"""Processor time of single reads, each a service called as its page calls it, on PostgreSQL and on SQLite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import String, case, cast, insert, select, text, update

from registry.accounts.roles import Actor, Role
from registry.audits.counting import Counts
from registry.audits.models import AgencyCount, DailyCount
from registry.cases.lists import CASE_LIST, list_cases
from registry.cases.models import CASE, Case
from registry.core.database import db, table_of, transaction
from registry.core.dialects import is_sqlite
from registry.core.lists import Page
from registry.flags.models import AuditRun, last_good_audit
from registry.projects.models import PROJECT, STATUS
from registry.projects.queries import list_projects
from registry.search.service import search
from tests.benchmark.child import in_child
from tests.benchmark.figures import Figure
from tests.benchmark.stopwatch import processor_seconds

SUPERVISOR: Final = Actor("benchmark", Role.SUPERVISOR, None, "cli", "benchmark")
TIMES: Final = 20
SECONDS: Final = 2
CASE_SORTS: Final = ("due_on", "-opened_at", "severity", "-budget_kzt", "assignee", "outcome", "-closed_at")
RARE_FILTERS: Final = (
    {"stage": "archived"},
    {"stage": "pilot", "region": "75", "sector": "07"},
)
WORDS: Final = {"common": "система", "rare": "алдаржан", "none": "бұндайсөзжоқ", "misspelt": "ветиринарных"}


def measure_reads(name: str, size: int, url: str, folder: Path) -> Iterator[Figure]:
    """Each read on the database of that address, which was audited, and on SQLite with the same data."""
    sqlite = f"sqlite:///{folder / 'reads.sqlite'}"
    in_child("fill", sqlite, folder, size=size)
    in_child("first_night", sqlite, folder)
    in_child("former_nights", sqlite, folder)
    for where, address in (("PostgreSQL", url), ("SQLite", sqlite)):
        for what, (own, of_database) in in_child("reads", address, folder).items():
            more = {"python ms": own, "database ms": of_database}
            yield Figure("reads", f"{what}, {name}, {where}", own + of_database, "ms", None, "", None, more)


def processor_times() -> dict[str, tuple[float, float]]:
    """Milliseconds of processor of each read, in this process and in the database's."""
    _spread_cases()
    return {what: _processor_time(read) for what, read in _reads().items()}


def _reads() -> dict[str, Callable[[], object]]:
    works: dict[str, Callable[[], object]] = {"newest audit": last_good_audit}
    for status in ("new", "closed"):
        for sort in CASE_SORTS:
            works[f"cases, {status}, by {sort}"] = partial(
                list_cases, SUPERVISOR, {"status": status}, Page(25, sort=sort), "ru"
            )
    works["cases, new, totals"] = partial(CASE_LIST.totals, SUPERVISOR, {"status": "new"}, Page(25))
    for filters in RARE_FILTERS:
        what = " ".join(f"{name}={value}" for name, value in filters.items())
        works[f"projects, {what}"] = partial(list_projects, SUPERVISOR, filters, Page(25))
    for what, words in WORDS.items():
        works[f"search, {what}"] = partial(search, SUPERVISOR, words, "ru")
    works["counts of an audit"] = _counts
    return works


def _processor_time(read: Callable[[], object]) -> tuple[float, float]:
    read()
    backend = None if is_sqlite() else db.session.scalar(text("SELECT pg_backend_pid()"))
    own, of_database, times = time.process_time(), processor_seconds(backend), 0
    while times < TIMES and time.process_time() - own < SECONDS:
        # As each request does: nothing is known of the one before.
        db.session.rollback()
        read()
        times += 1
    used = (time.process_time() - own, processor_seconds(backend) - of_database)
    return used[0] / times * 1000, used[1] / times * 1000


def _counts() -> None:
    with transaction() as session:
        run = last_good_audit()
        if run is None:
            raise RuntimeError("nothing was audited")
        for counted in (AgencyCount, DailyCount):
            session.execute(table_of(counted).delete().where(table_of(counted).c.audit_id == run.id))
        counts = Counts(run.on)
        counts.count()
        counts.save(run.id)


def _spread_cases() -> None:
    """A case for every flagged project: of ten, five are closed, three new, and two with somebody."""
    with transaction() as session:
        audit = select(AuditRun.id).where(AuditRun.status == "succeeded").limit(1).scalar_subquery()
        severity = case((STATUS.c.severity.is_(None), "low"), else_=STATUS.c.severity)
        flagged = (
            select(
                PROJECT.c.id,
                cast("new", String),
                severity,
                cast("low", String),
                PROJECT.c.registered_at,
                audit,
                1,
                STATUS.c.changed_at,
            )
            .join(STATUS, STATUS.c.project_id == PROJECT.c.id)
            .where(STATUS.c.freeze_status == "flagged", PROJECT.c.id.not_in(select(CASE.c.project_id)))
        )
        columns = [
            "project_id",
            "status",
            "severity",
            "from_severity",
            "opened_at",
            "opened_by_audit",
            "version",
            "changed_at",
        ]
        session.execute(insert(table_of(Case)).from_select(columns, flagged))
        digit = CASE.c.id % 10
        status = case((digit < 5, "closed"), (digit < 8, "new"), (digit == 8, "under_review"), else_="awaiting_agency")
        session.execute(update(CASE).values(status=status, opened_at=CASE.c.changed_at))
        closed = {
            "closed_at": CASE.c.opened_at,
            "outcome": case((digit < 2, "no_breach"), else_="resolved"),
            "due_on": None,
        }
        session.execute(update(CASE).where(CASE.c.status == "closed").values(closed))
        reviewer = "reviewer " + cast(CASE.c.id % 40, String)
        session.execute(update(CASE).where(CASE.c.status != "new").values(assignee=reviewer))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not is_sqlite():
            connection.execute(text("VACUUM (ANALYZE)"))
