"""Edits of accounts: history, reserved former names, confirmation, the last administrator, changed rights."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import LastAdministrator, change_role, confirm_account, disable_account
from registry.accounts.account_management import AccountNotYours, NotYourself, RoleNotYoursToGive
from registry.accounts.confirmations import ConfirmationNeedsAnotherPerson
from registry.accounts.models import Account, AccountNameTaken, account_named
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person, edit_account, person_named
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.accounts.tokens import add_service_account, authenticate_token
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD, a_token, an_actor, an_agency
from tests.present import Present


def a_person(name: str, role: Role = Role.AGENCY_VIEWER, agency_id: int | None = None) -> Account:
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
    account = a_person("a.serikova", agency_id=an_agency().id)

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
    assert account is not None

    edit_account(ADMINISTRATOR, account.id, {"name": "a.akhmetova"})

    assert authenticate_token(token, "10.0.0.1", "r").principal == "a.akhmetova"
    assert sign_in("a.akhmetova", PASSWORD, "10.0.0.1", "r").secret
    with pytest.raises(PasswordNotAccepted):
        sign_in("a.serikova", PASSWORD, "10.0.0.1", "r")


@pytest.mark.parametrize("name", ["a.serikova", "A.Serikova", "а.serikova"])
def test_former_name_is_taken_for_ever_by_no_other_account(app: Flask, name: str) -> None:
    agency_id = an_agency().id
    renamed, other = a_person("a.serikova", agency_id=agency_id), a_person("b.other", agency_id=agency_id)
    edit_account(ADMINISTRATOR, renamed.id, {"name": "a.akhmetova"})

    with pytest.raises(AccountNameTaken):
        add_person(ADMINISTRATOR, NewPerson(name, Role.AGENCY_VIEWER, agency_id), PASSWORD)
    with pytest.raises(AccountNameTaken):
        add_service_account(ADMINISTRATOR, name, Role.AGENCY_VIEWER, agency_id)
    with pytest.raises(AccountNameTaken):
        edit_account(ADMINISTRATOR, other.id, {"name": name})


def test_rename_to_a_name_that_looks_like_another_is_refused_and_changes_nothing(app: Flask) -> None:
    agency_id = an_agency().id
    account = a_person("a.serikova", agency_id=agency_id)
    a_person("saule", agency_id=agency_id)
    with pytest.raises(AccountNameTaken):
        edit_account(ADMINISTRATOR, account.id, {"name": "s\u0430ule", "email": None})
    person = person_named("a.serikova")
    assert person is not None and person.email == "a.serikova@example.kz"


def test_wrong_values_are_reported_together(app: Flask) -> None:
    account = a_person("a.serikova", agency_id=an_agency().id)
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
    owner = a_person("a.serikova", agency_id=agency_id)
    service = add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_VIEWER, agency_id)
    edit_account(ADMINISTRATOR, service.id, {"owner_id": owner.id, "name": "robot 2"})
    assert (service.owner_account_id, service.name) == (owner.id, "robot 2")
    with pytest.raises(Invalid) as refused:
        edit_account(ADMINISTRATOR, service.id, {"email": "a@example.kz", "language": "kk"})
    assert codes(refused.value) == [("/email", "field-of-people"), ("/language", "field-of-people")]


def test_new_email_of_oversight_waits_for_a_second_person_and_of_agencies_does_not(app: Flask) -> None:
    adil = session_of(a_person("adil", Role.ADMINISTRATOR))
    reviewer, viewer = a_person("r.reviewer", Role.REVIEWER), a_person("v.viewer", agency_id=an_agency().id)
    for account in (reviewer, viewer):
        edit_account(adil, account.id, {"email": "adils.own@example.kz"})
    assert (reviewer.status, viewer.status) == ("pending", "active")
    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_account(adil, reviewer.id, Role.REVIEWER)


def test_nobody_edits_the_own_account_and_agency_administrators_only_theirs(app: Flask) -> None:
    home, foreign = an_agency(), an_agency()
    chief = a_person("chief", Role.AGENCY_ADMINISTRATOR, home.id)
    viewer, peer = a_person("viewer", agency_id=home.id), a_person("peer", Role.AGENCY_ADMINISTRATOR, home.id)
    actor = session_of(chief)

    assert edit_account(actor, viewer.id, {"name": "viewer 2"}).name == "viewer 2"
    with pytest.raises(NotYourself):
        edit_account(actor, chief.id, {"language": "ru"})
    with pytest.raises(AccountNotYours):
        edit_account(actor, peer.id, {"language": "ru"})
    with pytest.raises(RoleNotYoursToGive):
        edit_account(actor, viewer.id, {"agency_id": foreign.id})


def test_last_administrator_cannot_be_disabled_or_given_another_role(app: Flask) -> None:
    last = a_person("adil", Role.ADMINISTRATOR)
    add_service_account(ADMINISTRATOR, "robot", Role.ADMINISTRATOR, None)
    with pytest.raises(LastAdministrator):
        disable_account(ADMINISTRATOR, last.id)
    with pytest.raises(LastAdministrator):
        change_role(ADMINISTRATOR, last.id, Role.AUDITOR, None)
    with pytest.raises(LastAdministrator):
        edit_account(ADMINISTRATOR, last.id, {"role": Role.AUDITOR})
    assert (last.role, last.disabled_at) == ("administrator", None)

    a_person("bota", Role.ADMINISTRATOR)
    disable_account(ADMINISTRATOR, last.id)
    assert last.status == "disabled"


def test_pending_and_disabled_administrators_do_not_count(app: Flask) -> None:
    adil = a_person("adil", Role.ADMINISTRATOR)
    a_person("bota", Role.ADMINISTRATOR)
    pending = add_person(session_of(adil), NewPerson("pending", Role.ADMINISTRATOR), PASSWORD).account
    assert pending.status == "pending"
    bota = account_named("bota")
    assert bota is not None
    disable_account(ADMINISTRATOR, bota.id)
    with pytest.raises(LastAdministrator):
        disable_account(ADMINISTRATOR, adil.id)


def test_changed_at_follows_changes_and_last_signed_in_at_sign_ins(app: Flask, present: Present) -> None:
    start = present.set(datetime.fromisoformat("2026-03-02T05:00:00+00:00"))
    account = a_person("a.serikova", agency_id=an_agency().id)
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
