"""The kinds of notices and what each is about. What a kind says is the message ``notice-<kind>`` of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Kind → what its references are. In a digest they come in this order.
KINDS: Final[Mapping[str, str]] = {
    # At once.
    "question": "cases",
    "order": "cases",
    "appeal-answered": "cases",
    "case-reopened": "cases",
    "case-assigned": "cases",
    "question-answered": "cases",
    "proposal-returned": "cases",
    "decision-appealed": "cases",
    "audit-held": "audits",
    "audit-failed": "audits",
    "nights-missed": "audits",
    # In the digest.
    "order-overdue": "cases",
    "order-due-soon": "cases",
    "exemption-ending": "projects",
    "case-overdue": "cases",
    "proposal-waiting": "cases",
    "case-awaiting-confirmation": "cases",
    "case-opened": "cases",
    "case-closed": "cases",
    "flags-opened": "projects",
    "flags-cleared": "projects",
}
