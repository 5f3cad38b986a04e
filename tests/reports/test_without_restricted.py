"""Totals that leave out restricted projects say so beside the figure; those that include them do not."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from tests.api.callers import caller
from tests.audits.steps import audit
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.reports.delivered import csv_rows, xlsx_rows
from tests.reports.test_overview import hide

TEXT = "Without restricted projects."


@pytest.fixture
def agency(app: Flask) -> Agency:
    """An agency with a restricted project and another one."""
    agency = an_agency()
    a_project(agency)
    hide(a_project(agency))
    return agency


def test_pages_with_totals_say_whether_restricted_projects_are_left_out(agency: Agency, signed_in: SignedIn) -> None:
    run = audit()
    pages = {f"/agencies/{agency.bin}", "/overview", "/overview/history", "/reports/compliance"}
    pages |= {"/reports/compliance?on=2026-12-31", "/reports/compliance?by=region"}
    for role, more in (
        (Role.LEADER, set()),
        (Role.REVIEWER, {"/audits", f"/audits/{run.id}", "/cases"}),
        (Role.SUPERVISOR, {"/audits", f"/audits/{run.id}", "/cases", "/cases/team"}),
    ):
        visit = signed_in(role)
        texts = {page: TEXT in visit.get(page).text for page in pages | more}
        assert texts == dict.fromkeys(pages | more, role is not Role.SUPERVISOR)


def test_agency_whose_totals_have_its_restricted_projects_reads_no_text(agency: Agency, signed_in: SignedIn) -> None:
    audit()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    for page in ("/reports/compliance", f"/agencies/{agency.bin}"):
        assert TEXT not in visit.get(page).text


def test_every_row_of_an_export_of_figures_says_it(agency: Agency, signed_in: SignedIn) -> None:
    audit()
    for role, cell in ((Role.LEADER, "left out"), (Role.SUPERVISOR, "included")):
        visit = signed_in(role)
        for path in ("/reports/compliance", "/overview", "/overview/history"):
            rows = csv_rows(visit.client.get(f"{path}.csv"))
            assert rows and {row["Restricted projects"] for row in rows} == {cell}
            assert xlsx_rows(visit.client.get(f"{path}.xlsx")) == rows


def test_answers_with_totals_have_it_as_a_property(agency: Agency, client: FlaskClient) -> None:
    run = audit()
    for role, left_out in ((Role.REVIEWER, True), (Role.SUPERVISOR, False)):
        api = caller(client, role)
        for path in (
            "/reports/compliance",
            "/reports/compliance?on=2026-12-31",
            "/overview",
            "/overview/history",
            f"/audits/{run.id}",
            "/projects?count=exact",
            "/cases?count=exact",
            "/flags?count=exact",
        ):
            assert api.get(path).get_json()["without_restricted"] is left_out, path
        assert api.get("/audits").get_json()["items"][0]["without_restricted"] is left_out
        assert "without_restricted" not in api.get("/projects").get_json()
        assert api.get("/projects?count=exact").get_json()["count"] == (1 if left_out else 2)
