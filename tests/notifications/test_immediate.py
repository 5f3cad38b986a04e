"""Immediate notifications of cases: events and recipients."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.account_changes import change_role, disable_account
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role
from registry.accounts.service import edit_account
from registry.approvals.service import approve, reject
from registry.cases.models import CaseEvent
from registry.core.database import db, transaction
from registry.core.outbox import OutboxMessage, enqueue
from registry.notifications.email import link_to
from registry.notifications.immediate import process_outbox
from registry.notifications.models import OutboundEmail
from registry.notifications.service import delete_old_emails
from registry.procurement.file_imports import import_contracts
from registry.procurement.match_decisions import propose_no_project
from tests.audits.steps import verify
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    NO_BREACH,
    SAULE,
    TIMUR,
    act,
    audit,
    case_of,
    decided_case,
    edit,
    editor_of,
    in_days,
    migrate_by,
    under_review,
)
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency, with_account
from tests.imports.tables import csv_of
from tests.notifications.readers import (
    create_reader,
    delete_emails,
    last_days_of_emails,
    letters_of_emails,
    queued_emails,
    restrict,
)
from tests.present import Present
from tests.procurement.contract_rows import row_of, the_contract

FRIDAY = date(2026, 3, 6)


@pytest.fixture(autouse=True)
def _on_friday(app: Flask, present: Present) -> None:
    present.set(FRIDAY)


def test_agency_address_and_people_are_notified_of_question() -> None:
    agency = an_agency(email="office@agency.kz")
    create_reader("agency_editor", agency, "editor")
    create_reader("agency_viewer", an_agency(), "stranger")
    case = under_review(a_project(agency))
    delete_emails()
    act(AIGERIM, case, "ask", "Which contract is it?")
    assert queued_emails() == [
        ("editor@readers.kz", "question", [case.id]),
        ("office@agency.kz", "question", [case.id]),
    ]


def test_agency_without_recipients_uses_nearest_ancestor() -> None:
    top = an_agency(email="top@agency.kz")
    middle = an_agency(top, email="middle@agency.kz")
    case = under_review(a_project(an_agency(an_agency(middle))))
    delete_emails()
    act(AIGERIM, case, "ask")
    assert queued_emails() == [("middle@agency.kz", "question", [case.id])]


def test_shared_address_gets_one_email() -> None:
    agency = an_agency(email="Office@agency.kz")
    create_reader("agency_editor", agency, "editor", email="office@agency.kz")
    case = under_review(a_project(agency))
    delete_emails()
    act(AIGERIM, case, "ask")
    assert queued_emails() == [("office@agency.kz", "question", [case.id])]


@pytest.mark.parametrize(
    ("proposal", "notified"),
    [(migrate_by(FRIDAY + timedelta(days=90)), ["order"]), (NO_BREACH, [])],
)
def test_agency_is_notified_of_order_but_not_of_favourable_decision(proposal, notified) -> None:
    case = decided_case(a_project(an_agency(email="office@agency.kz")), proposal)
    assert [kind for _, kind, references in queued_emails() if references == [case.id]] == notified


def test_question_order_appeal_and_its_answer_name_their_letters_and_last_days() -> None:
    agency = an_agency(email="office@agency.kz")
    create_reader("reviewer", name="aigerim")
    case = under_review(a_project(agency))
    delete_emails()
    act(AIGERIM, case, "ask", "Which contract is it?")
    reference = str(case.id)
    assert letters_of_emails() == [("office@agency.kz", "question", {reference: "QL-2026-000001"})]
    assert case.due_on is not None and last_days_of_emails() == [("question", {reference: case.due_on.isoformat()})]
    act(editor_of(agency), case, "answer", "This one.")
    delete_emails()
    act(AIGERIM, case, "propose", migrate_by(in_days(60)))
    act(SAULE, case, "approve")
    assert letters_of_emails() == [("office@agency.kz", "order", {reference: "QL-2026-000002"})]
    assert last_days_of_emails() == [("order", {reference: in_days(60).isoformat()})]
    delete_emails()
    act(editor_of(agency), case, "appeal", "It is another system.")
    assert letters_of_emails() == [("aigerim@readers.kz", "decision-appealed", {reference: "QL-2026-000002"})]
    delete_emails()
    act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", NO_BREACH)
    act(TIMUR, case, "approve")
    assert letters_of_emails() == [("office@agency.kz", "appeal-answered", {reference: "QL-2026-000003"})]


def test_reviewer_is_notified_of_assignment_by_another_only() -> None:
    for name in ("aigerim", "bolat"):
        create_reader("reviewer", name=name)
    case = under_review(a_project())
    delete_emails()
    act(AIGERIM, case, "assign", "aigerim")
    assert queued_emails() == []
    act(AIGERIM, case, "assign", "bolat")
    assert queued_emails() == [("bolat@readers.kz", "case-assigned", [case.id])]


def test_assignee_is_notified_of_answer() -> None:
    agency = an_agency()
    for name in ("aigerim", "bolat"):
        create_reader("reviewer", name=name)
    case = under_review(a_project(agency))
    act(AIGERIM, case, "ask")
    delete_emails()
    act(editor_of(agency), case, "answer", "The contract of January.")
    assert queued_emails() == [("aigerim@readers.kz", "question-answered", [case.id])]


def test_proposer_is_notified_of_returned_proposal_under_any_name() -> None:
    create_reader("reviewer", name="aigerim")
    create_reader("supervisor", name="saule")
    case = under_review(a_project())
    act(AIGERIM, case, "propose", NO_BREACH)
    account = account_named("aigerim")
    edit_account(ADMINISTRATOR, account.id, {"name": "a.renamed"})
    delete_emails()
    act(SAULE, case, "return", "Which letter?")
    assert queued_emails() == [("aigerim@readers.kz", "proposal-returned", [case.id])]


def test_reopened_cases_are_notified_in_one_email() -> None:
    agency = an_agency(email="office@agency.kz")
    create_reader("reviewer", name="aigerim")
    projects = [a_project(agency) for _ in range(2)]
    cases = [decided_case(project, NO_BREACH).id for project in projects]
    for project in projects:
        edit(editor_of(agency), project, budget_kzt=900, contract_signed_on="2026-02-20")
    delete_emails()
    audit()
    reopened = [notice for notice in queued_emails() if notice[1] == "case-reopened"]
    assert reopened == [
        ("aigerim@readers.kz", "case-reopened", cases),
        ("office@agency.kz", "case-reopened", cases),
    ]


def test_restricted_project_is_notified_to_permitted_readers_only() -> None:
    agency = an_agency(email="office@agency.kz")
    create_reader("agency_editor", agency, "editor")
    create_reader("reviewer", name="bolat")
    create_reader("supervisor", name="timur")
    project = a_project(agency)
    audit()
    case = case_of(project)
    delete_emails()
    act(SAULE, case, "assign", "bolat")
    restrict(project)
    assert queued_emails() == []
    act(SAULE, case, "assign", "saule")
    act(SAULE, case, "assign", "timur")
    act(SAULE, case, "ask")
    # Nobody admitted the readers of the agency's shared address.
    assert queued_emails() == [
        ("editor@readers.kz", "question", [case.id]),
        ("timur@readers.kz", "case-assigned", [case.id]),
    ]


def test_disabled_person_is_not_notified() -> None:
    person = create_reader("reviewer", name="bolat")
    case = under_review(a_project())
    act(AIGERIM, case, "assign", "bolat")
    disable_account(ADMINISTRATOR, person.account_id)
    assert queued_emails() == []


def test_former_reviewer_is_not_notified_of_reviews() -> None:
    person = create_reader("reviewer", name="bolat")
    case = under_review(a_project())
    act(AIGERIM, case, "assign", "bolat")
    change_role(ADMINISTRATOR, person.account_id, Role.AGENCY_VIEWER, an_agency().id)
    assert queued_emails() == []


def test_without_mail_server_outbox_is_discarded() -> None:
    case = under_review(a_project(an_agency(email="office@agency.kz")))
    act(AIGERIM, case, "ask")
    process_outbox(with_mail=False)
    assert db.session.scalar(select(func.count()).where(OutboxMessage.delivered_at.is_(None))) == 0
    assert queued_emails() == []


def test_message_that_cannot_be_processed_holds_up_no_other() -> None:
    case = under_review(a_project(an_agency(email="office@agency.kz")))
    with transaction():
        enqueue("audit.missed", {"audit": "of last night"})
    act(AIGERIM, case, "ask")
    for _ in range(2):
        with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="of last night")):
            process_outbox(with_mail=True)
    waiting = db.session.scalars(select(OutboxMessage.topic).where(OutboxMessage.delivered_at.is_(None))).all()
    assert waiting == ["audit.missed"]
    assert [each.events[0]["kind"] for each in db.session.scalars(select(OutboundEmail))] == ["question"]


def test_errors_of_several_messages_are_all_raised() -> None:
    with transaction():
        enqueue("audit.missed", {"audit": "of Monday"})
        enqueue("audit.missed", {"audit": "of Tuesday"})
    expected = [pytest.RaisesExc(ValueError, match="of Monday"), pytest.RaisesExc(ValueError, match="of Tuesday")]
    with pytest.RaisesGroup(*expected):
        process_outbox(with_mail=True)


def test_delivered_messages_and_emails_are_deleted_after_thirty_days(present: Present) -> None:
    case = under_review(a_project(an_agency(email="office@agency.kz")))
    act(AIGERIM, case, "ask")
    assert queued_emails()
    present.move(timedelta(days=29))
    delete_old_emails()
    assert counted() != (0, 0)
    present.move(timedelta(days=1, seconds=1))
    delete_old_emails()
    assert counted() == (0, 0)


def counted() -> tuple[int | None, int | None]:
    return tuple(db.session.scalar(select(func.count(model.id))) for model in (OutboxMessage, OutboundEmail))


def test_actions_that_notify_nobody_send_nothing() -> None:
    case = under_review(a_project(an_agency(email="office@agency.kz")))
    act(AIGERIM, case, "comment", "A note")
    act(AIGERIM, case, "refer", "Of importance")
    assert queued_emails() == []


def test_messages_that_the_version_before_left_are_delivered() -> None:
    case = under_review(a_project(an_agency(email="office@agency.kz")))
    create_reader("operator")
    create_reader("supervisor")
    delete_emails()
    account = db.session.scalars(select(Account.id).where(Account.name == "operator")).one()
    event = db.session.scalars(
        select(CaseEvent.id).where(CaseEvent.case_id == case.id, CaseEvent.action == "claim")
    ).one()
    with transaction():
        enqueue("case.ask", {"case": case.id, "event": event})
        enqueue("audit.confirmed", {"audit": 7, "by": "operator"})
        enqueue("account.token-issued", {"account": account, "at": "06.03.2026 12:00"})
        enqueue("audit.missed", {"audits": [8, 9]})
    assert queued_emails() == [
        ("office@agency.kz", "question", [case.id]),
        ("operator@readers.kz", "account-token", ["06.03.2026 12:00"]),
        ("operator@readers.kz", "nights-missed", [8, 9]),
        ("supervisor@readers.kz", "audit-confirmed", [7]),
    ]


def test_messages_of_another_version_do_not_accumulate() -> None:
    with transaction():
        enqueue("of.another.version", {"anything": 1})
    assert queued_emails() == []
    assert db.session.scalar(select(func.count()).where(OutboxMessage.delivered_at.is_(None))) == 0


def test_confirmed_migration_is_not_notified_immediately() -> None:
    project = a_project(an_agency(email="office@agency.kz"), placement="on_platform", platform_key="key")
    audit()
    verify(project, FRIDAY)
    audit()
    assert queued_emails() == []


@pytest.mark.parametrize("decide", [approve, reject])
def test_agency_is_sent_to_the_contract_that_it_proposed_a_decision_on(decide: Callable[..., object]) -> None:
    agency = an_agency()
    import_contracts(an_actor(Role.OPERATOR), "contracts.csv", csv_of(row_of(agency)))
    contract = the_contract().id
    create_reader(Role.AGENCY_EDITOR, agency, "editor")
    approval = propose_no_project(with_account(editor_of(agency)), contract, "not_it", "Бумага")
    decide(with_account(an_actor(Role.REVIEWER)), approval.id, "Просмотрено")
    assert queued_emails() == [("editor@readers.kz", "contract-decided", [contract])]
    assert link_to("https://register.kz", "contracts", contract) == f"https://register.kz/contracts/{contract}"
