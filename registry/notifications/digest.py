"""Daily digest: on working days, one e-mail per recipient about everything that began since the last digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, literal, null, or_, select
from sqlalchemy.orm import aliased

from registry.accounts.models import Account, AccountKind
from registry.accounts.queries import ENDING_WITHIN, is_working
from registry.accounts.roles import Permission, Role
from registry.accounts.same_person import people_of
from registry.accounts.tokens import Token
from registry.cases.models import Case, CaseDecision, CaseEvent, Order, newest_in_force
from registry.cases.vocabulary import Status
from registry.core.clock import ALMATY, local_date, national_calendar, now
from registry.core.database import db, transaction
from registry.core.dialects import insert_or_ignore
from registry.exemptions.models import Exemption
from registry.flags.models import COMING, AuditChange, AuditRun, FlagChange, lock_flags_for_audit
from registry.letters.models import Letter
from registry.notifications.models import EMAIL_ONLY, Channel, Digest
from registry.notifications.recipients import Directory, Recipient, load_directory
from registry.notifications.service import MoreOf, queue_notice
from registry.projects.attestations import DUE_STATES, attestation_condition, due_before
from registry.projects.models import STATUS, Project
from registry.projects.visibility import NOT_WITHDRAWN
from registry.projects.vocabulary import FreezeStatus

# Digest queries: what began in a time span. Each compares dates, so that the content of past digests is not stored.

SOON_WORKING_DAYS: Final = 5
ENDING_DAYS: Final = timedelta(days=30)
# How long before the due date of an attestation its agency is reminded.
REMINDERS: Final = (timedelta(days=30), timedelta(days=7), timedelta())
ROWS_AT_ONCE: Final = 2000
CHANGES: Final = (FlagChange.OPENED, FlagChange.REOPENED, FlagChange.CLEARED, FlagChange.RAISED, FlagChange.LOWERED)


@dataclass(frozen=True, slots=True)
class Span:
    """A time span that includes its later instant. As days: what applies on ``last`` and did not yet on ``first``."""

    since: datetime
    until: datetime

    def holds(self, instant: ColumnElement[Any]) -> ColumnElement[bool]:
        """Condition: an instant lies in the span."""
        return and_(instant > self.since, instant <= self.until)

    @property
    def first(self) -> date:
        """Day of the previous digest."""
        return local_date(self.since)

    @property
    def last(self) -> date:
        """Day of this digest."""
        return local_date(self.until)


class DigestItem(NamedTuple):
    """Something that applies now and did not before. ``account_id``: the person whom it concerns."""

    kind: str
    reference: int | str
    recipients: RecipientsOf
    agency_id: int | None
    is_restricted: bool
    account_id: int | None
    more: MoreOf = MoreOf()


RecipientsOf = Callable[[DigestItem, Directory], list[Recipient]]


def digest_items(span: Span) -> Iterator[DigestItem]:
    """Yield all items, kind by kind."""
    for statement in (_flags(span), _orders(span), _exemptions(span), _attestations(span), _coming_flags(span)):
        yield from _read(statement, _agency)
    yield from _read(_timeline(span, "case-opened", CaseEvent.action == "opened"), _agency)
    closed = _timeline(span, "case-closed", _closed()).outerjoin(Letter, Letter.event_id == CaseEvent.id)
    yield from _read(closed.add_columns(Letter.number.label("letter")), _agency)
    proposed = (CaseEvent.action == "propose", Case.status == "awaiting_approval")
    proposals = _timeline(span, "proposal-waiting", *proposed, account_id=CaseEvent.account_id)
    yield from _read(proposals, _approvers)
    cleared = (CaseEvent.action == "cleared", Case.status == "awaiting_confirmation")
    waiting = _timeline(span, "case-awaiting-confirmation", *cleared, account_id=Case.assignee_account_id)
    yield from _read(waiting, _reviewers)
    yield from _read(_overdue(span), _reviewers)
    yield from _read(_overdue_approvals(span), _approvers)
    yield from _ending_tokens(span)
    yield from _services_without_owner(span)


def _ending_tokens(span: Span) -> Iterator[DigestItem]:
    """Yield the tokens that end within 14 days and did not at the last digest. New ones that end so soon are known."""
    statement = (
        select(Token.key_id, Account.id, Account.kind, Account.owner_account_id)
        .join(Account, Account.id == Token.account_id)
        .where(
            *is_working(), Token.expires_at > span.since + ENDING_WITHIN, Token.expires_at <= span.until + ENDING_WITHIN
        )
        .order_by(Token.id)
    )
    for row in db.session.execute(statement):
        is_own = row.kind == AccountKind.PERSON
        recipients, account_id = (_person, row.id) if is_own else (_owner, row.owner_account_id)
        yield DigestItem("token-ending", row.key_id, recipients, None, is_restricted=False, account_id=account_id)


def _services_without_owner(span: Span) -> Iterator[DigestItem]:
    """Yield the service accounts in use whose owner was disabled since the last digest, for the administrators."""
    owner = aliased(Account)
    statement = (
        select(Account.name)
        .join(owner, owner.id == Account.owner_account_id)
        .where(Account.disabled_at.is_(None), span.holds(owner.disabled_at.expression))
        .order_by(Account.id)
    )
    for name in db.session.scalars(statement):
        yield DigestItem("service-without-owner", name, _owner, None, is_restricted=False, account_id=None)


def _read(statement: Select[Any], recipients: RecipientsOf) -> Iterator[DigestItem]:
    for row in db.session.execute(statement.execution_options(yield_per=ROWS_AT_ONCE)):
        more = MoreOf(row._mapping.get("letter"), row.due_on)
        yield DigestItem(row.kind, row.reference, recipients, row.agency_id, row.is_restricted, row.account_id, more)


def _rows(kind: Any, reference: Any, account_id: Any = None, due_on: Any = None) -> list[ColumnElement[Any]]:
    return [
        (literal(kind) if isinstance(kind, str) else kind).label("kind"),
        reference.label("reference"),
        Project.agency_id.expression,
        Project.is_restricted.expression,
        (null() if account_id is None else account_id).label("account_id"),
        (null() if due_on is None else due_on).label("due_on"),
    ]


def _flags(span: Span) -> Select[Any]:
    """Projects with flag changes in the span, one row per project and kind whatever the number of flags."""
    kind = case(
        (AuditChange.change == FlagChange.CLEARED.value, "flags-cleared"),
        (AuditChange.change == FlagChange.RAISED.value, "severity-raised"),
        (AuditChange.change == FlagChange.LOWERED.value, "severity-lowered"),
        else_="flags-opened",
    )
    return (
        select(*_rows(kind, Project.number))
        .join(AuditChange, AuditChange.project_id == Project.id)
        .join(AuditRun, AuditRun.id == AuditChange.audit_id)
        .where(AuditRun.status == "succeeded", AuditRun.dry_run.is_(False), span.holds(AuditRun.finished_at.expression))
        .where(AuditChange.change.in_(CHANGES))
        .distinct()
        .order_by(Project.number)
    )


def _timeline(span: Span, kind: str, *conditions: ColumnElement[bool], account_id: Any = None) -> Select[Any]:
    return (
        select(*_rows(kind, CaseEvent.case_id, account_id))
        .join(Case, Case.project_id == Project.id)
        .join(CaseEvent, CaseEvent.case_id == Case.id)
        .where(span.holds(CaseEvent.at.expression), *conditions)
        .order_by(CaseEvent.id)
    )


def _closed() -> ColumnElement[bool]:
    """Condition: closed, except by a decision on an appeal, about which the agency is notified immediately."""
    earlier, between = aliased(CaseEvent), aliased(CaseEvent)
    decided_between = exists(
        select(between.id).where(
            between.case_id == earlier.case_id,
            between.action == "approve",
            between.id > earlier.id,
            between.id < CaseEvent.id,
        )
    )
    appealed = exists(
        select(earlier.id).where(
            earlier.case_id == CaseEvent.case_id,
            earlier.id < CaseEvent.id,
            earlier.action == "appeal",
            ~decided_between,
        )
    )
    return and_(
        CaseEvent.to_status == "closed",
        CaseEvent.from_status != "closed",
        Case.status == "closed",
        or_(CaseEvent.action != "approve", ~appealed),
    )


def _orders(span: Span) -> Select[Any]:
    """Orders that are overdue or due within five working days, and were not so at the last digest."""
    calendar, order = national_calendar(), newest_in_force()
    soon, soon_before = (calendar.after(day, SOON_WORKING_DAYS) for day in (span.last, span.first))
    is_overdue = Case.due_on < span.last
    was_not_overdue = Case.due_on >= span.first
    was_not_soon = or_(Case.due_on > soon_before, span.holds(Order.approved_at.expression))
    kind = case((is_overdue, "order-overdue"), else_="order-due-soon")
    return (
        select(*_rows(kind, Case.id, due_on=Case.due_on))
        .join(Case, Case.project_id == Project.id)
        .join(order, order.c.project_id == Project.id)
        .join(Order, Order.id == order.c.order_id)
        .where(
            Case.status == "remediation",
            or_(and_(is_overdue, was_not_overdue), and_(~is_overdue, Case.due_on <= soon, was_not_soon)),
        )
        .order_by(Case.due_on, Case.id)
    )


def _exemptions(span: Span) -> Select[Any]:
    """Exemptions that end within 30 days, did not at the last digest, and have no successor."""
    later = aliased(Exemption)
    goes_on = exists(
        select(later.id).where(
            later.project_id == Exemption.project_id, later.revoked_at.is_(None), later.valid_to > Exemption.valid_to
        )
    )
    was_far = or_(Exemption.valid_to > span.first + ENDING_DAYS, span.holds(Exemption.recorded_at.expression))
    return (
        select(*_rows("exemption-ending", Project.number))
        .join(Exemption, Exemption.project_id == Project.id)
        .where(
            Exemption.revoked_at.is_(None),
            NOT_WITHDRAWN,
            Exemption.valid_to.between(span.last, span.last + ENDING_DAYS),
            was_far,
            ~goes_on,
        )
        .order_by(Exemption.valid_to, Project.number)
    )


def _attestations(span: Span) -> Select[Any]:
    """Records whose attestation is due in 30 days, in 7 days or today, counted from each day since the last digest."""
    a_day = timedelta(days=1)
    reminders = [
        and_(due_before(span.last + left + a_day), ~due_before(span.first + left + a_day)) for left in REMINDERS
    ]
    return (
        select(*_rows("attestation-due", Project.number))
        .where(or_(*reminders), attestation_condition(*DUE_STATES))
        .order_by(Project.number)
    )


def _coming_flags(span: Span) -> Select[Any]:
    """Projects that are flagged in 30 days or in 7 days if nothing changes, counted from each day since the last
    digest. Of the end of an exemption another item tells.
    """
    reached = [and_(COMING.c.on > span.first + left, COMING.c.on <= span.last + left) for left in REMINDERS[:-1]]
    return (
        select(*_rows("flag-coming", Project.number))
        .join(COMING, COMING.c.project_id == Project.id)
        .join(STATUS, STATUS.c.project_id == Project.id)
        .where(or_(*reached), COMING.c.flagged_for.is_not(None))
        .where(STATUS.c.freeze_status.not_in((FreezeStatus.EXEMPT.value, FreezeStatus.WITHDRAWN.value)))
        .distinct()
        .order_by(Project.number)
    )


def _overdue(span: Span) -> Select[Any]:
    """Assigned cases that became overdue since the last digest; those of supervisors are ``_overdue_approvals``."""
    return (
        select(*_rows("case-overdue", Case.id, Case.assignee_account_id, Case.due_on))
        .join(Case, Case.project_id == Project.id)
        .where(
            Case.assignee_account_id.is_not(None),
            Case.status.not_in((Status.CLOSED, Status.AWAITING_APPROVAL)),
            *_became_overdue(span),
        )
        .order_by(Case.due_on, Case.id)
    )


def _overdue_approvals(span: Span) -> Select[Any]:
    """Cases whose proposal waits for approval and that became overdue since the last digest."""
    return (
        select(*_rows("approval-overdue", Case.id, CaseDecision.proposed_account_id, Case.due_on))
        .join(Case, Case.project_id == Project.id)
        .join(CaseDecision, and_(CaseDecision.case_id == Case.id, CaseDecision.outcome.is_(None)))
        .where(Case.status == Status.AWAITING_APPROVAL, *_became_overdue(span))
        .order_by(Case.due_on, Case.id)
    )


def _became_overdue(span: Span) -> tuple[ColumnElement[bool], ...]:
    return Case.due_on >= span.first, Case.due_on < span.last


# Period of the first digest, which has no predecessor.
FIRST_LOOKS_BACK: Final = timedelta(days=1)

# Of each kind, the references with what else is said of them.
DigestEntry = dict[str, dict[int | str, MoreOf]]


def write_due_digest(digest_at: time | None, channels: frozenset[Channel] = EMAIL_ONLY) -> int | None:
    """Queue today's digest if it is a working day past ``digest_at`` and not done yet. Return the number of readers.

    Returns None when no digest is due, or without a channel. ``digest_at`` is a local time, None when digests are off.
    The next digest covers a missed one.
    """
    day = due_on(now(), digest_at) if channels and digest_at is not None else None
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
            queue_notice(to, entry, until, channels=channels, is_digest=True)
    return len(emails)


def due_on(timestamp: datetime, digest_at: time) -> date | None:
    """Return the local date if it is a working day past the digest's time, else None."""
    local = timestamp.astimezone(ALMATY)
    return local.date() if local.time() >= digest_at and national_calendar().is_working(local.date()) else None


def _by_recipient(item: Iterable[DigestItem], directory: Directory) -> dict[Recipient, DigestEntry]:
    emails: dict[Recipient, DigestEntry] = defaultdict(lambda: defaultdict(dict))
    for each in item:
        for to in each.recipients(each, directory):
            may_see = not each.is_restricted or to.actor.may(Permission.RESTRICTED_READ)
            if may_see and each.kind not in to.switched_off:
                emails[to][each.kind][each.reference] = each.more
    return emails


def _agency(item: DigestItem, directory: Directory) -> list[Recipient]:
    """Return the agency of the project."""
    return directory.of_agency(item.agency_id) if item.agency_id else []


def _reviewers(item: DigestItem, directory: Directory) -> list[Recipient]:
    """Return the assigned reviewer, or everybody who can claim the case."""
    if item.account_id is None:
        return directory.who_may(Permission.CASES_REVIEW)
    return directory.reviewer(item.account_id)


def _approvers(item: DigestItem, directory: Directory) -> list[Recipient]:
    approvers = directory.who_may(Permission.CASES_APPROVE)
    return [to for to in approvers if item.account_id not in people_of(to.actor)]


def _person(item: DigestItem, directory: Directory) -> list[Recipient]:
    return directory.of_account(item.account_id)


def _owner(item: DigestItem, directory: Directory) -> list[Recipient]:
    """Return the owner of a service account, or the administrators without one."""
    return directory.of_account(item.account_id) or directory.of_role(Role.ADMINISTRATOR)
