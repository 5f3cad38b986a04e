"""Agency names and agency filters in project lists."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Connection

from registry.accounts.roles import Role
from registry.agencies.views import filter_choices as list_agencies
from tests.cases.cast import audit
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.statements import statements

LISTS = ("/projects", "/cases?status=new", "/cases/watch-list", "/cases/exemptions-ending")


def test_project_list_shows_agency_names_for_oversight(signed_in: SignedIn) -> None:
    agency = an_agency(name_ru="Министерство озёр", name_kk="Көлдер министрлігі")
    a_project(agency)
    assert "Көлдер министрлігі" in signed_in(Role.AUDITOR, language="kk").get("/projects").text.partition("<table")[2]
    assert "Министерство озёр" not in signed_in(Role.AGENCY_VIEWER, agency).get("/projects").text.partition("<table")[2]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("most", [40, 1])
def test_agency_filter_is_displayed_and_kept(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, path: str, most: int
) -> None:
    monkeypatch.setattr(list_agencies, "MAX_CHOICES", most)
    agency, other = an_agency(name_ru="Министерство озёр"), an_agency()
    for each in (agency, other):
        a_project(each)
    audit()
    page = signed_in(Role.REVIEWER).get(f"{path}{'&' if '?' in path else '?'}agency={agency.bin}").text
    assert "Agency: <strong>Министерство озёр" in page
    form = page.partition('role="search"')[2].partition("</form>")[0]
    chosen = rf'<option value="{agency.bin}" selected|id="agency" name="agency"[^>]*value="{agency.bin}"'
    assert re.search(chosen, form) and form.count('name="agency"') == 1


def test_agency_filter_can_include_subordinate_agencies(signed_in: SignedIn) -> None:
    ministry = an_agency()
    own, below, others = a_project(ministry), a_project(an_agency(ministry)), a_project()
    visit = signed_in(Role.AUDITOR)
    alone = visit.get(f"/projects?agency={ministry.bin}").text
    assert own.number in alone and below.number not in alone
    whole = visit.get(f"/projects?agency={ministry.bin}&below=true")
    assert own.number in whole.text and below.number in whole.text and others.number not in whole.text
    assert "with the agencies below it" in whole.text
    assert visit.get("/projects?agency=000000000000&below=true").status_code == 404
    assert visit.get("/projects?kind=nothing").status_code == 400
    stranger = signed_in(Role.AGENCY_VIEWER).get(f"/projects?agency={ministry.bin}&below=true")
    assert stranger.status_code == 200 and own.number not in stranger.text
    viewer = signed_in(Role.AGENCY_VIEWER, ministry, name="viewer.of.ministry")
    listed = viewer.get(f"/projects?agency={ministry.bin}&below=true").text
    assert own.number in listed and below.number in listed and others.number not in listed


def test_single_agency_user_has_no_agency_filter(signed_in: SignedIn) -> None:
    agency = an_agency()
    a_project(agency)
    assert 'name="agency"' not in signed_in(Role.AGENCY_EDITOR, agency).get("/projects").text


def test_project_list_statements_do_not_grow_with_agencies(signed_in: SignedIn, connection: Connection) -> None:
    visit = signed_in(Role.REVIEWER)

    def cost() -> int:
        with statements(connection) as sent:
            assert visit.client.get("/projects").status_code == 200
        return len(sent)

    a_project()
    few = cost()
    for _ in range(5):
        a_project(an_agency())
    assert cost() == few
