"""Second factors: passkeys, authenticator apps, recovery codes, removal and reset."""

from __future__ import annotations

import base64
import json
from base64 import b32decode
from datetime import date, timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from hypothesis import given, strategies as st
from sqlalchemy import select

from registry.accounts.account_changes import (
    ConfirmationNeedsAnotherPerson,
    change_role,
    confirm_account,
    disable_account,
)
from registry.accounts.account_management import NotYourself
from registry.accounts.attempts import TooManyAttempts
from registry.accounts.factors import (
    CeremonyExpired,
    FactorAlreadyEnrolled,
    FactorUnreadable,
    LastFactorRequired,
    NoPasskey,
    PasskeysUnavailable,
    RelyingParty,
    begin_passkey_registration,
    begin_passkey_verification,
    begin_totp_enrolment,
    confirm_password,
    finish_passkey_registration,
    finish_passkey_verification,
    finish_totp_enrolment,
    generate_recovery_codes,
    list_factors,
    relying_party,
    remove_factor,
    reset_factors,
    use_recovery_code,
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
from registry.accounts.sessions import FactorSession, SessionEnded, WebSession, find_factor_session, find_session_user
from registry.accounts.sign_in import AccountNotConfirmed, sign_in
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.journal.service import JournalEntry
from tests.accounts.factors.software_authenticator import SoftwareAuthenticator
from tests.accounts.factors.steps import a_person, an_enrolled, journalled, opened, refused, sign_in_as
from tests.accounts.halves import whole_password
from tests.factories import ADMINISTRATOR, PASSWORD, a_service_token, an_actor, an_agency
from tests.present import Present

pytestmark = pytest.mark.usefixtures("required")


@pytest.fixture(autouse=True)
def _noon(present: Present) -> None:
    present.set(date(2026, 11, 26))


def a_passkey(name: str = "zhanna", *, counts: bool = True) -> tuple[FactorSession, SoftwareAuthenticator]:
    a_person(name)
    session, device = opened(sign_in_as(name)), SoftwareAuthenticator(counts=counts)
    secret = finish_passkey_registration(session, device.create(begin_passkey_registration(session)), "Ноутбук\n")
    return opened(secret), device


def verify(session: FactorSession, device: SoftwareAuthenticator) -> str:
    return finish_passkey_verification(session, device.get(begin_passkey_verification(session)))


def test_registration_completes_the_session_under_a_new_secret() -> None:
    a_person("zhanna")
    before = sign_in_as("zhanna")
    session, device = opened(before), SoftwareAuthenticator()
    options = json.loads(begin_passkey_registration(session))
    assert options["rp"] == {"name": "QazTech", "id": "registry.tests"}
    # The user handle, which the device keeps, says nothing about the person.
    assert "zhanna" not in base64.urlsafe_b64decode(options["user"]["id"] + "==").decode("latin-1")
    after = finish_passkey_registration(session, device.create(begin_passkey_registration(session)))
    assert find_factor_session(before, "", "") is None
    user = find_session_user(after, "", "")
    assert user is not None and user.actor.factor_at == now()
    assert journalled("account:zhanna") == ["account.added", "account.factor-added"]


def test_passkey_signs_in_and_its_count_is_stored() -> None:
    _session, device = a_passkey()
    secret = verify(opened(sign_in_as("zhanna")), device)
    assert find_session_user(secret, "", "") is not None
    passkey = db.session.scalars(select(Passkey)).one()
    assert (passkey.name, passkey.sign_count, passkey.last_used_at) == ("Ноутбук", 1, now())
    kinds = db.session.scalars(select(WebSession.factor_kind).order_by(WebSession.id))
    assert list(kinds) == ["passkey", "passkey"]


def test_passkey_that_does_not_count_works_again_and_again() -> None:
    _session, device = a_passkey(counts=False)
    for _ in range(2):
        verify(opened(sign_in_as("zhanna")), device)
    assert db.session.scalars(select(Passkey.sign_count)).one() == 0


def test_verification_offers_the_passkeys_of_the_account_alone() -> None:
    session, device = a_passkey()
    a_passkey("timur")
    offered = json.loads(begin_passkey_verification(session))["allowCredentials"]
    assert [each["id"] for each in offered] == [base64.urlsafe_b64encode(device.credential_id).decode().rstrip("=")]


def test_passkey_of_another_site_is_refused_with_a_reason() -> None:
    session, device = a_passkey()
    device.origin = "https://registry.tests.example"
    assert refused(lambda: verify(session, device)) == "passkey-of-another-site"
    assert journalled("person:zhanna")[-1] == "person.factor-refused"
    fresh = SoftwareAuthenticator("https://evil.example")
    response = fresh.create(begin_passkey_registration(session))
    assert refused(lambda: finish_passkey_registration(session, response)) == "passkey-of-another-site"


def test_challenge_is_one_that_was_given_and_is_used_once() -> None:
    session, device = a_passkey()
    options = begin_passkey_verification(session)
    with pytest.raises(CeremonyExpired):
        finish_passkey_verification(session, device.get(json.dumps({**json.loads(options), "challenge": "AAAA"})))
    session = opened(finish_passkey_verification(session, device.get(options)))
    with pytest.raises(CeremonyExpired):
        finish_passkey_verification(session, device.get(options))


def test_challenge_of_another_session_or_purpose_is_refused() -> None:
    session, device = a_passkey()
    other = opened(sign_in_as("zhanna"))
    with pytest.raises(CeremonyExpired):
        finish_passkey_verification(other, device.get(begin_passkey_verification(session)))
    challenge = json.loads(begin_passkey_registration(session))["challenge"]
    options = json.dumps({"rpId": "registry.tests", "challenge": challenge})
    with pytest.raises(CeremonyExpired):
        finish_passkey_verification(session, device.get(options))


def test_challenge_expires_after_five_minutes(present: Present) -> None:
    session, device = a_passkey()
    options = begin_passkey_verification(session)
    present.move(timedelta(minutes=5, seconds=1))
    with pytest.raises(CeremonyExpired):
        finish_passkey_verification(session, device.get(options))


@pytest.mark.parametrize("count", [0, 3, 4])
def test_sign_count_that_goes_back_is_refused_with_a_reason(count: int) -> None:
    session, device = a_passkey()
    device.sign_count = 4
    session = opened(verify(session, device))
    device.sign_count = count
    assert refused(lambda: verify(session, device)) == "passkey-copied"
    assert db.session.scalars(select(Passkey.sign_count)).one() == 5


def test_passkey_of_another_person_is_refused() -> None:
    session, _device = a_passkey()
    _other, theirs = a_passkey("timur")
    assert refused(lambda: verify(session, theirs)) == "passkey-not-accepted"


def test_session_that_began_before_the_first_factor_cannot_register_another() -> None:
    a_person("zhanna")
    intruder, own = opened(sign_in_as("zhanna")), opened(sign_in_as("zhanna"))
    theirs, device = SoftwareAuthenticator(), SoftwareAuthenticator()
    begun = begin_passkey_registration(intruder)
    finish_passkey_registration(own, device.create(begin_passkey_registration(own)))
    with pytest.raises(FactorAlreadyEnrolled):
        finish_passkey_registration(intruder, theirs.create(begun))


def test_account_without_passkeys_gets_an_error() -> None:
    a_person("zhanna")
    session = opened(sign_in_as("zhanna"))
    with pytest.raises(NoPasskey):
        begin_passkey_verification(session)


def test_passkeys_are_unavailable_without_a_public_address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", None)
    a_person("zhanna")
    with pytest.raises(PasskeysUnavailable):
        begin_passkey_registration(opened(sign_in_as("zhanna")))


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=2))


def test_hostile_response_is_refused() -> None:
    session, device = a_passkey()

    @given(
        part=st.sampled_from(["id", "rawId", "type", "response"]),
        inner=st.sampled_from(["clientDataJSON", "authenticatorData", "attestationObject", "signature"]),
        value=JSON | st.binary(max_size=200).map(lambda data: base64.urlsafe_b64encode(data).decode()),
        outside=st.booleans(),
        registers=st.booleans(),
    )
    def check(part: str, inner: str, value: Any, outside: bool, registers: bool) -> None:
        begin = begin_passkey_registration if registers else begin_passkey_verification
        options = begin(session)
        response = SoftwareAuthenticator().create(options) if registers else device.get(options)
        if outside:
            response[part] = value
        elif inner in response["response"]:
            response["response"][inner] = value
        else:
            return
        finish = finish_passkey_registration if registers else finish_passkey_verification
        with pytest.raises(RegistryError):
            finish(session, response)

    check()


def test_ten_tabs_wait_for_a_passkey_and_the_first_of_eleven_expires() -> None:
    session, device = a_passkey()
    begun = [begin_passkey_verification(session) for _ in range(11)]
    with pytest.raises(CeremonyExpired):
        finish_passkey_verification(session, device.get(begun[0]))
    finish_passkey_verification(session, device.get(begun[1]))


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://registry.gov.kz/", RelyingParty("registry.gov.kz", "https://registry.gov.kz")),
        ("https://Registry.gov.kz:443", RelyingParty("registry.gov.kz", "https://registry.gov.kz")),
        ("https://registry.gov.kz:8443/base", RelyingParty("registry.gov.kz", "https://registry.gov.kz:8443")),
        ("http://localhost:8000", RelyingParty("localhost", "http://localhost:8000")),
        ("http://registry.gov.kz", None),
        ("https://10.0.0.1", None),
        ("https://[::1]", None),
        (None, None),
    ],
)
def test_site_of_passkeys_is_the_public_address(
    app: Flask, monkeypatch: pytest.MonkeyPatch, url: str | None, site: RelyingParty | None
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", url)
    assert relying_party() == site


def test_challenge_of_a_refused_response_is_used_up_too() -> None:
    session, device = a_passkey()
    options = begin_passkey_verification(session)
    wrong = device.get(options)
    wrong["response"]["signature"] = device.get(options)["response"]["clientDataJSON"]
    assert refused(lambda: finish_passkey_verification(session, wrong)) == "passkey-not-accepted"
    with pytest.raises(CeremonyExpired):
        finish_passkey_verification(session, device.get(options))


STEP = timedelta(seconds=30)
BOTA = an_actor(Role.ADMINISTRATOR, name="bota")


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


def test_ten_different_codes_are_generated_and_stored_as_hashes() -> None:
    session, _app = an_enrolled("zhanna")
    codes = generate_recovery_codes(session)
    assert len(set(codes)) == 10 and all(len(code) == 11 and code[5] == "-" for code in codes)
    stored = db.session.scalars(select(RecoveryCode.code_hash)).all()
    assert len(set(stored)) == 10 and not {code.replace("-", "") for code in codes} & set(stored)
    assert not any(codes[0] in entry.details for entry in db.session.scalars(select(JournalEntry)))
    assert journalled("account:zhanna")[-1] == "account.recovery-codes-created"


def test_code_signs_in_once() -> None:
    session, _app = an_enrolled("zhanna")
    codes = generate_recovery_codes(session)
    user = find_session_user(use_recovery_code(opened(sign_in_as("zhanna")), codes[3]), "", "")
    assert user is not None and user.actor.factor_at == now()
    assert list_factors(user.actor).recovery_codes_left == 9
    again = opened(sign_in_as("zhanna"))
    assert refused(lambda: use_recovery_code(again, codes[3])) == "recovery-code-already-used"
    use_recovery_code(again, codes[4])


def test_code_is_read_as_people_type_it() -> None:
    session, _app = an_enrolled("zhanna")
    code = generate_recovery_codes(session)[0]
    typed = f" {code.lower().replace('0', 'o').replace('1', 'l').replace('-', ' – ')} "
    use_recovery_code(opened(sign_in_as("zhanna")), typed)


def test_new_codes_replace_the_old_ones() -> None:
    session, _app = an_enrolled("zhanna")
    old, _new = generate_recovery_codes(session), generate_recovery_codes(session)
    other = opened(sign_in_as("zhanna"))
    assert refused(lambda: use_recovery_code(other, old[0])) == "recovery-code-not-accepted"


def test_code_of_another_person_is_refused() -> None:
    theirs, _app = an_enrolled("timur")
    code = generate_recovery_codes(theirs)[0]
    session, _app = an_enrolled("zhanna")
    assert refused(lambda: use_recovery_code(session, code)) == "recovery-code-not-accepted"


def test_recovery_codes_are_guessed_5_times_in_15_minutes_at_most() -> None:
    session, _app = an_enrolled("zhanna")
    codes = generate_recovery_codes(session)
    for _ in range(5):
        assert refused(lambda: use_recovery_code(session, "AAAAA-AAAAA")) == "recovery-code-not-accepted"
    with pytest.raises(TooManyAttempts):
        use_recovery_code(session, codes[0])


def test_codes_are_generated_after_a_recent_factor_only(present: Present) -> None:
    session, _app = an_enrolled("zhanna")
    with pytest.raises(StepUpRequired):
        generate_recovery_codes(opened(sign_in_as("zhanna")))
    present.move(timedelta(minutes=15, seconds=1))
    with pytest.raises(StepUpRequired):
        generate_recovery_codes(session)


ADIL = an_actor(Role.ADMINISTRATOR, name="adil")


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
    assert journalled("account:saule")[-4:] == [
        "account.factors-reset",
        "account.confirmed",
        "account.password-half-shown",
        "account.new-device",
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
    with pytest.raises(AccountNotFound):
        reset_factors(ADIL, robot.id)
    assert stored() == 1
