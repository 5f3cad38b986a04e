"""Requests that meet other actions at the same moment, over real connections."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from itertools import chain
from threading import Barrier, Event, Thread

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency, register_agency
from registry.approvals.service import approve
from registry.audits.schedule import AuditRunning
from registry.audits.service import run_audit
from registry.cases.models import Case, Order
from registry.cases.queries import find_case_to_change
from registry.cases.service import add_case_document, open_case
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.errors import Conflict, Invalid, RegistryError
from registry.flags.models import Flag, lock_flags_for_audit
from registry.journal.verification import verify_stored
from registry.projects.former_records import FormerRecord
from registry.projects.models import Project, ProjectStatus
from registry.projects.revisions import Revision
from registry.requests.approval_kinds import propose_agency_change, propose_restriction
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, carry_out, carry_out_due_requests, confirm
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    NO_BREACH,
    OPERATOR,
    SAULE,
    SERVICES,
    TIMUR,
    act,
    audit,
    case_of,
    editor_of,
    migrate_by,
    project_with_gap,
)
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency
from tests.requests.test_succession import a_succession
from tests.requests.world import fill

FIRST, SECOND = an_actor(Role.ADMINISTRATOR, name="first"), an_actor(Role.SUPERVISOR, name="second")


CASES, REVIEWERS = 12, 4


REQUESTS, SCHEDULERS = 8, 3


LETTER = {"kind": "letter", "description": "Letter"}


# Unlike pg_stat_activity, not as it was when the transaction first asked.
WAITING = text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def errors_while_reviewers_write(app: Flask, change: Callable[[], object], reviewer: Actor = AIGERIM) -> list[str]:
    """The names of unexpected errors while reviewers add letters to all cases until the change is done."""
    errors: list[str] = []
    started, done = Event(), Event()

    def write(number: int) -> None:
        with app.app_context():
            ids = list(db.session.scalars(select(Case.id).order_by(Case.id)))
            db.session.rollback()
            for place in range(number, 2000):
                if done.is_set():
                    return
                try:
                    add_case_document(reviewer, ids[place % len(ids)], "a.txt", "text/plain", b"x", LETTER)
                except Conflict:
                    db.session.rollback()
                except Exception as error:  # noqa: BLE001 - whatever it is, the test names it
                    errors.append(type(error).__name__)
                    db.session.rollback()
                started.set()

    reviewers = [Thread(target=write, args=[number]) for number in range(REVIEWERS)]
    for each in reviewers:
        each.start()
    started.wait(30)
    try:
        with app.app_context():
            change()
    finally:
        done.set()
        for each in reviewers:
            each.join()
    return errors


# SQLite has one writer at a time, whose turn the next test tries there.
@pytest.mark.postgres_only
def test_moves_of_an_agency_and_actions_on_its_cases_do_not_wait_for_each_other(own_app: Flask) -> None:
    with own_app.app_context():
        moving, above, top = an_agency(), an_agency(), None
        fill([moving], projects=CASES, cases=CASES, orders=0)
        bins = moving.bin, above.bin
        db.session.remove()

    def move() -> None:
        for place in range(10):
            with transaction():
                change_agency(
                    ADMINISTRATOR, agency_to_change(bins[0]), {"parent_bin": (bins[1], top)[place % 2]}, approved={}
                )

    assert errors_while_reviewers_write(own_app, move) == []


@pytest.mark.postgres_only
def test_approved_restrictions_and_actions_on_the_cases_do_not_wait_for_each_other(own_app: Flask) -> None:
    with own_app.app_context():
        fill([an_agency()], projects=CASES, cases=CASES, orders=0)
        numbers = list(db.session.scalars(select(Project.number).order_by(Project.id)))
        db.session.remove()

    def restrict_and_open() -> None:
        for is_restricted in (True, False):
            for number in numbers:
                values = {"is_restricted": is_restricted, "reason": "State secret"}
                approve(SAULE, propose_restriction(SECOND, number, values).id)

    assert errors_while_reviewers_write(own_app, restrict_and_open, SAULE) == []


@pytest.mark.postgres_only
def test_an_approved_change_of_an_agency_waits_for_a_running_audit(own_app: Flask) -> None:
    with own_app.app_context():
        values = {"kind": "private", "act": "Decree No. 17", "reason": "It was sold."}
        approval_id = propose_agency_change(FIRST, an_agency().bin, values).id
        db.session.remove()

    def approve_it() -> str:
        with own_app.app_context():
            return approve(SAULE, approval_id).state

    with ThreadPoolExecutor(1) as pool, own_app.app_context():
        with transaction():
            lock_flags_for_audit()
            approved = pool.submit(approve_it)
            while not db.session.scalar(WAITING) and not approved.done():
                wait([approved], 0.05)
            assert not approved.done()
        assert approved.result(30) == "approved"


@pytest.mark.postgres_only
def test_a_project_that_is_registered_again_while_it_is_withdrawn_is_linked_to_its_former_record(
    own_app: Flask,
) -> None:
    with own_app.app_context():
        former = a_project(agency := an_agency())
        bin_number = agency.bin
        request_id = ask(FIRST, RequestKind.WITHDRAWAL, former.number, {"reason": "Twice."}).id
        db.session.remove()

    def withdraw() -> str:
        with own_app.app_context():
            return confirm(AIGERIM, RequestKind.WITHDRAWAL, request_id).state

    with ThreadPoolExecutor(1) as pool, own_app.app_context():
        with transaction():
            a_project(agency_by_bin(bin_number))
            withdrawn = pool.submit(withdraw)
            while not db.session.scalar(WAITING) and not withdrawn.done():
                wait([withdrawn], 0.05)
        assert withdrawn.result(30) == "confirmed"
        assert db.session.scalar(select(func.count()).select_from(FormerRecord)) == 1


def test_withdrawals_of_duplicates_and_actions_on_their_cases_do_not_wait_for_each_other(own_app: Flask) -> None:
    with own_app.app_context():
        fill([an_agency()], projects=CASES + 1, cases=CASES, orders=0)
        remaining, *others = db.session.scalars(select(Project.number).order_by(-Project.id))
        values = {"reason": "Registered twice.", "duplicate_of": remaining}
        asked = [ask(FIRST, RequestKind.WITHDRAWAL, number, values).id for number in others]
        db.session.remove()

    def withdraw() -> None:
        for request_id in asked:
            confirm(AIGERIM, RequestKind.WITHDRAWAL, request_id)
            confirm(SAULE, RequestKind.WITHDRAWAL, request_id)

    assert errors_while_reviewers_write(own_app, withdraw) == []


def test_several_schedulers_carry_out_each_request_once(own_app: Flask) -> None:
    with own_app.app_context():
        values = {"to": an_agency().bin, "on": today() + timedelta(days=1), "act": "No. 5", "reason": "Moved."}
        asked = [ask(FIRST, RequestKind.TRANSFER, a_project().number, values).id for _ in range(REQUESTS)]
        for request_id in asked:
            confirm(SECOND, RequestKind.TRANSFER, request_id)
        with transaction() as session:
            session.execute(update(Request).values(on=today()))
        db.session.remove()
    at_once = Barrier(SCHEDULERS)

    def carry_out(_number: int) -> list[int]:
        with own_app.app_context():
            at_once.wait(60)
            return carry_out_due_requests()

    with ThreadPoolExecutor(SCHEDULERS) as pool:
        carried_out = sorted(chain.from_iterable(pool.map(carry_out, range(SCHEDULERS))))

    assert carried_out == asked
    with own_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Revision)) == 2 * REQUESTS


W = RequestKind.WITHDRAWAL


ROUNDS = 4


def asked(project: Project) -> int:
    agency = db.session.get_one(Agency, project.agency_id)
    return ask(editor_of(agency), W, project.number, {"reason": "Registered twice."}).id


def at_once(app: Flask, *works: Callable[[], object]) -> list[str]:
    """Run each in a thread of its own at the same moment; the code of the error that each raised, or an empty text."""
    ready = Barrier(len(works))

    def run(work: Callable[[], object]) -> str:
        with app.app_context():
            ready.wait(60)
            try:
                work()
            except RegistryError as error:
                return error.code
            except AuditRunning:
                return "audit-running"
            return ""

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_of_many_who_confirm_at_once_two_people_count_and_the_second_leads(own_app: Flask) -> None:
    people = [AIGERIM, BOLAT, SAULE, TIMUR, an_actor(Role.REVIEWER, name="third"), AIGERIM]
    with own_app.app_context():
        projects = [a_project(external_id=None) for _ in range(ROUNDS)]
        audit()
        requests = [asked(project) for project in projects]
        db.session.remove()

    for request_id in requests:
        at_once(own_app, *(_confirm(person, request_id) for person in people))

    with own_app.app_context():
        for request in db.session.scalars(select(Request)):
            assert (request.state, request.first_decided_by is None) != ("confirmed", True)
            if request.state == "confirmed":
                assert request.decided_by in ("saule", "timur")
                assert request.first_decided_by != request.decided_by
        withdrawn = db.session.scalars(select(Project.id).where(Project.withdrawn_at.is_not(None))).all()
        cleared = db.session.scalars(select(Flag.project_id).where(Flag.status == "cleared")).all()
        assert sorted(withdrawn) == sorted(cleared)
        assert verify_stored() == []


def _confirm(person: Actor, request_id: int) -> Callable[[], object]:
    return lambda: confirm(person, W, request_id)


def test_a_confirmation_while_an_audit_runs_loses_nothing(own_app: Flask) -> None:
    with own_app.app_context():
        projects = [a_project(external_id=None) for _ in range(ROUNDS)]
        audit()
        requests = [asked(project) for project in projects]
        for request_id in requests:
            confirm(AIGERIM, W, request_id)
        db.session.remove()

    for place, request_id in enumerate(requests):
        day = timedelta(days=place % 2)
        at_once(
            own_app, _confirm(SAULE, request_id), lambda day=day: run_audit(OPERATOR, today() - timedelta(days=1) + day)
        )

    with own_app.app_context():
        run_audit(OPERATOR, today())
        assert set(db.session.scalars(select(ProjectStatus.freeze_status))) == {"withdrawn"}
        assert set(db.session.scalars(select(Flag.status))) == {"cleared"}
        assert set(db.session.scalars(select(Case.status))) == {"closed"}
        assert verify_stored() == []


def test_a_reviewer_alone_never_ends_an_order_that_is_approved_at_that_moment(own_app: Flask) -> None:
    with own_app.app_context():
        # A weak flag takes one reviewer; the order that a supervisor is approving takes two.
        project = project_with_gap(object_commissioned_on="2020-01-01")
        audit()
        assert set(db.session.scalars(select(Flag.severity))) == {"plan"}
        case = act(AIGERIM, open_case(AIGERIM, project.number), "claim")
        act(AIGERIM, case, "propose", migrate_by(today() + timedelta(days=30)))
        request_id, case_id = asked(project), case.id
        db.session.remove()
    approved, confirming = Event(), Event()

    def approve() -> None:
        with own_app.app_context(), transaction():
            SERVICES["approve"](SAULE, find_case_to_change(SAULE, case_id))
            approved.set()
            confirming.wait(1)

    def withdraw() -> str:
        with own_app.app_context():
            approved.wait(30)
            return confirm(BOLAT, W, request_id).state

    with ThreadPoolExecutor(2) as pool:
        done, state = pool.submit(approve), pool.submit(withdraw)
        done.result(60)
        assert state.result(60) == "waiting"

    with own_app.app_context():
        assert [each.ended_at for each in db.session.scalars(select(Order))] == [None]
        assert case_of(project).status == "remediation"


def test_an_action_on_a_case_and_a_merger_do_not_deadlock(own_app: Flask) -> None:
    with own_app.app_context():
        former, successor = an_agency(), an_agency()
        case_id = _with_proposal(a_project(former), NO_BREACH)
        values = {"successor": successor.bin, "on": today(), "act": "No. 17", "reason": "They merge."}
        merger = ask(an_actor(Role.ADMINISTRATOR, name="first"), RequestKind.SUCCESSION, former.bin, values).id
        successor_id = successor.id
        db.session.remove()
    locked = Event()

    def approve() -> None:
        with own_app.app_context(), transaction():
            case = find_case_to_change(SAULE, case_id)
            locked.set()
            # The merger must not have locked the project meanwhile, which the approval locks after the case.
            Event().wait(1)
            SERVICES["approve"](SAULE, case)

    def merge() -> None:
        with own_app.app_context():
            locked.wait(30)
            confirm(TIMUR, RequestKind.SUCCESSION, merger)

    with ThreadPoolExecutor(2) as pool:
        for work in [pool.submit(approve), pool.submit(merge)]:
            work.result(60)

    with own_app.app_context():
        assert db.session.scalars(select(Project.agency_id)).all() == [successor_id]
        assert db.session.scalars(select(Flag.status)).all() == ["accepted"]
        assert verify_stored() == []


def _with_proposal(project: Project, proposal: dict[str, object]) -> int:
    audit()
    case = act(AIGERIM, case_of(project), "claim")
    return act(AIGERIM, case, "propose", proposal).id


def test_nothing_joins_an_agency_that_is_being_closed(own_app: Flask) -> None:
    with own_app.app_context():
        former, successor = an_agency(), an_agency()
        request = a_succession(former, successor, today() + timedelta(days=1))
        former_id, former_bin, request_id = former.id, former.bin, request.id
        db.session.remove()
    closing = Event()

    def merge() -> None:
        with own_app.app_context(), transaction():
            closed = db.session.get_one(Request, request_id)
            carry_out(TIMUR, closed)
            closing.set()
            Event().wait(1)

    def join(work: Callable[[], object]) -> Callable[[], object]:
        def joining() -> str:
            with own_app.app_context():
                closing.wait(30)
                try:
                    work()
                except Invalid as error:
                    return ",".join(problem.code for problem in error.problems)
                return "joined"

        return joining

    def add_agency() -> None:
        values = {"bin": "050340004478", "name_ru": "Н", "kind": "private", "parent_bin": former_bin}
        register_agency(ADMINISTRATOR, values)

    def add_account() -> None:
        add_person(ADMINISTRATOR, NewPerson("newcomer", Role.AGENCY_VIEWER, former_id), PASSWORD)

    with ThreadPoolExecutor(3) as pool:
        merging, *joined = [pool.submit(work) for work in (merge, join(add_agency), join(add_account))]
        merging.result(60)
        assert [each.result(60) for each in joined] == ["agency-closed", "agency-closed"]
