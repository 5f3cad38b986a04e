"""The Commission's decision on a referred case: recorded with its file, and the case moves on, in one transaction.

A granted exemption is one of the project (``registry/exemptions``): from the next audit on its flags are exempt, and
the case waits until it ends. If it is refused, the case is back under review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.cases.documents import OVERSIGHT_SIDE, add_case_document
from registry.cases.events import timeline_written
from registry.cases.models import CASE_SUBJECT, Case, CaseEvent
from registry.cases.queries import find_case, find_case_to_change
from registry.cases.service import send_back
from registry.cases.vocabulary import CommissionOutcome, FurtherEvent, Status
from registry.changes.service import record_change
from registry.core import outbox
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.transactions import require_transaction, transaction
from registry.exemptions.documents import add_exemption_document
from registry.exemptions.service import record_exemption
from registry.journal import service as journal
from registry.projects.withdrawn import require_not_withdrawn

# What is said of the file, as of the documents of exemptions.
KIND: Final[Mapping[str, Any]] = {"kind": "act"}
OF_EXEMPTION: Final = ("valid_from", "valid_to", "scope", "conditions")


class CaseNotWithCommission(Conflict):
    """The case was not referred to the Commission, so that there is no decision to record on it."""


class CommissionDecisionRecorded(Conflict):
    """The same decision is recorded on the case already; a second exemption would be one too many."""


@dataclass(frozen=True, slots=True)
class DecisionFile:
    """The file of a decision, as it was sent."""

    name: str
    content_type: str
    content: bytes


def record_commission_decision(
    actor: Actor, case_id: int, values: Mapping[str, Any], files: list[DecisionFile]
) -> Case:
    """Record the decision from validated values: ``outcome``, ``decision_number``, ``decided_on``, ``comment``, and
    what an exemption has. A granted exemption begins with the date of the decision, or with ``valid_from``.

    Raises RoleNotAllowed, StepUpRequired, CaseNotFound, CaseNotWithCommission, ProjectWithdrawn, Invalid,
    CommissionDecisionRecorded and DocumentQuotaExceeded.
    """
    actor.require(Permission.EXEMPTIONS_RECORD)
    with transaction():
        case = find_case_to_change(actor, case_id)
        if case.status != Status.WITH_COMMISSION:
            raise CaseNotWithCommission(case=case.id, status=case.status)
        require_not_withdrawn(case.project_record)
        problems = _problems(values)
        if problems:
            raise Invalid(problems)
        _require_new(case, values)
        if values["outcome"] == CommissionOutcome.GRANTED:
            _grant(actor, case, values, files)
        else:
            _refuse(actor, case, values, files)
        # Read again: adding a document has read the project without its agency.
        return find_case(actor, case_id)


def _problems(values: Mapping[str, Any]) -> list[Problem]:
    if values["outcome"] == CommissionOutcome.GRANTED:
        return [] if values.get("valid_to") is not None else [Problem("/valid_to", "required")]
    refused: dict[str, object] = {"decision": CommissionOutcome.REFUSED.value}
    problems = [
        Problem(f"/{name}", "not-with-this-decision", refused) for name in OF_EXEMPTION if values.get(name) is not None
    ]
    if values["decided_on"] > today():
        problems.append(Problem("/decided_on", "date-after-today"))
    return problems


def _require_new(case: Case, values: Mapping[str, Any]) -> None:
    same_kind = (CaseEvent.case_id == case.id, CaseEvent.action == _entry_kind(values).value)
    if _details(values) in db.session.scalars(select(CaseEvent.details).where(*same_kind)).all():
        raise CommissionDecisionRecorded(case=case.id, number=values["decision_number"])


def _entry_kind(values: Mapping[str, Any]) -> FurtherEvent:
    is_granted = values["outcome"] == CommissionOutcome.GRANTED
    return FurtherEvent.COMMISSION_GRANTED if is_granted else FurtherEvent.COMMISSION_REFUSED


def _details(values: Mapping[str, Any]) -> dict[str, str]:
    """What the timeline shows of the decision: its number and its dates."""
    dates = {"decided_on": values["decided_on"]}
    if values["outcome"] == CommissionOutcome.GRANTED:
        dates |= {"valid_from": values.get("valid_from") or values["decided_on"], "valid_to": values["valid_to"]}
    return {"decision_number": values["decision_number"]} | {name: day.isoformat() for name, day in dates.items()}


def _grant(actor: Actor, case: Case, values: Mapping[str, Any], files: list[DecisionFile]) -> None:
    begin = values.get("valid_from") or values["decided_on"]
    of_decision = {name: values.get(name) for name in ("decision_number", "decided_on", *OF_EXEMPTION)}
    exemption = record_exemption(actor, of_decision | {"project": case.project_record.number, "valid_from": begin})
    for file in files:
        add_exemption_document(actor, exemption.id, file.name, file.content_type, file.content, KIND)
    _add_entry(actor, case, values)


def _refuse(actor: Actor, case: Case, values: Mapping[str, Any], files: list[DecisionFile]) -> None:
    event = _add_entry(actor, case, values)
    for file in files:
        add_case_document(actor, case.id, file.name, file.content_type, file.content, KIND, event_id=event.id)
    # While an earlier exemption is in force, the case goes on waiting for its end.
    if case.exempt_since is None:
        send_back(actor, case)


def _add_entry(actor: Actor, case: Case, values: Mapping[str, Any]) -> CaseEvent:
    """Write timeline, journal and outbox. The agency sees the entry, not its comment."""
    action, shown = _entry_kind(values), _details(values)
    event = CaseEvent(
        case_id=case.id,
        at=now(),
        action=action.value,
        by=actor.principal,
        side=OVERSIGHT_SIDE,
        from_status=case.status,
        to_status=case.status,
        comment=values.get("comment"),
        details=shown,
        tells_agency=True,
        speaks_to_agency=False,
    )
    require_transaction().add(event)
    record_change(CASE_SUBJECT, case.id, case.status, case.severity)
    case.version += 1
    case.changed_at = now()
    db.session.flush()
    journal.record(actor, f"case.{action.value}", f"case:{case.id}", {"project": case.project_record.number, **shown})
    outbox.enqueue(f"case.{action.value}", {"case": case.id, "event": event.id})
    timeline_written.publish(actor, event.id)
    return event
