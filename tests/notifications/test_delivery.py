"""E-mail delivery through a real SMTP server: encrypted, at least once, with retries, by concurrent workers."""

from __future__ import annotations

import itertools
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import AuthResult
from flask import Flask
from sqlalchemy import select, update

from registry.accounts.account_changes import disable_account
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.clock import local_instant, now
from registry.core.database import db, transaction
from registry.inbox.models import InboxEntry
from registry.notifications.delivery import DeliveryResult
from registry.notifications.digest import write_due_digest
from registry.notifications.immediate import process_outbox
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import recipient_now
from registry.notifications.service import queue_email
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.inbox.people import a_person
from tests.notifications.digest_days import MONDAY, NINE
from tests.notifications.mail_server import MailStore, free_port, mail_through, only, send_due_emails, serving
from tests.notifications.readers import create_reader, queue_one_email, restrict, summaries_of
from tests.present import Present


def email_states() -> list[tuple[str, int, str | None]]:
    """Return (state, tries, error) of every e-mail, oldest first."""
    rows = select(OutboundEmail.state, OutboundEmail.tries, OutboundEmail.error).order_by(OutboundEmail.id)
    return [tuple(row) for row in db.session.execute(rows)]


def test_email_is_sent_once(app: Flask, server: MailStore, port: int) -> None:
    queue_one_email()
    assert send_due_emails(mail_through(port)) == DeliveryResult(sent=1)
    assert send_due_emails(mail_through(port)) == DeliveryResult()
    assert server.recipients == ["office@agency.kz"]
    assert server.senders == ["registry@registry.tests"]
    assert email_states() == [("sent", 1, None)]


def test_emails_wait_while_server_is_down(app: Flask, store: MailStore, port: int, present: Present) -> None:
    present.set(date(2026, 3, 6))
    addresses = [f"office{number}@agency.kz" for number in range(3)]
    for address in addresses:
        queue_one_email(address)
    for _ in range(5):
        down = send_due_emails(mail_through(port))
        assert down.unusable is not None
        assert "ConnectionRefusedError" in down.unusable
        present.move(timedelta(seconds=30))
    present.move(timedelta(hours=1))
    with serving(store, port):
        assert send_due_emails(mail_through(port)) == DeliveryResult(sent=3)
        assert send_due_emails(mail_through(port)) == DeliveryResult()
    assert sorted(store.recipients) == addresses
    assert {state for state, _, _ in email_states()} == {"sent"}


@pytest.mark.parametrize("answer", ["550 5.1.1 no such mailbox", "450 4.2.1 mailbox busy"])
def test_rejected_address_does_not_stop_others(app: Flask, server: MailStore, port: int, answer: str) -> None:
    server.refused["gone@agency.kz"] = answer
    for address in ("first@agency.kz", "gone@agency.kz", "last@agency.kz"):
        queue_one_email(address)
    assert send_due_emails(mail_through(port)) == DeliveryResult(sent=2, refused=1)
    assert server.recipients == ["first@agency.kz", "last@agency.kz"]
    assert email_states()[1] == ("failed" if answer.startswith("5") else "waiting", 1, answer)


def test_busy_mailbox_is_retried_with_backoff_for_three_days(
    app: Flask, server: MailStore, port: int, present: Present
) -> None:
    start = present.set(date(2026, 3, 6))
    server.refused["office@agency.kz"] = "450 4.2.1 mailbox busy"
    queue_one_email()
    tried = []
    while send_due_emails(mail_through(port)).refused:
        tried.append(now() - start)
        assert send_due_emails(mail_through(port)) == DeliveryResult()
        letter = db.session.scalars(select(OutboundEmail)).one()
        present.set(max(letter.next_try_at, now()))
    gaps = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert gaps[:8] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16, 32, 60, 60)]
    assert gaps == sorted(gaps)
    assert timedelta(days=2, hours=20) < tried[-1] < timedelta(days=3)
    assert email_states() == [("failed", 76, "450 4.2.1 mailbox busy")]


def test_permanently_rejected_email_is_given_up(app: Flask, server: MailStore, port: int) -> None:
    server.on_data = "554 5.7.1 not wanted"
    queue_one_email()
    assert send_due_emails(mail_through(port)) == DeliveryResult(refused=1)
    assert email_states() == [("failed", 1, "554 5.7.1 not wanted")]


def test_closing_server_is_left_and_email_kept(app: Flask, server: MailStore, port: int) -> None:
    server.on_data = "421 4.3.0 going down"
    queue_one_email("first@agency.kz")
    queue_one_email("last@agency.kz")
    assert send_due_emails(mail_through(port)) == DeliveryResult(unusable="421 4.3.0 going down")
    assert email_states() == [("waiting", 1, "421 4.3.0 going down"), ("waiting", 0, None)]


def test_invalid_address_is_given_up_and_stops_no_other(app: Flask, server: MailStore, port: int) -> None:
    for address in ("айгүл@agency.kz", "a(b@agency.kz", "a@x..kz", f"a@{'ә' * 70}.kz", 'a"b@agency.kz'):
        queue_one_email()
        with transaction() as session:
            session.execute(update(Agency).where(Agency.email == "office@agency.kz").values(email=address))
    queue_one_email("last@agency.kz")
    assert send_due_emails(mail_through(port)) == DeliveryResult(sent=1, refused=5)
    assert server.recipients == ["last@agency.kz"]
    assert [state for state, _, _ in email_states()] == ["failed"] * 5 + ["sent"]


def test_kazakh_domain_is_sent_in_punycode(app: Flask, server: MailStore, port: int) -> None:
    queue_one_email("office@мекеме.қаз")
    assert send_due_emails(mail_through(port)) == DeliveryResult(sent=1)
    assert server.recipients == ["office@xn--e1aaasid.xn--80ao21a"]


def test_disabled_person_gets_no_email(app: Flask, server: MailStore, port: int) -> None:
    person = create_reader("operator")
    to = recipient_now(person.id, None)
    assert to is not None
    with transaction():
        queue_email(to, {"audit-held": [1]}, now())
    disable_account(ADMINISTRATOR, person.account_id)
    assert send_due_emails(mail_through(port)) == DeliveryResult(dropped=1)
    assert server.mails == []
    assert email_states() == [("dropped", 1, None)]


def test_project_restricted_since_queueing_is_left_out(app: Flask, server: MailStore, port: int) -> None:
    person = create_reader("reviewer", name="bolat")
    secret, open_one = a_project(), a_project()
    audit()
    to = recipient_now(person.id, None)
    assert to is not None
    with transaction():
        queue_email(to, {"case-assigned": [case_of(secret).id]}, now())
        queue_email(to, {"case-overdue": [case_of(secret).id, case_of(open_one).id]}, now(), is_digest=True)
    restrict(secret)
    assert send_due_emails(mail_through(port)) == DeliveryResult(sent=1, dropped=1)
    [text] = server.text_to("bolat@readers.kz")
    assert f"/cases/{case_of(open_one).id}\n" in text
    assert f"/cases/{case_of(secret).id}\n" not in text
    assert text.startswith("Changes in the project register: 1\n")


def test_immediate_notifications_precede_digests(app: Flask, server: MailStore, port: int) -> None:
    person = create_reader("operator")
    to = recipient_now(person.id, None)
    assert to is not None
    with transaction():
        queue_email(to, {"audit-held": [1]}, now(), is_digest=True)
    queue_one_email("now@agency.kz")
    send_due_emails(mail_through(port))
    assert server.recipients == ["now@agency.kz", "operator@readers.kz"]


def test_email_sent_but_not_marked_is_sent_again_with_same_message_id(
    app: Flask, server: MailStore, port: int, present: Present, monkeypatch
) -> None:
    present.set(date(2026, 3, 6))
    queue_one_email()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("registry.notifications.models.OutboundEmail.end", die)
        with pytest.raises(KeyboardInterrupt):
            send_due_emails(mail_through(port))
    assert send_due_emails(mail_through(port)) == DeliveryResult()
    # The lease of fifteen minutes protects slow senders.
    present.move(timedelta(minutes=14, seconds=59))
    assert send_due_emails(mail_through(port)) == DeliveryResult()
    present.move(timedelta(seconds=1))
    assert send_due_emails(mail_through(port)) == DeliveryResult(sent=1)
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()


def test_notice_about_what_has_no_page_of_its_own_is_sent(app: Flask, server: MailStore, port: int) -> None:
    person = create_reader("auditor", name="zhanna")
    lines = {
        ("account-new-device", "26.11.2026 12:00"): "26.11.2026 12:00 – https://registry.tests/account",
        ("token-ending", "4fGh7KqLm2"): "Token 4fGh7KqLm2 – https://registry.tests/account",
        ("sign-in-surge", 50): "Failed sign-ins: 50 – https://registry.tests/home",
    }
    with transaction():
        to = recipient_now(person.id, None)
        assert to is not None
        for kind, reference in lines:
            queue_email(to, {kind: [reference]}, now())
    assert send_due_emails(mail_through(port)) == DeliveryResult(sent=3)
    texts = "".join(server.text_to("zhanna@readers.kz"))
    assert [line for line in lines.values() if line not in texts] == []


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certified(authority: trustme.CA) -> ssl.SSLContext:
    """Return the server certificate for 127.0.0.1, issued by the authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def trust(authority: trustme.CA, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))


def test_starttls_is_used_when_offered(app: Flask, store: MailStore, port: int, certified: ssl.SSLContext) -> None:
    queue_one_email()
    with serving(store, port, tls_context=certified):
        assert send_due_emails(mail_through(port)) == DeliveryResult(sent=1)
    assert store.encrypted == [True]


def test_password_is_sent_to_verified_server(
    app: Flask,
    store: MailStore,
    port: int,
    certified: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch,
) -> None:
    trust(authority, tmp_path, monkeypatch)
    queue_one_email()
    options = {"tls_context": certified, "authenticator": only("registry", "pa ss@"), "auth_required": True}
    with serving(store, port, **options):
        wrong = send_due_emails(mail_through(port, user="registry", password="wrong"))
        assert wrong.unusable is not None
        assert wrong.unusable.startswith("535 ")
        queue_one_email("second@agency.kz")
        assert send_due_emails(mail_through(port, user="registry", password="pa ss@")) == DeliveryResult(sent=1)
    assert store.encrypted == [True]


def test_password_is_not_sent_without_verified_tls(
    app: Flask, store: MailStore, port: int, certified: ssl.SSLContext
) -> None:
    given: list[object] = []

    def listen(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        given.append(data)
        return AuthResult(success=True)

    with_password = mail_through(port, user="registry", password="secret")
    queue_one_email()
    with serving(store, port, authenticator=listen, auth_require_tls=False):
        assert "no STARTTLS" in (send_due_emails(with_password).unusable or "")
    queue_one_email("second@agency.kz")
    with serving(store, port, authenticator=listen, tls_context=certified):
        assert "CERTIFICATE_VERIFY_FAILED" in (send_due_emails(with_password).unusable or "")
    assert given == []
    assert store.mails == []


def test_smtps_uses_tls_from_the_first_byte(
    app: Flask,
    store: MailStore,
    port: int,
    certified: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch,
) -> None:
    trust(authority, tmp_path, monkeypatch)
    queue_one_email()
    with serving(store, port, ssl_context=certified):
        assert send_due_emails(mail_through(port, tls=True)) == DeliveryResult(sent=1)
    assert store.recipients == ["office@agency.kz"]


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
