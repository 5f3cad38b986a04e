"""The platform inventory: QazTech's own list of what lives on it."""

from __future__ import annotations

from typing import Any, Final

from registry.accounts.roles import Permission
from registry.api.blueprint import Routes
from registry.api.declared import Answers, Call, FormBody
from registry.api.uploads import (
    DRY_RUN_SCHEMA,
    FILE_SCHEMA,
    ROW_ERROR_EXAMPLE,
    ROW_ERROR_PROPERTIES,
    TrueOrFalse,
    form_values,
    told,
)
from registry.core.schema_fields import Body, Shown
from registry.platform.inventory import apply_inventory

routes = Routes("platform-inventories", "QazTech's own list, by which placements are verified in bulk.")

COUNT: Final = {"type": "integer", "minimum": 0}
TEXT: Final = {"type": "string"}
NUMBERS: Final = {"type": "array", "items": {"type": "string", "description": "A project's number."}}
MISMATCHED: Final = dict.fromkeys(("number", "platform_key", "placement", "agency", "listed_agency"), TEXT)
UNREGISTERED: Final = {"platform_key": TEXT, "agency": TEXT, "row": {"type": "integer"}}
ROWS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["matched", "lost", "mismatched", "unregistered"],
    "properties": {
        "matched": NUMBERS,
        "lost": NUMBERS,
        "mismatched": {
            "type": "array",
            "items": {"type": "object", "required": list(MISMATCHED), "properties": MISMATCHED},
        },
        "unregistered": {
            "type": "array",
            "items": {"type": "object", "required": list(UNREGISTERED), "properties": UNREGISTERED},
        },
    },
}
ERRORS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "object", "required": list(ROW_ERROR_PROPERTIES), "properties": ROW_ERROR_PROPERTIES},
}


class InventorySummary(Body):
    """What an inventory changed, or would change."""

    dry_run = Shown("True when nothing was written.", {"type": "boolean"})
    matched = Shown("Placements that the list verifies.", COUNT)
    lost = Shown("Placements that vanished from the list and lose their verification.", COUNT)
    mismatched = Shown("Records that have a key of the list but say that they live elsewhere.", COUNT)
    unregistered = Shown("Keys of the list that no record has.", COUNT)
    total = Shown("Rows in the list.", COUNT)
    rejected = Shown("Bad rows.", COUNT)
    rows = Shown("What stands behind the four counts, at most 1,000 of each.", ROWS)
    errors = Shown("The bad rows, at most 1,000.", ERRORS)


EXAMPLE: Final[dict[str, Any]] = {
    "dry_run": True,
    "matched": 41,
    "lost": 1,
    "mismatched": 2,
    "unregistered": 3,
    "total": 47,
    "rejected": 1,
    "rows": {
        "matched": ["QT-2026-0000001-5"],
        "lost": ["QT-2026-0000002-3"],
        "mismatched": [
            {
                "number": "QT-2026-0000003-1",
                "platform_key": "qt-0417",
                "placement": "off_platform",
                "agency": "050340004478",
                "listed_agency": "050340004478",
            }
        ],
        "unregistered": [{"platform_key": "qt-0533", "agency": "050340004478", "row": 12}],
    },
    "errors": [ROW_ERROR_EXAMPLE],
}


@routes.declare(
    "POST",
    "/platform-inventories",
    needs=Permission.PLACEMENTS_CONFIRM,
    body=FormBody({"file": FILE_SCHEMA, "dry_run": DRY_RUN_SCHEMA}),
    answers=Answers(InventorySummary(), EXAMPLE),
)
def create_platform_inventory(call: Call) -> dict[str, Any]:
    """Verify placements by QazTech's list.

    What matches is verified, what vanished loses its verification. A dry run tells it before anything is written.
    """
    dry_run = form_values(call, dry_run=TrueOrFalse())["dry_run"]
    sent = call.files["file"]
    summary = apply_inventory(call.by, sent.name, sent.content, dry_run)
    return {**summary, "errors": [told(error, call.language) for error in summary["errors"]]}
