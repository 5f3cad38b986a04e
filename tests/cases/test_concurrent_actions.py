"""Concurrent actions on cases over real connections."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.cases.models import Case, CaseEvent
from registry.cases.queries import find_case
from registry.core.database import db
from registry.core.errors import Conflict
from registry.flags.models import Flag
from tests.cases.cast import AIGERIM, NO_BREACH, OPERATOR, SAULE, act, audit, case_of
from tests.factories import a_project, an_actor, an_agency, with_account

REVIEWERS = 50
CASES = 40


def test_concurrent_claims_never_share_a_case(own_app: Flask) -> None:
    with own_app.app_context():
        agency = an_agency()
        for _ in range(CASES):
            a_project(agency)
        audit()
        queue = db.session.scalars(select(Case.id).order_by(Case.id)).all()
        db.session.rollback()
    at_once = Barrier(REVIEWERS)

    def claim_from_the_front(number: int) -> int | None:
        with own_app.app_context():
            actor = an_actor(Role.REVIEWER, name=f"reviewer-{number}")
            at_once.wait(60)
            for case_id in queue:
                try:
                    return act(actor, case_id, "claim").id
                except Conflict:
                    continue
            return None

    with ThreadPoolExecutor(REVIEWERS) as pool:
        held = list(pool.map(claim_from_the_front, range(REVIEWERS)))
    taken = Counter(case_id for case_id in held if case_id is not None)
    assert set(taken) == set(queue)
    assert set(taken.values()) == {1}
    with own_app.app_context():
        for number, case_id in enumerate(held):
            if case_id is not None:
                assert find_case(SAULE, case_id).assignee == f"reviewer-{number}"
        claims = db.session.scalars(select(CaseEvent.case_id).where(CaseEvent.action == "claim")).all()
        assert Counter(claims) == taken


def test_concurrent_approval_and_audit_lose_no_updates(own_app: Flask) -> None:
    with own_app.app_context():
        projects = [a_project() for _ in range(6)]
        audit()
        for project in projects:
            case = act(AIGERIM, case_of(project), "claim")
            act(AIGERIM, case, "propose", NO_BREACH)
        with_account(SAULE)
        ids = [case_of(project).id for project in projects]
        db.session.rollback()
    at_once = Barrier(len(ids) + 2)

    def approve(case_id: int) -> None:
        with own_app.app_context():
            at_once.wait(60)
            act(SAULE, case_id, "approve")

    def audit_over_and_over(_: int) -> None:
        with own_app.app_context():
            at_once.wait(60)
            for _try in range(5):
                try:
                    run_audit(OPERATOR)
                except Conflict:
                    continue

    with ThreadPoolExecutor(len(ids) + 2) as pool:
        work = [pool.submit(approve, case_id) for case_id in ids]
        work += [pool.submit(audit_over_and_over, number) for number in range(2)]
        for each in work:
            each.result()
    with own_app.app_context():
        assert set(db.session.scalars(select(Flag.status))) == {"accepted"}
        assert set(db.session.scalars(select(Case.status))) == {"closed"}
        db.session.rollback()
        audit()
        assert set(db.session.scalars(select(Flag.status))) == {"accepted"}
        assert len(db.session.scalars(select(Case.id)).all()) == len(ids)
