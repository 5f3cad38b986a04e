"""Messages about approvals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "approval-already-waiting": lazy_text(
        "A proposal of this kind already waits for its decision. It must be decided or cancelled first."
    ),
    "needs-two-people": lazy_text(
        "Two people do this together, never a service account or a command alone. Sign in as a person."
    ),
    "approval-needs-a-supervisor": lazy_text("One of the two people must be a supervisor. Ask a supervisor to decide."),
    "needs-another-person": lazy_text("You made this proposal. Another person must approve it."),
    "approval-not-found": lazy_text("There is no approval {id}, or you may not see it."),
    "approval-not-waiting": lazy_text("Approval {id} no longer waits for a decision."),
    "approval-out-of-date": lazy_text(
        "What approval {id} rests on has changed since it was proposed. Reject it, so that it can be proposed again."
    ),
    "admission-unchanged": lazy_text(
        "The account {name} needs no admission: it reads restricted projects already, or its role never does."
    ),
    "own-admission": lazy_text(
        "The account {name} is admitted by another administrator of its agency, or by a supervisor."
    ),
    "restriction-unchanged": lazy_text("Access to project {number} is already as you propose."),
    "agency-change-needs-approval": lazy_text(
        "The kind and the parent of an agency change only by a proposal that a supervisor approves. Make it on the "
        "page of the agency."
    ),
    "nothing-to-change": lazy_text("Enter what to change: these are the values of now."),
    "document-no-scan": lazy_text(
        "“{name}” is neither a PDF nor an image. Attach the signed paper as a PDF or a scan."
    ),
    "document-of-another-decision": lazy_text(
        "Document {id} is that of another decision of the Commission. Add the document of this one."
    ),
    "proposal-reason-required": lazy_text("Enter the reason: this waits for a second person, who reads it."),
    "scan-required": lazy_text("Attach the document that shows it, as a PDF or a scan."),
}
