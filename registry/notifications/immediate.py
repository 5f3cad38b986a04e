"""Immediate notifications: of entries of the journal some people get entries of their inbox, an e-mail or a message
through Aitu.

A transaction that appends such entries writes a message with their numbers for each action. After the commit, messages
become entries of inboxes, e-mails and Aitu messages, in one transaction.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import case, select

from registry.accounts.models import Person
from registry.accounts.passwords import Invitation, open_invitations
from registry.accounts.roles import Permission, Role
from registry.accounts.same_person import ACCOUNT_CHANGED, account_ever_named, is_another_person
from registry.accounts.service import PASSWORD_FORGOTTEN, make_password_link
from registry.approvals.models import Approval, ApprovalKindCode, ApprovalState
from registry.approvals.queries import visible_approvals
from registry.approvals.service import may_decide
from registry.cases.models import Case, CaseDecision, CaseEvent, proposer_before
from registry.cases.workflow import ORDERING
from registry.core.clock import ALMATY, now
from registry.core.database import db, transaction
from registry.core.outbox import OutboxMessage, enqueue, has_waiting, lock_waiting, mark_delivered
from registry.inbox.events import ACTIONS as INBOX_ACTIONS, write_entries
from registry.journal.service import Act, read_acts
from registry.letters.models import Letter
from registry.notifications.models import KINDS, Channel
from registry.notifications.recipients import (
    FORMER_ADDRESS,
    Directory,
    Recipient,
    former_recipient,
    load_directory,
    recipient_now,
)
from registry.notifications.service import MoreOf, queue_notice
from registry.projects.models import Project
from registry.requests.kinds import is_another_person as is_another_requester
from registry.requests.models import Request, RequestKind, RequestState
from registry.requests.queries import HANDLERS as REQUEST_HANDLERS
from registry.webhooks.queue import people_of


class Notice(NamedTuple):
    """One notification for one recipient."""

    to: Recipient
    kind: str
    reference: int | str
    more: MoreOf = MoreOf()


NoticesOf = Callable[[Act, Directory], list[Notice]]

# Notices about approvals: to those who can decide, and to who proposed.


def _approval_waiting(act: Act, directory: Directory) -> list[Notice]:
    """To everybody who may decide it, but for who proposed it."""
    approval = db.session.get(Approval, int(act.key), populate_existing=True)
    if approval is None or approval.current_state != ApprovalState.WAITING:
        return []
    deciders = [to for to in directory.people() if may_decide(to.actor, approval)]
    others = [to for to in deciders if is_another_person(to.actor, [approval.proposer], approval.proposed_at)]
    return _approval_notices(approval, others, "approval-waiting")


def _approval_decided(act: Act, directory: Directory) -> list[Notice]:
    """To who proposed it, unless that person cancelled it."""
    approval = db.session.get(Approval, int(act.key), populate_existing=True)
    if approval is None or approval.decided_account_id == approval.proposed_account_id:
        return []
    proposer = directory.of_account(approval.proposed_account_id)
    if approval.kind == ApprovalKindCode.CONTRACT_NO_PROJECT:
        # Agencies have no page of approvals: that of the contract has the decision.
        return [Notice(to, "contract-decided", approval.payload["contract"]) for to in proposer]
    return _approval_notices(approval, proposer, "approval-decided")


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
    if request.decided_account_id == request.asked_account_id:
        return []
    return _request_notices(request, directory.of_account(request.asked_account_id), "request-decided")


def _request_carried_out(request: Request, directory: Directory) -> list[Notice]:
    """To the agency that has something now; people of a former agency are its people by then."""
    if request.to_agency_id is None:
        return []
    return _request_notices(request, directory.of_agency(request.to_agency_id), "request-carried-out")


def _request_failed(request: Request, directory: Directory) -> list[Notice]:
    """To operators, who find the reason in the log, to those who confirm such requests, and to who asked."""
    deciders = directory.who_may(REQUEST_HANDLERS[RequestKind(request.kind)].decides)
    askers = directory.of_account(request.asked_account_id)
    recipients = dict.fromkeys([*directory.of_role(Role.OPERATOR), *deciders, *askers])
    return _request_notices(request, recipients, "request-failed") if request.is_due else []


def _request_restored(request: Request, directory: Directory) -> list[Notice]:
    """To the agency that has the project."""
    agency_id = request.agency_id if request.project_record is None else request.project_record.agency_id
    return _request_notices(request, directory.of_agency(agency_id), "request-restored")


def _request_notices(request: Request, recipients: Iterable[Recipient], kind: str) -> list[Notice]:
    restricted = request.project_record is not None and request.project_record.is_restricted
    return [
        Notice(to, kind, request.id) for to in recipients if not restricted or to.actor.may(Permission.RESTRICTED_READ)
    ]


def _on_a_request(notices_of: Callable[[Request, Directory], list[Notice]]) -> NoticesOf:
    def of(act: Act, directory: Directory) -> list[Notice]:
        request = db.session.get(Request, int(act.key), populate_existing=True)
        return [] if request is None else notices_of(request, directory)

    return of


AT_A_TIME: Final = 100
# Of one transaction, such as the withdrawal of all that an import registered: an e-mail names twenty.
MAX_ENTRIES: Final = 1000
# Below SQLite's limit of 32,766 parameters per statement.
AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True)
class Context:
    """A case event with the attributes that determine its recipients, the number of its letter, and until when the case
    waits for what it asks.
    """

    event: CaseEvent
    assignee: int | None
    agency_id: int
    is_restricted: bool
    letter: str | None
    due_on: date | None

    def agency(self, directory: Directory, kind: str) -> list[Notice]:
        """Notify the agency; of a restricted project those whom it admitted to them."""
        return [
            Notice(to, kind, self.event.case_id, MoreOf(self.letter, self.due_on))
            for to in directory.of_agency(self.agency_id)
            if not self.is_restricted or to.actor.may(Permission.RESTRICTED_READ)
        ]

    def reviewer(
        self, directory: Directory, kind: str, account_id: int | None, letter: str | None = None
    ) -> list[Notice]:
        """Notify one reviewer who may see the project, except about the reviewer's own action."""
        return [
            Notice(to, kind, self.event.case_id, MoreOf(letter))
            for to in directory.reviewer(account_id)
            if to.actor.account_id != self.event.account_id
            and (not self.is_restricted or to.actor.may(Permission.RESTRICTED_READ))
        ]


def process_outbox(*, with_mail: bool, with_aitu: bool = False) -> int:
    """Write the entries of inboxes and queue the notices of all waiting outbox messages. Return the number of messages.
    Without a channel, notices are discarded.

    Each message is processed once, by one process. One that raises stays for the next run and holds up no other: its
    error is raised in an ExceptionGroup when the others are processed.
    """
    channels = frozenset(
        channel for channel, is_usable in ((Channel.EMAIL, with_mail), (Channel.AITU, with_aitu)) if is_usable
    )
    handed_on, most, passed_over = 0, AT_A_TIME, 0
    errors: list[Exception] = []
    # Checked outside a transaction: there is usually nothing to do, and SQLite allows only one writer.
    while has_waiting(passed_over):
        ids: list[int] = []
        try:
            with transaction():
                mark_delivered(FOLLOWED)
                messages = lock_waiting(FOLLOWED, most, passed_over)
                ids = [message.id for message in messages]
                _process(messages, channels)
        # Whatever one message raises must not stop those behind it; nothing is swallowed: see the end.
        except Exception as error:
            if not ids:
                raise
            # One of them: from here on each has a transaction of its own.
            most = 1
            if len(ids) == 1:
                passed_over = ids[0]
                error.add_note(f"The message {passed_over} of the outbox waits for the next run.")
                errors.append(error)
            continue
        handed_on += len(ids)
        if not ids:
            break
    if errors:
        raise ExceptionGroup("messages of the outbox wait", errors)
    return handed_on


def _process(messages: Sequence[OutboxMessage], channels: frozenset[Channel]) -> None:
    acts = [_acts(message) for message in messages]
    write_entries(act for of_message in acts for act in of_message)
    directory = load_directory(channels) if messages and channels else None
    for message, of_message in zip(messages, acts, strict=True):
        notices_of = HANDLED.get(message.topic)
        if notices_of is not None and directory is not None:
            _write([notice for act in of_message for notice in notices_of(act, directory)], channels)


def enqueue_entries(first_seq: int, actions: Sequence[str]) -> None:
    """Enqueue the entries of which people are notified, those of one action together, in the open transaction."""
    seqs = defaultdict(list)
    for seq, action in enumerate(actions, first_seq):
        if action in FOLLOWED:
            seqs[action].append(seq)
    for action, of_action in seqs.items():
        # No entry of an inbox may be missing.
        most = len(of_action) if action in INBOX_ACTIONS else MAX_ENTRIES
        for start in range(0, most, MAX_ENTRIES):
            enqueue(action, {"entries": of_action[start : start + MAX_ENTRIES]})


def _acts(message: OutboxMessage) -> list[Act]:
    """The acts of a message, or what a message of an earlier version says: its first value names the subject."""
    payload = message.payload
    if "entries" in payload:
        return read_acts(payload["entries"])
    return [Act(message.topic, str(next(iter(payload.values()))), payload.get("by", ""), message.created_at, payload)]


def _write(notices: Iterable[Notice], channels: frozenset[Channel]) -> None:
    """Queue one notice per recipient, whatever the number of cases in a message."""
    by_recipient: dict[Recipient, dict[str, dict[int | str, MoreOf]]] = defaultdict(lambda: defaultdict(dict))
    for to, kind, reference, more in notices:
        if kind not in to.switched_off:
            by_recipient[to][kind][reference] = more
    timestamp = now()
    for to, entries in by_recipient.items():
        queue_notice(to, entries, timestamp, channels=channels)


def _events(*conditions: Any) -> list[Context]:
    is_due = case((Case.status == CaseEvent.to_status, Case.due_on))
    rows = db.session.execute(
        select(CaseEvent, Case.assignee_account_id, Project.agency_id, Project.is_restricted, Letter.number, is_due)
        .join(Case, Case.id == CaseEvent.case_id)
        .join(Project, Project.id == Case.project_id)
        .outerjoin(Letter, Letter.event_id == CaseEvent.id)
        .where(*conditions)
        .order_by(CaseEvent.id)
    )
    return [Context(*row) for row in rows]


def _on_a_case(notices_of: Callable[[Context, Directory], list[Notice]]) -> NoticesOf:
    def of(act: Act, directory: Directory) -> list[Notice]:
        events = act.details.get("events", [act.details.get("event")])
        return [notice for context in _events(CaseEvent.id.in_(events)) for notice in notices_of(context, directory)]

    return of


def _question(context: Context, directory: Directory) -> list[Notice]:
    return context.agency(directory, "question")


def _approved(context: Context, directory: Directory) -> list[Notice]:
    if context.event.details["decision"] in ORDERING:
        return context.agency(directory, "order")
    # A decision in the agency's favour waits for the digest, unless it answers an appeal.
    return context.agency(directory, "appeal-answered") if answers_an_appeal(context.event) else []


def _assigned(context: Context, directory: Directory) -> list[Notice]:
    assignee = account_ever_named(context.event.details["assignee"])
    return context.reviewer(directory, "case-assigned", assignee)


def _answered(context: Context, directory: Directory) -> list[Notice]:
    asked_by = db.session.scalar(_earlier(context.event, "ask").with_only_columns(CaseEvent.account_id))
    return context.reviewer(directory, "question-answered", context.assignee or asked_by)


def _returned(context: Context, directory: Directory) -> list[Notice]:
    if context.event.from_status != "awaiting_approval":
        return []
    return context.reviewer(directory, "proposal-returned", proposer_before(context.event))


def _appealed(context: Context, directory: Directory) -> list[Notice]:
    appealed = _earlier(context.event, "approve").with_only_columns(CaseEvent.id).scalar_subquery()
    order = db.session.scalar(select(Letter.number).where(Letter.event_id == appealed))
    # Nobody holds the case then, and others decide: who proposed the decision learns of it.
    proposed_by = proposer_before(context.event, CaseDecision.outcome == "approved")
    return context.reviewer(directory, "decision-appealed", proposed_by, order)


def answers_an_appeal(event: CaseEvent) -> bool:
    """Return True when the last appeal or decision before this decision is an appeal."""
    before: str | None = db.session.scalar(_earlier(event, "approve", "appeal").with_only_columns(CaseEvent.action))
    return before == "appeal"


def _earlier(event: CaseEvent, *actions: str) -> Any:
    return (
        select(CaseEvent)
        .where(CaseEvent.case_id == event.case_id, CaseEvent.id < event.id, CaseEvent.action.in_(actions))
        .order_by(CaseEvent.id.desc())
        .limit(1)
    )


def _audited(act: Act, directory: Directory) -> list[Notice]:
    """Of an audit's case changes, only reopened cases are notified immediately."""
    entries: list[Notice] = []
    cases, by_audit = act.details.get("reopened", []), CaseEvent.by == f"audit:{act.key}"
    for start in range(0, len(cases), AT_ONCE):
        chunk = cases[start : start + AT_ONCE]
        for each in _events(CaseEvent.case_id.in_(chunk), by_audit, CaseEvent.action == "reopened"):
            entries += each.agency(directory, "case-reopened")
            entries += each.reviewer(directory, "case-reopened", each.assignee)
    return entries


def _to_roles(kind: str, *roles: Role, but_actor: bool = True) -> NoticesOf:
    """To everybody with one of the roles, but for who did it."""

    def of(act: Act, directory: Directory) -> list[Notice]:
        recipients = [to for to in directory.of_role(*roles) if not but_actor or to.actor.principal != act.by]
        return [Notice(to, kind, int(act.key) if KINDS[kind] == "audits" else act.key) for to in recipients]

    return of


def _missed(act: Act, directory: Directory) -> list[Notice]:
    # Messages of the version before have several.
    audits = act.details["audits"] if "audits" in act.details else [int(act.key)]
    return [Notice(to, "nights-missed", audit) for to in directory.of_role(Role.OPERATOR) for audit in audits]


def _surged(act: Act, directory: Directory) -> list[Notice]:
    recipients = directory.of_role(Role.ADMINISTRATOR, Role.OPERATOR)
    return [Notice(to, "sign-in-surge", act.details["failures"]) for to in recipients]


def _account_of(act: Act) -> int | None:
    """Return the id of the account, which an entry names."""
    named = act.details.get("account", act.key)
    return named if isinstance(named, int) else account_ever_named(named)


def _on_own_account(kind: str) -> NoticesOf:
    """To the person whose account it is, with the local time."""

    def of(act: Act, directory: Directory) -> list[Notice]:
        at = act.at.astimezone(ALMATY).strftime("%d.%m.%Y %H:%M")
        return [Notice(to, kind, at) for to in directory.of_account(_account_of(act) or 0)]

    return of


def _address_changed(act: Act, _directory: Directory) -> list[Notice]:
    """To the address that the account had: whoever changed it could take the account over by a forgotten password."""
    person = db.session.scalar(select(Person).where(Person.account_id == _account_of(act)))
    to = None if person is None else former_recipient(person, act.seq)
    return [] if to is None else [Notice(to, FORMER_ADDRESS, act.seq)]


def _moved(act: Act, directory: Directory) -> list[Notice]:
    """To the person of an account that had an agency and has another one."""
    changes = {each["field"]: each for each in act.details.get("changes", ())}
    agency = changes.get("agency", {"old": None, "new": None})
    if "changes" in act.details and not (agency["old"] and agency["new"]):
        return []
    return _on_own_account("account-moved")(act, directory)


def _invited(act: Act, _directory: Directory) -> list[Notice]:
    of_account = select(Invitation.id).where(Invitation.account_id == _account_of(act))
    ids = [act.details["invitation"]] if "invitation" in act.details else list(db.session.scalars(of_account))
    recipients = [(each, recipient_now(person_id, None)) for each, person_id in open_invitations(ids).items()]
    return [Notice(to, "invitation", each) for each, to in recipients if to is not None]


def _password_forgotten(act: Act, _directory: Directory) -> list[Notice]:
    """To the address of the account, if it gets a link."""
    made = make_password_link(act.details["account"], act.details["source"], act.details["request_id"])
    to = None if made is None else recipient_now(made[1], None)
    return [] if made is None or to is None else [Notice(to, "password-link", made[0])]


def _of_webhook(kind: str) -> NoticesOf:
    def of(act: Act, directory: Directory) -> list[Notice]:
        webhook = int(act.key)
        return [Notice(to, kind, webhook) for account in people_of(webhook) for to in directory.of_account(account)]

    return of


# By action of the journal.
HANDLERS: Final[Mapping[str, NoticesOf]] = {
    "case.ask": _on_a_case(_question),
    "case.approve": _on_a_case(_approved),
    "case.assign": _on_a_case(_assigned),
    "case.answer": _on_a_case(_answered),
    "case.return": _on_a_case(_returned),
    "case.appeal": _on_a_case(_appealed),
    "cases.followed": _audited,
    "audit.failed": _to_roles("audit-failed", Role.OPERATOR, but_actor=False),
    "audit.missed": _missed,
    "audit.held": _to_roles("audit-held", Role.OPERATOR, Role.SUPERVISOR, but_actor=False),
    "audit.confirmed": _to_roles("audit-confirmed", Role.OPERATOR, Role.SUPERVISOR),
    "audit.rejected": _to_roles("audit-rejected", Role.OPERATOR, Role.SUPERVISOR),
    "policy.activated": _to_roles("policy-activated", Role.SUPERVISOR, Role.REVIEWER),
    "policy.activation-withdrawn": _to_roles("policy-activation-withdrawn", Role.SUPERVISOR, Role.REVIEWER),
    "sign-in.surged": _surged,
    "account.invited": _invited,
    ACCOUNT_CHANGED: _address_changed,
    "account.aitu-linked": _on_own_account("account-aitu"),
    "account.new-device": _on_own_account("account-new-device"),
    "account.factor-added": _on_own_account("account-factor"),
    "account.moved": _moved,
    "account.role-changed": _moved,
    "account.password-changed": _on_own_account("account-password"),
    "account.password-set": _on_own_account("account-password"),
    "account.password-reset": _on_own_account("account-password"),
    PASSWORD_FORGOTTEN: _password_forgotten,
    "token.issued": _on_own_account("account-token"),
    "webhook.added": _of_webhook("webhook-added"),
    "webhook.disabled": _of_webhook("webhook-disabled"),
    "request.asked": _on_a_request(_request_waiting),
    "request.confirmed-first": _on_a_request(_request_waiting),
    "request.confirmed": _on_a_request(_request_decided),
    "request.refused": _on_a_request(_request_decided),
    "request.cancelled": _on_a_request(_request_decided),
    "request.carried-out": _on_a_request(_request_carried_out),
    "request.failed": _on_a_request(_request_failed),
    "request.restored": _on_a_request(_request_restored),
    "approval.proposed": _approval_waiting,
    "approval.approved": _approval_decided,
    "approval.rejected": _approval_decided,
    "approval.cancelled": _approval_decided,
    "approval.outdated": _approval_decided,
}
# Messages that the version before may have left.
EARLIER: Final[Mapping[str, NoticesOf]] = {
    "account.token-issued": _on_own_account("account-token"),
    "approval.decided": _approval_decided,
    "audit.succeeded": _audited,
    "cases.handed-over": _on_a_case(_assigned),
    "request.decided": _on_a_request(_request_decided),
}
HANDLED: Final = {**EARLIER, **HANDLERS}
FOLLOWED: Final = frozenset({*HANDLED, *INBOX_ACTIONS})
