"""``changed_at`` after voiding an audit: rows dated by the wrong clock and undone rows get the present time."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import Flask

from registry.audits.service import void_audit
from registry.cases.models import Case
from registry.flags.models import Flag
from registry.projects.models import ProjectStatus
from tests.audits.steps import OPERATOR, audit, table
from tests.factories import a_project
from tests.present import Present

DAY = date(2026, 10, 5)
FUTURE = date(2027, 11, 10)
NOON = datetime(2026, 10, 5, 7, tzinfo=UTC)


def test_voiding_leaves_no_changed_at_in_the_future(app: Flask, present: Present) -> None:
    present.set(date(2026, 10, 4))
    a_project(stage="planning", contract_signed_on="2027-06-01", work_started_on="2027-06-01")
    audit()
    present.set(FUTURE)
    a_project()
    run = audit()
    assert [row["changed_at"].year for model in (ProjectStatus, Flag, Case) for row in table(model)].count(2027) > 4
    present.set(DAY)
    void_audit(OPERATOR, run.id, "The clock was 401 days ahead.")

    for model in (ProjectStatus, Flag, Case):
        assert {row["changed_at"] for row in table(model)} == {NOON}, model
