"""The past can be asked: repeated audits match what was recorded, whatever happened before and since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
from flask import Flask
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.audits.known_verdicts import verdict_known_at
from registry.audits.verification import verify_audit
from registry.core.database import db
from registry.flags.known_flags import flags_known_at
from registry.freeze.current import policy_in_force, set_policy
from registry.projects.models import Project
from registry.projects.service import ProjectNotFound
from tests.audits.history import STEPS, History, Night
from tests.factories import an_actor
from tests.present import Present

Undone = Callable[[], AbstractContextManager[None]]
AUDITOR = an_actor(Role.AUDITOR)
DAY = date(2026, 9, 28)
STEP = st.tuples(st.sampled_from(list(STEPS)), st.integers(0, 5), st.integers(0, 9))
NIGHT = st.tuples(st.just("night"), st.just(0), st.integers(0, 2))


@pytest.fixture(autouse=True)
def _policy_after_test(app: Flask) -> Iterator[None]:
    usual = policy_in_force()
    yield
    set_policy(usual)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Between one and five nights with changes before, between and after them."""
    steps: list[tuple[str, int, int]] = []
    for _ in range(draw(st.integers(1, 5))):
        steps += draw(st.lists(STEP, max_size=6))
        steps.append(draw(NIGHT))
    return steps + draw(st.lists(STEP, max_size=6))


def test_past_audits_and_verdicts_equal_what_was_recorded(app: Flask, present: Present, each_example: Undone) -> None:
    usual, taken = policy_in_force(), Counter[str]()

    @settings(max_examples=12, phases=[Phase.generate])
    @given(steps=histories(), seconds=st.integers(1, 3000))
    def check(steps: list[tuple[str, int, int]], seconds: int) -> None:
        with each_example():
            set_policy(usual)
            present.set(DAY)
            history = History(present)
            history.begin()
            for step in steps:
                history.take(*step)
                taken[step[0]] += 1
            present.move(timedelta(days=1))
            for night in history.nights:
                verification = verify_audit(AUDITOR, night.audit_id)
                assert verification.differences == []
                assert verification.digest.recorded == verification.digest.repeated
                assert [each for each in verification.counts if each.recorded != each.repeated] == []
                assert verification.matches
                check_verdicts(night, seconds)
                check_flags(night, seconds)

    check()
    assert set(taken) == set(STEPS)


def check_verdicts(night: Night, seconds: int) -> None:
    """The verdict on each project's day, as known before the next change, has the findings of that night's flags."""
    for project in db.session.scalars(select(Project).order_by(Project.id)).all():
        if project.number in night.withdrawn:
            continue
        if project.number not in night.flags:
            with pytest.raises(ProjectNotFound):
                verdict_known_at(project, night.on, night.ended_at, "en")
            continue
        verdict = verdict_known_at(project, night.on, night.ended_at + timedelta(seconds=seconds), "en")
        recorded = night.flags[project.number]
        actual = {each["rule"]: (each["severity"], each["observed"]) for each in verdict["findings"]}
        assert actual == {rule: (severity, observed) for rule, (_, severity, observed) in recorded.items()}
        if "exempt" in {status for status, _, _ in recorded.values()}:
            assert verdict["outcome"] == "exempt"


def check_flags(night: Night, seconds: int) -> None:
    """The active flags, as known before the next change, are those that the audit left."""
    then = flags_known_at(night.ended_at + timedelta(seconds=seconds))
    actual: dict[str, dict[str, tuple[str, str, object]]] = {number: {} for number in night.flags}
    rows = select(then, Project.number).join(Project, Project.id == then.c.project_id).where(then.c.status != "cleared")
    for row in db.session.execute(rows):
        actual[row.number][row.rule] = (row.status, row.severity, row.observed)
    assert actual == night.flags
