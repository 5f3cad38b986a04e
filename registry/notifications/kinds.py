"""Kinds of notifications and their subjects. The text of a kind is the message ``notice-<kind>``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Kind → type of its references, in the order of a digest.
KINDS: Final[Mapping[str, str]] = {
    # Immediate. The references to an account are local times.
    "account-aitu": "account",
    "account-factor": "account",
    "account-moved": "account",
    "account-new-device": "account",
    "account-password": "account",
    "account-token": "account",
    "invitation": "invitations",
    "question": "cases",
    "order": "cases",
    "appeal-answered": "cases",
    "case-reopened": "cases",
    "case-assigned": "cases",
    "question-answered": "cases",
    "proposal-returned": "cases",
    "decision-appealed": "cases",
    "test-email": "account",
    "audit-held": "audits",
    "audit-confirmed": "audits",
    "audit-rejected": "audits",
    "audit-failed": "audits",
    "nights-missed": "audits",
    "policy-activated": "policies",
    "policy-activation-withdrawn": "policies",
    "sign-in-surge": "sign-ins",
    "approval-waiting": "approvals",
    "approval-decided": "approvals",
    "request-waiting": "requests",
    "request-decided": "requests",
    "request-carried-out": "requests",
    "request-failed": "requests",
    "request-restored": "requests",
    "webhook-added": "webhooks",
    "webhook-disabled": "webhooks",
    # On Mondays, to those who subscribed. The reference is the day of the audit.
    "weekly-overview": "overview",
    # In the digest.
    "order-overdue": "cases",
    "order-due-soon": "cases",
    "exemption-ending": "projects",
    "attestation-due": "projects",
    "case-overdue": "cases",
    "approval-overdue": "cases",
    "proposal-waiting": "cases",
    "case-awaiting-confirmation": "cases",
    "case-opened": "cases",
    "case-closed": "cases",
    "flags-opened": "projects",
    "flags-cleared": "projects",
    "severity-raised": "projects",
    "severity-lowered": "projects",
    "token-ending": "tokens",
    "service-without-owner": "service-accounts",
}
# The only kinds that the preferences of a person switch off: all others have a deadline or concern security.
OPTIONAL_IMMEDIATE: Final = frozenset({"case-assigned", "question-answered", "proposal-returned", "decision-appealed"})
OPTIONAL_DIGEST: Final = frozenset(
    {
        "order-overdue",
        "order-due-soon",
        "exemption-ending",
        "attestation-due",
        "case-overdue",
        "approval-overdue",
        "proposal-waiting",
        "case-awaiting-confirmation",
        "case-opened",
        "case-closed",
        "flags-opened",
        "flags-cleared",
        "severity-raised",
        "severity-lowered",
    }
)
# The link of an invitation is a secret, and the test is of e-mail.
BY_EMAIL_ONLY: Final = frozenset({"account-aitu", "invitation", "test-email"})
# Whoever took over an account and linked an Aitu account of their own must not keep these from its owner.
BY_EMAIL_TOO: Final = frozenset(kind for kind in KINDS if kind.startswith("account-")) | {"webhook-added"}
# References without a page of their own, and the page where the reader goes on.
PAGES: Final[Mapping[str, str]] = {
    "account": "account",
    "tokens": "account",
    "overview": "overview",
    "sign-ins": "home",
    "service-accounts": "tokens",
}
