"""Pages of the journal, and the labels of its entries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from flask import render_template, url_for

from registry.accounts.roles import SCHEDULE, Actor, Permission
from registry.core.errors import Problem
from registry.core.translations import lazy_text
from registry.journal.queries import EXPORTED_COLUMNS, JOURNAL, find_entry, journal_cell
from registry.web.blueprint import Answer, pages
from registry.web.errors import problem_message
from registry.web.formats import day, gettext
from registry.web.labels import CHOICE_LABELS, FIELDS, choice_label, display_value, field_label
from registry.web.lists import ENDINGS, TableColumn, download_list, render_list, requested_filters, requested_page

# Labels of the actions of journal entries.

ACTIONS: Final[Mapping[str, str]] = {
    "project.registered": lazy_text("Project registered"),
    "project.changed": lazy_text("Project changed"),
    "project.restricted": lazy_text("Restriction set or lifted"),
    "project.linked": lazy_text("Projects linked"),
    "project.unlinked": lazy_text("Link of projects removed"),
    "restricted.read": lazy_text("Restricted project read"),
    "project.attested": lazy_text("Record confirmed as true"),
    "placement.verified": lazy_text("Placement on QazTech confirmed"),
    "placement.verification-lost": lazy_text("Confirmation of the placement lost"),
    "onboarding.confirmed": lazy_text("Onboarding confirmed"),
    "ending.confirmed": lazy_text("Ending confirmed"),
    "document.added": lazy_text("Document added"),
    "letter.issued": lazy_text("Letter issued"),
    "exemption.recorded": lazy_text("Exemption recorded"),
    "exemption.revoked": lazy_text("Exemption revoked"),
    **{f"case.{name}": text for name, text in CHOICE_LABELS["case_event"].items()},
    "case.watched": lazy_text("Case followed"),
    "case.unwatched": lazy_text("Case no longer followed"),
    "project.watched": lazy_text("Project followed"),
    "project.unwatched": lazy_text("Project no longer followed"),
    "cases.followed": lazy_text("Cases updated by an audit"),
    "saved-view.added": lazy_text("Shared view saved"),
    "saved-view.deleted": lazy_text("Shared view deleted"),
    "government-report.begun": lazy_text("Report to the Government begun"),
    "government-report.changed": lazy_text("Report to the Government changed"),
    "government-report.frozen": lazy_text("Figures of a report to the Government frozen"),
    "government-report.submitted": lazy_text("Report to the Government submitted for review"),
    "government-report.approved": lazy_text("Report to the Government approved by the first of two people"),
    "government-report.issued": lazy_text("Report to the Government issued"),
    "government-report.returned": lazy_text("Report to the Government returned"),
    "government-report.corrected": lazy_text("Correction of a report to the Government begun"),
    "government-report.handed-over": lazy_text("Report to the Government handed over to another responsible person"),
    "government-report.deleted": lazy_text("Draft of a report to the Government deleted"),
    "audit.succeeded": lazy_text("Audit done"),
    "audit.dry-run": lazy_text("Dry run done"),
    "audit.failed": lazy_text("Audit failed"),
    "audit.missed": lazy_text("Audit missed"),
    "audit.held": lazy_text("Audit held"),
    "audit.confirmed": lazy_text("Held audit confirmed"),
    "audit.rejected": lazy_text("Held audit rejected"),
    "audit.voiding-proposed": lazy_text("Voiding of an audit proposed"),
    "audit.voided": lazy_text("Audit voided"),
    "import.columns-mapped": lazy_text("Columns of tables assigned"),
    "import.columns-forgotten": lazy_text("Remembered columns of tables deleted"),
    "import.queued": lazy_text("Import accepted"),
    "import.undone": lazy_text("Import undone"),
    "import.done": lazy_text("Import done"),
    "import.failed": lazy_text("Import failed"),
    "open-data.written": lazy_text("Open data written"),
    "inventory.applied": lazy_text("Platform inventory applied"),
    "agency.registered": lazy_text("Agency registered"),
    "agency.changed": lazy_text("Agency changed"),
    "agency.closed": lazy_text("Agency closed, succeeded by another one"),
    "agency.succeeded": lazy_text("Agency succeeded another one"),
    "project.passed-on": lazy_text("Project passed to another agency"),
    "account.passed-on": lazy_text("Account passed to another agency"),
    "approval.proposed": lazy_text("Approval proposed"),
    "approval.approved": lazy_text("Approved by a second person"),
    "approval.applied": lazy_text("Approved change made"),
    "approval.rejected": lazy_text("Proposal rejected"),
    "approval.cancelled": lazy_text("Approval cancelled"),
    "approval.outdated": lazy_text("Proposal out of date"),
    "request.asked": lazy_text("Request made"),
    "request.confirmed-first": lazy_text("Request confirmed by the first of two people"),
    "request.confirmed": lazy_text("Request confirmed"),
    "request.refused": lazy_text("Request refused"),
    "request.cancelled": lazy_text("Request cancelled"),
    "request.carried-out": lazy_text("Request took effect"),
    "request.failed": lazy_text("Request could not take effect"),
    "request.restored": lazy_text("Withdrawal undone"),
    "policy.drafted": lazy_text("Draft of the policy created"),
    "policy.changed": lazy_text("Draft of the policy changed"),
    "policy.deleted": lazy_text("Draft of the policy deleted"),
    "policy.activated": lazy_text("Policy activated"),
    "policy.activation-withdrawn": lazy_text("Scheduled activation of the policy taken back"),
    "project.withdrawn": lazy_text("Project withdrawn as registered in error"),
    "project.restored": lazy_text("Withdrawn project restored"),
    "account.added": lazy_text("Account added"),
    "account.renamed": lazy_text("Account renamed"),
    "account.disabled": lazy_text("Account disabled"),
    "account.enabled": lazy_text("Account enabled"),
    "account.role-changed": lazy_text("Role of an account changed"),
    "account.moved": lazy_text("Moved to another agency"),
    "account.owner-changed": lazy_text("Owner of a service account changed"),
    "account.confirmed": lazy_text("Account confirmed"),
    "account.admitted": lazy_text("Admitted to restricted projects"),
    "account.admission-ended": lazy_text("Admission to restricted projects ended"),
    "account.rejected": lazy_text("Account rejected"),
    "account.invited": lazy_text("Invitation created"),
    "account.invitation-accepted": lazy_text("Invitation accepted, password set"),
    "account.absence-recorded": lazy_text("Absence recorded"),
    "account.absence-ended": lazy_text("Absence ended"),
    "account.handed-over": lazy_text("Work handed over"),
    "account.changed": lazy_text("Account changed"),
    "account.password-half-shown": lazy_text("First half of the password displayed"),
    "account.password-set": lazy_text("Password set by an administrator"),
    "account.password-changed": lazy_text("Own password changed"),
    "account.password-refused": lazy_text("Wrong current password"),
    "account.language-changed": lazy_text("Own language changed"),
    "account.aitu-code-created": lazy_text("Code for linking an Aitu account created"),
    "account.aitu-linked": lazy_text("Aitu account linked"),
    "account.aitu-unlinked": lazy_text("Aitu account unlinked"),
    "account.notice-channels-changed": lazy_text("Channels of own notices changed"),
    "account.notifications-changed": lazy_text("Own notifications changed"),
    "account.setup-hidden": lazy_text("Setup checklist hidden"),
    "account.test-email-queued": lazy_text("Test e-mail requested"),
    "account.new-device": lazy_text("Signed in on a new device"),
    "account.factor-added": lazy_text("Second factor added"),
    "account.factor-removed": lazy_text("Second factor removed"),
    "account.factors-reset": lazy_text("Second factors reset by an administrator"),
    "account.recovery-codes-created": lazy_text("Recovery codes created"),
    "person.added": lazy_text("Person added"),
    "person.disabled": lazy_text("Account disabled"),
    "person.enabled": lazy_text("Account enabled"),
    "person.password-set": lazy_text("Password set"),
    "person.signed-in": lazy_text("Signed in"),
    "person.password-accepted": lazy_text("Correct password; second factor requested"),
    "person.provider-accepted": lazy_text("Single sign-on accepted; second factor requested"),
    "account.identity-linked": lazy_text("Account linked with single sign-on"),
    "account.identity-unlinked": lazy_text("Account unlinked from single sign-on"),
    "account.requested": lazy_text("Account confirmed by the first of two people"),
    "person.factor-verified": lazy_text("Second factor verified"),
    "person.factor-refused": lazy_text("Wrong second factor"),
    "person.session-ended": lazy_text("Own session ended"),
    "person.signed-out": lazy_text("Signed out"),
    "sign-in.surged": lazy_text("Failed sign-ins have surged"),
    "database.backup-failed": lazy_text("Backup of the database failed"),
    "database.backup-started": lazy_text("Backup of the database taken"),
    "database.restore-drilled": lazy_text("Backup of the database restored as a drill"),
    "journal.time-explained": lazy_text("Time of a journal entry explained"),
    "tokens.rekeyed": lazy_text("Tokens signed with the new secret key"),
    "database.restored": lazy_text("Database restored from a backup"),
    "token.issued": lazy_text("Token issued"),
    "token.confirmed": lazy_text("Token confirmed"),
    "token.revoked": lazy_text("Token revoked"),
    "webhook.added": lazy_text("Webhook added"),
    "webhook.changed": lazy_text("Webhook changed"),
    "webhook.deleted": lazy_text("Webhook deleted"),
    "webhook.disabled": lazy_text("Webhook disabled"),
    "webhook.replayed": lazy_text("Webhook messages sent again"),
    "webhook.secret-rotated": lazy_text("Secret of a webhook rotated"),
    "webhook.tested": lazy_text("Test message of a webhook sent"),
}


# Labels of the details of journal entries that are no form fields.

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
    "projects_to_migrate": lazy_text("Projects to migrate"),
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


# Labels of journal entries: subjects, credentials, sources and details.

SOURCES: Final[Mapping[str, str]] = {
    "cli": lazy_text("Command line"),
    "schedule": lazy_text("Schedule"),
    "demo": lazy_text("Demonstration data"),
    "aitu": lazy_text("Aitu messenger"),
}
# The credential of an entry, by the part before the colon.
CREDENTIALS: Final[Mapping[str, str]] = {
    "token": lazy_text("Token %(id)s"),
    "session": lazy_text("Session %(id)s"),
    "invitation": lazy_text("Invitation"),
}
STATUSES: Final[Mapping[str, str]] = {"from": lazy_text("Status before"), "to": lazy_text("Status after")}
NUMBERED: Final[Mapping[str, str]] = {
    "case": lazy_text("Case %(id)s"),
    "audit": lazy_text("Audit %(id)s"),
    "policy": lazy_text("Policy %(id)s"),
    "request": lazy_text("Request %(id)s"),
}
PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "case": ("web.case", "case_id"),
    "audit": ("web.audit", "audit_id"),
    "request": ("web.request_page", "request_id"),
}

# Patterns of subjects that people type without a kind, and the kind that the journal adds.
SUBJECT_PATTERNS: Final = (
    (re.compile(r"QT-[0-9-]+", re.IGNORECASE), "project"),
    (re.compile(r"[0-9]{12}"), "agency"),
    (re.compile(r"[0-9]{1,9}"), "case"),
)


def action_label(action: str) -> str:
    """Return the label of an action; the code itself for an unknown one."""
    return gettext(ACTIONS[action]) if action in ACTIONS else action


def action_choices(selected: str | None) -> list[tuple[str, str]]:
    """``(code, label)`` of every action, sorted by label; an unknown selected action is added first."""
    choices = sorted(((code, gettext(text)) for code, text in ACTIONS.items()), key=lambda choice: choice[1])
    return choices if selected is None or selected in ACTIONS else [(selected, selected), *choices]


def source_label(source: str) -> str:
    """Return the label of a source: an IP address, the command line, the schedule or the demo."""
    return gettext(SOURCES[source]) if source in SOURCES else source or "–"


def credential_label(credential: str) -> str:
    """Return the label of a credential: a token by its key id, a session by its hash, or the server itself."""
    kind, _colon, key = credential.partition(":")
    return gettext(CREDENTIALS[kind]) % {"id": key} if kind in CREDENTIALS else gettext("On the server itself")


def subject_label(subject: str) -> str:
    """Return the label of a subject: its number or name, with its kind where the number alone is ambiguous."""
    kind, _colon, key = subject.partition(":")
    return gettext(NUMBERED[kind]) % {"id": key} if kind in NUMBERED else key or subject


def subject_address(subject: str) -> str | None:
    """Return the URL of the subject's page; None for kinds without a page."""
    kind, _colon, key = subject.partition(":")
    if kind == "project":
        return url_for("web.project", number=key)
    if kind == "agency":
        return url_for("web.agency", bin=key)
    if kind in PAGES and key.isascii() and key.isdigit():
        endpoint, parameter = PAGES[kind]
        values: dict[str, Any] = {parameter: key}
        return url_for(endpoint, **values)
    return None


def normalize_subject(typed: str) -> str:
    """Return the subject in the journal's form; adds the kind to a project number, a BIN or a case number."""
    kind = next((kind for pattern, kind in SUBJECT_PATTERNS if pattern.fullmatch(typed)), None)
    return typed if kind is None else f"{kind}:{typed.upper()}"


def detail_rows(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """``(label, value)`` of the details with a scalar value."""
    named = [(detail_name(name, details), value) for name, value in details.items() if isinstance(value, str | int)]
    return [(_name(name), _value(name, value)) for name, value in named]


def history_rows(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """``detail_rows`` for the history of a person, where the kind of account and what does not wait are no news."""
    shown = {name: value for name, value in details.items() if name != "pending" or value}
    if "pending" in details:
        shown.pop("kind", None)
    return detail_rows(shown)


def principal_label(principal: str) -> str:
    """Who acted: a name, the schedule, or the command line on the server with the user there."""
    if principal == SCHEDULE.principal:
        return source_label(SCHEDULE.source)
    kind, _colon, user = principal.partition(":")
    return gettext("Command line, %(user)s") % {"user": user} if kind == "local" else principal


def _name(name: str) -> str:
    if name in STATUSES:
        return gettext(STATUSES[name])
    if name in DETAILS:
        return gettext(DETAILS[name])
    if name == "project":
        return gettext("Project")
    if name in FIELDS:
        return field_label(name)
    # Counts of what an audit did to cases.
    return choice_label("case_event", name) if name in CHOICE_LABELS["case_event"] else name.replace("_", " ")


def _value(name: str, value: str | int) -> str:
    if name in ("first_day", "last_day"):
        return day(str(value))
    if name == "problem":
        return problem_message(Problem("", str(value)))
    if name == "factor":
        return choice_label("factor_kind", value)
    if (name, value) == ("by", "provider"):
        return gettext("Single sign-on")
    return choice_label("case_status", value) if name in STATUSES else display_value(name, value)


# Pages of the journal.

FILTERS = ("q", "action", "at_from", "at_to", "subject", "principal", "request_id")
# Asked for rarely: the page shows them on request.
EXACT = ("subject", "principal", "request_id")


@pages.page("/journal", needs=Permission.JOURNAL_READ)
def journal(actor: Actor) -> Answer:
    """List the entries, newest first."""
    filters = _filters()
    listing = JOURNAL.read(actor, filters, requested_page(50))
    return render_list(
        "journal/list.html",
        listing,
        exact=EXACT,
        actions=action_choices(filters.get("action")),
        action_label=action_label,
        source_label=source_label,
        subject_label=subject_label,
        subject_address=subject_address,
        filters=filters,
    )


@pages.page(f"/journal.<{ENDINGS}:ending>", needs=Permission.JOURNAL_READ)
def journal_table(actor: Actor, ending: str) -> Answer:
    """Download the listed entries."""
    filters = _filters()
    columns: list[TableColumn] = [(name, partial(journal_cell, name=name)) for name in EXPORTED_COLUMNS]
    return download_list(ending, "journal", columns, lambda page: JOURNAL.read(actor, filters, page))


def _filters() -> dict[str, str]:
    filters = requested_filters(FILTERS)
    if "subject" in filters:
        filters["subject"] = ",".join(normalize_subject(part.strip()) for part in filters["subject"].split(","))
    return filters


@pages.page("/journal/<int(max=9223372036854775807):seq>", needs=Permission.JOURNAL_READ)
def journal_entry(actor: Actor, seq: int) -> Answer:
    """Show one entry with its details and its hashes."""
    entry = find_entry(actor, seq)
    return render_template(
        "journal/detail.html",
        entry=entry,
        details=detail_rows(entry["details"]),
        credential_label=credential_label,
        action_label=action_label,
        source_label=source_label,
        subject_label=subject_label,
        subject_address=subject_address,
    )
