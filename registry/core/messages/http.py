"""Messages about requests and responses, values of fields, and what pages display instead of those of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "agency-name-ambiguous": lazy_text("Several agencies fit this name. Write the BIN."),
    "agency-name-unknown": lazy_text(
        "No agency with this name is registered. Write the BIN, or the name as registered."
    ),
    "agency-unknown": lazy_text("No agency with BIN {bin} is registered."),
    "amount-not-in-tenge": lazy_text("Write the amount in tenge; other currencies are not accepted."),
    "authentication-required": lazy_text("Send a token in the header Authorization: Bearer."),
    "bad-request": lazy_text("The request cannot be read."),
    "batch-not-done": lazy_text("Nothing was done, because other items of the batch cannot be done."),
    "below-needs-agency": lazy_text("“below” needs an agency: send “agency” with it."),
    "bin-invalid": lazy_text("A BIN has 12 digits, the last a check digit; this one is wrong."),
    "body-not-readable": lazy_text("The body is not an unambiguous JSON object."),
    "change-reason-required": lazy_text(
        "Say why the value changes, for example by which act or agreement, with its number and date."
    ),
    "conflict": lazy_text("This action is not possible in the present state of the record."),
    "control-character": lazy_text("The text has a control character, {character}. Remove it."),
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
    "date-after": lazy_text("This date cannot be after {other}."),
    "date-after-today": lazy_text("This date cannot be after today."),
    "date-before": lazy_text("This date cannot be before {other}."),
    "date-before-today": lazy_text("The date must not be before today, {today}."),
    "date-incomplete": lazy_text("Write the whole date with its day, such as 20.01.2026."),
    "date-month-wrong": lazy_text("There is no month {month}. Write the day before the month, such as 20.01.2026."),
    "date-out-of-range": lazy_text("The date must lie from {earliest} to {latest}."),
    "date-range": lazy_text("Write one date, not a period, such as 20.01.2026."),
    "date-year-short": lazy_text("Write the year with four digits, such as 20.01.2026."),
    "email-invalid": lazy_text("One e-mail address is expected, such as it@example.kz."),
    "entries-or-all": lazy_text("Send either the ids of entries or all: true."),
    "entry-with-separator": lazy_text("An entry cannot contain “{separator}”: it separates entries in tables."),
    "expected-date": lazy_text("A date written YYYY-MM-DD is expected, such as 2026-01-31."),
    "expected-file": lazy_text("A file is expected here."),
    "expected-ids": lazy_text("A list of ids is expected."),
    "expected-object": lazy_text("The body must be a JSON object, such as {{}}."),
    "expected-objects": lazy_text("A list of objects is expected."),
    "expected-query": lazy_text("Give 1 to {largest} filters as an object: names with their values as text."),
    "expected-text": lazy_text("A text is expected."),
    "expected-texts": lazy_text("A list of texts is expected."),
    "expected-true-or-false": lazy_text("true or false is expected."),
    "expected-whole-number": lazy_text("A whole number is expected."),
    "failed-dependency": lazy_text("This was not done, because something else that it belongs with was not done."),
    "field-repeated": lazy_text("This field was sent more than once; send it once."),
    "form-out-of-date": lazy_text(
        "Changes were saved after you opened this page. Save again to replace what these fields have now: {fields}."
    ),
    "former-record": lazy_text(
        "The same work was registered before and withdrawn or ended: {numbers}. Say why it is registered again."
    ),
    "former-record-elsewhere": lazy_text(
        "The same work was registered before by another agency and withdrawn or ended. Say why it is registered again."
    ),
    "gone": lazy_text("What you ask for was deleted."),
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
    "known-at-before-registration": lazy_text(
        "The project was registered on {registered}. Enter that date or a later one."
    ),
    "known-at-in-future": lazy_text("This moment cannot be in the future."),
    "lifetime-not-positive": lazy_text("The lifetime must be longer than zero."),
    "limit-out-of-range": lazy_text("limit must be from 1 to {largest}."),
    "link-to-itself": lazy_text("Enter the number of another project: a project is not linked to itself."),
    "malformed": lazy_text("The request cannot be read, or a parameter cannot be used; see errors."),
    "mapping-invalid": lazy_text("A JSON object is expected, from headers of the file to names of fields or null."),
    "method-not-allowed": lazy_text(
        "This address does not allow the method; the header Allow names the allowed methods."
    ),
    "name-decided-on": lazy_text(
        "An exemption or an acceptance of this project was decided for “{name}”, so only typing errors in this name "
        "can be corrected. Register another object as a project of its own. If this object has a new name, ask the "
        "reviewers to record the decision again for it."
    ),
    "name-not-usable": lazy_text(
        "A name has 1 to {limit} characters: Latin or Cyrillic letters, digits, spaces and - . _ @ ' ( ) + & / , #. A "
        "colon is not allowed."
    ),
    "name-required": lazy_text("Enter a name in Kazakh or Russian."),
    "name-reserved": lazy_text("This name belongs to the system itself. Choose another one."),
    "no-such-date": lazy_text("There is no such date."),
    "not-a-choice": lazy_text("One of these is expected: {options}."),
    "not-allowed": lazy_text("Your role does not allow this action."),
    "not-found": lazy_text("There is no such record."),
    "not-usable": lazy_text("This value cannot be used: it is too long or has unprintable characters."),
    "not-with-this-decision": lazy_text("This field does not go with the decision {decision}."),
    "number-ambiguous": lazy_text(
        "This can be read as thousands or as a fraction. Write the number without the separator, such as 1200 or 1 200."
    ),
    "number-in-words": lazy_text('Write the number in full with all its zeros: 1 200 000 instead of "1.2 million".'),
    "number-of-ids": lazy_text("Give 1 to {largest} ids."),
    "number-of-items": lazy_text("Send 1 to {largest} items."),
    "number-out-of-range": lazy_text("The number must be from {smallest} to {largest}."),
    "number-shortened": lazy_text(
        "The spreadsheet has shortened the number and may have lost digits. Format the column as text and write all "
        "digits."
    ),
    "number-with-fraction": lazy_text(
        "A whole number is expected: whole tenge without tiyn. A fraction is not rounded; write the whole amount."
    ),
    "open-data-not-ready": lazy_text("The files of the open data are being written. Try again in a few minutes."),
    "page-audit-date-after-today": lazy_text(
        "An audit of a date after {today} can only be a dry run: select “Dry run”."
    ),
    "page-audit-date-before-last": lazy_text(
        "{on} cannot be audited any more: {last} was already audited. For an earlier date select “Dry run”."
    ),
    "page-choose-file": lazy_text("Choose a file."),
    "page-choose-option": lazy_text("Choose one of the options."),
    "page-enter-date": lazy_text("Enter a date, such as 20.01.2026."),
    "page-enter-password": lazy_text("Enter a password."),
    "page-internal-fault": lazy_text("An internal error occurred. Give this number to support:"),
    "page-invalid": lazy_text("The form has errors. Go back and correct them."),
    "page-method-not-taken": lazy_text(
        "This address only accepts a form and cannot be opened as a page. Nothing was changed."
    ),
    "page-number-out-of-range": lazy_text("The number must not be below {smallest} or above {largest}."),
    "page-payload-too-large": lazy_text(
        "What you sent is larger than {limit} MiB, and nothing was saved. Go back with the Back button of your "
        "browser: what you entered is still there. Then choose a smaller file, or shorten the text."
    ),
    "page-role-not-allowed": lazy_text("The role {role} does not include this. Roles are given by the administrator."),
    "page-route-not-found": lazy_text(
        "There is nothing at this address. Check its spelling, or start from the first page."
    ),
    "parameter-repeated": lazy_text(
        "This parameter was given more than once; give it once, several values with commas."
    ),
    "parent-below-itself": lazy_text("The agency above cannot be this agency itself or one below it."),
    "payload-too-large": lazy_text("The request is too large: at most {limit} MiB."),
    "placeholder-unknown": lazy_text(
        "Nothing can be filled in for “{name}”. In braces use: project, number, agency, deadline."
    ),
    "policy-setting-invalid": lazy_text("{key}: {complaint}"),
    "policy-version-invalid": lazy_text(
        "A version has letters, digits, full stops, hyphens and underscores, such as 2026.2."
    ),
    "policy-version-reserved": lazy_text("A version cannot be called {version}. Choose another name, such as 2026.2."),
    "precondition-failed": lazy_text(
        "The record changed since you read it. Read it again and repeat with its new ETag."
    ),
    "precondition-required": lazy_text("The header If-Match is required: read the record and send its ETag."),
    "project-number-invalid": lazy_text(
        "{number} is not the number of a project: its last digit does not match. Copy it from the page of the project."
    ),
    "project-unknown": lazy_text("There is no project {number}."),
    "read-only-field": lazy_text("This field is not changed here; do not send it."),
    "required": lazy_text("Enter a value."),
    "route-not-found": lazy_text("There is nothing at this address. Addresses are described at /api/v1/docs."),
    "search-too-short": lazy_text("Enter at least {smallest} characters."),
    "stale": lazy_text("The record changed since you read it. Read it again and repeat the change."),
    "start-or-after": lazy_text("Send start or after, not both."),
    "storage-full": lazy_text(
        "The disk of the database is full: nothing was changed; reading is still possible. Inform the operator of the "
        "service."
    ),
    "telephone-invalid": lazy_text("Enter a telephone number, such as +7 7172 74 00 00."),
    "text-differs": lazy_text("This text is in {other} too, with other words. Send only one of the two."),
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
    "title-503": lazy_text("Temporarily unavailable"),
    "too-long": lazy_text("At most {limit} characters; {length} were sent."),
    "too-many-entries": lazy_text("At most {limit} entries are possible."),
    "too-many-requests": lazy_text("Too many requests within a minute. Try again in {seconds} seconds."),
    "too-many-values": lazy_text("Give at most {limit} values; {count} were sent."),
    "typed-date-wrong": lazy_text("Write the date as day, month and year, such as 20.01.2026."),
    "typed-number-wrong": lazy_text("Write the number in digits, without words or other signs, such as 1 200 000."),
    "unknown-field": lazy_text("There is no such field. Fields are described at /api/v1/docs."),
    "unknown-parameter": lazy_text("There is no parameter {name}."),
    "unsupported-media-type": lazy_text("This address accepts only a body of type {taken} in UTF-8."),
    "up-to-needs-all": lazy_text("This goes with all: true only."),
    "url-invalid": lazy_text("An http or https address is expected, such as https://example.kz."),
    "url-with-credentials": lazy_text(
        "The address must not contain a user name or password: everybody who sees the project sees it. Write it such "
        "as https://example.kz."
    ),
    "value-missing": lazy_text("Enter a value."),
    "verdict-case-facts": lazy_text("The facts of a project are expected: an object with fields of a project."),
    "verdict-case-rules": lazy_text("A list of rules is expected, each one of {options}."),
    "verdict-cases-not-a-list": lazy_text("A list of up to {limit} expected verdicts is expected."),
    "year-twice": lazy_text("The year {year} stands there twice."),
    "years-above-budget": lazy_text(
        "The years together cost {total} tenge, more than the budget. Correct the budget or the years."
    ),
    "years-invalid": lazy_text("Enter a year and its amount in each line, such as 2026: 1 000 000."),
}
