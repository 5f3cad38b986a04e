"""What the pages call cases' statuses, actions, decisions and the entries of their timelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.web.translations import marked

CASE_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "case_status": {
        "new": marked("Not assigned yet"),
        "under_review": marked("Under review"),
        "awaiting_agency": marked("Waiting for the agency"),
        "awaiting_approval": marked("Waiting for approval"),
        "with_commission": marked("With the Commission"),
        "remediation": marked("Remediation"),
        "awaiting_confirmation": marked("Cleared, to confirm"),
        "closed": marked("Closed"),
    },
    "case_action": {
        "claim": marked("Take the case"),
        "reopen": marked("Reopen the review"),
        "withdraw_order": marked("Withdraw the order"),
        "assign": marked("Assign the case"),
        "release": marked("Return to the queue"),
        "ask": marked("Ask the agency"),
        "answer": marked("Answer"),
        "propose": marked("Propose a decision"),
        "approve": marked("Approve the decision"),
        "return": marked("Return to review"),
        "refer": marked("Refer to the Commission"),
        "confirm": marked("Confirm the correction"),
        "withdraw": marked("Withdraw the request"),
        "appeal": marked("Appeal"),
        "comment": marked("Add a comment"),
    },
    "case_event": {
        "opened": marked("Case opened"),
        "claim": marked("Case taken"),
        "assign": marked("Case assigned to a reviewer"),
        "release": marked("Returned to the queue"),
        "ask": marked("Question to the agency"),
        "answer": marked("Answer from the agency"),
        "propose": marked("Decision proposed"),
        "approve": marked("Decision approved"),
        "return": marked("Returned to review"),
        "refer": marked("Referred to the Commission"),
        "confirm": marked("Correction confirmed"),
        "withdraw": marked("Withdrawn"),
        "appeal": marked("Appealed"),
        "comment": marked("Commented"),
        "reopened": marked("Reopened by an audit"),
        "flagged": marked("An audit opened a new flag"),
        "cleared": marked("An audit cleared all flags"),
        "exempted": marked("Exempt by the Commission"),
    },
    "decision": {
        "no_breach": marked("No breach"),
        "transitional_accepted": marked("Transitional case accepted"),
        "migrate_by": marked("Move to QazTech by a date"),
        "stop": marked("Stop by a date"),
        "write_off": marked("Write off"),
    },
    "reason_code": {
        "wrong_data": marked("The data were wrong"),
        "out_of_scope": marked("Out of scope"),
        "duplicate": marked("Registered twice"),
        "other": marked("Another reason"),
    },
}
CASE_FIELDS: Final[Mapping[str, str]] = {
    "status": marked("Status"),
    "assignee": marked("Reviewer"),
    "comment": marked("Comment"),
    "decision": marked("Decision"),
    "reason_code": marked("Why there is no breach"),
    "legal_basis": marked("Legal basis"),
    "appeal_until": marked("Appeal possible until"),
    "proposed_by": marked("Proposed by"),
    "for_agency": marked("The agency may read it"),
    "withdrawn_from": marked("Was"),
    "rule": marked("Rule"),
}
