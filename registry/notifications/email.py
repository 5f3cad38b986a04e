"""E-mail: the SMTP client, the texts of notices, and a test e-mail to oneself."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from flask import current_app

from registry.accounts.models import AccountsNeedAPerson, own_person
from registry.accounts.passwords import BY_EMAIL, invitation_key
from registry.accounts.roles import Actor, Permission, Role
from registry.agencies.models import Agency
from registry.core.clock import ALMATY, now
from registry.core.database import db, transaction
from registry.core.errors import Conflict
from registry.core.translations import OFFICIAL_LANGUAGES, Language, message, translate
from registry.freeze.dates import format_deadline
from registry.journal import service as journal
from registry.notifications.models import KINDS, LINKS, OF_ACCOUNTS, PAGES, ChannelUnavailable, NoticeRejected
from registry.notifications.recipients import Recipient, recipient_now
from registry.notifications.service import queue_email
from registry.notifications.settings import Mail
from registry.notifications.weekly_overview import figure_lines

# SMTP client: one connection per delivery run, opened with the first e-mail, and the mapping of SMTP errors.

TIMEOUT_S: Final = 20
MAX_REASON_LENGTH: Final = 200
SERVICE_CLOSING: Final = 421
FIRST_LASTING: Final = 500


class MailServer:
    """Sends e-mails over one connection; release it with ``close``."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._connection: smtplib.SMTP | None = None

    def connect(self) -> None:
        """Connect and log in without sending. Raises ChannelUnavailable."""
        with self._translate_errors():
            if self._connection is None:
                self._connection = self._connected()

    def send(self, message: EmailMessage) -> None:
        """Send an e-mail. Raises NoticeRejected and ChannelUnavailable."""
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
        except (OSError, smtplib.SMTPException) as failed:
            # Includes a rejected sender address, which affects every e-mail.
            self._drop()
            raise ChannelUnavailable(_reason(failed)) from failed

    def _error(self, code: int, text: bytes | str) -> Exception:
        reason = f"{code} {_plain(text)}"[:MAX_REASON_LENGTH]
        if code == SERVICE_CLOSING:
            self._drop()
            return ChannelUnavailable(reason)
        return NoticeRejected(reason, for_good=code >= FIRST_LASTING)

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
                raise ChannelUnavailable("the server offers no STARTTLS, and a password is not sent without it")
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


# E-mail texts: greeting, kind of event, numbers, links, last days, overview sums. Never findings, names, reasons.
#
# An invitation names the account of its reader.

MessageParams = Sequence[Mapping[str, Any]]
INVITATION: Final = "invitation"
# Types of references that say nothing in a subject: the time of an event, the key of a link.
NOT_IN_SUBJECTS: Final = frozenset({"account", "invitations"})
BETWEEN_LANGUAGES: Final = "\n\n----------\n\n"


def render_email(
    mail: Mail,
    key: str,
    to: Recipient,
    entries: MessageParams,
    written_at: datetime,
    *,
    is_digest: bool,
    fell_back: bool = False,
) -> EmailMessage:
    """Render an e-mail, identically at each attempt. Raises ValueError for an address that no header can carry.

    ``fell_back``: says that it comes in place of a message that Aitu did not deliver.
    """
    if to.address is None:
        raise ValueError("the recipient has no e-mail address")
    email = EmailMessage(policy=SMTP)
    email["From"] = Address(mail.sender_name, addr_spec=mail.sender)
    try:
        email["To"] = Address(addr_spec=to_bytes(to.address))
    except HeaderParseError as error:
        raise ValueError(str(error)) from error
    email["Subject"] = " / ".join(notice_subject(entries, language, is_digest) for language in to.languages)
    email["Date"] = format_datetime(written_at)
    email["Message-ID"] = f"<{key}@{mail.sender.rpartition('@')[2]}>"
    # Prevents automatic replies (RFC 3834).
    email["Auto-Submitted"] = "auto-generated"
    texts = (_text(mail, to, entries, language, is_digest, fell_back) for language in to.languages)
    email.set_content(BETWEEN_LANGUAGES.join(texts) + "\n")
    email["Content-Language"] = ", ".join(to.languages)
    return email


def to_bytes(address: str) -> str:
    """Return the address with its domain in DNS form. Raises ValueError when there is none."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"


def link_to(public_url: str, of: str, reference: int | str) -> str:
    """Return the URL of a page: of a case, letter, project or audit, of an invitation, or where the reader goes on."""
    if of == "invitations":
        return f"{public_url}/invitation?key={invitation_key(int(reference))}"
    return f"{public_url}/{PAGES[of]}" if of in PAGES else f"{public_url}/{of}/{reference}"


def notice_subject(entries: MessageParams, language: Language, is_digest: bool) -> str:
    """Return what the notice is about, in one line."""
    if is_digest:
        return message("notice-subject-digest", language, {"count": sum(each["count"] for each in entries)})
    first = entries[0]
    if first["kind"] == INVITATION:
        return message("notice-subject-invitation", language)
    what = message(f"notice-{first['kind']}", language)
    if first["count"] == 1 and KINDS[first["kind"]] in NOT_IN_SUBJECTS:
        return what
    number = first["references"][0] if first["count"] == 1 else first["count"]
    code = f"notice-number-{KINDS[first['kind']]}" if first["count"] == 1 else "notice-subject-several"
    return f"{what}: {message(code, language, {'number': number})}"


def _text(
    mail: Mail, to: Recipient, entries: MessageParams, language: Language, is_digest: bool, fell_back: bool
) -> str:
    greeting = (
        message("notice-greeting", language)
        if to.name is None
        else message("notice-greeting-name", language, {"name": to.name})
    )
    kinds = {each["kind"] for each in entries}
    concerns_account = any(KINDS[kind] in OF_ACCOUNTS for kind in kinds)
    parts = [greeting]
    if is_digest:
        parts.append(message("notice-digest", language))
    parts += [notice_part(mail.public_url, each, language) for each in entries]
    if fell_back:
        parts.append(message("notice-fell-back", language, {"link": f"{mail.public_url}/account/aitu"}))
    if concerns_account:
        parts.append(message("notice-not-you", language))
    if kinds & LINKS:
        parts.append(_invited_account(to, language))
    if kinds & LINKS - {INVITATION}:
        parts.append(message("notice-link-unasked", language))
    if mail.support_contact and (kinds & LINKS or concerns_account):
        parts.append(message("notice-questions", language, {"contact": mail.support_contact}))
    elif kinds & LINKS:
        parts.append(message("notice-questions-administrator", language))
    ending = "notice-ending-invitation" if kinds <= LINKS else "notice-ending"
    return "\n\n".join([*parts, message(ending, language)])


def _invited_account(to: Recipient, language: Language) -> str:
    """Return the name for signing in, the role and the agency of the invited person."""
    role = translate(Role(to.actor.role).label, language)
    text = message("notice-invited-account", language, {"name": to.name, "role": role})
    agency = None if to.actor.agency_id is None else db.session.get(Agency, to.actor.agency_id)
    if agency is None:
        return text
    names = (getattr(agency, f"name_{each}") for each in (language, *reversed(OFFICIAL_LANGUAGES), "en"))
    name = next((name for name in names if name), agency.bin)
    return f"{text}\n{message('notice-invited-agency', language, {'agency': name})}"


def notice_part(public_url: str, each: Mapping[str, Any], language: Language) -> str:
    """Return one kind of event with its numbers and links."""
    of = KINDS[each["kind"]]
    lines = [message(f"notice-{each['kind']}", language) + ":"]
    for reference in each["references"]:
        number = message(f"notice-number-{of}", language, {"number": reference})
        lines.append(f"  {number} – {link_to(public_url, of, reference)}")
        due_on = each.get("due_on", {}).get(str(reference))
        if due_on is not None:
            deadline = format_deadline(date.fromisoformat(due_on), language)
            lines.append(f"  {message('notice-due', language, {'deadline': deadline})}")
        letter = each.get("letters", {}).get(str(reference))
        if letter is not None:
            number = message("notice-number-letters", language, {"number": letter})
            lines.append(f"  {number} – {link_to(public_url, 'letters', letter)}")
    if "figures" in each:
        lines += [f"  {line}" for line in figure_lines(each["figures"], language)]
    more = each["count"] - len(each["references"])
    if more:
        lines.append(f"  {message('notice-more', language, {'count': more})} – {public_url}/{PAGES.get(of, of)}")
    return "\n".join(lines)


# A test e-mail to oneself: it takes the way of every other one, through the queue, the worker and the mail server.

KIND = "test-email"


class MailNotConfigured(Conflict):
    """The service has no mail server, so that nothing can be sent."""


class NoOwnAddress(Conflict):
    """The actor's account has no e-mail address."""


def sends_email() -> bool:
    """Return True when the service has a mail server."""
    return bool(current_app.config.get(BY_EMAIL))


def queue_test_email(actor: Actor) -> str:
    """Queue a test e-mail to the actor and return the address.

    Raises RoleNotAllowed, AccountsNeedAPerson, MailNotConfigured and NoOwnAddress.
    """
    actor.require(Permission.AGENCIES_WRITE)
    if not sends_email():
        raise MailNotConfigured
    with transaction():
        person = own_person(actor)
        if person is None:
            raise AccountsNeedAPerson
        recipient = recipient_now(person.id, None)
        if recipient is None or recipient.address is None:
            raise NoOwnAddress
        timestamp = now()
        queue_email(recipient, {KIND: [timestamp.astimezone(ALMATY).strftime("%d.%m.%Y %H:%M")]}, timestamp)
        journal.record(actor, "account.test-email-queued", f"account:{actor.principal}")
    return recipient.address
