"""Authenticator apps: enrolment, drift, replay, limits, two tabs."""

from __future__ import annotations

from base64 import b32decode
from datetime import date, timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import change_role, disable_account
from registry.accounts.attempts import TooManyAttempts
from registry.accounts.factors import (
    CeremonyExpired,
    FactorAlreadyEnrolled,
    FactorUnreadable,
    begin_totp_enrolment,
    confirm_password,
    finish_totp_enrolment,
    verify_totp,
)
from registry.accounts.models import TotpFactor
from registry.accounts.roles import Role, StepUpRequired
from registry.accounts.sessions import SessionEnded, find_factor_session, find_session_user
from registry.accounts.sign_in import sign_in
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import a_person, an_enrolled, journalled, opened, refused, sign_in_as
from tests.factories import PASSWORD, an_actor, an_agency
from tests.present import Present

STEP = timedelta(seconds=30)
BOTA = an_actor(Role.ADMINISTRATOR, name="bota")

pytestmark = pytest.mark.usefixtures("required")


@pytest.fixture(autouse=True)
def _noon(present: Present) -> None:
    present.set(date(2026, 11, 26))


def test_session_awaits_the_factor_that_the_role_requires() -> None:
    a_person("zhanna")
    signed_in = sign_in("zhanna", PASSWORD, "10.0.0.1", "r")
    assert signed_in.awaits_factor
    assert find_session_user(signed_in.secret, "", "") is None
    session = opened(signed_in.secret)
    assert session.awaits_factor and not session.has_factor
    assert journalled("person:zhanna") == ["person.password-accepted"]


def test_enrolment_completes_the_session_under_a_new_secret(app: Flask) -> None:
    a_person("zhanna")
    before = sign_in_as("zhanna")
    enrolment = begin_totp_enrolment(opened(before))
    assert enrolment.uri == f"otpauth://totp/QazTech:zhanna?secret={enrolment.secret}&issuer=QazTech"
    assert enrolment.qr_code().startswith("<svg")
    assert enrolment.secret not in repr(enrolment)
    after = finish_totp_enrolment(opened(before), pyotp.TOTP(enrolment.secret).at(now()))
    assert find_factor_session(before, "", "") is None
    user = find_session_user(after, "", "")
    assert user is not None
    assert (user.actor.factor_at, user.actor.second_factor_required) == (now(), True)
    assert journalled("account:zhanna") == ["account.added", "account.factor-added"]
    assert journalled("person:zhanna") == ["person.password-accepted", "person.signed-in"]


def test_secret_is_neither_stored_nor_journalled_in_clear_text() -> None:
    a_person("zhanna")
    session = opened(sign_in_as("zhanna"))
    secret = begin_totp_enrolment(session).secret
    finish_totp_enrolment(session, pyotp.TOTP(secret).at(now()))
    stored = db.session.scalars(select(TotpFactor.encrypted_secret)).one()
    assert secret not in stored
    assert not any(secret in entry.details for entry in db.session.scalars(select(JournalEntry)))


def test_secret_of_an_app_has_160_random_bits() -> None:
    a_person("zhanna")
    enrolment = begin_totp_enrolment(opened(sign_in_as("zhanna")))
    assert len(b32decode(enrolment.secret)) == 20


def test_wrong_code_enrols_nothing() -> None:
    a_person("zhanna")
    session = opened(sign_in_as("zhanna"))
    app = pyotp.TOTP(begin_totp_enrolment(session).secret)
    wrong = app.at(now() + timedelta(hours=1))
    assert refused(lambda: finish_totp_enrolment(session, wrong)) == "code-not-accepted"
    assert db.session.scalars(select(TotpFactor)).all() == []


@pytest.mark.parametrize("code", ["", "12345", "1234567", "１２３４５６", "abcdef", "\0", "-12345"])
def test_code_that_is_none_is_refused(code: str) -> None:
    session, _app = an_enrolled("zhanna")
    assert refused(lambda: verify_totp(session, code)) == "code-not-accepted"


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_code_of_a_neighbouring_step_is_accepted(present: Present, steps: int) -> None:
    _session, app = an_enrolled("zhanna")
    present.move(10 * STEP)
    code = app.at(now() + steps * STEP)
    user = find_session_user(verify_totp(opened(sign_in_as("zhanna")), f" {code[:3]} {code[3:]}"), "", "")
    assert user is not None and user.actor.factor_at == now()


@pytest.mark.parametrize("steps", [-2, 2])
def test_code_of_a_step_farther_away_is_refused(present: Present, steps: int) -> None:
    _session, app = an_enrolled("zhanna")
    present.move(10 * STEP)
    session = opened(sign_in_as("zhanna"))
    assert refused(lambda: verify_totp(session, app.at(now() + steps * STEP))) == "code-not-accepted"


def test_code_works_once_and_no_earlier_one_after_it(present: Present) -> None:
    session, app = an_enrolled("zhanna")
    assert refused(lambda: verify_totp(session, app.at(now()))) == "code-already-used"
    present.move(10 * STEP)
    earlier, code = app.at(now() - STEP), app.at(now())
    verify_totp(opened(sign_in_as("zhanna")), code)
    again = opened(sign_in_as("zhanna"))
    assert refused(lambda: verify_totp(again, code)) == "code-already-used"
    assert refused(lambda: verify_totp(again, earlier)) == "code-already-used"
    assert journalled("person:zhanna")[-2:] == ["person.factor-refused"] * 2


def test_codes_are_guessed_5_times_in_15_minutes_at_most(present: Present) -> None:
    _session, app = an_enrolled("zhanna")
    present.move(10 * STEP)
    # A new session does not help.
    for _ in range(5):
        session = opened(sign_in_as("zhanna"))
        assert refused(lambda session=session: verify_totp(session, "000000")) == "code-not-accepted"
    session = opened(sign_in_as("zhanna"))
    with pytest.raises(TooManyAttempts):
        verify_totp(session, app.at(now()))
    present.move(timedelta(minutes=15, seconds=1))
    verify_totp(session, app.at(now()))


def test_session_that_began_before_the_first_factor_cannot_add_another() -> None:
    # Somebody who knows the password has begun an enrolment when the person finishes the own one.
    a_person("zhanna")
    intruder, own = opened(sign_in_as("zhanna")), opened(sign_in_as("zhanna"))
    theirs, owners = begin_totp_enrolment(intruder), begin_totp_enrolment(own)
    assert theirs.secret != owners.secret
    finish_totp_enrolment(own, pyotp.TOTP(owners.secret).at(now()))
    with pytest.raises(FactorAlreadyEnrolled):
        finish_totp_enrolment(intruder, pyotp.TOTP(theirs.secret).at(now()))
    with pytest.raises(StepUpRequired):
        begin_totp_enrolment(opened(sign_in_as("zhanna")))


def test_enrolment_expires_after_30_minutes(present: Present) -> None:
    session, app = an_enrolled("zhanna")
    secret = begin_totp_enrolment(session).secret
    present.move(timedelta(minutes=31))
    with pytest.raises(FactorAlreadyEnrolled):
        finish_totp_enrolment(session, pyotp.TOTP(secret).at(now()))
    a_person("timur", Role.AGENCY_EDITOR, an_agency().id)
    other = opened(sign_in_as("timur"))
    secret = begin_totp_enrolment(other).secret
    present.move(timedelta(minutes=31))
    with pytest.raises(CeremonyExpired):
        finish_totp_enrolment(other, pyotp.TOTP(secret).at(now()))
    assert app.secret != secret


def test_new_app_replaces_the_old_one(present: Present) -> None:
    session, old = an_enrolled("zhanna")
    present.move(STEP)
    new = pyotp.TOTP(begin_totp_enrolment(session).secret)
    finish_totp_enrolment(session, new.at(now()))
    present.move(10 * STEP)
    session = opened(sign_in_as("zhanna"))
    assert refused(lambda: verify_totp(session, old.at(now()))) == "code-not-accepted"
    verify_totp(session, new.at(now()))


def test_first_factor_of_an_open_session_requires_a_recent_password(present: Present) -> None:
    a_person("timur", Role.AGENCY_EDITOR, an_agency().id)
    secret = sign_in_as("timur")
    present.move(timedelta(minutes=15, seconds=1))
    session = opened(secret)
    with pytest.raises(StepUpRequired):
        begin_totp_enrolment(session)
    assert refused(lambda: confirm_password(session, "not this one")) == "old-password-wrong"
    renewed = confirm_password(session, PASSWORD)
    assert find_factor_session(secret, "", "") is None
    begin_totp_enrolment(opened(renewed))


def test_session_waits_half_an_hour_for_its_factor(present: Present) -> None:
    a_person("zhanna")
    secret = sign_in_as("zhanna")
    present.move(timedelta(minutes=30, seconds=1))
    assert find_factor_session(secret, "", "") is None


@pytest.mark.parametrize("change", ["disabled", "role"])
def test_account_that_changes_in_mid_session_verifies_nothing(present: Present, change: str) -> None:
    _session, app = an_enrolled("zhanna")
    present.move(10 * STEP)
    secret = sign_in_as("zhanna")
    session = opened(secret)
    if change == "disabled":
        disable_account(BOTA, session.account_id)
    else:
        change_role(BOTA, session.account_id, Role.OPERATOR, None)
    with pytest.raises(SessionEnded):
        verify_totp(session, app.at(now()))
    assert find_factor_session(secret, "", "") is None
    assert "person.factor-verified" not in journalled("person:zhanna")


def test_factor_of_another_secret_key_is_refused_with_a_reason(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    session, totp = an_enrolled("zhanna")
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key of the same length")
    with pytest.raises(FactorUnreadable):
        verify_totp(session, totp.at(now()))


def test_right_codes_are_not_counted_as_guesses(present: Present) -> None:
    session, app = an_enrolled("zhanna")
    for _ in range(6):
        present.move(STEP)
        session = opened(verify_totp(session, app.at(now())))
