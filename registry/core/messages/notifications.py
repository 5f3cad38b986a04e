"""Texts of e-mails and of messages through Aitu."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "aitu-account-taken": lazy_text(
        "This Aitu account is linked to another account of the project register. Unlink it there first."
    ),
    "aitu-code-not-accepted": lazy_text(
        "This is not a valid code. Get a new one in the project register under My account, and send its 12 digits here "
        "within 10 minutes."
    ),
    "aitu-linked": lazy_text("This Aitu account is linked. You get notices of the project register here."),
    "aitu-not-configured": lazy_text("The register has no bot in the Aitu messenger."),
    "aitu-not-linked": lazy_text("No Aitu account is linked to your account."),
    "notice-approval-overdue": lazy_text("Proposed decisions wait for approval and are overdue"),
    "notice-appeal-answered": lazy_text("Your appeal is decided"),
    "notice-audit-confirmed": lazy_text("A supervisor has confirmed a held audit: its changes are applied"),
    "notice-audit-failed": lazy_text("An audit has failed"),
    "notice-audit-held": lazy_text("An audit is held and waits for a decision"),
    "notice-audit-rejected": lazy_text("A supervisor has rejected a held audit: it changes nothing"),
    "notice-case-assigned": lazy_text("A case is assigned to you"),
    "notice-case-awaiting-confirmation": lazy_text("A case waits for confirmation: all its flags are cleared"),
    "notice-case-closed": lazy_text("A case is closed"),
    "notice-case-opened": lazy_text("A case is opened on a project of your agency"),
    "notice-case-overdue": lazy_text("Cases assigned to you are overdue"),
    "notice-case-reopened": lazy_text("An audit has reopened a case"),
    "notice-decision-appealed": lazy_text("The agency has appealed the decision on your case"),
    "notice-digest": lazy_text("This has changed since the last summary."),
    "notice-fell-back": lazy_text(
        "Aitu did not deliver this notice, so it is sent by e-mail. Check the link of your Aitu account: {link}"
    ),
    "notice-ending": lazy_text(
        "The details are behind the link, after signing in. This was sent automatically; please do not reply.\n"
        "QazTech project register"
    ),
    "notice-ending-invitation": lazy_text(
        "This was sent automatically; please do not reply.\nQazTech project register"
    ),
    "notice-attestation-due": lazy_text("Confirm that the record is still true, or change it"),
    "notice-exemption-ending": lazy_text("An exemption ends within 30 days"),
    "notice-figure-at-risk-kzt": lazy_text("Money in flagged projects, million ₸: {value}"),
    "notice-figure-change": lazy_text("({change} in seven days)"),
    "notice-figure-flagged": lazy_text("Flagged projects: {value}"),
    "notice-figure-flagged-high": lazy_text("Of these, of high severity: {value}"),
    "notice-figure-flagged-medium": lazy_text("Of these, of medium severity: {value}"),
    "notice-figure-flagged-low": lazy_text("Of these, of low severity: {value}"),
    "notice-figure-to-migrate": lazy_text("Projects to migrate: {value}"),
    "notice-figure-platform-percent": lazy_text("Confirmed on QazTech, per cent of the projects in scope: {value}"),
    "notice-figure-platform-claimed-percent": lazy_text(
        "Claimed to be on QazTech, per cent of the projects in scope: {value}"
    ),
    "notice-without-restricted": lazy_text("Without restricted projects."),
    "notice-flags-cleared": lazy_text("The audit has cleared flags of projects"),
    "notice-severity-lowered": lazy_text("The audit has lowered the severity of flags"),
    "notice-severity-raised": lazy_text("The audit has raised the severity of flags"),
    "notice-flags-opened": lazy_text("The audit has opened flags on projects"),
    "notice-greeting": lazy_text("Hello,"),
    "notice-greeting-name": lazy_text("Hello {name},"),
    "notice-more": lazy_text("and {count} more"),
    "notice-invitation": lazy_text("You are invited to the project register. Choose a password within 72 hours"),
    "notice-invited-account": lazy_text("Your name for signing in: {name}\nYour role: {role}"),
    "notice-invited-agency": lazy_text("Your agency: {agency}"),
    "notice-nights-missed": lazy_text("A nightly audit was missed"),
    "notice-not-you": lazy_text(
        "If it was not you, change your password and tell an administrator of the register at once."
    ),
    "notice-number-audits": lazy_text("Audit {number}"),
    "notice-number-cases": lazy_text("Case {number}"),
    "notice-number-invitations": lazy_text("Link for one use"),
    "notice-number-letters": lazy_text("Letter {number}"),
    "notice-number-overview": lazy_text("Audit of {number}"),
    "notice-number-policies": lazy_text("Version {number}"),
    "notice-number-projects": lazy_text("{number}"),
    "notice-number-requests": lazy_text("Request {number}"),
    "notice-number-service-accounts": lazy_text("{number}"),
    "notice-number-sign-ins": lazy_text("Failed sign-ins: {number}"),
    "notice-number-approvals": lazy_text("Approval {number}"),
    "notice-number-tokens": lazy_text("Token {number}"),
    "notice-number-webhooks": lazy_text("Webhook {number}"),
    "notice-order": lazy_text("Your agency has received an order on a case"),
    "notice-order-due-soon": lazy_text("An order is due within five working days"),
    "notice-order-overdue": lazy_text("An order is overdue"),
    "notice-proposal-returned": lazy_text("The decision that you proposed was returned"),
    "notice-proposal-waiting": lazy_text("A proposed decision waits for approval"),
    "notice-question": lazy_text("Your agency has a question to answer on a case"),
    "notice-question-answered": lazy_text("The agency has answered your question"),
    "notice-request-carried-out": lazy_text("A confirmed request has taken effect"),
    "notice-request-decided": lazy_text("A request is decided"),
    "notice-request-failed": lazy_text("A confirmed request could not take effect on its day"),
    "notice-request-restored": lazy_text("A withdrawn project is restored"),
    "notice-approval-decided": lazy_text("What you proposed is decided"),
    "notice-approval-waiting": lazy_text("A proposal waits for the approval of a second person"),
    "notice-request-waiting": lazy_text("A request waits for a decision"),
    "notice-policy-activated": lazy_text("A version of the policy is activated; its page says from which day"),
    "notice-policy-activation-withdrawn": lazy_text("The activation of a version of the policy is taken back"),
    "notice-questions": lazy_text("Questions? Ask {contact}"),
    "notice-questions-administrator": lazy_text("Questions? Ask the administrator of the register."),
    "notice-sign-in-surge": lazy_text("Failed sign-ins have surged"),
    "notice-subject-digest": lazy_text("Changes in the project register: {count}"),
    "notice-subject-invitation": lazy_text("Invitation to the QazTech project register"),
    "notice-subject-several": lazy_text("{number} in all"),
    "notice-service-without-owner": lazy_text(
        "The owner of a service account was disabled. Choose another owner, and replace its tokens if the owner knew "
        "them"
    ),
    "notice-test-email": lazy_text("A test: e-mails of the project register reach you"),
    "too-many-aitu-codes": lazy_text("You requested too many codes. Try again in {minutes} minutes."),
    "notice-webhook-added": lazy_text("A webhook was created: it sends changes that you may see to another system"),
    "notice-webhook-disabled": lazy_text("A webhook sends no messages any more"),
    "notice-weekly-overview": lazy_text("Overview of the week"),
    "notice-token-ending": lazy_text("A token ends within 14 days"),
}
