"""Signing in and out at an independent provider: oidc-provider-mock, on a local port."""

from __future__ import annotations

from collections.abc import Iterator

import oidc_provider_mock
import pytest
import requests
from flask import Flask

from registry.accounts.account_changes import confirm_account
from registry.accounts.models import account_named
from registry.accounts.oidc_configuration import (
    OidcClient,
    SignInConfiguration,
    load_sign_in_file,
    set_sign_in_configuration,
)
from registry.accounts.oidc_provider import init_provider
from registry.accounts.roles import Role
from registry.core.files import CONFIG
from tests.factories import ADMINISTRATOR, an_agency
from tests.fixtures.web import Visit


@pytest.fixture
def issuer(app: Flask) -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        issuer = f"http://localhost:{server.server_port}"
        set_sign_in_configuration(load_sign_in_file(CONFIG / "sign_in.toml"))
        init_provider(app, OidcClient(issuer, "registry", "a client secret"))
        yield issuer
        init_provider(app, None)
        set_sign_in_configuration(SignInConfiguration())


def sign_in(visit: Visit, subject: str) -> int:
    """Through the provider's own form; the status of the page that the browser comes back to."""
    location = visit.client.get("/sign-in/oidc").headers["Location"]
    answer = requests.post(location, data={"sub": subject}, allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    return visit.client.get(answer.headers["Location"]).status_code


def test_person_signs_in_works_and_signs_out(visit: Visit, issuer: str) -> None:
    claims = {"name": "Айгүл Сапарова", "roles": ["qaztech-viewer"], "organization_bin": an_agency().bin}
    assert requests.put(f"{issuer}/users/p-1", json=claims, timeout=10).status_code == 204

    assert sign_in(visit, "p-1") == 403
    account = account_named("Айгүл Сапарова")
    assert account is not None
    confirm_account(ADMINISTRATOR, account.id, Role.AGENCY_VIEWER)
    assert sign_in(visit, "p-1") == 303
    assert visit.client.get("/projects").status_code == 200

    answer = visit.send("/sign-out", "/account", follow=False)
    assert answer.headers["Refresh"].partition("url=")[2].startswith(f"{issuer}/oauth2/end_session?")
    assert visit.client.get("/projects").status_code == 303
