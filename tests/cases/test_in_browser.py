"""Case work in a real browser: a queue is decided by keyboard, by a reviewer and a supervisor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from registry.accounts.roles import Role
from tests.cases.cast import audit
from tests.factories import a_project, an_agency
from tests.web.browser import context, enter, follow, sign_in, tab_to
from tests.web.tour_stop import person_name

Demo = tuple[Flask, dict[str, object]]
CASE = re.compile(r"/cases/(\d+)\?")
DECIDED = 4
# Other tests cover these journeys on both databases without a browser.
pytestmark = pytest.mark.sqlite_only
# Keystrokes (Tab, Enter, arrows) for one case of the queue, without the text of the reason.
MAX_KEYS = 12
# What a reviewer needs for a decision, and those of it that are not in sight, in the window or the panel that scrolls.
TO_DECIDE = ["[name=propose-decision]", "#propose-reason_ru", "form[action*='/propose'] [name=then]"]
OUT_OF_SIGHT = """selectors => selectors.filter(selector => {
    const place = document.querySelector(selector).getBoundingClientRect();
    const x = place.left + place.width / 2, y = place.top + place.height / 2;
    return place.bottom > innerHeight || !document.querySelector(selector).contains(document.elementFromPoint(x, y));
})"""


@contextmanager
def at_work(browser: Browser, address: str, role: Role, *, scripts: bool = True) -> Iterator[Page]:
    """Return the page of a signed-in person with the role."""
    opened = context(browser, address, scripts=scripts)
    page = opened.new_page()
    sign_in(page, person_name(role))
    yield page
    opened.close()


def case_at(page: Page) -> str:
    match = CASE.search(page.url)
    assert match, page.url
    return match[1]


def decide(page: Page) -> int:
    """Decide the case and continue with the next one by keyboard. Return the number of keystrokes, without the text."""
    number, keys = case_at(page), 0
    assert page.evaluate(OUT_OF_SIGHT, TO_DECIDE) == [] and page.evaluate("scrollY") == 0
    if page.locator(".govuk-notification-banner:focus").count() == 0:
        # The first case is opened from the list; later ones begin at the banner of the case before, above the actions.
        keys += tab_to(page, "a[href='#acting']") + 1
        page.keyboard.press("Enter")
    keys += tab_to(page, "[name=propose-decision]") + 1
    page.keyboard.press("ArrowDown")
    keys += tab_to(page, "#propose-reason_ru") + 1
    page.keyboard.type("Signed before the cutoff.")
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    assert f"/cases/{number}?" not in page.url
    return keys


@pytest.fixture
def queue(demo: Demo) -> str:
    """Return the filter for unassigned cases of a new agency."""
    with demo[0].app_context():
        agency = an_agency()
        for _ in range(DECIDED):
            a_project(agency)
        audit()
        return f"agency={agency.bin}"


def test_reviewer_decides_queue_by_keyboard(browser: Browser, address: str, queue: str) -> None:
    with at_work(browser, address, Role.REVIEWER) as page:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"/cases?status=new&{queue}")
        for _ in range(DECIDED):
            page.keyboard.press("j")
            page.keyboard.press("x")
        page.keyboard.press("b")
        enter(page)
        assert f"{DECIDED} cases are taken." in page.inner_text("main")
        page.goto(f"/cases?status=under_review&{queue}")
        page.keyboard.press("j")
        with page.expect_navigation():
            page.keyboard.press("e")
        decided, keys = [], []
        for _ in range(DECIDED):
            decided.append(case_at(page))
            keys.append(decide(page))
            banner = page.inner_text("main .govuk-notification-banner >> nth=0")
            assert f"Case {decided[-1]}: Decision proposed" in banner
            assert page.locator(".govuk-notification-banner:focus").count() == 1
        assert len(set(decided)) == DECIDED and max(keys) <= MAX_KEYS, keys
        assert "That was the last case of this list." in page.inner_text("main")
    with at_work(browser, address, Role.SUPERVISOR) as page:
        page.goto(f"/cases?to_approve=true&{queue}")
        follow(page, "tbody a >> nth=0")
        for _ in range(3):
            number = case_at(page)
            assert "Signed before the cutoff." in page.inner_text("main")
            tab_to(page, "form[action*='/approve'] button[name=then]")
            enter(page)
            assert f"/cases/{number}" not in page.url
            assert f"Case {number}: Decision approved" in page.inner_text(".govuk-notification-banner")
