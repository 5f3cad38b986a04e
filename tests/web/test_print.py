"""Print styles: user and time, no controls, and nothing cut off."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from registry.accounts.roles import Role
from tests.web.browser import context, sign_in
from tests.web.tour_stop import person_name

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


@pytest.mark.sqlite_only
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


@pytest.mark.sqlite_only
def test_printed_list_is_a_table(browser: Browser, demo: tuple[Flask, dict[str, object]], address: str) -> None:
    page = on_paper(browser, address, "/projects", UPRIGHT)
    assert page.evaluate(STYLE, ["table tbody tr", None, "display"]) == "table-row"
    assert page.evaluate(STYLE, ["table thead", None, "position"]) == "static"
    page.context.close()
