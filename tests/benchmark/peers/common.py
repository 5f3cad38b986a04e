"""What both peers have of the contract: names of fields, choices, and the number of a project."""

from __future__ import annotations

import re

CHOICES = {
    "object_kind": ("system", "platform", "internet_resource", "data_resource", "infrastructure", "service"),
    "work_type": ("creation", "development", "modification", "maintenance", "migration"),
    "stage": ("planning", "creation", "testing", "pilot", "operation", "terminated", "archived", "written_off"),
    "placement": ("on_platform", "onboarding", "off_platform", "unknown"),
    "sector": tuple(f"{code:02}" for code in range(1, 11)),
    "region": (
        *("10", "11", "15", "19", "23", "27", "31", "33", "35", "39"),
        *("43", "47", "55", "59", "61", "62", "63", "71", "75", "79"),
    ),
    "ai_risk_class": ("minimal", "medium", "high"),
    "funding": ("republican_budget", "local_budget", "own_funds", "ppp", "service_model", "international"),
}
FILTERS = {
    **CHOICES,
    "freeze_status": ("out_of_scope", "unaudited", "clear", "flagged", "to_migrate", "exempt", "accepted", "withdrawn"),
    "severity": ("plan", "low", "medium", "high"),
}
REQUIRED = ("object_kind", "work_type", "stage", "placement")
NAMES = ("name_kk", "name_ru", "name_en", "supplier_name")
TEXTS = {
    **dict.fromkeys(NAMES, 500),
    **dict.fromkeys(("external_id", "object_code", "platform_key", "contract_number", "budget_programme"), 200),
    **dict.fromkeys(("consent_number", "url", "source_repository_url", "security_conclusion_number"), 200),
    **dict.fromkeys(("responsible_name", "responsible_position", "responsible_phone", "responsible_email"), 200),
    **dict.fromkeys(("ai_model", "ai_supplier", "ai_overseer", "ai_office"), 500),
    **dict.fromkeys(("purpose", "ai_purpose", "ai_data", "ai_tests", "ai_notice", "ai_objection"), 5000),
}
DAYS = (
    *("onboarding_due_on", "specification_approved_on", "contract_signed_on", "work_started_on", "pilot_started_on"),
    *("commissioned_on", "object_commissioned_on", "planned_end_on", "ended_on"),
    *("security_conclusion_on", "ai_reviewed_on"),
)
AMOUNTS = ("budget_kzt", "object_original_cost_kzt")
MAX_AMOUNT = 10**15
FLAGS_OF_PROJECT = ("is_ai", "holds_personal_data", "ai_personal_data")
JSON_LISTS = ("cost_by_year", "integrations")
WRITABLE = (*CHOICES, *TEXTS, *DAYS, *AMOUNTS, *FLAGS_OF_PROJECT, *JSON_LISTS, "supplier_bin", "object_class")
CONFIRMED = ("placement_verified_on", "onboarding_confirmed_on", "ending_confirmed_on", "attested_on")
INSTANTS = ("registered_at", "updated_at", "changed_at")
SHORT = (
    *("number", "agency", "external_id", "name_kk", "name_ru", "name_en", "object_kind", "work_type", "stage"),
    *("placement", "started_on", "budget_kzt", "sector", "region", "freeze_status", "severity"),
    *("updated_at", "changed_at"),
)
DETAIL = (
    *("number", "agency", "started_on", "version", "is_restricted", "withdrawn_at", "freeze_status", "severity"),
    "confirmed_facts",
    *(*INSTANTS, *CONFIRMED, *WRITABLE),
)
FLAG = (
    *("id", "project", "rule", "severity", "status", "title", "observed", "required", "remedy", "clause"),
    *("opened_on", "last_seen_on", "cleared_on", "exemption", "case", "changed_at"),
)

RULE_TEXTS = ("title", "required", "remedy", "clause")
STORED_OF_FLAG = ("id", "rule", "severity", "status", "observed", "opened_on", "cleared_on", "changed_at")
# What a revision repeats of the project.
LAW = ("work_type", "stage", "placement", "contract_signed_on", "work_started_on", "ended_on")


def started(values):
    """The days that say when a project began."""
    return values["contract_signed_on"], values["work_started_on"]


def search_text(values, number):
    """What the index of words has: a space before each word."""
    texts = (values.get(name) for name in ("name_kk", "name_ru", "name_en", "purpose"))
    return "".join(f" {word}" for word in re.findall(r"\w+", " ".join([*filter(None, texts), number]).lower()))


def project_number(year: int, serial: int) -> str:
    """``QT-<year>-<7 digits>-<check digit>``, the check by ISO 7064 mod 11,10."""
    check = 5
    for digit in f"{year:04}{serial:07}":
        check = ((check or 10) * 2 % 11 + int(digit)) % 10
    return f"QT-{year:04}-{serial:07}-{(1 - (check or 10) * 2 % 11) % 10}"
