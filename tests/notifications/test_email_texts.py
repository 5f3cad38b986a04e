"""E-mail texts: content, language, and what they must not contain."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.core.clock import local_instant
from registry.core.translations import LANGUAGES, OFFICIAL_LANGUAGES, Language, message
from registry.notifications.digest import write_due_digest
from registry.notifications.email import link_to, render_email
from registry.notifications.jobs import deliver_notifications, usable_channels
from registry.notifications.models import KINDS, PAGES
from registry.notifications.recipients import Recipient
from registry.projects.models import is_project_number
from registry.settings import read_settings
from tests.cases.cast import AIGERIM, SAULE, act, audit, case_of, editor_of, migrate_by
from tests.factories import a_project, an_agency
from tests.notifications.digest_days import MONDAY, NINE
from tests.notifications.mail_server import MailStore, free_port, mail_through, serving
from tests.notifications.readers import create_reader
from tests.present import Present

MAIL = mail_through(25, sender_name="Реестр проектов")
WRITTEN_AT = datetime(2026, 3, 6, 4, 0, tzinfo=UTC)
NUMBERS = {
    "cases": 17,
    "projects": "QT-2026-0000001-5",
    "audits": 3,
    "tokens": "4fGh7KqLm2",
    "sign-ins": 57,
    "requests": 4,
    "approvals": 5,
    "contracts": 12,
    "service-accounts": "robot",
    "account": "26.11.2026 12:00",
    "overview": "02.03.2026",
    "webhooks": 6,
    "policies": "2026.2",
    "entries": 41,
}


def reader(*languages: Language, name: str | None = None) -> Recipient:
    return Recipient(Actor("reader", Role.REVIEWER), "reader@readers.kz", languages, name)


def entries(kind: str, count: int = 1) -> list[dict[str, Any]]:
    return [{"kind": kind, "references": [NUMBERS[KINDS[kind]]] * min(count, 20), "count": count}]


def text_of(mail: EmailMessage) -> str:
    return mail.get_content().replace("\r\n", "\n")


# A link needs one in the database: tests/accounts/test_people.py.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("invitation", "password-link")])
def test_every_kind_has_text_number_and_link_in_readers_language(kind: str) -> None:
    number, words = str(NUMBERS[KINDS[kind]]), {each: message(f"notice-{kind}", each) for each in LANGUAGES}
    for language in LANGUAGES:
        mail = render_email(MAIL, "k", reader(language), entries(kind), WRITTEN_AT, is_digest=False)
        text = text_of(mail)
        assert mail["Subject"].startswith(words[language])
        # The time of an event of the account says nothing in a subject.
        assert (number in mail["Subject"]) is (KINDS[kind] != "account")
        assert words[language] in text
        assert f"{link_to('https://registry.tests', KINDS[kind], number)}\n" in text
        assert not any(word in text for word in words.values() if word != words[language])


def test_last_day_and_letter_with_its_link_follow_the_case() -> None:
    more = {"letters": {"17": "QL-2026-000005"}, "due_on": {"17": "2026-12-31"}}
    entry = [{"kind": "order", "references": [17, 18], "count": 2, **more}]
    text = text_of(render_email(MAIL, "k", reader("en"), entry, WRITTEN_AT, is_digest=False))
    lines = [
        "Case 17 – https://registry.tests/cases/17",
        "Due not later than 31 December 2026 (inclusive)",
        "Letter QL-2026-000005 – https://registry.tests/letters/QL-2026-000005",
    ]
    assert "\n  ".join([*lines, "Case 18 – https://registry.tests/cases/18"]) in text
    russian = text_of(render_email(MAIL, "k", reader("ru"), entry, WRITTEN_AT, is_digest=False))
    assert "Письмо QL-2026-000005 – " in russian
    assert "Срок: не позднее 31 декабря 2026 года (включительно)\n" in russian


def test_email_headers() -> None:
    mail = render_email(MAIL, "a1b2", reader("ru"), entries("question"), WRITTEN_AT, is_digest=False)
    assert mail["From"] == "Реестр проектов <registry@registry.tests>"
    assert mail["To"] == "reader@readers.kz"
    assert mail["Date"] == "Fri, 06 Mar 2026 04:00:00 +0000"
    assert mail["Message-ID"] == "<a1b2@registry.tests>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ru"
    assert mail.get_content_charset() == "utf-8"
    raw = mail.as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 100


def test_agency_address_gets_both_official_languages() -> None:
    mail = render_email(MAIL, "k", reader(*OFFICIAL_LANGUAGES), entries("question"), WRITTEN_AT, is_digest=False)
    words = {language: message("notice-question", language) for language in OFFICIAL_LANGUAGES}
    assert mail["Subject"] == f"{words['kk']}: № 17 іс / {words['ru']}: Дело № 17"
    assert text_of(mail).index(words["kk"]) < text_of(mail).index(words["ru"])
    assert mail["Content-Language"] == "kk, ru"


def test_person_is_greeted_by_name() -> None:
    mail = render_email(MAIL, "k", reader("en", name="Айгүл"), entries("question"), WRITTEN_AT, is_digest=False)
    assert text_of(mail).startswith("Hello Айгүл,\n")


def test_digest_counts_items_and_names_how_many_are_left_out() -> None:
    several = entries("flags-opened", 35) + entries("case-opened")
    mail = render_email(MAIL, "k", reader("en"), several, WRITTEN_AT, is_digest=True)
    assert mail["Subject"] == "Changes in the project register: 36"
    assert text_of(mail).count(f"https://registry.tests/projects/{NUMBERS['projects']}\n") == 20
    assert "  and 15 more – https://registry.tests/projects\n" in text_of(mail)


def test_address_cannot_inject_headers_or_recipients() -> None:
    for address in ("a@b.kz\r\nBcc: c@d.kz", "a@b.kz\nX: y", "a@b.kz, c@d.kz", "<a@b.kz>", "a@b.kz\0"):
        to = Recipient(Actor("reader", Role.REVIEWER), address, ("en",))
        with pytest.raises(ValueError, match=r"."):
            render_email(MAIL, "k", to, entries("question"), WRITTEN_AT, is_digest=False)


def test_every_link_opens_a_page(app: Flask) -> None:
    pages = app.url_map.bind("registry.tests")
    assert is_project_number(str(NUMBERS["projects"]))
    for of, number in NUMBERS.items():
        for path in (link_to("", of, number), f"/{PAGES.get(of, of)}"):
            try:
                endpoint, _ = pages.match(path)
            except (NotFound, RequestRedirect) as error:
                raise AssertionError(path) from error
            assert endpoint.startswith("web.")


SECRETS = (
    "Жүрек соғысын есепке алу",
    "Учёт сердцебиений",
    "Purpose in a sentence",
    "777000111",
    "LETTER-OF-REASON",
    "CLAUSE-OF-BASIS",
    "WHICH-CONTRACT",
    "THE-ANSWER",
    "IT-IS-ANOTHER",
    "freeze.",
    "high",
    "migrate_by",
    "2026-04",
)


def test_emails_contain_no_findings_values_names_or_reasons(app: Flask, present: Present, tmp_path: Path) -> None:
    kept, port = MailStore(), free_port()
    settings = read_settings(
        {
            "REGISTRY_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "REGISTRY_PUBLIC_URL": "https://registry.tests/",
            "REGISTRY_DATA_DIR": str(tmp_path),
        }
    )
    present.set(local_instant(MONDAY, NINE))
    write_due_digest(NINE)
    present.set(MONDAY)
    agency = an_agency(email="office@agency.kz")
    for language in LANGUAGES:
        create_reader("agency_editor", agency, f"editor-{language}", language)
    create_reader("reviewer", name="aigerim")
    create_reader("supervisor", name="saule")
    create_history(agency)
    with serving(kept, port):
        for day in (MONDAY, MONDAY + timedelta(days=1)):
            present.set(local_instant(day, NINE) + timedelta(hours=4))
            write_due_digest(settings.digest_at, usable_channels(settings))
            deliver_notifications(settings)
    assert Counter(kept.recipients) == {
        "office@agency.kz": 3,
        **{f"editor-{language}@readers.kz": 3 for language in LANGUAGES},
        "aigerim@readers.kz": 4,
    }
    for address in set(kept.recipients):
        for text in kept.text_to(address):
            assert "https://registry.tests/cases/" in text
            assert [secret for secret in SECRETS if secret in text] == []
        assert any("https://registry.tests/letters/QL-2026-00000" in text for text in kept.text_to(address))


def create_history(agency: Agency) -> None:
    """Create a case history: flagged, asked, answered, ordered at the second attempt, and appealed."""
    values = {"name_kk": SECRETS[0], "name_ru": SECRETS[1], "purpose": SECRETS[2], "budget_kzt": 777000111}
    project = a_project(agency, **values)
    audit()
    case = case_of(project)
    act(SAULE, case, "assign", "aigerim")
    act(AIGERIM, case, "ask", "WHICH-CONTRACT")
    act(editor_of(agency), case, "answer", "THE-ANSWER")
    order = migrate_by(date(2026, 4, 1)) | {"reason_ru": "LETTER-OF-REASON", "legal_basis_ru": "CLAUSE-OF-BASIS"}
    for how in ("return", "approve"):
        act(AIGERIM, case, "propose", order)
        act(SAULE, case, how, "LETTER-OF-REASON")
    act(editor_of(agency), case, "appeal", "IT-IS-ANOTHER")
