"""Forecasts: which rules would flag projects with values that are not written, exemptions and orders included."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask
from sqlalchemy import Connection

from registry.agencies.models import Agency
from registry.audits.verdicts import ProposedProject, rules_that_would_flag
from registry.core.clock import today
from registry.core.database import db
from registry.exemptions.service import record_exemption
from registry.projects.models import Project
from registry.projects.revisions import snapshot
from tests.cases.cast import SAULE
from tests.factories import a_project, an_agency
from tests.statements import statements


def proposed(project: Project) -> ProposedProject:
    return ProposedProject(project.agency_id, project.id, snapshot(project))


def exempt(project: Project, until: date) -> None:
    days = {"decided_on": date(2026, 1, 15), "valid_from": date(2026, 1, 15), "valid_to": until}
    record_exemption(SAULE, {"project": project.number, "decision_number": "12", **days})


def test_exempt_project_is_not_forecast_until_its_exemption_ends(app: Flask) -> None:
    exempted, ended, plain = a_project(), a_project(), a_project()
    exempt(exempted, today() + timedelta(days=1))
    exempt(ended, today() - timedelta(days=1))

    flagged = rules_that_would_flag([proposed(each) for each in (exempted, ended, plain)])

    assert [bool(rules) for rules in flagged] == [False, True, True]


def test_forecast_takes_as_many_statements_for_many_projects_as_for_few(app: Flask, connection: Connection) -> None:
    counts = []
    for number in (2, 20):
        agency: Agency = an_agency()
        rows = [proposed(a_project(agency)) for _ in range(number)]
        db.session.expunge_all()
        with statements(connection) as sent:
            assert all(rules_that_would_flag(rows))
        counts.append(len(sent))
    assert counts[0] == counts[1], counts
