"""Labels of case statuses, actions, decisions and timeline events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

CASE_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "case_status": {
        "new": lazy_text("Not assigned yet"),
        "under_review": lazy_text("Under review"),
        "awaiting_agency": lazy_text("Waiting for the agency"),
        "awaiting_approval": lazy_text("Waiting for approval"),
        "with_commission": lazy_text("With the Commission"),
        "remediation": lazy_text("Remediation"),
        "awaiting_confirmation": lazy_text("Cleared, to confirm"),
        "closed": lazy_text("Closed"),
    },
    "case_action": {
        "claim": lazy_text("Take the case"),
        "reopen": lazy_text("Reopen the review"),
        "withdraw_order": lazy_text("Withdraw the order"),
        "assign": lazy_text("Assign the case"),
        "release": lazy_text("Return to the queue"),
        "ask": lazy_text("Ask the agency"),
        "answer": lazy_text("Answer"),
        "propose": lazy_text("Propose a decision"),
        "approve": lazy_text("Approve the decision"),
        "return": lazy_text("Return to review"),
        "refer": lazy_text("Refer to the Commission"),
        "confirm": lazy_text("Confirm the correction"),
        "withdraw": lazy_text("Withdraw the request"),
        "appeal": lazy_text("Appeal"),
        "comment": lazy_text("Add a comment"),
    },
    "case_event": {
        "opened": lazy_text("Case opened"),
        "claim": lazy_text("Case taken"),
        "assign": lazy_text("Case assigned to a reviewer"),
        "release": lazy_text("Returned to the queue"),
        "ask": lazy_text("Question to the agency"),
        "answer": lazy_text("Answer from the agency"),
        "propose": lazy_text("Decision proposed"),
        "approve": lazy_text("Decision approved"),
        "return": lazy_text("Returned to review"),
        "refer": lazy_text("Referred to the Commission"),
        "confirm": lazy_text("Correction confirmed"),
        "withdraw": lazy_text("Withdrawn"),
        "appeal": lazy_text("Appealed"),
        "comment": lazy_text("Commented"),
        "reopened": lazy_text("Reopened by an audit"),
        "flagged": lazy_text("An audit opened a new flag"),
        "cleared": lazy_text("An audit cleared the flags of the case"),
        "exempted": lazy_text("Exempt by the Commission"),
    },
    "decision": {
        "no_breach": lazy_text("No breach"),
        "transitional_accepted": lazy_text("Transitional case accepted"),
        "migrate_by": lazy_text("Move to QazTech by a date"),
        "stop": lazy_text("Stop by a date"),
        "write_off": lazy_text("Write off"),
    },
    "reason_code": {
        "wrong_data": lazy_text("The data were wrong"),
        "out_of_scope": lazy_text("Out of scope"),
        "duplicate": lazy_text("Registered twice"),
        "other": lazy_text("Another reason"),
    },
}
CASE_FIELDS: Final[Mapping[str, str]] = {
    "status": lazy_text("Status"),
    "assignee": lazy_text("Reviewer"),
    "comment": lazy_text("Comment"),
    "decision": lazy_text("Decision"),
    "reason_code": lazy_text("Why there is no breach"),
    "legal_basis": lazy_text("Legal basis"),
    "appeal_until": lazy_text("Appeal possible until"),
    "proposed_by": lazy_text("Proposed by"),
    "for_agency": lazy_text("The agency may read it"),
    "withdrawn_from": lazy_text("Was"),
    "rule": lazy_text("Rule"),
}
