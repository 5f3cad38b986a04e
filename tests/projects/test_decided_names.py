"""Another object in the place of one that was decided about or confirmed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.approvals.service import ApprovalOutOfDate
from registry.cases.commission import propose_exemption
from registry.cases.decisions import ProposalOutOfDate
from registry.cases.sync import revoke_exemption
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Invalid
from registry.core.lists import Page
from registry.exemptions.models import Exemption
from registry.imports.queries import errors_of
from registry.imports.service import ImportOptions, import_now
from registry.imports.undo import undo_import
from registry.projects.documents import add_document
from registry.projects.edits import withdraw_confirmations
from registry.projects.models import Project
from tests.audits.steps import exempt, status_of
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    NO_BREACH,
    SAULE,
    TIMUR,
    TRANSITIONAL,
    act,
    case_of,
    decided_case,
    edit,
    editor_of,
    exemption,
    flags_of,
    in_days,
    under_review,
)
from tests.factories import a_bin, a_project, an_actor, an_agency, approve_waiting
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal

FOREST = "Реестр лесных пожаров Акмолинской области"
FISH = "Учёт рыбных запасов Балхаша"


def a_registry(**values: object) -> Project:
    return a_project(an_agency(), name_ru=FOREST, name_kk=None, **values)


def an_exempt_project() -> Project:
    project = a_registry()
    exempt(project, today(), in_days(30))
    return project


def problems_of_renaming(project: Project, name: str, **changes: object) -> list[tuple[str, str, object]]:
    with pytest.raises(Invalid) as error:
        edit(editor_of(project.agency), project, name_ru=name, **changes)
    return [(problem.pointer, problem.code, problem.params) for problem in error.value.problems]


REFUSED = [("/name_ru", "name-decided-on", {"name": FOREST})]


def test_exempted_project_cannot_become_another_object(app: Flask) -> None:
    project = an_exempt_project()
    assert problems_of_renaming(project, FISH, contract_number="7", supplier_bin=a_bin()) == REFUSED


def test_typing_errors_in_a_decided_name_can_be_corrected(app: Flask) -> None:
    project = an_exempt_project()
    editor = editor_of(project.agency)
    edit(editor, project, name_ru="РЕЕСТР «Лесных пожаров» Акмолинской облости")
    edit(editor, project, name_kk="Ақмола облысы орман өрттерінің тізілімі", name_en="Fish stock of Balkhash")


def test_name_cannot_be_replaced_letter_by_letter(app: Flask) -> None:
    project = an_exempt_project()
    edit(editor_of(project.agency), project, name_ru="Реестр лестных пожарок Акмолинской области")
    assert problems_of_renaming(project, "Реестр лестных пожарок Акмолинской обласи") == REFUSED


@pytest.mark.parametrize("others", [{"name_kk": FOREST}, {"name_kk": FISH, "name_en": FOREST}])
def test_decided_name_cannot_give_way_to_one_in_another_language(others: dict[str, str], app: Flask) -> None:
    project = an_exempt_project()
    with pytest.raises(Invalid) as error:
        edit(editor_of(project.agency), project, name_ru=None, **others)
    assert [problem.pointer for problem in error.value.problems] == ["/name_ru"]


def test_each_name_must_be_kept(app: Flask) -> None:
    kazakh = "Ақмола облысы орман өрттерінің тізілімі"
    project = a_project(an_agency(), name_ru=FOREST, name_kk=kazakh)
    editor = editor_of(project.agency)
    exempt(project, today(), in_days(30))
    assert problems_of_renaming(project, FISH, name_kk=f"{kazakh} 2") == REFUSED
    with pytest.raises(Invalid) as error:
        edit(editor, project, name_kk="Балхаш балық қоры")
    assert [problem.pointer for problem in error.value.problems] == ["/name_kk"]


def test_accepted_project_cannot_become_another_object(app: Flask) -> None:
    project = a_registry()
    decided_case(project, NO_BREACH)
    assert problems_of_renaming(project, FISH) == REFUSED


def test_acceptance_proposed_for_one_object_is_not_approved_for_another(app: Flask) -> None:
    project = a_registry()
    editor = editor_of(project.agency)
    case = under_review(project)
    act(AIGERIM, case, "propose", NO_BREACH)
    edit(editor, project, contract_number="99")
    with pytest.raises(ProposalOutOfDate):
        act(SAULE, case, "approve")
    assert set(flags_of(project).values()) == {"open"}


def test_appealed_acceptance_covers_nothing_and_holds_no_name(app: Flask) -> None:
    project = a_registry()
    editor = editor_of(project.agency)
    case = decided_case(project, TRANSITIONAL)
    act(editor, case, "appeal")
    assert set(flags_of(project).values()) == {"open"} and status_of(project) == "flagged"
    edit(editor, project, name_ru=FISH)


def test_name_is_that_of_the_last_acceptance(app: Flask) -> None:
    project = a_registry()
    editor = editor_of(project.agency)
    decided_case(project, NO_BREACH)
    act(editor, case_of(project), "appeal")
    edit(editor, project, name_ru=FISH)
    case = case_of(project)
    act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", NO_BREACH)
    act(TIMUR, case, "approve")
    assert problems_of_renaming(project, FOREST) == [("/name_ru", "name-decided-on", {"name": FISH})]


def test_project_may_become_another_object_once_its_exemption_is_revoked(app: Flask) -> None:
    project = an_exempt_project()
    editor = editor_of(project.agency)
    revoke_exemption(SAULE, db.session.scalars(select(Exemption.id)).one(), "Recorded for another project.")
    edit(editor, project, name_ru=FISH)


def test_exemption_proposed_for_one_object_is_not_granted_to_another(app: Flask) -> None:
    project = a_registry()
    editor = editor_of(project.agency)
    document = add_document(AIGERIM, project, "decision.pdf", "application/pdf", b"%PDF-1.7")
    propose_exemption(AIGERIM, exemption(project, in_days(30)) | {"documents": [document.id]})
    edit(editor, project, name_ru=FISH)
    with pytest.raises(ApprovalOutOfDate):
        approve_waiting()
    assert db.session.scalar(select(func.count()).select_from(Exemption)) == 0


def test_row_of_a_file_cannot_make_another_object_of_an_exempted_project(app: Flask) -> None:
    project = a_registry(external_id="1")
    exempt(project, today(), in_days(30))
    row = minimal(project.agency.bin, external_id="1", name_ru=FISH)
    editor = editor_of(project.agency)
    run = import_now(editor, "projects", False, "x.csv", csv_of(row), options=ImportOptions(answers={2: "same"}))
    assert (run.updated, run.rejected) == (0, 1)
    (error,) = errors_of(editor, run, Page(limit=10)).items
    assert (error["column"], error["code"]) == ("name_ru", "name-decided-on")


def test_undo_of_an_import_leaves_the_name_that_was_exempted(app: Flask) -> None:
    agency = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, agency, "editor")
    project = a_project(agency, external_id="1", name_ru=FISH, name_kk=None)
    row = minimal(agency.bin, external_id="1", name_ru=FOREST)
    run = import_now(editor, "projects", False, "x.csv", csv_of(row), options=ImportOptions(answers={2: "same"}))
    exempt(project, today(), in_days(30))
    undone = undo_import(editor, run.id, "Wrong file.").undone
    assert undone["left"] == [{"project": project.number, "reason": "undo-not-valid"}]
    assert db.session.get_one(Project, project.id).name_ru == FOREST


CONFIRMED = {
    "placement_verified_on": date(2026, 5, 1),
    "onboarding_confirmed_on": date(2026, 5, 2),
    "ending_confirmed_on": date(2026, 5, 3),
}
BEFORE: dict[str, Any] = {
    "placement": "on_platform",
    "platform_key": "qt-1",
    "onboarding_due_on": None,
    "stage": "operation",
    "ended_on": None,
    "object_kind": "information_system",
    "contract_number": "12/3",
    "supplier_bin": "050340004478",
    "name_kk": None,
    "name_ru": "Портал «Озёра»",
    "commissioned_on": date(2025, 6, 1),
    "contract_signed_on": date(2026, 2, 1),
    "consent_number": "7-1",
    "security_conclusion_number": "44",
    "security_conclusion_on": None,
    "confirmed_facts": [
        "commissioned_on 2026-05-03",
        "consent_number 2026-05-04",
        "security_conclusion_number 2026-05-05",
    ],
    **CONFIRMED,
}


def after(**changes: Any) -> dict[str, Any]:
    values = BEFORE | changes
    withdraw_confirmations(BEFORE, values)
    return {name: values[name] for name in CONFIRMED}


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"commissioned_on": None}, ["consent_number 2026-05-04", "security_conclusion_number 2026-05-05"]),
        ({"contract_number": "13/3"}, None),
        # A consent is given for the work of one contract.
        (
            {"contract_signed_on": date(2026, 9, 1)},
            ["commissioned_on 2026-05-03", "security_conclusion_number 2026-05-05"],
        ),
        ({"contract_signed_on": None}, ["commissioned_on 2026-05-03", "security_conclusion_number 2026-05-05"]),
        # A conclusion counts only with its day, which who confirmed it without one has not seen.
        ({"security_conclusion_on": date(2026, 5, 1)}, ["commissioned_on 2026-05-03", "consent_number 2026-05-04"]),
        ({"stage": "pilot"}, BEFORE["confirmed_facts"]),
    ],
)
def test_edit_of_a_fact_ends_its_own_confirmation_and_another_object_ends_all(
    changes: dict[str, Any], left: list[str] | None
) -> None:
    values = BEFORE | changes
    withdraw_confirmations(BEFORE, values)
    assert values["confirmed_facts"] == left


@pytest.mark.parametrize(
    "change",
    [
        {"object_kind": "platform"},
        {"contract_number": "77"},
        {"contract_number": None},
        {"supplier_bin": "960140000061"},
        {"name_ru": "Учёт лесов"},
        {"name_ru": None, "name_kk": "Орман"},
    ],
)
def test_another_object_ends_every_confirmation(change: dict[str, Any]) -> None:
    assert after(**change) == dict.fromkeys(CONFIRMED)


@pytest.mark.parametrize("change", [{"name_ru": "портал  Озёра"}, {"name_kk": "Көлдер порталы"}, {"budget_kzt": 5}])
def test_typing_and_what_was_missing_end_none(change: dict[str, Any]) -> None:
    assert after(**change) == CONFIRMED


@pytest.mark.parametrize("change", [{"platform_key": "qt-2"}, {"placement": "off_platform"}])
def test_another_key_ends_what_rests_on_it(change: dict[str, Any]) -> None:
    assert after(**change) == CONFIRMED | {"placement_verified_on": None, "onboarding_confirmed_on": None}
