"""Tokens: displayed once, expiry, revocation, and permissions limited by the account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from registry.accounts.models import Account, account_named
from registry.accounts.roles import Actor, Permission, Role, Scope
from registry.accounts.tokens import (
    LETTERS,
    TOKEN_PATTERN,
    IssuedToken,
    Token,
    TokenNotAccepted,
    TokenNotFound,
    authenticate_token,
    checksum,
    issue,
    revoke,
)
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, a_token, an_agency
from tests.present import Present

DAY = timedelta(days=1)


def accepted(text: str) -> Actor:
    return authenticate_token(text, "10.0.0.1", "request-1")


def issued(name: str = "Robot", role: Role | None = Role.OPERATOR, lifetime: timedelta | None = DAY) -> IssuedToken:
    return issue(ADMINISTRATOR, name, role, None, lifetime)


def test_token_acts_for_its_principal_with_its_role_and_agency(app: Flask) -> None:
    agency = an_agency()
    text = a_token(Role.AGENCY_EDITOR, agency, name="Айгүл")
    account = account_named("Айгүл")
    assert accepted(text) == Actor(
        "Айгүл",
        Role.AGENCY_EDITOR,
        agency.id,
        "10.0.0.1",
        "request-1",
        account_id=account.id,
        is_person=True,
        credential=f"token:{text.split('_')[1]}",
        scopes=frozenset(
            {Scope.READ, Scope.PROJECTS_WRITE, Scope.CASES_WRITE, Scope.IMPORTS_RUN, Scope.ACCOUNTS_WRITE}
        ),
    )


def test_token_of_an_account_has_its_role_or_a_narrower_one(app: Flask) -> None:
    issued("Robot", Role.SUPERVISOR)
    assert accepted(issued("Robot", None).text).role is Role.SUPERVISOR
    assert accepted(issued("Robot", Role.AUDITOR).text).role is Role.AUDITOR


@pytest.mark.parametrize("wider", [Role.SUPERVISOR, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR])
def test_token_wider_than_its_account_is_rejected(app: Flask, wider: Role) -> None:
    issued("Robot", Role.REVIEWER)
    with pytest.raises(Invalid) as refused:
        issued("Robot", wider)
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("/role", "token-wider-than-account")
    ]


def test_token_of_another_agency_than_its_account_is_rejected(app: Flask) -> None:
    own, other = an_agency(), an_agency()
    issue(ADMINISTRATOR, "Editor", Role.AGENCY_EDITOR, own.id, DAY)
    with pytest.raises(Invalid):
        issue(ADMINISTRATOR, "Editor", Role.AGENCY_VIEWER, other.id, DAY)
    narrower = issue(ADMINISTRATOR, "Editor", Role.AGENCY_VIEWER, None, DAY)
    assert accepted(narrower.text).agency_id == own.id


def test_token_wider_than_its_account_is_now_is_not_accepted(app: Flask) -> None:
    token = issued("Robot", Role.SUPERVISOR)
    with transaction() as session:
        # As if the change of role had not revoked it.
        session.execute(update(Account).values(role="reviewer"))
    with pytest.raises(TokenNotAccepted):
        accepted(token.text)


def test_token_is_never_stored_or_journalled(app: Flask) -> None:
    text = issued().text
    secret = TOKEN_PATTERN.fullmatch(text)[2]
    (token,) = db.session.scalars(select(Token))
    kept = " ".join(str(getattr(token, column.key)) for column in Token.__mapper__.column_attrs)
    journalled = " ".join(entry.subject + entry.details for entry in db.session.scalars(select(JournalEntry)))
    assert secret not in kept + journalled


def test_token_expires_to_the_second(app: Flask, present: Present) -> None:
    start = present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    token = issued(lifetime=timedelta(hours=1))
    present.set(start + timedelta(minutes=59, seconds=59))
    assert accepted(token.text).role is Role.OPERATOR
    present.set(start + timedelta(hours=1))
    with pytest.raises(TokenNotAccepted):
        accepted(token.text)


def test_token_without_a_lifetime_ends_after_90_days(app: Flask, present: Present) -> None:
    present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    token = issued(lifetime=None)
    present.set(datetime(2026, 5, 30, 8, 59, 59, tzinfo=UTC))
    assert accepted(token.text).principal == "Robot"
    present.set(datetime(2026, 5, 30, 9, tzinfo=UTC))
    with pytest.raises(TokenNotAccepted):
        accepted(token.text)


def test_token_of_an_earlier_version_has_every_scope_and_does_not_expire(app: Flask, present: Present) -> None:
    present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    token = issued(role=Role.SUPERVISOR)
    with transaction() as session:
        session.execute(update(Token).values(expires_at=None, scopes=None))
    present.set(datetime(2036, 3, 1, 9, tzinfo=UTC))
    actor = accepted(token.text)
    assert actor.scopes is None and actor.may(Permission.CASES_APPROVE)


def test_revoked_token_is_rejected_and_others_of_the_account_are_not(app: Flask) -> None:
    token, sister = issued(), issued()
    accepted(token.text)
    revoke(ADMINISTRATOR, token.key_id)
    with pytest.raises(TokenNotAccepted):
        accepted(token.text)
    assert accepted(sister.text).principal == "Robot"


def test_revoking_twice_has_no_effect(app: Flask, present: Present) -> None:
    present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    token = issued()
    revoke(ADMINISTRATOR, token.key_id)
    present.move(DAY)
    revoke(ADMINISTRATOR, token.key_id)
    actions = db.session.scalars(select(JournalEntry.action).order_by(JournalEntry.seq)).all()
    assert actions == ["account.added", "token.issued", "token.revoked"]


def test_revoking_an_unknown_token_raises_token_not_found(app: Flask) -> None:
    with pytest.raises(TokenNotFound):
        revoke(ADMINISTRATOR, "0" * 10)


@pytest.mark.parametrize("out", ["disabled_at", "pending_since"])
def test_tokens_of_disabled_or_pending_accounts_are_rejected(app: Flask, present: Present, out: str) -> None:
    start = present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    tokens = [issued(), issued()]
    with transaction() as session:
        session.execute(update(Account).values({out: start}))
    for token in tokens:
        with pytest.raises(TokenNotAccepted):
            accepted(token.text)


@given(at=st.integers(0, 10_000), letter=st.sampled_from(LETTERS))
def test_mistyped_token_is_rejected_without_a_query(at: int, letter: str) -> None:
    # No app is there: a question to the database would fail with another error.
    text = f"qtr_{'a' * 10}_{'b' * 40}{checksum('a' * 10, 'b' * 40)}"
    place = at % len(text)
    if text[place] != letter:
        with pytest.raises(TokenNotAccepted):
            accepted(text[:place] + letter + text[place + 1 :])
    with pytest.raises(TokenNotAccepted):
        accepted(text[:place])


def test_well_formed_unknown_token_is_rejected(app: Flask) -> None:
    with pytest.raises(TokenNotAccepted):
        accepted(f"qtr_{'a' * 10}_{'b' * 40}{checksum('a' * 10, 'b' * 40)}")


def test_wrong_secret_is_rejected(app: Flask) -> None:
    key_id = issued().key_id
    with pytest.raises(TokenNotAccepted):
        accepted(f"qtr_{key_id}_{'b' * 40}{checksum(key_id, 'b' * 40)}")


@pytest.mark.parametrize("text", ["", "qtr_", "Bearer x", "qtr_１_x", "q" * 100_000, "qtr_\x00", "\ud800"])
def test_malformed_token_is_rejected(app: Flask, text: str) -> None:
    with pytest.raises(TokenNotAccepted):
        accepted(text)


def test_last_used_at_is_not_written_on_every_request(app: Flask, present: Present) -> None:
    start = present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    token = issued()
    uses = []
    for minutes in (0, 4, 6):
        present.set(start + timedelta(minutes=minutes))
        accepted(token.text)
        db.session.expire_all()
        uses.append(db.session.scalars(select(Token)).one().last_used_at)
    assert uses == [start, start, start + timedelta(minutes=6)]


@pytest.mark.parametrize(
    ("name", "role", "with_agency", "lifetime", "pointers"),
    [
        ("", Role.OPERATOR, False, DAY, ["/name"]),
        ("  ", Role.OPERATOR, False, DAY, ["/name"]),
        ("a\x00b", Role.OPERATOR, False, DAY, ["/name"]),
        ("x" * 201, Role.OPERATOR, False, DAY, ["/name"]),
        ("Robot", Role.AGENCY_EDITOR, False, DAY, ["/agency"]),
        ("Robot", Role.SUPERVISOR, True, DAY, ["/agency"]),
        ("Robot", Role.OPERATOR, False, timedelta(), ["/expires_in"]),
        ("Robot", Role.OPERATOR, False, timedelta(days=366, seconds=1), ["/expires_in"]),
        ("", Role.AGENCY_VIEWER, False, -DAY, ["/name", "/agency", "/expires_in"]),
    ],
)
def test_invalid_token_request_is_rejected(
    app: Flask, name: str, role: Role, with_agency: bool, lifetime: timedelta, pointers: list[str]
) -> None:
    agency_id = an_agency().id if with_agency else None
    with pytest.raises(Invalid) as refused:
        issue(ADMINISTRATOR, name, role, agency_id, lifetime)
    assert [problem.pointer for problem in refused.value.problems] == pointers
    assert db.session.scalars(select(Token)).all() == []
