"""Pages of requests and agencies: propose, decide, and what a closed agency shows."""

from __future__ import annotations

from datetime import date

import pytest

from registry.accounts.roles import Role
from registry.agencies import pages as agency_pages
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.core.database import db
from registry.requests.models import Request
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit
from tests.present import Present

DAY = date(2026, 9, 30)
ACT = {"on": "30.09.2026", "act": "Decree No. 17", "reason": "The ministries merge."}


@pytest.fixture
def administrator(signed_in: SignedIn, present: Present) -> Visit:
    present.set(DAY)
    return signed_in(Role.ADMINISTRATOR, name="first")


def propose(visit: Visit, former: Agency, successor: Agency, **fields: str) -> str:
    """Fill in the form; the path of the request's page."""
    values = {"successor": successor.bin, "kind": "merger", "projects": "", **ACT, **fields}
    page = visit.send(f"/agencies/{former.bin}/succession", **values)
    assert "The succession is proposed." in page.text
    return page.request.path


def test_a_merger_is_proposed_confirmed_and_shown_on_both_agencies(administrator: Visit, signed_in: SignedIn) -> None:
    former, successor = an_agency(name_en="Old Ministry"), an_agency(name_en="New Ministry")
    project = a_project(former)
    path = propose(administrator, former, successor)
    own = administrator.get(path).text
    assert "It waits for a supervisor." in own and ">Confirm<" not in own
    assert "What it touches" in own
    supervisor = signed_in(Role.SUPERVISOR, name="second")
    assert ">Requests</a>: 1</h2>" in supervisor.get("/home").text

    page = supervisor.send(f"{path}/confirmation", page=path, reason="Signed.").text

    assert "The request is confirmed and has taken effect." in page
    closed = supervisor.get(f"/agencies/{former.bin}").text
    assert "The agency is closed since 30 September 2026" in closed and "New Ministry" in closed
    assert "Old Ministry" in supervisor.get(f"/agencies/{successor.bin}").text
    assert "New Ministry" in supervisor.get(f"/projects/{project.number}").text
    history = supervisor.get(f"/projects/{project.number}/history").text
    assert former.bin in history and successor.bin in history


def test_agency_is_not_led_to_ask_twice(signed_in: SignedIn) -> None:
    agency = an_agency()
    path = f"/projects/{a_project(agency).number}"
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    assert f'href="{path}/withdrawal"' in editor.get(path).text
    editor.send(f"{path}/withdrawal", reason="Registered twice.")
    assert f'href="{path}/withdrawal"' not in editor.get(path).text
    again = editor.send(f"{path}/withdrawal", reason="Registered twice.").text
    assert '<a href="#reason">Reason: ' in again


def test_requests_name_their_projects_and_a_division_takes_the_numbers_of_a_text_field(administrator: Visit) -> None:
    former, successor = an_agency(), an_agency()
    first, second = a_project(former, name_en="Register of Rivers"), a_project(former)
    path = propose(administrator, former, successor, kind="division", projects=f"{first.number}\r\n{second.number}")
    page = administrator.get(path).text
    assert "Division: the listed projects go to the successor" in page
    assert f'href="/projects/{first.number}">Register of Rivers</a>' in page and second.number in page
    administrator.send(f"/projects/{first.number}/transfer", to=successor.bin, **ACT)
    assert "Register of Rivers" in administrator.get("/requests?request_kind=transfer").text


def test_an_invalid_proposal_is_displayed_again(administrator: Visit) -> None:
    agency = an_agency()
    answer = administrator.send(
        f"/agencies/{agency.bin}/succession", **{**ACT, "on": "29.09.2026"}, successor=agency.bin, kind="merger"
    )

    assert answer.status_code == 422
    assert f"Choose another agency: {agency.bin} is the one that passes on." in answer.text
    assert "The date must not be before today" in answer.text


def test_successor_and_new_agency_are_entered_by_name(administrator: Visit) -> None:
    former, lakes = an_agency(name_ru="Комитет вод"), an_agency(name_ru="Министерство озёр")
    project = a_project(former)
    form = f"/agencies/{former.bin}/succession"
    page = administrator.get(form).text
    assert 'data-suggestions="/agencies/suggestions"' in page and 'name="successor"' in page
    answer = administrator.send(form, **ACT, successor="министерство озёр", kind="merger")
    assert "The succession is proposed." in answer.text
    administrator.send(f"/projects/{project.number}/transfer", to="озёр", **ACT)
    assert [each.to_agency_id for each in db.session.query(Request)] == [lakes.id, lakes.id]


def test_name_that_is_not_of_one_agency_is_asked_again(administrator: Visit) -> None:
    former = an_agency(name_ru="Комитет вод")
    an_agency(name_ru="Министерство озёр"), an_agency(name_ru="Министерство рек")
    for entered, message in (
        ("Министерство", "Several agencies fit this name. Write the BIN."),
        ("Комитет гор", "No agency with this name is registered. Write the BIN, or the name as registered."),
        # Those of one agency, and more words after as many letters as are looked up.
        (f"Министерство озёр{' ' * 500}и рек", "No agency with this name is registered."),
        ("990340900111", "A BIN has 12 digits, the last a check digit; this one is wrong."),
    ):
        answer = administrator.send(f"/agencies/{former.bin}/succession", **ACT, successor=entered, kind="merger")
        assert answer.status_code == 422 and f'value="{entered}"' in answer.text
        assert answer.text.count(message) == 2
        assert f"Name or BIN of the successor: {message}" in answer.text
    assert db.session.query(Request).count() == 0


def test_a_transfer_is_proposed_for_a_day_and_cancelled(administrator: Visit, signed_in: SignedIn) -> None:
    project, agency = a_project(), an_agency()
    page = administrator.send(f"/projects/{project.number}/transfer", to=agency.bin, **{**ACT, "on": "01.10.2026"})
    path = page.request.path
    confirmed = signed_in(Role.SUPERVISOR).send(f"{path}/confirmation", page=path, reason="")
    assert "It takes effect on 1 October 2026 by itself." in confirmed.text

    cancelled = administrator.send(f"{path}/cancellation", page=path, reason="")

    assert "The request is cancelled." in cancelled.text


def test_the_list_is_filtered_by_kind_and_state(administrator: Visit) -> None:
    former = an_agency(name_en="Old Ministry")
    propose(administrator, former, an_agency())

    listed = administrator.get("/requests?request_kind=succession&state=waiting").text
    assert "Old Ministry" in listed and "Succession of an agency No.\u00a0" in listed
    assert "There are no requests here." in administrator.get("/requests?request_kind=transfer").text
    assert 'href="/requests">Clear the filters' in listed
    assert "Clear the filters" not in administrator.get("/requests").text
    assert administrator.get("/requests?request_kind=none").status_code == 400


def test_the_tree_shows_one_level_with_what_is_below(administrator: Visit) -> None:
    top = an_agency(name_en="Ministry")
    child = an_agency(parent=top, name_en="Committee")

    level, below = administrator.get("/agencies/tree").text, administrator.get(f"/agencies/tree?within={top.bin}").text

    assert "Ministry" in level and "Committee" not in level
    assert "Committee" in below
    assert agency_by_bin(child.bin).parent_bin == top.bin


def test_a_long_level_of_the_tree_says_that_it_is_cut(administrator: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    top = an_agency()
    for _ in range(3):
        an_agency(parent=top)
    whole = administrator.get(f"/agencies/tree?within={top.bin}").text
    monkeypatch.setattr(agency_pages, "MAX_AGENCIES", 2)
    cut = administrator.get(f"/agencies/tree?within={top.bin}").text

    assert "Not all agencies are shown on this page." not in whole
    assert "Not all agencies are shown on this page." in cut and "Find the others in the list of agencies" in cut


def test_an_agency_sees_no_people_and_no_projects_of_a_foreign_one(signed_in: SignedIn) -> None:
    foreign = an_agency(name_en="Foreign Ministry")
    a_project(foreign)
    page = signed_in(Role.AGENCY_VIEWER).get(f"/agencies/{foreign.bin}").text

    assert "Foreign Ministry" in page
    assert "Open cases" not in page and "Projects, with the agencies below" not in page
