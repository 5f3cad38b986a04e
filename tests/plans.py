"""Plans of the database: which indexes a statement reads, and whether it sorts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event, text

# SQLite and PostgreSQL. Also "USE TEMP B-TREE FOR LAST TERM OF ORDER BY" and "Incremental Sort".
SORTING = ("TEMP B-TREE", "Sort  (")
# What finds the rows of a page, before they are joined with what is shown of them.
PAGE = ("CO-ROUTINE", "MATERIALIZE", "Limit  (")


@dataclass(frozen=True)
class Plan:
    """A statement that was sent and the steps of its plan, each with its depth."""

    sql: str
    steps: list[tuple[int, str]]

    def __str__(self) -> str:
        return "\n".join(f"{'  ' * depth}{step}" for depth, step in self.steps)

    @property
    def sorts(self) -> bool:
        """Whether any step sorts rows."""
        return any(mark in step for _, step in self.steps for mark in SORTING)

    def page(self) -> Plan:
        """The steps below the first one that makes a page."""
        places = (place for place, (_, step) in enumerate(self.steps) if step.startswith(PAGE) or "->  Limit" in step)
        first = next(places)
        depth = self.steps[first][0]
        below = []
        for each in self.steps[first + 1 :]:
            if each[0] <= depth:
                break
            below.append(each)
        return Plan(self.sql, below)


@contextmanager
def plans(connection: Connection) -> Iterator[list[Plan]]:
    """The plans of SELECTs, and of INSERTs from one, that are sent while the block runs, complete at its end."""
    sent: list[tuple[str, Any]] = []
    planned: list[Plan] = []

    def note(conn: Connection, cursor: object, sql: str, parameters: Any, *rest: object) -> None:
        sent.append((sql, parameters))

    event.listen(connection.engine, "before_cursor_execute", note)
    try:
        yield planned
    finally:
        event.remove(connection.engine, "before_cursor_execute", note)
    planned += [
        _plan(connection, sql, each)
        for sql, each in sent
        if sql.startswith(("SELECT", "WITH", "INSERT")) and "SELECT" in sql
    ]


def prefer_indexes(connection: Connection) -> None:
    """Until the rollback PostgreSQL reads whole tables and sorts only where no index fits, however few rows there are.

    SQLite plans by its rules whatever is in the tables.
    """
    if connection.dialect.name == "postgresql":
        for name in ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort"):
            connection.execute(text(f"SET LOCAL {name} = off"))


def _plan(connection: Connection, sql: str, parameters: Any) -> Plan:
    if connection.dialect.name == "postgresql":
        lines = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {sql}", parameters)]
        return Plan(sql, [(len(line) - len(line.lstrip()), line.strip()) for line in lines])
    depths = {0: -1}
    steps = []
    for number, parent, _, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters):
        depths[number] = depths[parent] + 1
        steps.append((depths[number], step))
    return Plan(sql, steps)
