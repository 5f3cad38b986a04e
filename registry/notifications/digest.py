"""Daily digest: on working days, one e-mail per recipient about everything that began since the last digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import select

from registry.accounts.roles import Permission, Role
from registry.core.clock import ALMATY, now
from registry.core.database import db
from registry.core.dialects import insert_or_ignore
from registry.core.transactions import transaction
from registry.core.working_days import national_calendar
from registry.flags.lock import lock_flags_for_audit
from registry.notifications.channels import EMAIL_ONLY, Channel
from registry.notifications.digest_queries import DigestItem, RecipientGroup, Span, digest_items
from registry.notifications.models import Digest
from registry.notifications.recipients import Directory, Recipient, load_directory
from registry.notifications.service import queue_notice

# Period of the first digest, which has no predecessor.
FIRST_LOOKS_BACK: Final = timedelta(days=1)

# Of each kind, the references with the numbers of their letters.
DigestEntry = dict[str, dict[int | str, str | None]]


def write_due_digest(digest_at: time | None, channels: frozenset[Channel] = EMAIL_ONLY) -> int | None:
    """Queue today's digest if it is a working day past ``digest_at`` and not done yet. Return the number of readers.

    Returns None when no digest is due. ``digest_at`` is a local time, None when digests are off. The next digest covers
    a missed one.
    """
    day = None if digest_at is None else due_on(now(), digest_at)
    db.session.rollback()
    if day is None or db.session.get(Digest, day, populate_existing=True) is not None:
        return None
    # Wait for transactions that change cases or flags now, so that later commits belong to the next digest.
    with transaction():
        lock_flags_for_audit()
        until = now()
    with transaction() as session:
        claim = insert_or_ignore(Digest).values(on=day, until=until).on_conflict_do_nothing()
        if session.scalar(claim.returning(Digest.on)) is None:
            return None
        previous_until = session.scalar(select(Digest.until).where(Digest.on < day).order_by(Digest.on.desc()).limit(1))
        span = Span(previous_until or until - FIRST_LOOKS_BACK, until)
        emails = _by_recipient(digest_items(span), load_directory(channels))
        for to, entry in emails.items():
            letters = {
                (kind, reference): letter
                for kind, references in entry.items()
                for reference, letter in references.items()
                if letter is not None
            }
            named = {kind: list(references) for kind, references in entry.items()}
            queue_notice(to, named, until, channels=channels, is_digest=True, letters=letters)
    return len(emails)


def due_on(timestamp: datetime, digest_at: time) -> date | None:
    """Return the local date if it is a working day past the digest's time, else None."""
    local = timestamp.astimezone(ALMATY)
    return local.date() if local.time() >= digest_at and national_calendar().is_working(local.date()) else None


def _by_recipient(item: Iterable[DigestItem], directory: Directory) -> dict[Recipient, DigestEntry]:
    emails: dict[Recipient, DigestEntry] = defaultdict(lambda: defaultdict(dict))
    for each in item:
        for to in RECIPIENT_GROUPS[each.recipients](each, directory):
            may_see = not each.is_restricted or to.actor.may(Permission.RESTRICTED_READ)
            if may_see and each.kind not in to.switched_off:
                emails[to][each.kind][each.reference] = each.letter
    return emails


def _reviewers(item: DigestItem, directory: Directory) -> list[Recipient]:
    """Return the assigned reviewer, or everybody who can claim the case."""
    if item.principal is None:
        return directory.who_may(Permission.CASES_REVIEW)
    return directory.reviewer(item.principal)


def _others_who_approve(item: DigestItem, directory: Directory) -> list[Recipient]:
    return [to for to in directory.who_may(Permission.CASES_APPROVE) if to.actor.principal != item.principal]


RECIPIENT_GROUPS: Final[dict[RecipientGroup, Callable[[DigestItem, Directory], list[Recipient]]]] = {
    RecipientGroup.AGENCY: lambda item, directory: directory.of_agency(item.agency_id) if item.agency_id else [],
    RecipientGroup.REVIEWERS: _reviewers,
    RecipientGroup.APPROVERS: _others_who_approve,
    RecipientGroup.PERSON: lambda item, directory: directory.person(item.principal),
    RecipientGroup.OWNER: lambda item, directory: (
        directory.person(item.principal) or directory.of_role(Role.ADMINISTRATOR)
    ),
}
