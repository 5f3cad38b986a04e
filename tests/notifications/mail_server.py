"""An SMTP server (aiosmtpd) in this process that stores e-mails and rejects configured ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from registry.notifications.delivery import DeliveryResult, EmailTransport, send_due
from registry.notifications.settings import Mail


class MailStore:
    """Handler for aiosmtpd. ``refused``: address → reply to RCPT; ``on_data``: reply to DATA."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.senders: list[str] = []
        self.encrypted: list[bool] = []
        self.refused: dict[str, str] = {}
        self.on_data: str | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.on_data is not None:
            return self.on_data
        self.recipients += envelope.rcpt_tos
        self.senders.append(envelope.mail_from or "")
        self.encrypted.append(session.ssl is not None)
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        return "250 OK"

    def text_to(self, address: str) -> list[str]:
        """Return the subjects and texts of the e-mails to one address."""
        return [
            f"{mail['Subject']}\n{mail.get_content()}".replace("\r\n", "\n")
            for mail, to in zip(self.mails, self.recipients, strict=True)
            if to == address
        ]


@contextmanager
def serving(kept: MailStore, port: int, **options: Any) -> Iterator[None]:
    """Run the server on a local port for the duration of the block."""
    controller = Controller(kept, hostname="127.0.0.1", port=port, server_hostname="mail.tests", **options)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def send_due_emails(mail: Mail) -> DeliveryResult:
    """Send the e-mails that are due."""
    return send_due(EmailTransport(mail))


def mail_through(port: int, **values: Any) -> Mail:
    """Return mail settings for this server."""
    usual: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "tls": False,
        "user": None,
        "password": None,
        "sender": "registry@registry.tests",
        "sender_name": "",
        "public_url": "https://registry.tests",
    }
    return Mail(**usual | values)


def only(user: str, password: str) -> Any:
    """Return an authenticator for aiosmtpd that accepts one user."""

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given == LoginPassword(user.encode(), password.encode())
        return AuthResult(success=right, handled=False)

    return check
