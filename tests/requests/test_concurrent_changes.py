"""Moves of agencies, withdrawals and due requests over real connections, while people work on the cases."""

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
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency
from registry.approvals.service import approve
from registry.cases.models import Case
from registry.cases.service import add_case_document
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.errors import Conflict
from registry.flags.models import lock_flags_for_audit
from registry.projects.former_records import FormerRecord
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.requests.agency_change import propose_agency_change
from registry.requests.models import Request, RequestKind
from registry.requests.restriction import propose_restriction
from registry.requests.service import ask, carry_out_due_requests, confirm
from tests.cases.cast import AIGERIM, SAULE
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
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
