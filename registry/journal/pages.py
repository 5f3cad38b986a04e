"""Pages of the journal, and the labels of its entries."""

import re
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from flask import Response, render_template, url_for

from registry.accounts.roles import SCHEDULE, Actor, Permission
from registry.core.errors import Problem
from registry.core.translations import lazy_text
from registry.journal.checkpoints import CheckpointNotFound, checkpoint_keys, find_checkpoint, newest_checkpoints
from registry.journal.queries import EXPORTED_COLUMNS, JOURNAL, find_entry, journal_cell
from registry.web.blueprint import Answer, Public, pages
from registry.web.errors import problem_message
from registry.web.formats import day, gettext
from registry.web.labels import CHOICE_LABELS, FIELDS, choice_label, display_value, field_label
from registry.web.lists import ENDINGS, TableColumn, download_list, render_list, requested_filters, requested_page

# Labels of the actions of journal entries, and of their details that are no form fields.

LABELS: Final = tomllib.loads(Path(__file__).with_name("labels.toml").read_text(encoding="utf-8"))
ACTIONS: Final[Mapping[str, str]] = {
    **LABELS["actions"],
    **{f"case.{name}": text for name, text in CHOICE_LABELS["case_event"].items()},
}
DETAILS: Final[Mapping[str, str]] = {**LABELS["details"], "sha256": "SHA-256"}


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
    columns: list[TableColumn] = [TableColumn(name, partial(journal_cell, name=name)) for name in EXPORTED_COLUMNS]
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


# Checkpoints of the journal: what they are, the keys, and the newest ones. Public, for whoever keeps one.

SHOWN_CHECKPOINTS: Final = 10
TO_EVERYBODY: Final = Public("a checkpoint names nothing but a number and a hash; whoever keeps one can prove a change")


@pages.page("/checkpoints", needs=TO_EVERYBODY)
def checkpoints() -> Answer:
    """Display the keys and the newest checkpoints."""
    return render_template(
        "journal/checkpoints.html", keys=checkpoint_keys(), checkpoints=newest_checkpoints(SHOWN_CHECKPOINTS)
    )


@pages.page("/checkpoints/latest.txt", needs=TO_EVERYBODY)
def newest_checkpoint_as_text() -> Answer:
    """Return the newest checkpoint as a signed note."""
    newest = newest_checkpoints(1)
    if not newest:
        raise CheckpointNotFound(size=0)
    return Response(newest[0].note, content_type="text/plain; charset=utf-8")


@pages.page("/checkpoints/<row_id:size>.txt", needs=TO_EVERYBODY)
def checkpoint_as_text(size: int) -> Answer:
    """Return the checkpoint of that size as a signed note."""
    return Response(find_checkpoint(size).note, content_type="text/plain; charset=utf-8")
