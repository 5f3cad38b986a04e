"""Passwords in two halves: nobody who confirms an account can sign in as its person."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import confirm_account
from registry.accounts.models import AccountNotFound, Person
from registry.accounts.passwords import HalvesNeedTwoPeople, NoFirstHalf, can_show_first_half, show_first_half
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.accounts.tokens import add_service_account
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.test_accounts import ADIL, BOTA, SAULE, come_in
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody whom Adil added and nobody confirmed yet."""
    return add_person(ADIL, NewPerson("new", Role.REVIEWER), PASSWORD)


def refused(password: str) -> bool:
    with pytest.raises(PasswordNotAccepted):
        sign_in("new", password, "10.0.0.1", "r")
    return True


def test_neither_half_signs_in_and_both_together_do(person: Person) -> None:
    second = confirm_account(BOTA, person.account_id, Role.REVIEWER)
    first = show_first_half(ADIL, person.account_id)
    assert second is not None
    assert (len(first), len(second)) == (16, 16)
    assert all(map(refused, (first, second, second + first)))
    assert come_in("new", first + second).role is Role.REVIEWER


@pytest.mark.parametrize("confirming", [BOTA, SAULE])
def test_whoever_confirmed_it_is_not_shown_the_first_half(person: Person, confirming: Actor) -> None:
    confirm_account(confirming, person.account_id, Role.REVIEWER)
    as_administrator = replace(confirming, role=Role.ADMINISTRATOR)
    with pytest.raises(HalvesNeedTwoPeople):
        show_first_half(as_administrator, person.account_id)
    db.session.refresh(person)
    assert not can_show_first_half(as_administrator, person)
    assert can_show_first_half(ADIL, person)


def test_another_name_of_whoever_confirmed_it_is_no_other_person(person: Person) -> None:
    dana = add_person(ADMINISTRATOR, NewPerson("dana", Role.ADMINISTRATOR), PASSWORD)
    actor = replace(an_actor(Role.ADMINISTRATOR, name="dana"), account_id=dana.account_id)
    confirm_account(actor, person.account_id, Role.REVIEWER)
    edit_account(ADMINISTRATOR, dana.account_id, {"name": "another name"})
    with pytest.raises(HalvesNeedTwoPeople):
        show_first_half(replace(actor, principal="another name"), person.account_id)


def test_first_half_is_stored_encrypted_and_shown_once(person: Person) -> None:
    confirm_account(BOTA, person.account_id, Role.REVIEWER)
    stored = db.session.scalars(select(Person.first_half).where(Person.account_id == person.account_id)).one()
    first = show_first_half(ADIL, person.account_id)
    assert stored is not None
    assert first not in stored
    with pytest.raises(NoFirstHalf):
        show_first_half(ADIL, person.account_id)
    entry = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
    assert (entry.action, entry.principal, entry.subject) == ("account.password-half-shown", "adil", "account:new")
    assert json.loads(entry.details) == {"kind": "person", "role": "reviewer", "agency": None, "pending": False}


def test_command_line_gets_the_whole_password(person: Person) -> None:
    password = confirm_account(ADMINISTRATOR, person.account_id, Role.REVIEWER)
    assert password is not None
    assert come_in("new", password).role is Role.REVIEWER
    with pytest.raises(NoFirstHalf):
        show_first_half(ADIL, person.account_id)


def test_half_of_others_is_not_shown_to_agencies_and_of_services_there_is_none(person: Person) -> None:
    confirm_account(BOTA, person.account_id, Role.REVIEWER)
    with pytest.raises(AccountNotFound):
        show_first_half(an_actor(Role.AGENCY_ADMINISTRATOR, an_agency()), person.account_id)
    robot = add_service_account(ADMINISTRATOR, "robot", Role.AUDITOR, None)
    with pytest.raises(NoFirstHalf):
        show_first_half(ADIL, robot.id)
