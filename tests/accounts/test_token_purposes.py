"""What a token is for: optional, free text, displayed wherever tokens are listed."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Actor, Role, Scope
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import add_service_account, issue, issue_own_token
from registry.core.database import db
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency, bearer, in_session
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn

PURPOSE = "Ночная передача данных"


def test_page_takes_and_displays_the_purpose_and_labels_of_scopes(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, an_agency())
    page = visit.get("/account/tokens/new").text
    assert "Purpose of the token" in page and "Read everything that the role may read" in page
    assert "Manage own tokens and sessions" in page and "Manage accounts and tokens" not in page
    sent = {"expires_in": "30", "role": "agency_editor", "scopes": "read"}
    assert 'id="secret"' in visit.send("/account/tokens/new", purpose=PURPOSE, **sent).text
    assert PURPOSE in visit.get("/account").text
    assert visit.send("/account/tokens/new", purpose="x" * 101, **sent).status_code == 422
    administrator = signed_in(Role.ADMINISTRATOR).get("/tokens").text
    assert PURPOSE in administrator and "<li>Read everything that the role may read</li>" in administrator
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "token.issued")).one()
    assert json.loads(entry.details)["purpose"] == PURPOSE


def test_api_stores_and_returns_the_purpose(app: Flask) -> None:
    headers = bearer(issue(ADMINISTRATOR, "manager", Role.AUDITOR, None).text)
    person = signed_token()
    client = app.test_client()
    created = client.post("/api/v1/tokens", json={"scopes": ["read"], "purpose": PURPOSE}, headers=person)
    assert created.status_code == 201 and created.json is not None and created.json["purpose"] == PURPOSE
    listed = client.get("/api/v1/tokens", headers=headers).json
    assert listed is not None and listed["items"][0]["purpose"] == PURPOSE
    long = client.post("/api/v1/tokens", json={"scopes": ["read"], "purpose": "x" * 101}, headers=person)
    assert long.status_code == 422


def signed_token() -> dict[str, str]:
    """A person's token that may create tokens."""
    person = add_person(ADMINISTRATOR, NewPerson("zhanna", Role.AUDITOR), PASSWORD, must_change=False)
    actor = Actor("zhanna", Role.AUDITOR, account_id=person.account_id, is_person=True)
    scopes = [Scope.READ, Scope.ACCOUNTS_WRITE]
    return bearer(issue_own_token(in_session(actor), scopes=scopes).text)


def test_command_takes_the_purpose_and_lists_it(registry: CommandLine) -> None:
    assert registry("tokens", "issue", "--name", "robot", "--role", "auditor", "--purpose", PURPOSE).code == 0
    listed = json.loads(registry("tokens", "list", "--json").out)
    assert [row["purpose"] for row in listed["items"]] == [PURPOSE]
    assert registry("tokens", "issue", "--name", "robot", "--purpose", "x" * 101).code == 2


@pytest.mark.parametrize("purpose", ["x" * 101, "a\x00b"])
def test_service_refuses_a_purpose_that_is_too_long_or_has_control_characters(app: Flask, purpose: str) -> None:
    add_service_account(ADMINISTRATOR, "robot", Role.AUDITOR, None)
    with pytest.raises(Invalid):
        issue(ADMINISTRATOR, "robot", None, None, purpose=purpose)
