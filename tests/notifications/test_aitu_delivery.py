"""Delivery through Aitu: which channels a notice takes, retries, falling back to e-mail, a killed sender."""

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
from registry.notifications.aitu import AituLink
from registry.notifications.delivery import DeliveryResult
from registry.notifications.jobs import deliver_notifications
from registry.notifications.models import OutboundEmail
from registry.notifications.service import failed_emails
from registry.settings import Settings, read_settings
from tests.fixtures.cli import CommandLine
from tests.forked import Forked
from tests.notifications.aitu_delivery import AITU_ONLY, queue, rows, send, variables
from tests.notifications.aitu_people import create_aitu_reader
from tests.notifications.aitu_server import TOKEN, AituApi
from tests.notifications.mail_server import MailStore, free_port
from tests.present import Present


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
