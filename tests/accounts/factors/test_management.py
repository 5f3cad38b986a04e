"""Removing one's own factors, and resetting those of somebody else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import confirm_account
from registry.accounts.account_management import NotYourself
from registry.accounts.confirmations import ConfirmationNeedsAnotherPerson
from registry.accounts.factors import (
    LastFactorRequired,
    begin_passkey_registration,
    begin_totp_enrolment,
    finish_passkey_registration,
    generate_recovery_codes,
    list_factors,
    remove_factor,
    reset_factors,
    verify_totp,
)
from registry.accounts.models import (
    AccountNotFound,
    FactorCeremony,
    FactorKind,
    Passkey,
    RecoveryCode,
    TotpFactor,
    account_named,
)
from registry.accounts.roles import Role, RoleNotAllowed, StepUpRequired
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sessions import find_factor_session, find_session_user
from registry.accounts.sign_in import AccountNotConfirmed, sign_in
from registry.core.clock import now
from registry.core.database import db
from tests.accounts.factors.software_authenticator import SoftwareAuthenticator
from tests.accounts.factors.steps import an_enrolled, journalled, opened, sign_in_as
from tests.accounts.halves import whole_password
from tests.factories import ADMINISTRATOR, PASSWORD, a_service_token, an_actor
from tests.present import Present

ADIL = an_actor(Role.ADMINISTRATOR, name="adil")

pytestmark = pytest.mark.usefixtures("required")


@pytest.fixture(autouse=True)
def _noon(present: Present) -> None:
    present.set(date(2026, 11, 26))


def stored() -> int:
    return sum(len(db.session.scalars(select(table.id)).all()) for table in (TotpFactor, Passkey, RecoveryCode))


def test_last_factor_of_a_role_that_requires_one_stays() -> None:
    session, _app = an_enrolled("zhanna")
    only = list_factors(session.actor).factors[0]
    with pytest.raises(LastFactorRequired):
        remove_factor(session, only.kind, only.id)
    # Recovery codes are no factor to sign in with every day.
    generate_recovery_codes(session)
    with pytest.raises(LastFactorRequired):
        remove_factor(session, only.kind, only.id)
    response = SoftwareAuthenticator().create(begin_passkey_registration(session))
    session = opened(finish_passkey_registration(session, response, "Телефон"))
    remove_factor(session, only.kind, only.id)
    left = list_factors(session.actor)
    assert [(factor.kind, factor.name) for factor in left.factors] == [(FactorKind.PASSKEY, "Телефон")]
    assert left.recovery_codes_left == 10
    assert journalled("account:zhanna")[-1] == "account.factor-removed"


def test_last_factor_that_nobody_requires_goes_with_its_recovery_codes(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _app = an_enrolled("zhanna")
    generate_recovery_codes(session)
    monkeypatch.setitem(app.config, "SECOND_FACTOR_ROLES", frozenset({"administrator"}))
    only = list_factors(session.actor).factors[0]
    remove_factor(session, only.kind, only.id)
    assert stored() == 0
    assert find_session_user(sign_in_as("zhanna"), "", "") is not None


def test_factor_is_removed_after_a_recent_one_only(present: Present) -> None:
    session, _app = an_enrolled("zhanna")
    only = list_factors(session.actor).factors[0]
    present.move(timedelta(minutes=15, seconds=1))
    with pytest.raises(StepUpRequired):
        remove_factor(session, only.kind, only.id)


def test_own_factor_is_asked_for_though_the_setting_is_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    an_enrolled("zhanna")
    monkeypatch.setitem(app.config, "SECOND_FACTOR_ROLES", None)
    signed_in = sign_in("zhanna", PASSWORD, "10.0.0.1", "r")
    session = find_factor_session(signed_in.secret, "", "")
    assert session is not None and signed_in.awaits_factor and session.awaits_factor
    assert not session.actor.second_factor_required


def test_reset_waits_for_a_second_person_and_ends_all_access(present: Present) -> None:
    add_person(ADMINISTRATOR, NewPerson("gulmira", Role.SUPERVISOR), PASSWORD)
    session, app = an_enrolled("saule", Role.SUPERVISOR)
    generate_recovery_codes(session)
    begin_totp_enrolment(session)
    reset_factors(ADIL, session.account_id)
    assert stored() == 0 and db.session.scalars(select(FactorCeremony.id)).all() == []
    with pytest.raises(AccountNotConfirmed):
        sign_in("saule", PASSWORD, "10.0.0.1", "r")
    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_account(ADIL, session.account_id, Role.SUPERVISOR)
    gulmira = an_actor(Role.SUPERVISOR, name="gulmira")
    password = whole_password(confirm_account(gulmira, session.account_id, Role.SUPERVISOR), session.account_id)
    present.move(timedelta(minutes=1))
    again = opened(sign_in("saule", password, "10.0.0.1", "r").secret)
    assert again.awaits_factor and not again.has_factor
    with pytest.raises(Exception, match="invalid"):
        verify_totp(again, app.at(now()))
    assert journalled("account:saule")[-3:] == [
        "account.factors-reset",
        "account.confirmed",
        "account.password-half-shown",
    ]


def test_reset_by_the_command_line_acts_at_once() -> None:
    session, _app = an_enrolled("saule", Role.SUPERVISOR)
    reset_factors(ADMINISTRATOR, session.account_id)
    account = account_named("saule")
    assert account is not None and account.pending_since is None
    assert not opened(sign_in_as("saule")).has_factor


def test_reset_is_for_administrators_and_other_people() -> None:
    session, _app = an_enrolled("zhanna", Role.ADMINISTRATOR)
    with pytest.raises(RoleNotAllowed):
        reset_factors(an_actor(Role.SUPERVISOR), session.account_id)
    with pytest.raises(NotYourself):
        reset_factors(session.actor, session.account_id)
    a_service_token(Role.AUDITOR, name="robot")
    robot = account_named("robot")
    assert robot is not None
    with pytest.raises(AccountNotFound):
        reset_factors(ADIL, robot.id)
    assert stored() == 1
