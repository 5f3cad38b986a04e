"""The digest: once a working day, what can wait. It tells what began since the last one, and nothing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import select

from registry.accounts.roles import Permission
from registry.core.clock import ALMATY, now
from registry.core.database import db, insert_or_ignore
from registry.core.transactions import transaction
from registry.core.working_days import national_calendar
from registry.flags.lock import lock_flags_for_audit
from registry.notifications.digest_queries import DigestItem, RecipientGroup, Span, digest_items
from registry.notifications.models import Digest
from registry.notifications.recipients import Directory, Recipient, load_directory
from registry.notifications.service import queue_email

# What the first digest looks back to, as there is none before it.
FIRST_LOOKS_BACK: Final = timedelta(days=1)

DigestEntry = dict[str, dict[int | str, None]]


def write_due_digest(digest_at: time | None) -> int | None:
    """Write today's digest when it is a working day, past the hour and not done yet; the letters, None when not due.

    ``digest_at`` is the local hour, None when digests are off. A digest that was missed is part of the next one.
    """
    day = None if digest_at is None else due_on(now(), digest_at)
    db.session.rollback()
    if day is None or db.session.get(Digest, day, populate_existing=True) is not None:
        return None
    # Whoever changes cases or flags now is waited for and then let on, so that what commits later began later.
    with transaction():
        lock_flags_for_audit()
        until = now()
    with transaction() as session:
        claim = insert_or_ignore(Digest).values(on=day, until=until).on_conflict_do_nothing()
        if session.scalar(claim.returning(Digest.on)) is None:
            return None
        before = session.scalar(select(Digest.until).where(Digest.on < day).order_by(Digest.on.desc()).limit(1))
        span = Span(before or until - FIRST_LOOKS_BACK, until)
        letters = _by_recipient(digest_items(span), load_directory())
        for to, told in letters.items():
            queue_email(to, {kind: list(references) for kind, references in told.items()}, until, is_digest=True)
    return len(letters)


def due_on(moment: datetime, digest_at: time) -> date | None:
    """The day whose digest is due at an instant: the local one, when it is a working day and past the hour."""
    local = moment.astimezone(ALMATY)
    return local.date() if local.time() >= digest_at and national_calendar().is_working(local.date()) else None


def _by_recipient(began: Iterable[DigestItem], audience: Directory) -> dict[Recipient, DigestEntry]:
    letters: dict[Recipient, DigestEntry] = defaultdict(lambda: defaultdict(dict))
    for each in began:
        for to in RECIPIENT_GROUPS[each.hearing](each, audience):
            if not each.is_restricted or to.actor.may(Permission.RESTRICTED_READ):
                letters[to][each.kind][each.reference] = None
    return letters


def _reviewers(began: DigestItem, audience: Directory) -> list[Recipient]:
    """Who holds the case; when nobody does, everybody who could take it."""
    if began.principal is None:
        return audience.who_may(Permission.CASES_REVIEW)
    return audience.reviewer(began.principal)


def _others_who_approve(began: DigestItem, audience: Directory) -> list[Recipient]:
    return [to for to in audience.who_may(Permission.CASES_APPROVE) if to.actor.principal != began.principal]


RECIPIENT_GROUPS: Final[dict[RecipientGroup, Callable[[DigestItem, Directory], list[Recipient]]]] = {
    RecipientGroup.AGENCY: lambda began, audience: audience.of_agency(began.agency_id),
    RecipientGroup.REVIEWERS: _reviewers,
    RecipientGroup.APPROVERS: _others_who_approve,
}
