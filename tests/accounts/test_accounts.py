"""Accounts: creation, confirmation by a second person, edits, loss of access, and who may manage whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, strategies as st
from sqlalchemy import select

from registry.accounts.account_changes import (
    AccountChanged,
    AccountNotPending,
    AddressOfAnotherAccount,
    ConfirmationNeedsAnotherPerson,
    LastAdministrator,
    change_role,
    confirm_account,
    disable_account,
    enable_account,
    pending_accounts,
)
from registry.accounts.account_management import AccountNotYours, NotYourself, RoleNotYoursToGive, may_manage
from registry.accounts.models import (
    Account,
    AccountNameTaken,
    AccountNotFound,
    AccountsNeedAPerson,
    Person,
    account_named,
)
from registry.accounts.queries import all_tokens, list_people
from registry.accounts.roles import AGENCY_ROLES, NARROWER_ROLES, PERMISSIONS, Actor, Permission, Role, RoleNotAllowed
from registry.accounts.service import (
    NewPerson,
    PersonNotFound,
    add_person,
    change_own_password,
    edit_account,
    find_person,
    person_named,
    set_password,
)
from registry.accounts.sessions import WebSession, find_session_user
from registry.accounts.sign_in import AccountNotConfirmed, PasswordNotAccepted, sign_in
from registry.accounts.tokens import (
    TokenNotAccepted,
    TokenNotFound,
    add_service_account,
    authenticate_token,
    find_token,
    issue,
    issue_own_token,
    issue_service_token,
    list_service_accounts,
    revoke,
)
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.core.lists import Page
from registry.journal.service import JournalEntry
from tests.accounts.halves import whole_password
from tests.factories import ADMINISTRATOR, PASSWORD, a_service_token, a_token, an_actor, an_agency, with_account
from tests.present import Present

ADIL = an_actor(Role.ADMINISTRATOR, name="adil")
BOTA = an_actor(Role.ADMINISTRATOR, name="bota")
SAULE = an_actor(Role.SUPERVISOR, name="saule")
DAY = timedelta(days=1)
OTHER = "quite another password"
OVERSIGHT = [Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR]


def is_pending(name: str) -> bool:
    account = account_named(name)
    return account.pending_since is not None


def a_person(name: str, role: Role = Role.AUDITOR) -> Person:
    return add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD)


def come_in(name: str, password: str = PASSWORD) -> Actor:
    user = find_session_user(sign_in(name, password, "10.0.0.1", "r").secret, "10.0.0.1", "r")
    return user.actor


@pytest.mark.parametrize("role", OVERSIGHT)
@pytest.mark.parametrize("confirming", [BOTA, SAULE])
def test_person_with_an_oversight_role_is_pending_until_confirmed(app: Flask, role: Role, confirming: Actor) -> None:
    person = add_person(ADIL, NewPerson("new", role), PASSWORD, must_change=False)
    with pytest.raises(AccountNotConfirmed):
        sign_in("new", PASSWORD, "10.0.0.1", "r")
    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_account(ADIL, person.account_id, role)
    before = person.password_set_at
    password = confirm_account(confirming, person.account_id, role)
    # Whoever asked for the account knows no password that works.
    with pytest.raises(PasswordNotAccepted):
        sign_in("new", PASSWORD, "10.0.0.1", "r")
    assert come_in("new", whole_password(password, person.account_id)).role is role
    assert person.password_must_change and person.password_set_at > before
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
    person = add_person(with_account(ADIL), NewPerson("second", Role.SUPERVISOR), PASSWORD)
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


def test_confirmation_needs_a_supervisor_or_an_administrator(app: Flask) -> None:
    person = add_person(ADIL, NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    for role in set(Role) - {Role.SUPERVISOR, Role.ADMINISTRATOR}:
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
        lambda: edit_account(adil, person.account_id, {"language": "ru"}),
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


def last_entry() -> tuple[str, str, str, dict[str, Any]]:
    entry = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
    return entry.action, entry.principal, entry.subject, json.loads(entry.details)


def test_every_change_is_journalled_with_role_and_agency(app: Flask) -> None:
    agency = an_agency()
    person = a_person("zhanna")
    auditor = {"kind": "person", "role": "auditor", "agency": None, "pending": False}

    disable_account(ADIL, person.account_id)
    assert last_entry() == ("account.disabled", "adil", "account:zhanna", auditor)
    enable_account(ADIL, person.account_id)
    assert last_entry() == ("account.enabled", "adil", "account:zhanna", {**auditor, "pending": True})
    change_role(ADIL, person.account_id, Role.AGENCY_VIEWER, agency.id)
    viewer = {"kind": "person", "role": "agency_viewer", "agency": agency.bin, "pending": False}
    changes = [
        {"field": "role", "old": "auditor", "new": "agency_viewer"},
        {"field": "agency", "old": None, "new": agency.bin},
    ]
    assert last_entry() == ("account.role-changed", "adil", "account:zhanna", {**viewer, "changes": changes})
    other = an_agency()
    change_role(ADIL, person.account_id, Role.AGENCY_VIEWER, other.id)
    changes = [{"field": "agency", "old": agency.bin, "new": other.bin}]
    moved = {**viewer, "agency": other.bin, "changes": changes}
    assert last_entry() == ("account.moved", "adil", "account:zhanna", moved)


def test_confirmation_is_journalled_with_everyone_who_asked(app: Flask) -> None:
    person = add_person(ADIL, NewPerson("zhanna", Role.OPERATOR), PASSWORD)
    change_role(BOTA, person.account_id, Role.REVIEWER, None)

    confirm_account(SAULE, person.account_id, Role.REVIEWER)

    details = {"kind": "person", "role": "reviewer", "agency": None, "pending": False, "asked_by": "adil, bota"}
    assert last_entry() == ("account.confirmed", "saule", "account:zhanna", details)


def test_pending_accounts_are_listed_oldest_first_without_active_and_disabled_ones(
    app: Flask, present: Present
) -> None:
    present.set(date(2026, 3, 2))
    a_person("active", Role.REVIEWER)
    later = add_person(ADMINISTRATOR, NewPerson("waits-later", Role.OPERATOR), PASSWORD)
    for name in ("waits-b", "waits-a"):
        add_person(ADIL, NewPerson(name, Role.REVIEWER), PASSWORD)
    disabled = add_person(ADIL, NewPerson("disabled", Role.REVIEWER), PASSWORD)
    disable_account(BOTA, disabled.account_id)
    present.move(timedelta(minutes=1))
    change_role(ADIL, later.account_id, Role.REVIEWER, None)

    assert [account.name for account in pending_accounts(SAULE)] == ["waits-b", "waits-a", "waits-later"]


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.AGENCY_EDITOR])
def test_account_with_the_address_of_another_person_is_not_confirmed(app: Flask, role: Role) -> None:
    agency_id = an_agency().id if role is Role.AGENCY_EDITOR else None
    first = add_person(ADMINISTRATOR, NewPerson("rustem", role, agency_id, "rustem@gov.kz"), PASSWORD)
    second = add_person(ADIL, NewPerson("new", Role.REVIEWER, email="Rustem@gov.kz"), PASSWORD)
    with pytest.raises(AddressOfAnotherAccount) as error:
        confirm_account(BOTA, second.account_id, Role.REVIEWER)
    assert error.value.params == {"name": "new", "other": "rustem"}
    disable_account(ADMINISTRATOR, first.account_id)
    confirm_account(BOTA, second.account_id, Role.REVIEWER)
    assert not second.is_pending


def a_persons_account(name: str, role: Role = Role.AGENCY_VIEWER, agency_id: int | None = None) -> Account:
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency_id, f"{name}@example.kz"), PASSWORD).account


def session_of(account: Account) -> Actor:
    actor = replace(an_actor(Role.AUDITOR, name=account.name), role=Role(account.role), agency_id=account.agency_id)
    return replace(actor, account_id=account.id)


def entries(action: str) -> list[tuple[str, dict[str, Any]]]:
    statement = select(JournalEntry).where(JournalEntry.action == action).order_by(JournalEntry.seq)
    return [(entry.subject, json.loads(entry.details)) for entry in db.session.scalars(statement)]


def codes(error: Invalid) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.code) for problem in error.problems]


def test_edit_changes_name_email_language_and_journals_old_and_new(app: Flask) -> None:
    account = a_persons_account("a.serikova", agency_id=an_agency().id)

    edit_account(ADMINISTRATOR, account.id, {"name": "a.akhmetova", "email": "new@example.kz", "language": "ru"})

    person = person_named("a.akhmetova")
    assert person is not None and (person.email, person.language) == ("new@example.kz", "ru")
    assert entries("account.renamed") == [("account:a.serikova", {"old_name": "a.serikova", "name": "a.akhmetova"})]
    changes = [
        {"field": "email", "old": "a.serikova@example.kz", "new": "new@example.kz"},
        {"field": "language", "old": "kk", "new": "ru"},
    ]
    assert entries("account.changed") == [("account:a.serikova", {"changes": changes})]


def test_renamed_person_signs_in_with_the_new_name_and_keeps_tokens(app: Flask) -> None:
    agency = an_agency()
    token = a_token(Role.AGENCY_VIEWER, agency, "a.serikova")
    account = account_named("a.serikova")

    edit_account(ADMINISTRATOR, account.id, {"name": "a.akhmetova"})

    assert authenticate_token(token, "10.0.0.1", "r").principal == "a.akhmetova"
    assert sign_in("a.akhmetova", PASSWORD, "10.0.0.1", "r").secret
    with pytest.raises(PasswordNotAccepted):
        sign_in("a.serikova", PASSWORD, "10.0.0.1", "r")


@pytest.mark.parametrize("name", ["a.serikova", "A.Serikova", "а.serikova"])
def test_former_name_is_taken_for_ever_by_no_other_account(app: Flask, name: str) -> None:
    agency_id = an_agency().id
    renamed, other = (
        a_persons_account("a.serikova", agency_id=agency_id),
        a_persons_account("b.other", agency_id=agency_id),
    )
    edit_account(ADMINISTRATOR, renamed.id, {"name": "a.akhmetova"})

    with pytest.raises(AccountNameTaken):
        add_person(ADMINISTRATOR, NewPerson(name, Role.AGENCY_VIEWER, agency_id), PASSWORD)
    with pytest.raises(AccountNameTaken):
        add_service_account(ADMINISTRATOR, name, Role.AGENCY_VIEWER, agency_id)
    with pytest.raises(AccountNameTaken):
        edit_account(ADMINISTRATOR, other.id, {"name": name})


def test_rename_to_a_name_that_looks_like_another_is_refused_and_changes_nothing(app: Flask) -> None:
    agency_id = an_agency().id
    account = a_persons_account("a.serikova", agency_id=agency_id)
    a_persons_account("saule", agency_id=agency_id)
    with pytest.raises(AccountNameTaken):
        edit_account(ADMINISTRATOR, account.id, {"name": "s\u0430ule", "email": None})
    person = person_named("a.serikova")
    assert person is not None and person.email == "a.serikova@example.kz"


def test_wrong_values_are_reported_together(app: Flask) -> None:
    account = a_persons_account("a.serikova", agency_id=an_agency().id)
    with pytest.raises(Invalid) as refused:
        edit_account(
            ADMINISTRATOR,
            account.id,
            {"name": "root", "email": "nobody", "language": "de", "role": Role.AUDITOR, "owner_id": 1},
        )
    assert codes(refused.value) == [
        ("/name", "name-reserved"),
        ("/agency", "role-takes-no-agency"),
        ("/email", "email-invalid"),
        ("/language", "not-a-choice"),
        ("/owner", "field-of-services"),
    ]


def test_service_account_has_an_owner_but_no_email_or_language(app: Flask) -> None:
    agency_id = an_agency().id
    owner = a_persons_account("a.serikova", agency_id=agency_id)
    service = add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_VIEWER, agency_id)
    edit_account(ADMINISTRATOR, service.id, {"owner_id": owner.id, "name": "robot 2"})
    assert (service.owner_account_id, service.name) == (owner.id, "robot 2")
    with pytest.raises(Invalid) as refused:
        edit_account(ADMINISTRATOR, service.id, {"email": "a@example.kz", "language": "kk"})
    assert codes(refused.value) == [("/email", "field-of-people"), ("/language", "field-of-people")]


def test_new_email_of_oversight_waits_for_a_second_person_and_of_agencies_does_not(app: Flask) -> None:
    adil = session_of(a_persons_account("adil", Role.ADMINISTRATOR))
    reviewer, viewer = (
        a_persons_account("r.reviewer", Role.REVIEWER),
        a_persons_account("v.viewer", agency_id=an_agency().id),
    )
    for account in (reviewer, viewer):
        edit_account(adil, account.id, {"email": "adils.own@example.kz"})
    assert (reviewer.status, viewer.status) == ("pending", "active")
    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_account(adil, reviewer.id, Role.REVIEWER)


def test_last_administrator_cannot_be_disabled_or_given_another_role(app: Flask) -> None:
    last = a_persons_account("adil", Role.ADMINISTRATOR)
    add_service_account(ADMINISTRATOR, "robot", Role.ADMINISTRATOR, None)
    with pytest.raises(LastAdministrator):
        disable_account(ADMINISTRATOR, last.id)
    with pytest.raises(LastAdministrator):
        change_role(ADMINISTRATOR, last.id, Role.AUDITOR, None)
    with pytest.raises(LastAdministrator):
        edit_account(ADMINISTRATOR, last.id, {"role": Role.AUDITOR})
    assert (last.role, last.disabled_at) == ("administrator", None)

    a_persons_account("bota", Role.ADMINISTRATOR)
    disable_account(ADMINISTRATOR, last.id)
    assert last.status == "disabled"


def test_pending_and_disabled_administrators_do_not_count(app: Flask) -> None:
    adil = a_persons_account("adil", Role.ADMINISTRATOR)
    a_persons_account("bota", Role.ADMINISTRATOR)
    pending = add_person(session_of(adil), NewPerson("pending", Role.ADMINISTRATOR), PASSWORD).account
    assert pending.status == "pending"
    bota = account_named("bota")
    disable_account(ADMINISTRATOR, bota.id)
    with pytest.raises(LastAdministrator):
        disable_account(ADMINISTRATOR, adil.id)


def test_changed_at_follows_changes_and_last_signed_in_at_sign_ins(app: Flask, present: Present) -> None:
    start = present.set(datetime.fromisoformat("2026-03-02T05:00:00+00:00"))
    account = a_persons_account("a.serikova", agency_id=an_agency().id)
    person = person_named("a.serikova")
    assert person is not None and (account.changed_at, person.last_signed_in_at) == (start, None)

    signed_in = present.move(timedelta(hours=1))
    sign_in("a.serikova", PASSWORD, "10.0.0.1", "r")
    db.session.refresh(account)
    db.session.refresh(person)
    assert (account.changed_at, person.last_signed_in_at) == (start, signed_in)

    changed = present.move(timedelta(hours=1))
    with transaction():
        edit_account(ADMINISTRATOR, account.id, {"language": "ru"})
    db.session.refresh(account)
    assert account.changed_at == changed


# A forest: the parent of each agency is an earlier one, or none.
PARENTS = st.lists(st.integers(0, 7), min_size=1, max_size=8).map(
    lambda parents: [None if parent >= place else parent for place, parent in enumerate(parents)]
)


def is_below(parents: list[int | None], agency: int, root: int) -> bool:
    at: int | None = agency
    while at is not None and at != root:
        at = parents[at]
    return at == root


def people_listed(actor: Actor) -> list[str]:
    return [row["person"].name for row in list_people(actor, {}, Page(10)).items]


@given(parents=PARENTS, manager=st.sampled_from(list(Role)), subject=st.sampled_from(list(Role)), data=st.data())
def test_nobody_manages_beyond_the_own_rights(
    parents: list[int | None], manager: Role, subject: Role, data: st.DataObject
) -> None:
    agencies = st.integers(0, len(parents) - 1)
    manager_agency = data.draw(agencies) if manager in AGENCY_ROLES else None
    subject_agency = data.draw(agencies) if subject in AGENCY_ROLES else None

    def below(agency: int, root: int) -> bool:
        return is_below(parents, agency, root)

    allowed = may_manage(manager, manager_agency, subject, subject_agency, below)

    if manager is Role.ADMINISTRATOR:
        assert allowed
    elif allowed:
        # Only an agency administrator, only viewers and editors, only in the own subtree, and so never more rights.
        assert manager is Role.AGENCY_ADMINISTRATOR
        assert subject in (Role.AGENCY_VIEWER, Role.AGENCY_EDITOR)
        assert PERMISSIONS[subject] < PERMISSIONS[manager]
        assert manager_agency is not None and subject_agency is not None and below(subject_agency, manager_agency)
    else:
        assert (
            manager is not Role.AGENCY_ADMINISTRATOR
            or subject not in (Role.AGENCY_VIEWER, Role.AGENCY_EDITOR)
            or not below(subject_agency or 0, manager_agency or 0)
        )


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency()


@pytest.fixture
def committee(ministry: Agency) -> Agency:
    """Two levels below the ministry."""
    return an_agency(parent=an_agency(parent=ministry))


@pytest.fixture
def aizhan(ministry: Agency) -> Actor:
    """The ministry's agency administrator."""
    person = add_person(ADMINISTRATOR, NewPerson("aizhan", Role.AGENCY_ADMINISTRATOR, ministry.id), PASSWORD)
    return replace(an_actor(Role.AGENCY_ADMINISTRATOR, ministry, "aizhan"), account_id=person.account_id)


def test_agency_administrator_manages_editors_and_viewers_of_the_own_subtree(
    aizhan: Actor, ministry: Agency, committee: Agency
) -> None:
    editor = add_person(aizhan, NewPerson("editor", Role.AGENCY_EDITOR, committee.id), PASSWORD)
    assert editor.account.status == "active"
    change_role(aizhan, editor.account_id, Role.AGENCY_VIEWER, ministry.id)
    set_password(aizhan, editor.id, PASSWORD + "!")
    disable_account(aizhan, editor.account_id)
    enable_account(aizhan, editor.account_id)
    assert (editor.role, editor.agency_id, editor.account.status) == ("agency_viewer", ministry.id, "active")
    robot = add_service_account(aizhan, "robot", Role.AGENCY_EDITOR, committee.id)
    token = issue_service_token(aizhan, robot.id, DAY)
    assert [each["key_id"] for each in all_tokens(aizhan)] == [token.key_id] and not token.pending
    revoke(aizhan, token.key_id)


def test_agency_administrator_gives_no_role_but_viewer_and_editor(aizhan: Actor, committee: Agency) -> None:
    editor = add_person(aizhan, NewPerson("editor", Role.AGENCY_EDITOR, committee.id), PASSWORD)

    def given(role: Role) -> tuple[Callable[[], object], ...]:
        agency_id = committee.id if role in AGENCY_ROLES else None
        return (
            lambda: add_person(aizhan, NewPerson(f"new {role}", role, agency_id), PASSWORD),
            lambda: change_role(aizhan, editor.account_id, role, agency_id),
            lambda: add_service_account(aizhan, f"robot {role}", role, agency_id),
            lambda: issue(aizhan, f"another {role}", role, agency_id, DAY),
        )

    for role in Role:
        for act in given(role):
            if role in (Role.AGENCY_VIEWER, Role.AGENCY_EDITOR):
                act()
            else:
                with pytest.raises(RoleNotYoursToGive):
                    act()


def test_agency_administrator_gives_no_role_in_a_foreign_agency(aizhan: Actor, committee: Agency) -> None:
    foreign = an_agency()
    editor = add_person(aizhan, NewPerson("editor", Role.AGENCY_EDITOR, committee.id), PASSWORD)
    for act in (
        lambda: add_person(aizhan, NewPerson("new", Role.AGENCY_VIEWER, foreign.id), PASSWORD),
        lambda: change_role(aizhan, editor.account_id, Role.AGENCY_VIEWER, foreign.id),
        lambda: edit_account(aizhan, editor.account_id, {"agency_id": foreign.id}),
        lambda: add_service_account(aizhan, "robot", Role.AGENCY_VIEWER, foreign.id),
        lambda: issue(aizhan, "robot", Role.AGENCY_VIEWER, foreign.id, DAY),
    ):
        with pytest.raises(RoleNotYoursToGive):
            act()
    assert account_named("new") is None and account_named("robot") is None and editor.agency_id == committee.id


@pytest.mark.parametrize("role", [Role.AGENCY_EDITOR, Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR])
def test_agency_administrator_does_not_see_accounts_of_others(aizhan: Actor, committee: Agency, role: Role) -> None:
    agency_id = an_agency().id if role in AGENCY_ROLES else None
    other = add_person(ADMINISTRATOR, NewPerson("other", role, agency_id), PASSWORD)
    robot = add_service_account(ADMINISTRATOR, "their robot", role, agency_id)
    key_id = issue(ADMINISTRATOR, "their robot", None, None, DAY).key_id
    assert people_listed(aizhan) == ["aizhan"]
    assert list_service_accounts(aizhan) == [] == all_tokens(aizhan)
    with pytest.raises(PersonNotFound):
        find_person(aizhan, other.id)
    with pytest.raises(PersonNotFound):
        set_password(aizhan, other.id, PASSWORD + "!")
    with pytest.raises(TokenNotFound):
        find_token(aizhan, key_id)
    with pytest.raises(TokenNotFound):
        revoke(aizhan, key_id)
    for act in (
        lambda: disable_account(aizhan, other.account_id),
        lambda: enable_account(aizhan, other.account_id),
        lambda: change_role(aizhan, other.account_id, Role.AGENCY_VIEWER, committee.id),
        lambda: disable_account(aizhan, robot.id),
        lambda: issue_service_token(aizhan, robot.id, DAY),
        lambda: issue(aizhan, "their robot", None, None, DAY),
    ):
        with pytest.raises(AccountNotFound):
            act()


def test_agency_administrator_manages_no_other_one_and_not_the_own_account(aizhan: Actor, committee: Agency) -> None:
    below = add_person(ADMINISTRATOR, NewPerson("below", Role.AGENCY_ADMINISTRATOR, committee.id), PASSWORD)
    token = a_token(Role.AGENCY_ADMINISTRATOR, committee, "below").split("_")[1]
    assert people_listed(aizhan) == ["aizhan", "below"]
    for act in (
        lambda: disable_account(aizhan, below.account_id),
        lambda: change_role(aizhan, below.account_id, Role.AGENCY_VIEWER, committee.id),
        lambda: edit_account(aizhan, below.account_id, {"language": "ru"}),
        lambda: set_password(aizhan, below.id, PASSWORD + "!"),
        lambda: revoke(aizhan, token),
    ):
        with pytest.raises(AccountNotYours):
            act()
    assert aizhan.account_id is not None
    with pytest.raises(NotYourself):
        change_role(aizhan, aizhan.account_id, Role.AGENCY_EDITOR, committee.id)
