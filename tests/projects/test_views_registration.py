"""Registration pages: drafts, field errors and the verdict."""

from __future__ import annotations

import re

from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.database import db
from registry.projects.models import Project
from tests.factories import an_agency
from tests.fixtures.web import SignedIn, Visit

WHAT = {"name_ru": "Портал", "object_kind": "system", "work_type": "creation", "stage": "creation"}
DATES = {"contract_signed_on": "02.03.2026"}


def begun(visit: Visit) -> str:
    """The URL of the first step of a new draft."""
    return visit.send("/register").request.path.removesuffix("/what")


def test_registration_takes_four_steps_and_a_check_page(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    draft = begun(visit)
    assert visit.send(f"{draft}/what", agency=agency.bin, **WHAT).request.path == f"{draft}/placement"
    assert visit.send(f"{draft}/placement", placement="off_platform").request.path == f"{draft}/dates"
    assert visit.send(f"{draft}/dates", **DATES).request.path == f"{draft}/money"
    check = visit.send(f"{draft}/money", budget_kzt="1 200 000")
    assert check.request.path == f"{draft}/check"
    assert "would be flagged for 1 reason" in check.text and "freeze.creation" in check.text
    done = visit.send(f"{draft}/check")
    project = db.session.scalars(select(Project)).one()
    assert done.request.path == f"/projects/{project.number}"
    assert (project.budget_kzt, project.contract_signed_on.isoformat()) == (1_200_000, "2026-03-02")
    assert visit.client.get(f"{draft}/what").status_code == 404


def test_check_page_writes_nothing(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
    visit.get(f"{draft}/check")
    assert db.session.scalars(select(Project)).all() == []


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
    assert f'href="{draft}/what#stage"' in page and f'href="{draft}/placement#placement"' in page
    assert "Register the project" not in page
    assert visit.send(f"{draft}/check", page=f"{draft}/what").status_code == 422


def test_draft_is_visible_to_its_owner_only(app: Flask, signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency, name="first")
    draft = begun(visit)
    left = visit.send(f"{draft}/what", leave="yes", name_ru="Портал начатый")
    assert left.request.path == "/register" and "Портал начатый" in left.text
    other = signed_in(Role.AGENCY_EDITOR, agency, name="second")
    assert other.client.get(f"{draft}/what").status_code == 404
    assert "Портал начатый" not in other.get("/register").text


def test_editor_cannot_register_for_a_foreign_agency_by_page(signed_in: SignedIn) -> None:
    foreign = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
    visit.send(f"{draft}/what", agency=foreign.bin, **WHAT)
    visit.send(f"{draft}/placement", placement="unknown")
    assert visit.send(f"{draft}/check", page=f"{draft}/what").status_code == 422
    assert db.session.scalars(select(Project)).all() == []


def test_draft_begins_with_the_own_agency_and_region(signed_in: SignedIn) -> None:
    agency = an_agency(region="43")
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    page = visit.get(f"{begun(visit)}/what").text
    assert f'value="{agency.bin}" selected' in page and 'value="43" selected' in page


def test_registration_page_explains_requirements_and_work_types(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    assert "Five things are required" in visit.get("/register").text
    step = visit.send("/register")
    asked = set(re.findall(r">\s*([^<>]+) \(required\)<", step.text))
    asked |= set(
        re.findall(r">\s*([^<>]+) \(required\)<", visit.get(step.request.path.replace("/what", "/placement")).text)
    )
    assert asked == {"Kind of object", "Kind of work", "Stage", "Hosting"}
    assert "Enter a name in Kazakh or in Russian; one is enough" in step.text
    for text in (
        "A new object.",
        "New functions of an object",
        "within 20 % of its original cost",
        "without new functions",
    ):
        assert text in step.text
