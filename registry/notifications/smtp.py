"""The mail server: one connection over SMTP, made when the first mail leaves, and what its refusals mean."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Final

from registry.settings import Mail

TIMEOUT_S: Final = 20
LONGEST_REASON: Final = 200
SERVICE_CLOSING: Final = 421
FIRST_LASTING: Final = 500


class MailServerUnavailable(Exception):
    """No mail can leave now: the server is away, or refuses us and not a letter. Says why."""


class EmailRejected(Exception):
    """The server took others but not this one. ``for_good``: trying again would not help (RFC 5321, 5yz)."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class MailServer:
    """Sends mails one after another; give it back with ``close``."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._connection: smtplib.SMTP | None = None

    def send(self, message: EmailMessage) -> None:
        """Hand a mail to the server. Raises EmailRejected and MailServerUnavailable."""
        with self._understood():
            if self._connection is None:
                self._connection = self._connected()
            self._connection.send_message(message)

    def close(self) -> None:
        """Say goodbye, when there is still somebody to say it to."""
        if self._connection is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._connection.quit()
            self._drop()

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            raise self._refusal(code, text) from refused
        except smtplib.SMTPDataError as refused:
            raise self._refusal(refused.smtp_code, refused.smtp_error) from refused
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected) as failed:
            # Also a sender that the server does not want: that is so for every letter.
            self._drop()
            raise MailServerUnavailable(_reason(failed)) from failed
        except (OSError, smtplib.SMTPException) as failed:
            self._drop()
            raise MailServerUnavailable(_reason(failed)) from failed

    def _refusal(self, code: int, text: bytes | str) -> Exception:
        reason = f"{code} {_plain(text)}"[:LONGEST_REASON]
        if code == SERVICE_CLOSING:
            self._drop()
            return MailServerUnavailable(reason)
        return EmailRejected(reason, for_good=code >= FIRST_LASTING)

    def _connected(self) -> smtplib.SMTP:
        mail = self._mail
        # Named by our domain: asking the resolver for this machine's name can take long.
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
        """Encrypt when the server can. A password needs a server that proves who it is; without one, any will do.

        Mail between servers is encrypted for whoever answers (RFC 7435): a certificate that nobody vouches for, as
        many a server on the same machine has, is no worse than the plain text that would be sent otherwise.
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
        return f"{error.smtp_code} {_plain(error.smtp_error)}"[:LONGEST_REASON]
    return f"{type(error).__name__}: {_plain(str(error))}"[:LONGEST_REASON]


def _plain(text: bytes | str) -> str:
    """What a server said, on one line."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
