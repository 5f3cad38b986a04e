"""Messages about requests, and about agencies that succeed one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "cli-requests-carried-out": lazy_text("Requests carried out: {requests}"),
    "agency-closed": lazy_text("The agency with BIN {bin} is closed. Its successor is {successor}: use that BIN."),
    "expected-project-numbers": lazy_text("A list of project numbers is expected."),
    "number-of-projects": lazy_text("List 1 to {largest} projects."),
    "project-not-of-agency": lazy_text("Agency {bin} has no project {number}."),
    "project-passes-on-already": lazy_text("Project {number} passes to another agency by a confirmed division."),
    "projects-only-in-division": lazy_text("Projects are listed for a division only."),
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
    "transfer-planned": lazy_text("A transfer of project {number} is confirmed for {on}. Cancel it first."),
}
