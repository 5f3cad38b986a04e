"""What lists of projects, flags and orders have in common: groups with their totals, previews, and who sees what."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta

import pytest

from registry.accounts.roles import Role
from registry.projects.models import Project
from tests.cases.casework import GAP
from tests.cases.cast import audit, case_of, decided_case, in_days, migrate_by, project_with_gap
from tests.factories import a_project, an_agency, restrict
from tests.fixtures.web import SignedIn
from tests.present import Present

pytestmark = pytest.mark.usefixtures("app")


def plain(page: str) -> str:
    return html.unescape(page).replace("\u00a0", " ")


def groups(page: str) -> list[str]:
    return re.findall(r'scope="rowgroup">([^<]+)<', plain(page))


@pytest.fixture
def flagged() -> list[Project]:
    """Two projects of a ministry, the first with two flags, and one of an akimat."""
    ministry, akimat = (an_agency(name_ru=name, name_kk=name, name_en=name) for name in ("Ministry", "Akimat"))
    projects = [
        a_project(ministry, budget_kzt=10_000_000, placement="onboarding"),
        a_project(ministry, budget_kzt=20_000_000, **GAP),
        a_project(akimat, budget_kzt=300_000),
    ]
    audit()
    return projects


@pytest.mark.parametrize(
    ("path", "totals", "headings"),
    [
        ("/projects?group=agency", "1–3 of 3 · 30 million ₸", ["Akimat: 1 · 300,000 ₸", "Ministry: 2 · 30 million ₸"]),
        ("/projects?group=freeze_status&agency={bin}&below=true", "1–2 of 2 ·", ["Flagged: 2 · 30 million ₸"]),
        ("/flags?group=agency", "1–4 of 4 · 30 million ₸", ["Akimat: 1 · 300,000 ₸", "Ministry: 3 · 30 million ₸"]),
        (
            "/flags?group=rule&agency={bin}&below=true&q=система",
            "1–3 of 3 · 30 million ₸",
            [
                "New object started under the moratorium: 1 · 10 million ₸",
                "Data needed for the check is missing: 1 · 20 million ₸",
                "Onboarding not confirmed: 1 · 10 million ₸",
            ],
        ),
        (
            "/cases?status=new&group=agency",
            "1–3 of 3 · 30 million ₸",
            ["Akimat: 1 · 300,000 ₸", "Ministry: 2 · 30 million ₸"],
        ),
        (
            "/cases?status=new&group=rule",
            "1–3 of 3 · 30 million ₸",
            [
                "New object started under the moratorium: 2 · 10 million ₸",
                "Data needed for the check is missing: 1 · 20 million ₸",
            ],
        ),
    ],
)
def test_groups_have_the_totals_of_the_list_and_sums_count_a_project_once(
    signed_in: SignedIn, flagged: list[Project], path: str, totals: str, headings: list[str]
) -> None:
    ministry = case_of(flagged[0]).project_record.agency.bin
    page = signed_in(Role.SUPERVISOR).get(path.format(bin=ministry)).text
    assert totals in plain(page)
    assert groups(page) == headings


def test_flags_are_listed_with_project_age_amount_and_case(
    signed_in: SignedIn, flagged: list[Project], present: Present
) -> None:
    _two, gap, strange = flagged
    case = case_of(gap).id
    present.move(timedelta(days=12))
    answer = signed_in(Role.REVIEWER).get("/flags")
    page = plain(answer.text)
    assert answer.request.full_path == "/flags?status=open" and "State: Open" in page
    assert "Data needed for the check is missing" in page and "12 days" in page and "20 million ₸" in page
    assert f'href="/cases/{case}"' in page and f'href="/projects/{gap.number}"' in page

    visit = signed_in(Role.AGENCY_VIEWER, case_of(gap).project_record.agency)
    assert strange.number not in visit.get("/flags").text
    lines = list(
        csv.DictReader(io.StringIO(visit.client.get("/flags.csv?rule=freeze.data-gap").data.decode("utf-8-sig")))
    )
    assert [(each["Number"], each["State"], each["Case"]) for each in lines] == [(gap.number, "Open", str(case))]
    assert "There are no flags here." in visit.get("/flags?status=cleared").text


def test_leaders_see_flags_without_cases_and_nobody_else_restricted_ones(
    signed_in: SignedIn, flagged: list[Project]
) -> None:
    hidden, shown, _other = flagged
    restrict(hidden.number)
    page = signed_in(Role.LEADER).get("/flags?status=").text
    assert shown.number in page and hidden.number not in page and "/cases/" not in page
    assert "1–2 of 2" in page


def test_orders_are_grouped_by_agency_and_lead_to_their_cases(signed_in: SignedIn) -> None:
    ministry = an_agency(name_en="Ministry")
    project = project_with_gap(agency=ministry, budget_kzt=20_000_000)
    case = decided_case(project, migrate_by(in_days(30)))
    page = signed_in(Role.REVIEWER).get("/orders?group=agency").text
    assert groups(page) == ["Ministry: 1 · 20 million ₸"] and f'href="/cases/{case.id}"' in page
    assert f'href="/projects/{project.number}"' in signed_in(Role.LEADER).get("/orders").text


def test_preview_of_a_project_is_its_short_form(signed_in: SignedIn, flagged: list[Project]) -> None:
    hidden, gap, _other = flagged
    restrict(hidden.number)
    visit = signed_in(Role.REVIEWER)
    short = visit.get(f"/projects/{gap.number}?preview=yes").text
    assert "<html" not in short and "Data needed for the check is missing" in short and gap.number in short
    assert visit.get(f"/projects/{hidden.number}?preview=yes").status_code == 404
    assert 'class="preview"' in visit.get("/projects").text and 'class="preview"' not in visit.get("/letters").text
