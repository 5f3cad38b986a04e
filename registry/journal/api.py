"""The journal endpoint, for auditors, supervisors and administrators."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Response
from marshmallow import fields

from registry.accounts.roles import Permission
from registry.api.blueprint import CONTENT_DISPOSITION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, filter_query, parameters_of
from registry.core.errors import Malformed, Problem
from registry.core.fields import BaseSchema, ReadOnly, Timestamp
from registry.core.values import plain_number
from registry.http.requests import Parameter
from registry.http.responses import CSV, NDJSON, csv_download, ndjson_download
from registry.journal.checkpoints import KeyState, checkpoint_keys, consistency_proof, find_checkpoint, make_checkpoint
from registry.journal.queries import CHECKPOINT_LIST, JOURNAL, export_chain, export_csv, read_inclusion_proof
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
    after = plain_number(sent.get("after", "0"), 19)
    if after is None or after > MAX_SEQ:
        raise Malformed([Problem("after", "number-out-of-range", {"smallest": 0, "largest": MAX_SEQ})])
    actor = current_actor()
    actor.require(Permission.JOURNAL_READ)
    use_read_replica(for_export=True)
    return ndjson_download("journal", export_chain(actor, after))


# Checkpoints: the signed root of the Merkle tree over the journal, and proofs from it (RFC 6962).

checkpoints_blp = ApiBlueprint("checkpoints", __name__, description="Signed checkpoints of the journal, and proofs.")
HASH: Final = {"type": "string", "description": "32 bytes in base64."}
OLD: Final = Parameter(
    "from", "The size of an older checkpoint.", {"type": "integer", "minimum": 1, "maximum": MAX_SEQ}, required=True
)
SIZE: Final = Parameter(
    "size", "The size of a checkpoint.", {"type": "integer", "minimum": 1, "maximum": MAX_SEQ}, required=True
)


class CheckpointSchema(BaseSchema):
    """The signed head of the tree of the first `size` entries (C2SP tlog-checkpoint)."""

    size = ReadOnly("How many entries it covers.", {"type": "integer"})
    root = ReadOnly("The root hash (RFC 6962), in hexadecimal.", {"type": "string"})
    created_at = Timestamp("When it was signed.")
    note = ReadOnly("The signed note, with the cosignatures of witnesses.", {"type": "string"})


class CheckpointKeySchema(BaseSchema):
    """A key that signs, or signed, checkpoints."""

    verifier_key = ReadOnly("`name+key id+base64`, as C2SP signed-note has it.", {"type": "string"})
    state = ReadOnly(
        "`in_use`, `retired` or `revoked`.", {"type": "string", "x-extensible-enum": list(KeyState.codes())}
    )
    created_at = Timestamp("From when on it signed.")
    retired_at = Timestamp("Until when; null for one in use.", nullable=True)
    revoked_at = Timestamp("From when on nobody may trust it.", nullable=True)
    reason = ReadOnly("Why it was revoked.", {"type": ["string", "null"]})


class CheckpointKeysSchema(BaseSchema):
    """All keys, the newest first."""

    items = fields.List(fields.Nested(CheckpointKeySchema), dump_only=True)


class InclusionSchema(BaseSchema):
    """Proof that an entry is in the tree of a checkpoint (RFC 6962, 2.1.1)."""

    seq = ReadOnly("The entry.", {"type": "integer"})
    leaf_hash = ReadOnly("SHA-256 of a zero byte and the text that is hashed, in base64.", {"type": "string"})
    hashes = ReadOnly("The path from the leaf to the root.", {"type": "array", "items": HASH})
    checkpoint = fields.Nested(CheckpointSchema, dump_only=True)


class ConsistencySchema(BaseSchema):
    """Proof that the tree of a checkpoint continues that of an older one (RFC 6962, 2.1.2)."""

    hashes = ReadOnly("The hashes of the proof; none for one and the same size.", {"type": "array", "items": HASH})
    old = fields.Nested(CheckpointSchema, dump_only=True)
    checkpoint = fields.Nested(CheckpointSchema, dump_only=True)


CHECKPOINT: Final = CheckpointSchema()


@checkpoints_blp.route("/checkpoints", methods=["GET"])
@checkpoints_blp.listing(CHECKPOINT_LIST, CHECKPOINT, operation="list_checkpoints")
def list_checkpoints(query: ListArguments) -> Any:
    """List the checkpoints of the journal, the newest first."""
    return CHECKPOINT_LIST.read(current_actor(), *query)


@checkpoints_blp.route("/checkpoints", methods=["POST"])
@checkpoints_blp.requires(Permission.JOURNAL_READ, operation="make_checkpoint")
@checkpoints_blp.idempotent(commits_itself=True)
@checkpoints_blp.response(200, CHECKPOINT, description="The newest one: made now, unless no entry was new.")
def post_checkpoint() -> Any:
    """Sign the journal as it is now. The scheduler does so every night, and gives checkpoints to the witnesses."""
    return make_checkpoint(current_actor())


@checkpoints_blp.route("/checkpoint-keys", methods=["GET"])
@checkpoints_blp.requires(Permission.PROJECTS_READ, operation="list_checkpoint_keys")
@checkpoints_blp.response(200, CheckpointKeysSchema())
def list_checkpoint_keys() -> Any:
    """List the keys of checkpoints as verifier keys."""
    return {"items": CheckpointKeySchema(many=True).dump(checkpoint_keys())}


@checkpoints_blp.route("/checkpoints/<row_id:size>", methods=["GET"])
@checkpoints_blp.requires(Permission.PROJECTS_READ, operation="read_checkpoint")
@checkpoints_blp.response(200, CHECKPOINT)
def read_checkpoint(size: int) -> Any:
    """Read the checkpoint of a size."""
    return find_checkpoint(size)


@checkpoints_blp.route("/checkpoints/<row_id:size>/consistency-proof", methods=["GET"])
@checkpoints_blp.requires(Permission.PROJECTS_READ, operation="read_consistency_proof")
@checkpoints_blp.arguments(filter_query((OLD,)), location="query")
@checkpoints_blp.response(200, ConsistencySchema())
def read_consistency_proof(sent: Mapping[str, str], size: int) -> Any:
    """Prove that a checkpoint continues an older one: that no entry was changed, removed or inserted between."""
    new, old = find_checkpoint(size), find_checkpoint(_size(sent, "from", size))
    return {
        "hashes": _encoded(consistency_proof(old.size, size)),
        "old": CHECKPOINT.dump(old),
        "checkpoint": CHECKPOINT.dump(new),
    }


@checkpoints_blp.route("/journal/<row_id:seq>/inclusion-proof", methods=["GET"])
@checkpoints_blp.requires(Permission.JOURNAL_READ, operation="read_inclusion_proof")
@checkpoints_blp.arguments(filter_query((SIZE,)), location="query")
@checkpoints_blp.response(200, InclusionSchema())
def read_one_inclusion_proof(sent: Mapping[str, str], seq: int) -> Any:
    """Prove that an entry is among those of a checkpoint."""
    checkpoint, leaf, path = read_inclusion_proof(current_actor(), seq, _size(sent, "size", MAX_SEQ))
    return {
        "seq": seq,
        "leaf_hash": _encoded([leaf])[0],
        "hashes": _encoded(path),
        "checkpoint": CHECKPOINT.dump(checkpoint),
    }


def _size(sent: Mapping[str, str], name: str, largest: int) -> int:
    size = plain_number(sent.get(name, ""), 19)
    if size is None or not 1 <= size <= largest:
        raise Malformed([Problem(name, "number-out-of-range", {"smallest": 1, "largest": largest})])
    return size


def _encoded(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(each).decode() for each in hashes]
