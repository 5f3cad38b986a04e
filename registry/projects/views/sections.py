"""Sections of a project: the steps of the registration and the sections of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.core.translations import lazy_text
from registry.projects.fields import FIELDS, REQUIRED
from registry.projects.models import Project
from registry.projects.questions import CONDITIONS, is_asked
from registry.web.formats import gettext
from registry.web.forms import present_text, project_field

# At most 12 questions in each.
SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "what": ("name_kk", "name_ru", "name_en", "purpose", "sector", "region", "external_id"),
    "work": ("object_kind", "work_type", "stage", "placement"),
    "object": (
        "platform_key",
        "onboarding_due_on",
        "object_code",
        "url",
        "source_repository_url",
        "integrations",
        "object_class",
        "is_ai",
        "holds_personal_data",
        "security_conclusion_number",
        "security_conclusion_on",
    ),
    "dates": (
        "object_commissioned_on",
        "specification_approved_on",
        "contract_signed_on",
        "work_started_on",
        "pilot_started_on",
        "commissioned_on",
        "planned_end_on",
        "ended_on",
    ),
    "money": (
        "contract_number",
        "supplier_bin",
        "supplier_name",
        "funding",
        "budget_programme",
        "cost_by_year",
        "budget_kzt",
        "object_original_cost_kzt",
        "consent_number",
    ),
    "people": ("responsible_name", "responsible_position", "responsible_phone", "responsible_email"),
}
# Filled in for a new draft.
PREFILLED: Final = ("region",)
OTHERS: Final = "object"
# A field that no section names is displayed with the object.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    part: names
    if part != OTHERS
    else (*names, *(name for name in FIELDS if not any(name in each for each in SECTIONS.values())))
    for part, names in SECTIONS.items()
}
TITLES: Final[Mapping[str, str]] = {
    "what": lazy_text("About the project"),
    "work": lazy_text("Work, stage and hosting"),
    "object": lazy_text("The object"),
    "dates": lazy_text("Dates"),
    "money": lazy_text("Contract and money"),
    "people": lazy_text("Responsible person"),
}
# Read-only values displayed with each section.
CONFIRMED: Final[Mapping[str, tuple[str, ...]]] = {
    "what": (),
    "work": ("placement_verified_on",),
    "object": ("onboarding_confirmed_on",),
    "dates": ("ending_confirmed_on",),
    "money": (),
    "people": (),
}


def part_title(part: str) -> str:
    """The title of a section."""
    return gettext(TITLES[part])


def part_of(field: str) -> str:
    """The section of a field; the first section for ``agency``, which is not in ``PARTS``."""
    return next((part for part, fields in PARTS.items() if field in fields), "what")


def shown_fields(part: str, values: Mapping[str, Any]) -> list[str]:
    """The fields of a section that these values or texts ask, or have, or may ask while the page is open."""
    names = PARTS[part]
    return [name for name in names if is_asked(name, values) or values.get(name) or CONDITIONS[name].field in names]


def next_part(texts: Mapping[str, str]) -> str | None:
    """The first section of a draft with a missing required value or without any answer; None when all have some."""
    for part, names in PARTS.items():
        given = [name for name in names if texts.get(name, "").strip() and name not in PREFILLED]
        if not given or any(not texts.get(name) for name in names if name in REQUIRED):
            return part
    return None


# The values of a project as the texts that its forms have.


def current_texts(project: Project) -> dict[str, str]:
    """The texts of all fields."""
    return {name: present_text(project_field(name), getattr(project, name)) for name in FIELDS}
