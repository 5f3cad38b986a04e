"""The menu in a real browser: on one line for every role, with a group of pages that opens without scripts."""

from __future__ import annotations

from itertools import product

import pytest
from playwright.sync_api import Browser

from registry.accounts.roles import Role
from registry.core.translations import LANGUAGES
from tests.web.browser import context, follow, set_locale, sign_in
from tests.web.tour import person_name

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("demo")]
FURTHER = "details.further"
# The sum of all layout shifts since the page began to load.
LAYOUT_SHIFT = """() => new Promise(resolve => new PerformanceObserver(list => resolve(
    list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({type: "layout-shift", buffered: true})
    || setTimeout(() => resolve(0), 500))"""


def test_menu_is_on_one_line_for_every_role_in_every_language(browser: Browser, address: str) -> None:
    heights = {}
    for role in Role:
        opened = context(browser, address)
        page = opened.new_page()
        sign_in(page, person_name(role))
        for language in LANGUAGES:
            set_locale(opened, address, language)
            page.goto("/help")
            heights[role.value, language] = page.locator("#navigation").bounding_box()["height"]  # type: ignore[index]
        opened.close()
    assert len(heights) == len(list(product(Role, LANGUAGES)))
    assert {key for key, height in heights.items() if height > 65} == set()


def test_more_pages_open_without_scripts(browser: Browser, address: str) -> None:
    opened = context(browser, address, scripts=False)
    page = opened.new_page()
    sign_in(page, person_name(Role.ADMINISTRATOR))
    assert not page.locator(f"{FURTHER} a[href='/journal']").is_visible()
    page.click(f"{FURTHER} summary")
    follow(page, f"{FURTHER} a[href='/journal']")
    assert page.inner_text("h1") == "Journal"
    assert page.locator(f"{FURTHER} summary").text_content() == "More pages: Journal"
    opened.close()


def test_more_pages_close_by_escape_and_by_a_click_elsewhere(browser: Browser, address: str) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    sign_in(page, person_name(Role.ADMINISTRATOR))
    link = page.locator(f"{FURTHER} a[href='/journal']")
    page.click(f"{FURTHER} summary")
    assert link.is_visible()
    page.keyboard.press("Escape")
    assert not link.is_visible()
    assert page.evaluate("document.activeElement.matches('details.further summary')")
    page.keyboard.press("Enter")
    assert link.is_visible()
    page.click("h1")
    assert not link.is_visible()
    opened.close()


def test_pages_do_not_jump_while_they_load_on_a_phone(browser: Browser, address: str) -> None:
    opened = context(browser, address, width=390)
    page = opened.new_page()
    sign_in(page, person_name(Role.SUPERVISOR))
    shifts = {}
    for path in ("/home", "/projects", "/cases", "/audits"):
        page.goto(path, wait_until="networkidle")
        shifts[path] = page.evaluate(LAYOUT_SHIFT)
    # Core Web Vitals: up to 0.1 is good.
    assert {path: shift for path, shift in shifts.items() if shift > 0.1} == {}
    opened.close()


def test_menu_shows_on_a_phone_when_its_script_never_comes(browser: Browser, address: str) -> None:
    opened = context(browser, address, width=390)
    page = opened.new_page()
    sign_in(page, person_name(Role.SUPERVISOR))
    page.route("**/*.js", lambda route: route.abort())
    page.goto("/home")
    page.locator("#navigation a[href='/projects']").wait_for(state="visible", timeout=10_000)
    opened.close()
