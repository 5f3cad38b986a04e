"""Steps of the tests of the change feed."""

from __future__ import annotations

from typing import Any

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.changes.service import newest_seq
from registry.core.clock import today
from registry.core.database import transaction
from registry.feed.queries import Change, read_changes
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.factories import an_actor

SUPERVISOR = an_actor(Role.SUPERVISOR)
REVIEWER = an_actor(Role.REVIEWER)


def restrict(project: Project, is_restricted: bool = True) -> None:
    """Restrict access to the project, or lift the restriction."""
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), is_restricted, "Secret.")


def changes(reader: Actor | None = SUPERVISOR, after: int = 0) -> list[Change]:
    """Every change after a number, as the reader sees them."""
    return read_changes(reader, after, 10_000).changes


def types(reader: Actor | None = SUPERVISOR, after: int = 0) -> list[tuple[str, str]]:
    """(type, subject) of every change after a number."""
    return [(change.type.value, change.subject) for change in changes(reader, after)]


def since() -> int:
    """Where the feed stands now."""
    return newest_seq()


def states(change: Change) -> tuple[Any, Any]:
    """The status before and after."""
    before = change.data["before"]
    return (None if before is None else before["status"]), change.data["after"]["status"]


def pass_on(former: Agency, to: Agency) -> None:
    """Let another agency succeed the former one, today."""
    body = {"successor": to.bin, "on": today(), "act": "No. 17", "reason": "They merge."}
    request = ask(an_actor(Role.ADMINISTRATOR, name="first"), RequestKind.SUCCESSION, former.bin, body)
    confirm(an_actor(Role.SUPERVISOR, name="second"), RequestKind.SUCCESSION, request.id)
