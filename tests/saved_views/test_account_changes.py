"""Views of accounts that are renamed, disabled or moved, and of agencies that are succeeded."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import change_role, disable_account
from registry.accounts.roles import Actor, Role
from registry.accounts.service import edit_account
from registry.cases.models import Case
from registry.core.clock import today
from registry.core.database import db
from registry.core.lists import Page
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from registry.saved_views.queries import VIEW_LIST
from registry.saved_views.service import ViewsNeedAnAccount, save_view
from tests.cases.cast import act, audit
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.inbox.people import a_person, actor_named

QUERY = {"stage": "creation"}


def names(actor: Actor) -> list[str]:
    """The names of the views that the actor sees."""
    return [shown.view.name for shown in VIEW_LIST.read(actor, {}, Page()).items]


def save(actor: Actor, name: str, *, shared: bool = False) -> None:
    """Save a view of projects."""
    save_view(actor, {"name": name, "list": "projects", "query": QUERY, "shared": shared})


def test_moved_person_keeps_own_views_and_leaves_shared_ones(app: Flask) -> None:
    first, second = an_agency(), an_agency()
    mover, colleague = a_person("mover", Role.AGENCY_EDITOR, first), a_person("stays", Role.AGENCY_VIEWER, first)
    save(mover, "Own")
    save(mover, "Of the first", shared=True)
    assert mover.account_id is not None
    change_role(ADMINISTRATOR, mover.account_id, Role.AGENCY_EDITOR, second.id)

    moved = actor_named("mover")
    assert names(moved) == ["Own"]
    assert names(colleague) == ["Of the first"]
    (left,) = VIEW_LIST.read(colleague, {}, Page()).items
    assert (left.owner, left.is_own) == (None, False)
    # The name is free again, and what is shared now is of the second agency.
    save(moved, "Of the first", shared=True)
    assert names(colleague) == ["Of the first"]
    assert names(moved) == ["Own", "Of the first"]


def test_person_who_leaves_oversight_leaves_its_shared_views(app: Flask) -> None:
    mover, reviewer = a_person("mover", Role.REVIEWER), a_person("stays", Role.REVIEWER)
    save(mover, "Shared", shared=True)
    assert mover.account_id is not None
    change_role(ADMINISTRATOR, mover.account_id, Role.AGENCY_EDITOR, an_agency().id)
    assert (names(actor_named("mover")), names(reviewer)) == ([], ["Shared"])


def test_other_role_of_the_same_side_changes_nothing(app: Flask) -> None:
    person = a_person("rises", Role.REVIEWER)
    save(person, "Shared", shared=True)
    assert person.account_id is not None
    change_role(ADMINISTRATOR, person.account_id, Role.SUPERVISOR, None)
    (shown,) = VIEW_LIST.read(actor_named("rises"), {}, Page()).items
    assert (shown.view.name, shown.owner, shown.is_own) == ("Shared", "rises", True)


def test_shared_view_of_a_disabled_account_stays(app: Flask) -> None:
    leaver, reviewer = a_person("leaver", Role.REVIEWER), a_person("stays", Role.REVIEWER)
    save(leaver, "Shared", shared=True)
    save(leaver, "Own")
    assert leaver.account_id is not None
    disable_account(ADMINISTRATOR, leaver.account_id)
    assert names(reviewer) == ["Shared"]


def test_rename_keeps_views_and_their_filters_on_the_reviewer(app: Flask) -> None:
    person = a_person("before", Role.REVIEWER)
    a_project()
    audit()
    (case_id,) = db.session.scalars(select(Case.id))
    act(person, case_id, "claim")
    save_view(person, {"name": "Ours", "list": "cases", "query": {"assignee": "before"}, "shared": True})
    assert person.account_id is not None
    edit_account(ADMINISTRATOR, person.account_id, {"name": "after"})

    (shown,) = VIEW_LIST.read(actor_named("after"), {}, Page()).items
    assert (shown.owner, shown.is_own, shown.count) == ("after", True, 1)


def test_successor_gets_what_was_shared_with_the_agency(app: Flask) -> None:
    former, successor = an_agency(), an_agency()
    save(a_person("of the former", Role.AGENCY_EDITOR, former), "Shared", shared=True)
    reader = a_person("of the successor", Role.AGENCY_VIEWER, successor)
    act = {"on": today(), "act": "Decree No. 17", "reason": "They merge."}
    request = ask(ADMINISTRATOR, RequestKind.SUCCESSION, former.bin, {"successor": successor.bin, **act})
    confirm(an_actor(Role.SUPERVISOR, name="decides"), RequestKind.SUCCESSION, request.id)

    assert names(reader) == ["Shared"]
    (shown,) = VIEW_LIST.read(actor_named("of the former"), {}, Page()).items
    assert shown.is_own


def test_command_line_has_no_account_to_save_for(app: Flask) -> None:
    with pytest.raises(ViewsNeedAnAccount):
        save(ADMINISTRATOR, "Nobody’s")
    assert names(ADMINISTRATOR) == []
