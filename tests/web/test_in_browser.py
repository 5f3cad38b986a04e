"""Pages in a real browser: accessible at any width, and by keyboard."""

from __future__ import annotations

from itertools import product
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser

from registry.accounts.roles import AGENCY_ROLES, Role
from registry.core.translations import LANGUAGES
from tests.web.browser import context, enter, set_locale, sign_in, tab_to, type_into, visit
from tests.web.page_checks import AXE, COLOURS_CHECKED_IN, NARROW, ORDINARY, violations
from tests.web.tour import stops
from tests.web.tour_stop import Stop, person_name

pytestmark = pytest.mark.on_either


def page_of(stop: Stop) -> tuple[str, bool, bool]:
    """What page it is, whether with errors, and which side sees it."""
    return urlsplit(stop.path).path, stop.sends is None, stop.role in AGENCY_ROLES


@pytest.mark.parametrize("role", (None, *Role))
def test_every_page_is_accessible_fits_320_pixels_and_loads_from_own_host(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str, role: Role | None, nightly: bool
) -> None:
    # At night in the other languages too, and lists with every filter and search.
    languages = LANGUAGES if nightly else (COLOURS_CHECKED_IN,)
    tour = stops(demo[1])
    visited = tour if nightly else {page_of(stop): stop for stop in reversed(tour)}.values()
    broken, asked, blocked = [], set(), []
    opened = context(browser, address)
    opened.on("request", lambda request: asked.add(request.url))
    opened.on("console", lambda line: blocked.append(line.text) if "Content Security" in line.text else None)
    # One page with axe, which takes longer than the rest: what it finds is the same in every language. And one that
    # stays narrow for the other languages.
    wide, narrow = opened.new_page(), opened.new_page()
    wide.add_init_script(path=AXE)
    narrow.set_viewport_size(NARROW)
    if role is not None:
        sign_in(wide, person_name(role))
    for stop, language in product((stop for stop in visited if stop.role == role), languages):
        page = wide if language == COLOURS_CHECKED_IN else narrow
        set_locale(opened, address, language)
        visit(page, stop.in_language(language))
        assert page.evaluate("document.documentElement.lang") == language
        if page is wide:
            broken += [(stop.name, language, *finding) for finding in violations(page, language)]
            page.set_viewport_size(NARROW)
        if (needed := page.evaluate("document.documentElement.scrollWidth")) > NARROW["width"]:
            broken.append((stop.name, language, "scrolls sideways", str(needed)))
        if page is wide:
            page.set_viewport_size(ORDINARY)
    opened.close()
    assert not broken, "\n".join(map(str, broken))
    assert [url for url in asked if not url.startswith(address)] == []
    assert blocked == []


# On every day lists of cases are worked through by keyboard: tests/cases/test_page_in_browser.py.
@pytest.mark.nightly
def test_project_is_registered_by_keyboard(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    sign_in(page, person_name(Role.AGENCY_EDITOR))
    page.goto("/register")
    tab_to(page, "main form button")
    enter(page)
    page.wait_for_url("**/what")
    type_into(page, "#name_ru", "Портал с клавиатуры")
    tab_to(page, "main form button:not([name])")
    enter(page)
    page.wait_for_url("**/work")
    for name in ("object_kind", "work_type", "stage"):
        tab_to(page, f"[name={name}]")
        page.keyboard.press("Space")
    tab_to(page, "[name=placement]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    for step, name, text in (
        ("object", "integrations", "eGov"),
        ("dates", "contract_signed_on", "02.03.2026"),
        ("money", "budget_kzt", "1 000 000"),
        ("people", "responsible_name", "Әлия Оспанова"),
    ):
        tab_to(page, "main form button:not([name])")
        enter(page)
        page.wait_for_url(f"**/{step}")
        type_into(page, f"#{name}", text)
    tab_to(page, "main form button:not([name])")
    enter(page)
    page.wait_for_url("**/check")
    assert "would be flagged" in page.inner_text("main")
    tab_to(page, "main form button")
    enter(page)
    page.wait_for_url("**/projects/QT-*")
    assert "Портал с клавиатуры" in page.inner_text("h1")
    opened.close()
