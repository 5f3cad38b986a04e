"""The app as a client of a provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from registry.accounts.oidc_configuration import (
    OidcClient,
    SignInConfiguration,
    load_sign_in_file,
    set_sign_in_configuration,
)
from registry.accounts.oidc_provider import init_provider
from registry.core.files import CONFIG
from tests.accounts.oidc.scripted_provider import CLIENT_ID, ScriptedProvider, scripted_provider


@pytest.fixture
def provider(app: Flask) -> Iterator[ScriptedProvider]:
    """A provider whose answers the test decides about, used by ``app`` with the shipped sign-in file."""
    with scripted_provider() as provider:
        set_sign_in_configuration(load_sign_in_file(CONFIG / "sign_in.toml"))
        init_provider(app, OidcClient(provider.issuer, CLIENT_ID, "a client secret"))
        yield provider
        init_provider(app, None)
        set_sign_in_configuration(SignInConfiguration())
