"""Inbox page, buttons that follow a record, and what other pages show of the inbox."""

from typing import Final

from flask import request

from registry.accounts.roles import Actor, Permission
from registry.core.errors import Malformed, Problem
from registry.core.values import plain_number
from registry.inbox import queries, service
from registry.projects.queries import projects_numbered
from registry.web.blueprint import ANY_SIGNED_IN, Answer, flash_message, pages, redirect_to
from registry.web.current_user import current_user, page_locale
from registry.web.formats import gettext, ngettext
from registry.web.lists import render_list, requested_filters, requested_page

# What other pages show of the inbox: the count in the header, and what is followed.


def unread_count() -> str:
    """Return the number of unread entries of the current user, empty without any; "99+" for more than that."""
    actor = current_user().actor
    count = 0 if actor is None else queries.count_unread(actor)
    return f"{queries.MAX_COUNTED - 1}+" if count == queries.MAX_COUNTED else str(count or "")


def unread_entries_of_case(case_id: int) -> list[int]:
    """Return the ids of the current user's unread entries about a case."""
    actor = current_user().actor
    return [] if actor is None else queries.unread_of_case(actor, case_id)


def follows_case(case_id: int) -> bool:
    """Return True when the current user follows the case."""
    actor = current_user().actor
    return actor is not None and queries.is_watching(actor, case_id=case_id)


def follows_project(project_id: int) -> bool:
    """Return True when the current user follows the project."""
    actor = current_user().actor
    return actor is not None and queries.is_watching(actor, project_id=project_id)


# Buttons that follow a case or a project.


@pages.page("/inbox/cases/<row_id:case_id>/watch", needs=Permission.CASES_READ, methods=("POST",))
def watch_case(actor: Actor, case_id: int) -> Answer:
    """Follow the case, or stop following it."""
    follow = _follow()
    service.watch_case(actor, case_id, follow=follow)
    done = gettext("You follow this case: comments and changes of its status come to your inbox.")
    flash_message(done if follow else gettext("You no longer follow this case."))
    return redirect_to("case", case_id=case_id)


@pages.page("/inbox/projects/<number>/watch", needs=Permission.CASES_READ, methods=("POST",))
def watch_project(actor: Actor, number: str) -> Answer:
    """Follow the project, or stop following it."""
    follow = _follow()
    service.watch_project(actor, number, follow=follow)
    done = gettext("You follow this project: what happens to its cases comes to your inbox.")
    flash_message(done if follow else gettext("You no longer follow this project."))
    return redirect_to("project", number=number)


def _follow() -> bool:
    return request.form.get("following") != "stop"


# Inbox page: what is new for the person, what is due soon, and marking as read.

FILTERS: Final = ("unread", "kind")


@pages.page("/inbox", needs=Permission.CASES_READ)
def inbox(actor: Actor) -> Answer:
    """List the person's entries, newest first."""
    filters = requested_filters(FILTERS)
    due = queries.due_soon(actor, page_locale())
    listing = queries.INBOX.read(actor, filters, requested_page())
    numbers = [entry["project"] for entry in listing.items] + [case["project"] for case in due]
    return render_list(
        "inbox/list.html",
        listing,
        actor=actor,
        entries=listing.items,
        due_soon=due,
        due_soon_filters=queries.due_soon_filters(actor),
        inbox_projects=projects_numbered(actor, numbers),
        filters=filters,
        newest=queries.newest_entry_id(actor),
    )


@pages.page("/inbox/read", needs=ANY_SIGNED_IN, methods=("POST",))
def mark_inbox_read(actor: Actor) -> Answer:
    """Mark all entries as read that the person's page may have displayed."""
    marked = service.mark_read(actor, all_entries=True, up_to=_up_to())
    flash_message(
        ngettext("%(num)s entry marked as read.", "%(num)s entries marked as read.", marked) % {"num": marked}
    )
    return redirect_to("inbox")


@pages.page("/inbox/<row_id:entry_id>/open", needs=Permission.CASES_READ, methods=("POST",))
def open_entry(actor: Actor, entry_id: int) -> Answer:
    """Mark the person's unread entries about this case as read, and open the case."""
    case_id = queries.case_of_entry(actor, entry_id)
    service.mark_read(actor, entries=queries.unread_of_case(actor, case_id) or [entry_id])
    return redirect_to("case", case_id=case_id)


def _up_to() -> int:
    entry_id = plain_number(request.form.get("up_to", ""))
    if entry_id is None:
        raise Malformed([Problem("up_to", "expected-whole-number")])
    return entry_id
