"""What cannot wait: from each message of the outbox the letters that follow, in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.roles import Permission, Role
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.workflow import ORDERING
from registry.core.clock import now
from registry.core.database import db
from registry.core.outbox import has_waiting, lock_waiting, mark_delivered
from registry.core.transactions import transaction
from registry.notifications.recipients import Directory, Recipient, load_directory
from registry.notifications.service import queue_email
from registry.projects.models import Project

AT_A_TIME: Final = 100
# Below SQLite's 32,766 parameters a statement.
CASES_AT_A_TIME: Final = 5000


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that one recipient is told."""

    to: Recipient
    kind: str
    reference: int


@dataclass(frozen=True, slots=True)
class Context:
    """One entry of a case's timeline, with what decides who may hear of it."""

    event: CaseEvent
    assignee: str | None
    agency_id: int
    is_restricted: bool

    def agency(self, audience: Directory, kind: str) -> list[Notice]:
        """Told to the agency, which may see its own restricted projects."""
        return [Notice(to, kind, self.event.case_id) for to in audience.of_agency(self.agency_id)]

    def reviewer(self, audience: Directory, kind: str, principal: str | None) -> list[Notice]:
        """Told to one reviewer who may see the project, unless the reviewer did it."""
        return [
            Notice(to, kind, self.event.case_id)
            for to in audience.reviewer(principal)
            if to.actor.principal != self.event.by
            and (not self.is_restricted or to.actor.may(Permission.RESTRICTED_READ))
        ]


def process_outbox(*, with_mail: bool) -> int:
    """Turn all that waits in the outbox into letters; how many there were. Without mail nobody is told of them, ever.

    Each message is taken once, by whichever process comes first.
    """
    handed_on = 0
    # Asked before a transaction is begun: most minutes there is nothing, and on SQLite only one writes at a time.
    while has_waiting():
        with transaction():
            mark_delivered(HANDLERS if with_mail else ())
            messages = lock_waiting(HANDLERS, AT_A_TIME) if with_mail else []
            if messages:
                audience = load_directory()
                for message in messages:
                    _write(HANDLERS[message.topic](message.payload, audience))
        handed_on += len(messages)
        if not messages:
            break
    return handed_on


def _write(notices: Iterable[Notice]) -> None:
    """One letter a recipient, whatever the number of cases that a message was about."""
    by_recipient: dict[Recipient, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for notice in notices:
        by_recipient[notice.to][notice.kind].append(notice.reference)
    moment = now()
    for to, told in by_recipient.items():
        queue_email(to, told, moment)


def _happened(*conditions: Any) -> list[Context]:
    rows = db.session.execute(
        select(CaseEvent, Case.assignee, Project.agency_id, Project.is_restricted)
        .join(Case, Case.id == CaseEvent.case_id)
        .join(Project, Project.id == Case.project_id)
        .where(*conditions)
        .order_by(CaseEvent.id)
    )
    return [Context(*row) for row in rows]


def _on_a_case(
    told: Callable[[Context, Directory], list[Notice]],
) -> Callable[[Mapping[str, Any], Directory], list[Notice]]:
    def of(payload: Mapping[str, Any], audience: Directory) -> list[Notice]:
        return [notice for each in _happened(CaseEvent.id == payload.get("event")) for notice in told(each, audience)]

    return of


def _asked(what: Context, audience: Directory) -> list[Notice]:
    return what.agency(audience, "question")


def _approved(what: Context, audience: Directory) -> list[Notice]:
    if what.event.details["decision"] in ORDERING:
        return what.agency(audience, "order")
    # What was decided in the agency's favour waits for the digest, unless it is what the agency appealed for.
    return what.agency(audience, "appeal-answered") if answers_an_appeal(what.event) else []


def _assigned(what: Context, audience: Directory) -> list[Notice]:
    return what.reviewer(audience, "case-assigned", what.event.details["assignee"])


def _answered(what: Context, audience: Directory) -> list[Notice]:
    asked_by = db.session.scalar(_earlier(what.event, "ask").with_only_columns(CaseEvent.by))
    return what.reviewer(audience, "question-answered", what.assignee or asked_by)


def _returned(what: Context, audience: Directory) -> list[Notice]:
    if what.event.from_status != "awaiting_approval":
        return []
    proposed_by = db.session.scalar(
        select(CaseDecision.proposed_by)
        .where(CaseDecision.case_id == what.event.case_id, CaseDecision.proposed_at <= what.event.at)
        .order_by(CaseDecision.id.desc())
        .limit(1)
    )
    return what.reviewer(audience, "proposal-returned", proposed_by)


def _appealed(what: Context, audience: Directory) -> list[Notice]:
    return what.reviewer(audience, "decision-appealed", what.assignee)


def answers_an_appeal(event: CaseEvent) -> bool:
    """True when the last thing before a decision, of appeals and decisions, was an appeal."""
    before: str | None = db.session.scalar(_earlier(event, "approve", "appeal").with_only_columns(CaseEvent.action))
    return before == "appeal"


def _earlier(event: CaseEvent, *actions: str) -> Any:
    return (
        select(CaseEvent)
        .where(CaseEvent.case_id == event.case_id, CaseEvent.id < event.id, CaseEvent.action.in_(actions))
        .order_by(CaseEvent.id.desc())
        .limit(1)
    )


def _audited(payload: Mapping[str, Any], audience: Directory) -> list[Notice]:
    """Of what an audit did by itself only the reopened cases cannot wait."""
    told: list[Notice] = []
    cases, by_audit = payload.get("reopened", []), CaseEvent.by == f"audit:{payload['audit']}"
    for start in range(0, len(cases), CASES_AT_A_TIME):
        chunk = cases[start : start + CASES_AT_A_TIME]
        for each in _happened(CaseEvent.case_id.in_(chunk), by_audit, CaseEvent.action == "reopened"):
            told += each.agency(audience, "case-reopened")
            told += each.reviewer(audience, "case-reopened", each.assignee)
    return told


def _held(payload: Mapping[str, Any], audience: Directory) -> list[Notice]:
    hearing = audience.of_role(Role.OPERATOR, Role.SUPERVISOR)
    return [Notice(to, "audit-held", payload["audit"]) for to in hearing]


def _failed(payload: Mapping[str, Any], audience: Directory) -> list[Notice]:
    return [Notice(to, "audit-failed", payload["audit"]) for to in audience.of_role(Role.OPERATOR)]


def _missed(payload: Mapping[str, Any], audience: Directory) -> list[Notice]:
    operators = audience.of_role(Role.OPERATOR)
    return [Notice(to, "nights-missed", audit) for to in operators for audit in payload["audits"]]


HANDLERS: Final[Mapping[str, Callable[[Mapping[str, Any], Directory], list[Notice]]]] = {
    "case.ask": _on_a_case(_asked),
    "case.approve": _on_a_case(_approved),
    "case.assign": _on_a_case(_assigned),
    "case.answer": _on_a_case(_answered),
    "case.return": _on_a_case(_returned),
    "case.appeal": _on_a_case(_appealed),
    "audit.succeeded": _audited,
    "audit.held": _held,
    "audit.failed": _failed,
    "audit.missed": _missed,
}
