"""Changes of accounts: the journal entries, the errors and the list of pending accounts."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import (
    AddressOfAnotherAccount,
    change_role,
    confirm_account,
    disable_account,
    enable_account,
    pending_accounts,
)
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.halves import whole_password
from tests.accounts.test_accounts import ADIL, BOTA, SAULE, a_person, come_in
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.present import Present


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


def test_role_and_agency_change_of_one_person_only(app: Flask) -> None:
    agency = an_agency()
    person = a_person("zhanna")
    a_person("timur")

    change_role(ADIL, person.account_id, Role.AGENCY_EDITOR, agency.id)

    assert (come_in("zhanna").role, come_in("zhanna").agency_id) == ("agency_editor", agency.id)
    assert (come_in("timur").role, come_in("timur").agency_id) == ("auditor", None)


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


def test_confirmed_person_changes_the_new_password_at_the_first_sign_in(app: Flask, present: Present) -> None:
    present.set(date(2026, 3, 2))
    new = add_person(ADIL, NewPerson("new", Role.REVIEWER), PASSWORD, must_change=False)
    other = a_person("timur")
    present.move(timedelta(hours=1))

    password = confirm_account(BOTA, new.account_id, Role.REVIEWER)

    person = person_named("new")
    assert person is not None and person.password_must_change
    assert person.password_set_at - other.password_set_at == timedelta(hours=1)
    assert person.account.confirmed_by == "bota"
    assert come_in("new", whole_password(password, new.account_id)).role == "reviewer"
    assert come_in("timur").role == "auditor"


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
