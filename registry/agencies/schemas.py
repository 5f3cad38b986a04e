"""Schemas of agencies in requests and responses."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.agencies.fields import AGENCY_FIELDS, AgencyFields
from registry.core.base_schema import BaseSchema
from registry.core.fields import Choice
from registry.core.response_fields import ReadOnly
from registry.freeze.vocabulary import AgencyKind


class AgencyRegistration(AgencyFields):
    """An agency to register."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"version"})


class AgencyPatch(AgencyFields):
    """Changes of an agency."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"version", "bin"})

    class Meta(BaseSchema.Meta):
        """The BIN never changes."""

        exclude = ("bin",)


class Agency(AgencyFields):
    """An agency in responses."""

    # Never null, but published as nullable: clients generated from the specification would change with it.
    kind = Choice(AgencyKind.codes(), description=AGENCY_FIELDS["kind"].metadata["description"])
    version = ReadOnly("Rises with every change.", {"type": "integer"})


AGENCY: Final = Agency()
AGENCY_BODY: Final = AgencyRegistration()
# Partial: a field that is required of an agency may be absent, but not null.
AGENCY_PATCH: Final = AgencyPatch(partial=True)
AGENCY_EXAMPLE: Final[dict[str, Any]] = {
    **dict.fromkeys(AGENCY_FIELDS),
    "bin": "050340004478",
    "name_kk": "Денсаулық сақтау министрлігі",
    "name_ru": "Министерство здравоохранения",
    "kind": "central_body",
    "region": "71",
    "email": "it@example.kz",
    "version": 1,
}
