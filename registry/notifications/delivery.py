"""E-mail delivery: each e-mail is sent at least once, by one sender at a time, with retries until it is given up."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, select, update

from registry.accounts.invitations import open_invitations
from registry.cases.models import Case
from registry.core.clock import now
from registry.core.database import db
from registry.core.transactions import transaction
from registry.notifications.email_texts import render_email
from registry.notifications.kinds import KINDS
from registry.notifications.mail_settings import Mail
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import Recipient, recipient_now
from registry.notifications.smtp import EmailRejected, MailServer, MailServerUnavailable
from registry.notifications.weekly_overview import may_still_see
from registry.projects.models import Project
from registry.projects.visibility import visible_projects

log = logging.getLogger(__name__)

# Longer than an SMTP dialogue can take in which the server answers each command just before the timeout.
LEASE: Final = timedelta(minutes=15)
FIRST_WAIT: Final = timedelta(minutes=1)
MAX_WAIT: Final = timedelta(hours=1)
# Retries after 1, 2, 4 … minutes up to hourly: about three days, enough for a long weekend without a mail server.
MAX_TRIES: Final = 76
# A limit, so that a process that has to stop does not send thousands first.
MAX_PER_RUN: Final = 500


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """Result of one delivery run. ``unusable``: why the server could not be used, else None."""

    sent: int = 0
    refused: int = 0
    dropped: int = 0
    unusable: str | None = None


@dataclass(frozen=True, slots=True)
class _Leased:
    """An e-mail leased by this sender; ``tries`` distinguishes this lease from later ones."""

    id: int
    key: str
    person_id: int | None
    agency_id: int | None
    is_digest: bool
    events: Sequence[Mapping[str, Any]]
    created_at: datetime
    tries: int


def send_due_emails(mail: Mail, most: int = MAX_PER_RUN) -> DeliveryResult:
    """Send due e-mails, at most ``most``, and stop when the server cannot be used.

    No transaction is open during the SMTP dialogue. If the process is killed after sending and before recording it, the
    e-mail is sent again with the same Message-ID.
    """
    done: Counter[str] = Counter()
    unusable = None
    server = MailServer(mail)
    try:
        for _ in range(most):
            email = _lease_next()
            if email is None:
                break
            try:
                done[_send(server, mail, email)] += 1
            except MailServerUnavailable as error:
                unusable = str(error)
                log.error("the mail server cannot be used: %s", unusable)  # noqa: TRY400 - its reason says all
                _retry_later(email, unusable)
                break
    finally:
        server.close()
    return DeliveryResult(done["sent"], done["refused"], done["dropped"], unusable)


def _send(server: MailServer, mail: Mail, email: _Leased) -> str:
    to = recipient_now(email.person_id, email.agency_id)
    entries = [] if to is None else _still_visible(to, email.events)
    db.session.rollback()
    if to is None or not entries:
        _end(email, "dropped")
        return "dropped"
    try:
        message = render_email(mail, email.key, to, entries, email.created_at, is_digest=email.is_digest)
        server.send(message)
    except (EmailRejected, ValueError) as error:
        # The log does not contain the address; the id leads to it.
        log.warning("e-mail %s was rejected: %s", email.id, error)
        if isinstance(error, EmailRejected) and not error.for_good and email.tries < MAX_TRIES:
            _retry_later(email, str(error))
        else:
            _end(email, "failed", str(error))
        return "refused"
    _end(email, "sent")
    return "sent"


def _lease_next() -> _Leased | None:
    """Lease the next due e-mail, immediate notifications before digests."""
    due = (OutboundEmail.state == "waiting", OutboundEmail.next_try_at <= now())
    db.session.rollback()
    if db.session.scalar(select(OutboundEmail.id).where(*due).limit(1)) is None:
        return None
    first = (
        select(OutboundEmail)
        .where(*due)
        .order_by(OutboundEmail.is_digest, OutboundEmail.next_try_at, OutboundEmail.id)
        .limit(1)
    )
    with transaction() as session:
        row = session.scalar(first.with_for_update(skip_locked=True).execution_options(populate_existing=True))
        if row is None:
            return None
        row.tries += 1
        row.next_try_at = now() + LEASE
        return _Leased(
            row.id,
            row.key,
            row.person_id,
            row.agency_id,
            row.is_digest,
            row.events,
            row.created_at,
            row.tries,
        )


def _retry_later(email: _Leased, reason: str) -> None:
    """Schedule a retry with growing delays, or give up."""
    if email.tries >= MAX_TRIES:
        _end(email, "failed", reason)
        return
    _mark(email, next_try_at=now() + wait_after(email.tries), error=reason)


def wait_after(tries: int) -> timedelta:
    """Return the delay after a number of attempts."""
    doubled: int = 2 ** min(tries - 1, 10)
    return min(FIRST_WAIT * doubled, MAX_WAIT)


def _end(email: _Leased, state: str, error: str | None = None) -> None:
    _mark(email, state=state, ended_at=now(), error=error)


def _mark(email: _Leased, **values: Any) -> None:
    # After the lease has expired, another sender may own the e-mail.
    own_lease = (OutboundEmail.id == email.id, OutboundEmail.tries == email.tries, OutboundEmail.state == "waiting")
    with transaction() as session:
        session.execute(
            update(OutboundEmail).where(*own_lease).values(values).execution_options(synchronize_session=False)
        )


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
