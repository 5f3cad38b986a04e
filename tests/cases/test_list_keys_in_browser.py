"""Work lists by keyboard, in a real browser: every key has a button, and cases are taken without the mouse."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from registry.accounts.roles import Role
from tests.cases.cast import audit
from tests.factories import a_project, an_agency
from tests.web.browser import context, enter, sign_in
from tests.web.page_checks import AXE, check_page
from tests.web.tour_stop import person_name

Demo = tuple[Flask, dict[str, object]]
# The pages behind the keys have their tests on both databases.
pytestmark = pytest.mark.sqlite_only
CASES = 4
FOCUSED = "document.activeElement.getAttribute('href') ?? document.activeElement.id"


@pytest.fixture
def queue(demo: Demo) -> str:
    """Return the list of the unassigned cases of a new agency."""
    with demo[0].app_context():
        agency = an_agency()
        for _ in range(CASES):
            a_project(agency)
        audit()
        return f"/cases?status=new&agency={agency.bin}"


def chosen(page: Page) -> int:
    return page.locator("input[name=case]:checked").count()


def test_reviewer_takes_cases_by_keyboard_alone(browser: Browser, address: str, queue: str) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    page.add_init_script(path=AXE)
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(queue)
    for _ in range(CASES):
        page.keyboard.press("j")
        page.keyboard.press("x")
    assert chosen(page) == CASES
    assert page.inner_text(".chosen__count") == "Chosen: 4, 480 million ₸"
    page.keyboard.press("p")
    title = page.locator(".preview h2 a")
    assert title.inner_text() == page.evaluate("document.activeElement.textContent")
    # A short list is not stretched to the height of its preview.
    assert page.evaluate("document.querySelector('.list tbody tr').offsetHeight") < 60
    check_page(page, "en")
    page.keyboard.press("p")
    assert not title.is_visible()
    page.keyboard.press("x")
    page.keyboard.press("k")
    assert chosen(page) == CASES - 1
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("b")
    enter(page)
    assert f"{CASES} cases are taken." in page.inner_text("main")
    check_page(page, "en")
    # Keys are letters of the text while somebody types.
    page.goto(queue.replace("status=new", "status=under_review"))
    page.keyboard.press("/")
    page.keyboard.type("jkxe")
    assert page.input_value("#q") == "jkxe" and chosen(page) == 0
    page.locator("h1").click()
    page.keyboard.press("j")
    first = page.evaluate(FOCUSED)
    with page.expect_navigation():
        page.keyboard.press("e")
    assert page.url.endswith(first)
    opened.close()


def test_rows_of_the_page_are_chosen_together_and_previewed_with_the_mouse(
    browser: Browser, address: str, queue: str
) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(f"{queue}&group=agency")
    page.check("[data-all]")
    assert chosen(page) == CASES
    page.locator(".peek").nth(1).click()
    page.wait_for_selector(".preview:focus")
    page.keyboard.press("Escape")
    assert page.evaluate(FOCUSED) == page.locator("tbody th a").nth(1).get_attribute("href")
    opened.close()


def test_every_key_has_a_button_and_can_be_turned_off(browser: Browser, address: str, queue: str) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    page.add_init_script(path=AXE)
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(queue)
    buttons = page.locator("[data-keys] button")
    assert [buttons.nth(place).get_attribute("data-key") for place in range(8)] == [*"/jkxepb?"]
    page.click("[data-key=j]")
    page.click("[data-key=x]")
    assert chosen(page) == 1
    page.keyboard.press("?")
    assert page.locator("#keys-help[open] li").count() == 8
    check_page(page, "en")
    page.click("#keys-help input")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("x")
    assert chosen(page) == 1
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert chosen(page) == 0
    opened.close()
