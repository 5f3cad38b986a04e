"""Pages of the journal."""

from __future__ import annotations

from flask import render_template

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.journal.exports import COLUMNS, table_rows
from registry.journal.queries import find_entry, list_journal
from registry.journal.views.labels import (
    action_choices,
    action_label,
    credential_label,
    detail_rows,
    normalize_subject,
    source_label,
    subject_address,
    subject_label,
)
from registry.web.blueprint import Answer, pages
from registry.web.downloads import ENDINGS, download_list
from registry.web.lists import first_address, next_address, requested_filters, requested_page

FILTERS = ("q", "action", "at_from", "at_to", "subject", "principal", "request_id")
# Asked for rarely: the page shows them on request.
EXACT = ("subject", "principal", "request_id")


@pages.page("/journal", needs=Permission.JOURNAL_READ)
def journal(actor: Actor) -> Answer:
    """List the entries, newest first."""
    filters = _filters()
    listing = list_journal(actor, filters, requested_page(50))
    return render_template(
        "journal/list.html",
        items=listing.items,
        exact=EXACT,
        actions=action_choices(filters.get("action")),
        action_label=action_label,
        source_label=source_label,
        subject_label=subject_label,
        subject_address=subject_address,
        filters=filters,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page(f"/journal.<{ENDINGS}:ending>", needs=Permission.JOURNAL_READ)
def journal_table(actor: Actor, ending: str) -> Answer:
    """Download the listed entries."""
    filters = _filters()
    return download_list(ending, "journal", COLUMNS, lambda page: list_journal(actor, filters, page), table_rows)


def _filters() -> dict[str, str]:
    filters = requested_filters(FILTERS)
    if "subject" in filters:
        filters["subject"] = ",".join(normalize_subject(part.strip()) for part in filters["subject"].split(","))
    return filters


@pages.page("/journal/<int(max=9223372036854775807):seq>", needs=Permission.JOURNAL_READ)
def journal_entry(actor: Actor, seq: int) -> Answer:
    """Show one entry with its details and its hashes."""
    entry = find_entry(actor, seq)
    return render_template(
        "journal/detail.html",
        entry=entry,
        details=detail_rows(entry["details"]),
        credential_label=credential_label,
        action_label=action_label,
        source_label=source_label,
        subject_label=subject_label,
        subject_address=subject_address,
    )
