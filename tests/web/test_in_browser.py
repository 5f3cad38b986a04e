"""What pages promise in a real browser: readable for all, at any width, by keyboard, and whole without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from playwright.sync_api import Browser, Page

from registry.access.roles import Role
from registry.cli.demo import load
from registry.language.languages import LANGUAGES, Language
from tests.conftest import service_app
from tests.databases import Databases
from tests.web.browser import chromium, context, served, sessions, sign_in, visit
from tests.web.tour import AGENCY, BAD_TABLE, person_name, prepare, stops

AXE = Path(__file__).with_name("vendor") / "axe.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Only what is wrong comes back: the whole report of a page is megabytes, and takes longer than finding it.
VIOLATIONS = "rules => axe.run(document, {runOnly: rules}).then(report => report.violations)"
NARROW = {"width": 320, "height": 640}
ORDINARY = {"width": 1280, "height": 900}
MOST_TABS = 60


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def demo(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, dict[str, object]]]:
    """The service with the demo's data and people of every role."""
    url, data = databases.make(), tmp_path_factory.mktemp("demo")
    environment = {
        "REGISTRY_DATABASE_URL": url,
        "REGISTRY_DATA_DIR": str(data),
        "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
    }
    loaded = CliRunner().invoke(load, env=environment)
    assert loaded.exit_code == 0, loaded.output
    app = service_app(url, data)
    yield app, prepare(app)
    databases.drop(url)


@pytest.fixture(scope="module")
def address(demo: tuple[Flask, dict[str, object]]) -> Iterator[str]:
    with served(demo[0]) as found:
        yield found


# How a page looks does not hang on the database, and this takes minutes.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible_fits_320_pixels_and_asks_no_other_host(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str, language: Language
) -> None:
    axe, found, asked, said = AXE.read_text(encoding="utf-8"), [], set(), []
    for role, page in sessions(browser, address, language, ORDINARY["width"]):
        page.on("request", lambda request: asked.add(request.url))
        page.on("console", lambda line: said.append(line.text) if "Content Security" in line.text else None)
        for stop in stops(demo[1]):
            if stop.role != role:
                continue
            visit(page, stop)
            page.evaluate(axe)
            broken = page.evaluate(VIOLATIONS, RULES)
            found += [(stop.name, rule["id"], rule["nodes"][0]["html"]) for rule in broken]
            page.set_viewport_size(NARROW)
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > NARROW["width"]:
                found.append((stop.name, "scrolls sideways", str(width)))
            page.set_viewport_size(ORDINARY)
    assert not found, "\n".join(map(str, found))
    assert [url for url in asked if not url.startswith(address)] == []
    assert said == []


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by Tab on {page.url}")


def type_into(page: Page, selector: str, text: str) -> None:
    """Tab to a field and type."""
    tab_to(page, selector)
    page.keyboard.type(text)


def test_the_keyboard_alone_registers_a_project(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    opened = context(browser, address)
    page = opened.new_page()
    sign_in(page, person_name(Role.AGENCY_EDITOR))
    page.goto("/register")
    tab_to(page, "main form button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/what")
    type_into(page, "#name_ru", "Портал с клавиатуры")
    for name in ("object_kind", "work_type", "stage"):
        tab_to(page, f"[name={name}]")
        page.keyboard.press("Space")
    tab_to(page, "main form button:not([name])")
    page.keyboard.press("Enter")
    page.wait_for_url("**/placement")
    tab_to(page, "[name=placement]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    tab_to(page, "main form button:not([name])")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dates")
    type_into(page, "#contract_signed_on", "02.03.2026")
    tab_to(page, "main form button:not([name])")
    page.keyboard.press("Enter")
    page.wait_for_url("**/money")
    type_into(page, "#budget_kzt", "1 000 000")
    tab_to(page, "main form button:not([name])")
    page.keyboard.press("Enter")
    page.wait_for_url("**/check")
    assert "would be flagged" in page.inner_text("main")
    tab_to(page, "main form button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/projects/QT-*")
    assert "Портал с клавиатуры" in page.inner_text("h1")
    opened.close()


def test_without_scripts_an_editor_imports_and_finds_what_is_wrong(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    opened = context(browser, address, "ru", scripts=False)
    page = opened.new_page()
    sign_in(page, person_name(Role.AGENCY_EDITOR))
    page.click("nav >> text=Импорт")
    page.set_input_files("#file", {"name": "проба.csv", "mimeType": "text/csv", "buffer": BAD_TABLE.encode()})
    page.click("main button[type=submit]")
    page.wait_for_url("**/imports/*")
    assert "В очереди" in page.inner_text("main")
    page.click("text=Қазақша")
    assert page.url.endswith(page.url.rpartition("/")[2]) and "Кезекте" in page.inner_text("main")
    opened.close()


def test_without_scripts_somebody_changes_a_project_and_adds_a_document(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    opened = context(browser, address, scripts=False)
    page = opened.new_page()
    sign_in(page, person_name(Role.AGENCY_EDITOR))
    page.goto(f"/projects?agency={AGENCY}")
    page.click("tbody a >> nth=0")
    page.click("text=Change the facts")
    page.fill("#purpose", "Новое назначение")
    page.click("text=Keep the changes")
    assert "The changes are kept." in page.inner_text("main") and "Новое назначение" in page.inner_text("main")
    page.set_input_files("#file", {"name": "акт.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"})
    page.click("main form button[type=submit]")
    assert "акт.pdf" in page.inner_text("main")
    opened.close()


def do(page: Page, action: str) -> None:
    """Send the form of an action on a case by the keyboard: open it when it is shut, and go to its button."""
    form = f"main form[action$='/{action}']"
    if not page.locator(f"{form} button").is_visible():
        page.locator(f"details:has(form[action$='/{action}']) > summary").focus()
        page.keyboard.press("Enter")
    page.locator(f"{form} button").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".govuk-notification-banner")


def test_by_browser_alone_a_flagged_project_is_claimed_asked_about_answered_proposed_and_accepted(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    people = {}
    for role in (Role.REVIEWER, Role.SUPERVISOR, Role.AGENCY_EDITOR):
        # Without scripts on the agency's side, and with the keyboard on the reviewer's.
        people[role] = context(browser, address, scripts=role != Role.AGENCY_EDITOR).new_page()
        sign_in(people[role], person_name(role))
    reviewer, supervisor, editor = people.values()
    case = f"/cases/{demo[1]['case_new']}"
    reviewer.goto(case)
    do(reviewer, "claim")
    reviewer.locator("details:has(#ask-comment) > summary").focus()
    reviewer.keyboard.press("Enter")
    reviewer.fill("#ask-comment", "When was it signed?")
    do(reviewer, "ask")
    editor.goto("/home")
    editor.click(f"main a[href='{case}'] >> nth=0")
    assert "When was it signed?" in editor.inner_text("main")
    editor.fill("#answer-comment", "In December 2025.")
    editor.click("form[action$='/answer'] button")
    assert "In December 2025." in editor.inner_text("main")
    reviewer.goto(case)
    type_into(reviewer, "#propose-decision", "")
    reviewer.keyboard.press("ArrowDown")
    type_into(reviewer, "#propose-reason", "Signed before the cutoff.")
    do(reviewer, "propose")
    supervisor.goto(case)
    assert "Signed before the cutoff." in supervisor.inner_text("main")
    do(supervisor, "approve")
    assert "Closed" in supervisor.inner_text("main")
    for page in people.values():
        page.context.close()
