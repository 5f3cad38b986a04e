"""Schemas of agencies in requests and responses."""

from __future__ import annotations

from typing import ClassVar, Final

from registry.agencies.fields import AGENCY_FIELDS, AgencyFields
from registry.core.fields import DAY_SCHEMA, BaseSchema, Bin, Choice, ReadOnly, nullable
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import AgencyKind

SHOWN_ONLY: Final = ("closed_on", "successor_bin", "version")


class AgencyRegistration(AgencyFields):
    """An agency to register."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset(SHOWN_ONLY)


class AgencyPatch(AgencyFields):
    """Changes of an agency."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({*SHOWN_ONLY, "bin"})

    class Meta(BaseSchema.Meta):
        """The BIN never changes."""

        exclude = ("bin",)


class Agency(AgencyFields):
    """An agency in responses."""

    # Never null, but published as nullable: clients generated from the specification would change with it.
    kind = Choice(AgencyKind.codes(), description=AGENCY_FIELDS["kind"].metadata["description"])
    closed_on = ReadOnly(
        "The first day on which it no longer exists; null while it does.",
        nullable(dict(DAY_SCHEMA)),
        label=lazy_text("Closed on"),
    )
    successor_bin = ReadOnly(
        "BIN of the agency that succeeded it.", nullable(Bin().json_schema), label=lazy_text("BIN of the successor")
    )
    version = ReadOnly("Rises with every change.", {"type": "integer"})


AGENCY: Final = Agency()
AGENCY_BODY: Final = AgencyRegistration()
# Partial: a field that is required of an agency may be absent, but not null.
AGENCY_PATCH: Final = AgencyPatch(partial=True)
