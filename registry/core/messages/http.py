"""Messages about requests and responses: titles of statuses, headers, bodies, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "authentication-required": lazy_text("Send a token in the header Authorization: Bearer."),
    "bad-request": lazy_text("The request cannot be read."),
    "body-not-readable": lazy_text("The body is not an unambiguous JSON object."),
    "conflict": lazy_text("This action is not possible in the present state of the record."),
    "cross-origin-request": lazy_text(
        "This form was sent from another site and was not accepted; nothing was changed. Open the page on this site "
        "and fill it in again."
    ),
    "csrf-token-invalid": lazy_text(
        "This form is out of date or from another session; nothing was changed. Open the page again and fill it in."
    ),
    "database-busy": lazy_text(
        "The database is busy: the time limit was reached and nothing was changed. Try again in a few seconds."
    ),
    "database-unavailable": lazy_text(
        "The database does not answer. Try again later; if you were changing something, check first whether the change "
        "was saved."
    ),
    "expected-ids": lazy_text("A list of ids is expected."),
    "batch-not-done": lazy_text("Nothing was done, because other items of the batch cannot be done."),
    "expected-objects": lazy_text("A list of objects is expected."),
    "number-of-items": lazy_text("Send 1 to {largest} items."),
    "expected-object": lazy_text("The body must be a JSON object, such as {{}}."),
    "failed-dependency": lazy_text("This was not done, because something else that it belongs with was not done."),
    "field-repeated": lazy_text("This field was sent more than once; send it once."),
    "idempotency-key-not-usable": lazy_text("Idempotency-Key must have 1 to {limit} printable ASCII characters."),
    "idempotency-key-reused": lazy_text(
        "This Idempotency-Key was used with another body or role. Take a new key for a new request."
    ),
    "internal-error": lazy_text("An internal error occurred. Give the trace_id to support."),
    "invalid": lazy_text("The request has errors; see errors for each of them."),
    "invalid-cursor": lazy_text(
        "This cursor does not belong to this list. Send next as it was given, or start again without a cursor."
    ),
    "json-not-readable": lazy_text(
        "The JSON cannot be read: check its syntax, repeated keys, NaN and its encoding (UTF-8)."
    ),
    "limit-out-of-range": lazy_text("limit must be from 1 to {largest}."),
    "malformed": lazy_text("The request cannot be read, or a parameter cannot be used; see errors."),
    "gone": lazy_text("What you ask for was deleted."),
    "method-not-allowed": lazy_text(
        "This address does not allow the method; the header Allow names the allowed methods."
    ),
    "not-allowed": lazy_text("Your role does not allow this action."),
    "not-found": lazy_text("There is no such record."),
    "number-of-ids": lazy_text("Give 1 to {largest} ids."),
    "parameter-repeated": lazy_text(
        "This parameter was given more than once; give it once, several values with commas."
    ),
    "payload-too-large": lazy_text("The request is too large: at most {limit} MiB."),
    "precondition-failed": lazy_text(
        "The record changed since you read it. Read it again and repeat with its new ETag."
    ),
    "precondition-required": lazy_text("The header If-Match is required: read the record and send its ETag."),
    "read-only-field": lazy_text("This field is not changed here; do not send it."),
    "route-not-found": lazy_text("There is nothing at this address. Addresses are described at /api/v1/docs."),
    "start-or-after": lazy_text("Send start or after, not both."),
    "stale": lazy_text("The record changed since you read it. Read it again and repeat the change."),
    "storage-full": lazy_text(
        "The disk of the database is full: nothing was changed; reading is still possible. Inform the operator of the "
        "service."
    ),
    "title-400": lazy_text("Malformed request"),
    "title-401": lazy_text("Authentication required"),
    "title-403": lazy_text("Not allowed"),
    "title-404": lazy_text("Not found"),
    "title-405": lazy_text("Method not allowed"),
    "title-409": lazy_text("Conflict"),
    "title-410": lazy_text("No longer there"),
    "title-412": lazy_text("Changed since it was read"),
    "title-413": lazy_text("Content too large"),
    "title-415": lazy_text("Unsupported media type"),
    "title-422": lazy_text("Invalid content"),
    "title-424": lazy_text("Failed dependency"),
    "title-428": lazy_text("Precondition required"),
    "title-429": lazy_text("Too many requests"),
    "title-500": lazy_text("Internal error"),
    "open-data-not-ready": lazy_text("The files of the open data are being written. Try again in a few minutes."),
    "title-503": lazy_text("Temporarily unavailable"),
    "too-many-requests": lazy_text("Too many requests within a minute. Try again in {seconds} seconds."),
    "unknown-field": lazy_text("There is no such field. Fields are described at /api/v1/docs."),
    "unknown-parameter": lazy_text("There is no parameter {name}."),
    "unsupported-media-type": lazy_text("This address accepts only a body of type {taken} in UTF-8."),
}
