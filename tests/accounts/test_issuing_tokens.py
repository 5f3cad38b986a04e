"""Tokens that tokens create: which one created them is known, and they end with it."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.roles import Actor, Role, Scope
from registry.accounts.tokens import (
    IssuedToken,
    TokenNotAccepted,
    add_service_account,
    authenticate_token,
    issue_own_token,
    issue_service_token,
    revoke,
    revoke_own_token,
)
from registry.agencies.models import Agency
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.api.callers import caller
from tests.factories import ADMINISTRATOR, a_token


@pytest.fixture
def token(client: FlaskClient, agency: Agency) -> str:
    """A token of an agency administrator that may create others."""
    return a_token(Role.AGENCY_ADMINISTRATOR, agency, "aidana")


def program(text: str) -> Actor:
    return authenticate_token(text, "10.0.0.1", "r")


def create(text: str) -> IssuedToken:
    return issue_own_token(program(text))


def works(text: str) -> bool:
    try:
        program(text)
    except TokenNotAccepted:
        return False
    return True


@pytest.mark.parametrize("by_owner", [True, False])
def test_tokens_that_a_token_created_are_revoked_with_it(token: str, *, by_owner: bool) -> None:
    first = create(token)
    second, sibling = create(first.text), create(token)
    if by_owner:
        revoke_own_token(program(token), first.key_id)
    else:
        revoke(ADMINISTRATOR, first.key_id)
    assert [works(each) for each in (token, first.text, second.text, sibling.text)] == [True, False, False, True]
    entries = db.session.execute(
        select(JournalEntry.subject, JournalEntry.details)
        .where(JournalEntry.action == "token.revoked")
        .order_by(JournalEntry.seq)
    ).all()
    assert [(entry.subject, json.loads(entry.details)) for entry in entries] == [
        (f"token:{first.key_id}", {"account": "aidana", "issued_by": token.split("_")[1]}),
        (f"token:{second.key_id}", {"account": "aidana", "issued_by": first.key_id}),
    ]


def test_token_of_a_service_goes_on_and_names_the_token_that_created_it(
    client: FlaskClient, token: str, agency: Agency
) -> None:
    robot = add_service_account(program(token), "robot", Role.AGENCY_EDITOR, agency.id)
    issued = issue_service_token(program(token), robot.id, scopes=[Scope.READ])
    revoke(ADMINISTRATOR, token.split("_")[1])
    assert works(issued.text)
    listed = caller(client, Role.AUDITOR).get("/tokens?kind=service").get_json()["items"]
    assert [(item["key_id"], item["issued_by"]) for item in listed] == [(issued.key_id, token.split("_")[1])]
