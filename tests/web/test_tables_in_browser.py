"""Tables of lists in a real browser: statuses and dates do not break where there is room."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser

from registry.accounts.roles import Role
from tests.web.browser import context, sign_in
from tests.web.tour_stop import person_name

HIGHEST = "selector => Math.max(...[...document.querySelectorAll(selector)].map(each => each.offsetHeight))"
ONE_LINE = 30


@pytest.mark.on_either
def test_freeze_statuses_stand_on_one_line_on_a_wide_screen(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    opened = context(browser, address, "en", width=1280)
    page = opened.new_page()
    sign_in(page, person_name(Role.SUPERVISOR))
    page.goto("/projects?freeze_status=flagged")
    assert page.locator("td > .govuk-tag").count() > 20
    assert page.evaluate(HIGHEST, "td > .govuk-tag") < ONE_LINE
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
def test_scopes_of_tokens_have_the_letters_of_their_table(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    opened = context(browser, address, "en", width=1280)
    page = opened.new_page()
    sign_in(page, person_name(Role.ADMINISTRATOR))
    page.goto("/tokens")
    size = "each => getComputedStyle(each).fontSize"
    scopes = page.locator(".token-scopes summary").first
    assert scopes.evaluate(size) == scopes.locator("xpath=ancestor::td").evaluate(size)
    opened.close()
