"""Where two people must act: two accounts with one address are one person; and owners of service accounts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import (
    ConfirmationNeedsAnotherPerson,
    change_role,
    confirm_account,
    confirm_token,
    confirming_people,
    disable_account,
    has_confirmer,
)
from registry.accounts.models import AccountNotFound, AccountsNeedAPerson
from registry.accounts.passwords import HalvesNeedTwoPeople, show_first_half
from registry.accounts.roles import Actor, Permission, Role, RoleNotAllowed
from registry.accounts.same_person import (
    ProposerLostAccess,
    change_owner,
    is_another_person,
    may_still,
    owner_name,
    ownerless_accounts,
)
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.accounts.tokens import add_service_account, issue
from registry.audits.policy_activation import may_activate
from registry.audits.service import may_confirm_voiding
from registry.cases.transitions import DecisionNeedsAnotherPerson, possible_actions, waiting_proposal
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Invalid
from registry.flags.models import AuditRun
from registry.government_reports.models import GovernmentReport
from registry.government_reports.service import GovernmentReportNeedsAnotherPerson, require_another_person
from registry.journal.service import JournalEntry
from registry.policies.models import PolicyVersion
from tests.accounts.test_accounts import a_persons_account, session_of
from tests.cases.cast import NO_BREACH, SAULE, act, under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency


def two_accounts(one: Role = Role.SUPERVISOR, other: Role = Role.SUPERVISOR) -> tuple[Actor, Actor]:
    """The accounts of one person, with one address."""
    accounts = [a_persons_account("dana", one), a_persons_account("d.akhmetova", other)]
    for account in accounts:
        edit_account(ADMINISTRATOR, account.id, {"email": "Dana@gov.kz" if account.name == "dana" else "dana@gov.kz"})
    first, second = (session_of(account) for account in accounts)
    return first, second


def test_accounts_with_one_address_are_one_person(app: Flask) -> None:
    first, second = two_accounts()
    other = session_of(a_persons_account("saule", Role.SUPERVISOR))

    assert is_another_person(second, [first.who], now()) is False
    assert is_another_person(other, [first.who, second.who], now()) is True


@pytest.mark.parametrize("changed", ["before the first act", "between the acts"])
def test_address_given_up_shows_that_two_accounts_are_one_person(app: Flask, changed: str) -> None:
    first, second = two_accounts()
    since = now()
    if changed == "before the first act":
        edit_account(ADMINISTRATOR, first.account_id or 0, {"email": "elsewhere@gov.kz"})
        since = now()
    else:
        edit_account(ADMINISTRATOR, second.account_id or 0, {"email": "elsewhere@gov.kz"})

    assert is_another_person(second, [first.who], since) is False


def test_address_given_up_long_before_shows_nothing(app: Flask) -> None:
    first, second = two_accounts()
    edit_account(ADMINISTRATOR, first.account_id or 0, {"email": "elsewhere@gov.kz"})

    assert is_another_person(second, [first.who], now() + timedelta(days=31)) is True


def test_program_of_who_gave_the_address_up_is_the_same_person(app: Flask) -> None:
    first, second = two_accounts()
    robot = add_service_account(ADMINISTRATOR, "robot", Role.REVIEWER, None, first.account_id)
    edit_account(ADMINISTRATOR, first.account_id or 0, {"email": "elsewhere@gov.kz"})

    assert is_another_person(second, [robot.id], now()) is False


def test_program_of_the_other_account_is_the_same_person(app: Flask) -> None:
    first, second = two_accounts()
    robot = add_service_account(ADMINISTRATOR, "robot", Role.REVIEWER, None, first.account_id)

    assert is_another_person(second, [robot.id], now()) is False


@pytest.mark.parametrize("lost", ["access", "role"])
def test_who_lost_access_or_the_role_may_no_longer(app: Flask, lost: str) -> None:
    account = a_persons_account("dana", Role.SUPERVISOR)
    before = may_still(account.id, Permission.CASES_REVIEW)
    if lost == "access":
        disable_account(ADMINISTRATOR, account.id)
    else:
        change_role(ADMINISTRATOR, account.id, Role.AUDITOR, None)

    assert (before, may_still(account.id, Permission.CASES_REVIEW)) == (True, False)


def test_second_account_does_not_approve_the_decision_of_a_case(app: Flask) -> None:
    first, second = two_accounts()
    case = under_review(a_project())
    act(first, case, "propose", NO_BREACH)

    with pytest.raises(DecisionNeedsAnotherPerson):
        act(second, case, "approve")
    assert "approve" not in possible_actions(second, case, waiting_proposal(case))


def test_decision_of_who_lost_the_role_is_not_approved(app: Flask) -> None:
    account = a_persons_account("dana", Role.SUPERVISOR)
    case = under_review(a_project())
    act(session_of(account), case, "propose", NO_BREACH)
    change_role(ADMINISTRATOR, account.id, Role.AUDITOR, None)

    with pytest.raises(ProposerLostAccess):
        act(SAULE, case, "approve")
    assert act(SAULE, case, "return", "Propose it again.").status == "under_review"


def test_second_account_does_not_confirm_a_voiding(app: Flask) -> None:
    operator, supervisor = two_accounts(Role.OPERATOR)
    proposal = {"proposed_by": "dana", "proposed_role": "operator", "proposed_at": "2026-11-01T05:00:00Z"}

    assert may_confirm_voiding(supervisor, AuditRun(voiding=proposal, voiding_account_id=operator.account_id)) is False


def test_second_account_does_not_activate_the_own_policy(app: Flask) -> None:
    first, second = two_accounts()
    draft = PolicyVersion(editors=[first.who], drafted_at=now())

    assert may_activate(second, draft) is False


def test_second_account_does_not_approve_the_own_report(app: Flask) -> None:
    author, second = two_accounts(Role.REVIEWER)
    report = GovernmentReport(year=2026, ordinal=1, version=1, author_accounts=[author.who], created_at=now())

    with pytest.raises(GovernmentReportNeedsAnotherPerson):
        require_another_person(second, report)


def test_second_account_does_not_confirm_the_own_new_account(app: Flask) -> None:
    a_persons_account("saule", Role.SUPERVISOR)
    first, second = two_accounts(Role.ADMINISTRATOR)
    requested = add_person(first, NewPerson("new", Role.REVIEWER), PASSWORD).account

    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_account(second, requested.id, Role.REVIEWER)
    assert (
        has_confirmer(requested, people=[each for each in confirming_people() if first.who in each.accounts]) is False
    )


def test_second_account_confirms_no_token_after_the_address_was_given_up(app: Flask) -> None:
    first, second = two_accounts(Role.ADMINISTRATOR)
    issue(ADMINISTRATOR, "robot", Role.REVIEWER, None, None)
    token = issue(first, "robot", None, None, timedelta(days=80))
    edit_account(ADMINISTRATOR, first.account_id or 0, {"email": "elsewhere@gov.kz"})

    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_token(second, token.key_id)


def test_second_account_sees_no_half_of_a_password_after_the_address_was_given_up(app: Flask) -> None:
    first, second = two_accounts(other=Role.ADMINISTRATOR)
    requested = add_person(
        an_actor(Role.ADMINISTRATOR, name="dauren"), NewPerson("new", Role.AUDITOR), PASSWORD
    ).account
    confirm_account(first, requested.id, Role.AUDITOR)
    edit_account(ADMINISTRATOR, first.account_id or 0, {"email": "elsewhere@gov.kz"})

    with pytest.raises(HalvesNeedTwoPeople):
        show_first_half(second, requested.id)


DAY = timedelta(days=1)


@pytest.fixture
def adil(app: Flask) -> Actor:
    person = add_person(ADMINISTRATOR, NewPerson("adil", Role.ADMINISTRATOR), PASSWORD)
    return replace(an_actor(Role.ADMINISTRATOR, name="adil"), account_id=person.account_id)


def a_person(name: str, role: Role = Role.AUDITOR) -> int:
    return add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD).account_id


def names(actor: Actor) -> list[str]:
    return [account.name for account in ownerless_accounts(actor)]


def test_owner_is_the_creator_or_another_person(adil: Actor) -> None:
    agency_id, bota = an_agency().id, a_person("bota")
    assert owner_name(add_service_account(adil, "first", Role.AGENCY_EDITOR, agency_id)) == "adil"
    assert owner_name(add_service_account(adil, "second", Role.AGENCY_EDITOR, agency_id, bota)) == "bota"
    issue(adil, "third", Role.AGENCY_EDITOR, agency_id, DAY)
    entries = db.session.scalars(
        select(JournalEntry.details).where(JournalEntry.subject.in_(["account:first", "account:third"]))
    )
    assert [json.loads(details)["owner"] for details in entries] == ["adil", "adil"]
    assert names(adil) == []


def test_owner_must_be_an_active_person(adil: Actor) -> None:
    disabled = a_person("disabled")
    disable_account(adil, disabled)
    robot = add_service_account(adil, "robot", Role.AUDITOR, None)
    for owner in (disabled, robot.id, 999_999):
        with pytest.raises(Invalid) as refused:
            add_service_account(adil, "new", Role.AUDITOR, None, owner)
        assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
            ("/owner", "owner-not-usable")
        ]
        with pytest.raises(Invalid):
            change_owner(adil, robot.id, owner)


def test_owner_of_a_person_is_not_changed_and_service_accounts_change_none(adil: Actor) -> None:
    bota = a_person("bota")
    with pytest.raises(AccountNotFound):
        change_owner(adil, bota, adil.account_id or 0)
    robot = add_service_account(adil, "robot", Role.AUDITOR, None)
    with pytest.raises(AccountsNeedAPerson):
        change_owner(replace(adil, is_person=False), robot.id, bota)


def test_agency_administrator_chooses_owners_of_the_own_agencies(adil: Actor) -> None:
    ministry, foreign = an_agency(), an_agency()
    own = add_person(ADMINISTRATOR, NewPerson("own", Role.AGENCY_VIEWER, ministry.id), PASSWORD).account_id
    other = add_person(ADMINISTRATOR, NewPerson("other", Role.AGENCY_VIEWER, foreign.id), PASSWORD).account_id
    aizhan = an_actor(Role.AGENCY_ADMINISTRATOR, ministry, "aizhan")
    robot = add_service_account(aizhan, "robot", Role.AGENCY_EDITOR, ministry.id, own)
    assert owner_name(robot) == "own"
    with pytest.raises(Invalid):
        change_owner(aizhan, robot.id, other)
    add_service_account(ADMINISTRATOR, "their robot", Role.AGENCY_EDITOR, foreign.id)
    assert names(aizhan) == [] and names(adil) == ["their robot"]


def test_account_of_a_disabled_owner_or_of_the_command_line_is_listed_without_owner(adil: Actor) -> None:
    bota = a_person("bota")
    robot = add_service_account(adil, "robot", Role.AUDITOR, None, bota)
    issue(ADMINISTRATOR, "from the command line", Role.AUDITOR, None, DAY)
    assert names(adil) == ["from the command line"]
    disable_account(adil, bota)
    assert names(adil) == ["from the command line", "robot"]
    change_owner(adil, robot.id, adil.account_id or 0)
    assert names(adil) == ["from the command line"]
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.owner-changed")).one()
    assert (entry.subject, json.loads(entry.details)) == ("account:robot", {"previous_owner": "bota", "owner": "adil"})
    disable_account(adil, robot.id)
    assert names(an_actor(Role.AUDITOR)) == ["from the command line"]
    with pytest.raises(RoleNotAllowed):
        ownerless_accounts(an_actor(Role.SUPERVISOR))
