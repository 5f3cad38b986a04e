"""Wrong answers of an OpenID Connect provider, or none: each is refused with a page that says so."""

from __future__ import annotations

import time

import pytest

from tests.accounts.oidc.scripted_provider import ScriptedProvider
from tests.accounts.oidc.test_sign_in import EDITOR, an_editor, come_back, nothing_was_stored, sign_in, start
from tests.fixtures.web import Visit


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
