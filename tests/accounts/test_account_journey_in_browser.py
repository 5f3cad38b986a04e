"""One person from the invitation to the end of the session, in a browser and in each language.

Invitation by e-mail, password, authenticator app, work, a passkey as second device, step-up at an approval, and the
session ended from another browser. Each page on the way is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from registry.accounts.invitations import BY_EMAIL
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, invite_person
from registry.core.clock import now
from registry.core.translations import LANGUAGES, Language
from registry.notifications.delivery import send_due_emails
from registry.notifications.immediate import process_outbox
from tests.cases.casework import LAW, flagged_case
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import PASSWORD, Visit
from tests.notifications.mail_server import MailStore, free_port, mail_through, serving
from tests.present import Present
from tests.web.authenticator import add_authenticator, open_window
from tests.web.browser import follow, served, sign_in
from tests.web.page_checks import check_page

# Browser behaviour does not depend on the database; other tests cover the pages on both databases.
pytestmark = pytest.mark.sqlite_only
OWN_PASSWORD = "Besköpir-2026-tau-men-su"
REVIEWER = "Ерлан Сейтқали"
HEADINGS: dict[Language, dict[str, str]] = {
    "en": {
        "invitation": "Choose a password",
        "sign-in": "Sign in to the register",
        "enrolment": "Set up a second factor",
        "app": "Set up an authenticator app",
        "codes": "Recovery codes",
        "another": "Add a second factor",
        "step-up": "Confirm that it is you",
        "second-factor": "Second factor",
        "account": "My account",
        "ended": "Your session ended",
        "email": "You are invited to the project register",
    },
    "ru": {
        "invitation": "Выберите пароль",
        "sign-in": "Вход в реестр",
        "enrolment": "Настройка второго фактора",
        "app": "Настройка приложения для одноразовых кодов",
        "codes": "Резервные коды",
        "another": "Добавить второй фактор",
        "step-up": "Подтвердите, что это вы",
        "second-factor": "Второй фактор",
        "account": "Моя учётная запись",
        "ended": "Ваш сеанс завершён",
        "email": "Вас приглашают в реестр проектов",
    },
    "kk": {
        "invitation": "Құпиясөз таңдаңыз",
        "sign-in": "Тізілімге кіру",
        "enrolment": "Екінші факторды баптау",
        "app": "Біржолғы код қолданбасын баптау",
        "codes": "Резервтік кодтар",
        "another": "Екінші факторды қосу",
        "step-up": "Сіз екеніңізді растаңыз",
        "second-factor": "Екінші фактор",
        "account": "Менің есептік жазбам",
        "ended": "Сеансыңыз аяқталды",
        "email": "Сіз жобалар тізіліміне шақырылдыңыз",
    },
}
NAMES: dict[Language, str] = {"en": "Жанна Омарова", "ru": "Сәуле Ахметова", "kk": "Айгүл Сапарова"}


@dataclass(frozen=True, slots=True)
class Service:
    """The service at an address for which browsers offer passkeys, with a mail server."""

    app: Flask
    address: str
    mails: MailStore
    mail_port: int

    def invite(self, name: str, language: Language) -> str:
        """Invite a supervisor. Returns the e-mail as it arrives."""
        address = f"{language}@supervisors.kz"
        with self.app.app_context():
            invite_person(ADMINISTRATOR, NewPerson(name, Role.SUPERVISOR, None, address, language))
            process_outbox(with_mail=True)
            send_due_emails(mail_through(self.mail_port, public_url=self.address))
        (email,) = self.mails.text_to(address)
        return email

    def cases(self) -> tuple[str, str]:
        """Return the address of a new case, and of one with a proposal that waits for approval."""
        with self.app.app_context():
            new, proposed = flagged_case()[1], flagged_case()[1]
            reviewer = Visit(self.app.test_client())
            reviewer.sign_in(REVIEWER)
            reviewer.send(f"{proposed}/claim", page=proposed)
            sent = {"propose-decision": "transitional_accepted", **LAW}
            assert reviewer.send(f"{proposed}/propose", page=proposed, **sent).status_code == 200
        return new, proposed


@pytest.fixture(scope="module")
def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all languages. Supervisors must have a second factor."""
    url, store, port = databases.make(), MailStore(), free_port()
    app = service_app(url, tmp_path_factory.mktemp("journey"), REGISTRY_SECOND_FACTOR="supervisor")
    with served(app) as served_at, serving(store, port):
        address = served_at.replace("127.0.0.1", "localhost")
        app.config.update({"PUBLIC_URL": address, BY_EMAIL: True})
        with app.app_context():
            add_person(ADMINISTRATOR, NewPerson(REVIEWER, Role.REVIEWER), PASSWORD)
        yield Service(app, address, store, port)
    forget(app, databases, url)


class Journey:
    """What the person does, with a check of each page: its heading, accessibility, width and language."""

    def __init__(self, page: Page, language: Language) -> None:
        self.page, self.language = page, language

    def is_at(self, heading: str) -> None:
        """The page has this heading and passes the checks."""
        assert HEADINGS[self.language][heading] in self.page.inner_text("h1")
        self.check()

    def check(self) -> None:
        check_page(self.page, self.language, in_each_language=True)

    def press(self, selector: str) -> None:
        follow(self.page, f"main {selector}")

    def confirm_with(self, app: pyotp.TOTP) -> None:
        """Enter the current code of the app."""
        self.page.fill("#code", app.at(now()))
        self.press("form:has(#code) button")


@pytest.mark.parametrize("language", LANGUAGES)
def test_person_is_invited_enrols_works_confirms_an_approval_and_ends_a_session_elsewhere(
    browser: Browser, service: Service, present: Present, language: Language
) -> None:
    name = NAMES[language]
    present.set(now())
    new_case, proposed_case = service.cases()
    email = service.invite(name, language)
    assert HEADINGS[language]["email"] in email
    (link,) = re.findall(r"http://localhost:\d+/invitation\?key=\S+", email)
    window, page, blocked = open_window(browser, service.address, language)
    add_authenticator(window, page)
    person = Journey(page, language)

    page.goto(link)
    person.is_at("invitation")
    page.fill("#password", OWN_PASSWORD)
    page.fill("#password_again", OWN_PASSWORD)
    person.press("form button")
    person.is_at("sign-in")

    sign_in(page, name, OWN_PASSWORD)
    person.is_at("enrolment")
    person.press("form[action$='/factors/app/start'] button")
    person.is_at("app")
    app = pyotp.TOTP(page.inner_text("#secret").replace(" ", ""))
    person.confirm_with(app)
    person.is_at("codes")
    codes = page.locator("#codes li").all_inner_texts()
    person.press("a[href='/home']")
    assert page.url == f"{service.address}/home"
    person.check()

    follow(page, ".site-header__out")
    present.move(timedelta(minutes=1))
    page.goto(new_case)
    sign_in(page, name, OWN_PASSWORD)
    person.is_at("second-factor")
    person.confirm_with(app)
    page.goto(new_case)
    person.check()
    person.press(f"form[action='{new_case}/claim'] button")
    assert name in page.inner_text("main")
    person.check()

    page.goto("/account")
    person.is_at("account")
    person.press("a[href^='/account/factors/new']")
    person.is_at("another")
    person.press("form[data-passkey] button")
    person.is_at("account")

    present.move(timedelta(minutes=16))
    page.goto(proposed_case)
    assert page.locator(f"form[action='{proposed_case}/approve']").count() == 0
    person.press("a[href^='/sign-in/second-factor']")
    person.is_at("step-up")
    person.press("form[data-passkey] button")
    assert page.url == f"{service.address}{proposed_case}"
    person.check()
    page.fill("#approve-comment", "Келісемін. Согласна.")
    person.press(f"form[action='{proposed_case}/approve'] button >> nth=0")
    assert page.locator(f"form[action='{proposed_case}/approve']").count() == 0
    person.check()

    other_window, other_page, blocked_there = open_window(browser, service.address, language)
    elsewhere = Journey(other_page, language)
    sign_in(other_page, name, OWN_PASSWORD)
    other_page.click("details summary")
    elsewhere.is_at("second-factor")
    other_page.fill("#recovery_code", codes[0])
    elsewhere.press("form:has(#recovery_code) button")
    other_page.goto("/account")
    elsewhere.is_at("account")
    assert other_page.locator("form[action$='/end']").count() == 1
    elsewhere.press("form[action$='/end'] button")
    elsewhere.is_at("account")

    page.goto(proposed_case)
    assert page.url.startswith(f"{service.address}/sign-in?")
    assert HEADINGS[language]["ended"] in page.inner_text("main")
    person.is_at("sign-in")
    assert blocked + blocked_there == []
    other_window.close()
    window.close()
