"""Details of pages that mutation testing found untested: downloads, menu and home page."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest

from registry.accounts.roles import Role
from registry.core.clock import today
from tests.cases.casework import GAP
from tests.cases.cast import SAULE, act, audit, case_of, edit, editor_of
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present


def test_cases_download_has_opening_closing_and_outcome_in_their_columns(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 10, 5))
    agency = an_agency()
    project = a_project(agency, **GAP)
    audit()
    edit(editor_of(agency), project, object_commissioned_on="2026-02-01")
    present.set(date(2026, 10, 7))
    audit()
    act(SAULE, case_of(project), "confirm")
    answer = signed_in(Role.AUDITOR).client.get("/cases.csv?status=closed")
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert (row["Opened"], row["Closed"], row["Outcome"]) == ("2026-10-05", "2026-10-07", "Flags corrected")


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.REVIEWER])
def test_menu_has_journal_for_permitted_roles_only(signed_in: SignedIn, role: Role) -> None:
    visit = signed_in(role)
    menu = visit.get("/home").text.partition('id="navigation"')[2].partition("</ul>")[0]
    assert ('href="/journal"' in menu) == (role is Role.AUDITOR)
    assert visit.client.get("/journal").status_code == (200 if role is Role.AUDITOR else 403)


def test_agency_home_warns_of_onboarding_ending_within_60_days(signed_in: SignedIn) -> None:
    agency = an_agency()
    for days in (-1, 60, 61):
        name = f"Через {days}"
        a_project(agency, placement="onboarding", onboarding_due_on=today() + timedelta(days=days), name_ru=name)
    page = signed_in(Role.AGENCY_VIEWER, agency, "ru").get("/home").text
    assert "Через -1" in page and "Через 60" in page and "Через 61" not in page
