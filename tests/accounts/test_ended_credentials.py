"""A session or token that ended while its request was being handled leaves no new token behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from registry.accounts.account_changes import change_role, disable_account, enable_account
from registry.accounts.account_management import RightsChanged
from registry.accounts.models import Person
from registry.accounts.queries import own_tokens
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person, set_password
from registry.accounts.sessions import SessionEnded, end_own_session, list_sessions
from registry.accounts.tokens import authenticate_token, issue_own_token, revoke_own_token
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency, in_session


@pytest.fixture
def person(app: Flask) -> Person:
    return add_person(ADMINISTRATOR, NewPerson("saule", Role.AGENCY_EDITOR, an_agency().id), PASSWORD)


@pytest.fixture
def saule(person: Person) -> Actor:
    """Saule, whose request has been authenticated."""
    actor = Actor("saule", Role.AGENCY_EDITOR, person.agency_id, "10.0.0.1", "r", person.account_id, is_person=True)
    return in_session(actor)


def disabled_and_enabled(person: Person) -> None:
    disable_account(ADMINISTRATOR, person.account_id)
    enable_account(ADMINISTRATOR, person.account_id)


@pytest.mark.parametrize(
    "change",
    [
        lambda person: set_password(ADMINISTRATOR, person.id, "another long password"),
        lambda person: change_role(ADMINISTRATOR, person.account_id, Role.AGENCY_ADMINISTRATOR, person.agency_id),
        lambda person: disable_account(ADMINISTRATOR, person.account_id),
        disabled_and_enabled,
    ],
)
def test_session_that_a_change_of_the_account_ended_issues_no_token(
    person: Person, saule: Actor, change: Callable[[Person], None]
) -> None:
    issue_own_token(saule)
    change(person)
    with pytest.raises((SessionEnded, RightsChanged)):
        issue_own_token(saule)
    assert [token["revoked_at"] is None for token in own_tokens(saule)] == [False]


def test_session_that_its_owner_ended_issues_no_token(saule: Actor) -> None:
    end_own_session(saule, list_sessions(saule)[0].public_id)
    with pytest.raises(SessionEnded):
        issue_own_token(saule)


def test_revoked_token_issues_no_token(saule: Actor) -> None:
    token = issue_own_token(saule)
    program = authenticate_token(token.text, "10.0.0.1", "r")
    revoke_own_token(saule, token.key_id)
    with pytest.raises(SessionEnded):
        issue_own_token(program)


def test_session_of_another_person_is_not_enough(saule: Actor) -> None:
    other = an_actor(Role.REVIEWER)
    stranger = add_person(ADMINISTRATOR, NewPerson(other.principal, Role.REVIEWER), PASSWORD)
    with pytest.raises(SessionEnded):
        issue_own_token(
            Actor(
                other.principal,
                Role.REVIEWER,
                account_id=stranger.account_id,
                is_person=True,
                credential=saule.credential,
            )
        )
