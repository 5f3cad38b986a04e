"""Messages about requests, and about agencies that succeed one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "cli-requests-carried-out": lazy_text("Requests carried out: {requests}"),
    "cli-requests-failed": lazy_text(
        "Requests that are due and could not be carried out: {requests}. The log above has the reason; they are tried "
        "again by the next run."
    ),
    "agency-closed": lazy_text("The agency with BIN {bin} is closed. Its successor is {successor}: use that BIN."),
    "confirmation-without-document": lazy_text(
        "Two people must confirm this, and request {id} has no PDF or image that shows it. Refuse it, and ask for a "
        "document."
    ),
    "confirmation-out-of-date": lazy_text(
        "Request {id} can no longer be confirmed: its dates have passed. Refuse it, so that the agency asks again."
    ),
    "document-not-of-project": lazy_text("The project has no document {id}."),
    "duplicate-is-itself": lazy_text("Enter the number of another project: {number} is the one to withdraw."),
    "duplicate-is-restricted": lazy_text(
        "Project {number} is restricted, and a request about this project must not name it. Give the reason in words."
    ),
    "duplicate-withdrawn": lazy_text("Project {number}, which was to remain, is withdrawn itself."),
    "expected-project-numbers": lazy_text("A list of project numbers is expected."),
    "not-with-this-confirmation": lazy_text("This is not part of the confirmation that you ask for. Leave it empty."),
    "number-of-projects": lazy_text("List 1 to {largest} projects."),
    "project-not-of-agency": lazy_text("Agency {bin} has no project {number}."),
    "project-passes-on-already": lazy_text("Project {number} passes to another agency by a confirmed division."),
    "projects-only-in-division": lazy_text("Projects are listed for a division only."),
    "project-withdrawn": lazy_text(
        "Project {number} is withdrawn because it was registered in error. It can be read and no longer changed."
    ),
    "request-already-waiting": lazy_text(
        "A request about {subject} waits for a decision. It must be decided or cancelled first."
    ),
    "request-carried-out": lazy_text("Request {id} has taken effect and cannot be cancelled."),
    "request-needs-a-person": lazy_text("This is asked and decided by people, never by a service account."),
    "request-needs-another-person": lazy_text(
        "Who asked, or confirmed first, cannot confirm request {id}: another person must decide."
    ),
    "request-not-found": lazy_text("There is no request {id}."),
    "request-not-waiting": lazy_text("Request {id} does not wait for a decision: its state is {state}."),
    "succession-circular": lazy_text("Agency {bin} is to pass to this agency by another succession."),
    "succession-planned": lazy_text(
        "A succession of agency {bin} is confirmed for {on}. Cancel it first, or choose a later date."
    ),
    "successor-is-itself": lazy_text("Choose another agency: {bin} is the one that passes on."),
    "withdrawal-needs-a-supervisor": lazy_text(
        "A case is open or an order in force, or the project has or had a medium or high flag: the second person who "
        "confirms request {id} must be a "
        "supervisor."
    ),
    "withdrawal-not-in-effect": lazy_text("Request {id} is not in effect: there is nothing to restore."),
    "transfer-planned": lazy_text("A transfer of project {number} is confirmed for {on}. Cancel it first."),
}
