"""Messages about the values of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "expected-query": lazy_text("Give 1 to {largest} filters as an object: names with their values as text."),
    "agency-name-ambiguous": lazy_text("Several agencies fit this name. Write the BIN."),
    "agency-name-unknown": lazy_text(
        "No agency with this name is registered. Write the BIN, or the name as registered."
    ),
    "agency-unknown": lazy_text("No agency with BIN {bin} is registered."),
    "amount-not-in-tenge": lazy_text("Write the amount in tenge; other currencies are not accepted."),
    "below-needs-agency": lazy_text("“below” needs an agency: send “agency” with it."),
    "bin-invalid": lazy_text("A BIN has 12 digits, the last a check digit; this one is wrong."),
    "change-reason-required": lazy_text(
        "Say why the value changes, for example by which act or agreement, with its number and date."
    ),
    "former-record": lazy_text(
        "The same work was registered before and withdrawn or ended: {numbers}. Say why it is registered again."
    ),
    "former-record-elsewhere": lazy_text(
        "The same work was registered before by another agency and withdrawn or ended. Say why it is registered again."
    ),
    "control-character": lazy_text("The text has a control character, {character}. Remove it."),
    "date-after": lazy_text("This date cannot be after {other}."),
    "date-after-today": lazy_text("This date cannot be after today."),
    "date-before": lazy_text("This date cannot be before {other}."),
    "known-at-in-future": lazy_text("This moment cannot be in the future."),
    "known-at-before-registration": lazy_text(
        "The project was registered on {registered}. Enter that date or a later one."
    ),
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
    "expected-text": lazy_text("A text is expected."),
    "expected-texts": lazy_text("A list of texts is expected."),
    "expected-true-or-false": lazy_text("true or false is expected."),
    "expected-whole-number": lazy_text("A whole number is expected."),
    "lifetime-not-positive": lazy_text("The lifetime must be longer than zero."),
    "mapping-invalid": lazy_text("A JSON object is expected, from headers of the file to names of fields or null."),
    "name-decided-on": lazy_text(
        "An exemption or an acceptance of this project was decided for “{name}”. If it is still the same object, keep "
        "these words in its new name. If it is another object, register it as a project of its own."
    ),
    "name-not-usable": lazy_text(
        "A name has 1 to {limit} characters: Latin or Cyrillic letters, digits, spaces and - . _ @ ' ( ) + & / , #. A "
        "colon is not allowed."
    ),
    "name-required": lazy_text("Enter a name in Kazakh or Russian."),
    "name-reserved": lazy_text("This name belongs to the system itself. Choose another one."),
    "no-such-date": lazy_text("There is no such date."),
    "not-a-choice": lazy_text("One of these is expected: {options}."),
    "not-usable": lazy_text("This value cannot be used: it is too long or has unprintable characters."),
    "text-differs": lazy_text("This text is in {other} too, with other words. Send only one of the two."),
    "not-with-this-decision": lazy_text("This field does not go with the decision {decision}."),
    "number-ambiguous": lazy_text(
        "This can be read as thousands or as a fraction. Write the number without the separator, such as 1200 or 1 200."
    ),
    "number-in-words": lazy_text('Write the number in full with all its zeros: 1 200 000 instead of "1.2 million".'),
    "number-out-of-range": lazy_text("The number must be from {smallest} to {largest}."),
    "number-shortened": lazy_text(
        "The spreadsheet has shortened the number and may have lost digits. Format the column as text and write all "
        "digits."
    ),
    "number-with-fraction": lazy_text(
        "A whole number is expected: whole tenge without tiyn. A fraction is not rounded; write the whole amount."
    ),
    "parent-below-itself": lazy_text("The agency above cannot be this agency itself or one below it."),
    "link-to-itself": lazy_text("Enter the number of another project: a project is not linked to itself."),
    "project-number-invalid": lazy_text(
        "{number} is not the number of a project: its last digit does not match. Copy it from the page of the project."
    ),
    "project-unknown": lazy_text("There is no project {number}."),
    "placeholder-unknown": lazy_text(
        "Nothing can be filled in for “{name}”. In braces use: project, number, agency, deadline."
    ),
    "policy-setting-invalid": lazy_text("{key}: {complaint}"),
    "policy-version-invalid": lazy_text(
        "A version has letters, digits, full stops, hyphens and underscores, such as 2026.2."
    ),
    "policy-version-reserved": lazy_text("A version cannot be called {version}. Choose another name, such as 2026.2."),
    "required": lazy_text("Enter a value."),
    "search-too-short": lazy_text("Enter at least {smallest} characters."),
    "telephone-invalid": lazy_text("Enter a telephone number, such as +7 7172 74 00 00."),
    "too-many-values": lazy_text("Give at most {limit} values; {count} were sent."),
    "too-long": lazy_text("At most {limit} characters; {length} were sent."),
    "too-many-entries": lazy_text("At most {limit} entries are possible."),
    "typed-date-wrong": lazy_text("Write the date as day, month and year, such as 20.01.2026."),
    "typed-number-wrong": lazy_text("Write the number in digits, without words or other signs, such as 1 200 000."),
    "up-to-needs-all": lazy_text("This goes with all: true only."),
    "url-invalid": lazy_text("An http or https address is expected, such as https://example.kz."),
    "url-with-credentials": lazy_text(
        "The address must not contain a user name or password: everybody who sees the project sees it. Write it such "
        "as https://example.kz."
    ),
    "value-missing": lazy_text("Enter a value."),
    "year-twice": lazy_text("The year {year} stands there twice."),
    "years-above-budget": lazy_text(
        "The years together cost {total} tenge, more than the budget. Correct the budget or the years."
    ),
    "years-invalid": lazy_text("Enter a year and its amount in each line, such as 2026: 1 000 000."),
    "verdict-case-facts": lazy_text("The facts of a project are expected: an object with fields of a project."),
    "verdict-case-rules": lazy_text("A list of rules is expected, each one of {options}."),
    "verdict-cases-not-a-list": lazy_text("A list of up to {limit} expected verdicts is expected."),
}
