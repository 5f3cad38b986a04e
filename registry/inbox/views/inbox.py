"""Inbox page: what is new for the person, what is due soon, and marking as read."""

from __future__ import annotations

from typing import Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import Malformed, Problem
from registry.inbox.queries import (
    case_of_entry,
    due_soon,
    due_soon_filters,
    list_inbox,
    newest_entry_id,
    unread_of_case,
)
from registry.inbox.service import mark_read
from registry.projects.views.links import projects_numbered
from registry.web.blueprint import ANY_SIGNED_IN, Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.flash import flash_message
from registry.web.lists import first_address, next_address, requested_filters, requested_page
from registry.web.translations import ngettext

FILTERS: Final = ("unread", "kind")
# Ids of entries have at most nine digits for many years.
MAX_DIGITS: Final = 9


@pages.page("/inbox", needs=Permission.CASES_READ)
def inbox(actor: Actor) -> Answer:
    """List the person's entries, newest first."""
    filters = requested_filters(FILTERS)
    due = due_soon(actor, page_locale())
    listing = list_inbox(actor, filters, requested_page())
    numbers = [entry["project"] for entry in listing.items] + [case["project"] for case in due]
    return render_template(
        "inbox/list.html",
        actor=actor,
        entries=listing.items,
        due_soon=due,
        due_soon_filters=due_soon_filters(actor),
        inbox_projects=projects_numbered(actor, numbers),
        filters=filters,
        newest=newest_entry_id(actor),
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/inbox/read", needs=ANY_SIGNED_IN, methods=("POST",))
def mark_inbox_read(actor: Actor) -> Answer:
    """Mark all entries as read that the person's page may have displayed."""
    marked = mark_read(actor, all_entries=True, up_to=_up_to())
    flash_message(
        ngettext("%(num)s entry marked as read.", "%(num)s entries marked as read.", marked) % {"num": marked}
    )
    return redirect_to("inbox")


@pages.page("/inbox/<row_id:entry_id>/open", needs=Permission.CASES_READ, methods=("POST",))
def open_entry(actor: Actor, entry_id: int) -> Answer:
    """Mark the person's unread entries about this case as read, and open the case."""
    case_id = case_of_entry(actor, entry_id)
    mark_read(actor, entries=unread_of_case(actor, case_id) or [entry_id])
    return redirect_to("case", case_id=case_id)


def _up_to() -> int:
    sent = request.form.get("up_to", "")
    if not (sent.isascii() and sent.isdigit() and len(sent) <= MAX_DIGITS):
        raise Malformed([Problem("up_to", "expected-whole-number")])
    return int(sent)
