"""Writable fields of a project with their field types, used by the API, forms and imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.agencies.vocabulary import Region
from registry.core.errors import Problem
from registry.core.field_types import (
    MAX_PLANNED_END,
    Bin,
    Choice,
    Day,
    Email,
    InvalidValue,
    Kind,
    Text,
    Url,
    Whole,
    YesNo,
)
from registry.freeze.vocabulary import Placement, Stage, WorkType
from registry.projects.vocabulary import Funding, ObjectKind, Sector

FIELDS: Final[Mapping[str, Kind]] = {
    "external_id": Text(),
    "object_code": Text(),
    "name_kk": Text(500),
    "name_ru": Text(500),
    "name_en": Text(500),
    "purpose": Text(5000),
    "sector": Choice(Sector.codes()),
    "object_kind": Choice(ObjectKind.codes()),
    "work_type": Choice(WorkType.codes()),
    "stage": Choice(Stage.codes()),
    "placement": Choice(Placement.codes()),
    "platform_key": Text(),
    "onboarding_due_on": Day(),
    "specification_approved_on": Day(),
    "contract_signed_on": Day(),
    "work_started_on": Day(),
    "pilot_started_on": Day(),
    "commissioned_on": Day(),
    "object_commissioned_on": Day(),
    "planned_end_on": Day(MAX_PLANNED_END),
    "ended_on": Day(),
    "contract_number": Text(),
    "supplier_bin": Bin(),
    "budget_kzt": Whole(),
    "object_original_cost_kzt": Whole(),
    "consent_number": Text(),
    "funding": Choice(Funding.codes()),
    "region": Choice(Region.codes()),
    "url": Url(),
    "object_class": Whole(1, 3),
    "is_ai": YesNo(),
    "holds_personal_data": YesNo(),
    "responsible_name": Text(),
    "responsible_position": Text(),
    "responsible_email": Email(),
}
REQUIRED: Final = ("object_kind", "work_type", "stage", "placement")
READ_ONLY: Final = (
    "number",
    "placement_verified_on",
    "onboarding_confirmed_on",
    "ending_confirmed_on",
    "is_restricted",
    "started_on",
    "version",
    "registered_at",
    "updated_at",
    "changed_at",
    "freeze_status",
    "severity",
)
# Pairs (earlier, later): the later date must not be before the earlier one; otherwise both fields have an error.
DATE_ORDER: Final = (
    ("work_started_on", "pilot_started_on"),
    ("work_started_on", "commissioned_on"),
    ("work_started_on", "ended_on"),
)


def accept_fields(raw: Mapping[str, object]) -> tuple[dict[str, Any], list[Problem]]:
    """Validate raw values of known fields; returns the accepted values and the problems. Raises KeyError."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in raw.items():
        try:
            values[name] = FIELDS[name].accept(value)
        except InvalidValue as error:
            problems.append(Problem(f"/{name}", error.code, error.params))
    return values, problems


def cross_field_problems(values: Mapping[str, Any]) -> list[Problem]:
    """The problems across the fields of a project: missing required values, no name, dates in the wrong order."""
    problems = [Problem(f"/{name}", "required") for name in REQUIRED if values.get(name) is None]
    if values.get("name_kk") is None and values.get("name_ru") is None:
        problems += [Problem("/name_kk", "name-required"), Problem("/name_ru", "name-required")]
    for earlier, later in DATE_ORDER:
        first, second = values.get(earlier), values.get(later)
        if first is not None and second is not None and second < first:
            problems += [
                Problem(f"/{later}", "date-before", {"other": earlier}),
                Problem(f"/{earlier}", "date-after", {"other": later}),
            ]
    return problems
