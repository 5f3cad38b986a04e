"""Hooks of schemathesis: what the schema cannot state, as schemas know neither check digits nor what is registered.

Loaded by ``schemathesis.toml``. ``REGISTRY_TRY_BINS`` names agencies that are there, with commas.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

from registry.core.fields import check_digit

# Errors for what is valid by the schema, each for a reason that no schema can state.
NOT_IN_A_SCHEMA: Final = frozenset(
    {
        "agency-unknown",
        "assignee-not-a-reviewer",
        "audit-date-after-today",
        "bin-invalid",
        "precondition-failed",
        "control-character",
        "invalid-cursor",
        # Which numbers the change feed has.
        "changes-expired",
        "changes-not-reached",
        "start-or-after",
        "date-after",
        "date-after-today",
        "date-before",
        "date-before-today",
        "date-out-of-range",
        "email-invalid",
        # 1.0 is an integer to JSON Schema, and not here.
        # What names, addresses and roles may be together.
        "account-name-taken",
        "address-range-invalid",
        "field-of-people",
        "field-of-services",
        "lifetime-not-positive",
        "lifetime-too-long",
        "name-not-usable",
        "name-reserved",
        "owner-not-usable",
        "receiver-not-usable",
        "role-needs-agency",
        "role-takes-no-agency",
        "scope-not-of-role",
        "scope-only-for-own-tokens",
        "token-wider-than-account",
        "token-wider-than-token",
        "webhook-agency-outside",
        "webhook-conditions-invalid",
        "webhook-target-not-allowed",
        "expected-ids",
        "expected-whole-number",
        "idempotency-key-reused",
        "link-to-itself",
        "name-required",
        "parent-below-itself",
        "nothing-to-change",
        "project-unknown",
        # What is shown of the past, marked as read, and written in two languages.
        "entries-or-all",
        "known-at-in-future",
        "text-differs",
        "up-to-needs-all",
        # What decisions of the Commission and reports to the Government need.
        "figures-to-freeze",
        "not-with-this-decision",
        "responsible-not-usable",
        # Which rows of an import ask something.
        "row-asks-nothing",
        # Settings of a policy are judged by the parser of policy files, and braces in templates are placeholders.
        "placeholder-unknown",
        "policy-setting-invalid",
        "verdict-case-facts",
        "verdict-case-rules",
        "verdict-cases-not-a-list",
        # What agencies may succeed each other, and which projects a division names.
        "agency-closed",
        "document-not-of-project",
        "document-type-refused",
        "event-not-of-case",
        "event-of-another-side",
        "not-with-this-confirmation",
        "project-not-of-agency",
        # Two people confirm what ends a serious flag, with a document that shows it.
        "scan-required",
        "document-no-scan",
        "project-passes-on-already",
        "project-withdrawn",
        "projects-only-in-division",
        "succession-circular",
        "successor-is-itself",
        "url-invalid",
        "url-with-credentials",
        "year-twice",
        "years-above-budget",
    }
)
# The content of a file, JSON in a form field, and what some decisions and requests need beside themselves.
WHEREVER: Final = frozenset(
    {
        "/file",
        "/answers",
        "/mapping",
        # Only filters that are sent are negated.
        "not",
        "/due_on",
        # The country has one history, reports of a former date are by agency, no version has an unprintable name.
        "of",
        "by",
        "with",
        # A form has texts only: where a value may be null, so is its text.
        "/outcome",
        "/valid_to",
        "/reason_code",
        # Each confirmation that an agency asks for has fields of its own.
        "/consent_number",
        "/ended_on",
        "/platform_key",
        "/verified_on",
    }
)


def _bin(eleven: str) -> str | None:
    digit = check_digit(eleven)
    return None if digit is None else f"{eleven}{digit}"


def _bins() -> st.SearchStrategy[str]:
    made = st.builds(
        "{:02}{:02}{}{}{:05}".format,
        st.integers(0, 99),
        st.integers(1, 12),
        st.sampled_from("456"),
        st.sampled_from("0123"),
        st.integers(0, 99_999),
    )
    valid: st.SearchStrategy[str] = made.map(_bin).filter(bool)
    there = [number for number in os.environ.get("REGISTRY_TRY_BINS", "").split(",") if number]
    return st.sampled_from(there) | valid if there else valid


schemathesis.openapi.format("bin", _bins())
schemathesis.openapi.format(
    "date-or-date-time", st.dates().map(str) | st.datetimes().map(lambda each: f"{each.isoformat()}Z")
)


@schemathesis.hook
def filter_failure(context: Any, failure: Failure, case: Any, response: Any) -> bool:
    """Keep a failure, unless a well-formed request was refused for a reason that no schema can tell."""
    return not (isinstance(failure, RejectedPositiveData) and _reasons(response) <= NOT_IN_A_SCHEMA)


def _reasons(response: Any) -> set[str]:
    problem = json.loads(response.content)
    named = problem.get("errors", [])
    if not named:
        return {problem["type"].rpartition(":")[2]}
    # The filters of a saved view are those of its list.
    others = [one for one in named if not one["pointer"].startswith("/query/")]
    return {one["code"] for one in others if one["pointer"] not in WHEREVER}
