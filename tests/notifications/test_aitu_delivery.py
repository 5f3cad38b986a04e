"""Delivery through Aitu: channels, messages, retries, falling back to e-mail, a killed sender."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.core.database import db, transaction
from registry.core.trace_context import outgoing_headers, trace_of_job
from registry.core.translations import LANGUAGES, Language, message
from registry.notifications.aitu import AituClient, AituLink
from registry.notifications.delivery import DeliveryResult, render_message
from registry.notifications.immediate import process_outbox
from registry.notifications.jobs import deliver_notifications
from registry.notifications.models import KINDS, OPTIONAL_DIGEST, Channel, OutboundEmail
from registry.notifications.recipients import load_directory
from registry.notifications.service import failed_emails
from registry.notifications.settings import AituBot
from registry.settings import Settings, read_settings
from tests.factories import an_agency
from tests.fixtures.cli import CommandLine
from tests.forked import Forked
from tests.notifications.aitu_delivery import AITU_ONLY, BOTH, queue, rows, send, variables
from tests.notifications.aitu_people import create_aitu_reader, link_aitu
from tests.notifications.aitu_server import TOKEN, AituApi
from tests.notifications.mail_server import MailStore, free_port
from tests.notifications.readers import create_reader
from tests.notifications.test_email_texts import NUMBERS, entries
from tests.present import Present
from tests.webhooks.receiver import receiving


@pytest.fixture
def settings(aitu: AituApi, port: int, tmp_path: Path) -> Settings:
    return read_settings({**variables(aitu, port), "REGISTRY_DATA_DIR": str(tmp_path)})


def test_message_follows_the_contract(app: Flask, aitu: AituApi) -> None:
    peer = create_aitu_reader("operator")
    queue()
    assert send(aitu) == DeliveryResult(sent=1)
    assert send(aitu) == DeliveryResult()
    [message] = aitu.messages
    key = db.session.scalars(select(OutboundEmail.key)).one()
    assert message == {
        "type": "SendMessage",
        "localId": key,
        "recipient": {"type": "USER", "id": peer},
        "content": message["content"],
    }
    assert message["content"].startswith(
        "An audit is held and waits for a decision:\n  Audit 1 – https://registry.tests/"
    )
    assert aitu.requests == [("POST", "/bot/v1/updates/")]
    assert rows() == [("aitu", "sent", 1, None)]


@pytest.mark.parametrize("status", [302, 401, 408, 429, 500, 503])
def test_message_waits_while_the_api_does_not_serve(app: Flask, aitu: AituApi, status: int) -> None:
    create_aitu_reader("operator")
    queue()
    aitu.fails = (status, f"not now {TOKEN}")
    # A redirect is not followed, and the token that an answer repeats is left out.
    assert send(aitu) == DeliveryResult(unusable=f"{status} not now …")
    assert len(aitu.requests) == 1
    assert rows() == [("aitu", "waiting", 1, f"{status} not now …")]
    assert send(aitu) == DeliveryResult()


def test_message_waits_while_the_api_cannot_be_reached_and_no_token_is_logged(
    app: Flask, aitu: AituApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    create_aitu_reader("operator")
    queue()
    aitu.url = f"http://127.0.0.1:{free_port()}/bot/v1"
    assert send(aitu) == DeliveryResult(unusable="ConnectionError")
    assert rows() == [("aitu", "waiting", 1, "ConnectionError")]
    assert "ConnectionError" in caplog.text
    assert TOKEN not in caplog.text


def test_rejected_message_goes_by_email_with_a_note(
    app: Flask, aitu: AituApi, server: MailStore, settings: Settings
) -> None:
    peer = create_aitu_reader("operator")
    aitu.gone = {peer}
    queue()
    done = deliver_notifications(settings)
    assert (done.aitu, done.emails) == (DeliveryResult(refused=1), DeliveryResult(sent=1))
    [text] = server.text_to("operator@readers.kz")
    assert "Audit 1 – https://registry.tests/audits/1" in text
    assert "Aitu did not deliver this notice" in text
    assert "https://registry.tests/account/aitu" in text
    assert rows() == [("email", "sent", 1, None)]
    assert db.session.scalars(select(AituLink.rejected_at)).one() is not None
    aitu.gone = set()
    queue()
    assert deliver_notifications(settings).aitu == DeliveryResult(sent=1)
    assert db.session.scalars(select(AituLink.rejected_at)).one() is None


def test_rejected_message_to_somebody_without_address_is_given_up_and_listed(app: Flask, aitu: AituApi) -> None:
    aitu.gone = {create_aitu_reader("auditor", email=None)}
    queue()
    assert send(aitu) == DeliveryResult(refused=1)
    assert rows() == [("aitu", "failed", 1, "403 dialog was not found")]
    assert failed_emails() == 1


def test_rejected_copy_leaves_its_email_alone(app: Flask, aitu: AituApi) -> None:
    aitu.gone = {create_aitu_reader("operator", channels="both")}
    queue()
    assert send(aitu) == DeliveryResult(refused=1)
    assert rows() == [("aitu", "failed", 1, "403 dialog was not found"), ("email", "waiting", 0, None)]


def test_after_two_hours_without_aitu_notices_go_by_email(
    app: Flask, aitu: AituApi, server: MailStore, settings: Settings, present: Present
) -> None:
    present.set(date(2026, 3, 6))
    create_aitu_reader("operator")
    queue()
    aitu.fails = (503, "down")
    assert deliver_notifications(settings).aitu.unusable == "503 down"
    present.move(timedelta(minutes=119))
    deliver_notifications(settings)
    assert server.recipients == []
    present.move(timedelta(minutes=1))
    deliver_notifications(settings)
    assert server.recipients == ["operator@readers.kz"]
    assert rows() == [("email", "sent", 1, None)]


def test_without_the_bot_waiting_messages_go_by_email_and_copies_are_dropped(
    app: Flask, aitu: AituApi, server: MailStore, port: int, tmp_path: Path
) -> None:
    create_aitu_reader("operator")
    queue()
    create_aitu_reader("auditor", channels="both")
    queue()
    off = {"REGISTRY_SMTP_URL": f"smtp://127.0.0.1:{port}", "REGISTRY_PUBLIC_URL": "https://registry.tests"}
    deliver_notifications(read_settings({**off, "REGISTRY_DATA_DIR": str(tmp_path)}))
    assert sorted(server.recipients) == ["auditor@readers.kz", "operator@readers.kz"]
    assert [(channel, state) for channel, state, _, _ in rows()] == [
        ("aitu", "dropped"),
        ("email", "sent"),
        ("email", "sent"),
    ]


def test_message_to_somebody_who_unlinked_goes_by_email(app: Flask, aitu: AituApi) -> None:
    create_aitu_reader("operator")
    queue()
    with transaction() as session:
        session.delete(session.scalars(select(AituLink)).one())
    assert send(aitu) == DeliveryResult(dropped=1)
    assert (rows(), aitu.messages) == ([("email", "waiting", 0, None)], [])


def kill_before_answer(
    registry: CommandLine, services: Callable[[], Any], aitu: AituApi, *, confirms: bool
) -> dict[str, str]:
    """Let a sender be killed after Aitu took its message, before it knows."""
    with services():
        create_aitu_reader("operator", email=None)
        queue(channels=AITU_ONLY)
    process: list[Forked] = []

    def kill() -> None:
        process[0].kill()
        process[0].wait()

    aitu.before_answer, aitu.confirms = kill, confirms
    process.append(registry.fork("notices", "send", **variables(aitu, None)))
    process[0].communicate()
    assert process[0].returncode == -signal.SIGKILL
    aitu.before_answer = lambda: None
    with services():
        assert rows() == [("aitu", "waiting", 1, None)]
    return variables(aitu, None)


def test_message_of_killed_sender_is_not_sent_again_once_aitu_confirms_it(
    registry: CommandLine, services: Callable[[], Any], aitu: AituApi
) -> None:
    given = kill_before_answer(registry, services, aitu, confirms=True)
    ran = registry("notices", "send", "--json", **given)
    assert (ran.code, ran.json["aitu_sent"], ran.json["waiting"]) == (0, 0, 0)
    assert len(aitu.messages) == 1
    listed = registry("notices", "list", "--json").json["items"]
    assert [(each["channel"], each["state"]) for each in listed] == [("aitu", "sent")]


def test_message_of_killed_sender_is_sent_again_with_the_same_id_without_confirmation(
    registry: CommandLine, services: Callable[[], Any], aitu: AituApi, present: Present
) -> None:
    kill_before_answer(registry, services, aitu, confirms=False)
    with services():
        present.move(timedelta(minutes=15, seconds=1))
        assert send(aitu, falls_back=False) == DeliveryResult(sent=1)
    assert [each["localId"] for each in aitu.messages] == [aitu.messages[0]["localId"]] * 2
    assert aitu.messages[0]["content"] == aitu.messages[1]["content"]


def test_send_fails_and_says_why_when_the_api_is_down(
    registry: CommandLine, services: Callable[[], Any], aitu: AituApi
) -> None:
    with services():
        create_aitu_reader("operator", email=None)
        queue(channels=AITU_ONLY)
    aitu.fails = (503, "down")
    ran = registry("notices", "send", **variables(aitu, None))
    assert (ran.code, "The bot API of Aitu could not be used: 503 down." in ran.err) == (1, True)
    assert TOKEN not in ran.out + ran.err


@pytest.mark.parametrize(
    ("choice", "email", "kind", "usable", "taken"),
    [
        ("both", "a@readers.kz", "order", BOTH, ["aitu", "email"]),
        ("aitu", "a@readers.kz", "order", BOTH, ["aitu"]),
        ("email", "a@readers.kz", "order", BOTH, ["email"]),
        # Whatever was chosen, a notice takes some channel that exists.
        ("email", "", "order", BOTH, ["aitu"]),
        ("email", "a@readers.kz", "order", AITU_ONLY, ["aitu"]),
        ("aitu", "a@readers.kz", "order", frozenset({Channel.EMAIL}), ["email"]),
        # Whoever took over an account keeps nothing from its owner.
        ("aitu", "a@readers.kz", "account-password", BOTH, ["aitu", "email"]),
        ("both", "a@readers.kz", "account-aitu", BOTH, ["email"]),
        # The link of an invitation is a secret.
        ("aitu", "a@readers.kz", "invitation", BOTH, ["email"]),
        ("aitu", "", "invitation", BOTH, []),
    ],
)
def test_notice_takes_the_chosen_channels(
    app: Flask, choice: str, email: str, kind: str, usable: frozenset[Channel], taken: list[str]
) -> None:
    create_aitu_reader("operator", channels=choice, email=email or None)
    queue(kind, "06.03.2026 12:00", usable)
    assert sorted(db.session.scalars(select(OutboundEmail.channel))) == taken


def test_address_of_an_agency_gets_emails_whatever_a_person_with_the_same_address_chose(app: Flask) -> None:
    agency = an_agency(email="office@agency.kz")
    peer = create_aitu_reader("agency_editor", agency, "editor", email="office@agency.kz")
    both = [(to.address, to.aitu_id) for to in load_directory(BOTH).of_agency(agency.id)]
    assert both == [("office@agency.kz", None), ("office@agency.kz", peer)]


def test_agency_with_nobody_whom_a_channel_reaches_is_represented_by_the_one_above(app: Flask) -> None:
    parent = an_agency(email="parent@agency.kz")
    agency = an_agency(parent=parent)
    create_aitu_reader("agency_editor", agency, "editor", email=None)
    reached = [to.address for to in load_directory().of_agency(agency.id)]
    assert reached == ["parent@agency.kz"]
    assert [to.address for to in load_directory(BOTH).of_agency(agency.id)] == [None]


def test_aitu_alone_is_enough(app: Flask, aitu: AituApi, tmp_path: Path) -> None:
    alone = read_settings({**variables(aitu, None), "REGISTRY_DATA_DIR": str(tmp_path)})
    peer = link_aitu(create_reader("operator", email=None))
    process_outbox(with_mail=False)
    queue(channels=AITU_ONLY)
    assert deliver_notifications(alone).aitu == DeliveryResult(sent=1)
    assert len(aitu.texts_to(peer)) == 1


def test_message_has_the_trace_of_the_job_that_sends_it() -> None:
    with receiving() as receiver:
        receiver.answer = lambda _request: 200
        client = AituClient(AituBot(TOKEN, "qaztech_bot", receiver.url, "https://registry.tests"))
        with trace_of_job():
            client.send_message("user", "1", "text")
            expected = outgoing_headers()["traceparent"]
        client.close()
    assert [request.headers["traceparent"] for request in receiver.arrived] == [expected]


URL = "https://registry.tests"
# The only kinds that never go through Aitu.
BY_EMAIL = ("account-aitu", "invitation", "password-link", "test-email")


def render(items: list[dict[str, Any]], language: Language = "en", *, is_digest: bool = False, url: str = URL) -> str:
    return render_message(url, language, items, is_digest=is_digest)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in BY_EMAIL])
def test_every_kind_has_text_number_and_link(kind: str) -> None:
    for language in LANGUAGES:
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
def test_longest_digest_fits_into_a_message(language: Language) -> None:
    whole = [entries(kind, 35)[0] for kind in KINDS if kind in OPTIONAL_DIGEST]
    url = "https://" + "long-" * 60 + "registry.tests"
    text = render(whole, language, is_digest=True, url=url)
    assert len(text.encode("utf-16-le")) <= 2 * 4096
    assert url in text
