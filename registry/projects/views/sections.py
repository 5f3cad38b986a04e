"""Sections of a project: the steps of the registration and the sections of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text
from registry.projects.fields import FIELDS
from registry.web.translations import gettext

SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "what": (
        "name_kk",
        "name_ru",
        "name_en",
        "purpose",
        "object_kind",
        "work_type",
        "stage",
        "sector",
        "region",
        "external_id",
        "object_code",
        "responsible_name",
        "responsible_position",
        "responsible_phone",
        "responsible_email",
    ),
    "placement": (
        "placement",
        "platform_key",
        "onboarding_due_on",
        "url",
        "source_repository_url",
        "integrations",
        "security_conclusion_number",
        "security_conclusion_on",
        "object_class",
        "is_ai",
        "holds_personal_data",
    ),
    "dates": (
        "contract_signed_on",
        "work_started_on",
        "specification_approved_on",
        "pilot_started_on",
        "commissioned_on",
        "object_commissioned_on",
        "planned_end_on",
        "ended_on",
    ),
    "money": (
        "budget_kzt",
        "cost_by_year",
        "budget_programme",
        "object_original_cost_kzt",
        "funding",
        "contract_number",
        "supplier_name",
        "supplier_bin",
        "consent_number",
    ),
}
LAST: Final = "money"
# A field that no section names is displayed in the last one.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    **SECTIONS,
    LAST: (*SECTIONS[LAST], *(name for name in FIELDS if not any(name in names for names in SECTIONS.values()))),
}
TITLES: Final[Mapping[str, str]] = {
    "what": lazy_text("About the project"),
    "placement": lazy_text("Hosting"),
    "dates": lazy_text("Dates"),
    "money": lazy_text("Money and consent"),
}
# Read-only values displayed with each section.
CONFIRMED: Final[Mapping[str, tuple[str, ...]]] = {
    "what": (),
    "placement": ("placement_verified_on", "onboarding_confirmed_on"),
    "dates": ("ending_confirmed_on",),
    "money": (),
}


def part_title(part: str) -> str:
    """The title of a section."""
    return gettext(TITLES[part])


def part_of(field: str) -> str:
    """The section of a field; the first section for ``agency``, which is not in ``PARTS``."""
    return next((part for part, fields in PARTS.items() if field in fields), "what")
