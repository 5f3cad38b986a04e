"""Wrong answers of an OpenID Connect provider, or none: each is refused with a page that says so."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

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
from tests.fixtures.web import Visit

# What is refused of a provider hangs on no database.
pytestmark = pytest.mark.on_either
LOGOUT = "/sign-in/oidc/back-channel-logout"


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


def test_clocks_may_differ_by_two_minutes(visit: Visit, provider: ScriptedProvider) -> None:
    at = int(time.time())
    ahead = sign_in(visit, provider, **{**EDITOR, "iat": at + 100, "exp": at + 400})
    assert "could not be verified" not in ahead.text
    late = sign_in(visit, provider, **{**EDITOR, "iat": at - 400, "exp": at - 100})
    assert "could not be verified" not in late.text
    too_late = sign_in(visit, provider, **{**EDITOR, "iat": at - 500, "exp": at - 140})
    assert "could not be verified" in too_late.text


def test_rotated_key_is_fetched(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    provider.rotate_key()
    assert sign_in(visit, provider).status_code == 303


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


def test_answer_is_accepted_once(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    query = provider.authorize(start(visit))
    assert come_back(visit, query).status_code == 303
    replayed = come_back(visit, query)
    assert replayed.status_code == 400
    assert "expired or was already used" in replayed.text


def test_answer_for_another_browser_is_rejected(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    query = provider.authorize(start(visit))
    stranger = Visit(visit.client.application.test_client())
    assert come_back(stranger, query).status_code == 400
    assert stranger.client.get("/home").status_code == 303


def test_answer_of_another_issuer_is_rejected(visit: Visit, provider: ScriptedProvider) -> None:
    query = provider.authorize(start(visit))
    assert come_back(visit, f"{query}&iss=https://elsewhere.example").status_code == 400


def test_denied_sign_in_is_explained(visit: Visit, provider: ScriptedProvider) -> None:
    provider.authorize(start(visit))
    answer = come_back(visit, "error=access_denied&error_description=<script>")
    assert answer.status_code == 403
    assert "did not let you in" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("path", ["/sign-in/oidc", "/sign-in/oidc/callback?code=a&state=b"])
def test_provider_that_is_down_is_explained(visit: Visit, provider: ScriptedProvider, path: str) -> None:
    provider.down = True
    answer = visit.client.get(path)
    assert answer.status_code == 503
    assert "does not respond" in answer.text
    assert answer.headers["Retry-After"] == "5"


def test_discovery_document_of_another_issuer_is_not_used(visit: Visit, provider: ScriptedProvider) -> None:
    provider.metadata = {"issuer": "https://elsewhere.example"}
    assert visit.client.get("/sign-in/oidc").status_code == 503
