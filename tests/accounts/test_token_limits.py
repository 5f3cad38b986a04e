"""Limits of tokens: addresses, scopes, tokens that tokens create, and reports of inactive and ending tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.models import Person
from registry.accounts.queries import all_tokens
from registry.accounts.roles import Actor, Role, Scope, StepUpRequired
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import Token, TokenNotAccepted, authenticate_token, issue, issue_own_token, revoke
from registry.core.database import db
from registry.core.errors import Invalid
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, in_session
from tests.present import Present

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def person(app: Flask) -> Person:
    return add_person(ADMINISTRATOR, NewPerson("saule", Role.SUPERVISOR), PASSWORD)


@pytest.fixture
def saule(person: Person) -> Actor:
    return in_session(replace(an_actor(Role.SUPERVISOR, name="saule"), account_id=person.account_id))


def come_in(text: str, address: str = "10.1.0.7") -> Actor:
    return authenticate_token(text, address, "r")


def problems(error: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.code) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("address", "accepted"),
    [
        ("10.1.0.7", True),
        ("::ffff:10.1.0.7", True),
        ("10.2.0.1", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("2001:db8::5", True),
        ("2001:db9::5", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_token_is_accepted_from_its_addresses_only(app: Flask, address: str, accepted: bool) -> None:
    ranges = ["10.1.0.0/16", "192.0.2.1", "2001:db8::/32"]
    token = issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, DAY, addresses=ranges)
    if accepted:
        assert come_in(token.text, address).principal == "robot"
    else:
        with pytest.raises(TokenNotAccepted):
            come_in(token.text, address)
        assert db.session.scalars(select(Token.last_used_at)).one() is None


@pytest.mark.parametrize("text", ["::ffff:10.1.0.0/112", "::ffff:10.1.0.7", "::ffff:a01:0/112"])
def test_range_of_mapped_addresses_is_the_one_of_ipv4(app: Flask, text: str) -> None:
    token = issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, DAY, addresses=[text])
    for address in ("10.1.0.7", "::ffff:10.1.0.7"):
        assert come_in(token.text, address).principal == "robot"
    with pytest.raises(TokenNotAccepted):
        come_in(token.text, "10.2.0.7")


def test_last_use_has_its_address(app: Flask) -> None:
    token = issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, DAY)
    come_in(token.text, "10.1.0.7")
    assert db.session.scalars(select(Token.last_used_from)).one() == "10.1.0.7"


def test_approving_is_given_to_an_own_token_only(saule: Actor) -> None:
    for name, role in (("robot", Role.SUPERVISOR), ("saule", None)):
        with pytest.raises(Invalid) as refused:
            issue(ADMINISTRATOR, name, role, None, DAY, scopes={Scope.READ, Scope.DECISIONS_APPROVE})
        assert problems(refused) == [("/scopes", "scope-only-for-own-tokens")]
    token = issue_own_token(saule, DAY, scopes={Scope.READ, Scope.DECISIONS_APPROVE})
    assert come_in(token.text).scopes == {Scope.READ, Scope.DECISIONS_APPROVE}


@pytest.mark.parametrize("scope", [Scope.DECISIONS_APPROVE, Scope.EXEMPTIONS_WRITE])
def test_own_token_for_acts_of_consequence_needs_a_step_up(saule: Actor, present: Present, scope: Scope) -> None:
    at = present.set(START)
    session = replace(saule, second_factor_required=True)
    with pytest.raises(StepUpRequired):
        issue_own_token(session, DAY, scopes={scope})
    issue_own_token(replace(session, factor_at=at), DAY, scopes={scope})
    issue_own_token(session, DAY, scopes={Scope.READ, Scope.CASES_WRITE})


@pytest.mark.parametrize(
    ("scopes", "code"), [([], "scope-missing"), ([Scope.READ, Scope.AUDITS_RUN], "scope-not-of-role")]
)
def test_unusable_scopes_are_rejected(app: Flask, scopes: list[Scope], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        issue(ADMINISTRATOR, "robot", Role.REVIEWER, None, DAY, scopes=scopes)
    assert problems(refused) == [("/scopes", code)]


def test_token_creates_no_token_that_is_wider_than_itself(saule: Actor, present: Present) -> None:
    present.set(START)
    made = issue_own_token(
        saule, 10 * DAY, Role.REVIEWER, scopes={Scope.READ, Scope.CASES_WRITE}, addresses=["10.1.0.0/16"]
    )
    actor = come_in(made.text)
    for act, wider in (
        (lambda: issue_own_token(actor, 11 * DAY), ("/expires_in", "token-wider-than-token")),
        (lambda: issue_own_token(actor, scopes={Scope.PROJECTS_WRITE}), ("/scopes", "token-wider-than-token")),
        (lambda: issue_own_token(actor, addresses=["10.0.0.0/8"]), ("/addresses", "token-wider-than-token")),
        (lambda: issue_own_token(actor, addresses=["2001:db8::/32"]), ("/addresses", "token-wider-than-token")),
    ):
        with pytest.raises(Invalid) as refused:
            act()
        assert problems(refused) == [wider]
    with pytest.raises(Invalid) as refused:
        issue_own_token(actor, role=Role.SUPERVISOR)
    assert ("/role", "token-wider-than-account") in problems(refused)

    issue_own_token(actor, addresses=["10.1.2.0/24"])
    child = come_in(issue_own_token(actor).text)
    assert (child.role, child.scopes) == (Role.REVIEWER, {Scope.READ, Scope.CASES_WRITE})
    kept = db.session.scalars(select(Token).order_by(Token.id.desc())).first()
    assert kept is not None and (kept.expires_at, kept.addresses) == (START + 10 * DAY, ["10.1.0.0/16"])


def test_token_never_gives_the_right_to_approve(saule: Actor) -> None:
    actor = come_in(issue_own_token(saule, DAY, scopes=set(Scope) - {Scope.ACCOUNTS_WRITE, Scope.IMPORTS_RUN}).text)
    assert actor.scopes is not None and Scope.DECISIONS_APPROVE in actor.scopes
    with pytest.raises(Invalid) as refused:
        issue_own_token(actor, scopes={Scope.DECISIONS_APPROVE})
    assert problems(refused) == [("/scopes", "scope-only-for-own-tokens")]
    assert Scope.DECISIONS_APPROVE not in (come_in(issue_own_token(actor).text).scopes or set())


def test_inactive_tokens_are_those_that_nobody_used_for_90_days(app: Flask, present: Present) -> None:
    present.set(START)
    unused, used, revoked, _short = (
        issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, days * DAY) for days in (200, 200, 200, 10)
    )
    revoke(ADMINISTRATOR, revoked.key_id)
    present.set(START + DAY)
    come_in(used.text)
    administrator = an_actor(Role.ADMINISTRATOR)
    present.set(START + 90 * DAY - timedelta(seconds=1))
    assert all_tokens(administrator, "inactive") == []
    present.set(START + 90 * DAY)
    assert [token["key_id"] for token in all_tokens(administrator, "inactive")] == [unused.key_id]
    present.set(START + 91 * DAY)
    assert [token["key_id"] for token in all_tokens(administrator, "inactive")] == [unused.key_id, used.key_id]


def test_ending_tokens_are_those_that_end_within_14_days(app: Flask, present: Present) -> None:
    present.set(START)
    token = issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, 20 * DAY)
    administrator = an_actor(Role.ADMINISTRATOR)
    for days, listed in ((0, []), (6, [token.key_id]), (19, [token.key_id]), (20, [])):
        present.set(START + days * DAY)
        assert [each["key_id"] for each in all_tokens(administrator, "ending")] == listed


def test_more_than_20_address_ranges_are_rejected(app: Flask) -> None:
    ranges = [f"10.{number}.0.0/16" for number in range(21)]
    issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, DAY, addresses=ranges[:20])
    with pytest.raises(Invalid) as refused:
        issue(ADMINISTRATOR, "robot", None, None, DAY, addresses=ranges)
    assert problems(refused) == [("/addresses", "too-many-address-ranges")]
