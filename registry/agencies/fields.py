"""The fields of an agency, one list for API, forms, imports and labels, and its schemas in requests and responses."""

from collections.abc import Mapping
from typing import ClassVar, Final

from registry.agencies.models import AGENCY_KINDS, REGIONS, Region
from registry.core.fields import DAY_SCHEMA, BaseSchema, Bin, Choice, Email, InputField, ReadOnly, Text, nullable
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import AgencyKind

BIN_TEXT: Final = "Business identification number: 12 digits, the last a check digit."


ONE_NAME: Final = lazy_text("Enter a name in Kazakh or in Russian; one is enough.")
# Of agencies, and of projects.
NAME_KK: Final = Text(
    500,
    label=lazy_text("Name in Kazakh"),
    hint=ONE_NAME,
    description="Name in Kazakh; this or `name_ru` is required.",
)
NAME_RU: Final = Text(
    500,
    label=lazy_text("Name in Russian"),
    hint=ONE_NAME,
    description="Name in Russian; this or `name_kk` is required.",
)
NAME_EN: Final = Text(500, label=lazy_text("Name in English"), description="Name in English.")


class AgencyFields(BaseSchema):
    """The writable fields. A field that is added here also needs a column in ``models.py`` and a migration."""

    bin = Bin(label=lazy_text("BIN"), hint=lazy_text("Twelve digits."), description=BIN_TEXT, required=True)
    name_kk, name_ru, name_en = NAME_KK, NAME_RU, NAME_EN
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


# Schemas of agencies in requests and responses.

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
