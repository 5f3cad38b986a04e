"""Passkeys: registration, verification, and the responses that are refused."""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from registry.accounts.factors import (
    CeremonyExpired,
    FactorAlreadyEnrolled,
    NoPasskey,
    PasskeysUnavailable,
    RelyingParty,
    begin_passkey_registration,
    begin_passkey_verification,
    finish_passkey_registration,
    finish_passkey_verification,
    relying_party,
)
from registry.accounts.models import Passkey
from registry.accounts.sessions import FactorSession, WebSession, find_factor_session, find_session_user
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import RegistryError
from tests.accounts.factors.software_authenticator import SoftwareAuthenticator
from tests.accounts.factors.steps import a_person, journalled, opened, refused, sign_in_as
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


def test_challenge_that_was_never_given_is_refused() -> None:
    session, device = a_passkey()
    options = json.loads(begin_passkey_verification(session))
    with pytest.raises(CeremonyExpired):
        finish_passkey_verification(session, device.get(json.dumps({**options, "challenge": "AAAA"})))


def test_challenge_is_used_once() -> None:
    session, device = a_passkey()
    options = begin_passkey_verification(session)
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
