"""Messages about records, requests, approvals and webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "admission-unchanged": lazy_text(
        "The account {name} needs no admission: it reads restricted projects already, or its role never does."
    ),
    "agency-change-needs-approval": lazy_text(
        "The kind and the parent of an agency change only by a proposal that a supervisor approves. Make it on the "
        "page of the agency."
    ),
    "agency-closed": lazy_text("The agency with BIN {bin} is closed. Its successor is {successor}: use that BIN."),
    "agency-not-found": lazy_text("There is no agency with BIN {bin}."),
    "agency-not-yours": lazy_text("You cannot act for agency {bin}: only for your own and those below it."),
    "another-case-open": lazy_text("Case {other} of the project is open: use that case."),
    "appeal-decided": lazy_text(
        "The decision on case {case} is the one on your appeal. It can be challenged in court, not by another appeal."
    ),
    "appeal-needs-others": lazy_text(
        "You proposed or approved the appealed decision on case {case}: other people decide on the appeal."
    ),
    "appeal-pending": lazy_text("The decision on case {case} is already appealed. Wait for the new decision."),
    "appeal-too-late": lazy_text("The time limit for an appeal ended on {until}."),
    "approval-already-waiting": lazy_text(
        "A proposal of this kind already waits for its decision. It must be decided or cancelled first."
    ),
    "approval-needs-a-person": lazy_text("A decision is approved by a person, never by a service account."),
    "approval-needs-a-supervisor": lazy_text("One of the two people must be a supervisor. Ask a supervisor to decide."),
    "approval-not-found": lazy_text("There is no approval {id}, or you may not see it."),
    "approval-not-waiting": lazy_text("Approval {id} no longer waits for a decision."),
    "approval-out-of-date": lazy_text(
        "What approval {id} rests on has changed since it was proposed. Reject it, so that it can be proposed again."
    ),
    "assignee-decided-it": lazy_text(
        "{assignee} proposed or approved the appealed decision. Assign the case to somebody else."
    ),
    "assignee-may-not-see": lazy_text(
        "{assignee} cannot see this restricted project. Assign the case to a supervisor."
    ),
    "assignee-not-a-reviewer": lazy_text(
        "{assignee} cannot review cases: there is no valid access with the role of reviewer or supervisor."
    ),
    "attestation-needs-a-person": lazy_text(
        "A person of the agency confirms that a record is true, never a service account."
    ),
    "attestation-not-needed": lazy_text(
        "Project {number} needs no confirmation: it has ended, or the policy asks for none."
    ),
    "audit-date-after-today": lazy_text("An audit of a date after {today} can only be a dry run (dry_run)."),
    "audit-date-before-last": lazy_text(
        "{on} cannot be audited any more: {last} was already audited. Use a dry run (dry_run) for an earlier date."
    ),
    "audit-not-finished": lazy_text(
        "Audit {id} cannot be repeated because it is not finished: its status is {status}."
    ),
    "audit-not-found": lazy_text("There is no audit {id}."),
    "audit-not-held": lazy_text("Audit {id} is not waiting for a decision: its status is {status}."),
    "audit-not-latest": lazy_text("Audit {id} cannot be voided: audit {last} came after it. Void that one first."),
    "audit-not-repeatable": lazy_text("Audit {id} cannot be repeated."),
    "audit-not-voidable": lazy_text(
        "Audit {id} cannot be voided: only an audit of a date after today can be. Its date is {on}, its status "
        "{status}."
    ),
    "audit-policy-missing": lazy_text(
        "Audit {id} cannot be repeated because the text of its policy {version} is not stored."
    ),
    "audit-running": lazy_text("Another audit is running. Wait a moment and check its result."),
    "audit-too-old": lazy_text(
        "Audit {id} cannot be repeated because it is older than the version of the service that stores what is needed."
    ),
    "bin-taken": lazy_text("An agency with BIN {bin} is registered already. Change that record instead."),
    "case-action-not-possible": lazy_text(
        "The action {action} is not possible for case {case}: its status is {status}; the last action was {last} by "
        "{by} at {at}. Read the case again."
    ),
    "case-already-open": lazy_text("Project {project} has an open case already: {case}."),
    "case-not-found": lazy_text("There is no case {id}."),
    "case-not-with-commission": lazy_text(
        "Case {case} was not referred to the Commission: its status is {status}. Read the case again."
    ),
    "case-not-yours": lazy_text("Case {case} is assigned to {assignee}. Ask a supervisor to assign it to you."),
    "case-taken": lazy_text("Case {case} is already taken by {assignee}."),
    "case-template-not-found": lazy_text("There is no template {id}."),
    "changes-expired": lazy_text(
        "The changes after {after} are not there any more: the feed is kept for 90 days and begins again when the "
        "register is restored from a backup. Read /changes?start=now, then the lists again, and follow the feed "
        "from the number that you got."
    ),
    "changes-not-reached": lazy_text(
        "The feed ends with {newest} and has no change {after} yet. Read /changes?start=now, then the lists "
        "again, and follow the feed from the number that you got."
    ),
    "cli-requests-carried-out": lazy_text("Requests carried out: {requests}"),
    "cli-requests-failed": lazy_text(
        "Requests that are due and could not be carried out: {requests}. The log above has the reason; they are tried "
        "again by the next run."
    ),
    "clock-not-confirmed": lazy_text(
        "No nightly audit is run: the system clock shows {now}, more than two days after the last known time, {known}. "
        "If the clock is wrong, correct it. If it is right, confirm it by running an audit by hand: registry audits "
        "run."
    ),
    "commission-decision-recorded": lazy_text(
        "Decision {number} of the Commission with these dates is recorded on case {case} already."
    ),
    "confirmation-needs-a-person": lazy_text("A service account cannot confirm this. Sign in as a person."),
    "confirmation-out-of-date": lazy_text(
        "Request {id} can no longer be confirmed: its dates have passed. Refuse it, so that the agency asks again."
    ),
    "confirmation-without-document": lazy_text(
        "Two people must confirm this, and request {id} has no PDF or image that shows it. Refuse it, and ask for a "
        "document."
    ),
    "decision-needs-another-person": lazy_text(
        "The person who proposed a decision cannot approve it. Another supervisor must approve case {case}."
    ),
    "document-no-scan": lazy_text(
        "“{name}” is neither a PDF nor an image. Attach the signed paper as a PDF or a scan."
    ),
    "document-not-made": lazy_text("Document {number} could not be made. Try again later."),
    "document-not-of-project": lazy_text("The project has no document {id}."),
    "document-of-another-decision": lazy_text(
        "Document {id} is that of another decision of the Commission. Add the document of this one."
    ),
    "draft-not-found": lazy_text("There is no such draft: it may have been registered or deleted."),
    "duplicate-is-itself": lazy_text("Enter the number of another project: {number} is the one to withdraw."),
    "duplicate-is-restricted": lazy_text(
        "Project {number} is restricted, and a request about this project must not name it. Give the reason in words."
    ),
    "duplicate-withdrawn": lazy_text("Project {number}, which was to remain, is withdrawn itself."),
    "exemption-already-revoked": lazy_text("This exemption was revoked on {on}."),
    "exemption-not-found": lazy_text("There is no exemption {id}."),
    "expected-project-numbers": lazy_text("A list of project numbers is expected."),
    "external-id-not-found": lazy_text("Agency {bin} has no project with the external id {external_id}."),
    "external-id-taken": lazy_text("Agency {agency} has a project with external id {external_id} already."),
    "external-ids-collided": lazy_text(
        "Another request registered one of these external ids at the same time. Nothing was changed; send the request "
        "again."
    ),
    "figures-not-frozen": lazy_text("The figures of report {number} are not frozen yet."),
    "figures-to-freeze": lazy_text("Freeze the figures first."),
    "flags-not-known": lazy_text("The flags of that moment are not known: their history begins at {since}."),
    "government-report-changed": lazy_text("Report {number} has changed since you opened it. Read it again."),
    "government-report-needs-a-person": lazy_text(
        "Reports to the Government are written and approved by people, never by service accounts."
    ),
    "government-report-needs-another-person": lazy_text(
        "Report {number} is approved by two people who did not write it and have not approved it yet."
    ),
    "government-report-not-changeable": lazy_text(
        "Report {number} can no longer be changed: its status is {status}. An issued report is corrected by a new "
        "version."
    ),
    "government-report-not-draft": lazy_text("Report {number} cannot be deleted: its status is {status}."),
    "government-report-not-found": lazy_text("There is no report {number}, or no such version of it."),
    "government-report-not-in-review": lazy_text("Report {number} is not under review: its status is {status}."),
    "government-report-not-issued": lazy_text(
        "Report {number} cannot be corrected: its status is {status}. Change the open version instead."
    ),
    "government-report-not-last": lazy_text(
        "Report {number} cannot be deleted, because a later number was given and the numbers of a year have no gap. "
        "Use it for another report."
    ),
    "government-report-not-readable": lazy_text(
        "Restricted projects count in report {number}, and you may not see them. Somebody who may has to approve it."
    ),
    "inbox-entry-not-found": lazy_text("Your inbox has no entry {id}."),
    "inbox-needs-a-person": lazy_text("Only people have an inbox and follow cases, not service accounts."),
    "journal-entry-not-found": lazy_text("The journal has no entry No. {seq}."),
    "letter-code-unknown": lazy_text("No letter has this code."),
    "letter-not-found": lazy_text("There is no letter {number}."),
    "link-circle": lazy_text(
        "{target} leads back to {project} by links of the same kind: a project cannot be linked to itself that way."
    ),
    "link-not-found": lazy_text("Project {number} has no link {id}."),
    "needs-another-person": lazy_text("You made this proposal. Another person must approve it."),
    "needs-two-people": lazy_text(
        "Two people do this together, never a service account or a command alone. Sign in as a person."
    ),
    "no-audit-held": lazy_text("No audit waits for a decision ({on}). List them: registry audits list."),
    "no-audit-to-report": lazy_text("No audit has succeeded yet, so there are no figures to freeze."),
    "not-with-this-confirmation": lazy_text("This is not part of the confirmation that you ask for. Leave it empty."),
    "not-for-court": lazy_text("There is no decided appeal on case {case}, or the court has already ruled on it."),
    "not-in-court-yet": lazy_text("Record first that the agency went to court, and then how the court ruled."),
    "nothing-to-appeal": lazy_text("There is no decision in effect on case {case}."),
    "nothing-to-change": lazy_text("Enter what to change: these are the values of now."),
    "number-of-projects": lazy_text("List 1 to {largest} projects."),
    "onboarding-already-extended": lazy_text("The onboarding was already extended once and cannot be extended again."),
    "onboarding-not-extended-by-operator": lazy_text("Only a reviewer can extend the onboarding of {number}."),
    "own-admission": lazy_text(
        "The account {name} is admitted by another administrator of its agency, or by a supervisor."
    ),
    "placement-not-claimed": lazy_text(
        "The project's placement is {placement}; to be confirmed it must be {needed}. The agency must change the "
        "record first."
    ),
    "platform-key-differs": lazy_text("Project {number} has another platform key. Check which one is right."),
    "platform-key-shared": lazy_text(
        "The key of {number} confirms another project. Check which of the two it belongs to; if both concern one "
        "object, link them as duplicate of or part of each other."
    ),
    "policy-activation-needs-a-person": lazy_text("A policy is activated by a person, never by a service account."),
    "policy-activation-needs-another-person": lazy_text(
        "Whoever drafted or changed version {version} of the policy cannot activate it. Another supervisor must. A "
        "service account that did so must have an owner."
    ),
    "policy-date-taken": lazy_text("Version {other} of the policy is in force from {on}. Choose another date."),
    "policy-impact-changed": lazy_text(
        "The impact is no longer the one that was shown: the records, the policy or the date have changed. Calculate "
        "the impact of version {version} again, read it, and activate the version with the digest that it then shows."
    ),
    "policy-not-draft": lazy_text(
        "Version {version} of the policy is not a draft: it never changes. Draft a new version."
    ),
    "policy-not-found": lazy_text("There is no policy of version {version}."),
    "policy-not-scheduled": lazy_text(
        "Version {version} of the policy is not scheduled for a later day. What is in force is replaced by a new "
        "version."
    ),
    "policy-verdict-cases-fail": lazy_text(
        "Version {version} of the policy cannot be activated: {count} expected verdicts do not hold: {names}. Correct "
        "the policy or these expected verdicts."
    ),
    "policy-version-taken": lazy_text("There is a version {version} of the policy already. Choose another name."),
    "project-not-flagged": lazy_text("Project {project} has no open flag: there is nothing to review."),
    "project-not-found": lazy_text("There is no project {number}."),
    "project-not-of-agency": lazy_text("Agency {bin} has no project {number}."),
    "project-passes-on-already": lazy_text("Project {number} passes to another agency by a confirmed division."),
    "project-withdrawn": lazy_text(
        "Project {number} is withdrawn because it was registered in error. It can be read and no longer changed."
    ),
    "projects-only-in-division": lazy_text("Projects are listed for a division only."),
    "proposal-needs-a-person": lazy_text(
        "The service account {proposed_by} proposed this decision, and a decision needs two persons. Return the "
        "proposal and propose it yourself: another person approves it."
    ),
    "proposal-out-of-date": lazy_text(
        "The flags or the project's name, kind or contract changed, or the due date passed, after the proposal. Return "
        "case {case} so that a new decision can be proposed."
    ),
    "proposal-reason-required": lazy_text("Enter the reason: this waits for a second person, who reads it."),
    "public-project-not-found": lazy_text("There is no public project with this number."),
    "record-changed": lazy_text("Project {number} was changed meanwhile. Look at it again before you confirm it."),
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
    "responsible-not-usable": lazy_text("{name} is no active person who may read reports to the Government."),
    "restriction-unchanged": lazy_text("Access to project {number} is already as you propose."),
    "saved-view-not-found": lazy_text("There is no saved view {id}."),
    "scan-required": lazy_text("Attach the document that shows it, as a PDF or a scan."),
    "stage-not-final": lazy_text("The project's stage is {stage}. An ending is confirmed only in a final stage."),
    "succession-circular": lazy_text("Agency {bin} is to pass to this agency by another succession."),
    "succession-planned": lazy_text(
        "A succession of agency {bin} is confirmed for {on}. Cancel it first, or choose a later date."
    ),
    "successor-is-itself": lazy_text("Choose another agency: {bin} is the one that passes on."),
    "too-many-drafts": lazy_text("One person can have at most {most} drafts. Delete those that are not needed."),
    "too-many-views": lazy_text("You have {most} saved views. Delete one first."),
    "too-many-webhooks": lazy_text("An account has at most {most} webhooks. Delete one that is not used."),
    "transfer-planned": lazy_text("A transfer of project {number} is confirmed for {on}. Cancel it first."),
    "view-name-taken": lazy_text("You have a saved view “{name}” already. Choose another name."),
    "views-need-an-account": lazy_text("Views belong to an account: sign in, or use a token."),
    "voiding-needs-a-person": lazy_text("An audit is voided by people, never by a service account."),
    "voiding-needs-second-person": lazy_text(
        "An operator and a supervisor void an audit together: one proposes, the other confirms. The other one has to "
        "confirm this proposal."
    ),
    "voiding-not-proposed": lazy_text("Nobody has proposed to void audit {id}. Propose it first and give the reason."),
    "voiding-proposal-changed": lazy_text(
        "The proposal has changed: {proposed_by} made a new one. Read it, then confirm it."
    ),
    "webhook-agency-outside": lazy_text("Choose your own agency or one below it."),
    "webhook-conditions-invalid": lazy_text(
        "Enter at most {largest} conditions, each with an event and statuses before or after it. "
        "Example: case.changed: new > under_review."
    ),
    "webhook-disabled": lazy_text("The webhook is disabled. Enable it first."),
    "webhook-not-found": lazy_text("There is no such webhook."),
    "webhook-not-yours": lazy_text("The webhook is of another account: only its owner changes it and reads its log."),
    "webhook-target-not-allowed": lazy_text(
        "Enter an address that begins with https:// and leads to a public host, without user, password and fragment. "
        "Internal addresses are not allowed; the operator can allow a network."
    ),
    "webhooks-need-an-account": lazy_text("A webhook belongs to an account: sign in, or use a token."),
    "withdrawal-needs-a-supervisor": lazy_text(
        "A case is open or an order in force, or the project has or had a medium or high flag: the second person who "
        "confirms request {id} must be a "
        "supervisor."
    ),
    "withdrawal-not-in-effect": lazy_text("Request {id} is not in effect: there is nothing to restore."),
}
