"""Registration pages: conditional questions, errors where they arise, the verdict, drafts."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.database import db
from registry.projects.drafts import Draft
from registry.projects.models import Project
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit

WORK = {"object_kind": "system", "work_type": "creation", "stage": "creation", "placement": "off_platform"}
DATES = {"contract_signed_on": "02.03.2026"}
NAMES = re.compile(r'<(?:input|select|textarea)[^>]* name="([a-z_]+)(?:\.[0-9]{4})?"')
OTHER_CONTROLS = {"csrf_token", "q", "back", "check", "language"}


def begun(visit: Visit) -> str:
    """The URL of a new draft."""
    return visit.send("/register").request.path.removesuffix("/what")


def asked(visit: Visit, path: str) -> set[str]:
    """The fields that a page asks."""
    return set(NAMES.findall(visit.get(path).text)) - OTHER_CONTROLS


def test_registration_takes_six_pages_and_a_check_page(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    draft = begun(visit)
    assert visit.send(f"{draft}/what", agency=agency.bin, name_ru="Портал").request.path == f"{draft}/work"
    assert visit.send(f"{draft}/work", **WORK).request.path == f"{draft}/object"
    assert visit.send(f"{draft}/object").request.path == f"{draft}/dates"
    assert visit.send(f"{draft}/dates", **DATES).request.path == f"{draft}/money"
    years = {"cost_by_year.2026": "1 000 000 ₸", "cost_by_year.2027": "200000", "cost_by_year.2028": ""}
    assert visit.send(f"{draft}/money", budget_kzt="1 200 000 ₸", **years).request.path == f"{draft}/people"
    check = visit.send(f"{draft}/people", responsible_phone="+7 7172 74 00 00")
    assert check.request.path == f"{draft}/check"
    assert "would be flagged for 1 reason" in check.text and "freeze.creation" in check.text
    done = visit.send(f"{draft}/check")
    project = db.session.scalars(select(Project)).one()
    assert done.request.path == f"/projects/{project.number}"
    assert (project.budget_kzt, project.contract_signed_on.isoformat()) == (1_200_000, "2026-03-02")
    assert project.cost_by_year == [{"year": 2026, "amount_kzt": 1_000_000}, {"year": 2027, "amount_kzt": 200_000}]
    assert project.responsible_phone == "+7 7172 74 00 00"
    assert visit.client.get(f"{draft}/what").status_code == 404


@pytest.mark.parametrize(
    ("answers", "further"),
    [
        ({}, set()),
        ({"stage": "pilot"}, {"pilot_started_on"}),
        ({"stage": "operation"}, {"commissioned_on"}),
        ({"stage": "written_off"}, {"commissioned_on", "ended_on"}),
        ({"work_type": "maintenance"}, {"object_commissioned_on"}),
        ({"work_type": "development"}, {"object_commissioned_on"}),
        (
            {"work_type": "modification"},
            {"object_commissioned_on", "object_original_cost_kzt", "consent_number"},
        ),
        ({"placement": "on_platform"}, {"platform_key"}),
        ({"placement": "onboarding"}, {"platform_key", "onboarding_due_on"}),
    ],
)
def test_pages_ask_what_the_answers_need(signed_in: SignedIn, answers: dict[str, str], further: set[str]) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
    visit.send(f"{draft}/work", **WORK | answers)
    conditional = {
        "pilot_started_on",
        "commissioned_on",
        "ended_on",
        "object_commissioned_on",
        "object_original_cost_kzt",
        "consent_number",
        "platform_key",
        "onboarding_due_on",
    }
    shown = set().union(*(asked(visit, f"{draft}/{step}") for step in ("object", "dates", "money")))
    assert shown & conditional == further
    assert {"contract_signed_on", "budget_kzt", "url", "budget_programme"} <= shown


def test_answer_to_a_question_that_is_not_asked_any_more_is_not_registered(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
    visit.send(
        f"{draft}/what",
        agency=re.findall(r'value="(\d{12})" selected', visit.get(f"{draft}/what").text)[0],
        name_ru="Портал",
    )
    visit.send(f"{draft}/work", **WORK | {"stage": "pilot"})
    visit.send(f"{draft}/dates", pilot_started_on="не дата")
    assert visit.send(f"{draft}/work", **WORK | {"stage": "testing"}).status_code == 200
    assert visit.send(f"{draft}/check").request.path.startswith("/projects/")
    project = db.session.scalars(select(Project)).one()
    assert (project.stage, project.pilot_started_on) == ("testing", None)


def test_errors_are_at_their_fields_and_entered_values_are_kept(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
    answer = visit.send(f"{draft}/money", budget_kzt="many", supplier_bin="123")
    assert answer.status_code == 422
    assert 'id="budget_kzt-error"' in answer.text and 'id="supplier_bin-error"' in answer.text
    assert 'href="#budget_kzt"' in answer.text and 'value="many"' in answer.text
    assert 'value="many"' in visit.get(f"{draft}/money").text


def test_check_page_links_to_missing_fields(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
    page = visit.get(f"{draft}/check").text
    assert f'href="{draft}/work?check=yes#stage"' in page and f'href="{draft}/work?check=yes#placement"' in page
    assert "Register the project" not in page
    assert visit.send(f"{draft}/check", page=f"{draft}/what").status_code == 422


def test_change_from_the_check_page_returns_to_it_after_what_it_makes_necessary(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
    visit.send(f"{draft}/work", **WORK)
    back = visit.send(f"{draft}/people", page=f"{draft}/people?check=yes", check="yes", responsible_name="Әлия")
    assert back.request.path == f"{draft}/check"
    needed = visit.send(f"{draft}/work", check="yes", **WORK | {"stage": "pilot"})
    assert (needed.request.path, needed.request.query_string) == (f"{draft}/dates", b"check=yes")
    assert 'name="pilot_started_on"' in needed.text
    assert visit.send(f"{draft}/dates", check="yes", pilot_started_on="01.02.2026").request.path == f"{draft}/check"


def test_draft_is_visible_to_its_owner_only(app: Flask, signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency, name="first")
    draft = begun(visit)
    left = visit.send(f"{draft}/what", leave="yes", name_ru="Портал начатый")
    assert left.request.path == "/register" and "Портал начатый" in left.text
    assert "Портал начатый" in visit.get("/home").text
    other = signed_in(Role.AGENCY_EDITOR, agency, name="second")
    assert [other.client.get(f"{draft}{path}").status_code for path in ("", "/what", "/check")] == [404] * 3
    assert "Портал начатый" not in other.get("/register").text


def test_deleted_draft_comes_back_with_what_was_entered(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
    visit.send(f"{draft}/what", leave="yes", name_ru="Портал «начатый»", purpose="не\r\nпроверено")
    before = drafts()[0]
    page = visit.send("/register/deleted", page="/register", draft=draft.rpartition("/")[2]).text
    assert "Draft deleted." in page and drafts() == []
    sent = {html.unescape(name): html.unescape(value) for name, value in HIDDEN.findall(page.split("Draft deleted")[0])}
    again = visit.send("/register", page="/home", **sent)
    assert "The draft is back." in again.text and "Портал «начатый»" in again.text
    assert drafts() == [before] and before["purpose"] == "не\r\nпроверено"
    assert visit.send("/register/deleted", page="/register", draft="x").request.path == "/register"
    assert drafts() == [before]


HIDDEN = re.compile(r'<input type="hidden" name="(?!csrf_token)([a-z_]+)" value="([^"]*)">', re.DOTALL)


def drafts() -> list[dict[str, str]]:
    db.session.rollback()
    return [draft.values for draft in db.session.scalars(select(Draft))]


def test_copy_of_a_project_is_a_draft_without_its_own_reference(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(
        agency, external_id="A-1", name_ru="Портал", contract_signed_on="2025-03-02", integrations=["eGov", "Шлюз"]
    )
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    copied = visit.send(f"/projects/{project.number}/copy", page=f"/projects/{project.number}")
    assert copied.request.path.endswith("/what") and 'value="Портал"' in copied.text
    assert "A-1" not in copied.text
    draft = copied.request.path.removesuffix("/what")
    assert "eGov\nШлюз" in visit.get(f"{draft}/object").text
    assert 'value="02.03.2025"' in visit.get(f"{draft}/dates").text
    assert visit.send(f"{draft}/check").request.path.startswith("/projects/QT-")
    assert db.session.scalars(select(Project.external_id).order_by(Project.id)).all() == ["A-1", None]
