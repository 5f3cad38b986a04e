"""Registration and editing of projects on pages."""

from __future__ import annotations

import html
import json
import re
from datetime import date

from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.projects.drafts import Draft
from registry.projects.fields import FIELDS, PARTS
from registry.projects.links import ProjectLink
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.service import find_project
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.fixtures.web import SignedIn, Visit
from tests.present import Present

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


def test_pages_ask_what_the_answers_need(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = begun(visit)
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
    for answers, further in (
        ({}, set()),
        ({"stage": "pilot"}, {"pilot_started_on"}),
        ({"stage": "operation"}, {"commissioned_on"}),
        ({"stage": "written_off"}, {"commissioned_on", "ended_on"}),
        ({"work_type": "maintenance"}, {"object_commissioned_on"}),
        ({"work_type": "development"}, {"object_commissioned_on"}),
        ({"work_type": "modification"}, {"object_commissioned_on", "object_original_cost_kzt", "consent_number"}),
        ({"placement": "on_platform"}, {"platform_key"}),
        ({"placement": "onboarding"}, {"platform_key", "onboarding_due_on"}),
    ):
        visit.send(f"{draft}/work", **WORK | answers)
        shown = set().union(*(asked(visit, f"{draft}/{step}") for step in ("object", "dates", "money")))
        assert shown & conditional == further, answers
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


def test_unanswered_choices_ask_for_a_choice(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    draft = begun(visit)
    visit.send(f"{draft}/what", agency=agency.bin, name_ru="Портал")
    empty = visit.send(f"{draft}/work")
    assert empty.status_code == 422
    assert "Kind of object: Choose one of the options." in empty.text
    assert "Enter a value." not in empty.text
    check = visit.get(f"{draft}/check").text
    assert "Choose one of the options." in check and "Enter a value." not in check


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


def test_edit_page_has_every_writable_field_once(signed_in: SignedIn) -> None:
    agency = an_agency()
    page = signed_in(Role.AGENCY_EDITOR, agency).get(f"/projects/{a_project(agency, is_ai=True).number}/edit").text
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


def an_editor(signed_in: SignedIn, **values: object) -> tuple[Visit, Project, str]:
    """The editor of an agency, a project of it, and the address of the project's edit pages."""
    agency = an_agency()
    project = a_project(agency, **values)
    return signed_in(Role.AGENCY_EDITOR, agency), project, f"/projects/{project.number}/edit"


def test_each_section_opens_only_its_fields(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in, is_ai=True)
    page = visit.get(f"/projects/{project.number}").text
    for section, names in PARTS.items():
        assert f'href="{edit}/{section}"' in page
        fields = asked(visit, f"{edit}/{section}") - {"version"}
        assert fields and fields <= set(names), section


def test_change_that_no_rule_reads_is_saved_at_once(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in)
    done = visit.send(f"{edit}/people", version="1", responsible_name="Әлия Оспанова")
    assert done.request.path == f"/projects/{project.number}" and "Changes saved." in done.text
    assert present(project).responsible_name == "Әлия Оспанова"


def test_change_that_leaves_the_moratorium_is_shown_before_it_is_saved(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in, work_type="creation", contract_signed_on="2026-02-16")
    page = visit.send(f"{edit}/dates", version="1", contract_signed_on="16.12.2025")
    assert page.status_code == 200
    assert "Record changed so as to leave the moratorium" in page.text and "integrity.rewritten" in page.text
    assert "This would open" in page.text and "This would end a reason for flagging" in page.text
    assert present(project).version == 1

    unexplained = visit.send(f"{edit}/dates", version="1", contract_signed_on="16.12.2025", confirmed="yes")
    assert unexplained.status_code == 422 and 'id="change_reason-error"' in unexplained.text
    assert present(project).version == 1

    entry = {"contract_signed_on": "16.12.2025", "confirmed": "yes", "change_reason": "Опечатка, договор № 7"}
    assert visit.send(f"{edit}/dates", version="1", **entry).request.path == f"/projects/{project.number}"
    revision = db.session.scalars(select(Revision).where(Revision.version == 2)).one()
    assert (present(project).version, revision.reason) == (2, "Опечатка, договор № 7")
    recorded = db.session.scalars(select(JournalEntry.details).where(JournalEntry.action == "project.changed")).one()
    assert json.loads(recorded)["reason"] == "Опечатка, договор № 7"
    assert "Опечатка, договор № 7" in visit.get(f"/projects/{project.number}/history").text


def test_amount_that_a_rule_reads_is_shown_first_but_needs_no_reason(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in)
    page = visit.send(f"{edit}/money", version="1", budget_kzt="77 ₸")
    assert "The verdict stays as it is." in page.text and 'name="change_reason"' not in page.text
    visit.send(f"{edit}/money", version="1", budget_kzt="77", confirmed="yes")
    assert present(project).budget_kzt == 77


def test_reason_that_is_none_is_an_error_at_its_field(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in)
    entry = {"version": "1", "work_started_on": "16.03.2026", "confirmed": "yes"}
    for reason in (" ", "\u0007", "a" * 1001):
        page = visit.send(f"{edit}/dates", **entry, change_reason=reason)
        assert page.status_code == 422 and 'id="change_reason-error"' in page.text
    assert present(project).version == 1


def test_changed_stage_asks_what_it_needs_on_the_next_page(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in, stage="creation", work_started_on="2026-02-01")
    asked = visit.send(f"{edit}/work", version="1", stage="pilot")
    assert "What your answers make necessary" in asked.text and 'name="pilot_started_on"' in asked.text
    assert '<input type="hidden" name="stage" value="pilot">' in asked.text
    wrong = visit.send(f"{edit}/work", version="1", stage="pilot", asked="yes", pilot_started_on="01.01.2026")
    assert wrong.status_code == 422 and 'id="pilot_started_on-error"' in wrong.text
    entry = {"stage": "pilot", "asked": "yes", "pilot_started_on": "01.03.2026"}
    assert "Check your changes" in visit.send(f"{edit}/work", version="1", **entry).text
    visit.send(f"{edit}/work", version="1", confirmed="yes", change_reason="Приказ о пилоте", **entry)
    now = present(project)
    assert (now.stage, now.pilot_started_on.isoformat(), now.version) == ("pilot", "2026-03-01", 2)


def test_entry_on_an_ai_system_is_asked_once_the_project_uses_ai(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in)
    assert "ai_model" not in visit.get(edit).text + visit.get(f"/projects/{project.number}").text
    asked = visit.send(f"{edit}/object", version="1", is_ai="yes")
    assert "What your answers make necessary" in asked.text and 'name="ai_model"' in asked.text
    visit.send(edit, version="1", is_ai="yes", asked="yes", ai_model="М-1", confirmed="yes")
    assert (present(project).is_ai, present(project).ai_model) == (True, "М-1")
    visit.send(f"{edit}/object", version="2", is_ai="no", ai_model="М-1", confirmed="yes")
    assert (present(project).is_ai, present(project).ai_model) == (False, None)


def test_stored_value_of_a_question_that_is_not_asked_stays_and_can_be_corrected(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in, stage="testing", pilot_started_on="2026-02-01")
    assert 'name="pilot_started_on"' in visit.get(f"{edit}/dates").text
    visit.send(f"{edit}/what", version="1", name_ru="Другое имя")
    assert present(project).pilot_started_on.isoformat() == "2026-02-01"


def test_end_of_a_confirmation_is_announced(signed_in: SignedIn) -> None:
    visit, project, edit = an_editor(signed_in, placement="on_platform", platform_key="qt-1")
    project.placement_verified_on = project.registered_at.date()
    db.session.commit()
    page = visit.send(f"{edit}/object", version="1", platform_key="qt-2")
    assert "With this change a confirmation ends" in page.text


QUEUE = {"name_ru": "Электронная очередь в поликлинику", "name_kk": "Емханаға электрондық кезек"}
RENAMED = {"name_ru": "Создание системы электронных очередей поликлиник", "name_kk": None}


def test_page_says_what_time_alone_changes(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 3, 2))
    pilot = a_project(stage="pilot", pilot_started_on="2026-02-14")
    page = " ".join(signed_in(Role.REVIEWER).get(f"/projects/{pilot.number}").text.split())
    assert "From 15 February 2027, if nothing changes" in page
    assert "<li>Pilot beyond its limit" in page


def test_similar_projects_show_to_reviewers_and_the_own_agency(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, own, foreign = a_project(agency, **QUEUE), a_project(agency, **RENAMED), a_project(**RENAMED)
    path = f"/projects/{project.number}"

    reviewer = signed_in(Role.REVIEWER).get(path).text
    editor = signed_in(Role.AGENCY_EDITOR, agency).get(path).text
    operator = signed_in(Role.OPERATOR).get(path).text

    assert own.number in reviewer and foreign.number in reviewer
    assert "In common: Project name" in reviewer and f"/projects/{project.number}/links?target={own.number}" in reviewer
    assert own.number in editor and foreign.number not in editor and "/links?target=" not in editor
    assert "Similar projects" not in operator and own.number not in operator


def test_reviewer_links_projects_and_removes_the_link(signed_in: SignedIn) -> None:
    project, other = a_project(**QUEUE), a_project(**RENAMED)
    path = f"/projects/{project.number}"
    visit = signed_in(Role.REVIEWER)
    form = visit.get(f"{path}/links?target={other.number}").text
    assert f'value="{other.number}"' in form

    linked = visit.send(f"{path}/links", kind="replaces", target=other.number, note="The same").text

    assert "Link added." in linked and "Replaces: " in linked and "<span>The same</span>" in linked
    assert "Replaced by: " in visit.get(f"/projects/{other.number}").text
    link = db.session.scalars(select(ProjectLink.id)).one()
    removed = visit.send(f"{path}/links/{link}/removal", page=path).text
    assert "Link removed." in removed and "Replaces: " not in removed
