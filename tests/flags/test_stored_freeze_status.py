"""The stored freeze status and severity are what flags, agencies and the last good audit give, whatever happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.audits.service import run_audit, void_audit
from registry.core.clock import today
from registry.core.database import db
from registry.flags.freeze_status import computed_freeze_status, computed_severity
from registry.flags.models import AuditRun
from registry.freeze.current import policy_in_force, set_policy
from registry.projects.models import STATUS
from tests.audits.steps import OPERATOR, audit, status_of
from tests.cases.cast import NO_BREACH, TRANSITIONAL, cases_of, decided_case, migrate_by
from tests.factories import a_project, an_actor, an_agency
from tests.flags.test_changed_at import Story
from tests.present import Present

ACTS = 80
DAY = date(2026, 10, 5)


def stored() -> list[tuple[int, str, str | None]]:
    statement = select(STATUS.c.project_id, STATUS.c.freeze_status, STATUS.c.severity).order_by(STATUS.c.project_id)
    return [(row[0], row[1], row[2]) for row in db.session.execute(statement)]


def computed() -> list[tuple[int, str, str | None]]:
    columns = (STATUS.c.project_id, computed_freeze_status(policy_in_force()), computed_severity())
    return [(row[0], row[1], row[2]) for row in db.session.execute(select(*columns).order_by(STATUS.c.project_id))]


class LongerStory(Story):
    """With registrations, and audits of a wrong clock that are voided."""

    def __init__(self, present: Present, seed: int) -> None:
        super().__init__(present, seed)
        self.acts = (*self.acts, self.register, self.register, self.void, *[self.decide] * 4)

    def register(self) -> None:
        self.projects.append(a_project(self.agency))

    def decide(self) -> None:
        proposal = self.random.choice((NO_BREACH, TRANSITIONAL, migrate_by(today() + timedelta(days=40))))
        audit()
        with_case = [project for project in self.projects if cases_of(project)]
        if with_case:
            decided_case(self.random.choice(with_case), proposal)

    def void(self) -> None:
        day = today()
        self.present.set(day + timedelta(days=40))
        a_project(self.agency)
        run = run_audit(an_actor(Role.OPERATOR))
        self.present.set(day)
        void_audit(OPERATOR, run.id, "The clock was 40 days ahead.")


# Each seed is another story; one database is enough for each.
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(seed, marks=pytest.mark.postgres_only if seed == 2 else pytest.mark.sqlite_only)
        for seed in (1, 2, 3)
    ],
)
def test_stored_status_is_the_computed_one_after_every_act(app: Flask, present: Present, seed: int) -> None:
    story = LongerStory(present, seed)
    done: list[str] = []
    statuses: set[str] = set()
    for _ in range(ACTS):
        done.append(story.happen())
        assert stored() == computed(), done[-5:]
        statuses |= {status for _, status, _ in stored()}
    assert {"audit", "act_on_case", "change_kind", "register", "void"} <= set(done)
    assert {"out_of_scope", "unaudited", "flagged", "accepted"} <= statuses


def test_voided_audit_leaves_its_new_projects_unaudited(app: Flask, present: Present) -> None:
    present.set(DAY)
    first = a_project()
    audit()
    present.set(DAY + timedelta(days=30))
    second = a_project()
    run = audit()
    assert (status_of(first), status_of(second)) == ("flagged", "flagged")
    present.set(DAY)
    void_audit(OPERATOR, run.id, "The clock was 30 days ahead.")
    assert (status_of(first), status_of(second)) == ("flagged", "unaudited")


def test_other_scope_shows_from_the_next_audit_on(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(an_agency(kind="private"))
    audit()
    assert status_of(project) == "out_of_scope"
    usual = policy_in_force()
    wider = replace(usual, scope=frozenset({*usual.scope, "private"}), digest="0" * 64)
    set_policy(wider)
    try:
        assert status_of(project) == "out_of_scope"
        audit()
        assert status_of(project) == "flagged"
        assert db.session.scalars(select(AuditRun.status).order_by(AuditRun.id)).all() == ["succeeded", "succeeded"]
    finally:
        set_policy(usual)
