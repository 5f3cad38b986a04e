"""SMTP client: one connection per delivery run, opened with the first e-mail, and the mapping of SMTP errors."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Final

from registry.notifications.mail_settings import Mail
from registry.notifications.transport import ChannelUnavailable, NoticeRejected

TIMEOUT_S: Final = 20
MAX_REASON_LENGTH: Final = 200
SERVICE_CLOSING: Final = 421
FIRST_LASTING: Final = 500


class MailServerUnavailable(ChannelUnavailable):
    """No e-mail can be sent now: the server is down or rejects this sender altogether. The message says why."""


class EmailRejected(NoticeRejected):
    """The server rejected this e-mail only; for good with a reply 5yz (RFC 5321)."""


class MailServer:
    """Sends e-mails over one connection; release it with ``close``."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._connection: smtplib.SMTP | None = None

    def connect(self) -> None:
        """Connect and log in without sending. Raises MailServerUnavailable."""
        with self._translate_errors():
            if self._connection is None:
                self._connection = self._connected()

    def send(self, message: EmailMessage) -> None:
        """Send an e-mail. Raises EmailRejected and MailServerUnavailable."""
        with self._translate_errors():
            if self._connection is None:
                self._connection = self._connected()
            self._connection.send_message(message)

    def close(self) -> None:
        """Close the connection, if any."""
        if self._connection is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._connection.quit()
            self._drop()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise self._error(code, text) from error
        except smtplib.SMTPDataError as error:
            raise self._error(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected) as failed:
            # Includes a rejected sender address, which affects every e-mail.
            self._drop()
            raise MailServerUnavailable(_reason(failed)) from failed
        except (OSError, smtplib.SMTPException) as failed:
            self._drop()
            raise MailServerUnavailable(_reason(failed)) from failed

    def _error(self, code: int, text: bytes | str) -> Exception:
        reason = f"{code} {_plain(text)}"[:MAX_REASON_LENGTH]
        if code == SERVICE_CLOSING:
            self._drop()
            return MailServerUnavailable(reason)
        return EmailRejected(reason, for_good=code >= FIRST_LASTING)

    def _connected(self) -> smtplib.SMTP:
        mail = self._mail
        # EHLO with the sender's domain, because looking up this machine's name can take long.
        us = mail.sender.rpartition("@")[2]
        if mail.tls:
            trusted = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, us, timeout=TIMEOUT_S, context=trusted)
        else:
            connection = smtplib.SMTP(mail.host, mail.port, us, timeout=TIMEOUT_S)
        try:
            connection.ehlo_or_helo_if_needed()
            if not mail.tls:
                self._start_tls(connection)
            if mail.user is not None and mail.password is not None:
                connection.login(mail.user, mail.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _start_tls(self, connection: smtplib.SMTP) -> None:
        """Encrypt when the server supports it. A password requires a verified certificate, otherwise any will do.

        Opportunistic encryption (RFC 7435): an unverified certificate, as many local servers have, is no worse than the
        plain text that would be sent otherwise.
        """
        has_password = self._mail.user is not None
        if not connection.has_extn("starttls"):
            if has_password:
                raise MailServerUnavailable("the server offers no STARTTLS, and a password is not sent without it")
            return
        context = ssl.create_default_context()
        if not has_password:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection.starttls(context=context)
        connection.ehlo_or_helo_if_needed()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_plain(error.smtp_error)}"[:MAX_REASON_LENGTH]
    return f"{type(error).__name__}: {_plain(str(error))}"[:MAX_REASON_LENGTH]


def _plain(text: bytes | str) -> str:
    """Return a server's text on one line."""
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join("".join(character if character.isprintable() else " " for character in decoded).split())
