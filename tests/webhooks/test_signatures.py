"""Signatures, compared with the test vector of the specification and verified by the library."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from flask import Flask
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from registry.webhooks.sender import SecretUnreadable, decrypt_secret, encrypt_secret, new_secret, signed_headers


def test_headers_equal_those_of_the_specification() -> None:
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_of_two_secrets_verifies_and_no_other() -> None:
    former, current, other = new_secret(), new_secret(), new_secret()
    body = '{"name":"Есепке алу жүйесі"}'
    headers = signed_headers("msg_1_2", datetime.now(UTC), body, [current, former])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (former, current):
        assert Verifier(secret).verify(body, headers) == {"name": "Есепке алу жүйесі"}
    with pytest.raises(WebhookVerificationError):
        Verifier(other).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(current).verify(body + " ", headers)


def test_secret_has_32_random_bytes() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in secrets} == {32}


def test_stored_secret_is_read_with_the_same_key_only(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = new_secret()
    stored = encrypt_secret(secret)
    assert secret.removeprefix("whsec_") not in stored
    assert decrypt_secret(stored) == secret
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key of the service")
    with pytest.raises(SecretUnreadable):
        decrypt_secret(stored)
