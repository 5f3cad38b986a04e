"""Concurrent notification workers: each recipient is notified once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.clock import local_instant
from registry.core.database import db
from registry.inbox.models import InboxEntry
from registry.notifications.delivery import send_due_emails
from registry.notifications.digest import write_due_digest
from registry.notifications.immediate import process_outbox
from registry.notifications.models import OutboundEmail
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import a_project, an_agency
from tests.inbox.people import a_person
from tests.notifications.digest_days import MONDAY, NINE
from tests.notifications.mail_server import MailStore, free_port, mail_through, serving
from tests.notifications.readers import queue_one_email, summaries_of
from tests.present import Present

RIVALS = 4


def run_concurrently(app: Flask, work: Callable[[], Any]) -> list[Any]:
    """Run rivals simultaneously. Return their results."""
    start = Barrier(RIVALS)

    def one(_: int) -> Any:
        with app.app_context():
            start.wait()
            return work()

    with ThreadPoolExecutor(RIVALS) as threads:
        return list(threads.map(one, range(RIVALS)))


def test_concurrent_senders_send_each_email_once(own_app: Flask) -> None:
    addresses = [f"office{number}@agency.kz" for number in range(24)]
    with own_app.app_context():
        for address in addresses:
            queue_one_email(address)
    kept, port = MailStore(), free_port()
    with serving(kept, port):
        done = run_concurrently(own_app, lambda: send_due_emails(mail_through(port)))
    assert sum(each.sent for each in done) == len(addresses)
    assert sorted(kept.recipients) == sorted(addresses)


def test_concurrent_workers_process_each_message_once(own_app: Flask) -> None:
    with own_app.app_context():
        agency = an_agency(email="office@agency.kz")
        a_person("editor", Role.AGENCY_EDITOR, agency)
        projects = [a_project(agency) for _ in range(10)]
        audit()
        cases = [case_of(project).id for project in projects]
        for case in cases:
            act(AIGERIM, case, "claim")
            act(AIGERIM, case, "ask")
    run_concurrently(own_app, lambda: process_outbox(with_mail=True))
    with own_app.app_context():
        asked = Counter(
            number for _, _, numbers in summaries_of(db.session.scalars(select(OutboundEmail))) for number in numbers
        )
        assert asked == dict.fromkeys(cases, 1)
        assert Counter(db.session.scalars(select(InboxEntry.case_id))) == dict.fromkeys(cases, 1)


def test_concurrent_workers_write_each_digest_once(own_app: Flask, present: Present) -> None:
    present.set(MONDAY)
    with own_app.app_context():
        a_project(an_agency(email="office@agency.kz"))
        audit()
    present.set(local_instant(MONDAY, NINE) + timedelta(hours=4))
    assert sorted(map(str, run_concurrently(own_app, lambda: write_due_digest(NINE)))) == ["1", "None", "None", "None"]
