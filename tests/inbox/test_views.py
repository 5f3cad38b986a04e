"""Pages of the inbox: the count in the header, sections of home, marking as read, following."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import Connection

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.core.database import db
from tests.cases.cast import case_of
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit
from tests.inbox.people import a_person, act, actor_named, audit, kinds
from tests.present import Present
from tests.statements import statements


@pytest.fixture
def answered(app: Flask, present: Present, signed_in: SignedIn) -> tuple[Visit, Case, Agency]:
    """A reviewer at the browser, whose question an agency has answered."""
    present.set(date(2026, 7, 15))
    agency = an_agency()
    project = a_project(agency)
    audit()
    visit = signed_in(Role.REVIEWER, name="aigerim")
    answer(actor_named("aigerim"), a_person("editor", Role.AGENCY_EDITOR, agency), case_of(project))
    return visit, case_of(project), agency


def answer(reviewer: Actor, editor: Actor, case: Case) -> None:
    act(reviewer, case, "claim")
    act(reviewer, case, "ask", "Why?")
    act(editor, case, "answer", "It moves in autumn.")


def newest_entry(page: str) -> str:
    """The entry of the timeline up to which the button of the page marks the case as seen."""
    match = re.search(r'name="event" value="(\d+)"', page)
    return match[1]


def count_in_header(page: str) -> str | None:
    match = re.search(r'site-header__count">([0-9+]+)<', page)
    return None if match is None else match[1]


def test_header_counts_unread_entries_and_home_has_their_section(answered: tuple[Visit, Case, Agency]) -> None:
    visit, case, _ = answered

    home = visit.get("/home").text

    assert count_in_header(home) == "1"
    assert f'href="/cases/{case.id}?status=under_review' in home
    assert ">Unread</a>: " not in home


def test_button_opens_the_case_and_marks_as_read_while_the_link_marks_nothing(
    answered: tuple[Visit, Case, Agency],
) -> None:
    visit, case, _ = answered
    inbox = visit.get("/inbox").text
    assert ">Unread</strong>" in inbox
    visit.get(f"/cases/{case.id}")
    assert count_in_header(visit.get("/inbox").text) == "1"
    opens = re.search(r'action="(/inbox/[0-9]+/open)"', inbox)

    page = visit.send(opens[1], page="/inbox").text

    assert f"Case {case.id}" in page
    assert count_in_header(page) is None
    after = visit.get("/inbox").text
    assert f"Case {case.id}: The agency answered" in after
    assert ">Unread</strong>" not in after
    assert "There are no entries here." in visit.get("/inbox?unread=true").text


def test_entries_of_a_case_are_marked_as_read_when_the_case_is_marked_as_seen(
    answered: tuple[Visit, Case, Agency],
) -> None:
    visit, case, _ = answered
    path = f"/cases/{case.id}"
    page = visit.get(path).text
    assert "Your inbox has 1 unread entry about this case." in page
    assert page.count(">Mark as seen</button>") == 1 and "Mark as seen up to here" not in page

    page = visit.send(f"{path}/visit", page=path, event=newest_entry(page)).text

    assert count_in_header(page) is None and "unread entry" not in page
    assert kinds(actor_named("aigerim"), unread="true") == []


def test_entry_that_came_after_the_page_was_opened_stays_unread(
    answered: tuple[Visit, Case, Agency],
) -> None:
    visit, case, _ = answered
    path = f"/cases/{case.id}"
    seen = newest_entry(visit.get(path).text)
    a_person("saule", Role.SUPERVISOR)
    act(actor_named("saule"), case, "comment", "Please look again, @aigerim.")

    page = visit.send(f"{path}/visit", page=path, event=seen).text

    assert kinds(actor_named("aigerim"), unread="true") == ["mentioned"]
    assert ">Mark as seen</button>" in page


def test_entries_of_other_cases_and_people_stay_unread_when_a_case_is_seen(
    answered: tuple[Visit, Case, Agency],
) -> None:
    visit, case, agency = answered
    another = a_project(agency)
    audit()
    answer(actor_named("aigerim"), actor_named("editor"), case_of(another))
    colleague = a_person("saule", Role.SUPERVISOR)
    act(actor_named("aigerim"), case, "comment", "Please look, @saule.")
    path = f"/cases/{case.id}"

    visit.send(f"{path}/visit", page=path, event=newest_entry(visit.get(path).text))

    assert count_in_header(visit.get(path).text) == "1"
    assert kinds(colleague, unread="true") == ["mentioned"]


@pytest.mark.parametrize("what", ["case", "project"])
def test_button_follows_and_stops_following(answered: tuple[Visit, Case, Agency], what: str) -> None:
    visit, case, _ = answered
    path = f"/cases/{case.id}" if what == "case" else f"/projects/{case.project_record.number}"
    assert f">Follow this {what}</button>" in visit.get(path).text

    page = visit.send(f"/inbox{path}/watch", page=path, following="start").text
    assert f">Stop following this {what}</button>" in page

    page = visit.send(f"/inbox{path}/watch", page=path, following="stop").text
    assert f"You no longer follow this {what}." in page
    assert f">Follow this {what}</button>" in page


def test_home_of_an_agency_has_questions_and_what_is_due(app: Flask, present: Present, signed_in: SignedIn) -> None:
    present.set(date(2026, 7, 15))
    agency = an_agency()
    project = a_project(agency)
    audit()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    reviewer = a_person("aigerim", Role.REVIEWER)
    act(reviewer, case_of(project), "claim")
    case = act(reviewer, case_of(project), "ask", "Why?")
    assert case.due_on is not None
    assert "Due within 3 days" not in visit.get("/inbox").text

    present.set(case.due_on)
    visit = Visit(app.test_client())
    visit.sign_in("agency_editor.web")
    home = visit.get("/home").text

    assert "Answer the question" in home and "Question to your agency" not in home
    assert "Due within 3 days" in visit.get("/inbox").text


def test_home_and_inbox_take_as_many_statements_for_many_entries_as_for_few(
    answered: tuple[Visit, Case, Agency], connection: Connection
) -> None:
    visit, _, agency = answered
    counts = []
    for more in (1, 4):
        projects = [a_project(agency) for _ in range(more)]
        audit()
        for project in projects:
            answer(actor_named("aigerim"), actor_named("editor"), case_of(project))
        for path in ("/home", "/inbox"):
            visit.get(path)
            db.session.expunge_all()
            with statements(connection) as sent:
                assert visit.get(path).status_code == 200
            counts.append(len(sent))
    assert counts[:2] == counts[2:]
