"""What a token is for: optional, free text, displayed wherever tokens are listed."""

from __future__ import annotations

from flask import Flask

from registry.accounts.roles import Actor, Role, Scope
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import issue, issue_own_token
from tests.factories import ADMINISTRATOR, PASSWORD, bearer, in_session

PURPOSE = "Ночная передача данных"


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
