"""Delivery: each e-mail and Aitu message is sent at least once, by one sender at a time, with retries."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import ColumnElement, select

from registry.accounts.models import Person
from registry.accounts.passwords import open_invitations
from registry.cases.models import Case
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.pdf import DocumentNotMade
from registry.core.queues import Lease, LeaseLost, Queue
from registry.core.translations import Language, message
from registry.notifications.aitu import AituClient, mark_rejected
from registry.notifications.email import MailServer, notice_part, notice_subject, render_email
from registry.notifications.models import KINDS, Channel, ChannelUnavailable, NoticeRejected, OutboundEmail
from registry.notifications.recipients import Recipient, recipient_of
from registry.notifications.settings import AituBot, Mail
from registry.notifications.weekly_overview import may_still_see, overview_pdf
from registry.projects.models import Project
from registry.projects.visibility import visible_projects

# The e-mail transport: one e-mail through the mail server for one notice.


class EmailTransport:
    """Sends notices by e-mail over one connection; release it with ``close``."""

    channel = Channel.EMAIL

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._server = MailServer(mail)

    def reaches(self, to: Recipient) -> bool:
        """Return True when the recipient has an e-mail address."""
        return to.address is not None

    def send(self, notice: OutboundEmail, to: Recipient, entries: Sequence[Mapping[str, Any]]) -> None:
        """Send one e-mail. Raises NoticeRejected, ChannelUnavailable, and ValueError for an unusable address."""
        email = render_email(
            self._mail,
            notice.key,
            to,
            entries,
            notice.created_at,
            is_digest=notice.is_digest,
            fell_back=notice.fell_back,
        )
        attach_overview(email, entries)
        self._server.send(email)

    def close(self) -> None:
        """Close the connection, if any."""
        self._server.close()


def attach_overview(email: EmailMessage, entries: Sequence[Mapping[str, Any]]) -> None:
    """Attach the document of the overview of the week. The e-mail has its main figures also without it."""
    for document in (each["figures"].get("document") for each in entries if "figures" in each):
        if document is not None:
            with suppress(DocumentNotMade):
                name = f"overview-{document['date']}.pdf"
                email.add_attachment(overview_pdf(document), maintype="application", subtype="pdf", filename=name)


# Messages for Aitu: kinds of events, numbers and links. Never findings, names, figures or personal data.
#
# Aitu's servers are not the register's: a message must say nothing that a stranger should not read.

# Of the contract, counted as Java does: in UTF-16 code units.
MAX_UNITS: Final = 4096
# How many references of each kind are named: as many as fit.
REFERENCES: Final = (20, 10, 5, 3, 2, 1, 0)


def render_message(
    public_url: str, language: Language, entries: Sequence[Mapping[str, Any]], *, is_digest: bool
) -> str:
    """Render a message, identically at each attempt, of at most 4,096 UTF-16 code units."""
    for most in REFERENCES:
        text = _text(public_url, language, entries, is_digest, most)
        if len(text.encode("utf-16-le")) // 2 <= MAX_UNITS:
            return text
    return "\n\n".join([notice_subject(entries, language, is_digest), public_url, message("notice-ending", language)])


def _text(public_url: str, language: Language, entries: Sequence[Mapping[str, Any]], is_digest: bool, most: int) -> str:
    parts = [message("notice-digest", language)] if is_digest else []
    parts += [notice_part(public_url, _named(each, most), language) for each in entries]
    if any(KINDS[each["kind"]] == "account" for each in entries):
        parts.append(message("notice-not-you", language))
    return "\n\n".join([*parts, message("notice-ending", language)])


def _named(each: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return the entry with its first references, and without the figures of the overview."""
    return {
        **{name: value for name, value in each.items() if name != "figures"},
        "references": each["references"][:most],
    }


# The Aitu transport: one message through the bot API for one notice.


class AituTransport:
    """Sends notices to linked Aitu accounts; release it with ``close``."""

    channel = Channel.AITU

    def __init__(self, bot: AituBot) -> None:
        self._bot = bot
        self._client = AituClient(bot)

    def reaches(self, to: Recipient) -> bool:
        """Return True when the person has linked an Aitu account."""
        return to.aitu_id is not None

    def send(self, notice: OutboundEmail, to: Recipient, entries: Sequence[Mapping[str, Any]]) -> None:
        """Send one message. Raises NoticeRejected and ChannelUnavailable."""
        if to.aitu_id is None or to.person_id is None:
            raise NoticeRejected("no Aitu account is linked", for_good=True)
        text = render_message(self._bot.public_url, to.languages[0], entries, is_digest=notice.is_digest)
        try:
            self._client.send_message(to.aitu_id, notice.key, text)
        except NoticeRejected:
            mark_rejected(to.person_id, rejected=True)
            raise
        mark_rejected(to.person_id, rejected=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


log = logging.getLogger(__name__)
Transport = EmailTransport | AituTransport

# The lease is longer than an SMTP dialogue can take in which the server answers each command just before the timeout.
QUEUE: Final = Queue(OutboundEmail, OutboundEmail.next_try_at, timedelta(minutes=15), OutboundEmail.state == "waiting")
# 76 tries in about three days, enough for a long weekend without a mail server.
WAITS: Final = (*(timedelta(minutes=2**tries) for tries in range(6)), *[timedelta(hours=1)] * 69)
# A limit, so that a process that has to stop does not send thousands first.
MAX_PER_RUN: Final = 500


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """Result of one delivery run. ``unusable``: why the server could not be used, else None."""

    sent: int = 0
    refused: int = 0
    dropped: int = 0
    unusable: str | None = None


def send_due(transport: Transport, most: int = MAX_PER_RUN, *, falls_back: bool = False) -> DeliveryResult:
    """Send the due notices of a channel, at most ``most``, and stop when its server cannot be used.

    No transaction is open while the server is spoken to. If the process is killed after sending and before recording
    it, the notice is sent again with the same key. ``falls_back``: what is rejected for good goes by e-mail instead.
    """
    done: Counter[str] = Counter()
    unusable = None
    try:
        for _ in range(most):
            leased = _lease_next(transport.channel)
            if leased is None:
                break
            try:
                done[_send(transport, *leased, falls_back)] += 1
            except ChannelUnavailable as error:
                unusable = str(error)
                log.error("the server of the channel %s cannot be used: %s", transport.channel, unusable)  # noqa: TRY400 - its reason says all
                with suppress(LeaseLost), QUEUE.leased(leased[1]) as row:
                    row.fail(unusable, WAITS, "failed")
                break
    finally:
        transport.close()
    return DeliveryResult(done["sent"], done["refused"], done["dropped"], unusable)


# While a notice is being sent, it has no error.
IS_TRIED: Final = OutboundEmail.error.is_not(None)


def make_retries_due() -> None:
    """Let notices that were tried and wait for their next try be sent in the next run; not what is being sent now."""
    QUEUE.change(OutboundEmail.next_try_at > now(), IS_TRIED, next_try_at=now())


def confirm_sent(channel: Channel, key: str) -> None:
    """Record that the server has a notice; it is not sent again after its sender was killed."""
    is_it = (OutboundEmail.channel == channel, OutboundEmail.key == key)
    QUEUE.change(*is_it, state="sent", ended_at=now(), error=None)


def has_unconfirmed_notices(channel: Channel) -> bool:
    """True while a notice of the channel was tried and its end is not known."""
    return QUEUE.has(OutboundEmail.channel == channel, OutboundEmail.tries > 0)


def fall_back_to_email(waited: timedelta) -> int:
    """Send by e-mail what Aitu has not delivered for so long. Return how many notices.

    Copies of e-mails stay, and so does what is being sent at this moment, or has no e-mail address.
    """
    has_address = select(Person.id).where(Person.id == OutboundEmail.person_id, Person.email.is_not(None)).exists()
    return QUEUE.change(
        OutboundEmail.channel == Channel.AITU,
        OutboundEmail.is_copy.is_(False),
        OutboundEmail.created_at <= now() - waited,
        QUEUE.is_due | IS_TRIED,
        has_address,
        **_by_email(),
    )


def drop_waiting(channel: Channel) -> None:
    """Drop what waits for a channel that the service no longer has."""
    QUEUE.change(OutboundEmail.channel == channel, state="dropped", ended_at=now())


def _by_email(*, fell_back: bool = True) -> dict[str, Any]:
    values = {"channel": Channel.EMAIL.value, "fell_back": fell_back, "tries": 0, "next_try_at": now()}
    return values | {"state": "waiting", "ended_at": None}


def _lease_next(channel: Channel) -> tuple[OutboundEmail, Lease] | None:
    """Lease the next due notice of a channel, immediate notifications before digests."""
    of_channel = OutboundEmail.channel == channel
    if not QUEUE.has(QUEUE.is_due, of_channel):
        return None
    order = (OutboundEmail.is_digest, OutboundEmail.next_try_at, OutboundEmail.id)
    with transaction() as session:
        notice = QUEUE.next_due(of_channel, order_by=order)
        if notice is None:
            return None
        notice.tries, notice.error = notice.tries + 1, None
        lease = QUEUE.lease(notice)
        session.flush()
        session.expunge(notice)
    return notice, lease


def _send(transport: Transport, notice: OutboundEmail, lease: Lease, falls_back: bool) -> str:
    """Send a leased notice and record the result. Raises ChannelUnavailable, with nothing recorded."""
    to = recipient_of(notice)
    entries = [] if to is None else _still_visible(to, notice.events)
    db.session.rollback()
    is_replaceable = to is not None and bool(entries) and to.address is not None and falls_back and not notice.is_copy
    if to is None or not entries or not transport.reaches(to):
        with suppress(LeaseLost), QUEUE.leased(lease) as row:
            row.end("dropped")
            if is_replaceable:
                row.set(**_by_email(fell_back=False))
        return "dropped"
    try:
        transport.send(notice, to, entries)
    except (NoticeRejected, ValueError) as error:
        # The log does not contain the address; the id leads to it.
        log.warning("notice %s was rejected by the channel %s: %s", notice.id, notice.channel, error)
        waits = WAITS if isinstance(error, NoticeRejected) and not error.for_good else ()
        with suppress(LeaseLost), QUEUE.leased(lease) as row:
            row.fail(str(error), waits, "failed")
            if is_replaceable and row.state == "failed":
                row.set(**_by_email())
        return "refused"
    with suppress(LeaseLost), QUEUE.leased(lease) as row:
        row.end("sent")
    return "sent"


def _still_visible(to: Recipient, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Filter what the recipient may still see: since queueing, projects may be restricted and people may move."""
    left = []
    for each in entries:
        shown = _visible(to, KINDS[each["kind"]], each["references"])
        gone = len(each["references"]) - len(shown)
        figures = each.get("figures")
        if shown and (figures is None or may_still_see(to.actor, figures)):
            left.append({**each, "references": shown, "count": each["count"] - gone})
    return left


def _visible(to: Recipient, of: str, references: Sequence[int | str]) -> list[int | str]:
    if of == "invitations":
        usable = open_invitations([int(reference) for reference in references])
        return [reference for reference in references if usable.get(int(reference)) == to.person_id]
    if of not in ("cases", "projects"):
        return list(references)
    column: ColumnElement[Any] = Case.id.expression if of == "cases" else Project.number.expression
    statement = select(column).select_from(Project).where(column.in_(references), *visible_projects(to.actor))
    if of == "cases":
        statement = statement.join(Case, Case.project_id == Project.id)
    visible = set(db.session.scalars(statement))
    return [reference for reference in references if reference in visible]
