"""Schemas of agencies in requests and responses."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.agencies.service import AGENCY_FIELDS
from registry.core.field_types import Bin
from registry.core.schema_fields import Accepted, Body, Shown

BIN_TEXT: Final = "Business identification number: 12 digits, the last a check digit."
KIND_TEXT: Final = "What sort of organisation it is; decides whether the freeze binds it."


class AgencyFields(Body):
    """The writable fields."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"version"})

    bin = Accepted(Bin(), BIN_TEXT, required=True)
    name_kk = Accepted(AGENCY_FIELDS["name_kk"], "Name in Kazakh; this or `name_ru` is required.")
    name_ru = Accepted(AGENCY_FIELDS["name_ru"], "Name in Russian; this or `name_kk` is required.")
    name_en = Accepted(AGENCY_FIELDS["name_en"], "Name in English.")
    kind = Accepted(AGENCY_FIELDS["kind"], KIND_TEXT)
    region = Accepted(AGENCY_FIELDS["region"], "First two digits of KATO.")
    parent_bin = Accepted(AGENCY_FIELDS["parent_bin"], "The agency above: its people act for this one too.")
    email = Accepted(AGENCY_FIELDS["email"], "Where notices go.")


class AgencyRegistration(AgencyFields):
    """An agency to register."""

    kind = Accepted(AGENCY_FIELDS["kind"], KIND_TEXT, required=True)


class AgencyPatch(AgencyFields):
    """Changes of an agency."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"version", "bin"})

    kind = Accepted(AGENCY_FIELDS["kind"], KIND_TEXT, clearable=False)

    class Meta(Body.Meta):
        """The BIN never changes."""

        exclude = ("bin",)


class Agency(AgencyFields):
    """An agency in responses."""

    version = Shown("Rises with every change.", {"type": "integer"})


AGENCY: Final = Agency()
AGENCY_BODY: Final = AgencyRegistration()
AGENCY_PATCH: Final = AgencyPatch()
AGENCY_EXAMPLE: Final[dict[str, Any]] = {
    "bin": "050340004478",
    "name_kk": "Денсаулық сақтау министрлігі",
    "name_ru": "Министерство здравоохранения",
    "name_en": None,
    "kind": "central_body",
    "region": "71",
    "parent_bin": None,
    "email": "it@example.kz",
    "version": 1,
}
