"""The header in a real browser: two thin lines for every role, and on phones a menu that opens without scripts."""

from __future__ import annotations

from itertools import product

import pytest
from playwright.sync_api import Browser

from registry.accounts.roles import Role
from registry.core.translations import LANGUAGES
from tests.web.browser import context, follow, set_locale, sign_in
from tests.web.tour import person_name

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("demo")]
# The sum of all layout shifts since the page began to load.
LAYOUT_SHIFT = """() => new Promise(resolve => new PerformanceObserver(list => resolve(
    list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({type: "layout-shift", buffered: true})
    || setTimeout(() => resolve(0), 500))"""


def test_header_takes_two_thin_lines_for_every_role_in_every_language(browser: Browser, address: str) -> None:
    heights = {}
    for role in Role:
        opened = context(browser, address)
        page = opened.new_page()
        sign_in(page, person_name(role))
        for language in LANGUAGES:
            set_locale(opened, address, language)
            page.goto("/settings")
            for part in (".site-header", ".section-pages"):
                heights[role.value, language, part] = page.locator(part).bounding_box()["height"]  # type: ignore[index]
        opened.close()
    assert len(heights) == len(list(product(Role, LANGUAGES))) * 2
    most = {".site-header": 80, ".section-pages": 40}
    assert {key: height for key, height in heights.items() if height > most[key[2]]} == {}


def test_menu_opens_without_scripts_on_a_phone(browser: Browser, address: str) -> None:
    opened = context(browser, address, width=390, scripts=False)
    page = opened.new_page()
    sign_in(page, person_name(Role.ADMINISTRATOR))
    link = page.locator("#navigation a[href='/settings']")
    assert not link.is_visible() and not page.locator(".site-header__out").is_visible()
    page.click(".site-header__menu")
    assert page.locator(".site-header__out").is_visible()
    follow(page, "#navigation a[href='/settings']")
    follow(page, "main a[href='/journal']")
    assert page.inner_text("h1") == "Journal"
    assert page.inner_text(".section-pages [aria-current]") == "Journal"
    assert page.locator("#navigation [aria-current=true]").text_content() == "Settings"
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
