"""The edit page: concurrent edits and invalid values."""

from __future__ import annotations

import re

from registry.accounts.roles import Role
from registry.projects.fields import FIELDS
from registry.projects.models import Project
from registry.projects.pages import PARTS
from registry.projects.service import find_project
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.fixtures.web import SignedIn


def test_edit_page_has_every_writable_field_once(signed_in: SignedIn) -> None:
    agency = an_agency()
    page = signed_in(Role.AGENCY_EDITOR, agency).get(f"/projects/{a_project(agency).number}/edit").text
    names = re.findall(r'<(?:input|select|textarea)[^>]* name="([a-z_]+)"', page)
    names = [name for name in names if name] + re.findall(r'name="([a-z_]+)\.[0-9]{4}"', page)
    assert set(names) - {"csrf_token", "version", "language", "q", "back"} == set(FIELDS)
    assert sorted(name for part in PARTS.values() for name in part) == sorted(FIELDS)


def present(project: Project) -> Project:
    return find_project(ADMINISTRATOR, project.number)


def test_edit_writes_only_changed_fields(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency, purpose="Первая строка\nвторая")
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    visit.send(
        f"/projects/{project.number}/edit",
        version="1",
        name_ru="Новое имя",
        purpose="Первая строка\r\nвторая",
        budget_kzt=str(project.budget_kzt),
        contract_signed_on="20.01.2026",
    )
    now = present(project)
    assert (now.name_ru, now.version) == ("Новое имя", 2)
    page = visit.get(f"/projects/{project.number}/history").text
    assert page.count("<ins>Новое имя</ins>") == 1


def test_concurrent_edit_shows_the_other_change_and_keeps_both(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency)
    edit = f"/projects/{project.number}/edit"
    first = signed_in(Role.AGENCY_EDITOR, agency, name="first")
    second = signed_in(Role.AGENCY_EDITOR, agency, name="second")
    changed = {"name_ru": "Имя от первого", "contract_signed_on": "21.01.2026", "stage": "creation"}
    first.send(edit, version="1", confirmed="yes", change_reason="Договор 2", **changed)
    answer = second.send(edit, version="1", name_ru=project.name_ru, contract_signed_on="20.01.2026", stage="pilot")
    assert answer.status_code == 409
    assert "Someone else changed this project" in answer.text and "Имя от первого" in answer.text
    assert 'value="pilot" checked' in answer.text and 'value="21.01.2026"' in answer.text
    assert present(project).stage == "creation"
    changed["stage"] = "pilot"
    second.send(edit, version="2", confirmed="yes", change_reason="Акт 5", **changed)
    now = present(project)
    assert (now.name_ru, now.stage, now.version) == ("Имя от первого", "pilot", 3)


def test_invalid_value_has_a_field_error_and_nothing_is_saved(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    answer = visit.send(f"/projects/{project.number}/edit", version="1", stage="pilot", work_started_on="31.02.2026")
    assert answer.status_code == 422 and 'id="work_started_on-error"' in answer.text
    assert present(project).version == 1
