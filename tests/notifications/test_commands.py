"""``registry notices``, and e-mails from long-running processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cases.cast import AIGERIM, act, under_review
from tests.cli.test_serve import free_port, running, until
from tests.factories import a_project, an_agency
from tests.fixtures.cli import CommandLine
from tests.notifications.mail_server import MailStore, serving


def asked_case() -> int:
    """Return a case on which an agency with an address was asked."""
    return act(AIGERIM, under_review(a_project(an_agency(email="office@agency.kz"))), "ask").id


def through(port: int) -> dict[str, str]:
    return {
        "REGISTRY_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "REGISTRY_PUBLIC_URL": "https://registry.tests",
        "REGISTRY_DIGEST_AT": "off",
    }


def test_send_delivers_waiting_emails_once_and_prints_counts(
    registry: CommandLine, services: Callable[[], Any]
) -> None:
    with services():
        case = asked_case()
    kept, port = MailStore(), free_port()
    with serving(kept, port):
        first = registry("notices", "send", "--json", **through(port))
        second = registry("notices", "send", "--json", **through(port))
    nothing = {"handed_on": 0, "digest": None, "sent": 0, "refused": 0, "dropped": 0, "unusable": None, "waiting": 0}
    assert (first.code, first.json) == (0, nothing | {"handed_on": 4, "sent": 1})
    assert (second.code, second.json) == (0, nothing)
    assert [f"https://registry.tests/cases/{case}\n" in text for text in kept.text_to("office@agency.kz")] == [True]


def test_send_fails_without_mail_server_and_keeps_emails(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        asked_case()
    away = registry("notices", "send", **through(free_port()))
    assert away.code == 1
    assert "The mail server could not be used: ConnectionRefusedError" in away.err
    listed = registry("notices", "list", "--state", "waiting", "--json").json["items"]
    assert [(letter["state"], letter["tries"]) for letter in listed] == [("waiting", 1)]
    assert "ConnectionRefusedError" in registry("notices", "list").out


def test_send_with_retry_does_not_wait_for_the_next_try_after_a_failure(
    registry: CommandLine, services: Callable[[], Any]
) -> None:
    with services():
        asked_case()
    kept, port = MailStore(), free_port()
    registry("notices", "send", **through(port))
    with serving(kept, port):
        due_only = registry("notices", "send", "--json", **through(port)).json
        retried = registry("notices", "send", "--retry", "--json", **through(port)).json
    assert (due_only["sent"], due_only["waiting"]) == (0, 1)
    assert (retried["sent"], retried["waiting"]) == (1, 0)


def test_send_without_mail_settings_says_so(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        asked_case()
    ran = registry("notices", "send", "--json")
    assert (ran.code, ran.json["sent"]) == (0, 0)
    assert "REGISTRY_SMTP_URL" in ran.err


def test_serve_sends_waiting_emails(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        asked_case()
    kept, port = MailStore(), free_port()
    settings = through(port) | {"REGISTRY_PORT": str(free_port())}
    with serving(kept, port), running(registry, "serve", **settings):
        until(lambda: kept.mails)
    assert kept.recipients == ["office@agency.kz"]
