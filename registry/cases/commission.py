"""Decisions of others: of the Commission on a project or a referred case, and of the court on a decided appeal.

The Commission's is proposed with its document and approved by a supervisor. A granted exemption is one of the project
(``registry/exemptions``): the case waits until it ends, at once when it is in force already, and from the next audit on
its flags are exempt. If it is refused, the case is back under review.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, func, select

from registry.accounts.roles import Actor, Permission
from registry.approvals.models import Approval, ApprovalKind, ApprovalKindCode, Fact, Proposal
from registry.approvals.service import propose
from registry.cases.models import Case, CaseEvent
from registry.cases.queries import find_case_to_change
from registry.cases.service import link_case_documents, send_back
from registry.cases.transitions import add_entry, newest_appeal
from registry.cases.vocabulary import CommissionOutcome, FurtherEvent, Status
from registry.core.clock import local_date, now, today
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Conflict, Invalid, Problem, invalid
from registry.core.search import NAMES
from registry.exemptions import service as exemptions
from registry.exemptions.models import Exemption
from registry.flags.former_flags import SERIOUS
from registry.flags.models import FLAGS, IS_ACTIVE, lock_flags_for_review
from registry.projects.documents import CASE, EXEMPTION, add_document, scan_problems
from registry.projects.edits import IDENTITY
from registry.projects.models import Project
from registry.projects.visibility import require_not_withdrawn

OF_EXEMPTION: Final = ("valid_from", "valid_to", "scope", "conditions")
DAYS: Final = ("decided_on", "valid_from", "valid_to")


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


# What says which object a decision of the Commission is about.
SEEN_OF_OBJECT: Final = (*IDENTITY, *NAMES, "object_code", "purpose")


class CommissionDecision(ApprovalKind):
    """A decision of the Commission on a project, or on a referred case: who records it does not approve it."""

    code = ApprovalKindCode.COMMISSION_DECISION
    proposes = Permission.EXEMPTIONS_PROPOSE
    decides = Permission.EXEMPTIONS_RECORD

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return what was decided; for a case, where it is now and where it goes."""
        values = approval.payload["values"]
        facts = [Fact(name, None, value) for name, value in values.items() if value is not None]
        case = self._case(approval)
        if case is None:
            return facts
        stays = values["outcome"] == CommissionOutcome.GRANTED or case.exempt_since is not None
        return [*facts, Fact("case_status", case.status, Status.WITH_COMMISSION if stays else _reviewed_again(case))]

    def effects(self, actor: Actor, approval: Approval) -> Mapping[str, int]:  # noqa: ARG002 - the base's
        """Return the serious flags that an exemption covers."""
        serious = (FLAGS.c.project_id == approval.project_id, IS_ACTIVE, FLAGS.c.severity.in_(SERIOUS))
        return {"flags": db.session.scalar(select(func.count()).select_from(FLAGS).where(*serious)) or 0}

    def seen(self, approval: Approval) -> Any:
        """Also the object that it is about."""
        project = db.session.get_one(Project, approval.project_id)
        return [super().seen(approval), [getattr(project, name) for name in SEEN_OF_OBJECT]]

    def documents(self, approval: Approval) -> Sequence[int]:
        """Return the decision."""
        documents: list[int] = approval.payload["documents"]
        return documents

    def lock(self, approval: Approval) -> None:
        """Lock the case before its project, as actions on cases do."""
        lock_flags_for_review()
        session = require_transaction()
        session.scalar(_case_concerned(approval).with_for_update(of=Case))
        # So that nobody makes another object of it meanwhile.
        session.scalar(select(Project.id).where(Project.id == approval.project_id).with_for_update())

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:
        """Record it. Raises CaseNotWithCommission, ProjectWithdrawn, Invalid and CommissionDecisionRecorded."""
        values = _dated(approval.payload["values"])
        documents, case_id = approval.payload["documents"], approval.payload["case"]
        if case_id is None:
            exemption = exemptions.record_exemption(
                actor, {**values, "project": approval.subject.removeprefix("project:")}
            )
            exemptions.link_documents(exemption, documents)
            referred = require_transaction().scalar(_case_concerned(approval))
            if referred is not None:
                _wait_for_end(referred, exemption)
            return {"exemption": exemption.id}
        case = find_case_to_change(actor, case_id)
        _require_decidable(case, values)
        if values["outcome"] == CommissionOutcome.GRANTED:
            return {"exemption": _grant(actor, case, values, documents)}
        _refuse(actor, case, values, documents)
        return {}

    def _case(self, approval: Approval) -> Case | None:
        case_id = approval.payload["case"]
        return None if case_id is None else db.session.get(Case, case_id)


def propose_exemption(actor: Actor, values: Mapping[str, Any], files: Sequence[DecisionFile] = ()) -> Approval:
    """Propose to record a decision of the Commission on a project; ``values``: what ``ExemptionProposal`` validated.

    The decision is in ``documents`` of the project, or in files, which become such. Raises RoleNotAllowed, Invalid,
    DocumentQuotaExceeded, and what ``propose`` raises.
    """
    actor.require(Permission.EXEMPTIONS_PROPOSE)
    with transaction():
        project = exemptions.check_exemption(actor, values)
        named = values.get("documents") or []
        documents = [*dict.fromkeys(named), *_added(actor, project, files, EXEMPTION)]
        problems = exemptions.unusable_documents(project.id, named) or scan_problems(project.id, documents)
        if problems:
            raise Invalid([replace(problem, pointer="/file") for problem in problems] if files else problems)
        recorded = {name: values.get(name) for name in exemptions.EXEMPTION_FIELDS}
        return _propose(actor, f"project:{project.number}", project, recorded, documents, reason=values.get("reason"))


def propose_commission_decision(
    actor: Actor, case_id: int, values: Mapping[str, Any], files: Sequence[DecisionFile]
) -> Approval:
    """Propose to record the decision on a referred case from validated values: ``outcome``, ``decision_number``,
    ``decided_on``, ``comment``, and what an exemption has. A granted exemption begins with the date of the decision,
    or with ``valid_from``.

    Raises RoleNotAllowed, CaseNotFound, CaseNotWithCommission, ProjectWithdrawn, Invalid, CommissionDecisionRecorded,
    DocumentQuotaExceeded, and what ``propose`` raises.
    """
    actor.require(Permission.EXEMPTIONS_PROPOSE)
    with transaction():
        case = find_case_to_change(actor, case_id)
        _require_decidable(case, values)
        project = case.project_record
        if values["outcome"] == CommissionOutcome.GRANTED:
            begin = values.get("valid_from") or values["decided_on"]
            exemptions.check_exemption(actor, {**values, "valid_from": begin, "project": project.number})
            documents = _added(actor, project, files, EXEMPTION)
        else:
            documents = _added(actor, project, files, CASE)
        problems = scan_problems(project.id, documents)
        if problems:
            raise Invalid([replace(problem, pointer="/file") for problem in problems])
        names = ("outcome", *exemptions.EXEMPTION_FIELDS, "comment")
        recorded = {name: values.get(name) for name in names}
        return _propose(
            actor, f"case:{case_id}", project, recorded, documents, case_id=case_id, reason=values.get("comment")
        )


def _propose(
    actor: Actor,
    subject: str,
    project: Project,
    values: Mapping[str, Any],
    documents: Sequence[int],
    *,
    case_id: int | None = None,
    reason: str | None = None,
) -> Approval:
    stored = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    payload = {"values": stored, "documents": list(documents), "case": case_id}
    about = reason or f"{values['decision_number']}, {values['decided_on']:%d.%m.%Y}"
    proposal = Proposal(subject, about, payload, agency_id=project.agency_id, project_id=project.id)
    return propose(actor, ApprovalKindCode.COMMISSION_DECISION, proposal)


def _added(actor: Actor, project: Project, files: Sequence[DecisionFile], belongs_to: str) -> list[int]:
    """Return the ids of new documents, which nobody else sees before they belong to a decision."""
    return [
        add_document(actor, project, file.name, file.content_type, file.content, "act", belongs_to=belongs_to).id
        for file in files
    ]


def _reviewed_again(case: Case) -> Status:
    return Status.NEW if case.assignee is None else Status.UNDER_REVIEW


def _dated(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: date.fromisoformat(value) if name in DAYS and value is not None else value
        for name, value in values.items()
    }


def _require_decidable(case: Case, values: Mapping[str, Any]) -> None:
    if case.status != Status.WITH_COMMISSION:
        raise CaseNotWithCommission(case=case.id, status=case.status)
    require_not_withdrawn(case.project_record)
    problems = _problems(values)
    if problems:
        raise Invalid(problems)
    _require_new(case, values)


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
    """Return what the timeline shows of the decision: its number and its dates."""
    dates = {"decided_on": values["decided_on"]}
    if values["outcome"] == CommissionOutcome.GRANTED:
        dates |= {"valid_from": values.get("valid_from") or values["decided_on"], "valid_to": values["valid_to"]}
    return {"decision_number": values["decision_number"]} | {name: day.isoformat() for name, day in dates.items()}


def _case_concerned(approval: Approval) -> Select[Case]:
    """Return the case that was decided on, or of an exemption of the project itself the one that was referred."""
    if approval.payload["case"] is not None:
        return select(Case).where(Case.id == approval.payload["case"])
    return select(Case).where(Case.project_id == approval.project_id, Case.status == Status.WITH_COMMISSION)


def _wait_for_end(case: Case, exemption: Exemption) -> None:
    """Let the case wait for the end of the exemption when it is in force today; else the first audit that sees it."""
    if exemption.valid_from <= today() <= exemption.valid_to and case.exempt_since is None:
        case.exempt_since, case.due_on, case.review_days_left = today(), None, None
        case.version += 1
        case.changed_at = now()


def _grant(actor: Actor, case: Case, values: Mapping[str, Any], documents: Sequence[int]) -> int:
    begin = values.get("valid_from") or values["decided_on"]
    of_decision = {name: values.get(name) for name in ("decision_number", "decided_on", *OF_EXEMPTION)}
    exemption = exemptions.record_exemption(
        actor, of_decision | {"project": case.project_record.number, "valid_from": begin}
    )
    exemptions.link_documents(exemption, documents)
    add_entry(actor, case, _entry_kind(values).value, _details(values), values.get("comment"))
    _wait_for_end(case, exemption)
    return exemption.id


def _refuse(actor: Actor, case: Case, values: Mapping[str, Any], documents: Sequence[int]) -> None:
    event = add_entry(actor, case, _entry_kind(values).value, _details(values), values.get("comment"))
    link_case_documents(case, documents, event_id=event.id)
    # While an earlier exemption is in force, the case goes on waiting for its end.
    if case.exempt_since is None:
        send_back(actor, case)


# After the decision on an appeal: the lawsuit and the court's ruling, each recorded with its document.


class NotForCourt(Conflict):
    """No appeal of the case is decided, or the court has ruled on it already."""


def record_court(actor: Actor, case_id: int, values: Mapping[str, Any], files: Sequence[DecisionFile]) -> Case:
    """Record that the agency went to court (``on``), or later how the court ruled (``court_outcome``).

    It changes nothing about the decision: a new one carries the ruling out. Raises RoleNotAllowed, CaseNotFound,
    ProjectWithdrawn, NotForCourt, Invalid and DocumentQuotaExceeded.
    """
    actor.require(Permission.CASES_REVIEW)
    with transaction():
        case = find_case_to_change(actor, case_id)
        require_not_withdrawn(case.project_record)
        kind = _record_on_appeal(case, values["on"], values.get("court_outcome"))
        documents = _added(actor, case.project_record, files, CASE)
        problems = scan_problems(case.project_id, documents)
        if problems:
            raise Invalid([replace(problem, pointer="/file") for problem in problems])
        shown = {name: values.get(name) for name in ("on", "court_outcome") if values.get(name) is not None}
        event = add_entry(actor, case, kind.value, shown | {"on": values["on"].isoformat()}, values.get("comment"))
        link_case_documents(case, documents, event_id=event.id)
    return case


def _record_on_appeal(case: Case, on: date, ruling: str | None) -> FurtherEvent:
    appeal = newest_appeal(case)
    if appeal is None or appeal.new_decision_id is None or appeal.decided_at is None or appeal.settled_on is not None:
        raise NotForCourt(case=case.id)
    first = appeal.in_court_on or local_date(appeal.decided_at)
    if on > today():
        raise invalid("/on", "date-after-today")
    if on < first:
        raise invalid("/on", "date-before", other=first.isoformat())
    if appeal.in_court_on is None:
        if ruling is not None:
            raise invalid("/court_outcome", "not-in-court-yet")
        appeal.in_court_on = on
        return FurtherEvent.IN_COURT
    if ruling is None:
        raise invalid("/court_outcome", "required")
    appeal.settled_on, appeal.court_outcome = on, ruling
    return FurtherEvent.COURT_SETTLED
