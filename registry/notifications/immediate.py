"""Immediate notifications: turns outbox messages into e-mails and Aitu messages in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.attempts import SURGE_TOPIC
from registry.accounts.invitations import TOPIC as INVITATION_TOPIC
from registry.accounts.invitations import open_invitations
from registry.accounts.roles import Permission, Role
from registry.audits.policy_activation import ACTIVATED, WITHDRAWN
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.service import HANDED_OVER
from registry.cases.workflow import ORDERING
from registry.core.clock import now
from registry.core.database import db
from registry.core.outbox import has_waiting, lock_waiting, mark_delivered
from registry.core.transactions import transaction
from registry.letters.models import Letter
from registry.notifications.account_notices import ACCOUNT_TOPICS
from registry.notifications.approval_notices import APPROVAL_NOTICES
from registry.notifications.recipients import Directory, Recipient, load_directory, recipient_now
from registry.notifications.request_notices import REQUEST_NOTICES
from registry.notifications.service import queue_notice
from registry.notifications.transport import Notice
from registry.notifications.vocabulary import Channel
from registry.projects.models import Project
from registry.webhooks.events import people_of
from registry.webhooks.queue import DISABLED_TOPIC
from registry.webhooks.service import ADDED_TOPIC

AT_A_TIME: Final = 100
# Below SQLite's limit of 32,766 parameters per statement.
CASES_AT_A_TIME: Final = 5000


@dataclass(frozen=True, slots=True)
class Context:
    """A case event with the attributes that determine its recipients, and the number of its letter."""

    event: CaseEvent
    assignee: str | None
    agency_id: int
    is_restricted: bool
    letter: str | None

    def agency(self, directory: Directory, kind: str) -> list[Notice]:
        """Notify the agency; of a restricted project those whom it admitted to them."""
        return [
            Notice(to, kind, self.event.case_id, self.letter)
            for to in directory.of_agency(self.agency_id)
            if not self.is_restricted or to.actor.may(Permission.RESTRICTED_READ)
        ]

    def reviewer(
        self, directory: Directory, kind: str, principal: str | None, letter: str | None = None
    ) -> list[Notice]:
        """Notify one reviewer who may see the project, except about the reviewer's own action."""
        return [
            Notice(to, kind, self.event.case_id, letter)
            for to in directory.reviewer(principal)
            if to.actor.principal != self.event.by
            and (not self.is_restricted or to.actor.may(Permission.RESTRICTED_READ))
        ]


def process_outbox(*, with_mail: bool, with_aitu: bool = False) -> int:
    """Queue notices for all waiting outbox messages. Return the number of messages. Without a channel, discard them.

    Each message is processed once, by one process.
    """
    channels = frozenset(
        channel for channel, is_usable in ((Channel.EMAIL, with_mail), (Channel.AITU, with_aitu)) if is_usable
    )
    handed_on = 0
    # Checked outside a transaction: there is usually nothing to do, and SQLite allows only one writer.
    while has_waiting():
        with transaction():
            mark_delivered(HANDLERS if channels else ())
            messages = lock_waiting(HANDLERS, AT_A_TIME) if channels else []
            if messages:
                directory = load_directory(channels)
                for message in messages:
                    _write(HANDLERS[message.topic](message.payload, directory), channels)
        handed_on += len(messages)
        if not messages:
            break
    return handed_on


def _write(notices: Iterable[Notice], channels: frozenset[Channel]) -> None:
    """Queue one notice per recipient, whatever the number of cases in a message."""
    by_recipient: dict[Recipient, dict[str, list[int | str]]] = defaultdict(lambda: defaultdict(list))
    letters: dict[Recipient, dict[tuple[str, int | str], str]] = defaultdict(dict)
    for notice in notices:
        if notice.kind not in notice.to.switched_off:
            by_recipient[notice.to][notice.kind].append(notice.reference)
            if notice.letter is not None:
                letters[notice.to][notice.kind, notice.reference] = notice.letter
    timestamp = now()
    for to, entries in by_recipient.items():
        queue_notice(to, entries, timestamp, channels=channels, letters=letters[to])


def _events(*conditions: Any) -> list[Context]:
    rows = db.session.execute(
        select(CaseEvent, Case.assignee, Project.agency_id, Project.is_restricted, Letter.number)
        .join(Case, Case.id == CaseEvent.case_id)
        .join(Project, Project.id == Case.project_id)
        .outerjoin(Letter, Letter.event_id == CaseEvent.id)
        .where(*conditions)
        .order_by(CaseEvent.id)
    )
    return [Context(*row) for row in rows]


def _on_a_case(
    notices_of: Callable[[Context, Directory], list[Notice]],
) -> Callable[[Mapping[str, Any], Directory], list[Notice]]:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        return [
            notice
            for context in _events(CaseEvent.id == payload.get("event"))
            for notice in notices_of(context, directory)
        ]

    return of


def _question(context: Context, directory: Directory) -> list[Notice]:
    return context.agency(directory, "question")


def _approved(context: Context, directory: Directory) -> list[Notice]:
    if context.event.details["decision"] in ORDERING:
        return context.agency(directory, "order")
    # A decision in the agency's favour waits for the digest, unless it answers an appeal.
    return context.agency(directory, "appeal-answered") if answers_an_appeal(context.event) else []


def _assigned(context: Context, directory: Directory) -> list[Notice]:
    return context.reviewer(directory, "case-assigned", context.event.details["assignee"])


def _handed_over(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    """One e-mail to the receiver, whatever the number of cases."""
    entries: list[Notice] = []
    for start in range(0, len(payload["events"]), CASES_AT_A_TIME):
        chunk = payload["events"][start : start + CASES_AT_A_TIME]
        for context in _events(CaseEvent.id.in_(chunk)):
            entries += _assigned(context, directory)
    return entries


def _answered(context: Context, directory: Directory) -> list[Notice]:
    asked_by = db.session.scalar(_earlier(context.event, "ask").with_only_columns(CaseEvent.by))
    return context.reviewer(directory, "question-answered", context.assignee or asked_by)


def _returned(context: Context, directory: Directory) -> list[Notice]:
    if context.event.from_status != "awaiting_approval":
        return []
    proposed_by = db.session.scalar(
        select(CaseDecision.proposed_by)
        .where(CaseDecision.case_id == context.event.case_id, CaseDecision.proposed_at <= context.event.at)
        .order_by(CaseDecision.id.desc())
        .limit(1)
    )
    return context.reviewer(directory, "proposal-returned", proposed_by)


def _appealed(context: Context, directory: Directory) -> list[Notice]:
    appealed = _earlier(context.event, "approve").with_only_columns(CaseEvent.id).scalar_subquery()
    order = db.session.scalar(select(Letter.number).where(Letter.event_id == appealed))
    return context.reviewer(directory, "decision-appealed", context.assignee, order)


def answers_an_appeal(event: CaseEvent) -> bool:
    """True when the last appeal or decision before this decision is an appeal."""
    before: str | None = db.session.scalar(_earlier(event, "approve", "appeal").with_only_columns(CaseEvent.action))
    return before == "appeal"


def _earlier(event: CaseEvent, *actions: str) -> Any:
    return (
        select(CaseEvent)
        .where(CaseEvent.case_id == event.case_id, CaseEvent.id < event.id, CaseEvent.action.in_(actions))
        .order_by(CaseEvent.id.desc())
        .limit(1)
    )


def _audited(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    """Of an audit's case changes, only reopened cases are notified immediately."""
    entries: list[Notice] = []
    cases, by_audit = payload.get("reopened", []), CaseEvent.by == f"audit:{payload['audit']}"
    for start in range(0, len(cases), CASES_AT_A_TIME):
        chunk = cases[start : start + CASES_AT_A_TIME]
        for each in _events(CaseEvent.case_id.in_(chunk), by_audit, CaseEvent.action == "reopened"):
            entries += each.agency(directory, "case-reopened")
            entries += each.reviewer(directory, "case-reopened", each.assignee)
    return entries


def _held(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    recipients = directory.of_role(Role.OPERATOR, Role.SUPERVISOR)
    return [Notice(to, "audit-held", payload["audit"]) for to in recipients]


def _held_decided(kind: str) -> Callable[[Mapping[str, Any], Directory], list[Notice]]:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        recipients = directory.of_role(Role.OPERATOR, Role.SUPERVISOR)
        return [Notice(to, kind, payload["audit"]) for to in recipients if to.actor.principal != payload["by"]]

    return of


def _policy(kind: str) -> Callable[[Mapping[str, Any], Directory], list[Notice]]:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        recipients = directory.of_role(Role.SUPERVISOR, Role.REVIEWER)
        return [Notice(to, kind, payload["version"]) for to in recipients if to.actor.principal != payload["by"]]

    return of


def _failed(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    return [Notice(to, "audit-failed", payload["audit"]) for to in directory.of_role(Role.OPERATOR)]


def _missed(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    operators = directory.of_role(Role.OPERATOR)
    return [Notice(to, "nights-missed", audit) for to in operators for audit in payload["audits"]]


def _surged(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    recipients = directory.of_role(Role.ADMINISTRATOR, Role.OPERATOR)
    return [Notice(to, "sign-in-surge", payload["failures"]) for to in recipients]


def _on_own_account(kind: str) -> Callable[[Mapping[str, Any], Directory], list[Notice]]:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        return [Notice(to, kind, payload["at"]) for to in directory.of_account(payload["account"])]

    return of


def _invited(payload: Mapping[str, Any], _directory: Directory) -> list[Notice]:
    people = open_invitations([payload["invitation"]]).values()
    recipients = [recipient_now(person_id, None) for person_id in people]
    return [Notice(to, "invitation", payload["invitation"]) for to in recipients if to is not None]


def _of_webhook(kind: str) -> Callable[[Mapping[str, Any], Directory], list[Notice]]:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        webhook = payload["webhook"]
        return [Notice(to, kind, webhook) for account in people_of(webhook) for to in directory.of_account(account)]

    return of


HANDLERS: Final[Mapping[str, Callable[[Mapping[str, Any], Directory], list[Notice]]]] = {
    "case.ask": _on_a_case(_question),
    "case.approve": _on_a_case(_approved),
    "case.assign": _on_a_case(_assigned),
    "case.answer": _on_a_case(_answered),
    "case.return": _on_a_case(_returned),
    "case.appeal": _on_a_case(_appealed),
    "audit.succeeded": _audited,
    "audit.held": _held,
    "audit.confirmed": _held_decided("audit-confirmed"),
    "audit.rejected": _held_decided("audit-rejected"),
    "audit.failed": _failed,
    "audit.missed": _missed,
    ACTIVATED: _policy("policy-activated"),
    WITHDRAWN: _policy("policy-activation-withdrawn"),
    HANDED_OVER: _handed_over,
    SURGE_TOPIC: _surged,
    INVITATION_TOPIC: _invited,
    ADDED_TOPIC: _of_webhook("webhook-added"),
    DISABLED_TOPIC: _of_webhook("webhook-disabled"),
    **REQUEST_NOTICES,
    **APPROVAL_NOTICES,
    **{topic: _on_own_account(kind) for topic, kind in ACCOUNT_TOPICS.items()},
}
