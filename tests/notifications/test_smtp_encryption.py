"""Encryption of the connection to the mail server: STARTTLS, smtps, and passwords only with a verified certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import AuthResult
from flask import Flask

from registry.notifications.delivery import DeliveryResult, send_due_emails
from tests.notifications.mail_server import MailStore, mail_through, only, serving
from tests.notifications.readers import queue_one_email


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
