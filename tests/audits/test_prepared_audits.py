"""An audit that read before it locked writes what one writes that reads everything under the lock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import Phase, given, settings, strategies as st
from sqlalchemy import Connection, select

from registry.audits import counting
from registry.audits.execution import execute_audit, new_run
from registry.audits.judgement import Preparation
from registry.audits.schedule import exclusive_lock
from registry.core.clock import today
from registry.core.database import Base, db
from registry.freeze.current import first_policy, policy_in_force, set_policy
from tests.audits.history import STEPS, History
from tests.audits.steps import OPERATOR
from tests.audits.test_preparation import DAY, STEP
from tests.present import Present

# Statements over all projects hang on the database.
pytestmark = pytest.mark.on_both

Undone = Callable[[], AbstractContextManager[None]]
TABLES = ("cases", "case_events", "case_flags", "case_decisions", "flags", "agency_counts", "daily_counts", "projects")
# A project that is registered after judging is left to the next audit, and another policy judges under the lock.
MEANWHILE = st.tuples(
    st.sampled_from([kind for kind in STEPS if kind not in {"night", "register", "policy", "version"}]),
    st.integers(0, 9),
    st.integers(0, 9),
)


def written() -> dict[str, list[str]]:
    tables = {name: Base.metadata.tables[name] for name in (*TABLES, "changes")}
    return {name: sorted(map(repr, db.session.execute(select(table)))) for name, table in tables.items()}


# Two audits of one state have equal ids on SQLite alone.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("examples", [2, pytest.param(150, marks=pytest.mark.at_length)])
def test_prepared_audit_writes_the_same_as_another_one(
    app: Flask,
    connection: Connection,
    present: Present,
    each_example: Undone,
    monkeypatch: pytest.MonkeyPatch,
    examples: int,
) -> None:
    monkeypatch.setattr(counting, "PROJECTS_IN_UNIT", 1)
    usual = first_policy()

    def audited(prepared: Preparation | None) -> dict[str, list[str]]:
        db.session.remove()
        nested = connection.begin_nested()
        with exclusive_lock():
            run = new_run(OPERATOR, today(), "manual", policy_in_force(), dry_run=False)
            execute_audit(OPERATOR, run, policy_in_force(), check_threshold=False, prepared=prepared)
        after = written()
        db.session.remove()
        nested.rollback()
        return after

    @settings(max_examples=examples, phases=[Phase.generate], deadline=None)
    @given(before=st.lists(STEP, max_size=6), meanwhile=st.lists(MEANWHILE, min_size=1, max_size=4))
    def check(before: list[tuple[str, int, int]], meanwhile: list[tuple[str, int, int]]) -> None:
        with each_example():
            set_policy(usual)
            present.set(DAY)
            history = History(present)
            history.begin()
            for step in (("night", 0, 1), *before, ("night", 0, 1)):
                history.take(*step)
            prepared = Preparation(policy_in_force(), today())
            prepared.read()
            for step in meanwhile:
                history.take(*step)
            # Another moment than that of the last step.
            present.move(timedelta(minutes=3))
            assert audited(prepared) == audited(None)

    try:
        check()
    finally:
        set_policy(usual)
