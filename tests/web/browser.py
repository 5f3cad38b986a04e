"""A real browser: Debian's Chromium, driven by Playwright, with the service in a thread of this process."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from registry.accounts.roles import Role
from registry.core.translations import Language
from tests.web.tour_stop import PASSWORD, Stop, person_name

TIMEOUT_MS = 20_000
MAX_TABS = 60
# The same browser without window management, which takes two thirds of the time.
PROGRAMS = ("chromium-headless-shell", "chromium")
# Scripts live only as long as their page here, so optimizing them takes longer than running them.
UNOPTIMIZED = "--js-flags=--no-opt --no-maglev"
# Host names of this machine that a browser does not treat as local: plain HTTP, and hosts of one site.
NAMES = "--host-resolver-rules=MAP *.example.test 127.0.0.1"


class NoChromium(RuntimeError):
    """The browser is not installed: ``apt-get install chromium-headless-shell``."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve on a free local port for the duration of the block. Yields the URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser. Raises NoChromium."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        raise NoChromium("apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", UNOPTIMIZED, NAMES])
        try:
            yield browser
        finally:
            browser.close()


def context(
    browser: Browser, address: str, language: Language = "en", *, width: int = 1280, scripts: bool = True
) -> BrowserContext:
    """Return a new window of this width and locale that can load nothing from other hosts."""
    opened = browser.new_context(
        base_url=address, viewport={"width": width, "height": 900}, java_script_enabled=scripts, locale="en-GB"
    )
    opened.set_default_timeout(TIMEOUT_MS)
    set_locale(opened, address, language)
    return opened


def set_locale(opened: BrowserContext, address: str, language: Language) -> None:
    """Set the locale of pages that a window opens from now on."""
    opened.add_cookies([{"name": "registry_language", "value": language, "url": address}])


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Sign in by the form."""
    page.goto("/sign-in")
    page.fill("#name", name)
    page.fill("#password", password)
    follow(page, "main button[type=submit]")


def follow(page: Page, selector: str) -> None:
    """Click a link or button and wait for the next page; a click alone does not wait."""
    with page.expect_navigation():
        page.click(selector)


def enter(page: Page) -> None:
    """Press Enter on the focused element and wait for the next page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def visit(page: Page, stop: Stop) -> None:
    """Open a stop, and submit its form if it has one."""
    page.goto(stop.path)
    if stop.sends is None:
        return
    for name, value in stop.sends.items():
        page.fill(f"main [name={name}]", value)
    follow(page, "main form button[type=submit]:not([data-fills]):visible")


def sessions(browser: Browser, address: str, language: Language, width: int) -> Iterator[tuple[Role | None, Page]]:
    """Return a page for a visitor and for a signed-in person of each role."""
    for role in (None, *Role):
        opened = context(browser, address, language, width=width)
        page = opened.new_page()
        if role is not None:
            sign_in(page, person_name(role))
        yield role, page
        opened.close()


def tab_to(page: Page, selector: str) -> int:
    """Press Tab until the element is focused. Return the number of presses. Raises AssertionError if it never is."""
    for count in range(1, MAX_TABS + 1):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return count
    raise AssertionError(f"{selector} is not reached by Tab on {page.url}")


def type_into(page: Page, selector: str, text: str) -> None:
    """Tab to a field and type."""
    tab_to(page, selector)
    page.keyboard.type(text)
