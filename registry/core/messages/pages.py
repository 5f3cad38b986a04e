"""Messages that pages display instead of those of the API (registry/web/errors.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "form-out-of-date": lazy_text(
        "Changes were saved after you opened this page. Save again to replace what these fields have now: {fields}."
    ),
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
}
