"""Schemas of changes, as the feed and the messages of webhooks have them."""

from typing import Any, ClassVar, Final

from marshmallow import fields

from registry.changes.models import ChangeType
from registry.core.fields import BaseSchema, ReadOnly, Timestamp, nullable, shown_object

RECORD: Final = "record"
TEXT: Final = {"type": "string"}
STATE: Final[dict[str, Any]] = shown_object({"status": nullable(TEXT), "severity": nullable(TEXT)})
DATA: Final = shown_object(
    {
        "project": {**nullable(TEXT), "description": "The number of the project that it belongs to."},
        "agency": {**nullable(TEXT), "description": "The BIN of the project's agency, as it is now."},
        "rule": {**nullable(TEXT), "description": "Of a flag."},
        "before": {**nullable(STATE), "description": "Before the change; null for a new record."},
        "after": {
            **nullable(STATE),
            "description": "After it. Some fields that changed are in both, with their values.",
        },
        "fields": {"type": "array", "items": TEXT, "description": "Names of fields that an edit changed."},
    }
)
SOURCE_TEXT: Final = "The address of the installation (`REGISTRY_PUBLIC_URL`), where `links` lead; null without one."


class ChangeShown(BaseSchema):
    """One record that one transaction changed, as the caller may see it now."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({RECORD})

    seq = ReadOnly("Its number; they rise, and the caller does not see all.", {"type": "integer"})
    at = Timestamp("When it was committed.")
    type = ReadOnly("What happened.", {"type": "string", "enum": list(ChangeType.codes())})
    subject = ReadOnly("To what: `kind:key`.", TEXT)
    version = ReadOnly("The record's version after it, of records that have one.", {"type": ["integer", "null"]})
    links = ReadOnly(
        "Where the record is read, and what else to read.", {"type": "object", "additionalProperties": TEXT}
    )
    data = ReadOnly("More of it.", DATA)
    source = ReadOnly(SOURCE_TEXT, nullable(TEXT))
    record = ReadOnly(
        "Only with `expand=record`: the record as it is now, a project as `GET /projects/{number}` has it, others as "
        "their lists; null when the caller may not see it any more.",
        nullable({"type": "object", "additionalProperties": True}),
    )


CHANGE: Final = ChangeShown()


class ChangesShown(BaseSchema):
    """Changes in their order."""

    items = fields.List(fields.Nested(CHANGE), dump_only=True, metadata={"description": "The changes."})
    after = ReadOnly("The number to go on after.", {"type": "integer"})
    has_more = ReadOnly("Whether there were more when they were read: ask again at once.", {"type": "boolean"})
