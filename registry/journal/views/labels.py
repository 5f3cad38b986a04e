"""What the journal's entries are called: acts, what they were done on, by whom and from where, and their details."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from flask import url_for

from registry.cases.views.labels import CASE_WORDS
from registry.web.labels import FIELDS, field_label, shown, word
from registry.web.translations import gettext, marked

ACTS: Final[Mapping[str, str]] = {
    "project.registered": marked("Project registered"),
    "project.changed": marked("Project changed"),
    "project.restricted": marked("Restriction set or lifted"),
    "restricted.read": marked("Restricted project read"),
    "placement.verified": marked("Placement on QazTech confirmed"),
    "placement.verification-lost": marked("Confirmation of the placement lost"),
    "onboarding.confirmed": marked("Onboarding confirmed"),
    "ending.confirmed": marked("Ending confirmed"),
    "document.added": marked("Document added"),
    "exemption.recorded": marked("Exemption recorded"),
    "exemption.revoked": marked("Exemption revoked"),
    **{f"case.{name}": text for name, text in CASE_WORDS["case_event"].items()},
    "cases.followed": marked("Cases updated by an audit"),
    "audit.succeeded": marked("Audit done"),
    "audit.dry-run": marked("Dry run done"),
    "audit.held": marked("Audit held"),
    "audit.voiding-proposed": marked("Voiding of an audit proposed"),
    "audit.voided": marked("Audit voided"),
    "import.queued": marked("Import accepted"),
    "import.done": marked("Import done"),
    "import.failed": marked("Import failed"),
    "inventory.applied": marked("Platform inventory applied"),
    "agency.registered": marked("Agency registered"),
    "agency.changed": marked("Agency changed"),
    "account.added": marked("Account added"),
    "account.disabled": marked("Account disabled"),
    "account.enabled": marked("Account enabled"),
    "account.role-changed": marked("Role of an account changed"),
    "account.confirmed": marked("Account confirmed"),
    "account.password-set": marked("Password set by an administrator"),
    "account.password-changed": marked("Own password changed"),
    "person.added": marked("Person added"),
    "person.disabled": marked("Account disabled"),
    "person.enabled": marked("Account enabled"),
    "person.password-set": marked("Password set"),
    "person.signed-in": marked("Signed in"),
    "person.signed-out": marked("Signed out"),
    "database.restored": marked("Database restored from a backup"),
    "token.issued": marked("Token issued"),
    "token.revoked": marked("Token revoked"),
}
SOURCES: Final[Mapping[str, str]] = {
    "cli": marked("Command line"),
    "schedule": marked("Schedule"),
    "demo": marked("Demonstration data"),
}
# The credential of an entry, by what stands before its colon.
CREDENTIALS: Final[Mapping[str, str]] = {"token": marked("Token %(id)s"), "session": marked("Session %(id)s")}
# Details of accounts and tokens, which are no fields of forms.
DETAILS: Final[Mapping[str, str]] = {
    "account": marked("Account"),
    "account_kind": marked("Kind of account"),
    "asked_by": marked("Requested by"),
    "expires_at": marked("Expires"),
    "pending": marked("Waiting for confirmation"),
}
STATUSES: Final[Mapping[str, str]] = {"from": marked("Status before"), "to": marked("Status after")}
NUMBERED: Final[Mapping[str, str]] = {"case": marked("Case %(id)s"), "audit": marked("Audit %(id)s")}
# What a person types as the subject, and the kind that it is written with in the journal.
TYPED: Final = (
    (re.compile(r"QT-[0-9-]+", re.IGNORECASE), "project"),
    (re.compile(r"[0-9]{12}"), "agency"),
    (re.compile(r"[0-9]{1,9}"), "case"),
)


def act_name(action: str) -> str:
    """What an act is called; the code itself for one without a name."""
    return gettext(ACTS[action]) if action in ACTS else action


def act_choices(asked: str | None) -> list[tuple[str, str]]:
    """``(code, name)`` of every act by name; what was asked for is among them, whatever it is."""
    named = sorted(((code, gettext(text)) for code, text in ACTS.items()), key=lambda choice: choice[1])
    return named if asked is None or asked in ACTS else [(asked, asked), *named]


def source_name(source: str) -> str:
    """From where: an address, or what else acts."""
    return gettext(SOURCES[source]) if source in SOURCES else source or "–"


def credential_name(credential: str) -> str:
    """What an account came in with: a token by its key id, a session by its hash, or the server itself."""
    kind, _colon, key = credential.partition(":")
    return gettext(CREDENTIALS[kind]) % {"id": key} if kind in CREDENTIALS else gettext("On the server itself")


def subject_name(subject: str) -> str:
    """What it was done on: its number or name, with its kind where the number alone says nothing."""
    kind, _colon, key = subject.partition(":")
    return gettext(NUMBERED[kind]) % {"id": key} if kind in NUMBERED else key or subject


def subject_address(subject: str) -> str | None:
    """The page of what it was done on, None where there is none for whoever reads the journal."""
    kind, _colon, key = subject.partition(":")
    if kind == "project":
        return url_for("web.project", number=key)
    if kind == "agency":
        return url_for("web.projects", agency=key)
    if kind in NUMBERED and key.isascii() and key.isdigit():
        return url_for("web.case", case_id=key) if kind == "case" else url_for("web.audit", audit_id=key)
    return None


def subject_as_written(typed: str) -> str:
    """The subject as the journal writes it, of a project's number, a BIN or a case's number too."""
    kind = next((kind for pattern, kind in TYPED if pattern.fullmatch(typed)), None)
    return typed if kind is None else f"{kind}:{typed.upper()}"


def told_details(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """``(name, value)`` of the details that are a single value each."""
    renamed = {"kind": "account_kind"} if "pending" in details else {}
    return [
        (_name(renamed.get(name, name)), _value(renamed.get(name, name), value))
        for name, value in details.items()
        if isinstance(value, str | int)
    ]


def _name(name: str) -> str:
    if name in STATUSES:
        return gettext(STATUSES[name])
    if name in DETAILS:
        return gettext(DETAILS[name])
    if name == "project":
        return gettext("Project")
    return field_label(name) if name in FIELDS else name.replace("_", " ")


def _value(name: str, value: str | int) -> str:
    return word("case_status", value) if name in STATUSES else shown(name, value)
