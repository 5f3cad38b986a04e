"""A withdrawn or ended project that is registered again: its registrant says why, and what it was flagged for stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.judgement import Judgement
from registry.audits.past import verify_audit
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.freeze.policy import policy_in_force
from registry.imports.models import RowError
from registry.projects import former_records
from registry.projects.former_records import FormerRecord
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import find_project, find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm, restore_project
from tests.api.callers import caller, done
from tests.audits.steps import ADMINISTRATOR, AUDITOR, audit, edit, flag, flags_of, table
from tests.cases.cast import SAULE, TIMUR, editor_of
from tests.factories import a_project, an_agency, project_values
from tests.imports.tables import csv_of
from tests.imports.test_projects import run_import
from tests.present import Present

DAY = date(2026, 6, 1)
CODE = "IS-77/1"
# The same work, as an agency enters it that wants no flag.
AWAY: dict[str, Any] = {
    "name_ru": "Сопровождение другой системы",
    "name_kk": None,
    "work_type": "maintenance",
    "stage": "operation",
    "contract_signed_on": None,
    "work_started_on": None,
    "object_commissioned_on": "2018-05-14",
    "object_code": "is 77 1",
}
LEFT = ("integrity.rewritten", "medium", "open")
WHY = "Registered in error as a creation"


@pytest.fixture(autouse=True)
def _today(app: Flask, present: Present) -> None:
    present.set(DAY)


def withdrawn(project: Project) -> int:
    """Withdraw the project; returns the request's id."""
    agency = db.session.get_one(Agency, project.agency_id)
    number = find_project(ADMINISTRATOR, project.number).number
    request = ask(editor_of(agency), RequestKind.WITHDRAWAL, number, {"reason": "Twice."})
    request = confirm(TIMUR, RequestKind.WITHDRAWAL, request.id)
    if request.carried_out_at is None:
        confirm(SAULE, RequestKind.WITHDRAWAL, request.id)
    return request.id


def a_withdrawn_creation(agency: Agency, **values: Any) -> Project:
    project = a_project(agency, **{"object_code": CODE, **values})
    audit()
    withdrawn(project)
    return project


def newest() -> Project:
    db.session.rollback()
    return db.session.scalars(select(Project).order_by(Project.id.desc()).limit(1)).one()


def problems_of(error: Any) -> list[tuple[str, str]]:
    return [(each["pointer"], each["code"]) for each in error["errors"]]


def test_creation_withdrawn_and_registered_as_maintenance_leaves_a_medium_flag(present: Present) -> None:
    agency = an_agency()
    former = a_withdrawn_creation(agency)
    present.move(timedelta(days=3))
    project = a_project(agency, **AWAY, change_reason=WHY)
    run = audit()
    assert flags_of(former) == [("freeze.creation", "high", "cleared")]
    assert flags_of(project) == [LEFT]
    assert flag(project, "integrity.rewritten")["observed"] == {
        "former_rules": "freeze.creation",
        "work_type": "maintenance",
        "started_on": None,
    }
    assert history(project.id)[0]["reason"] == WHY
    assert verify_audit(AUDITOR, run.id).matches


def test_many_equal_former_records_are_linked_to_the_newest_and_hide_no_serious_one(
    present: Present, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(former_records, "MAX_LINKS", 3)
    agency = an_agency()
    former = a_withdrawn_creation(agency)
    for _ in range(5):
        withdrawn(a_project(agency, **AWAY, change_reason=WHY))
    present.move(timedelta(days=3))
    project = a_project(agency, **AWAY, change_reason=WHY)
    audit()
    linked = [row["former_id"] for row in table(FormerRecord) if row["project_id"] == project.id]
    assert linked == [former.id, *range(project.id - 3, project.id)]
    assert flags_of(project) == [LEFT]


def test_edit_before_the_withdrawal_hides_nothing() -> None:
    agency = an_agency()
    former = a_project(agency, object_code=CODE)
    audit()
    edit(
        former,
        work_type="maintenance",
        object_commissioned_on="2018-05-14",
        contract_signed_on=None,
        work_started_on=None,
    )
    withdrawn(former)
    project = a_project(agency, **AWAY, change_reason=WHY)
    audit()
    assert flags_of(project) == [LEFT]


def by_post(client: FlaskClient, agency: Agency, sent: dict[str, Any], reason: str | None) -> Any:
    body = {**sent, "agency": agency.bin, **({} if reason is None else {"change_reason": reason})}
    answer = caller(client, Role.AGENCY_EDITOR, agency).post("/projects", body)
    return problems_of(answer.json) if answer.status_code == 422 else answer.status_code


def by_batch(client: FlaskClient, agency: Agency, sent: dict[str, Any], reason: str | None) -> Any:
    body = {**sent, "agency": agency.bin, **({} if reason is None else {"change_reason": reason})}
    plain = {**project_values(name_ru="Другая", name_kk=None), "agency": agency.bin}
    items = done(caller(client, Role.AGENCY_EDITOR, agency).post("/projects/batch", {"items": [plain, body]}))["items"]
    assert items[0]["status"] == 201
    return problems_of(items[1]["problem"]) if items[1]["status"] == 422 else items[1]["status"]


def by_put(client: FlaskClient, agency: Agency, sent: dict[str, Any], reason: str | None) -> Any:
    body = {name: value for name, value in sent.items() if name != "external_id"}
    body |= {} if reason is None else {"change_reason": reason}
    answer = caller(client, Role.AGENCY_EDITOR, agency).put(f"/agencies/{agency.bin}/projects/Z-9", body)
    return problems_of(answer.json) if answer.status_code == 422 else answer.status_code


def by_import(_client: FlaskClient, agency: Agency, sent: dict[str, Any], reason: str | None) -> Any:
    row = {"agency": agency.bin, **{name: str(value) for name, value in sent.items() if value is not None}}
    run = run_import(csv_of(row), change_reason=reason)
    errors = [(f"/{each['column'] or 'change_reason'}", each["code"]) for each in table(RowError)]
    return 201 if run.created else errors


@pytest.mark.parametrize("way", [by_post, by_batch, by_put, by_import])
def test_on_every_way_whoever_registers_a_withdrawn_project_again_says_why(
    client: FlaskClient, way: Callable[[FlaskClient, Agency, dict[str, Any], str | None], Any]
) -> None:
    agency = an_agency()
    former = a_withdrawn_creation(agency)
    sent = project_values(**AWAY)
    assert way(client, agency, sent, None) == [("/change_reason", "former-record")]
    assert newest().work_type == "creation"
    assert way(client, agency, sent, WHY) == 201
    project = newest()
    assert (project.work_type, history(project.id)[0]["reason"]) == ("maintenance", WHY)
    assert [(row["project_id"], row["former_id"]) for row in table(FormerRecord)] == [(project.id, former.id)]
    audit()
    assert flags_of(project) == [LEFT]


def test_check_names_the_former_record_and_its_finding(client: FlaskClient) -> None:
    agency = an_agency()
    former = a_withdrawn_creation(agency)
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    checked = done(editor.post("/projects/check", {**project_values(**AWAY), "agency": agency.bin}))
    assert (checked["former_records"], checked["is_reason_required"]) == ([former.number], True)
    assert [(each["rule"], each["severity"]) for each in checked["findings"]] == [("integrity.rewritten", "medium")]
    plain = {
        **project_values(
            **AWAY,
        ),
        "object_code": "IS-78",
        "agency": agency.bin,
    }
    checked = done(editor.post("/projects/check", plain))
    assert (checked["former_records"], checked["is_reason_required"]) == ([], False)


@pytest.mark.parametrize(
    ("same", "matches"),
    [
        ({"object_code": CODE}, True),
        ({"name_ru": "ИНФОРМАЦИОННАЯ система, учёта"}, True),
        ({"contract_number": "12/26", "supplier_bin": "050340004478"}, True),
        ({"contract_number": "12/26"}, False),
        ({"supplier_bin": "050340004478"}, False),
    ],
)
def test_former_record_has_the_same_code_name_or_contract(same: dict[str, str], matches: bool) -> None:
    agency = an_agency()
    a_withdrawn_creation(agency, contract_number="12-26", supplier_bin="050340004478")
    away = {**AWAY, "object_code": None, **same}
    if matches:
        with pytest.raises(Invalid):
            a_project(agency, **away)
    a_project(agency, **away, change_reason=WHY)
    assert len(table(FormerRecord)) == int(matches)


def test_code_counts_in_every_agency_contract_in_those_above_and_name_in_its_own() -> None:
    ministry = an_agency()
    committee, other = an_agency(parent=ministry), an_agency()
    a_withdrawn_creation(committee, contract_number="12-26", supplier_bin="050340004478")
    contract = {"contract_number": "12-26", "supplier_bin": "050340004478"}
    for agency, values in [
        (other, contract),
        (other, {"name_ru": "Информационная система учёта"}),
        (ministry, {"name_ru": "Информационная система учёта"}),
    ]:
        a_project(agency, **{**AWAY, "object_code": None, **values})
    for agency, values in [(other, {"object_code": CODE}), (ministry, {"object_code": None, **contract})]:
        with pytest.raises(Invalid) as error:
            a_project(agency, **{**AWAY, **values})
        assert [each.code for each in error.value.problems] == ["former-record"]


def test_ended_record_counts_if_it_ever_had_a_serious_finding() -> None:
    agency, quiet = an_agency(), an_agency()
    ended = a_project(agency, object_code=CODE)
    plain = a_project(
        quiet, object_code="IS-2", work_type="maintenance", stage="operation", object_commissioned_on="2018-05-14"
    )
    active = a_project(quiet, object_code="IS-3", name_ru="Реестр", name_kk=None)
    audit()
    for each in (ended, plain):
        edit(each, stage="terminated", ended_on="2026-05-20")
    with pytest.raises(Invalid):
        a_project(agency, **AWAY)
    project = a_project(agency, **AWAY, change_reason=WHY)
    others = [a_project(quiet, **{**AWAY, "object_code": code}) for code in ("IS-2", "IS-3")]
    run = audit()
    assert flags_of(project) == [LEFT]
    assert LEFT not in [each for other in (*others, active) for each in flags_of(other)]
    assert verify_audit(AUDITOR, run.id).matches


@pytest.mark.parametrize("way", ["edit", "import"])
def test_record_that_an_edit_makes_the_same_work_is_flagged_after_it(present: Present, way: str) -> None:
    agency = an_agency()
    a_withdrawn_creation(agency)
    project = a_project(agency, **{**AWAY, "object_code": "IS-2", "external_id": "2026-9"})
    audit()
    assert LEFT not in flags_of(project)
    present.move(timedelta(days=1))
    if way == "edit":
        edit(project, object_code=CODE)
    else:
        run_import(csv_of({"agency_bin": agency.bin, "external_id": "2026-9", "object_code": CODE}))
    run = audit()
    assert LEFT in flags_of(project)
    assert verify_audit(AUDITOR, run.id).matches
    # The next edit finds the link that there is.
    edit(project, object_code="is-77/1")


def test_new_record_that_was_there_before_the_withdrawal_is_flagged_after_it(present: Present) -> None:
    agency = an_agency()
    former = a_project(agency, object_code=CODE)
    project = a_project(agency, **AWAY)
    before = audit()
    assert LEFT not in flags_of(project)
    present.move(timedelta(days=1))
    judgement = Judgement(policy_in_force(), DAY + timedelta(days=1), full=True)
    judgement.read()
    request = withdrawn(former)
    # Judged before the withdrawal: the new record is judged again because of the former one.
    judgement.bring_up_to_date()
    fresh = Judgement(policy_in_force(), DAY + timedelta(days=1), full=True)
    fresh.read()
    fresh.bring_up_to_date()
    assert judgement.digest() == fresh.digest()
    after = audit()
    assert LEFT in flags_of(project)
    present.move(timedelta(days=1))
    restore_project(SAULE, request, "It exists.")
    audit()
    assert ("integrity.rewritten", "medium", "cleared") in flags_of(project)
    assert [verify_audit(AUDITOR, each.id).matches for each in (before, after)] == [True, True]


def test_past_questions_know_the_former_record_from_its_withdrawal_on(client: FlaskClient, present: Present) -> None:
    agency = an_agency()
    former = a_project(agency, object_code=CODE)
    project = a_project(agency, **AWAY)
    audit()
    present.move(timedelta(days=1))
    withdrawn(former)
    present.move(timedelta(days=1))
    auditor = caller(client, Role.AUDITOR)

    def rules(known_at: str) -> list[str]:
        answer = done(auditor.get(f"/projects/{project.number}/verdict?known_at={known_at}"))
        return [finding["rule"] for finding in answer["findings"]]

    assert "integrity.rewritten" not in rules("2026-06-01")
    assert "integrity.rewritten" in rules("2026-06-02")


def test_restricted_former_record_is_not_named_nor_asked_about_and_its_finding_stays(client: FlaskClient) -> None:
    agency = an_agency()
    former = a_withdrawn_creation(agency)
    with transaction():
        locked = find_project_to_change(SAULE, former.number, even_withdrawn=True)
        restrict_project(SAULE, locked, True, "State secret")
    other = an_agency()
    stranger = caller(client, Role.AGENCY_EDITOR, other)
    sent = {**project_values(**AWAY), "agency": other.bin}
    checked = done(stranger.post("/projects/check", sent))
    assert (checked["former_records"], checked["is_reason_required"]) == ([], False)
    assert "integrity.rewritten" not in [each["rule"] for each in checked["findings"]]
    answer = stranger.post("/projects", sent)
    assert answer.status_code == 201
    audit()
    project = newest()
    assert flags_of(project) == [LEFT]
    assert former.number not in done(stranger.get(f"/projects/{project.number}"))


def test_record_registered_again_as_ended_before_the_freeze_waits_for_a_confirmation() -> None:
    agency = an_agency()
    a_withdrawn_creation(agency)
    ended = {**AWAY, "stage": "terminated", "ended_on": "2025-05-15"}
    project = a_project(agency, **ended, change_reason=WHY)
    audit()
    assert flags_of(project) == [
        ("integrity.contradiction", "medium", "open"),
        ("integrity.ended-unconfirmed", "medium", "open"),
    ]
