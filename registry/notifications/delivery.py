"""Sending: letter after letter, each at least once and by one sender at a time, until it is sent or given up."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, select, update

from registry.cases.models import Case
from registry.core.clock import now
from registry.core.database import db
from registry.core.transactions import transaction
from registry.notifications.email_texts import render_email
from registry.notifications.kinds import KINDS
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import Recipient, recipient_now
from registry.notifications.smtp import EmailRejected, MailServer, MailServerUnavailable
from registry.projects.models import Project
from registry.projects.visibility import visible_projects
from registry.settings import Mail

log = logging.getLogger(__name__)

# Longer than a server that answers each word at the last moment can take.
HELD_FOR: Final = timedelta(minutes=15)
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=1)
# A minute, two, four and so on to an hour: some three days, a long weekend without a mail server among them.
MOST_TRIES: Final = 76
# So that a process that is told to stop does not work off thousands first.
MOST_A_PASS: Final = 500


@dataclass(frozen=True, slots=True)
class Sent:
    """What one pass did. ``unusable``: why the server could not be used, None when it could or need not be."""

    sent: int = 0
    refused: int = 0
    dropped: int = 0
    unusable: str | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """A letter that is ours to send until its time is over; ``tries`` tells our hold from a later one."""

    id: int
    key: str
    person_id: int | None
    agency_id: int | None
    is_digest: bool
    told: Sequence[Mapping[str, Any]]
    created_at: datetime
    tries: int


def send_waiting(mail: Mail, most: int = MOST_A_PASS) -> Sent:
    """Send what is due, at most so many letters, and stop where the server cannot be used.

    No transaction is open while the server is talked to. A letter that was sent but not marked, because the process was
    killed between the two, is sent again with the same Message-ID.
    """
    done: Counter[str] = Counter()
    unusable = None
    server = MailServer(mail)
    try:
        for _ in range(most):
            held = _take_one()
            if held is None:
                break
            try:
                done[_send(server, mail, held)] += 1
            except MailServerUnavailable as error:
                unusable = str(error)
                log.error("the mail server cannot be used: %s", unusable)  # noqa: TRY400 - its reason says all
                _put_back(held, unusable)
                break
    finally:
        server.close()
    return Sent(done["sent"], done["refused"], done["dropped"], unusable)


def _send(server: MailServer, mail: Mail, held: _Held) -> str:
    to = recipient_now(held.person_id, held.agency_id)
    told = [] if to is None else _still_visible(to, held.told)
    db.session.rollback()
    if to is None or not told:
        _end(held, "dropped")
        return "dropped"
    try:
        message = render_email(mail, held.key, to, told, held.created_at, is_digest=held.is_digest)
        server.send(message)
    except (EmailRejected, ValueError) as refused:
        # The address stays out of the log: the letter's row leads to it.
        log.warning("letter %s is refused: %s", held.id, refused)
        if isinstance(refused, EmailRejected) and not refused.for_good and held.tries < MOST_TRIES:
            _put_back(held, str(refused))
        else:
            _end(held, "failed", str(refused))
        return "refused"
    _end(held, "sent")
    return "sent"


def _take_one() -> _Held | None:
    """Hold the next letter that is due, what cannot wait before digests."""
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
        letter = session.scalar(first.with_for_update(skip_locked=True).execution_options(populate_existing=True))
        if letter is None:
            return None
        letter.tries += 1
        letter.next_try_at = now() + HELD_FOR
        return _Held(
            letter.id,
            letter.key,
            letter.person_id,
            letter.agency_id,
            letter.is_digest,
            letter.told,
            letter.created_at,
            letter.tries,
        )


def _put_back(held: _Held, reason: str) -> None:
    """Try again later, each time later than before, or give up."""
    if held.tries >= MOST_TRIES:
        _end(held, "failed", reason)
        return
    _mark(held, next_try_at=now() + wait_after(held.tries), error=reason)


def wait_after(tries: int) -> timedelta:
    """How long to wait after so many tries."""
    doubled: int = 2 ** min(tries - 1, 10)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)


def _end(held: _Held, state: str, error: str | None = None) -> None:
    _mark(held, state=state, ended_at=now(), error=error)


def _mark(held: _Held, **values: Any) -> None:
    # Held too long, the letter may be another sender's by now.
    ours = (OutboundEmail.id == held.id, OutboundEmail.tries == held.tries, OutboundEmail.state == "waiting")
    with transaction() as session:
        session.execute(update(OutboundEmail).where(*ours).values(values).execution_options(synchronize_session=False))


def _still_visible(to: Recipient, told: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the recipient may see now: between writing and sending a project may be restricted, a person may move."""
    left = []
    for each in told:
        shown = _visible(to, KINDS[each["kind"]], each["references"])
        gone = len(each["references"]) - len(shown)
        if shown:
            left.append({"kind": each["kind"], "references": shown, "count": each["count"] - gone})
    return left


def _visible(to: Recipient, of: str, references: Sequence[int | str]) -> list[int | str]:
    if of == "audits":
        return list(references)
    column: ColumnElement[Any] = Case.id.expression if of == "cases" else Project.number.expression
    statement = select(column).select_from(Project).where(column.in_(references), *visible_projects(to.actor))
    if of == "cases":
        statement = statement.join(Case, Case.project_id == Project.id)
    there = set(db.session.scalars(statement))
    return [reference for reference in references if reference in there]
