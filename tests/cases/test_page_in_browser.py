"""Case page in a real browser: what a person does next is on the first screen, whatever the status."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.service import agency_by_bin
from registry.cases.models import Case
from registry.core.database import db
from tests.cases.cast import TRANSITIONAL, audit, case_of, decided_case, in_days, migrate_by
from tests.factories import a_project, an_agency
from tests.web.browser import context, enter, follow, sign_in
from tests.web.tour_entries import AGENCY
from tests.web.tour_stop import person_name

Demo = tuple[Flask, dict[str, object]]
# Layout does not depend on the database.
pytestmark = pytest.mark.sqlite_only
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
