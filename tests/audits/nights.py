"""Nights of the scheduler's audits, and statements that fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta

from flask import Flask
from sqlalchemy import Connection, event

from registry.audits.jobs import run_due_audit
from registry.core.clock import local_instant
from registry.flags.models import AuditRun
from tests.audits.steps import audit, table

TWO = time(2)
DAY = date(2026, 10, 5)


class Broken(Exception):
    """A failure in the middle of an audit."""


def days(number: int) -> date:
    """A date by its distance from ``DAY``."""
    return DAY + timedelta(days=number)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment of the local time."""
    return local_instant(day, time(hour, minute))


def runs_by_date() -> list[tuple[date, str, str]]:
    """Return (date, trigger, status) of every run and missed date, ordered by date."""
    return sorted((row["on"], row["trigger"], row["status"]) for row in table(AuditRun))


@contextmanager
def breaking(connection: Connection, statement: str) -> Iterator[None]:
    """Make statements with this prefix fail."""

    def broken(conn: Connection, cursor: object, sql: str, *rest: object) -> None:
        if sql.startswith(statement):
            raise Broken(statement)

    event.listen(connection.engine, "before_cursor_execute", broken)
    try:
        yield
    finally:
        event.remove(connection.engine, "before_cursor_execute", broken)


def manually(app: Flask) -> str:
    """Run an operator's audit on another connection."""
    with app.app_context():
        return audit().status


def tick(app: Flask) -> str:
    """Run one tick of another scheduler. Return its run's status."""
    with app.app_context():
        run = run_due_audit(TWO)
        return "none" if run is None else run.status
