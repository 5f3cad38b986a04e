"""Error messages for pages, in the terms of the pages instead of those of the API (JSON, headers)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any, Final

from registry.core.errors import Problem, RegistryError
from registry.core.messages import message
from registry.web.choice_labels import CHOICE_LABELS
from registry.web.current_user import page_locale
from registry.web.formats import moment, number
from registry.web.labels import FIELDS, LABELLED_PARAMS, choice_label, field_label, role_name

# Parameters of messages that are a choice of a field.
CHOICE_PARAMS: Final = {
    "stage": "stage",
    "action": "case_action",
    "last": "case_event",
    "decision": "decision",
    "scope": "scope",
}
# The field of the parameters ``status`` and ``state``, by how the message begins.
STATUS_FIELDS: Final = {"audit": "audit_status", "government-report": "report_status", "request": "request_state"}
# Parameters of messages that are amounts, which may be large; row ids are not.
AMOUNTS: Final = ("smallest", "largest", "limit", "length", "total")
# Messages that would mislead page users, and their replacements.
PAGE_CODES: Final = {
    "audit-date-after-today": "page-audit-date-after-today",
    "audit-date-before-last": "page-audit-date-before-last",
    "expected-date": "typed-date-wrong",
    "expected-whole-number": "typed-number-wrong",
    "internal-error": "page-internal-fault",
    "invalid": "page-invalid",
    "method-not-allowed": "page-method-not-taken",
    "number-out-of-range": "page-number-out-of-range",
    "payload-too-large": "page-payload-too-large",
    "role-not-allowed": "page-role-not-allowed",
    "route-not-found": "page-route-not-found",
}
WRITTEN_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def problem_message(problem: Problem) -> str:
    """Return a problem's message in the page's language, with field labels."""
    return _page_message(problem.code, problem.params)


def error_message(error: RegistryError) -> str:
    """Return an error's message in the page's language."""
    return _page_message(error.code, error.params)


def row_error_message(row: Mapping[str, Any]) -> str:
    """Return the message of a row error with ``column``, ``code`` and ``params``; choices have their labels."""
    params = dict(row["params"] or {})
    column = row["column"]
    if row["code"] == "not-a-choice" and column in CHOICE_LABELS and isinstance(params.get("options"), str):
        params["options"] = ", ".join(_quoted(choice_label(column, code)) for code in params["options"].split(", "))
    return _page_message(row["code"], params)


def failure_message(code: str) -> str:
    """Return the message of a failed background job by its code."""
    return message(code, page_locale(), {})


def page_code(code: str) -> str:
    """Return the code of the message that a page displays."""
    return PAGE_CODES.get(code, code)


def day_typed(day: date) -> str:
    """Format a date as forms accept it."""
    return day.strftime("%d.%m.%Y")


def _page_message(code: str, params: Mapping[str, object]) -> str:
    shown = {name: _typed(value) for name, value in _named(code, params).items()}
    return message(page_code(code), page_locale(), shown)


def _quoted(label: str) -> str:
    return f"“{label}”" if page_locale() == "en" else f"«{label}»"


def _typed(value: object) -> object:
    # In the form that users type, so that they can copy it.
    if isinstance(value, str) and WRITTEN_DAY.fullmatch(value):
        with suppress(ValueError):
            # Not of what somebody entered, such as 2026-13-45.
            return day_typed(date.fromisoformat(value))
    return value


def _named(code: str, params: Mapping[str, object]) -> dict[str, object]:
    status_field = next((field for prefix, field in STATUS_FIELDS.items() if code.startswith(prefix)), "case_status")
    shown = dict(params)
    for name, value in params.items():
        if name in LABELLED_PARAMS and isinstance(value, str) and value in FIELDS:
            shown[name] = _quoted(field_label(value))
        elif name == "role" and isinstance(value, str):
            shown[name] = _quoted(role_name(value))
        elif name in ("placement", "needed") and isinstance(value, str):
            shown[name] = _quoted(choice_label("placement", value))
        elif name in ("status", "state") and isinstance(value, str):
            shown[name] = _quoted(choice_label(status_field, value))
        elif name in CHOICE_PARAMS and isinstance(value, str):
            shown[name] = _quoted(choice_label(CHOICE_PARAMS[name], value))
        elif name in AMOUNTS and type(value) is int:
            shown[name] = number(value)
        elif name == "at" and isinstance(value, str):
            shown[name] = moment(value)
    return shown
