"""Attacks on single sign-on, and answers of a provider that are wrong: none of them signs anybody in."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import func, select, text

from registry.accounts import sign_in as identities
from registry.accounts.account_changes import change_role, confirm_account
from registry.accounts.attempts import FailedSignIn
from registry.accounts.models import Account, OidcIdentity, account_named
from registry.accounts.oidc_configuration import ClaimPaths, SignInConfiguration, set_sign_in_configuration
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import WebSession
from registry.core.database import db
from tests.accounts.oidc.scripted_provider import ScriptedProvider
from tests.accounts.oidc.test_sign_in import (
    EDITOR,
    an_editor,
    come_back,
    logout_token,
    nothing_was_stored,
    sign_in,
    start,
)
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.fixtures.web import PASSWORD, Visit

ROLES = {Role.AGENCY_EDITOR: frozenset({"editor"}), Role.AUDITOR: frozenset({"auditor"})}
BY_EMAIL = SignInConfiguration(ClaimPaths(match="email"), ROLES, amr=frozenset({"otp"}))
LOGOUT = "/sign-in/oidc/back-channel-logout"


def linked_accounts() -> list[int]:
    return list(db.session.scalars(select(OidcIdentity.account_id)))


@pytest.mark.parametrize("claims", [{"roles": ["auditor"]}, {"roles": ["editor"], "organization_bin": "another"}])
def test_address_that_an_agency_gave_its_account_does_not_catch_people_of_others(
    visit: Visit, provider: ScriptedProvider, claims: dict[str, object]
) -> None:
    set_sign_in_configuration(BY_EMAIL)
    agency, other = an_agency(), an_agency()
    person = add_person(ADMINISTRATOR, NewPerson("trap", Role.AGENCY_EDITOR, agency.id, "saule@gov.kz"), PASSWORD)
    claims = {name: other.bin if value == "another" else value for name, value in claims.items()}
    answer = sign_in(visit, provider, name="Saule", email="saule@gov.kz", email_verified=True, **claims)
    assert answer.status_code == 403
    saule = account_named("Saule")
    assert saule.status == "pending"
    assert linked_accounts() == [saule.id] != [person.account_id]


def test_address_leads_to_the_account_of_the_agency_that_the_claims_name(
    visit: Visit, provider: ScriptedProvider
) -> None:
    set_sign_in_configuration(BY_EMAIL)
    agency = an_agency()
    person = add_person(ADMINISTRATOR, NewPerson("saule", Role.AGENCY_EDITOR, agency.id, "saule@gov.kz"), PASSWORD)
    claims = {"email": "saule@gov.kz", "email_verified": True, "roles": ["editor"], "organization_bin": agency.bin}
    assert sign_in(visit, provider, name="Saule", **claims).status_code == 303
    assert linked_accounts() == [person.account_id]


@pytest.mark.parametrize(("minutes", "fresh"), [(1, True), (600, False), (None, False)])
def test_second_factor_at_the_provider_is_as_old_as_the_sign_in_there(
    visit: Visit, provider: ScriptedProvider, minutes: int | None, fresh: bool
) -> None:
    an_editor(visit, provider)
    at = None if minutes is None else int(time.time()) - minutes * 60
    sign_in(visit, provider, amr=["otp"], auth_time=at)
    session = db.session.scalars(select(WebSession)).one()
    assert session.factor_kind == "oidc"
    assert session.factor_at is not None
    age = datetime.now(UTC) - session.factor_at
    assert (age <= timedelta(minutes=15)) is fresh


def test_id_token_is_stored_encrypted(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    sign_in(visit, provider)
    stored = db.session.execute(text("SELECT id_token FROM web_sessions")).scalar_one()
    assert not stored.startswith("eyJ")
    assert "." not in stored


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)"])
def test_sign_in_returns_to_pages_of_this_service_only(visit: Visit, provider: ScriptedProvider, back: str) -> None:
    an_editor(visit, provider)
    location = visit.client.get("/sign-in/oidc", query_string={"back": back}).headers["Location"]
    provider.claims = {}
    answer = visit.client.get(f"/sign-in/oidc/callback?{provider.authorize(location)}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/home")


def test_logout_token_sent_again_does_not_end_the_next_session(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    sent = {"logout_token": logout_token(provider, sub="p-1", iat=int(time.time()) - 200)}
    sign_in(visit, provider)
    assert visit.client.application.test_client().post(LOGOUT, data=sent).status_code == 200
    assert visit.client.get("/home").status_code == 200


def test_unknown_keys_do_not_make_the_service_ask_the_provider_every_time(
    visit: Visit, provider: ScriptedProvider
) -> None:
    an_editor(visit, provider)
    provider.rotate_key(publish=False)
    before = provider.key_requests
    for _ in range(5):
        sent = {"logout_token": logout_token(provider, sub="p-1")}
        assert visit.client.post(LOGOUT, data=sent).status_code == 400
    assert provider.key_requests - before == 1


def test_no_more_accounts_are_added_than_anybody_could_confirm(
    visit: Visit, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert identities.MAX_PENDING_ACCOUNTS == 500
    monkeypatch.setattr(identities, "MAX_PENDING_ACCOUNTS", 2)
    for number in range(3):
        answer = sign_in(visit, provider, sub=f"p-{number}", name=f"Auditor {number}", roles=["qaztech-auditor"])
    assert answer.status_code == 403
    assert "Too many accounts wait" in answer.text
    assert db.session.execute(select(func.count(Account.id))).scalar_one() == 2
    # Those that wait can still be confirmed, and then there is room.
    first = account_named("Auditor 0")
    confirm_account(ADMINISTRATOR, first.id, Role.AUDITOR)
    sign_in(visit, provider, sub="p-2", name="Auditor 2", roles=["qaztech-auditor"])
    assert account_named("Auditor 2") is not None


def test_refused_sign_ins_are_recorded_without_the_name_that_the_provider_sent(
    visit: Visit, provider: ScriptedProvider
) -> None:
    account = an_editor(visit, provider)
    account.disabled_at = datetime.now(UTC)
    db.session.commit()
    sign_in(visit, provider)
    sign_in(visit, provider, sub="p-2", name="Somebody", roles=["other"])
    rows = db.session.scalars(select(FailedSignIn).order_by(FailedSignIn.id)).all()
    assert [(row.name, row.reason, row.source) for row in rows] == [
        ("Айгүл Сапарова", "account-disabled", "127.0.0.1"),
        (None, "identity-without-role", "127.0.0.1"),
    ]
    assert rows[1].name_hash is not None


def test_identity_that_an_address_led_to_an_account_is_unlinked_with_an_oversight_role(
    visit: Visit, provider: ScriptedProvider
) -> None:
    set_sign_in_configuration(BY_EMAIL)
    asker, second = an_actor(Role.ADMINISTRATOR, name="asker"), an_actor(Role.SUPERVISOR, name="second")
    agency = an_agency()
    person = add_person(asker, NewPerson("Bolat", Role.AGENCY_EDITOR, agency.id, "asker@gov.kz"), PASSWORD)
    asker_claims = {"sub": "asker", "email": "asker@gov.kz", "email_verified": True}
    assert sign_in(visit, provider, **asker_claims).status_code == 303
    person.email = "bolat@gov.kz"
    db.session.commit()
    change_role(asker, person.account_id, Role.REVIEWER, None)
    confirm_account(second, person.account_id, Role.REVIEWER)
    assert sign_in(visit, provider, **asker_claims).status_code == 403
    assert linked_accounts() == []
    assert sign_in(visit, provider, sub="bolat", email="bolat@gov.kz", email_verified=True).status_code == 303
    assert linked_accounts() == [person.account_id]


def test_flag_of_another_claim_does_not_verify_an_address(visit: Visit, provider: ScriptedProvider) -> None:
    set_sign_in_configuration(SignInConfiguration(ClaimPaths(match="email", email="upn")))
    add_person(ADMINISTRATOR, NewPerson("a", Role.AUDITOR, email="a@ministry.kz"), PASSWORD)
    claims = {"name": "B", "email": "b@elsewhere.kz", "email_verified": True, "upn": "a@ministry.kz"}
    assert sign_in(visit, provider, **claims).status_code == 403
    assert linked_accounts() == []
    assert sign_in(visit, provider, **claims, upn_verified=True).status_code == 303


@pytest.mark.parametrize(
    "endpoint",
    ["javascript:alert(1)", "http://elsewhere.example/", "https://a.example/\r\nX: y", "//elsewhere.example", 7],
)
def test_unusable_address_for_signing_out_is_not_sent_to_the_browser(
    visit: Visit, provider: ScriptedProvider, endpoint: object
) -> None:
    provider.metadata = {"end_session_endpoint": endpoint}
    an_editor(visit, provider)
    sign_in(visit, provider)
    answer = visit.send("/sign-out", "/account", follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Refresh" not in answer.headers


def test_second_factor_is_not_read_from_the_profile(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    provider.userinfo = {"sub": "p-1", "amr": ["otp"], "acr": "high", "auth_time": int(time.time())}
    visit.client.application.extensions["authlib.integrations.flask_client"].oidc.server_metadata.clear()
    sign_in(visit, provider)
    assert db.session.scalars(select(WebSession.factor_at)).one() is None


@pytest.mark.parametrize(
    "email", ["x" * 240 + "@gov.kz", "a\x00b@gov.kz", "a@gov.kz\nBcc: b@gov.kz", "a@gov.kz, b@gov.kz"]
)
def test_address_that_no_account_may_have_counts_as_none(visit: Visit, provider: ScriptedProvider, email: str) -> None:
    set_sign_in_configuration(BY_EMAIL)
    answer = sign_in(visit, provider, name="Saule", roles=["auditor"], email=email, email_verified=True)
    saule = person_named("Saule")
    assert answer.status_code == 403
    assert saule.email is None


@pytest.mark.parametrize("subject", ["s" * 256, "s\x00"])
def test_subject_that_no_identity_may_have_is_refused(visit: Visit, provider: ScriptedProvider, subject: str) -> None:
    set_sign_in_configuration(BY_EMAIL)
    assert sign_in(visit, provider, name="Saule", roles=["auditor"], sub=subject).status_code == 400
    assert linked_accounts() == []


# What is refused of a provider hangs on no database.


@pytest.mark.on_either
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"iss": "https://elsewhere.example"},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"exp": 1_700_000_000},
        {"iat": None},
    ],
)
def test_id_token_for_somebody_else_or_another_time_is_rejected(
    visit: Visit, provider: ScriptedProvider, claims: dict[str, object]
) -> None:
    answer = sign_in(visit, provider, name="A", roles=["qaztech-auditor"], **claims)
    assert answer.status_code == 400
    assert "could not be verified" in answer.text
    assert nothing_was_stored()


@pytest.mark.on_either
def test_clocks_may_differ_by_two_minutes(visit: Visit, provider: ScriptedProvider) -> None:
    at = int(time.time())
    ahead = sign_in(visit, provider, **{**EDITOR, "iat": at + 100, "exp": at + 400})
    assert "could not be verified" not in ahead.text
    late = sign_in(visit, provider, **{**EDITOR, "iat": at - 400, "exp": at - 100})
    assert "could not be verified" not in late.text
    too_late = sign_in(visit, provider, **{**EDITOR, "iat": at - 500, "exp": at - 140})
    assert "could not be verified" in too_late.text


@pytest.mark.on_either
def test_rotated_key_is_fetched(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    provider.rotate_key()
    assert sign_in(visit, provider).status_code == 303


@pytest.mark.on_either
def test_token_of_an_unpublished_key_is_rejected(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    provider.rotate_key(publish=False)
    assert sign_in(visit, provider).status_code == 400


def _parts(header: dict[str, str], claims: dict[str, Any]) -> str:
    return ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _unsigned(provider: ScriptedProvider, claims: dict[str, Any]) -> str:
    return _parts({"alg": "none"}, claims) + "."


def _with_a_secret(secret: bytes, kid: str, claims: dict[str, Any]) -> str:
    signed = _parts({"alg": "HS256", "kid": kid}, claims)
    return f"{signed}.{_encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _with_the_client_secret(provider: ScriptedProvider, claims: dict[str, Any]) -> str:
    return _with_a_secret(b"a client secret", provider.key.kid, claims)


def _with_the_public_key_as_secret(provider: ScriptedProvider, claims: dict[str, Any]) -> str:
    return _with_a_secret(provider.key.as_pem(private=False), provider.key.kid, claims)


def _with_a_key_that_it_brings(provider: ScriptedProvider, claims: dict[str, Any]) -> str:
    own = ECKey.generate_key("P-256", {"kid": provider.key.kid})
    header = {"alg": "ES256", "kid": own.kid, "jwk": own.as_dict(private=False)}
    return jwt.encode(header, claims, own)


def _with_a_key_at_an_address_that_it_names(provider: ScriptedProvider, claims: dict[str, Any]) -> str:
    provider.other_keys = [ECKey.generate_key("P-256", {"kid": provider.key.kid, "use": "sig", "alg": "ES256"})]
    header = {"alg": "ES256", "kid": provider.key.kid, "jku": f"{provider.issuer}/other-keys"}
    return jwt.encode(header, claims, provider.other_keys[0])


@pytest.mark.on_either
@pytest.mark.parametrize(
    "signs",
    [
        _unsigned,
        _with_the_client_secret,
        _with_the_public_key_as_secret,
        _with_a_key_that_it_brings,
        _with_a_key_at_an_address_that_it_names,
    ],
)
def test_token_that_the_published_keys_do_not_sign_is_rejected(
    visit: Visit, provider: ScriptedProvider, signs: Callable[[ScriptedProvider, dict[str, Any]], str]
) -> None:
    an_editor(visit, provider)
    assert sign_in(visit, provider).status_code == 303
    # Also when the discovery document allows it.
    provider.metadata = {"id_token_signing_alg_values_supported": ["none", "HS256", "ES256"]}
    provider.signs = lambda claims: signs(provider, claims)
    other = Visit(visit.client.application.test_client())
    answer = sign_in(other, provider)
    assert answer.status_code == 400 and "could not be verified" in answer.text
    logout = logout_token(provider, sub="p-1")
    assert other.client.post(LOGOUT, data={"logout_token": logout}).status_code == 400
    assert visit.client.get("/home").status_code == 200


@pytest.mark.on_either
def test_answer_is_accepted_once(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    query = provider.authorize(start(visit))
    assert come_back(visit, query).status_code == 303
    replayed = come_back(visit, query)
    assert replayed.status_code == 400
    assert "expired or was already used" in replayed.text


@pytest.mark.on_either
def test_answer_for_another_browser_is_rejected(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    query = provider.authorize(start(visit))
    stranger = Visit(visit.client.application.test_client())
    assert come_back(stranger, query).status_code == 400
    assert stranger.client.get("/home").status_code == 303


@pytest.mark.on_either
def test_answer_of_another_issuer_is_rejected(visit: Visit, provider: ScriptedProvider) -> None:
    query = provider.authorize(start(visit))
    assert come_back(visit, f"{query}&iss=https://elsewhere.example").status_code == 400


@pytest.mark.on_either
def test_denied_sign_in_is_explained(visit: Visit, provider: ScriptedProvider) -> None:
    provider.authorize(start(visit))
    answer = come_back(visit, "error=access_denied&error_description=<script>")
    assert answer.status_code == 403
    assert "did not let you in" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.on_either
@pytest.mark.parametrize("path", ["/sign-in/oidc", "/sign-in/oidc/callback?code=a&state=b"])
def test_provider_that_is_down_is_explained(visit: Visit, provider: ScriptedProvider, path: str) -> None:
    provider.down = True
    answer = visit.client.get(path)
    assert answer.status_code == 503
    assert "does not respond" in answer.text
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.on_either
def test_discovery_document_of_another_issuer_is_not_used(visit: Visit, provider: ScriptedProvider) -> None:
    provider.metadata = {"issuer": "https://elsewhere.example"}
    assert visit.client.get("/sign-in/oidc").status_code == 503
