"""Messages about webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "too-many-webhooks": lazy_text("An account has at most {most} webhooks. Delete one that is not used."),
    "webhook-agency-outside": lazy_text("Choose your own agency or one below it."),
    "webhook-conditions-invalid": lazy_text(
        "Enter at most {largest} conditions, each with an event and statuses before or after it. "
        "Example: case.changed: new > under_review."
    ),
    "webhook-disabled": lazy_text("The webhook is disabled. Enable it first."),
    "webhook-not-found": lazy_text("There is no such webhook."),
    "webhook-not-yours": lazy_text("The webhook is of another account: only its owner changes it and reads its log."),
    "webhook-target-not-allowed": lazy_text(
        "Enter an address that begins with https:// and leads to a public host, without user, password and fragment. "
        "Internal addresses are not allowed; the operator can allow a network."
    ),
    "webhooks-need-an-account": lazy_text("A webhook belongs to an account: sign in, or use a token."),
}
