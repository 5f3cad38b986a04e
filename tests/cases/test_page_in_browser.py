"""Cases in a real browser: what a person does next is in sight, and queues and lists are worked through by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.service import agency_by_bin
from registry.cases.models import Case
from registry.core.database import db
from tests.cases.cast import TRANSITIONAL, audit, case_of, decided_case, in_days, migrate_by
from tests.factories import a_project, an_agency
from tests.web.browser import context, enter, follow, sign_in, tab_to
from tests.web.page_checks import AXE, check_page
from tests.web.tour_entries import AGENCY
from tests.web.tour_stop import person_name

Demo = tuple[Flask, dict[str, object]]
# Layout does not depend on the database.
pytestmark = pytest.mark.on_either
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
TOP_AND_BOTTOM = "element => { const box = element.getBoundingClientRect(); return [box.top, box.bottom]; }"
LINES_AND_WIDTH = """area => [area.clientHeight / parseFloat(getComputedStyle(area).lineHeight),
  area.offsetWidth / area.closest(".acting").offsetWidth]"""
# What the person does next, by the case of the demo.
NEXT = {
    Role.REVIEWER: {
        "case_new": "form[action*='/claim'] button",
        "case_review": "form[action*='/propose'] .govuk-button-group button",
        "cleared": "form[action*='/confirm'] button",
        "case_asked": "details:has(form[action*='/withdraw']) > summary",
        "case_ordered": "details:has(form[action*='/comment']) > summary",
    },
    Role.SUPERVISOR: {
        "case_approval": "form[action*='/approve'] button",
        "case_commission": ".acting__first .govuk-button",
        "case_ordered": "details:has(form[action*='/claim']) > summary",
        "case_closed": "details:has(form[action*='/comment']) > summary",
    },
    Role.AGENCY_EDITOR: {
        "case_asked": "form[action*='/answer'] button",
        "own_ordered": ".case__obey .govuk-button",
        "own_closed": "details:has(form[action*='/comment']) > summary",
    },
}


@pytest.fixture(scope="module")
def cases(demo: Demo) -> dict[str, object]:
    """Return the cases of the demo by name, a cleared one, and two decided ones of the editor's agency."""
    with demo[0].app_context():
        agency = agency_by_bin(AGENCY)
        ordered = decided_case(a_project(agency), migrate_by(in_days(60)))
        closed = decided_case(a_project(agency), TRANSITIONAL)
        cleared = db.session.scalars(select(Case.id).where(Case.status == "awaiting_confirmation")).first()
        assert cleared is not None
        # Other tests take the new cases of the demo.
        project = a_project(an_agency())
        audit()
        own = {"case_new": case_of(project).id, "own_ordered": ordered.id, "own_closed": closed.id}
        return demo[1] | own | {"cleared": cleared}


@pytest.mark.parametrize("role", list(NEXT))
def test_next_action_is_on_the_first_screen(
    browser: Browser, cases: dict[str, object], address: str, role: Role
) -> None:
    opened = context(browser, address, "kk", width=LAPTOP["width"])
    page = opened.new_page()
    page.set_viewport_size(LAPTOP)
    sign_in(page, person_name(role))
    places = {}
    for name, selector in NEXT[role].items():
        page.goto(f"/cases/{cases[name]}")
        places[name] = page.locator(f"main {selector}").first.evaluate(TOP_AND_BOTTOM)
    assert {name: place for name, place in places.items() if not 0 < place[0] < place[1] <= LAPTOP["height"]} == {}
    opened.close()


def test_findings_the_agencys_word_and_the_form_of_the_decision_are_on_one_screen(
    browser: Browser, cases: dict[str, object], address: str
) -> None:
    opened = context(browser, address, "ru")
    page = opened.new_page()
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(f"/cases/{cases['case_review']}")
    basis, buttons = (
        page.locator(each).evaluate(TOP_AND_BOTTOM)
        for each in ("#propose-legal_basis_ru", "form[action*='/propose'] .govuk-button-group")
    )
    assert basis[1] <= buttons[0] and buttons[1] <= 900
    assert page.locator(".case__side").evaluate("side => side.scrollHeight <= side.clientHeight")
    lines, width = page.locator("#propose-legal_basis_ru").evaluate(LINES_AND_WIDTH)
    assert lines >= 8 and width >= 0.9
    page.set_viewport_size(LAPTOP)
    for what in (".card--finding >> nth=-1", "#said + *", "form[action*='/propose'] .govuk-button-group"):
        top, bottom = page.locator(what).evaluate(TOP_AND_BOTTOM)
        assert 0 < top < bottom <= LAPTOP["height"], what
    for action in ("ask", "refer", "comment"):
        summary = page.locator(
            f"details:has(form[action$='/{action}']) > summary, details:has(form[action*='/{action}?']) > summary"
        )
        top, bottom = summary.first.evaluate(TOP_AND_BOTTOM)
        assert 0 < top < bottom <= LAPTOP["height"], action
    opened.close()


def test_phone_has_the_action_before_the_facts(browser: Browser, cases: dict[str, object], address: str) -> None:
    opened = context(browser, address, "ru", width=PHONE["width"])
    page = opened.new_page()
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(f"/cases/{cases['case_new']}")
    button, facts = (
        page.locator(each).evaluate(TOP_AND_BOTTOM) for each in ("form[action*='/claim'] button", "#facts")
    )
    assert button[1] < facts[0] and button[0] < PHONE["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    opened.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_template_is_inserted_and_enter_sends_the_form(
    browser: Browser, cases: dict[str, object], address: str, scripts: bool
) -> None:
    opened = context(browser, address, "ru", scripts=scripts)
    page = opened.new_page()
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(f"/cases/{cases['case_review']}")
    page.select_option("#propose-template", index=1)
    page.fill("#propose-reason_ru", "Мой текст.")
    if scripts:
        page.click("button[data-fills^=propose-reason]")
        expect(page.locator("#propose-reason_ru")).not_to_have_value("Мой текст.", timeout=20_000)
    else:
        follow(page, "button[data-fills^=propose-reason]")
    reason = page.input_value("#propose-reason_ru")
    assert reason.startswith("Мой текст.") and len(reason) > len("Мой текст.")
    assert page.url.endswith("/propose") is not scripts
    page.check("[value=migrate_by]")
    page.fill("#propose-due_on", "вчера")
    page.locator("#propose-due_on").focus()
    enter(page)
    # Sent, not inserted once more: the date is wrong.
    assert page.locator("#propose-due_on-error").is_visible()
    opened.close()


def test_printed_case_has_clauses_and_no_actions(browser: Browser, cases: dict[str, object], address: str) -> None:
    opened = context(browser, address, "ru")
    page = opened.new_page()
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(f"/cases/{cases['case_review']}")
    page.emulate_media(media="print")
    clause = page.locator(".card__clause").first
    assert "Цифровой кодекс" in clause.inner_text() and clause.evaluate("element => element.clientHeight") > 20
    assert not page.locator(".acting").is_visible() and page.locator(".case__status").is_visible()
    opened.close()


CASE = re.compile(r"/cases/(\d+)\?")
DECIDED = 4
# Other tests cover these journeys on both databases without a browser.
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


# The pages behind the keys have their tests on both databases.
CASES = 4
FOCUSED = "document.activeElement.getAttribute('href') ?? document.activeElement.id"


@pytest.fixture
def new_cases(demo: Demo) -> str:
    """Return the list of the unassigned cases of a new agency."""
    with demo[0].app_context():
        agency = an_agency()
        for _ in range(CASES):
            a_project(agency)
        audit()
        return f"/cases?status=new&agency={agency.bin}"


def chosen(page: Page) -> int:
    return page.locator("input[name=case]:checked").count()


def test_reviewer_takes_cases_by_keyboard_alone(browser: Browser, address: str, new_cases: str) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    page.add_init_script(path=AXE)
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(new_cases)
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
    page.goto(new_cases.replace("status=new", "status=under_review"))
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
    browser: Browser, address: str, new_cases: str
) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(f"{new_cases}&group=agency")
    page.check("[data-all]")
    assert chosen(page) == CASES
    page.locator(".peek").nth(1).click()
    page.wait_for_selector(".preview:focus")
    page.keyboard.press("Escape")
    assert page.evaluate(FOCUSED) == page.locator("tbody th a").nth(1).get_attribute("href")
    opened.close()


def test_every_key_has_a_button_and_can_be_turned_off(browser: Browser, address: str, new_cases: str) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    page.add_init_script(path=AXE)
    sign_in(page, person_name(Role.REVIEWER))
    page.goto(new_cases)
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
