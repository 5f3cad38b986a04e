"""The journal endpoint, for auditors, supervisors and administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response

from registry.accounts.roles import Permission
from registry.api.blueprint import CONTENT_DISPOSITION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, filter_query, parameters_of
from registry.core.errors import Malformed, Problem
from registry.core.fields import BaseSchema, ReadOnly
from registry.http.requests import Parameter
from registry.http.responses import CSV, NDJSON, csv_download, ndjson_download
from registry.journal.queries import JOURNAL, export_chain, export_csv
from registry.journal.read_replica import use_read_replica

MAX_SEQ: Final = 2**63 - 1
AFTER: Final = Parameter(
    "after",
    "The number of the last entry that is known: those after it follow.",
    {"type": "integer", "minimum": 0, "maximum": MAX_SEQ},
)
blp = ApiBlueprint("journal", __name__, description="Who did what, when, from where: append-only and hash-chained.")


class Entry(BaseSchema):
    """One act. `hash` is SHA-256 over everything else of the entry, the hash of the one before included."""

    seq = ReadOnly("Its place in the chain, from 1 on.", {"type": "integer"})
    at = ReadOnly("When.", {"type": "string", "format": "date-time"})
    principal = ReadOnly("Who.", {"type": "string"})
    role = ReadOnly("In which role.", {"type": "string"})
    action = ReadOnly("What was done.", {"type": "string"})
    subject = ReadOnly("On what: `kind:key`.", {"type": "string"})
    details = ReadOnly("More of it.", {"type": "object", "additionalProperties": True})
    source = ReadOnly("From where.", {"type": "string"})
    request_id = ReadOnly("The request, as in the logs.", {"type": "string"})
    credential = ReadOnly(
        "What came in: `token:<key id>`, `session:<hash>` or `local`; null in entries of earlier versions.",
        {"type": ["string", "null"]},
    )
    client_request_id = ReadOnly(
        "What the caller sent as X-Request-ID; null in entries of earlier versions.", {"type": ["string", "null"]}
    )
    previous_hash = ReadOnly("Hash of the entry before.", {"type": "string"})
    hash = ReadOnly("Hash of this entry.", {"type": "string"})


@blp.route("/journal", methods=["GET"])
@blp.listing(JOURNAL, Entry(), operation="read_journal")
def read_journal(query: ListArguments) -> Any:
    """Read the journal, the newest entries first."""
    use_read_replica()
    return JOURNAL.read(current_actor(), *query)


@blp.route("/exports/journal.csv", methods=["GET"])
@blp.requires(Permission.JOURNAL_READ, operation="export_journal_as_csv")
@blp.arguments(filter_query(parameters_of(JOURNAL)), location="query")
@blp.response(200, {}, content_type=CSV, description="One row an entry.", headers=CONTENT_DISPOSITION)
def export_journal_as_csv(filters: Mapping[str, str]) -> Response:
    """Export entries as CSV: UTF-8, newest first, `details` as JSON. What the chain needs is all there."""
    use_read_replica(for_export=True)
    return csv_download("journal", export_csv(current_actor(), filters))


@blp.route("/exports/journal.ndjson", methods=["GET"])
@blp.requires(Permission.JOURNAL_READ, operation="export_journal_as_ndjson")
@blp.arguments(filter_query((AFTER,)), location="query")
@blp.response(
    200,
    {},
    content_type=NDJSON,
    description="One line an entry: docs/reference/journal.md.",
    headers=CONTENT_DISPOSITION,
)
def export_journal_as_ndjson(sent: Mapping[str, str]) -> Response:
    """Export the chain as NDJSON, oldest first: each entry with the exact text that was hashed.

    An entry that the caller may not see whole is `redacted`: it has its hashes, and no text.
    """
    text = sent.get("after", "0")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not 0 <= after <= MAX_SEQ:
        raise Malformed([Problem("after", "number-out-of-range", {"smallest": 0, "largest": MAX_SEQ})])
    actor = current_actor()
    actor.require(Permission.JOURNAL_READ)
    use_read_replica(for_export=True)
    return ndjson_download("journal", export_chain(actor, after))
