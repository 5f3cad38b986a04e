"""What the pages call cases' statuses, actions, decisions and the entries of their timelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.web.catalogues import marked

CASE_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "case_status": {
        "new": marked("Not taken yet"),
        "under_review": marked("Under review"),
        "awaiting_agency": marked("Waiting for the agency"),
        "awaiting_approval": marked("Waiting for approval"),
        "with_commission": marked("With the Commission"),
        "remediation": marked("Being put right"),
        "awaiting_confirmation": marked("Cleared, to confirm"),
        "closed": marked("Closed"),
    },
    "case_action": {
        "claim": marked("Take the case"),
        "reopen": marked("Reopen the review"),
        "withdraw_order": marked("Take back the order"),
        "assign": marked("Give the case to somebody"),
        "release": marked("Give it back to the queue"),
        "ask": marked("Ask the agency"),
        "answer": marked("Answer"),
        "propose": marked("Propose a decision"),
        "approve": marked("Approve the decision"),
        "return": marked("Return to review"),
        "refer": marked("Refer to the Commission"),
        "confirm": marked("Confirm that it is put right"),
        "withdraw": marked("Take back what it waits for"),
        "appeal": marked("Appeal"),
        "comment": marked("Comment"),
    },
    "case_event": {
        "opened": marked("Case opened"),
        "claim": marked("Case taken"),
        "assign": marked("Case given to a reviewer"),
        "release": marked("Given back to the queue"),
        "ask": marked("Question to the agency"),
        "answer": marked("Answer of the agency"),
        "propose": marked("Decision proposed"),
        "approve": marked("Decision approved"),
        "return": marked("Returned to review"),
        "refer": marked("Referred to the Commission"),
        "confirm": marked("Confirmed as put right"),
        "withdraw": marked("Taken back"),
        "appeal": marked("Appealed"),
        "comment": marked("Commented"),
        "reopened": marked("Reopened by an audit"),
        "flagged": marked("An audit found something new"),
        "cleared": marked("An audit found nothing any more"),
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
    "appeal_until": marked("Can be appealed until"),
    "proposed_by": marked("Proposed by"),
    "for_agency": marked("The agency may read it"),
    "withdrawn_from": marked("Was"),
    "rule": marked("Rule"),
}
