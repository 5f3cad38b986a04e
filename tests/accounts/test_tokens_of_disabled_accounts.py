"""Tokens of disabled accounts: none is created, and none is listed as valid."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import update

from registry.accounts.account_changes import disable_account, enable_account
from registry.accounts.confirmations import TokenNotPending, confirm_token
from registry.accounts.models import Account
from registry.accounts.queries import all_tokens
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import TokenForDisabledAccount, add_service_account, issue, issue_service_token
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db, transaction
from tests.api.callers import Caller, code
from tests.factories import ADMINISTRATOR, PASSWORD, a_service_token, an_actor


def test_disabled_service_account_gets_no_token(administrator: Caller, agency: Agency) -> None:
    robot = add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_EDITOR, agency.id)
    disable_account(ADMINISTRATOR, robot.id)
    answer = administrator.post(f"/accounts/{robot.id}/tokens", {})
    assert (answer.status_code, code(answer)) == (409, "token-for-disabled-account")
    assert all_tokens(ADMINISTRATOR)[0]["account"] != "robot"
    enable_account(ADMINISTRATOR, robot.id)
    assert administrator.post(f"/accounts/{robot.id}/tokens", {}).get_json()["status"] == "valid"


def test_command_line_gives_no_disabled_person_a_token(app: Flask) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("saule", Role.OPERATOR), PASSWORD)
    disable_account(ADMINISTRATOR, person.account_id)
    with pytest.raises(TokenForDisabledAccount):
        issue(ADMINISTRATOR, "saule", None, None)
    assert all_tokens(ADMINISTRATOR) == []


def test_tokens_that_are_not_accepted_are_not_listed_as_valid(administrator: Caller) -> None:
    for name in ("disabled", "pending", "works"):
        a_service_token(Role.OPERATOR, name=name)
    with transaction() as session:
        # As earlier versions left them: with unrevoked tokens.
        for name, column in (("disabled", "disabled_at"), ("pending", "pending_since")):
            session.execute(update(Account).where(Account.name == name).values({column: now()}))
    statuses = {
        item["account"]: item["status"] for item in administrator.get("/tokens?kind=service").get_json()["items"]
    }
    assert statuses == {"disabled": "disabled", "pending": "pending", "works": "valid"}
    for status, name in (("disabled", "disabled"), ("valid", "works")):
        listed = administrator.get(f"/tokens?kind=service&status={status}").get_json()["items"]
        assert [item["account"] for item in listed] == [name]


def test_token_of_a_disabled_account_is_not_confirmed(app: Flask) -> None:
    robot = add_service_account(ADMINISTRATOR, "robot", Role.OPERATOR, None)
    issued = issue_service_token(an_actor(Role.ADMINISTRATOR, name="bota"), robot.id)
    with transaction() as session:
        session.execute(update(Account).where(Account.id == robot.id).values(disabled_at=now()))
    db.session.expire_all()
    with pytest.raises(TokenNotPending):
        confirm_token(an_actor(Role.ADMINISTRATOR, name="saule"), issued.key_id)
