"""What other pages show of the inbox: the count in the header, sections of home, and what is followed."""

from __future__ import annotations

from typing import Any

from registry.accounts.actors import Actor
from registry.inbox.queries import MAX_COUNTED, count_unread, due_soon, due_soon_filters, is_watching, unread_of_case
from registry.inbox.sections import AT_MOST, unread_sections
from registry.projects.views.links import projects_numbered
from registry.web.current_user import current_user, page_locale


def unread_count() -> str:
    """The number of unread entries of the current user, empty without any; "99+" for more than that."""
    actor = current_user().actor
    count = 0 if actor is None else count_unread(actor)
    return f"{MAX_COUNTED - 1}+" if count == MAX_COUNTED else str(count or "")


def unread_entries_of_case(case_id: int) -> list[int]:
    """The ids of the current user's unread entries about a case."""
    actor = current_user().actor
    return [] if actor is None else unread_of_case(actor, case_id)


def follows_case(case_id: int) -> bool:
    """True when the current user follows the case."""
    actor = current_user().actor
    return actor is not None and is_watching(actor, case_id=case_id)


def follows_project(project_id: int) -> bool:
    """True when the current user follows the project."""
    actor = current_user().actor
    return actor is not None and is_watching(actor, project_id=project_id)


def inbox_on_home(actor: Actor) -> dict[str, Any]:
    """The parts of the home page: unread entries by kind, and the cases that are due in three days."""
    due = due_soon(actor, page_locale(), AT_MOST)
    sections = unread_sections(actor)
    numbers = [entry["project"] for section in sections for entry in section.entries]
    numbers += [case["project"] for case in due]
    return {
        "inbox": sections,
        "due_soon": due,
        "due_soon_filters": due_soon_filters(actor),
        "inbox_projects": projects_numbered(actor, numbers) if numbers else {},
    }
