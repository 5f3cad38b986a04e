"""Compliance of a former date on its page, and over time on the page of an agency."""

from __future__ import annotations

import csv
import io
import re
from datetime import date

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present
from tests.reports.test_views_compliance import names_of

REPORT = "/reports/compliance?by=agency"


def two_audits(present: Present) -> tuple[str, str]:
    """An agency that had a project at the first audit, and another one that got one before the second."""
    present.set(date(2026, 9, 1))
    first, second = an_agency(), an_agency()
    a_project(first)
    run_audit(an_actor(Role.OPERATOR))
    present.set(date(2026, 9, 20))
    a_project(second)
    run_audit(an_actor(Role.OPERATOR))
    return first.name_ru, second.name_ru


def test_page_shows_the_agencies_as_the_last_audit_before_the_date_left_them(
    signed_in: SignedIn, present: Present
) -> None:
    first, second = two_audits(present)
    visit = signed_in(Role.AUDITOR)
    former = visit.get(f"{REPORT}&on=10.09.2026").text
    assert names_of(former) == [first, "All"]
    assert "As the audit for 1 September 2026 left it." in former
    assert 'href="/projects?' not in former.partition("<table")[2]
    assert 'href="/reports/compliance.csv?by=agency&amp;on=2026-09-10"' in former
    assert sorted(names_of(visit.get(f"{REPORT}&on=2026-09-20").text)) == sorted([first, second, "All"])
    assert "No audit had run by then." in visit.get(f"{REPORT}&on=31.08.2026").text
    assert "Show the present state" not in visit.get(REPORT).text


def test_download_has_the_figures_of_the_date(signed_in: SignedIn, present: Present) -> None:
    first, second = two_audits(present)
    client = signed_in(Role.AUDITOR).client

    def agencies(address: str) -> set[str]:
        rows = csv.DictReader(io.StringIO(client.get(address).data.decode("utf-8-sig")))
        return {row["Agency"] for row in rows}

    assert agencies("/reports/compliance.csv?by=agency&on=2026-09-10") == {first}
    assert agencies("/reports/compliance.csv?by=agency") == {first, second}
    assert client.get("/reports/compliance.csv?by=agency&on=soon").status_code == 400


def test_page_of_an_agency_draws_each_audit(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 9, 1))
    agency = an_agency()
    a_project(agency)
    a_project(agency, work_type="maintenance", object_commissioned_on="2020-01-01", placement="on_platform")
    run_audit(an_actor(Role.OPERATOR))
    page = signed_in(Role.AUDITOR).get(f"/agencies/{agency.bin}").text
    table = page.partition("Compliance over time")[2].partition("</table>")[0]
    widths = [float(width) for width in re.findall(r'data-share="\w+" [^>]*width="([\d.]+)%"', table)]
    assert sum(widths) == 100
    assert "1 September 2026" in table
