"""Modifications and contracts of one object count together, in audits, checks and the past."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.judgement import Judgement
from registry.audits.past import verdict_known_at, verify_audit
from registry.core.clock import now
from registry.core.database import transaction
from registry.freeze.policy import policy_in_force
from registry.platform.confirmations import confirm_fact
from registry.projects.links import add_link, remove_link
from registry.projects.models import Project
from registry.projects.service import find_project, find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.api.callers import caller
from tests.audits.steps import ADMINISTRATOR, AUDITOR, SUPERVISOR, audit, edit, flag, flags_of
from tests.factories import a_project, an_agency
from tests.present import Present

# The set-based reads hang on the database.
pytestmark = pytest.mark.on_both

SUM = ("freeze.modification-sum", "medium", "open")
SPLIT = ("integrity.split-contract", "medium", "open")
QUIET = [("freeze.legacy", "plan", "open")]
CODE = "IS-77/1"
SLICE: dict[str, Any] = {
    "name_kk": None,
    "work_type": "modification",
    "stage": "creation",
    "contract_signed_on": "2026-03-01",
    "work_started_on": None,
    "object_commissioned_on": "2018-05-14",
    "budget_kzt": 15,
    "object_original_cost_kzt": 100,
    "consent_number": "5",
}
PART: dict[str, Any] = {
    "name_kk": None,
    "work_type": "maintenance",
    "stage": "operation",
    "contract_signed_on": "2026-03-01",
    "work_started_on": None,
    "object_commissioned_on": "2018-05-14",
    "budget_kzt": 60_000_000,
    "supplier_bin": "050340004478",
}


@pytest.fixture(autouse=True)
def _today(app: Flask, present: Present) -> None:
    present.set(date(2026, 6, 1))


def a_slice(agency: Agency, name: str, **values: Any) -> Project:
    return a_project(agency, **{**SLICE, "name_ru": name, **values})


def restrict(project: Project) -> None:
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), True, "Secret")


def again(project: Project) -> Project:
    return find_project(ADMINISTRATOR, project.number)


def test_slices_of_one_code_are_flagged_with_each_others_numbers(agency: Agency, present: Present) -> None:
    first = a_slice(agency, "Водный кадастр", object_code=CODE)
    before = now()
    present.move(timedelta(hours=1))
    second = a_slice(agency, "Реестр плотин", object_code="is 77 1")
    run = audit()
    assert flags_of(first) == flags_of(second) == [SUM]
    assert flag(first, SUM[0])["observed"] == {
        "work_type": "modification",
        "started_on": "2026-03-01",
        "budget_kzt": 15,
        "counted_with": second.number,
        "counted_elsewhere": 0,
        "total_kzt": 30,
        "least_cost_kzt": 100,
    }
    assert verify_audit(AUDITOR, run.id).matches
    rules = [
        [each["rule"] for each in verdict_known_at(again(first), None, at, "en")["findings"]] for at in (before, now())
    ]
    assert rules == [["freeze.legacy"], ["freeze.modification-sum"]]


def test_slices_of_one_name_but_for_its_number_count_together(agency: Agency) -> None:
    numbers = ("1", "II", "\N{CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I}V")
    slices = [a_slice(agency, f"Водный кадастр, этап {number}") for number in numbers]
    other = a_slice(an_agency(), "Водный кадастр, этап 3")
    audit()
    assert [flags_of(each) for each in (*slices, other)] == [[SUM], [SUM], [SUM], QUIET]


def test_records_that_hardly_count_hide_no_slice_of_an_object_with_more_than_fifty(agency: Agency) -> None:
    no_slice = {"work_type": "maintenance", "budget_kzt": 99, "supplier_bin": "050340004478"}
    for place in range(50):
        a_slice(agency, f"Водный кадастр {place}", **(no_slice if place % 2 else {"budget_kzt": 0}))
    slices = [a_slice(agency, f"Водный кадастр {number}") for number in (51, 52)]
    audit()
    assert [flags_of(each) for each in slices] == [[SUM], [SUM]]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Реестр плотин", "I\N{SOFT HYPHEN}S-77/1"),
        ("Реестр плотин", "\N{CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I}S-77/1"),
        ("Реестр плотин", "I\N{ZERO WIDTH SPACE}S-77/1"),
        ("Водный кадас\N{SOFT HYPHEN}тр", None),
        ("Во\N{COMBINING ACUTE ACCENT}дный кадастр", None),
        ("Водный ка\N{ZERO WIDTH SPACE}дастр", None),
        ("Водный кадас\N{LATIN SMALL LETTER T}\N{LATIN SMALL LETTER P}", None),
    ],
)
def test_slices_whose_name_or_code_looks_the_same_count_together(agency: Agency, name: str, code: str | None) -> None:
    first = a_slice(agency, "Водный кадастр", object_code=CODE)
    second = a_slice(agency, name, object_code=code)
    audit()
    assert flags_of(first) == flags_of(second) == [SUM]


def test_code_that_is_taken_away_leaves_the_slices_together(agency: Agency) -> None:
    first = a_slice(agency, "Водный кадастр", object_code=CODE)
    second = a_slice(agency, "Реестр плотин", object_code=CODE)
    edit(again(second), object_code=None)
    run = audit()
    assert flags_of(first) == flags_of(second) == [SUM]
    assert verify_audit(AUDITOR, run.id).matches


@pytest.mark.parametrize(
    "changes",
    [
        {"budget_kzt": 1},
        {"object_original_cost_kzt": 1000},
        {"work_type": "maintenance"},
        {"contract_signed_on": "2025-12-01"},
    ],
)
def test_edit_of_one_slice_ends_no_finding_of_the_other(
    agency: Agency, present: Present, changes: dict[str, Any]
) -> None:
    costs = {"object_original_cost_kzt": 1000} if "object_original_cost_kzt" in changes else {}
    first = a_slice(agency, "Водный кадастр", object_code=CODE, **costs)
    second = a_slice(agency, "Реестр плотин", object_code=CODE)
    before = audit()
    present.move(timedelta(days=1))
    edit(again(second), **changes)
    run = audit()
    assert flags_of(first) == [SUM]
    assert verify_audit(AUDITOR, before.id).matches
    assert verify_audit(AUDITOR, run.id).matches
    known = verdict_known_at(again(first), None, now(), "en")
    assert [each["rule"] for each in known["findings"]] == [SUM[0]]


def test_part_of_a_contract_counts_with_the_sum_of_before_an_edit(agency: Agency) -> None:
    parts = [a_project(agency, **PART, name_ru=f"Водный кадастр, лот {number}") for number in (1, 2)]
    edit(again(parts[1]), budget_kzt=1_000_000)
    audit()
    assert flags_of(parts[0]) == [SPLIT]


def test_cost_that_two_people_confirmed_is_the_only_one_that_counts(agency: Agency) -> None:
    first = a_slice(agency, "Водный кадастр", object_code=CODE, object_original_cost_kzt=1000)
    second = a_slice(agency, "Реестр плотин", object_code=CODE)
    edit(again(second), object_original_cost_kzt=1000)
    with transaction():
        changed = find_project_to_change(SUPERVISOR, second.number)
        confirm_fact(SUPERVISOR, changed, "object_original_cost_kzt", "1000", "Act")
    run = audit()
    assert flags_of(first) == QUIET
    assert verify_audit(AUDITOR, run.id).matches


def test_slice_of_another_agency_below_the_same_ministry_counts_without_its_number(agency: Agency) -> None:
    first = a_slice(an_agency(agency), "Водный кадастр", object_code=CODE)
    a_slice(an_agency(agency), "Реестр плотин", object_code=CODE)
    stranger = a_slice(an_agency(), "Учёт лесов", object_code=CODE)
    run = audit()
    assert flags_of(first) == [SUM]
    observed = flag(first, SUM[0])["observed"]
    assert (observed["counted_with"], observed["counted_elsewhere"]) == (None, 1)
    assert flags_of(stranger) == QUIET
    assert verify_audit(AUDITOR, run.id).matches


def test_restricted_slice_counts_the_others_and_is_counted_by_none(agency: Agency) -> None:
    first = a_slice(agency, "Водный кадастр", object_code=CODE)
    hidden = a_slice(agency, "Реестр плотин", object_code=CODE)
    restrict(hidden)
    run = audit()
    assert flags_of(first) == QUIET
    assert flag(hidden, SUM[0])["observed"]["counted_with"] == first.number
    assert verify_audit(AUDITOR, run.id).matches


def test_linked_slices_count_together_while_the_link_stands(agency: Agency, present: Present) -> None:
    first, second = a_slice(agency, "Водный кадастр"), a_slice(an_agency(), "Реестр плотин")
    with transaction():
        link = add_link(SUPERVISOR, first.number, {"kind": "duplicate_of", "target": second.number})
    linked = audit()
    assert flags_of(first) == flags_of(second) == [SUM]
    present.move(timedelta(days=1))
    with transaction():
        remove_link(SUPERVISOR, first.number, link["id"])
    audit()
    assert flags_of(first) == [("freeze.modification-sum", "medium", "cleared"), *QUIET]
    assert verify_audit(AUDITOR, linked.id).matches


def test_verdict_counts_what_concerns_the_object_of_a_linked_project_of_another_tree(
    client: FlaskClient, agency: Agency
) -> None:
    first = a_slice(agency, "Водный кадастр")
    elsewhere = an_agency()
    linked = a_project(elsewhere, name_kk=None, name_ru="Реестр плотин", object_code=CODE)
    beyond = a_slice(an_agency(elsewhere), "Учёт каналов", object_code=CODE)
    with transaction():
        add_link(SUPERVISOR, first.number, {"kind": "part_of", "target": linked.number})
    audit()
    assert flags_of(first) == flags_of(beyond) == [SUM]
    explained = caller(client, Role.AUDITOR).get(f"/projects/{first.number}/verdict").get_json()
    assert [each["rule"] for each in explained["findings"]] == ["freeze.modification-sum"]


def test_past_verdict_counts_a_slice_that_has_passed_to_another_agency_since(agency: Agency, present: Present) -> None:
    first, second = (a_slice(agency, f"Водный кадастр, этап {number}") for number in (1, 2))
    before = now()
    present.move(timedelta(days=1))
    values = {"to": an_agency().bin, "on": date(2026, 6, 2), "act": "17", "reason": "R"}
    request = ask(ADMINISTRATOR, RequestKind.TRANSFER, second.number, values)
    confirm(SUPERVISOR, RequestKind.TRANSFER, request.id)
    for each in (first, second):
        known = verdict_known_at(again(each), None, before, "en")
        assert [finding["rule"] for finding in known["findings"]] == [SUM[0]]


def test_change_while_an_audit_reads_is_judged_of_both_slices(agency: Agency) -> None:
    first = a_slice(agency, "Водный кадастр", object_code=CODE)
    second = a_slice(agency, "Реестр плотин", object_code=CODE, budget_kzt=5)
    judgement = Judgement(policy_in_force(), date(2026, 6, 1), full=True)
    judgement.read()
    edit(again(second), budget_kzt=6)
    assert judgement.bring_up_to_date() == 2
    digest = judgement.digest()
    afresh = Judgement(policy_in_force(), date(2026, 6, 1), full=True)
    afresh.read()
    afresh.bring_up_to_date()
    assert digest == afresh.digest()
    audit()
    assert flags_of(first) == [SUM]


def test_link_that_is_set_while_an_audit_reads_is_judged_of_both_slices(agency: Agency, present: Present) -> None:
    first, second = a_slice(agency, "Водный кадастр"), a_slice(an_agency(), "Реестр плотин")
    judgement = Judgement(policy_in_force(), date(2026, 6, 1), full=True)
    judgement.read()
    # Its transaction began before the audit did, and is committed now.
    present.move(timedelta(hours=-1))
    with transaction():
        add_link(SUPERVISOR, first.number, {"kind": "part_of", "target": second.number})
    assert judgement.bring_up_to_date() == 2


def test_check_of_a_new_slice_and_of_an_edit_counts_those_that_are_registered(
    client: FlaskClient, agency: Agency
) -> None:
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    first = a_slice(agency, "Водный кадастр", object_code=CODE)
    values = {**SLICE, "agency": agency.bin, "object_kind": "system", "placement": "off_platform"}
    checked = editor.post("/projects/check", {**values, "name_ru": "Реестр плотин", "object_code": CODE}).get_json()
    assert [each["rule"] for each in checked["findings"]] == ["freeze.modification-sum"]
    other = a_slice(agency, "Реестр плотин")
    edited = editor.post(f"/projects/{other.number}/check", {"object_code": CODE}).get_json()
    assert [each["rule"] for each in edited["opened"]] == ["freeze.modification-sum"]
    assert edited["opened"][0]["reason"].endswith(f"limit 20%. Counted with: {first.number}.")


def test_agency_learns_from_no_verdict_and_no_check_what_another_one_pays(client: FlaskClient, agency: Agency) -> None:
    own, other = an_agency(agency), an_agency(agency)
    project = a_slice(own, "Водный кадастр", object_code=CODE)
    a_slice(other, "Реестр плотин", object_code=CODE)
    editor = caller(client, Role.AGENCY_EDITOR, own)
    (finding,) = editor.get(f"/projects/{project.number}/verdict").get_json()["findings"]
    assert (finding["rule"], {"total_kzt", "least_cost_kzt"} & set(finding["observed"])) == (SUM[0], set())
    assert finding["reason"] == (
        "Modifications of the object since the freeze began: 2, together above 20% of its original cost. "
        "Of other agencies: 1."
    )
    values = {**SLICE, "agency": own.bin, "object_kind": "system", "placement": "off_platform"}
    # The own 15 alone reach the limit with 5 more.
    for budget, rules in ((5, ["freeze.legacy"]), (6, [SUM[0]])):
        sent = {"name_ru": "Учёт лесов", "object_code": CODE, "budget_kzt": budget}
        checked = editor.post("/projects/check", {**values, **sent}).get_json()
        assert [each["rule"] for each in checked["findings"]] == rules
        edited = editor.post(f"/projects/{project.number}/check", {"budget_kzt": budget}).get_json()
        assert SUM[0] not in [each["rule"] for each in (*edited["findings"], *edited["ended"])]


def test_contract_split_among_numbered_projects_is_flagged_with_their_numbers(agency: Agency) -> None:
    parts = [a_project(agency, **PART, name_ru=f"Водный кадастр, лот {number}") for number in (1, 2)]
    other = a_project(agency, **{**PART, "supplier_bin": "960140000061"}, name_ru="Водный кадастр, лот 3")
    run = audit()
    assert flags_of(parts[0]) == flags_of(parts[1]) == [SPLIT]
    assert flags_of(other) == QUIET
    assert flag(parts[0], SPLIT[0])["observed"] == {
        "contract_signed_on": "2026-03-01",
        "budget_kzt": 60_000_000,
        "counted_with": parts[1].number,
        "counted_elsewhere": 0,
        "total_kzt": 120_000_000,
    }
    assert verify_audit(AUDITOR, run.id).matches


@pytest.mark.parametrize("supplier", [None, "960140000061"])
def test_supplier_that_is_taken_away_or_replaced_leaves_the_parts_together(
    client: FlaskClient, agency: Agency, supplier: str | None
) -> None:
    parts = [a_project(agency, **PART, name_ru=f"Водный кадастр, лот {number}") for number in (1, 2)]
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    checked = editor.post(f"/projects/{parts[1].number}/check", {"supplier_bin": supplier}).get_json()
    assert checked["ended"] == []
    before = now()
    edit(again(parts[1]), supplier_bin=supplier)
    run = audit()
    assert flags_of(parts[0]) == flags_of(parts[1]) == [SPLIT]
    assert verify_audit(AUDITOR, run.id).matches
    for part in parts:
        for at in (before, now()):
            known = verdict_known_at(again(part), None, at, "en")
            assert [each["rule"] for each in known["findings"]] == ["integrity.split-contract"]


def test_verdict_on_a_linked_project_counts_what_it_was_a_part_of_before_an_edit(
    client: FlaskClient, agency: Agency, present: Present
) -> None:
    parts = [a_project(agency, **PART, name_ru=name) for name in ("Водный кадастр", "Реестр плотин")]
    with transaction():
        add_link(SUPERVISOR, parts[0].number, {"kind": "part_of", "target": parts[1].number})
    audit()
    assert flags_of(parts[0]) == [SPLIT]
    present.move(timedelta(days=1))
    edit(again(parts[0]), budget_kzt=100_000_000)
    audit()
    assert flags_of(parts[0])[1:] == [("integrity.rewritten", "medium", "open")]
    explained = caller(client, Role.AUDITOR).get(f"/projects/{parts[0].number}/verdict").get_json()
    assert [each["rule"] for each in explained["findings"]] == ["integrity.rewritten"]
