"""Partial updates: edit forms write only changed fields and keep fields that they do not display."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.fields import AGENCY_FIELDS
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.core.database import db
from registry.core.fields import InputField, Text
from registry.government_reports.queries import find_government_report
from registry.journal.service import JournalEntry
from registry.platform.products import WRITTEN, PlatformProduct, find_product, save_product
from registry.projects.drafts import find_draft, save_draft, start_draft
from registry.projects.fields import FIELDS, PARTS
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.service import find_project
from tests.api.access_matrix.world_making import a_frozen_report
from tests.cases.cast import audit, editor_of
from tests.factories import ADMINISTRATOR, a_bin, a_project, an_actor, an_agency, with_account
from tests.fixtures.web import PASSWORD, SignedIn
from tests.web.forms import untouched_form


def with_texts(fields: Mapping[str, InputField], given: dict[str, Any]) -> dict[str, Any]:
    """Return the values, and one for each further text field: a field that is added is covered at once."""
    return {name: f"{name}\n«Ә»" for name, field in fields.items() if type(field) is Text} | given


# Browsers remove line breaks from single-line inputs and submit CRLF from text areas.
AGENCY_VALUES: dict[str, Any] = {
    "name_kk": "Бірінші\nжол «Ә»",
    "name_ru": "Первая строка\nи вторая & <третья>",
    "name_en": 'Two "quoted" lines\nof a name',
    "kind": "national_security",
    "region": "79",
    "email": "office@example.kz",
}
PROJECT_VALUES: dict[str, Any] = {
    "external_id": "№ 1\n& <2>",
    "object_code": "OB\nJ",
    "name_kk": "Атауы\nекі жол",
    "name_ru": "Имя\nв две строки",
    "name_en": 'A "name"\nof two lines',
    "purpose": "Первая строка\n\n  вторая & <третья>",
    "sector": "07",
    "object_kind": "data_resource",
    "work_type": "modification",
    "stage": "archived",
    "placement": "on_platform",
    "platform_key": "qt\n17",
    "onboarding_due_on": date(2026, 9, 1),
    "specification_approved_on": date(2025, 1, 2),
    "contract_signed_on": date(2025, 1, 3),
    "work_started_on": date(2025, 1, 4),
    "pilot_started_on": date(2025, 2, 1),
    "commissioned_on": date(2025, 3, 1),
    "object_commissioned_on": date(2020, 1, 1),
    "planned_end_on": date(2027, 1, 1),
    "ended_on": date(2025, 12, 1),
    "contract_number": "Д-1\n/2",
    "budget_kzt": 1_000_000_000_000_000,
    "object_original_cost_kzt": 0,
    "consent_number": "С-1",
    "funding": "service_model",
    "region": "71",
    "url": "https://example.kz/a?b=1&c=2",
    "object_class": 3,
    "is_ai": True,
    "ai_personal_data": True,
    "ai_risk_class": "medium",
    "ai_reviewed_on": date(2026, 2, 3),
    "holds_personal_data": True,
    "responsible_name": "Әлия О.",
    "responsible_position": "начальник\nотдела",
    "responsible_email": "a@example.kz",
    "responsible_phone": "+7 (7172) 74-00-00, вн. 12",
    "cost_by_year": [{"year": 2026, "amount_kzt": 0}, {"year": 2027, "amount_kzt": 1_000_000}],
    "integrations": ["eGov", "Шлюз «Ә»"],
    "security_conclusion_number": "Х-7",
    "security_conclusion_on": date(2025, 2, 2),
    "source_repository_url": "https://git.example.kz/a?b=1&c=2",
}
AGENCY = with_texts(AGENCY_FIELDS, AGENCY_VALUES)
PROJECT = with_texts(FIELDS, PROJECT_VALUES)
# Every page that edits a record ends in /edit; a new one needs an entry here and a test below.
EDIT_FORMS = {
    "edit_agency",
    "edit_person",
    "edit_policy",
    "edit_product",
    "edit_project",
    "edit_report",
    "edit_webhook",
}


def written() -> tuple[int, int]:
    """Count revisions and journal entries except sign-ins."""
    revisions = db.session.execute(select(func.count(Revision.id))).scalar_one()
    return revisions, db.session.execute(select(func.count(JournalEntry.seq))).scalar_one()


def shown_of(record: Project | Agency | PlatformProduct, fields: Any) -> dict[str, Any]:
    db.session.expire_all()
    return {name: getattr(record, name) for name in fields}


def full_project(agency: Agency, **values: Any) -> Project:
    given = PROJECT | {"supplier_bin": agency.bin} | values
    assert set(given) == set(FIELDS)
    project = a_project(agency, **given)
    assert all(getattr(project, name) is not None for name in FIELDS)
    return project


def test_every_edit_page_is_covered(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.endswith("/edit")]
    assert {rule.endpoint.removeprefix("web.") for rule in rules} == EDIT_FORMS


def test_unchanged_agency_form_changes_nothing(signed_in: SignedIn) -> None:
    agency = an_agency(an_agency(), **AGENCY)
    before = shown_of(agency, (*AGENCY_FIELDS, "version", "updated_at"))
    assert None not in before.values()
    visit = signed_in(Role.ADMINISTRATOR)
    path = f"/agencies/{agency.bin}/edit"
    count = written()
    answer = visit.client.post(path, data=untouched_form(visit.get(path).text, "name_ru"), follow_redirects=True)
    assert "There were no changes to save." in answer.text
    assert shown_of(agency, before) == before and written() == count


def test_agency_edit_keeps_fields_that_were_not_submitted(signed_in: SignedIn) -> None:
    agency = an_agency(an_agency(), **AGENCY)
    before = shown_of(agency, AGENCY_FIELDS)
    visit = signed_in(Role.ADMINISTRATOR)
    answer = visit.send(f"/agencies/{agency.bin}/edit", name_en="Ministry of Examples")
    assert answer.status_code == 200 and "Changes saved." in answer.text
    assert shown_of(agency, AGENCY_FIELDS) == before | {"name_en": "Ministry of Examples"}
    entry = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
    change = {"field": "name_en", "old": AGENCY["name_en"], "new": "Ministry of Examples"}
    assert json.loads(entry.details)["changes"] == [change]


def test_emptied_agency_field_is_cleared_unless_required(signed_in: SignedIn) -> None:
    agency = an_agency(an_agency(), **AGENCY)
    visit = signed_in(Role.ADMINISTRATOR)
    path = f"/agencies/{agency.bin}/edit"
    form = untouched_form(visit.get(path).text, "name_ru")
    visit.client.post(path, data={**form, "email": ""})
    changed = shown_of(agency, AGENCY_FIELDS)
    assert (changed["email"], changed["region"]) == (None, "79")
    answer = visit.client.post(path, data={**form, "name_kk": "", "name_ru": ""})
    assert answer.status_code == 422 and 'id="name_kk-error"' in answer.text
    assert agency_by_bin(agency.bin).name_kk is not None


def test_person_edit_writes_only_changes(signed_in: SignedIn) -> None:
    agency = an_agency()
    person = add_person(ADMINISTRATOR, NewPerson("aigul", Role.AGENCY_EDITOR, agency.id), PASSWORD)
    visit = signed_in(Role.ADMINISTRATOR)
    path = f"/people/{person.id}/edit"
    count = written()
    answer = visit.client.post(path, data=untouched_form(visit.get(path).text, "role"), follow_redirects=True)
    assert "There were no changes to save." in answer.text
    assert written() == count
    visit.send(path, role="agency_viewer")
    db.session.expire_all()
    assert (person.role, person.agency_id) == ("agency_viewer", agency.id)


@pytest.mark.parametrize("stage", ["planning", "operation", "archived"])
def test_unchanged_project_form_changes_nothing(signed_in: SignedIn, stage: str) -> None:
    agency = an_agency()
    project = full_project(agency, stage=stage)
    before = shown_of(project, (*FIELDS, "version", "updated_at"))
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    path = f"/projects/{project.number}/edit"
    count = written()
    answer = visit.client.post(path, data=untouched_form(visit.get(path).text, "name_ru"), follow_redirects=True)
    assert "There were no changes to save." in answer.text
    assert shown_of(project, before) == before and written() == count


def test_project_edit_keeps_fields_that_were_not_submitted(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = full_project(agency)
    before = shown_of(project, FIELDS)
    signed_in(Role.AGENCY_EDITOR, agency).send(f"/projects/{project.number}/edit", version="1", name_en="Other")
    assert shown_of(find_project(ADMINISTRATOR, project.number), FIELDS) == before | {"name_en": "Other"}


@pytest.mark.parametrize("step", PARTS)
def test_unchanged_registration_step_changes_nothing(signed_in: SignedIn, step: str) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency, name="editor")
    # A draft stores texts as typed, valid or not; its agency is no longer offered.
    actor = with_account(editor_of(agency))
    texts = {name: f"\r\n {name}\r\n" if name == "purpose" else "7" for name in FIELDS} | {"agency": a_bin()}
    chosen = {"object_kind": "system", "work_type": "migration", "stage": "pilot", "placement": "unknown"}
    chosen |= {
        "ai_personal_data": "no",
        "ai_risk_class": "high",
        "funding": "ppp",
        "object_class": "2",
        "is_ai": "yes",
        "holds_personal_data": "yes",
    }
    draft = start_draft(actor)
    save_draft(actor, draft.id, texts | chosen)
    path = f"/register/{draft.id}/{step}"
    visit.client.post(path, data=untouched_form(visit.get(path).text, PARTS[step][0]))
    db.session.expire_all()
    assert find_draft(actor, draft.id).values == texts | chosen


def test_unchanged_form_of_a_policy_draft_changes_nothing(signed_in: SignedIn) -> None:
    visit = signed_in(Role.SUPERVISOR)
    visit.send("/policies/new", version="2026.2", based_on="2026.1")
    path = "/policies/2026.2"
    before = visit.get(f"{path}/file").text
    sent = untouched_form(visit.get(f"{path}/edit").text, "case_from_severity")
    answer = visit.client.post(f"{path}/edit", data=sent, follow_redirects=True)
    assert "The draft is saved." in answer.text
    assert visit.get(f"{path}/file").text == before
    visit.send(f"{path}/edit", pilot_limit_months="6")
    assert visit.get(f"{path}/file").text == before.replace("pilot_limit_months = 12", "pilot_limit_months = 6")


def test_form_of_a_product_keeps_what_was_not_changed_or_submitted(signed_in: SignedIn) -> None:
    visit = signed_in(Role.OPERATOR)
    values = {name: f'"{name}"\n«Ә»' for name in WRITTEN} | {"terms": ["подпись", "қол"], "product_state": "in_use"}
    before = shown_of(save_product(an_actor(Role.OPERATOR), "qt-sign", values), WRITTEN)
    path = "/platform-products/qt-sign/edit"
    count = written()
    visit.client.post(path, data=untouched_form(visit.get(path).text, "name_ru"))
    assert shown_of(find_product("qt-sign"), WRITTEN) == before and written() == count
    visit.send(path, contact="sign@qaztech.kz")
    assert shown_of(find_product("qt-sign"), WRITTEN) == before | {"contact": "sign@qaztech.kz"}


def test_report_edit_keeps_texts_that_were_not_submitted(signed_in: SignedIn) -> None:
    audit()
    number = a_frozen_report()
    visit = signed_in(Role.SUPERVISOR)
    path = f"/government-reports/{number}/edit"
    visit.send(path, findings_kk="Бірінші\nжол «Ә»", findings_ru="Первая & <вторая>")
    sent = untouched_form(visit.get(path).text, "findings_kk")
    assert visit.client.post(path, data=sent).status_code == 303
    visit.send(path, findings_ru="Третья")
    report = find_government_report(an_actor(Role.SUPERVISOR), number)
    assert (report.findings_kk, report.findings_ru) == ("Бірінші\nжол «Ә»", "Третья")
