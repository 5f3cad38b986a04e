"""The fields of an agency that administrators write: the one list for API, forms, imports and labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.agencies.vocabulary import AGENCY_KINDS, REGIONS, Region
from registry.core.fields import BaseSchema, Bin, Choice, Email, InputField, Text
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import AgencyKind

BIN_TEXT: Final = "Business identification number: 12 digits, the last a check digit."


class AgencyFields(BaseSchema):
    """The writable fields. A field that is added here also needs a column in ``models.py`` and a migration."""

    bin = Bin(label=lazy_text("BIN"), hint=lazy_text("Twelve digits."), description=BIN_TEXT, required=True)
    name_kk = Text(
        500,
        label=lazy_text("Name in Kazakh"),
        hint=lazy_text("Enter a name in Kazakh or in Russian; one is enough."),
        description="Name in Kazakh; this or `name_ru` is required.",
    )
    name_ru = Text(
        500,
        label=lazy_text("Name in Russian"),
        hint=lazy_text("Enter a name in Kazakh or in Russian; one is enough."),
        description="Name in Russian; this or `name_kk` is required.",
    )
    name_en = Text(500, label=lazy_text("Name in English"), description="Name in English.")
    kind = Choice(
        AgencyKind,
        AGENCY_KINDS,
        label=lazy_text("Kind of agency"),
        description="What sort of organisation it is; decides whether the freeze binds it.",
        required=True,
    )
    region = Choice(Region, REGIONS, label=lazy_text("Region"), description="First two digits of KATO.")
    parent_bin = Bin(
        label=lazy_text("BIN of the parent agency"),
        hint=lazy_text("The parent agency acts for this one too."),
        description="The agency above: its people act for this one too.",
    )
    email = Email(
        label=lazy_text("E-mail"), hint=lazy_text("Address for notifications."), description="Where notices go."
    )


AGENCY_FIELDS: Final[Mapping[str, InputField]] = AgencyFields().inputs
# The BIN identifies the agency and never changes.
CHANGEABLE: Final = tuple(name for name in AGENCY_FIELDS if name != "bin")
# They decide what the moratorium binds and who reads restricted projects: two people change them (approvals).
APPROVED_FIELDS: Final = ("kind", "parent_bin")
