"""Windows of a person with a virtual authenticator of Chromium, which answers for passkeys without a prompt."""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, Page

from registry.core.translations import Language
from tests.web.browser import context
from tests.web.page_checks import AXE

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def open_window(browser: Browser, site: str, language: Language = "en") -> tuple[BrowserContext, Page, list[str]]:
    """Open a window with axe. The list collects what the content security policy blocked, and errors of scripts."""
    window = context(browser, site, language)
    window.add_init_script(path=AXE)
    page = window.new_page()
    blocked: list[str] = []
    page.on("console", lambda line: blocked.append(line.text) if "Content Security" in line.text else None)
    page.on("pageerror", lambda error: blocked.append(str(error)))
    return window, page, blocked


def add_authenticator(window: BrowserContext, page: Page, **options: bool) -> None:
    """Give the page an authenticator; ``options`` replace those of ``AUTHENTICATOR``."""
    session = window.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, **options}})
