"""The compliance report in a real browser: every column is in sight on a screen of usual width."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser

from registry.accounts.roles import Role
from registry.core.translations import LANGUAGES, Language
from tests.factories import a_project
from tests.web.browser import context, sign_in
from tests.web.tour_stop import person_name

WIDER_THAN_THE_PAGE = """[...document.querySelectorAll(".scroll")]
    .filter(each => each.scrollWidth > each.clientWidth).map(each => each.scrollWidth - each.clientWidth)"""


@pytest.mark.on_either
# Kazakh has the longest words.
@pytest.mark.parametrize(
    "language", [pytest.param(each, marks=() if each == "kk" else pytest.mark.nightly) for each in LANGUAGES]
)
def test_table_fits_1280_pixels_in_every_language(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str, language: Language
) -> None:
    with demo[0].app_context():
        # Other tests audit the demo.
        a_project()
    opened = context(browser, address, language, width=1280)
    page = opened.new_page()
    sign_in(page, person_name(Role.LEADER))
    for group in ("agency", "region", "kind", "sector"):
        page.goto(f"/reports/compliance?by={group}")
        # Fourteen columns with one that is not audited yet; three of them below one heading and two below another.
        assert page.locator(".dense--many tbody tr").first.locator("th, td").count() == 14
        assert page.evaluate(WIDER_THAN_THE_PAGE) == [], group
    opened.close()
