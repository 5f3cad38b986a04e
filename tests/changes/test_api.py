"""The change feed over HTTP: pages, waiting, and the error for a reader who is too late."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.changes.models import PendingChange
from registry.changes.service import (
    RETENTION,
    changed_since,
    delete_old_changes,
    newest_seq,
    number_changes_by_hand,
    restart_feed,
)
from registry.core.database import db, table_of, transaction
from registry.feed.queries import MAX_WAITING, WAITING, ChangesRead, Waiting, wait_for_changes
from registry.journal.service import JournalEntry
from tests.api.callers import Caller, caller, code, codes
from tests.changes.steps import SUPERVISOR, changes, restrict
from tests.factories import a_project, an_agency
from tests.listed_records import listed_records
from tests.present import Present

DAY = date(2026, 9, 30)


@pytest.fixture
def agency(app: Flask, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


def test_without_a_number_the_feed_says_where_it_stands(supervisor: Caller, agency: Agency) -> None:
    project = a_project(agency)
    start = supervisor.get("/changes").get_json()

    assert start == {"items": [], "after": newest_seq(), "has_more": False}
    assert supervisor.get(f"/changes?after={start['after']}").get_json() == start
    # The revision of the project has a number, and no reader.
    assert supervisor.get(f"/changes?after={start['after'] - 1}").get_json() == start
    assert supervisor.get(f"/changes?after={start['after'] - 2}").get_json()["items"][0]["subject"] == (
        f"project:{project.number}"
    )


def test_pages_go_on_where_the_page_before_ended(supervisor: Caller, agency: Agency) -> None:
    for _ in range(3):
        a_project(agency)
    pages, after = [], 0
    while True:
        page = supervisor.get(f"/changes?after={after}&limit=2").get_json()
        pages.append([item["seq"] for item in page["items"]])
        after = page["after"]
        if not page["has_more"]:
            break

    assert pages == [[1, 2], [4, 6], []]
    assert after == 7


def test_an_item_is_one_record_with_its_states_and_links(supervisor: Caller, agency: Agency) -> None:
    project = a_project(agency)

    (item,) = supervisor.get("/changes?after=1").get_json()["items"]

    assert item == {
        "seq": 2,
        "at": "2026-09-30T07:00:00.000000Z",
        "type": "project.registered",
        "subject": f"project:{project.number}",
        "version": 1,
        "links": {
            "self": f"/api/v1/projects/{project.number}",
            "project": f"/api/v1/projects/{project.number}",
        },
        "data": {
            "before": None,
            "after": {"status": "unaudited", "severity": None},
            "fields": [],
            "project": project.number,
            "agency": agency.bin,
            "rule": None,
        },
        "source": None,
    }


@pytest.mark.on_both
@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.REVIEWER, Role.AGENCY_VIEWER])
def test_item_has_the_present_record_on_request_as_this_reader_sees_it(
    client: FlaskClient, present: Present, role: Role
) -> None:
    present.set(date(2026, 3, 2))
    listed = listed_records()
    who = caller(client, role, listed.agency if role is Role.AGENCY_VIEWER else None)
    records = {
        "agency": who.get("/agencies").get_json()["items"],
        "flag": who.get("/flags").get_json()["items"],
        "case": who.get("/cases").get_json()["items"],
        "exemption": who.get("/exemptions").get_json()["items"],
        "audit": who.get("/audits").get_json().get("items", []),
    }
    keys = {"agency": "bin"}
    expected = {f"{kind}:{each[keys.get(kind, 'id')]}": each for kind, some in records.items() for each in some}

    items = who.get("/changes?after=0&limit=500&expand=record").get_json()["items"]

    assert {item["subject"].partition(":")[0] for item in items} >= {"project", "flag", "case", "exemption", "agency"}
    for item in items:
        kind, _, key = item["subject"].partition(":")
        read = who.get(f"/projects/{key}")
        project = read.get_json() if kind == "project" and read.status_code == 200 else None
        assert item["record"] == (project if kind == "project" else expected[item["subject"]]), item["subject"]
    gone = [item["type"] for item in items if item["record"] is None]
    assert gone == (["project.withdrawn-from-view"] if role is Role.REVIEWER else [])
    assert all("record" not in item for item in who.get("/changes?after=0").get_json()["items"])


def test_unusable_parameters_are_named(supervisor: Caller) -> None:
    for query, problem in [
        ("after=0&expand=records", ("expand", "not-a-choice")),
        ("after=-1", ("after", "number-out-of-range")),
        ("after=x", ("after", "number-out-of-range")),
        ("after=", ("after", "number-out-of-range")),
        ("after=9223372036854775808", ("after", "number-out-of-range")),
        ("after=%D9%A3", ("after", "number-out-of-range")),
        ("wait=31", ("wait", "number-out-of-range")),
        ("after=0&wait=1.5", ("wait", "number-out-of-range")),
        ("limit=501", ("limit", "limit-out-of-range")),
        ("cursor=x", ("cursor", "unknown-parameter")),
        ("after=0&type=project.lost", ("type", "not-a-choice")),
        ("after=0&subject=project:1,", ("subject", "value-missing")),
    ]:
        answer = supervisor.get(f"/changes?{query}")

        assert (answer.status_code, codes(answer)) == (400, {problem}), query


def test_types_and_subjects_choose_and_the_feed_goes_on_after_what_was_skipped(
    supervisor: Caller, agency: Agency
) -> None:
    first, second = a_project(agency), a_project(agency)

    def subjects(query: str) -> list[str]:
        page = supervisor.get(f"/changes?after=0&{query}").get_json()
        assert (page["after"], page["has_more"]) == (newest_seq(), False)
        return [item["subject"] for item in page["items"]]

    projects = [f"project:{first.number}", f"project:{second.number}"]
    assert subjects("type=project.registered") == projects
    assert subjects("type=project.registered,flag.opened&type=case.opened") == projects
    assert subjects(f"subject={projects[1]}") == [projects[1]]
    assert subjects(f"type=flag.opened&subject={projects[1]}") == []
    assert subjects(f"subject=agency:{agency.bin},{projects[0]}") == [f"agency:{agency.bin}", projects[0]]


def test_project_that_leaves_the_view_is_listed_whatever_is_asked_for(
    client: FlaskClient, supervisor: Caller, agency: Agency
) -> None:
    reviewer = caller(client, Role.REVIEWER)
    project = a_project(agency)
    start = newest_seq()
    restrict(project)

    items = reviewer.get(f"/changes?after={start}&type=flag.opened&subject=flag:1").get_json()["items"]
    assert [(item["type"], item["subject"]) for item in items] == [
        ("project.withdrawn-from-view", f"project:{project.number}")
    ]
    # What a supervisor did not ask for is not journalled as read.
    assert supervisor.get(f"/changes?after={start}&type=audit.held").get_json()["items"] == []
    reads = select(JournalEntry).where(JournalEntry.action == "restricted.read")
    assert db.session.scalars(reads).all() == []


def test_late_reader_gets_the_advice_to_read_the_lists_again(
    client: FlaskClient, agency: Agency, present: Present
) -> None:
    a_project(agency)
    present.move(RETENTION + timedelta(seconds=1))
    a_project(agency)
    delete_old_changes()
    supervisor = caller(client, Role.SUPERVISOR)

    late, in_time = supervisor.get("/changes?after=2"), supervisor.get("/changes?after=3")

    assert (late.status_code, code(late)) == (410, "changes-expired")
    assert "for 90 days" in late.get_json()["detail"]
    assert [item["seq"] for item in in_time.get_json()["items"]] == [4]


def test_changes_are_kept_for_ninety_days(agency: Agency, present: Present) -> None:
    a_project(agency)
    present.move(timedelta(days=90))
    delete_old_changes()

    assert [change.seq for change in changes()] == [1, 2]


def test_a_number_that_the_feed_does_not_have_yet_is_not_accepted(supervisor: Caller, agency: Agency) -> None:
    answer = supervisor.get("/changes?after=2&wait=30")

    assert (answer.status_code, code(answer)) == (410, "changes-not-reached")


def test_reading_changes_of_restricted_projects_is_journalled(supervisor: Caller, agency: Agency) -> None:
    project = a_project(agency)
    restrict(project)
    supervisor.get("/changes?after=0")

    read = select(JournalEntry.subject, JournalEntry.details).where(JournalEntry.action == "restricted.read")
    assert db.session.execute(read).all() == [(f"project:{project.number}", '{"what":"changes"}')]


@pytest.mark.on_both
def test_a_request_waits_for_the_next_change(own_app: Flask) -> None:
    waits = threading.Event()
    answers: list[ChangesRead] = []

    def time_stands_still() -> float:
        waits.set()
        return 0.0

    def wait() -> None:
        with own_app.app_context():
            answers.append(wait_for_changes(SUPERVISOR, 0, 50, 30, time_stands_still))

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert waits.wait(60)
    with own_app.app_context():
        an_agency()
    waiter.join(60)

    assert [change.type for change in answers[0].changes] == ["agency.registered"]


def test_a_request_ends_without_changes_when_its_time_is_over(app: Flask) -> None:
    times = iter((0.0, 29.0, 30.0))

    read = wait_for_changes(SUPERVISOR, 0, 50, 30, lambda: next(times))

    assert read == ChangesRead([], 0, has_more=False)


def test_so_many_wait_and_others_are_answered_at_once(app: Flask) -> None:
    with ExitStack() as places:
        taken = [places.enter_context(WAITING.place(f"reader-{n}")) for n in range(MAX_WAITING + 1)]
        # It would wait for ever: its time stands still.
        read = wait_for_changes(SUPERVISOR, 0, 50, 30, lambda: 0.0)

    assert taken == [True, True, True, False]
    assert read.changes == []
    with WAITING.place("reader-0") as free:
        assert free


def test_one_principal_waits_once_and_nobody_when_the_server_stops() -> None:
    waiting, stopping = Waiting(), threading.Event()
    waiting.stop_with(stopping)
    with waiting.place("reader") as first, waiting.place("reader") as second, waiting.place("other") as other:
        assert (first, second, other) == (True, False, True)
    stopping.set()

    assert waiting.pause() is False


def test_after_a_restoration_no_number_is_given_again(supervisor: Caller, agency: Agency) -> None:
    with transaction():
        restart_feed()
    project = a_project(agency)
    late, start = supervisor.get("/changes?after=1"), supervisor.get("/changes?after=1000000001")

    assert (late.status_code, code(late)) == (410, "changes-expired")
    assert [(item["seq"], item["subject"]) for item in start.get_json()["items"]] == [
        (1_000_000_002, f"project:{project.number}")
    ]


@pytest.mark.postgres_only
def test_restoration_lets_changes_by_hand_be_numbered_that_another_server_counted(own_app: Flask) -> None:
    with own_app.app_context():
        project = a_project(an_agency())
        noted = {"xact": 2**40, "position": 1, "record_id": project.id, "kind": "project"}
        with transaction() as session:
            session.execute(insert(table_of(PendingChange)).values(noted))
            restart_feed()
        last = newest_seq()
        number_changes_by_hand()
        assert changed_since(last).projects == {project.id}
