"""Second factors in a real browser: passkeys of a virtual authenticator, codes of an app, step-up, ended sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.core.clock import now
from registry.core.translations import LANGUAGES
from tests.cases.casework import LAW, flagged_case
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import PASSWORD, Visit
from tests.present import Present
from tests.web.authenticator import add_authenticator, open_window
from tests.web.browser import follow, served, set_locale, sign_in
from tests.web.page_checks import check_page

# Browser behaviour does not depend on the database; other tests cover the pages on both databases.
pytestmark = pytest.mark.on_either
REJECTING = """() => {
    navigator.credentials.create = () => Promise.reject(new DOMException("no", "NotAllowedError"));
}"""
TITLES = {
    "enrol": {"en": "Set up a second factor", "kk": "Екінші факторды баптау", "ru": "Настройка второго фактора"},
    "codes": {"en": "Recovery codes", "kk": "Резервтік кодтар", "ru": "Резервные коды"},
    "verify": {"en": "Second factor", "kk": "Екінші фактор", "ru": "Второй фактор"},
    "step-up": {"en": "Confirm that it is you", "kk": "Сіз екеніңізді растаңыз", "ru": "Подтвердите, что это вы"},
}


@pytest.fixture
def case(own_app: Flask, present: Present) -> str:
    """A case that waits for the approval of ``zhanna``, proposed before a second factor was required."""
    present.set(now())
    with own_app.app_context():
        for name, role in (("asel", Role.REVIEWER), ("zhanna", Role.SUPERVISOR)):
            add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD)
        _project, address = flagged_case()
        asel = Visit(own_app.test_client())
        asel.sign_in("asel")
        asel.send(f"{address}/claim", page=address)
        sent = {"propose-decision": "transitional_accepted", **LAW}
        assert asel.send(f"{address}/propose", page=address, **sent).status_code == 200
    return address


@pytest.fixture
def site(own_app: Flask, case: str) -> Iterator[str]:
    """The service at an address for which browsers offer passkeys; oversight roles must have a second factor."""
    with served(own_app) as served_at:
        address = served_at.replace("127.0.0.1", "localhost")
        own_app.config["PUBLIC_URL"] = address
        own_app.config["SECOND_FACTOR_ROLES"] = frozenset({"reviewer", "supervisor"})
        yield address


def check_in_each_language(window: BrowserContext, page: Page, site: str, name: str) -> None:
    """The page in three languages: its heading, no axe finding, and no sideways scrolling at 320 pixels."""
    for language in (*(each for each in LANGUAGES if each != "en"), "en"):
        set_locale(window, site, language)
        page.reload()
        assert TITLES[name][language] in page.inner_text("h1")
        check_page(page, language, "zhanna", in_each_language=True)


def approve(page: Page, case: str) -> None:
    """Approve the proposal on the page of the case."""
    page.fill("#approve-comment", "Согласна.")
    follow(page, f"form[action='{case}/approve'] button[type=submit] >> nth=0")
    assert "Transitional case accepted" in page.inner_text("main")


def test_person_with_a_passkey_signs_in_works_approves_and_ends_another_session(
    browser: Browser, site: str, case: str, present: Present
) -> None:
    window, page, blocked = open_window(browser, site)
    add_authenticator(window, page)
    sign_in(page, "zhanna", PASSWORD)
    check_in_each_language(window, page, site, "enrol")
    page.fill("#name", "Office computer")
    follow(page, "text=Add a passkey")
    assert page.inner_text("h1") == "Recovery codes" and page.locator("#codes li").count() == 10
    check_page(page, "en")
    with page.expect_download() as download:
        page.click("text=Download as text")
    codes = Path(download.value.path()).read_text(encoding="utf-8").split()
    assert codes == page.locator("#codes li").all_inner_texts()
    assert (
        page.is_visible("[data-print]")
        and page.is_visible("[data-copy]")
        and download.value.suggested_filename == "qaztech-recovery-codes.txt"
    )
    follow(page, "text=I have saved the codes: continue")
    assert page.url == f"{site}/home"

    follow(page, "header >> text=Sign out")
    sign_in(page, "zhanna", PASSWORD)
    check_in_each_language(window, page, site, "verify")
    follow(page, "button:has-text('Use a passkey')")
    assert page.url == f"{site}/home"

    present.move(timedelta(minutes=16))
    page.goto(case)
    assert page.locator(f"form[action='{case}/approve']").count() == 0
    follow(page, "main >> text=Confirm that it is you")
    check_in_each_language(window, page, site, "step-up")
    follow(page, "button:has-text('Use a passkey')")
    assert page.url == f"{site}{case}"
    approve(page, case)

    other, elsewhere, _ = open_window(browser, site)
    sign_in(elsewhere, "zhanna", PASSWORD)
    elsewhere.click("summary:has-text('Use a recovery code')")
    elsewhere.fill("#recovery_code", codes[0])
    follow(elsewhere, "text=Use the recovery code")
    elsewhere.goto("/account")
    check_page(elsewhere, "en")
    assert "Office computer" in elsewhere.inner_text("main") and "Recovery codes left: 9." in elsewhere.inner_text(
        "main"
    )
    follow(elsewhere, "text=End all other sessions")
    assert "1 session is ended." in elsewhere.inner_text("main")
    page.goto("/home")
    assert page.url.startswith(f"{site}/sign-in?")
    assert blocked == []
    other.close()
    window.close()


def test_passkey_that_the_person_cancels_is_an_error_on_the_page(browser: Browser, site: str) -> None:
    window, page, _ = open_window(browser, site)
    add_authenticator(window, page, isUserVerified=False)
    sign_in(page, "zhanna", PASSWORD)
    page.evaluate(REJECTING)
    page.click("text=Add a passkey")
    page.wait_for_selector("[data-error]:visible")
    assert "The passkey was not used." in page.inner_text("[data-error]")
    assert page.is_enabled("text=Add a passkey")
    check_page(page, "en")
    window.close()
