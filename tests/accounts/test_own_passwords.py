"""Change of one's own password, and rehashing with current parameters."""

from __future__ import annotations

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import func, select

from registry.accounts import passwords
from registry.accounts.attempts import TooManyAttempts
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, change_own_password, person_named
from registry.accounts.sessions import WebSession, find_session_user
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.accounts.tokens import issue_own_token
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from tests.accounts.test_accounts import ADIL, OTHER, a_person, come_in
from tests.factories import PASSWORD, an_agency
from tests.present import Present

DAY = timedelta(days=1)


def test_password_set_by_an_administrator_must_be_changed_first(app: Flask) -> None:
    add_person(ADIL, NewPerson("zhanna", Role.AGENCY_VIEWER, an_agency().id), PASSWORD)
    first = find_session_user(sign_in("zhanna", PASSWORD, "", "").secret, "", "")
    assert first is not None and first.must_change_password
    with pytest.raises(Invalid):
        issue_own_token(first.actor, DAY)
    for old, new, code in (
        ("wrong", OTHER, "old-password-wrong"),
        (PASSWORD, PASSWORD, "password-not-new"),
        (PASSWORD, "short", "password-length"),
    ):
        with pytest.raises(Invalid) as refused:
            change_own_password(first.actor, old, new)
        assert [problem.code for problem in refused.value.problems] == [code]
    after = find_session_user(change_own_password(first.actor, PASSWORD, OTHER), "", "")
    assert after is not None and not after.must_change_password
    assert db.session.scalar(select(func.count(WebSession.id))) == 1
    with pytest.raises(PasswordNotAccepted):
        sign_in("zhanna", PASSWORD, "", "")


def test_sign_in_rehashes_a_password_hashed_with_old_parameters(app: Flask) -> None:
    a_person("zhanna")
    before = person_named("zhanna").password_hash
    strength = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", strength)
        come_in("zhanna")
        after = person_named("zhanna").password_hash
        assert before != after and "m=16,t=2,p=1" in after
        come_in("zhanna")
        assert person_named("zhanna").password_hash == after


def test_old_password_is_guessed_5_times_in_15_minutes_at_most(app: Flask, present: Present) -> None:
    present.set(now())
    a_person("zhanna")
    zhanna = come_in("zhanna")
    for _ in range(5):
        with pytest.raises(Invalid):
            change_own_password(zhanna, "wrong", OTHER)
    for guess in ("wrong", PASSWORD):
        with pytest.raises(TooManyAttempts):
            change_own_password(zhanna, guess, OTHER)
    refused = select(JournalEntry.principal, JournalEntry.subject).where(
        JournalEntry.action == "account.password-refused"
    )
    assert [tuple(row) for row in db.session.execute(refused)] == [("zhanna", "account:zhanna")] * 5
    # Another person is not limited by it, and nobody is locked out of signing in.
    a_person("timur")
    change_own_password(come_in("timur"), PASSWORD, OTHER)
    come_in("zhanna")
    present.move(timedelta(minutes=15, seconds=1))
    change_own_password(zhanna, PASSWORD, OTHER)


def test_right_old_password_is_not_counted_as_a_guess(app: Flask) -> None:
    a_person("zhanna")
    zhanna = come_in("zhanna")
    for _ in range(6):
        with pytest.raises(Invalid) as refused:
            change_own_password(zhanna, PASSWORD, "short")
        assert [problem.code for problem in refused.value.problems] == ["password-length"]
