"""Signing in and out in a browser at a certified provider: oidc-provider of npm, in a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from registry.accounts.account_changes import confirm_account
from registry.accounts.models import account_named
from registry.accounts.oidc.configuration import SignInConfiguration, load_sign_in_file, set_sign_in_configuration
from registry.accounts.oidc.provider import init_provider
from registry.accounts.oidc.settings import OidcClient
from registry.accounts.roles import Role
from registry.accounts.sessions import WebSession
from registry.core.database import db
from registry.core.shipped_files import CONFIG
from registry.settings import CHECKOUT
from tests.factories import ADMINISTRATOR, an_agency
from tests.web.browser import served

MODULES = CHECKOUT / ".venv" / "oidc-provider"
SERVER = Path(__file__).parent / "certified" / "server.mjs"
BIN = "260140000604"


@contextmanager
def certified_provider(address: str) -> Iterator[str]:
    """Start the provider with the service at ``address`` as its client. Yields the issuer."""
    logout = f"{address}/sign-in/oidc/back-channel-logout"
    arguments = [MODULES, f"{address}/sign-in/oidc/callback", f"{address}/", logout, BIN]
    command = ["node", str(SERVER), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture
def page(own_app: Flask, browser: Browser) -> Iterator[Page]:
    """A browser at the service, which signs people in at the provider."""
    with served(own_app) as address, certified_provider(address) as issuer:
        set_sign_in_configuration(load_sign_in_file(CONFIG / "sign_in.toml"))
        init_provider(own_app, OidcClient(issuer, "registry", "a client secret"))
        with own_app.app_context():
            an_agency(bin=BIN)
            db.session.remove()
        opened = browser.new_page(base_url=address, locale="en-GB")
        yield opened
        opened.close()
        set_sign_in_configuration(SignInConfiguration())


def test_person_signs_in_works_and_signs_out(page: Page, own_app: Flask) -> None:
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with single sign-on").click()
    page.fill("input[name=login]", "a.saparova")
    page.fill("input[name=password]", "any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Your request is received").first).to_be_visible()

    with own_app.app_context():
        account = account_named("Person a.saparova")
        assert account is not None
        assert account.role == "agency_editor"
        confirm_account(ADMINISTRATOR, account.id, Role.AGENCY_EDITOR)
        db.session.remove()

    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with single sign-on").click()
    expect(page.get_by_role("link", name="Person a.saparova")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    with own_app.app_context():
        assert db.session.scalar(select(func.count(WebSession.id))) == 0
    page.goto("/projects")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
