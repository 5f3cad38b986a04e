"""Colours of tags: of severities by their rank, of statuses by a table; statuses without a line are grey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.accounts.vocabulary import AccountStatus, TokenStatus
from registry.approvals.vocabulary import ApprovalState
from registry.cases.vocabulary import Status
from registry.flags.vocabulary import AuditStatus
from registry.freeze.choices import Choices
from registry.freeze.vocabulary import Severity
from registry.government_reports.vocabulary import GovernmentReportStatus
from registry.imports.vocabulary import ImportState
from registry.policies.vocabulary import PolicyState
from registry.projects.vocabulary import AttestationState, FreezeStatus
from registry.requests.vocabulary import RequestState
from registry.webhooks.vocabulary import DeliveryState

# By rank, the lowest first. registry.css has as many classes ``--severity-<rank>``.
SEVERITY_COLOURS: Final = ("blue", "orange", "red", "magenta", "purple")
OTHERS: Final = "grey"
ROW_COLOURS: Final = {"created": "green", "updated": "blue", "rejected": "red"}
STATUS_COLOURS: Final[Mapping[str, Mapping[Choices, str]]] = {
    "freeze_status": {
        FreezeStatus.FLAGGED: "red",
        FreezeStatus.CLEAR: "green",
        FreezeStatus.EXEMPT: "purple",
        FreezeStatus.ACCEPTED: "teal",
    },
    "attestation": {AttestationState.DUE: "yellow", AttestationState.OVERDUE: "orange"},
    "audit_status": {
        AuditStatus.SUCCEEDED: "green",
        AuditStatus.HELD: "orange",
        AuditStatus.FAILED: "red",
        AuditStatus.RUNNING: "blue",
    },
    "policy_state": {PolicyState.IN_FORCE: "green", PolicyState.SCHEDULED: "blue", PolicyState.DRAFT: "yellow"},
    "import_state": {ImportState.DONE: "green", ImportState.FAILED: "red", ImportState.RUNNING: "blue"},
    "case_status": {
        Status.NEW: "blue",
        Status.UNDER_REVIEW: "teal",
        Status.AWAITING_AGENCY: "yellow",
        Status.AWAITING_APPROVAL: "purple",
        Status.WITH_COMMISSION: "purple",
        Status.REMEDIATION: "orange",
        Status.AWAITING_CONFIRMATION: "green",
    },
    "account_status": {
        AccountStatus.ACTIVE: "green",
        AccountStatus.INVITED: "blue",
        AccountStatus.PENDING: "yellow",
    },
    "request_state": {
        RequestState.WAITING: "yellow",
        RequestState.CONFIRMED: "green",
        RequestState.REFUSED: "red",
    },
    "approval_state": {
        ApprovalState.WAITING: "yellow",
        ApprovalState.APPROVED: "green",
        ApprovalState.REJECTED: "red",
    },
    "report_status": {
        GovernmentReportStatus.DRAFT: "blue",
        GovernmentReportStatus.IN_REVIEW: "yellow",
        GovernmentReportStatus.RETURNED: "orange",
        GovernmentReportStatus.ISSUED: "green",
    },
    "delivery_state": {
        DeliveryState.DELIVERED: "green",
        DeliveryState.WAITING: "yellow",
        DeliveryState.QUEUED: "blue",
        DeliveryState.GIVEN_UP: "red",
    },
    "token_status": {TokenStatus.VALID: "green", TokenStatus.PENDING: "yellow"},
}


def severity_rank(severity: str) -> int:
    """The rank of a severity for CSS classes, at most the number of colours."""
    return min(Severity(severity).rank, len(SEVERITY_COLOURS))


def tag_colour(field: str, code: str) -> str:
    """The colour of the tag of a field's choice."""
    if field in ("severity", "flagged"):
        return SEVERITY_COLOURS[severity_rank(code) - 1]
    if field == "row_outcome":
        return ROW_COLOURS.get(code, OTHERS)
    return next((colour for choice, colour in STATUS_COLOURS.get(field, {}).items() if choice == code), OTHERS)
