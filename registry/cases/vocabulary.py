"""Closed vocabularies of cases: statuses, actions, timeline events, decisions, reasons (docs/reference/workflow.md)."""

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class Status(Choices, field="case_status"):
    """Statuses of a case."""

    NEW = "new", lazy_text("Not assigned yet")
    UNDER_REVIEW = "under_review", lazy_text("Under review")
    AWAITING_AGENCY = "awaiting_agency", lazy_text("Waiting for the agency")
    AWAITING_APPROVAL = "awaiting_approval", lazy_text("Waiting for approval")
    WITH_COMMISSION = "with_commission", lazy_text("With the Commission")
    REMEDIATION = "remediation", lazy_text("Remediation")
    AWAITING_CONFIRMATION = "awaiting_confirmation", lazy_text("Cleared, to confirm")
    CLOSED = "closed", lazy_text("Closed")


class ActionName(Choices):
    """Actions of people."""

    CLAIM = "claim", lazy_text("Take the case"), lazy_text("Case taken")
    ASSIGN = "assign", lazy_text("Assign the case"), lazy_text("Case assigned to a reviewer")
    RELEASE = "release", lazy_text("Return to the queue"), lazy_text("Returned to the queue")
    ASK = "ask", lazy_text("Ask the agency"), lazy_text("Question to the agency")
    ANSWER = "answer", lazy_text("Answer"), lazy_text("Answer from the agency")
    PROPOSE = "propose", lazy_text("Propose a decision"), lazy_text("Decision proposed")
    APPROVE = "approve", lazy_text("Approve the decision"), lazy_text("Decision approved")
    RETURN = "return", lazy_text("Return to review"), lazy_text("Returned to review")
    REFER = "refer", lazy_text("Refer to the Commission"), lazy_text("Referred to the Commission")
    CONFIRM = "confirm", lazy_text("Confirm the correction"), lazy_text("Correction confirmed")
    WITHDRAW = "withdraw", lazy_text("Withdraw"), lazy_text("Withdrawn")
    APPEAL = "appeal", lazy_text("Appeal"), lazy_text("Appealed")
    COMMENT = "comment", lazy_text("Add a comment"), lazy_text("Commented")

    @property
    def event_label(self) -> str:
        """The label of the timeline entry."""
        return self.labels[1]


class AuditEvent(Choices):
    """Timeline entries that audits write."""

    OPENED = "opened", lazy_text("Case opened")
    REOPENED = "reopened", lazy_text("Reopened by an audit")
    FLAGGED = "flagged", lazy_text("An audit opened a new flag")
    CLEARED = "cleared", lazy_text("An audit cleared the flags of the case")
    EXEMPTED = "exempted", lazy_text("Exempt by the Commission")


class FurtherEvent(Choices):
    """Timeline entries that are neither actions of the workflow nor made by audits."""

    DOCUMENT_ADDED = "document_added", lazy_text("Document added to the case")
    COMMISSION_GRANTED = "commission_granted", lazy_text("The Commission granted an exemption")
    COMMISSION_REFUSED = "commission_refused", lazy_text("The Commission refused an exemption")
    PROJECT_WITHDRAWN = "project_withdrawn", lazy_text("Closed: the project is withdrawn as registered in error")
    IN_COURT = "in_court", lazy_text("The agency went to court")
    COURT_SETTLED = "court_settled", lazy_text("The court has ruled")


class DecisionKind(Choices, field="decision"):
    """Decisions on a case."""

    NO_BREACH = "no_breach", lazy_text("No breach")
    TRANSITIONAL_ACCEPTED = "transitional_accepted", lazy_text("Transitional case accepted")
    MIGRATE_BY = "migrate_by", lazy_text("Move to QazTech by a date")
    STOP = "stop", lazy_text("Stop by a date")
    WRITE_OFF = "write_off", lazy_text("Write off")


class Outcome(Choices, field="outcome"):
    """How a case was closed: its flags are gone, a decision accepts them, or the project is withdrawn."""

    RESOLVED = "resolved", lazy_text("Flags corrected")
    NO_BREACH = "no_breach", lazy_text("No breach")
    TRANSITIONAL_ACCEPTED = "transitional_accepted", lazy_text("Transitional case accepted")
    WITHDRAWN = "withdrawn", lazy_text("Project withdrawn")


class ReasonCode(Choices, field="reason_code"):
    """Why there is no breach."""

    WRONG_DATA = "wrong_data", lazy_text("The data were wrong")
    OUT_OF_SCOPE = "out_of_scope", lazy_text("Out of scope")
    DUPLICATE = "duplicate", lazy_text("Registered twice")
    OTHER = "other", lazy_text("Another reason")


class CommissionOutcome(Choices, field="commission_outcome"):
    """What the Commission decided on a case that was referred to it."""

    GRANTED = "granted", lazy_text("Exemption granted until a date")
    REFUSED = "refused", lazy_text("Exemption refused")


class TemplateKind(Choices, field="template_kind"):
    """What a template is for."""

    QUESTION = "question", lazy_text("Question to the agency")
    REASON = "reason", lazy_text("Reason of a decision")


class OrderState(Choices, field="order_state"):
    """How far an order is. ``to_confirm``: an audit cleared its flags, and a person has to confirm that."""

    IN_FORCE = "in_force", lazy_text("In force")
    OVERDUE = "overdue", lazy_text("Overdue")
    TO_CONFIRM = "to_confirm", lazy_text("Carried out, to confirm")
    FULFILLED = "fulfilled", lazy_text("Carried out")
    SUSPENDED = "suspended", lazy_text("Suspended by an appeal")
    IN_COURT = "in_court", lazy_text("In court")
    REPLACED = "replaced", lazy_text("Replaced by another decision")
    REVOKED = "revoked", lazy_text("Revoked on appeal")
    WITHDRAWN = "withdrawn", lazy_text("Withdrawn")


class AppealOutcome(Choices, field="appeal_outcome"):
    """What became of the appealed decision. ``discontinued``: the case closed without a decision on the appeal."""

    UPHELD = "upheld", lazy_text("Decision upheld")
    CHANGED = "changed", lazy_text("Decision changed")
    REVOKED = "revoked", lazy_text("Decision revoked")
    DISCONTINUED = "discontinued", lazy_text("Ended without a decision")


# How a court rules.
RULINGS: Final = (AppealOutcome.UPHELD, AppealOutcome.CHANGED, AppealOutcome.REVOKED)


class AppealState(Choices, field="appeal_state"):
    """How far an appeal is."""

    OPEN = "open", lazy_text("To decide")
    DECIDED = "decided", lazy_text("Appeal decided")
    IN_COURT = "in_court", lazy_text("In court")
    SETTLED = "settled", lazy_text("Settled by court")


class DecisionEnd(Choices):
    """Why a decision is no longer in effect."""

    APPEALED = "appealed", lazy_text("The agency appealed it")
    WITHDRAWN = "withdrawn", lazy_text("It was withdrawn")
    REPLACED = "replaced", lazy_text("Another decision replaced it")


# Labels of the fields of cases.
CASE_FIELDS: Final[Mapping[str, str]] = {
    "status": lazy_text("Status"),
    "assignee": lazy_text("Reviewer"),
    "comment": lazy_text("Comment"),
    "decision": lazy_text("Decision"),
    "reason_code": lazy_text("Why there is no breach"),
    "legal_basis": lazy_text("Legal basis"),
    "reason_kk": lazy_text("Reason in Kazakh"),
    "reason_ru": lazy_text("Reason in Russian"),
    "legal_basis_kk": lazy_text("Legal basis in Kazakh"),
    "legal_basis_ru": lazy_text("Legal basis in Russian"),
    "appeal_until": lazy_text("Appeal possible until"),
    "proposed_by": lazy_text("Proposed by"),
    "for_agency": lazy_text("The agency may read it"),
    "withdrawn_from": lazy_text("Was"),
    "fulfilment_claimed": lazy_text("Reported as carried out"),
    "rule": lazy_text("Rule"),
    "outcome": lazy_text("Outcome"),
    "appeal_outcome": lazy_text("Decision on the appeal"),
    "court_outcome": lazy_text("Ruling of the court"),
    "closed_at": lazy_text("Closed"),
    "opened_at": lazy_text("Opened"),
}
