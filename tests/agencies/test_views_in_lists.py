"""Agency names and agency filters in project lists."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from registry.accounts.roles import Role
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.statements import statements

LISTS = ("/projects", "/cases?status=new", "/cases/watch-list", "/cases/exemptions-ending")


def test_project_list_shows_agency_names_for_oversight(signed_in: SignedIn) -> None:
    agency = an_agency(name_ru="Министерство озёр", name_kk="Көлдер министрлігі")
    a_project(agency)
    auditor = signed_in(Role.AUDITOR, language="kk")
    assert "Көлдер министрлігі" in auditor.get("/projects").text.partition("<table")[2]
    assert 'Жобалар<span class="govuk-visually-hidden">: Көлдер министрлігі</span></a>' in auditor.get("/agencies").text
    assert "Министерство озёр" not in signed_in(Role.AGENCY_VIEWER, agency).get("/projects").text.partition("<table")[2]


@pytest.mark.parametrize("path", (*LISTS, "/letters", "/requests", "/people"))
def test_entered_name_of_agency_becomes_its_number(signed_in: SignedIn, path: str) -> None:
    lakes, _rivers = an_agency(name_ru="Министерство озёр"), an_agency(name_ru="Министерство рек")
    visit = signed_in(Role.ADMINISTRATOR if path == "/people" else Role.SUPERVISOR)
    address, _, query = path.partition("?")
    for name in ("Министерство озёр", "озёр"):
        answer = visit.get(f"{address}?{query}&agency={name}&cursor=")
        assert answer.request.args.get("agency") == lakes.bin
        assert all(f"{key}={value}" in query for key, value in answer.request.args.items() if key != "agency")


def test_name_of_several_agencies_leads_to_a_choice(signed_in: SignedIn) -> None:
    lakes, rivers = an_agency(name_ru="Министерство озёр"), an_agency(name_ru="Министерство рек")
    page = signed_in(Role.REVIEWER).get("/cases?status=new&agency=Министерство")
    assert page.request.args["agency"] == "Министерство" and "Several agencies have these words." in page.text
    for agency in (lakes, rivers):
        assert f'href="/cases?status=new&amp;agency={agency.bin}"' in page.text
    assert "There are no cases here." in page.text
    assert "Agency: <strong>" not in page.text


def test_agencies_are_suggested_by_name_and_number(signed_in: SignedIn) -> None:
    lakes = an_agency(name_ru="Министерство озёр", name_kk="Көлдер министрлігі")
    for number in range(12):
        an_agency(name_ru=f"Управление {number:02}")
    visit = signed_in(Role.REVIEWER)
    assert visit.get("/agencies/suggestions?q=озер").text.split("<option")[1:] == [
        f' value="{lakes.bin}">Министерство озёр</option>'
    ]
    assert f'value="{lakes.bin}"' in visit.get(f"/agencies/suggestions?q={lakes.bin[:9]}").text
    assert visit.get("/agencies/suggestions?q=управление").text.count("<option") == 10
    assert "<option" not in visit.get("/agencies/suggestions?q=").text
    own = signed_in(Role.AGENCY_VIEWER, lakes, name="viewer")
    assert own.get("/agencies/suggestions?q=управление").text.count("<option") == 0


def test_agency_filter_can_include_subordinate_agencies(signed_in: SignedIn) -> None:
    ministry = an_agency()
    own, below, others = a_project(ministry), a_project(an_agency(ministry)), a_project()
    visit = signed_in(Role.AUDITOR)
    alone = visit.get(f"/projects?agency={ministry.bin}").text
    assert own.number in alone and below.number not in alone
    whole = visit.get(f"/projects?agency={ministry.bin}&below=true")
    assert own.number in whole.text and below.number in whole.text and others.number not in whole.text
    assert "with the agencies below it" in whole.text
    unregistered = visit.get("/projects?agency=050340004478&below=true")
    assert (
        unregistered.status_code == 200
        and "There is no agency with the name or BIN “050340004478”." in unregistered.text
    )
    assert visit.get("/projects?kind=nothing").status_code == 400
    stranger = signed_in(Role.AGENCY_VIEWER).get(f"/projects?agency={ministry.bin}&below=true")
    assert stranger.status_code == 200 and own.number not in stranger.text
    viewer = signed_in(Role.AGENCY_VIEWER, ministry, name="viewer.of.ministry")
    listed = viewer.get(f"/projects?agency={ministry.bin}&below=true").text
    assert own.number in listed and below.number in listed and others.number not in listed


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
