"""Accounts: confirmation by a second person, loss of access, tokens and passwords."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import (
    AccountChanged,
    AccountNotPending,
    change_role,
    confirm_account,
    disable_account,
    enable_account,
    pending_accounts,
)
from registry.accounts.account_management import NotYourself
from registry.accounts.confirmations import ConfirmationNeedsAnotherPerson
from registry.accounts.models import AccountsNeedAPerson, Person, account_named
from registry.accounts.roles import NARROWER_ROLES, PERMISSIONS, Actor, Permission, Role, RoleNotAllowed
from registry.accounts.service import NewPerson, add_person, change_own_password, set_password
from registry.accounts.sessions import WebSession, find_session_user
from registry.accounts.sign_in import AccountNotConfirmed, PasswordNotAccepted, sign_in
from registry.accounts.tokens import (
    TokenNotAccepted,
    authenticate_token,
    issue,
    issue_own_token,
)
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.halves import whole_password
from tests.factories import ADMINISTRATOR, PASSWORD, a_service_token, an_actor, an_agency

ADIL = an_actor(Role.ADMINISTRATOR, name="adil")
BOTA = an_actor(Role.ADMINISTRATOR, name="bota")
SAULE = an_actor(Role.SUPERVISOR, name="saule")
DAY = timedelta(days=1)
OTHER = "quite another password"
OVERSIGHT = [Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR]


def is_pending(name: str) -> bool:
    account = account_named(name)
    assert account is not None
    return account.pending_since is not None


def a_person(name: str, role: Role = Role.AUDITOR) -> Person:
    return add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD)


def come_in(name: str, password: str = PASSWORD) -> Actor:
    user = find_session_user(sign_in(name, password, "10.0.0.1", "r").secret, "10.0.0.1", "r")
    assert user is not None
    return user.actor


@pytest.mark.parametrize("role", OVERSIGHT)
@pytest.mark.parametrize("confirming", [BOTA, SAULE])
def test_person_with_an_oversight_role_is_pending_until_confirmed(app: Flask, role: Role, confirming: Actor) -> None:
    person = add_person(ADIL, NewPerson("new", role), PASSWORD)
    with pytest.raises(AccountNotConfirmed):
        sign_in("new", PASSWORD, "10.0.0.1", "r")
    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_account(ADIL, person.account_id, role)
    password = confirm_account(confirming, person.account_id, role)
    # Whoever asked for the account knows no password that works.
    with pytest.raises(PasswordNotAccepted):
        sign_in("new", PASSWORD, "10.0.0.1", "r")
    assert come_in("new", whole_password(password, person.account_id)).role is role
    assert person.password_must_change
    entries = db.session.execute(
        select(JournalEntry.action, JournalEntry.principal, JournalEntry.details)
        .where(JournalEntry.subject == "account:new")
        .order_by(JournalEntry.seq)
    ).all()
    assert [(row.action, row.principal) for row in entries] == [
        ("account.added", "adil"),
        ("account.confirmed", confirming.principal),
        ("account.password-half-shown", "who shows first halves"),
    ]
    rights = {"kind": "person", "role": role.value, "agency": None}
    assert json.loads(entries[0].details) == {**rights, "pending": True}
    assert json.loads(entries[1].details) == {**rights, "pending": False, "asked_by": "adil"}


@pytest.mark.parametrize("role", [Role.AGENCY_ADMINISTRATOR, Role.AGENCY_EDITOR, Role.AGENCY_VIEWER])
def test_person_with_an_agency_role_is_active_immediately(app: Flask, role: Role) -> None:
    agency = an_agency()
    add_person(ADIL, NewPerson("new", role, agency.id), PASSWORD)
    assert come_in("new").role is role
    entry = db.session.scalars(select(JournalEntry.details).where(JournalEntry.action == "account.added")).one()
    assert json.loads(entry)["agency"] == agency.bin


def test_command_line_needs_no_confirmation_and_can_confirm(app: Flask) -> None:
    # Nobody else could confirm what the only administrator asks for.
    a_person("adil", Role.ADMINISTRATOR)
    assert not is_pending("adil")
    person = add_person(ADIL, NewPerson("second", Role.SUPERVISOR), PASSWORD)
    set_password(ADMINISTRATOR, person.id, OTHER)
    assert is_pending("second")
    password = confirm_account(ADMINISTRATOR, person.account_id, Role.SUPERVISOR)
    assert password is not None and come_in("second", password).role is Role.SUPERVISOR
    assert db.session.scalars(
        select(JournalEntry.credential).distinct().where(JournalEntry.principal == ADMINISTRATOR.principal)
    ).all() == ["local"]


@pytest.mark.parametrize("change", ["role", "password", "enabled"])
def test_change_by_an_administrator_makes_a_deciding_account_pending(app: Flask, change: str) -> None:
    a_person("another supervisor", Role.SUPERVISOR)
    person = a_person("zhanna", Role.AUDITOR if change == "role" else Role.SUPERVISOR)
    if change == "role":
        change_role(ADIL, person.account_id, Role.SUPERVISOR, None)
    elif change == "password":
        set_password(ADIL, person.id, OTHER)
    else:
        disable_account(BOTA, person.account_id)
        enable_account(ADIL, person.account_id)
    assert [account.name for account in pending_accounts(SAULE)] == ["zhanna"]
    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_account(ADIL, person.account_id, Role.SUPERVISOR)
    confirm_account(SAULE, person.account_id, Role.SUPERVISOR)
    assert not is_pending("zhanna")


def test_confirmation_of_another_role_than_displayed_is_rejected(app: Flask) -> None:
    person = add_person(ADIL, NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    change_role(ADIL, person.account_id, Role.SUPERVISOR, None)
    with pytest.raises(AccountChanged):
        confirm_account(BOTA, person.account_id, Role.REVIEWER)
    assert is_pending("zhanna")
    confirm_account(BOTA, person.account_id, Role.SUPERVISOR)
    with pytest.raises(AccountNotPending):
        confirm_account(BOTA, person.account_id, Role.SUPERVISOR)


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.SUPERVISOR, Role.ADMINISTRATOR)])
def test_confirmation_needs_a_supervisor_or_an_administrator(app: Flask, role: Role) -> None:
    person = add_person(ADIL, NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    with pytest.raises(RoleNotAllowed):
        confirm_account(Actor("x", role, is_person=True), person.account_id, Role.REVIEWER)


def test_service_account_manages_no_accounts_and_confirms_none(app: Flask) -> None:
    person = add_person(ADIL, NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    # With every scope, as tokens of earlier versions.
    robot = replace(authenticate_token(a_service_token(Role.ADMINISTRATOR), "10.0.0.1", "r"), scopes=None)
    for act in (
        lambda: add_person(robot, NewPerson("x", Role.AUDITOR), PASSWORD),
        lambda: set_password(robot, person.id, OTHER),
        lambda: change_role(robot, person.account_id, Role.AUDITOR, None),
        lambda: disable_account(robot, person.account_id),
        lambda: enable_account(robot, person.account_id),
        lambda: confirm_account(robot, person.account_id, Role.REVIEWER),
        lambda: issue(robot, "y", Role.AUDITOR, None, DAY),
        lambda: issue_own_token(robot, DAY),
        lambda: change_own_password(robot, PASSWORD, OTHER),
    ):
        with pytest.raises(AccountsNeedAPerson):
            act()


def test_own_account_cannot_be_changed_except_the_password(app: Flask) -> None:
    person = a_person("adil", Role.ADMINISTRATOR)
    adil = come_in("adil")
    for act in (
        lambda: disable_account(adil, person.account_id),
        lambda: enable_account(adil, person.account_id),
        lambda: change_role(adil, person.account_id, Role.SUPERVISOR, None),
        lambda: set_password(adil, person.id, OTHER),
        lambda: confirm_account(adil, person.account_id, Role.ADMINISTRATOR),
    ):
        with pytest.raises(NotYourself):
            act()


@pytest.mark.parametrize("change", ["disabled", "password", "role", "own password"])
def test_change_ends_sessions_and_tokens_and_enabling_restores_none(app: Flask, change: str) -> None:
    person = a_person("zhanna")
    secret = sign_in("zhanna", PASSWORD, "10.0.0.1", "r").secret
    token = issue(ADMINISTRATOR, "zhanna", None, None, DAY)
    if change == "disabled":
        disable_account(ADIL, person.account_id)
        enable_account(ADIL, person.account_id)
    elif change == "password":
        set_password(ADIL, person.id, OTHER)
    elif change == "role":
        change_role(ADIL, person.account_id, Role.OPERATOR, None)
    else:
        change_own_password(come_in("zhanna"), PASSWORD, OTHER)
    assert find_session_user(secret, "", "") is None
    with pytest.raises(TokenNotAccepted):
        authenticate_token(token.text, "", "")


def test_journal_contains_the_credential(app: Flask) -> None:
    a_person("adil", Role.ADMINISTRATOR)
    adil = come_in("adil")
    add_person(adil, NewPerson("zhanna", Role.AUDITOR), PASSWORD)
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.subject == "account:zhanna")).one()
    kept = db.session.scalars(select(WebSession.secret_hash)).one()
    assert (entry.principal, entry.credential) == ("adil", f"session:{kept[:16]}")


def test_token_of_a_narrower_role_has_no_permission_that_its_account_lacks() -> None:
    for role, below in NARROWER_ROLES.items():
        for narrower in below:
            actor = Actor("x", narrower, account_role=role)
            granted = {permission for permission in Permission if actor.may(permission)}
            assert granted == PERMISSIONS[narrower] & PERMISSIONS[role] < PERMISSIONS[role]
    assert not Actor("x", Role.AUDITOR, account_role=Role.SUPERVISOR).may(Permission.PEOPLE_READ)


def test_account_of_no_credential_is_not_the_command_line(app: Flask) -> None:
    assert not replace(ADIL, credential="").is_local and ADMINISTRATOR.is_local
