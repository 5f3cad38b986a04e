"""A clerk's journey in a browser: a paper form is registered, questions appear with answers, nothing typed is lost."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from registry.accounts.roles import Role
from registry.core.translations import Language
from tests.web.browser import context, follow, sign_in
from tests.web.tour_stop import person_name

# Browser behaviour does not depend on the database.
pytestmark = pytest.mark.on_either

MAX_QUESTIONS = 12
# An invented paper form: what a clerk has, page by page, as it is written there.
PAPER: Mapping[str, Mapping[str, str]] = {
    "what": {
        "name_kk": "Дәрігерге жазылу порталы",
        "name_ru": "Портал записи к врачу",
        "purpose": "Запись пациентов на приём по телефону и через сайт.",
        "sector": "07",
        "external_id": "ПД-2026/118",
    },
    "work": {"object_kind": "system", "work_type": "modification", "stage": "pilot", "placement": "onboarding"},
    "object": {
        "platform_key": "qt-9021",
        "onboarding_due_on": "01.03.2027",
        "url": "https://doctor.example.kz",
        "integrations": "eGov\nРегистр прикреплённого населения",
        "object_class": "2",
        "is_ai": "no",
        "holds_personal_data": "yes",
        "security_conclusion_number": "ИБ-77",
        "security_conclusion_on": "12.05.2026",
    },
    "dates": {
        "object_commissioned_on": "15.09.2021",
        "contract_signed_on": "02.02.2026",
        "work_started_on": "16.02.2026",
        "pilot_started_on": "01.09.2026",
        "planned_end_on": "31.12.2027",
    },
    "money": {
        "contract_number": "44-А",
        "supplier_name": "ТОО «Цифра»",
        "funding": "republican_budget",
        "budget_programme": "047-100",
        "cost_by_year.2026": "30 000 000 ₸",
        "cost_by_year.2027": "18 000 000",
        "object_original_cost_kzt": "310 000 000",
        "consent_number": "12-08/4411",
    },
    "people": {
        "responsible_name": "Әлия Оспанова",
        "responsible_position": "Начальник отдела",
        "responsible_phone": "+7 (7172) 74-00-00, вн. 118",
        "responsible_email": "a.ospanova@example.kz",
    },
}


def fill(page: Page, name: str, text: str) -> None:
    """Answer one question."""
    control = page.locator(f"main [name='{name}']").first
    if control.get_attribute("type") == "radio":
        page.check(f"main [name='{name}'][value='{text}']")
    elif control.evaluate("input => input.tagName") == "SELECT":
        page.select_option(f"main [name='{name}']", text)
    else:
        page.fill(f"main [name='{name}']", text)


def questions(page: Page) -> set[str]:
    """The questions that a page shows: inputs by year are one."""
    names = page.eval_on_selector_all(
        "main form.questions [name]", "all => all.filter(each => each.offsetParent !== null).map(each => each.name)"
    )
    return {name.partition(".")[0] for name in names} - {"leave"}


def start(browser: Browser, address: str, language: Language = "ru", width: int = 1280) -> Page:
    """The first page of a new registration."""
    page = context(browser, address, language, width=width).new_page()
    sign_in(page, person_name(Role.AGENCY_EDITOR))
    page.goto("/register")
    follow(page, "main form[method=post]:has(button.govuk-button:not(.small)) button")
    return page


@pytest.mark.parametrize(("language", "width"), [pytest.param("ru", 1280, marks=pytest.mark.nightly), ("kk", 390)])
def test_clerk_registers_a_paper_form(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str, language: Language, width: int
) -> None:
    page = start(browser, address, language, width)
    for step, answers in PAPER.items():
        assert page.url.endswith(f"/{step}")
        for name, text in answers.items():
            fill(page, name, f"{text} {language}" if name == "external_id" else text)
        shown = questions(page)
        assert len(shown) <= MAX_QUESTIONS
        assert {name.partition(".")[0] for name in answers} <= shown
        follow(page, "main button[type=submit]:not([name])")
    assert page.url.endswith("/check")
    entries = page.locator("main").inner_text().replace("\u00a0", " ")
    for text in ("48 000 000 ₸", "2026: 30 000 000 ₸; 2027: 18 000 000 ₸", "eGov; Регистр прикреплённого населения"):
        assert text in entries
    assert "platform.onboarding" in entries
    follow(page, "main form:not(.questions) button[type=submit]")
    assert "/projects/QT-" in page.url
    page.context.close()


def test_question_appears_with_the_answer_that_needs_it(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    page = start(browser, address)
    page.goto(page.url.replace("/what", "/money"))
    programme = page.locator("#budget_programme")
    assert programme.is_hidden()
    fill(page, "funding", "local_budget")
    assert programme.is_visible()
    fill(page, "funding", "ppp")
    assert programme.is_hidden()
    page.context.close()
