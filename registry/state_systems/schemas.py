"""Schemas of confirmations from other state systems in requests and responses."""

from typing import Any, Final

from registry.core.fields import DAY_SCHEMA, BaseSchema, ReadOnly, Timestamp, nullable, object_of
from registry.core.translations import lazy_text
from registry.procurement.models import MatchState
from registry.state_systems.models import ExternalKind, ExternalState
from registry.state_systems.queries import STATED

INTEGER: Final = {"type": "integer"}
TEXT: Final = {"type": "string"}
TEXT_OR_NULL: Final = nullable(TEXT)
COUNT: Final = {"type": "integer", "minimum": 0}
DAY: Final = dict(DAY_SCHEMA)
FACTS: Final[dict[str, Any]] = {
    "type": "array",
    "items": object_of(
        fact={"type": "string", "enum": [*STATED]}, value=TEXT, recorded=TEXT_OR_NULL, confirmed_on=nullable(dict(DAY))
    ),
}
STATES: Final = [MatchState.MATCHED.value, MatchState.TO_CHECK.value, MatchState.CONFIRMED.value]


class ExternalConfirmationShown(BaseSchema):
    """What another state system confirms of an object."""

    id = ReadOnly("Its id.", INTEGER)
    source = ReadOnly("The code of the state system.", TEXT, label=lazy_text("State system"))
    reference = ReadOnly("Its id there.", TEXT, label=lazy_text("Number in that system"))
    kind = ReadOnly("What it issued.", {"type": "string", "enum": list(ExternalKind.codes())})
    agency_bin = ReadOnly("BIN of the agency, as the source has it.", TEXT)
    project_number = ReadOnly("The project that the source names.", TEXT_OR_NULL)
    platform_key = ReadOnly("The object's key on QazTech, as the source has it.", TEXT_OR_NULL)
    name_kk = ReadOnly("The object's name in Kazakh, as the source has it.", TEXT_OR_NULL)
    name_ru = ReadOnly("The object's name in Russian, as the source has it.", TEXT_OR_NULL)
    document_number = ReadOnly("Number of the document.", TEXT, label=lazy_text("Number of the document"))
    document_on = ReadOnly("Date of the document.", DAY, label=lazy_text("Date of the document"))
    facts = ReadOnly(
        "Each fact as the source has it, as the record has it, and the day from which it counts as confirmed.", FACTS
    )
    external_state = ReadOnly(
        "How it compares with the record now.",
        {"type": "string", "enum": list(ExternalState.codes())},
        label=lazy_text("Compared with the record"),
    )
    project = ReadOnly("The project that it is about, or may be.", TEXT_OR_NULL)
    match_state = ReadOnly("Whether it is certain.", {"type": ["string", "null"], "enum": [*STATES, None]})
    decided_at = Timestamp("When a person decided which project it is about.", nullable=True)
    remark = ReadOnly("Why.", TEXT_OR_NULL)
    revoked = ReadOnly("Whether the source withdrew it.", {"type": "boolean"})
    sequence = ReadOnly("Of the file that stated it last.", INTEGER)
    issued_at = Timestamp("When that file was issued.")
    sha256 = ReadOnly("Of that file.", TEXT)
    changed_at = Timestamp("When it last changed here.")


class ExternalImport(BaseSchema):
    """What an import changed."""

    total = ReadOnly("Confirmations in the file.", COUNT)
    created = ReadOnly("New ones.", COUNT)
    updated = ReadOnly("Known ones that the file changes.", COUNT)
    not_newer = ReadOnly("Known ones of which this or a newer file was imported before; they stay.", COUNT)
    other_agencies = ReadOnly("Confirmations for agencies that the register does not have; they are left out.", COUNT)
    confirmed = ReadOnly("Facts that it confirmed without a person, of projects that the caller sees.", COUNT)
    ended = ReadOnly("Facts whose confirmation it ended, of projects that the caller sees.", COUNT)


EXTERNAL_CONFIRMATION: Final = ExternalConfirmationShown()
