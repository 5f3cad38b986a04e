"""Tables of lists in a real browser: names stay beside the figures that are scrolled to."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser

from registry.accounts.roles import Role
from registry.core.translations import LANGUAGES
from tests.web.browser import context, set_locale, sign_in
from tests.web.tour_stop import person_name


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
