"""People with accounts for the tests of the inbox, the case that they work on, and what is in their inboxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registry.accounts.models import account_named
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.core.lists import Page
from registry.inbox.queries import INBOX
from registry.notifications.immediate import process_outbox
from registry.projects.models import Project
from tests.cases import cast as on_cases
from tests.factories import ADMINISTRATOR, PASSWORD


@dataclass
class Cast:
    """Two reviewers, a supervisor, and an agency with an editor and a viewer, a case of its project."""

    aigerim: Actor
    bolat: Actor
    saule: Actor
    editor: Actor
    viewer: Actor
    agency: Agency
    project: Project
    case: Case


def a_person(name: str, role: Role, agency: Agency | None = None) -> Actor:
    """A new person with an account."""
    add_person(ADMINISTRATOR, NewPerson(name, role, None if agency is None else agency.id), PASSWORD)
    return actor_named(name)


def actor_named(name: str) -> Actor:
    """The person of that name as the account is now."""
    account = account_named(name)
    role = Role(account.role)
    return Actor(name, role, account.agency_id, "127.0.0.1", "tests", account.id, True, "session:of-tests")


def kinds(actor: Actor, **filters: str) -> list[str]:
    """The kinds of the person's entries, newest first."""
    return [entry["kind"] for entry in INBOX.read(actor, filters, Page()).items]


def act(actor: Actor, case: Case | int, name: str, *args: Any) -> Case:
    """Run one action, and what follows acts."""
    changed = on_cases.act(actor, case, name, *args)
    follow_acts()
    return changed


def audit() -> None:
    """Run today's audit, and what follows acts."""
    on_cases.audit()
    follow_acts()


def follow_acts() -> None:
    """Write the entries of what was done, as the scheduler does each second."""
    process_outbox(with_mail=False)


def ask(cast: Cast) -> None:
    """The reviewer claims the case and asks the agency."""
    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "ask", "Why is it off the platform?")
