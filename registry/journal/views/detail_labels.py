"""Labels of the details of journal entries that are no form fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.core.translations import lazy_text

DETAILS: Final[Mapping[str, str]] = {
    "account": lazy_text("Account"),
    "old_name": lazy_text("Former name"),
    "account_kind": lazy_text("Kind of account"),
    "issued_by": lazy_text("Created with the token"),
    "asked_by": lazy_text("Requested by"),
    "expires_at": lazy_text("Expires"),
    "scopes": lazy_text("Scopes"),
    "purpose": lazy_text("Purpose of the token"),
    "addresses": lazy_text("Addresses"),
    "owner": lazy_text("Owner"),
    "previous_owner": lazy_text("Previous owner"),
    "failures": lazy_text("Failed sign-ins"),
    "factor": lazy_text("Second factor"),
    "second_factor": lazy_text("Second factor"),
    "problem": lazy_text("Reason"),
    "issuer": lazy_text("Provider of single sign-on"),
    "subject": lazy_text("Identifier at the provider"),
    "session": lazy_text("Session"),
    "by": lazy_text("Ended by"),
    "pending": lazy_text("Waiting for confirmation"),
    "deputy": lazy_text("Deputy"),
    "immediate_emails": lazy_text("E-mails at once about my cases"),
    "digest_emails": lazy_text("Daily digest"),
    "weekly_overview": lazy_text("Overview of the week"),
    "notice_channels": lazy_text("Channels of notices"),
    "first_day": lazy_text("First day"),
    "last_day": lazy_text("Last day"),
    "receiver": lazy_text("New holder"),
    "link_kind": lazy_text("Kind of link"),
    "target": lazy_text("Other project"),
    "note": lazy_text("Note"),
    "previous_assignee": lazy_text("Previous reviewer"),
    "cases": lazy_text("Cases"),
    "drafts": lazy_text("Drafts"),
    "service_accounts": lazy_text("Service accounts"),
    "absences": lazy_text("Ended absences"),
    "request": lazy_text("Request"),
    "request_kind": lazy_text("Kind of request"),
    "to_agency": lazy_text("New agency"),
    "former_agency": lazy_text("Former agency"),
    "previous_agency": lazy_text("Former agency"),
    "decision_reason": lazy_text("Remark"),
    "passed_on": lazy_text("Projects that passed on"),
    "external_ids_changed": lazy_text("External ids with a prefix"),
    "duplicate_of": lazy_text("Registered already as"),
    "flags_reopened": lazy_text("Flags that are active again"),
    "agencies_below": lazy_text("Agencies below"),
    "people": lazy_text("People"),
    # Audits.
    "trigger": lazy_text("Kind"),
    "projects_judged": lazy_text("Projects judged"),
    "projects_flagged": lazy_text("Projects flagged"),
    "projects_exempt": lazy_text("Projects exempt"),
    "projects_out_of_scope": lazy_text("Projects out of scope"),
    "flags_opened": lazy_text("Flag opened"),
    "flags_kept": lazy_text("Flags kept"),
    "flags_cleared": lazy_text("Cleared flags"),
    "flags_accepted": lazy_text("Accepted"),
    "severity_raised": lazy_text("Projects whose highest severity rose"),
    "severity_lowered": lazy_text("Projects whose highest severity fell"),
    "cases_opened": lazy_text("Cases opened"),
    "input_digest": lazy_text("Digest of all that the audit read"),
    "policy_digest": lazy_text("Digest of the policy"),
    "policy_version": lazy_text("Policy version"),
    "impact_digest": lazy_text("Digest of the impact"),
    "based_on": lazy_text("Based on"),
    # Imports and the platform inventory.
    "file_name": lazy_text("File"),
    "import_kind": lazy_text("Kind of rows"),
    "rows": lazy_text("Rows"),
    "total": lazy_text("Rows"),
    "processed": lazy_text("Rows processed"),
    "created": lazy_text("New"),
    "updated": lazy_text("Changed"),
    "unchanged": lazy_text("As before"),
    "rejected": lazy_text("Rows with errors"),
    "inventory": lazy_text("Platform inventory"),
    "matched": lazy_text("Records confirmed on the platform"),
    "lost": lazy_text("Records that lose their confirmation"),
    "mismatched": lazy_text("Records with a listed key that say something else"),
    "unregistered": lazy_text("Keys on the platform in no record"),
    # Cases, letters, documents and reports.
    "case": lazy_text("Case"),
    "audit": lazy_text("Audit"),
    "document": lazy_text("Document"),
    "document_kind": lazy_text("Kind of document"),
    "letter_kind": lazy_text("Kind of letter"),
    "description": lazy_text("Description"),
    "outgoing_number": lazy_text("Outgoing number"),
    "incoming_number": lazy_text("Incoming number"),
    "size": lazy_text("Size in bytes"),
    "sha256": "SHA-256",
    "digest": lazy_text("Hash"),
    "version": lazy_text("Version"),
    "event": lazy_text("Event"),
    "list": lazy_text("List"),
    "what": lazy_text("What"),
    "audited_on": lazy_text("Audit for"),
    "restricted": lazy_text("Restricted"),
}


def detail_name(name: str, details: Mapping[str, Any]) -> str:
    """Return the field of a detail: ``kind`` is of what the other details tell; by itself, it is of the agency."""
    if name != "kind":
        return name
    if "pending" in details:
        return "account_kind"
    if "file_name" in details:
        return "import_kind"
    if "document" in details:
        return "document_kind"
    return "letter_kind" if "case" in details else name
