"""Saved views on pages, and what changes of accounts do to them."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import Connection, select, update

from registry.accounts.account_changes import change_role, disable_account
from registry.accounts.roles import Actor, Role
from registry.accounts.service import edit_account
from registry.cases.list_pages import FILTERS as FILTERS_OF_CASES
from registry.cases.lists import CASE_LIST
from registry.cases.models import Case
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.projects import pages as project_pages
from registry.projects.filters import FILTERS as FILTERS_OF_PROJECTS
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from registry.saved_views.models import SavedView
from registry.saved_views.queries import VIEW_LIST
from registry.saved_views.service import ViewsNeedAnAccount, save_view
from tests.audits.steps import audit, create_projects
from tests.cases.cast import act
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.inbox.people import a_person, actor_named
from tests.present import Present
from tests.statements import statements

LINK = re.compile(
    r'<li><a class="govuk-link" href="(/views/\d+)"([^>]*)>([^<]+)</a>(?: <span class="quiet">([^<]+)</span>)?'
)


def line(page: str) -> list[tuple[str, str]]:
    """The names and counts on the line of saved views."""
    return [(name, count) for _, _, name, count in LINK.findall(page)]


def invalidate(name: str) -> None:
    """Give a view a filter of an earlier version."""
    with transaction() as session:
        session.execute(update(SavedView).where(SavedView.name == name).values(query={"rule": "freeze.forgotten"}))


def test_list_is_saved_and_opened_again(signed_in: SignedIn) -> None:
    a_project()
    audit()
    visit = signed_in(Role.REVIEWER)
    listed = visit.get("/cases?status=new&region=71&sort=-budget_kzt").text
    address = re.search(r'href="(/views/new[^"]+)"', listed)
    assert address and line(listed) == []

    saved = visit.send(address[1].replace("&amp;", "&"), name="Астана", shared="yes")

    assert saved.request.full_path == "/cases?status=new&region=71&sort=-budget_kzt"
    assert "View saved." in saved.text and line(saved.text) == [("Астана", "1")]
    assert 'aria-current="true">Астана' in saved.text and "Save this view" not in saved.text
    other = visit.get("/cases?status=closed").text
    opened = visit.get(LINK.findall(other)[0][0])
    assert opened.request.full_path == "/cases?status=new&region=71&sort=-budget_kzt"
    assert line(signed_in(Role.AUDITOR).get("/cases?status=new").text) == [("Астана", "1")]


@pytest.mark.parametrize(("name", "more"), [("projects", "kind=central_body"), ("flags", "sort=rule")])
def test_list_has_its_own_views(signed_in: SignedIn, name: str, more: str) -> None:
    agency = an_agency()
    a_project(an_agency(parent=agency))
    audit()
    visit = signed_in(Role.REVIEWER)
    query = f"agency={agency.bin}&below=true&{more}"
    saved = visit.send(f"/views/new?list={name}&{query}", name="With those below")

    assert saved.request.full_path == f"/{name}?{query}"
    assert line(saved.text) == [("With those below", "1")]
    assert line(visit.get("/cases?status=new").text) == []


def test_view_of_a_list_leaves_out_below_without_an_agency(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    assert "/views/new" not in visit.get("/projects").text
    assert "/views/new" not in visit.get("/projects?below=true&agency=").text
    assert 'href="/views/new?list=projects&amp;stage=creation"' in visit.get("/projects?below=true&stage=creation").text


def test_form_names_what_is_wrong(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    form = "/views/new?list=projects&stage=creation"
    missing = visit.send(form, name="")
    assert missing.status_code == 422 and 'id="name-error"' in missing.text
    visit.send(form, name="Twice")
    taken = visit.send(form, name="Twice")
    assert taken.status_code == 422
    assert "You have a saved view “Twice” already. Choose another name." in taken.text


@pytest.mark.parametrize("query", ["", "?list=letters&kind=order", "?list=cases", "?list=cases&stage=creation"])
def test_nothing_but_a_list_is_saved(signed_in: SignedIn, query: str) -> None:
    assert signed_in(Role.REVIEWER).get(f"/views/new{query}").status_code == 400


def test_view_with_a_filter_of_an_earlier_version_opens_the_list_with_the_reason(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    visit.send("/views/new?list=projects&stage=creation", name="Forgotten")
    invalidate("Forgotten")

    listed = visit.get("/projects").text
    assert line(listed) == [("Forgotten", "")]
    opened = visit.get(LINK.findall(listed)[0][0])
    assert (opened.status_code, opened.request.path) == (200, "/projects")
    assert "The saved view “Forgotten” cannot be used any more:" in opened.text
    assert "govuk-error-message" in visit.get("/views").text


def test_deletion_is_confirmed(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    visit.send("/views/new?list=projects&stage=creation", name="Short-lived")
    address = re.search(r'href="(/views/\d+/deletion)"', visit.get("/views").text)
    asked = visit.get(address[1])
    assert "Delete the saved view?" in asked.text and "Only you see it." in asked.text
    deleted = visit.send(address[1])
    assert (deleted.request.full_path, "View deleted." in deleted.text) == ("/views?list=projects", True)
    assert visit.get(address[1]).status_code == 404


def test_line_has_ten_views_and_counts_up_to_a_limit(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    create_projects(3, an_agency())
    monkeypatch.setattr("registry.saved_views.queries.MAX_COUNTED", 2)
    reviewer = a_person("many.views", Role.REVIEWER)
    for place in range(12):
        query = {"stage": "creation"} if place else {"region": "10"}
        save_view(reviewer, {"name": f"View {place}", "list": "projects", "query": query, "shared": True})
    shown = line(signed_in(Role.AUDITOR).get("/projects").text)
    assert shown[0] == ("View 0", "0") and shown[1] == ("View 1", "2+")
    assert [name for name, _ in shown] == [f"View {place}" for place in range(10)]


def test_each_view_costs_a_list_one_statement(connection: Connection, signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 7, 15))
    create_projects(3, an_agency())
    audit()
    visit = signed_in(Role.REVIEWER)
    owner = actor_named("reviewer.web")
    counts = []
    for place in range(13):
        query = {"status": "new", "region": "71"}
        save_view(owner, {"name": f"View {place}", "list": "cases", "query": query, "shared": False})
        if place not in (0, 1, 9, 12):
            continue
        visit.get("/cases?status=new")
        db.session.expunge_all()
        with statements(connection) as sent:
            assert visit.get("/cases?status=new").status_code == 200
        counts.append(len(sent))
    assert counts == [counts[0] + more for more in (0, 1, 9, 9)]


def test_pages_take_every_filter_that_a_view_may_have(app: Flask) -> None:
    assert set(FILTERS_OF_CASES) == {*CASE_LIST.filters, "below"}
    assert set(project_pages.FILTERS) == {*FILTERS_OF_PROJECTS, "below", "kind"}


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
