"""Succession: what an agency has passes to another one, exactly once, on its day; and requests that fail on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, time, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings, strategies as st
from sqlalchemy import func, select, update

from registry.accounts.models import account_named
from registry.accounts.roles import Actor, Role
from registry.accounts.sessions import WebSession
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.audits.jobs import run_due_audit, run_nightly_audit
from registry.audits.models import AgencyCount
from registry.cases.models import Case
from registry.cli.scheduler import jobs
from registry.core.clock import local_instant
from registry.core.database import db, transaction
from registry.core.errors import Conflict, Invalid
from registry.imports.service import import_now
from registry.journal.service import JournalEntry
from registry.journal.verification import verify_stored
from registry.projects.drafts import find_draft, save_draft, start_draft
from registry.projects.models import Project
from registry.projects.revisions import Revision, history
from registry.reports.compliance import compliance, compliance_on
from registry.requests.kinds import agency_succeeded
from registry.requests.models import Request, RequestKind
from registry.requests.queries import due_requests
from registry.requests.service import RequestCarriedOut, ask, cancel, carry_out_due_requests, confirm
from registry.settings import read_settings
from tests.api.callers import caller, codes
from tests.audits.steps import installed
from tests.cases.cast import AIGERIM, IN_BOTH, SAULE, act, audit, case_of
from tests.factories import (
    a_project,
    a_service_token,
    a_token,
    an_actor,
    an_agency,
    bearer,
    in_session,
    project_values,
    with_account,
)
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn
from tests.notifications.readers import create_reader, delete_emails, queued_emails
from tests.present import Present
from tests.requests.world import deadlines, everything, fill, holders

DAY = date(2026, 9, 30)


ASKER, DECIDER = an_actor(Role.ADMINISTRATOR, name="first"), an_actor(Role.SUPERVISOR, name="second")


def a_succession(former: Agency, successor: Agency, on: date = DAY, asker: Actor = ASKER, **values: object) -> Request:
    """A confirmed succession."""
    body = {"successor": successor.bin, "on": on, "act": "No. 17", "reason": "They merge.", **values}
    request = ask(asker, RequestKind.SUCCESSION, former.bin, body)
    return confirm(DECIDER, RequestKind.SUCCESSION, request.id)


def holder(project: Project) -> str:
    return str(db.session.get_one(Project, project.id, populate_existing=True).agency_id)


@pytest.fixture
def former(app: Flask, present: Present) -> Agency:
    present.set(DAY)
    return an_agency(region="71")


@pytest.fixture
def successor(former: Agency) -> Agency:
    return an_agency()


def test_projects_cases_and_agencies_below_pass_to_the_successor(former: Agency, successor: Agency) -> None:
    child, project = an_agency(parent=former), a_project(former)
    audit()
    case = case_of(project)
    due_on, status, events = case.due_on, case.status, case.version

    request = a_succession(former, successor)

    moved = db.session.get_one(Case, case.id, populate_existing=True)
    closed = agency_by_bin(former.bin)
    assert request.carried_out_at is not None
    assert holder(project) == str(successor.id)
    last = history(project.id)[-1]
    assert last["by"] == "second"
    assert last["changes"] == [{"field": "agency", "old": former.bin, "new": successor.bin}]
    assert (moved.due_on, moved.status, moved.version) == (due_on, status, events)
    assert (closed.closed_on, closed.successor_bin) == (DAY, successor.bin)
    assert agency_by_bin(child.bin).parent_bin == successor.bin


def test_nothing_happens_before_the_day_and_once_on_it(former: Agency, successor: Agency, present: Present) -> None:
    project = a_project(former)
    a_succession(former, successor, DAY + timedelta(days=1))
    before = carry_out_due_requests()
    present.set(DAY + timedelta(days=1))
    on_the_day, again = carry_out_due_requests(), carry_out_due_requests()

    assert (before, len(on_the_day), again) == ([], 1, [])
    assert holder(project) == str(successor.id)
    assert db.session.get_one(Project, project.id).version == 2


def test_a_succession_that_has_taken_effect_cannot_be_cancelled(former: Agency, successor: Agency) -> None:
    request = a_succession(former, successor)

    with pytest.raises(RequestCarriedOut):
        cancel(ASKER, RequestKind.SUCCESSION, request.id)


def test_equal_external_ids_are_shown_before_and_get_the_former_bin(
    client: FlaskClient, former: Agency, successor: Agency
) -> None:
    first, second = a_project(former, external_id="A-1"), a_project(successor, external_id="A-1")
    lone = a_project(former, external_id="B-1")
    tomorrow = DAY + timedelta(days=1)
    body = {"successor": successor.bin, "on": tomorrow.isoformat(), "act": "No. 17", "reason": "They merge."}
    asked = caller(client, Role.ADMINISTRATOR).post(f"/agencies/{former.bin}/succession", body).get_json()

    assert asked["equal_external_ids"] == [
        {"external_id": "A-1", "project": first.number, "other_project": second.number}
    ]

    confirm(DECIDER, RequestKind.SUCCESSION, asked["id"])
    db.session.get_one(Request, asked["id"]).on = DAY
    db.session.commit()
    assert carry_out_due_requests() == [asked["id"]]
    ids = {each.id: each.external_id for each in db.session.query(Project).populate_existing()}
    assert ids == {first.id: f"{former.bin}:A-1", second.id: "A-1", lone.id: "B-1"}


def test_accounts_keep_roles_and_tokens_and_their_sessions_end(
    client: FlaskClient, former: Agency, successor: Agency
) -> None:
    service = bearer(a_service_token(Role.AGENCY_EDITOR, former))
    editor = a_token(Role.AGENCY_EDITOR, former, "editor")
    account = account_named("editor")
    assert account is not None
    in_session(Actor("editor", Role.AGENCY_EDITOR, former.id, account_id=account.id, is_person=True))
    own = a_project(former)
    a_succession(former, successor)

    assert db.session.scalars(select(WebSession)).all() == []
    moved = account_named("editor")
    assert moved is not None and (moved.role, moved.agency_id) == ("agency_editor", successor.id)
    for headers in (service, bearer(editor)):
        assert client.get(f"/api/v1/projects/{own.number}", headers=headers).status_code == 200
        me = client.get("/api/v1/me", headers=headers).get_json()
        assert me["agency"] == successor.bin


def test_drafts_are_for_the_successor(former: Agency, successor: Agency) -> None:
    actor = with_account(an_actor(Role.AGENCY_EDITOR, former))
    draft = start_draft(actor)
    save_draft(actor, draft.id, {"agency": former.bin, "name_ru": "Система"})
    a_succession(former, successor)

    assert find_draft(actor, draft.id).values == {"agency": successor.bin, "name_ru": "Система"}


def test_registrations_and_imports_that_name_the_closed_agency_name_its_successor(
    client: FlaskClient, former: Agency, successor: Agency
) -> None:
    a_succession(former, successor)
    administrator = caller(client, Role.ADMINISTRATOR)
    registered = administrator.post("/projects", {"agency": former.bin, **project_values()})
    own = caller(client, Role.AGENCY_EDITOR, successor).post("/projects", {"agency": former.bin, **project_values()})
    header = "agency,external_id,name_ru,object_kind,work_type,stage,placement"
    file = f"{header}\n{former.bin},A,С,system,creation,planning,unknown\n"
    run = import_now(an_actor(Role.ADMINISTRATOR), "projects", False, "p.csv", file.encode())
    agencies = f"bin,name_ru,kind\n{former.bin},Новое имя,central_body\n"
    changed = import_now(an_actor(Role.ADMINISTRATOR), "agencies", False, "a.csv", agencies.encode())

    for answer in (registered, own):
        assert (answer.status_code, codes(answer)) == (422, {("/agency", "agency-closed")})
        assert successor.bin in answer.get_json()["errors"][0]["message"]
    assert (run.created, run.rejected, changed.rejected) == (0, 1, 1)


def test_a_closed_agency_is_readable_and_nobody_changes_it(
    client: FlaskClient, former: Agency, successor: Agency
) -> None:
    a_succession(former, successor)
    administrator = caller(client, Role.ADMINISTRATOR)
    shown = administrator.get(f"/agencies/{former.bin}").get_json()
    changed = administrator.change(f"/agencies/{former.bin}", {"name_en": "Again"})
    below = administrator.post(
        "/agencies", {"bin": "050340004478", "name_ru": "Н", "kind": "private", "parent_bin": former.bin}
    )
    person = {"kind": "person", "name": "newcomer", "role": "agency_viewer", "agency": former.bin}
    account = administrator.post("/accounts", person)

    assert (shown["closed_on"], shown["successor_bin"]) == (DAY.isoformat(), successor.bin)
    assert (changed.status_code, changed.get_json()["type"].rpartition(":")[2]) == (409, "agency-closed")
    assert codes(below) == {("/parent_bin", "agency-closed")}
    assert codes(account) == {("/agency", "agency-closed")}
    closed = administrator.get("/agencies?is_closed=true").get_json()["items"]
    assert [each["bin"] for each in closed] == [former.bin]


def test_a_division_passes_the_listed_projects_and_leaves_the_agency_open(former: Agency, successor: Agency) -> None:
    passing, staying = a_project(former), a_project(former)
    a_succession(former, successor, kind="division", projects=[passing.number])

    assert (holder(passing), holder(staying)) == (str(successor.id), str(former.id))
    assert agency_by_bin(former.bin).closed_on is None


def test_a_successor_below_the_agency_moves_up(former: Agency) -> None:
    child = an_agency(parent=former)
    grandchild = an_agency(parent=child)
    a_succession(former, grandchild)

    assert agency_by_bin(grandchild.bin).parent_bin is None
    assert agency_by_bin(child.bin).parent_bin == grandchild.bin


def test_agency_as_its_own_successor_is_reported_once(former: Agency) -> None:
    with pytest.raises(Invalid) as error:
        a_succession(former, former)
    assert [problem.code for problem in error.value.problems] == ["successor-is-itself"]


def test_successions_never_go_round_in_a_circle(former: Agency, successor: Agency) -> None:
    third = an_agency()
    a_succession(former, successor, DAY + timedelta(days=5))
    a_succession(successor, third, DAY + timedelta(days=6))

    with pytest.raises(Invalid) as error:
        a_succession(third, former, DAY + timedelta(days=7))
    assert [problem.code for problem in error.value.problems] == ["succession-circular"]


def test_what_passes_to_an_agency_that_was_succeeded_goes_to_its_successor(
    former: Agency, successor: Agency, present: Present
) -> None:
    third, project = an_agency(), a_project(former)
    a_succession(former, successor, DAY + timedelta(days=2))
    a_succession(successor, third, DAY + timedelta(days=1))
    present.set(DAY + timedelta(days=3))

    assert len(carry_out_due_requests()) == 2
    assert holder(project) == str(third.id)
    assert agency_by_bin(former.bin).successor_bin == third.bin


def test_another_kind_of_agency_changes_the_freeze_status(former: Agency) -> None:
    project, outside = a_project(former), an_agency(kind="private")
    audit()
    a_succession(former, outside)

    assert db.session.get_one(Project, project.id, populate_existing=True).freeze_status == "out_of_scope"


Undone = Callable[[], AbstractContextManager[None]]


AUDITOR = an_actor(Role.AUDITOR)


AGENCIES = 5


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["merger", "renaming", "division", "transfer"]),
        st.integers(0, AGENCIES - 1),
        st.integers(0, AGENCIES - 1),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=5,
)


def take_step(kind: str, former: Agency, to: Agency, days: int, today: date) -> None:
    """Ask and confirm; what the rules exclude raises Conflict or Invalid and changes nothing."""
    values = {"on": today + timedelta(days=days), "act": "No. 1", "reason": "They merge."}
    numbers = db.session.scalars(select(Project.number).where(Project.agency_id == former.id).order_by("id")).all()
    if kind == "transfer":
        if not numbers:
            return
        request = ask(ASKER, RequestKind.TRANSFER, numbers[0], {"to": to.bin, **values})
    else:
        listed = {"projects": list(numbers[:2])} if kind == "division" else {}
        body = {"successor": to.bin, "kind": kind, **listed, **values}
        request = ask(ASKER, RequestKind.SUCCESSION, former.bin, body)
    confirm(DECIDER, RequestKind(request.kind), request.id)


def test_nothing_is_lost_doubled_or_reset(app: Flask, present: Present, each_example: Undone) -> None:
    present.set(DAY)
    top = an_agency()
    agencies = [top, an_agency(parent=top), an_agency(), an_agency(), an_agency()]
    bins = [each.bin for each in agencies]
    fill(agencies, projects=15, cases=8, orders=2)

    @settings(max_examples=settings.default.max_examples // 4)
    @given(steps=STEPS)
    def check(steps: list[tuple[str, int, int, int]]) -> None:
        with each_example():
            present.set(DAY)
            before, due, total = everything(), deadlines(), compliance(AUDITOR, "agency")["totals"]
            for kind, former, to, days in steps:
                try:
                    take_step(kind, agency_by_bin(bins[former]), agency_by_bin(bins[to]), days, DAY)
                except (Conflict, Invalid):
                    db.session.rollback()
            present.set(DAY + timedelta(days=4))
            carry_out_due_requests()

            assert (everything(), deadlines()) == (before, due)
            assert compliance(AUDITOR, "agency")["totals"] == total
            closed = set(db.session.scalars(select(Agency.id).where(Agency.closed_on.is_not(None))))
            assert not closed & set(holders())
            assert sum(holders().values()) == 15
            parents = db.session.scalars(select(Agency.parent_id).where(Agency.closed_on.is_(None)))
            assert not closed & set(parents)
            assert carry_out_due_requests() == []

    check()


def test_a_merger_of_two_ministries_adds_up(app: Flask, present: Present) -> None:
    present.set(DAY)
    former, successor = an_agency(), an_agency()
    fill([former, successor], projects=60, cases=8, orders=2)
    report, before, due = compliance(AUDITOR, "agency"), everything(), deadlines()
    assert len([each for each in report["items"] if each["projects"] == 30]) == 2
    values = {"successor": successor.bin, "on": DAY + timedelta(days=1), "act": "No. 17", "reason": "They merge."}
    request = ask(ASKER, RequestKind.SUCCESSION, former.bin, values)
    confirm(DECIDER, RequestKind.SUCCESSION, request.id)
    present.set(DAY + timedelta(days=1))

    assert carry_out_due_requests() == [request.id]

    after = compliance(AUDITOR, "agency")
    assert (everything(), deadlines()) == (before, due)
    assert after["totals"] == report["totals"]
    assert [(each["key"], each["projects"]) for each in after["items"]] == [(successor.bin, 60)]
    assert db.session.scalar(select(func.count()).select_from(Revision)) == 90
    prefixed = select(func.count()).where(Project.external_id.startswith(f"{former.bin}:"))
    assert db.session.scalar(prefixed) == 30
    assert compliance_on(AUDITOR, DAY) == {**report, "by": "agency"}
    audit()
    assert [each["projects"] for each in compliance_on(AUDITOR, DAY)["items"]] == [30, 30]
    assert [each["projects"] for each in compliance_on(AUDITOR, DAY + timedelta(days=1))["items"]] == [60]
    assert db.session.scalar(select(func.sum(AgencyCount.projects))) == 120
    assert verify_stored() == []


def test_four_eyes_hold_over_a_merger(app: Flask, present: Present) -> None:
    present.set(DAY)
    former, successor = an_agency(), an_agency()
    fill([former], projects=1, cases=1, orders=0)
    reviewed = db.session.scalars(select(Case.id)).one()
    act(AIGERIM, reviewed, "claim")
    act(AIGERIM, reviewed, "propose", {"decision": "stop", "due_on": DAY, **IN_BOTH})
    values = {"successor": successor.bin, "on": DAY, "act": "No. 17", "reason": "They merge."}
    request = ask(ASKER, RequestKind.SUCCESSION, former.bin, values)
    confirm(DECIDER, RequestKind.SUCCESSION, request.id)

    case = act(SAULE, reviewed, "approve")

    assert case.status == "remediation"
    assert case.project_record.agency.bin == successor.bin


NEXT = DAY + timedelta(days=1)


def test_a_clock_a_year_ahead_closes_no_agency(app: Flask, present: Present, registry: CommandLine) -> None:
    present.set(DAY)
    installed(local_instant(DAY, time(1)))
    former = an_agency()
    request = a_succession(former, an_agency(), DAY + timedelta(days=200))
    job = next(each for each in jobs(read_settings(registry.settings)) if each.name == "requests")
    job.work()

    present.move(timedelta(days=365))
    job.work()

    assert agency_by_bin(former.bin).closed_on is None
    assert due_requests() == [request.id]


@pytest.mark.parametrize("by_cron", [False, True])
def test_what_takes_effect_on_a_day_does_so_before_the_audit_of_that_day(
    app: Flask, present: Present, by_cron: bool
) -> None:
    present.set(DAY)
    installed(local_instant(DAY, time(1)))
    former, successor = an_agency(), an_agency()
    a_project(former)
    run_nightly_audit()
    a_succession(former, successor, NEXT)
    present.set(local_instant(NEXT, time(2)))

    run_nightly_audit() if by_cron else run_due_audit(time(2))

    assert [each["key"] for each in compliance_on(AUDITOR, DAY)["items"]] == [former.bin]
    assert [each["key"] for each in compliance_on(AUDITOR, NEXT)["items"]] == [successor.bin]


@pytest.fixture
def failing(app: Flask, present: Present, monkeypatch: pytest.MonkeyPatch) -> Request:
    """A succession of tomorrow that something above it will prevent."""
    present.set(DAY)
    create_reader(Role.ADMINISTRATOR, name="first")
    request = a_succession(an_agency(), an_agency(), NEXT, with_account(ASKER))
    failing_id = request.agency_id

    def fail(former_id: int, _successor_id: int) -> None:
        if former_id == failing_id:
            raise RuntimeError("the disk is full")

    monkeypatch.setattr(agency_succeeded, "_handlers", [*agency_succeeded.handlers, fail])
    return request


def failures() -> int:
    db.session.rollback()
    entries = select(JournalEntry.subject).where(JournalEntry.action == "request.failed")
    return len(db.session.scalars(entries).all())


def test_a_request_that_fails_stays_due_and_keeps_no_other_from_its_day(
    failing: Request, present: Present, caplog: pytest.LogCaptureFixture
) -> None:
    former = an_agency()
    other = a_succession(former, an_agency(), NEXT)
    present.set(NEXT)

    assert carry_out_due_requests() == [other.id]

    assert f"request {failing.id} could not be carried out" in caplog.text
    rows = db.session.execute(select(Request.id, Request.carried_out_at))
    assert {row.id: row.carried_out_at is not None for row in rows} == {other.id: True, failing.id: False}
    assert set(db.session.scalars(select(Agency.bin).where(Agency.closed_on.is_not(None)))) == {former.bin}


def test_operators_and_deciders_get_one_notice_a_day(failing: Request, present: Present) -> None:
    create_reader(Role.OPERATOR, name="operator")
    create_reader(Role.REVIEWER, name="reviewer")
    expected = [
        ("first@readers.kz", "request-failed", [failing.id]),
        ("operator@readers.kz", "request-failed", [failing.id]),
    ]
    queued_emails()
    delete_emails()
    present.set(NEXT)

    for _minute in range(3):
        assert carry_out_due_requests() == []
        present.move(timedelta(minutes=1))
    assert (queued_emails(), failures()) == (expected, 1)

    present.move(timedelta(days=1))
    delete_emails()
    carry_out_due_requests()
    assert (queued_emails(), failures()) == (expected, 2)


def test_the_request_shows_the_failure_until_it_takes_effect(
    failing: Request, present: Present, client: FlaskClient, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/successions/{failing.id}"
    before = caller(client, Role.ADMINISTRATOR).get(address)
    assert before.get_json()["failed_at"] is None
    present.set(NEXT)
    carry_out_due_requests()
    failed = caller(client, Role.ADMINISTRATOR).get(address)

    assert failed.get_json()["failed_at"].startswith(NEXT.isoformat())
    assert failed.headers["ETag"] != before.headers["ETag"]
    supervisor = signed_in(Role.SUPERVISOR)
    assert "The request could not take effect" in supervisor.get(f"/requests/{failing.id}").text

    monkeypatch.undo()
    present.set(NEXT)
    assert carry_out_due_requests() == [failing.id]
    assert caller(client, Role.ADMINISTRATOR).get(address).get_json()["failed_at"] is None
    assert "could not take effect" not in supervisor.get(f"/requests/{failing.id}").text


def test_one_that_failed_can_be_cancelled(failing: Request, present: Present) -> None:
    present.set(NEXT)
    carry_out_due_requests()

    cancel(ASKER, RequestKind.SUCCESSION, failing.id)

    assert carry_out_due_requests() == []
    assert failures() == 1


def test_the_command_lists_what_failed_and_ends_with_1(own_app: Flask, registry: CommandLine) -> None:
    with own_app.app_context():
        request = a_succession(an_agency(), an_agency(), date(2100, 1, 1))
        request_id = request.id
        with transaction() as session:
            session.execute(update(Request).values(on=date(2026, 1, 1), details={}))
        db.session.remove()

    failed = registry("requests", "carry-out", "--json")

    assert failed.code == 1
    assert failed.json == {"carried_out": [], "failed": [request_id]}
    assert f"could not be carried out: {request_id}." in failed.err
