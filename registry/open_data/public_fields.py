"""The public fields of a project: the one list that files, pages and their dictionary are made from.

A field that is not in the list is private, also one that is added to projects later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement

from registry.agencies.models import Agency
from registry.agencies.vocabulary import Region
from registry.core.bulk import table_of
from registry.core.translations import lazy_text
from registry.freeze.choices import Choices
from registry.freeze.current import policy_in_force
from registry.freeze.vocabulary import Placement, Stage, WorkType
from registry.projects.models import Project
from registry.projects.schemas import PROJECT
from registry.projects.started import started_on
from registry.projects.vocabulary import FreezeStatus, Funding, ObjectKind, Sector

# As Table Schema calls them.
Kind = Literal["string", "integer", "date"]
AGENCY_PREFIX: Final = "agency_"


@dataclass(frozen=True, slots=True)
class PublicField:
    """A column of the file. ``title`` is its English label; ``choices`` are the codes that it can have."""

    name: str
    title: str
    kind: Kind = "string"
    choices: type[Choices] | None = None

    @property
    def codes(self) -> list[Choices]:
        """The choices that occur in public records; empty for other fields."""
        return [choice for choice in self.choices or () if choice != FreezeStatus.WITHDRAWN]

    def column(self) -> ColumnElement[Any]:
        """Its value; the statement must join Agency."""
        if self.name == "agency":
            return table_of(Agency).c.bin
        if self.name == "started_on":
            return started_on(policy_in_force())
        if self.name.startswith(AGENCY_PREFIX):
            return table_of(Agency).c[self.name.removeprefix(AGENCY_PREFIX)]
        return table_of(Project).c[self.name]


def _of_project(name: str, kind: Kind = "string", choices: type[Choices] | None = None) -> PublicField:
    return PublicField(name, PROJECT.fields[name].metadata["label"], kind, choices)


PUBLIC_FIELDS: Final = (
    _of_project("number"),
    PublicField("agency", lazy_text("BIN of the agency")),
    PublicField("agency_name_kk", lazy_text("Name of the agency in Kazakh")),
    PublicField("agency_name_ru", lazy_text("Name of the agency in Russian")),
    PublicField("agency_name_en", lazy_text("Name of the agency in English")),
    _of_project("name_kk"),
    _of_project("name_ru"),
    _of_project("name_en"),
    _of_project("purpose"),
    _of_project("object_kind", choices=ObjectKind),
    _of_project("work_type", choices=WorkType),
    _of_project("stage", choices=Stage),
    _of_project("placement", choices=Placement),
    _of_project("sector", choices=Sector),
    _of_project("region", choices=Region),
    _of_project("funding", choices=Funding),
    _of_project("budget_kzt", "integer"),
    _of_project("started_on", "date"),
    _of_project("planned_end_on", "date"),
    _of_project("ended_on", "date"),
    _of_project("freeze_status", choices=FreezeStatus),
    # ``placement`` is what the agency says.
    _of_project("placement_verified_on", "date"),
)
PUBLIC_NAMES: Final = frozenset(field.name for field in PUBLIC_FIELDS)
