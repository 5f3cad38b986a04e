"""Single sign-on in a browser at two independent providers and in each language; each page of ours is checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import func, select

from registry.accounts.account_changes import confirm_account
from registry.accounts.models import Account, account_named
from registry.accounts.oidc_configuration import (
    OidcClient,
    SignInConfiguration,
    load_sign_in_file,
    set_sign_in_configuration,
)
from registry.accounts.oidc_provider import init_provider
from registry.accounts.roles import Role
from registry.accounts.sessions import WebSession
from registry.core.database import db
from registry.core.files import CONFIG
from registry.core.translations import LANGUAGES, Language
from tests.accounts.oidc.providers import Provider, certified_provider, mock_provider
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.factories import ADMINISTRATOR, an_agency
from tests.web.authenticator import open_window
from tests.web.browser import follow, served
from tests.web.page_checks import check_page

# Browser behaviour does not depend on the database; other tests cover the pages on both databases.
pytestmark = pytest.mark.on_either
BIN = "260140000604"
BUTTON = "#provider"
CONTACT = "+7 7172 74 00 00"
# Both providers send people back with a redirect to this path.
CALLBACK = "/sign-in/oidc/callback"
TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "pending": "Your request is received",
        "signed-out": "You have signed out",
        "used": "has expired or was already used",
        "denied": "did not let you in, or you cancelled",
        "down": "Single sign-on does not respond",
    },
    "ru": {
        "pending": "Заявка принята",
        "signed-out": "Вы вышли",
        "used": "Этот вход истёк или уже был использован",
        "denied": "Система единого входа не разрешила вход",
        "down": "Система единого входа не отвечает",
    },
    "kk": {
        "pending": "Өтінім қабылданды",
        "signed-out": "Сіз шықтыңыз",
        "used": "Бұл кіру әрекетінің мерзімі өтті немесе ол бұрын пайдаланылған",
        "denied": "Бірыңғай кіру жүйесі сізді кіргізбеді",
        "down": "Бірыңғай кіру жүйесі жауап бермейді",
    },
}


@dataclass(frozen=True, slots=True)
class Service:
    """The service, and the providers that may sign people in to it."""

    app: Flask
    address: str
    providers: dict[str, Provider]

    def use(self, issuer: str) -> None:
        """Sign people in at this provider from now on."""
        init_provider(self.app, OidcClient(issuer, "registry", "a client secret"))

    def confirm(self, name: str) -> None:
        """Confirm the account that waits for it."""
        with self.app.app_context():
            account = account_named(name)
            assert (account.status, account.role) == ("pending", "agency_editor")
            confirm_account(ADMINISTRATOR, account.id, Role.AGENCY_EDITOR)

    def counts(self) -> tuple[int, int]:
        """Return the numbers of accounts and sessions."""
        with self.app.app_context():
            accounts = db.session.scalars(select(func.count(Account.id))).one()
            return accounts, db.session.scalars(select(func.count(WebSession.id))).one()


@pytest.fixture(scope="module")
def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service, and one server of each provider, for all languages."""
    url = databases.make()
    app = service_app(url, tmp_path_factory.mktemp("sso"), REGISTRY_SUPPORT_CONTACT=CONTACT)
    with served(app) as address, mock_provider() as mock, certified_provider(address, BIN) as certified:
        with app.app_context():
            an_agency(bin=BIN)
        yield Service(app, address, {each.name: each for each in (mock, certified)})
    init_provider(app, None)
    forget(app, databases, url)


@pytest.fixture(autouse=True)
def _shipped_sign_in_file() -> Iterator[None]:
    set_sign_in_configuration(load_sign_in_file(CONFIG / "sign_in.toml"))
    yield
    set_sign_in_configuration(SignInConfiguration())


@pytest.fixture
def window(browser: Browser, service: Service, language: Language) -> Iterator[BrowserContext]:
    opened, _page, blocked = open_window(browser, service.address, language)
    # Styles and fonts of the providers' pages from elsewhere.
    opened.route(lambda url: "://localhost" not in url and "://127.0.0.1" not in url, lambda route: route.abort())
    yield opened
    assert blocked == []
    opened.close()


@pytest.fixture
def page(window: BrowserContext) -> Page:
    return window.pages[0]


def go_to_provider(page: Page) -> None:
    page.goto("/sign-in?back=/projects")
    follow(page, BUTTON)


def is_at(page: Page, language: Language, text: str) -> None:
    """The page says this in its language, and passes the checks of every page."""
    assert TEXTS[language][text] in page.inner_text("main")
    check_page(page, language, in_each_language=True)


def callbacks(page: Page) -> list[str]:
    """Collect the addresses at which a provider sends the person back."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url) if CALLBACK in request.url else None)
    return addresses


@pytest.mark.parametrize("name", ["oidc-provider-mock", "oidc-provider"])
@pytest.mark.parametrize(
    "language", [pytest.param(each, marks=() if each == "kk" else pytest.mark.nightly) for each in LANGUAGES]
)
def test_person_waits_for_confirmation_then_signs_in_works_and_signs_out(
    service: Service, page: Page, language: Language, name: str
) -> None:
    provider = service.providers[name]
    service.use(provider.issuer)
    subject = f"{language}-1"
    person = provider.add_person(subject, BIN)
    came_back = callbacks(page)
    page.goto("/sign-in?back=/projects")
    check_page(page, language, in_each_language=True)
    follow(page, BUTTON)
    provider.sign_in(page, subject)
    is_at(page, language, "pending")

    service.confirm(person)
    accounts, sessions = service.counts()
    go_to_provider(page)
    if name == "oidc-provider-mock":
        provider.sign_in(page, subject)
    assert page.url == f"{service.address}/projects"
    assert person in page.inner_text("header")
    check_page(page, language, in_each_language=True)
    assert service.counts() == (accounts, sessions + 1)

    page.goto(came_back[-1])
    is_at(page, language, "used")
    assert service.counts() == (accounts, sessions + 1)

    page.goto("/projects")
    held = hold_requests_to(page, provider.issuer)
    follow(page, ".site-header__out")
    is_at(page, language, "signed-out")
    assert page.locator("header form, #navigation").count() == 0
    page.unroute(held)
    follow(page, "main a")
    provider.sign_out(page)
    if name == "oidc-provider":
        # The mock keeps no session, and leads back only on its own page.
        assert page.url.startswith(f"{service.address}/?state=")
    page.goto("/projects")
    assert page.url.startswith(f"{service.address}/sign-in?")
    assert service.counts() == (accounts, sessions)


def hold_requests_to(page: Page, issuer: str) -> Any:
    """Keep the browser on the page that leads to the provider at once, so that it can be looked at."""
    pattern = f"{issuer}/**"
    page.route(pattern, lambda route: route.fulfill(status=204))
    return pattern
