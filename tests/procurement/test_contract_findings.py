"""What contracts contradict is found each night, and nothing that an agency does to its records ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.approvals.models import Approval
from registry.approvals.service import approve
from registry.audits.judgement import Judgement
from registry.audits.past import verdict_known_at, verify_audit
from registry.audits.verdicts import clearings, verdict_of
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.core.translations import Language
from registry.freeze.contract_differences import CONTRACT_RULES
from registry.freeze.policy import policy_in_force
from registry.platform.confirmations import confirm_fact
from registry.procurement.file_imports import import_contracts
from registry.procurement.match_decisions import decide_match
from registry.procurement.models import Contract, Match, MatchState
from registry.procurement.service import classify_and_match
from registry.projects.models import Project
from registry.projects.service import find_project, find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.audits.steps import ADMINISTRATOR, AUDITOR, OPERATOR, SUPERVISOR, audit, edit, flag, flags_of, verify
from tests.cases.cast import SAULE, TIMUR, editor_of
from tests.factories import a_project, an_actor, an_agency, with_account
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of
from tests.present import Present
from tests.procurement.contract_rows import SUPPLIER, reject_match, row_of

LATER = ("contract.signed-later", "high", "open")
# Maintenance of an object outside QazTech, of which nothing else is to say.
RECORD: dict[str, Any] = {
    "name_kk": None,
    "work_type": "maintenance",
    "stage": "operation",
    "contract_number": "ИС-2026/17",
    "supplier_bin": SUPPLIER,
    "contract_signed_on": "2025-12-30",
    "work_started_on": None,
    "object_commissioned_on": "2018-05-14",
    "object_code": "IS-77/1",
    "budget_kzt": 60_000_000,
}
TRUE: dict[str, Any] = {"contract_signed_on": "2026-02-12"}
OTHER: dict[str, Any] = {"contract_number": "99-А", "supplier_bin": "941140001336"}


@pytest.fixture(autouse=True)
def _today(app: Flask, present: Present) -> None:
    present.set(date(2026, 6, 1))


def run(*rows: dict[str, str]) -> None:
    """Import contracts, and let another person approve what is corrected."""
    for each in import_contracts(OPERATOR, "contracts.csv", csv_of(*rows))["corrections"]:
        approve(an_actor(Role.SUPERVISOR), each["approval"])


def confirm_match(contract: int, number: str, remark: str | None = None) -> None:
    decide_match(with_account(an_actor(Role.REVIEWER)), contract, number, MatchState.CONFIRMED, remark)


def contract_id(number: str = "260001") -> int:
    """The id of the contract whose number on the portal ends so."""
    return db.session.scalars(select(Contract.id).where(Contract.number_sys.endswith(number))).one()


def again(project: Project) -> Project:
    db.session.rollback()
    return find_project(ADMINISTRATOR, project.number)


def night(present: Present) -> None:
    """The night after a day: contracts are matched, and projects judged."""
    present.move(timedelta(days=1))
    classify_and_match()
    audit()


def of_contracts(project: Project) -> list[tuple[str, str, str]]:
    db.session.rollback()
    return [each for each in flags_of(project) if each[0] in CONTRACT_RULES]


def renumbered(project: Project) -> Project:
    edit(project, **TRUE, **OTHER)
    return project


def renamed_and_ended(project: Project) -> Project:
    edit(project, **TRUE, **OTHER, name_ru="Другое", stage="archived", ended_on="2026-06-01")
    return project


def emptied(project: Project) -> Project:
    edit(project, contract_number=None, supplier_bin=None, contract_signed_on=None, budget_kzt=None)
    return project


def registered_again(project: Project) -> Project:
    """Withdrawn, and registered with the right day and another number."""
    agency = db.session.get_one(Agency, project.agency_id)
    request = ask(editor_of(agency), RequestKind.WITHDRAWAL, project.number, {"reason": "Twice."})
    request = confirm(TIMUR, RequestKind.WITHDRAWAL, request.id)
    if request.carried_out_at is None:
        confirm(SAULE, RequestKind.WITHDRAWAL, request.id)
    new = {**RECORD, **OTHER, "contract_signed_on": "2026-02-12", "name_ru": "Другое", "object_code": "is 77 1"}
    return a_project(agency, **new, change_reason="Registered in error")


def transferred(project: Project) -> Project:
    edit(project, **OTHER)
    values = {"to": an_agency().bin, "on": date(2026, 6, 3), "act": "17", "reason": "R"}
    request = ask(ADMINISTRATOR, RequestKind.TRANSFER, project.number, values)
    confirm(SUPERVISOR, RequestKind.TRANSFER, request.id)
    return project


@pytest.mark.on_both
@pytest.mark.parametrize("change", [renumbered, renamed_and_ended, emptied, registered_again, transferred])
def test_no_change_of_the_agency_ends_what_a_contract_contradicts(
    agency: Agency, present: Present, change: Callable[[Project], Project]
) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency))
    audit()
    assert of_contracts(project) == [LATER]
    present.move(timedelta(days=2))
    judged = change(again(project))
    audit()
    assert of_contracts(judged) == [LATER]
    night(present)
    assert of_contracts(judged) == [LATER]


@pytest.mark.parametrize("change", [renumbered, emptied, registered_again])
def test_contract_that_is_imported_afterwards_is_matched_by_the_number_that_the_record_had(
    agency: Agency, present: Present, change: Callable[[Project], Project]
) -> None:
    project = a_project(agency, **{**RECORD, "contract_number": f"{agency.bin}/260001/00"})
    present.move(timedelta(days=1))
    judged = change(again(project))
    run(row_of(agency))
    audit()
    assert of_contracts(judged) == [LATER]


def test_record_corrected_before_the_signing_is_none(agency: Agency, present: Present) -> None:
    project = a_project(agency, **RECORD)
    edit(again(project), contract_signed_on="2026-06-02")
    run(row_of(agency, sign_date="2026-06-02"))
    present.move(timedelta(days=1))
    audit()
    assert of_contracts(project) == []


def test_corrected_source_ends_it(agency: Agency, present: Present) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency))
    audit()
    present.move(timedelta(days=1))
    edit(again(project), **OTHER)
    run(row_of(agency, sign_date="2025-12-30"))
    audit()
    assert of_contracts(project) == [("contract.signed-later", "high", "cleared")]
    (clearing,) = clearings(project.id, [flag(project, "contract.signed-later")["id"]]).values()
    assert [(each.kind, each.new) for each in clearing.facts] == [("contract", f"{agency.bin}/260001")]


def test_contract_whose_number_the_portal_corrects_is_matched_no_more(agency: Agency, present: Present) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency))
    audit()
    present.move(timedelta(days=1))
    run(row_of(agency, contract_number="18-Б", supplier_biin="941140001336"))
    audit()
    assert of_contracts(project) == [("contract.signed-later", "high", "cleared")]


def test_rejected_match_ends_it_and_a_confirmed_one_opens_it_again(agency: Agency, present: Present) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency))
    states = []
    for decide in (reject_match, confirm_match):
        decide(contract_id(), project.number)
        night(present)
        states.append([status for *_, status in of_contracts(project)])
    assert states == [[], ["open"]]


def test_one_person_does_not_reject_for_the_later_record_what_its_former_one_was_found_for(
    agency: Agency, present: Present
) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency))
    later = registered_again(again(project))
    night(present)
    reviewer, number = with_account(an_actor(Role.REVIEWER)), later.number
    with pytest.raises(Invalid):
        decide_match(reviewer, contract_id(), number, MatchState.REJECTED)
    assert of_contracts(later) == [LATER]
    reject_match(contract_id(), number)
    night(present)
    assert [status for *_, status in of_contracts(later)] == ["cleared"]


def test_contract_that_is_only_proposed_is_not_compared(agency: Agency) -> None:
    project = a_project(agency, **{**RECORD, "contract_number": None})
    run(row_of(agency))
    assert db.session.query(Match.match_state).all() == [("to_check",)]
    audit()
    assert of_contracts(project) == []


def test_project_confirmed_on_the_platform_is_not_compared(agency: Agency) -> None:
    project = a_project(agency, **RECORD, placement="on_platform", platform_key="kz-1")
    run(row_of(agency))
    verify(project, date(2026, 6, 1))
    audit()
    assert of_contracts(project) == []


def test_date_that_a_reviewer_has_confirmed_is_compared_too(agency: Agency) -> None:
    project = a_project(agency, **RECORD)
    with transaction():
        locked = find_project_to_change(OPERATOR, project.number)
        confirm_fact(OPERATOR, locked, "contract_signed_on", "2025-12-30", "the contract")
    run(row_of(agency))
    audit()
    assert of_contracts(project) == [LATER]


@pytest.mark.on_both
def test_contract_of_a_restricted_former_record_is_not_named_by_the_later_one(agency: Agency) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency))
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), True, "Secret")
    later = registered_again(find_project(SUPERVISOR, project.number))
    classify_and_match()
    audit()
    assert of_contracts(later) == []


def test_decision_for_a_later_record_does_not_tell_of_its_restricted_former_one(agency: Agency) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency), row_of(agency, number="260002", contract_number="7", sign_date="2025-12-01"))
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), True, "Secret")
    later = registered_again(find_project(SUPERVISOR, project.number)).number
    reviewer = with_account(an_actor(Role.REVIEWER))
    assert decide_match(reviewer, contract_id("260002"), later, MatchState.CONFIRMED) is None


@pytest.mark.on_both
def test_contract_imported_while_an_audit_reads_is_judged(agency: Agency, present: Present) -> None:
    project = a_project(agency, **RECORD)
    judgement = Judgement(policy_in_force(), date(2026, 6, 1), full=True)
    judgement.read()
    run(row_of(agency))
    assert judgement.bring_up_to_date() == 1
    afresh = Judgement(policy_in_force(), date(2026, 6, 1), full=True)
    afresh.read()
    afresh.bring_up_to_date()
    assert judgement.digest() == afresh.digest()
    present.move(timedelta(days=1))
    audit()
    assert of_contracts(project) == [LATER]


@pytest.mark.on_both
def test_audit_and_verdict_of_before_a_correction_are_repeated(agency: Agency, present: Present) -> None:
    project, former = a_project(agency, **RECORD), a_project(agency, **{**RECORD, "contract_number": "5"})
    run(row_of(agency), row_of(agency, number="260002", contract_number="5"))
    runs, moments = [audit().id], [now()]
    present.move(timedelta(days=1))
    run(row_of(agency, sign_date="2025-12-30"))
    registered_again(again(former))
    runs, moments = [*runs, audit().id], [*moments, now()]
    present.move(timedelta(days=1))
    reject_match(contract_id("260002"), former.number)
    edit(again(project), **OTHER)
    classify_and_match()
    runs.append(audit().id)
    assert [verify_audit(AUDITOR, each).matches for each in runs] == [True, True, True]
    known = [verdict_known_at(again(project), None, at, "en")["findings"] for at in moments]
    assert [[each["rule"] for each in findings if each["rule"] in CONTRACT_RULES] for findings in known] == [
        ["contract.signed-later"],
        [],
    ]


def test_audit_by_a_policy_without_the_rules_reads_no_contract(agency: Agency, present: Present) -> None:
    usual = policy_in_force()
    rules = {
        name: replace(rule, enabled=rule.enabled and name not in CONTRACT_RULES) for name, rule in usual.rules.items()
    }
    policy = replace(usual, rules=rules)
    a_project(agency, **RECORD)
    digests = []
    for _ in range(2):
        judgement = Judgement(policy, date(2026, 6, 1), full=True)
        judgement.read()
        digests.append(judgement.digest())
        run(row_of(agency))
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        (
            "en",
            "Signed on 12 February 2026 by the portal, on 30 December 2025 by the record; days between them: 44. "
            "On the procurement portal:",
        ),
        (
            "ru",
            "По данным портала заключён 12.02.2026, по записи 30.12.2025; разница в днях: 44. "
            "На портале государственных закупок:",
        ),
        (
            "kk",
            "Портал бойынша 12.02.2026 жасалған, жазба бойынша 30.12.2025; арасындағы күндер: 44. "
            "Мемлекеттік сатып алу порталында:",
        ),
    ],
)
def test_verdict_and_dry_run_say_what_the_night_finds(agency: Agency, language: Language, reason: str) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency))
    findings = verdict_of(again(project), None, language)["findings"]
    (finding,) = [each for each in findings if each["rule"] in CONTRACT_RULES]
    assert finding["reason"] == f"{reason} {agency.bin}/260001."
    assert finding["observed"] == {
        "portal_contracts": f"{agency.bin}/260001",
        "portal_signed_on": "2026-02-12",
        "contract_signed_on": "2025-12-30",
    }
    assert audit(dry_run=True).flags_opened == 1
    audit()
    assert flag(project, "contract.signed-later")["observed"] == finding["observed"]


def test_other_findings_name_their_contracts_and_sums(agency: Agency, present: Present) -> None:
    project = a_project(agency, **{**RECORD, "contract_signed_on": "2026-02-12", "budget_kzt": 70_000_000})
    raised = {"contract_number_sys": f"{agency.bin}/260001/01", "contract_sum_wnds": "75000000"}
    run(
        row_of(agency),
        row_of(agency) | raised | {"sign_date": "2026-05-04"},
        row_of(agency, number="260002", contract_number="18"),
    )
    confirm_match(contract_id("260002"), project.number)
    audit()
    one, two = f"{agency.bin}/260001", f"{agency.bin}/260002"
    assert {rule: flag(project, rule)["observed"] for rule, *_ in of_contracts(project)} == {
        "contract.sum-above-budget": {
            "portal_contracts": f"{one}, {two}",
            "portal_sum_kzt": 135_000_000,
            "budget_kzt": 70_000_000,
        },
        "contract.raised-after-cutoff": {
            "portal_contracts": one,
            "amended_on": "2026-05-04",
            "portal_sum_before_kzt": 60_000_000,
            "portal_sum_kzt": 75_000_000,
        },
        "contract.split": {"portal_contracts": f"{one}, {two}", "total_kzt": 120_000_000},
    }


def test_match_is_never_deleted_and_its_former_states_are_kept(agency: Agency) -> None:
    project = a_project(agency, **{**RECORD, "contract_number": None})
    run(row_of(agency))
    with transaction() as session:
        session.execute(update(Match).values(match_state="matched", changed_at=now()))
    reject_match(contract_id(), project.number)
    kept = db.session.execute(db.text("SELECT match_state FROM former_matches ORDER BY id")).scalars().all()
    assert kept == ["to_check", "matched"]


def test_number_of_an_old_contract_that_is_entered_afterwards_explains_no_date(
    agency: Agency, present: Present
) -> None:
    project = a_project(agency, **{**RECORD, "budget_kzt": 120_000_000})
    run(row_of(agency), row_of(agency, number="250001", contract_number="ИС-2025/44", sign_date="2025-12-30"))
    audit()
    present.move(timedelta(days=1))
    edit(again(project), contract_number="ИС-2025/44")
    night(present)
    assert of_contracts(project) == [LATER]
    # It ends a flag: one person only proposes it.
    confirm_match(contract_id("250001"), project.number, "№ 5-1")
    night(present)
    assert of_contracts(project) == [LATER]
    approve(with_account(an_actor(Role.SUPERVISOR)), db.session.scalars(select(Approval.id)).one())
    night(present)
    assert of_contracts(project) == [("contract.signed-later", "high", "cleared")]


def test_later_contract_that_a_person_has_matched_contradicts_no_date_of_the_first(
    agency: Agency, present: Present
) -> None:
    project = a_project(agency, **{**RECORD, "budget_kzt": 120_000_000})
    run(row_of(agency, sign_date="2025-12-29"), row_of(agency, number="260002", contract_number="18"))
    present.move(timedelta(days=1))
    confirm_match(contract_id("260002"), project.number)
    night(present)
    assert of_contracts(project) == []


def test_flag_leads_to_the_contracts_that_it_names(agency: Agency, signed_in: SignedIn) -> None:
    project = a_project(agency, **RECORD)
    run(row_of(agency))
    audit()
    visit = signed_in(Role.AGENCY_VIEWER, agency)
    (number,) = db.session.scalars(select(Contract.number_sys))
    page = visit.get(f"/projects/{project.number}").text
    assert "What was compared" in page and f'href="/contracts?number_sys={number}"' in page
    assert number in visit.get(f"/contracts?number_sys={number}").text
