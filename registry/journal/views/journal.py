"""The journal, for who may read it."""

from __future__ import annotations

from flask import render_template

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.journal.queries import find_entry, list_journal
from registry.journal.views.labels import (
    act_choices,
    act_name,
    credential_name,
    detail_rows,
    source_name,
    subject_address,
    subject_as_written,
    subject_name,
)
from registry.web.blueprint import Answer, pages
from registry.web.lists import first_address, next_address, requested_filters, requested_page

FILTERS = ("subject", "action", "principal", "request_id")


@pages.page("/journal", needs=Permission.JOURNAL_READ)
def journal(actor: Actor) -> Answer:
    """Entries, the newest first."""
    filters = requested_filters(FILTERS)
    if "subject" in filters:
        filters["subject"] = ",".join(subject_as_written(part.strip()) for part in filters["subject"].split(","))
    listing = list_journal(actor, filters, requested_page(50))
    return render_template(
        "journal/list.html",
        items=listing.items,
        names=FILTERS,
        acts=act_choices(filters.get("action")),
        act_name=act_name,
        source_name=source_name,
        subject_name=subject_name,
        subject_address=subject_address,
        filters=filters,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/journal/<int(max=9223372036854775807):seq>", needs=Permission.JOURNAL_READ)
def journal_entry(actor: Actor, seq: int) -> Answer:
    """One entry whole: what it says in detail, and its place in the chain."""
    entry = find_entry(actor, seq)
    return render_template(
        "journal/detail.html",
        entry=entry,
        told=detail_rows(entry["details"]),
        credential_name=credential_name,
        act_name=act_name,
        source_name=source_name,
        subject_name=subject_name,
        subject_address=subject_address,
    )
