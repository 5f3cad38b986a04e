"""Owners of service accounts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import disable_account
from registry.accounts.models import AccountNotFound, AccountsNeedAPerson
from registry.accounts.roles import Actor, Role, RoleNotAllowed
from registry.accounts.same_person import change_owner, owner_name, ownerless_accounts
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import add_service_account, issue
from registry.core.database import db
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency

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
