"""The demo's regional systems: the rows of their registration, and of the platform's inventory."""

from __future__ import annotations

import csv
from typing import Final

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.agencies.vocabulary import Region
from registry.core.database import db
from registry.core.translations import translate
from registry.demo.calendar import DATA
from registry.freeze.vocabulary import Placement
from registry.projects.models import Project

ON_PLATFORM_AT_FIRST: Final = 6
# Spread the moves to the platform over regions and agencies, and unevenly: a square, and a prime.
FACTOR: Final = 53
PRIME: Final = 131


def systems() -> list[dict[str, str]]:
    """Return the rows of the systems as they were registered, in the order in which they move to the platform."""
    with (DATA / "regional_systems.csv").open(encoding="utf-8", newline="") as file:
        kinds = list(csv.DictReader(file))
    rows = [_row(kind, region, number) for number, kind in enumerate(kinds) for region in Region]
    order = [rows[place] for place in sorted(range(len(rows)), key=lambda number: number * number * FACTOR % PRIME)]
    for row in order[:ON_PLATFORM_AT_FIRST]:
        row["placement"], row["platform_key"] = Placement.ON_PLATFORM.value, platform_key_of(row)
    return order


def inventory_rows() -> list[dict[str, str]]:
    """Return the rows of the platform's inventory of today on the regional systems."""
    names = [row["external_id"] for row in systems()]
    statement = (
        select(Project.platform_key, Agency.bin, Project.placement_verified_on)
        .join(Agency, Agency.id == Project.agency_id)
        .where(Project.external_id.in_(names), Project.placement_verified_on.is_not(None))
        .order_by(Project.id)
    )
    columns = ("platform_key", "agency", "verified_on")
    return [dict(zip(columns, map(str, row), strict=True)) for row in db.session.execute(statement)]


def platform_key_of(row: dict[str, str]) -> str:
    """Return the key of a system on the platform."""
    return f"qt-{row['external_id'].lower()}"


def _row(kind: dict[str, str], region: Region, number: int) -> dict[str, str]:
    tenths = 6 + (number + int(region.value)) % 9
    names = {
        f"name_{language}": f"{kind[f'name_{language}']}: {translate(region.label, language)}"
        for language in ("kk", "ru", "en")
    }
    return {
        "agency": kind["agency"],
        "external_id": f"{kind['code']}-{region.value}",
        "object_code": f"REG-{kind['code']}-{region.value}",
        **names,
        "purpose": kind["purpose"],
        "sector": kind["sector"],
        "object_kind": "system",
        "work_type": "maintenance",
        "stage": "operation",
        "placement": Placement.OFF_PLATFORM.value,
        "platform_key": "",
        "contract_signed_on": f"2025-0{1 + number}-15",
        "work_started_on": f"2025-0{2 + number}-01",
        "object_commissioned_on": f"{2013 + int(region.value) % 9}-0{1 + number}-20",
        "budget_kzt": str(int(kind["budget_kzt"]) * tenths // 10),
        "funding": "republican_budget",
        "region": region.value,
        "object_class": "2",
        "is_ai": "false",
        "holds_personal_data": kind["holds_personal_data"],
    }
