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
from registry.accounts.roles import Actor, Permission, Role
from registry.accounts.same_person import account_ever_named, is_another_person
from registry.approvals.queries import visible_approvals
from registry.approvals.service import DECIDED_TOPIC as APPROVAL_DECIDED_TOPIC
from registry.approvals.service import PROPOSED_TOPIC, may_decide
from registry.approvals.tables import Approval, ApprovalState
from registry.audits.policy_activation import ACTIVATED, WITHDRAWN
from registry.cases.models import PRESENT_PROPOSER, Case, CaseDecision, CaseEvent
from registry.cases.service import HANDED_OVER
from registry.cases.workflow import ORDERING
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.outbox import enqueue, has_waiting, lock_waiting, mark_delivered
from registry.letters.models import Letter
from registry.notifications.models import ACCOUNT_TOPICS, Channel
from registry.notifications.recipients import Directory, Recipient, load_directory, recipient_now
from registry.notifications.service import queue_notice
from registry.notifications.transport import Notice
from registry.projects.models import Project
from registry.requests.decisions import DECIDED_TOPIC, FAILED_TOPIC
from registry.requests.decisions import is_another_person as is_another_requester
from registry.requests.handlers import HANDLERS as REQUEST_HANDLERS
from registry.requests.models import Request, RequestKind, RequestState
from registry.requests.service import ASKED_TOPIC, CARRIED_OUT_TOPIC, RESTORED_TOPIC
from registry.webhooks.events import people_of
from registry.webhooks.queue import DISABLED_TOPIC
from registry.webhooks.service import ADDED_TOPIC

NoticesOf = Callable[[Mapping[str, Any], Directory], list[Notice]]

# Notices about approvals: to those who can decide, and to who proposed.


def _approval_waiting(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    """To everybody who may decide it, but for who proposed it."""
    approval = db.session.get(Approval, payload["approval"], populate_existing=True)
    if approval is None or approval.current_state != ApprovalState.WAITING:
        return []
    deciders = [to for to in directory.people() if may_decide(to.actor, approval)]
    others = [to for to in deciders if is_another_person(to.actor, [approval.proposer], approval.proposed_at)]
    return _approval_notices(approval, others, "approval-waiting")


def _approval_decided(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    """To who proposed it, unless that person cancelled it."""
    approval = db.session.get(Approval, payload["approval"], populate_existing=True)
    if approval is None or approval.decided_by == approval.proposed_by:
        return []
    account = account_ever_named(approval.proposed_by)
    proposers = [] if account is None else directory.of_account(account.id)
    return _approval_notices(approval, proposers, "approval-decided")


def _approval_notices(approval: Approval, recipients: Iterable[Recipient], kind: str) -> list[Notice]:
    return [Notice(to, kind, approval.id) for to in recipients if _sees_approval(to, approval)]


def _sees_approval(to: Recipient, approval: Approval) -> bool:
    seen = db.session.query(Approval.id).where(Approval.id == approval.id, *visible_approvals(to.actor))
    return seen.first() is not None


# Notices about requests: to those who can decide, to who asked, and to the agencies that a decision concerns.


def _request_waiting(request: Request, directory: Directory) -> list[Notice]:
    """To everybody who may confirm it, but for who asked or confirmed first."""
    if request.state != RequestState.WAITING:
        return []
    deciders = directory.who_may(REQUEST_HANDLERS[RequestKind(request.kind)].decides)
    others = [to for to in deciders if is_another_requester(to.actor, request)]
    return _request_notices(request, others, "request-waiting")


def _request_decided(request: Request, directory: Directory) -> list[Notice]:
    """To who asked, unless that person cancelled it."""
    if request.decided_by == request.asked_by:
        return []
    return _request_notices(request, _request_askers(request, directory), "request-decided")


def _request_carried_out(request: Request, directory: Directory) -> list[Notice]:
    """To the agency that has something now; people of a former agency are its people by then."""
    if request.to_agency_id is None:
        return []
    return _request_notices(request, directory.of_agency(request.to_agency_id), "request-carried-out")


def _request_failed(request: Request, directory: Directory) -> list[Notice]:
    """To operators, who find the reason in the log, to those who confirm such requests, and to who asked."""
    deciders = directory.who_may(REQUEST_HANDLERS[RequestKind(request.kind)].decides)
    recipients = dict.fromkeys([*directory.of_role(Role.OPERATOR), *deciders, *_request_askers(request, directory)])
    return _request_notices(request, recipients, "request-failed") if request.is_due else []


def _request_restored(request: Request, directory: Directory) -> list[Notice]:
    """To the agency that has the project."""
    agency_id = request.agency_id if request.project_record is None else request.project_record.agency_id
    return _request_notices(request, directory.of_agency(agency_id), "request-restored")


def _request_askers(request: Request, directory: Directory) -> list[Recipient]:
    account = account_ever_named(request.asked_by)
    return [] if account is None else directory.of_account(account.id)


def _request_notices(request: Request, recipients: Iterable[Recipient], kind: str) -> list[Notice]:
    restricted = request.project_record is not None and request.project_record.is_restricted
    return [
        Notice(to, kind, request.id) for to in recipients if not restricted or to.actor.may(Permission.RESTRICTED_READ)
    ]


def _on_a_request(
    notices_of: Callable[[Request, Directory], list[Notice]],
) -> NoticesOf:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        request = db.session.get(Request, payload["request"], populate_existing=True)
        return [] if request is None else notices_of(request, directory)

    return of


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
) -> NoticesOf:
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
        select(PRESENT_PROPOSER)
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


def _held_decided(kind: str) -> NoticesOf:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        recipients = directory.of_role(Role.OPERATOR, Role.SUPERVISOR)
        return [Notice(to, kind, payload["audit"]) for to in recipients if to.actor.principal != payload["by"]]

    return of


def _policy(kind: str) -> NoticesOf:
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


def _on_own_account(kind: str) -> NoticesOf:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        return [Notice(to, kind, payload["at"]) for to in directory.of_account(payload["account"])]

    return of


def _invited(payload: Mapping[str, Any], _directory: Directory) -> list[Notice]:
    people = open_invitations([payload["invitation"]]).values()
    recipients = [recipient_now(person_id, None) for person_id in people]
    return [Notice(to, "invitation", payload["invitation"]) for to in recipients if to is not None]


def _of_webhook(kind: str) -> NoticesOf:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        webhook = payload["webhook"]
        return [Notice(to, kind, webhook) for account in people_of(webhook) for to in directory.of_account(account)]

    return of


HANDLERS: Final[Mapping[str, NoticesOf]] = {
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
    ASKED_TOPIC: _on_a_request(_request_waiting),
    DECIDED_TOPIC: _on_a_request(_request_decided),
    CARRIED_OUT_TOPIC: _on_a_request(_request_carried_out),
    FAILED_TOPIC: _on_a_request(_request_failed),
    RESTORED_TOPIC: _on_a_request(_request_restored),
    PROPOSED_TOPIC: _approval_waiting,
    APPROVAL_DECIDED_TOPIC: _approval_decided,
    **{topic: _on_own_account(kind) for topic, kind in ACCOUNT_TOPICS.items()},
}


def enqueue_action(_actor: Actor, case: Case, event: CaseEvent, _proposal: CaseDecision | None) -> None:
    """Enqueue an action on a case when somebody is notified of it, in the open transaction."""
    topic = f"case.{event.action}"
    if topic in HANDLERS:
        enqueue(topic, {"case": case.id, "event": event.id})
