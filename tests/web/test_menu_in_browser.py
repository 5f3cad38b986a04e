"""Header, menu, tables and printed pages in a real browser."""

from __future__ import annotations

from itertools import product

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from registry.accounts.roles import Role
from registry.core.translations import LANGUAGES, Language
from tests.web.browser import context, follow, set_locale, sign_in
from tests.web.tour import person_name

pytestmark = [pytest.mark.on_either, pytest.mark.usefixtures("demo")]
# The sum of all layout shifts since the page began to load.
LAYOUT_SHIFT = """() => new Promise(resolve => new PerformanceObserver(list => resolve(
    list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({type: "layout-shift", buffered: true})
    || setTimeout(() => resolve(0), 500))"""


def test_header_takes_two_thin_lines_for_every_role_in_every_language(
    browser: Browser, address: str, nightly: bool
) -> None:
    # By day in the language whose texts are the longest.
    languages: tuple[Language, ...] = LANGUAGES if nightly else ("kk",)
    heights = {}
    for role in Role:
        opened = context(browser, address)
        page = opened.new_page()
        sign_in(page, person_name(role))
        for language in languages:
            set_locale(opened, address, language)
            page.goto("/settings")
            for part in (".site-header", ".section-pages"):
                heights[role.value, language, part] = page.locator(part).bounding_box()["height"]  # type: ignore[index]
        opened.close()
    assert len(heights) == len(list(product(Role, languages))) * 2
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


@pytest.mark.on_either
def test_names_of_agencies_stay_beside_the_figures_that_are_scrolled_to(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    opened = context(browser, address, "ru", width=390)
    page = opened.new_page()
    sign_in(page, person_name(Role.LEADER))
    page.goto("/reports/compliance?by=agency")
    before = page.locator(".dense--many tbody th").first.bounding_box()
    page.evaluate("document.querySelector('.dense--many').parentElement.scrollLeft = 260")
    assert page.locator(".dense--many tbody th").first.bounding_box() == before
    assert before is not None and before["width"] < 390 / 2
    opened.close()


@pytest.mark.on_either
def test_figures_over_time_are_no_wider_than_a_page(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    sign_in(page, person_name(Role.LEADER))
    for language in LANGUAGES:
        set_locale(opened, address, language)
        page.goto("/overview/history")
        room = page.evaluate(
            "[...document.querySelectorAll('.scroll')].map(each => each.clientWidth - each.scrollWidth)"
        )
        assert room == [0, 0], language
    opened.close()


# A4 without margins, in CSS pixels.
UPRIGHT, ACROSS = 702, 1032
CLICKED = ".govuk-button, .filters, .tabs, .download-links, .govuk-pagination, .acting, .site-header, form"
STYLE = "([selector, of, name]) => getComputedStyle(document.querySelector(selector), of)[name]"


def on_paper(browser: Browser, address: str, path: str, width: int, role: Role = Role.SUPERVISOR) -> Page:
    page = context(browser, address, "ru").new_page()
    sign_in(page, person_name(role))
    page.goto(path)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": width, "height": 900})
    return page


@pytest.mark.parametrize(
    ("path", "width"),
    [("/reports/compliance?by=agency", ACROSS), ("/projects", UPRIGHT), ("/home", UPRIGHT), ("/cases", UPRIGHT)],
)
def test_printed_page_names_user_and_time_and_has_no_controls(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str, path: str, width: int
) -> None:
    page = on_paper(browser, address, path, width)
    assert "Реестр проектов QazTech" in page.inner_text(".print-head")
    assert "Напечатано" in page.inner_text(".print-head")
    assert page.locator(CLICKED).locator("visible=true").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STYLE, ["main a[href]", "::after", "content"]) == "none"
    for selector in ("h1", "table", "table th"):
        assert page.evaluate(STYLE, [selector, None, "fontFamily"]).startswith('"Golos Text"')
    page.context.close()


def test_printed_list_is_a_table(browser: Browser, demo: tuple[Flask, dict[str, object]], address: str) -> None:
    page = on_paper(browser, address, "/projects", UPRIGHT)
    assert page.evaluate(STYLE, ["table tbody tr", None, "display"]) == "table-row"
    assert page.evaluate(STYLE, ["table thead", None, "position"]) == "static"
    page.context.close()
