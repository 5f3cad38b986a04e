"""Case work in a real browser: by each role, by keyboard, and by two people concurrently."""

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
from tests.web.browser import context, enter, follow, sign_in, tab_to, type_into
from tests.web.tour_stop import person_name

Demo = tuple[Flask, dict[str, object]]
CASE = re.compile(r"/cases/(\d+)\?")
DECIDED = 20
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


def do(page: Page, action: str) -> None:
    """Submit an action's form by keyboard: expand it if necessary and press its button."""
    button = page.locator(f"main form[action*='/{action}'] .govuk-button-group button").first
    if not button.is_visible():
        page.locator(f"details:has(form[action*='/{action}']) > summary").focus()
        page.keyboard.press("Enter")
    button.focus()
    enter(page)
    page.wait_for_selector(".govuk-notification-banner")


def test_case_is_reviewed_and_accepted_in_browser(browser: Browser, demo: Demo, address: str) -> None:
    case = f"/cases/{demo[1]['case_new']}"
    with (
        at_work(browser, address, Role.REVIEWER) as reviewer,
        at_work(browser, address, Role.SUPERVISOR) as supervisor,
        # JavaScript is off for the agency; the reviewer uses the keyboard.
        at_work(browser, address, Role.AGENCY_EDITOR, scripts=False) as editor,
    ):
        reviewer.goto(case)
        do(reviewer, "claim")
        reviewer.locator("details:has(#ask-comment) > summary").focus()
        reviewer.keyboard.press("Enter")
        reviewer.fill("#ask-comment", "When was it signed?")
        do(reviewer, "ask")
        editor.goto("/home")
        follow(editor, f"main a[href^='{case}?'] >> nth=0")
        assert "When was it signed?" in editor.inner_text("main")
        editor.fill("#answer-comment", "In December 2025.")
        follow(editor, "form[action*='/answer'] button >> nth=0")
        assert "In December 2025." in editor.inner_text("main")
        reviewer.goto("/home")
        entry = reviewer.locator(f"main a[href='{case}']").first
        place = entry.bounding_box()
        assert "answered" in entry.inner_text() and place is not None and place["y"] < 800
        reviewer.goto(case)
        tab_to(reviewer, "#propose-decision")
        reviewer.keyboard.press("ArrowDown")
        type_into(reviewer, "#propose-reason_ru", "Signed before the cutoff.")
        do(reviewer, "propose")
        supervisor.goto(case)
        assert "Signed before the cutoff." in supervisor.inner_text("main")
        do(supervisor, "approve")
        assert "Closed" in supervisor.inner_text("main")
