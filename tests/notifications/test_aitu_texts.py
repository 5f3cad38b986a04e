"""Messages for Aitu: what they carry, how long they are, and what they must not contain."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from registry.core.clock import local_instant
from registry.core.messages import message
from registry.core.translations import LANGUAGES, Language
from registry.notifications.delivery import render_message
from registry.notifications.digest import write_due_digest
from registry.notifications.jobs import deliver_notifications, digest_when_due
from registry.notifications.models import KINDS, OPTIONAL_DIGEST
from registry.settings import read_settings
from tests.factories import an_agency
from tests.notifications.aitu_delivery import variables
from tests.notifications.aitu_people import create_aitu_reader
from tests.notifications.aitu_server import AituApi
from tests.notifications.digest_days import MONDAY, NINE
from tests.notifications.mail_server import MailStore
from tests.notifications.test_email_texts import NUMBERS, SECRETS, create_history, entries
from tests.present import Present

URL = "https://registry.tests"
# The only kinds that never go through Aitu.
BY_EMAIL = ("account-aitu", "invitation", "test-email")


def render(items: list[dict[str, Any]], language: Language = "en", *, is_digest: bool = False, url: str = URL) -> str:
    return render_message(url, language, items, is_digest=is_digest)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in BY_EMAIL])
def test_every_kind_has_text_number_and_link(kind: str, language: Language) -> None:
    text = render(entries(kind), language)
    assert text.startswith(message(f"notice-{kind}", language) + ":\n")
    assert str(NUMBERS[KINDS[kind]]) in text
    assert f" – {URL}/" in text


def test_message_has_no_greeting_no_name_and_no_figures() -> None:
    figures = {"figures": {"now": {"flagged": 40_123, "at_risk_kzt": 777}, "before": {}, "with_restricted": True}}
    text = render([entries("weekly-overview")[0] | figures])
    assert text == (
        "Overview of the week:\n"
        f"  Audit of 02.03.2026 – {URL}/overview\n\n"
        "The details are behind the link, after signing in. This was sent automatically; please do not reply.\n"
        "QazTech project register"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("url", [URL, "https://" + "long-" * 60 + "registry.tests"])
def test_longest_digest_fits_into_a_message(language: Language, url: str) -> None:
    whole = [entries(kind, 35)[0] for kind in KINDS if kind in OPTIONAL_DIGEST]
    text = render(whole, language, is_digest=True, url=url)
    assert len(text.encode("utf-16-le")) <= 2 * 4096
    assert url in text


def test_messages_contain_no_findings_values_names_or_reasons(
    app: Flask, aitu: AituApi, server: MailStore, port: int, present: Present, tmp_path: Path
) -> None:
    settings = read_settings(
        {**variables(aitu, port), "REGISTRY_DATA_DIR": str(tmp_path), "REGISTRY_DIGEST_AT": "09:00"}
    )
    present.set(local_instant(MONDAY, NINE))
    write_due_digest(NINE)
    present.set(MONDAY)
    agency = an_agency(name_ru="ИМЯ-ОРГАНИЗАЦИИ")
    peers = [
        create_aitu_reader("agency_editor", agency, f"editor-{language}", language=language) for language in LANGUAGES
    ]
    peers += [create_aitu_reader("reviewer", name="aigerim"), create_aitu_reader("supervisor", name="saule")]
    create_history(agency)
    for day in (MONDAY, MONDAY + timedelta(days=1)):
        present.set(local_instant(day, NINE) + timedelta(hours=4))
        digest_when_due(settings)
        deliver_notifications(settings)
    assert [len(aitu.texts_to(peer)) for peer in peers] == [3, 3, 3, 4, 0]
    # The people exist since the story began: nothing else went by e-mail.
    assert server.mails == []
    forbidden = (*SECRETS, "ИМЯ-ОРГАНИЗАЦИИ", "editor-", "aigerim", "saule", "Hello", agency.bin)
    for content in (each["content"] for each in aitu.messages):
        assert "https://registry.tests/cases/" in content
        assert [secret for secret in forbidden if secret in content] == []
