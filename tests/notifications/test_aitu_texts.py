"""Messages for Aitu: what they carry, how long they are, and what they must not contain."""

from __future__ import annotations

from typing import Any

import pytest

from registry.core.messages import message
from registry.core.translations import LANGUAGES, Language
from registry.notifications.delivery import render_message
from registry.notifications.models import KINDS, OPTIONAL_DIGEST
from tests.notifications.test_email_texts import NUMBERS, entries

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
