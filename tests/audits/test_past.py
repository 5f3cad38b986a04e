"""The past can be asked: repeated audits match what was recorded, whatever happened before and since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
from flask import Flask
from hypothesis import Phase, given, settings, strategies as st
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.audits.past import record_known_at, verdict_known_at, verify_audit
from registry.core.database import db
from registry.flags.former_flags import flags_known_at
from registry.freeze.policy import first_policy, set_policy
from registry.projects.models import Project
from registry.projects.service import ProjectNotFound
from tests.audits.history import STEPS, History, Night, records
from tests.factories import an_actor
from tests.present import Present

Undone = Callable[[], AbstractContextManager[None]]
AUDITOR = an_actor(Role.AUDITOR)
DAY = date(2026, 9, 28)
KINDS = [kind for kind in STEPS if kind != "night"]
WHICH, WHAT = st.integers(0, 9), st.integers(0, 9)


@pytest.fixture(autouse=True)
def _policy_after_test(app: Flask) -> Iterator[None]:
    usual = first_policy()
    yield
    set_policy(usual)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Between four and seven nights; every kind of change once or more often, before, between and after them."""
    kinds = draw(st.permutations(KINDS + KINDS[: draw(st.integers(0, len(KINDS)))]))
    nights = draw(st.lists(st.integers(0, len(kinds)), min_size=4, max_size=7))
    steps: list[tuple[str, int, int]] = []
    for place, kind in enumerate((*kinds, "night")):
        steps += [("night", 0, draw(st.integers(0, 2))) for _ in range(nights.count(place))]
        steps.append((kind, draw(WHICH), draw(WHAT)))
    return steps


@pytest.mark.parametrize(
    ("examples", "triples"),
    [
        pytest.param(2, 60, marks=pytest.mark.sqlite_only),
        pytest.param(6, 200, marks=pytest.mark.nightly),
        pytest.param(25, 1000, marks=pytest.mark.at_length),
    ],
    ids=["few", "some", "many"],
)
def test_past_audits_verdicts_and_records_equal_what_was_recorded(
    app: Flask, present: Present, each_example: Undone, examples: int, triples: int
) -> None:
    usual, taken = first_policy(), Counter[str]()

    @settings(max_examples=examples, phases=[Phase.generate], deadline=None)
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
                taken["triples"] += check_verdicts(night, seconds)
                check_records(night, seconds)
                check_flags(night, seconds)

    check()
    assert set(STEPS) < set(taken)
    assert taken["triples"] >= triples


def check_verdicts(night: Night, seconds: int) -> int:
    """The verdict on each project's day, as known before the next change, has the findings of that night's flags.

    Returns how many verdicts were asked for.
    """
    asked = 0
    for project in db.session.scalars(select(Project).order_by(Project.id)).all():
        if project.number not in night.records:
            with pytest.raises(ProjectNotFound):
                verdict_known_at(project, night.on, night.ended_at, "en")
            continue
        if project.number not in night.flags:
            continue
        asked += 1
        verdict = verdict_known_at(project, night.on, night.ended_at + timedelta(seconds=seconds), "en")
        recorded = night.flags[project.number]
        actual = {each["rule"]: (each["severity"], each["observed"]) for each in verdict["findings"]}
        assert actual == {rule: (severity, observed) for rule, (_, severity, observed) in recorded.items()}
        if "exempt" in {status for status, _, _ in recorded.values()}:
            assert verdict["outcome"] == "exempt"
    return asked


def check_records(night: Night, seconds: int) -> None:
    """The record of each project, as known before the next change, is the one that was shown after the audit."""
    at = night.ended_at + timedelta(seconds=seconds)
    for number, row in records().items():
        if number not in night.records:
            with pytest.raises(ProjectNotFound):
                record_known_at(row, at)
            continue
        expected = {name: value for name, value in night.records[number].items() if name != "id"}
        actual = record_known_at(row, at)
        assert actual.pop("known_at") == at
        # Worked out from edits and flags: another kind of the agency is not among them.
        assert actual["updated_at"] <= actual.pop("changed_at") <= at
        del expected["changed_at"]
        assert actual == expected


def check_flags(night: Night, seconds: int) -> None:
    """The active flags, as known before the next change, are those that the audit left."""
    then = flags_known_at(night.ended_at + timedelta(seconds=seconds))
    actual: dict[str, dict[str, tuple[str, str, object]]] = {number: {} for number in night.flags}
    rows = select(then, Project.number).join(Project, Project.id == then.c.project_id).where(then.c.status != "cleared")
    for row in db.session.execute(rows):
        actual[row.number][row.rule] = (row.status, row.severity, row.observed)
    assert actual == night.flags
