"""Counts and sums before and after successions and transfers add up, whatever the tree and the order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.audits.models import AgencyCount
from registry.cases.models import Case
from registry.core.database import db
from registry.core.errors import Conflict, Invalid
from registry.journal.verification import verify_stored
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.reports.compliance import compliance, compliance_on
from registry.requests.models import RequestKind
from registry.requests.service import ask, carry_out_due_requests, confirm
from tests.cases.cast import AIGERIM, IN_BOTH, SAULE, act, audit
from tests.factories import an_actor, an_agency
from tests.present import Present
from tests.requests.world import deadlines, everything, fill, holders

Undone = Callable[[], AbstractContextManager[None]]
ASKER, DECIDER = an_actor(Role.ADMINISTRATOR, name="first"), an_actor(Role.SUPERVISOR, name="second")
AUDITOR = an_actor(Role.AUDITOR)
DAY = date(2026, 9, 30)
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
    fill([former, successor], projects=300, cases=40, orders=10)
    report, before, due = compliance(AUDITOR, "agency"), everything(), deadlines()
    assert len([each for each in report["items"] if each["projects"] == 150]) == 2
    values = {"successor": successor.bin, "on": DAY + timedelta(days=1), "act": "No. 17", "reason": "They merge."}
    request = ask(ASKER, RequestKind.SUCCESSION, former.bin, values)
    confirm(DECIDER, RequestKind.SUCCESSION, request.id)
    present.set(DAY + timedelta(days=1))

    assert carry_out_due_requests() == [request.id]

    after = compliance(AUDITOR, "agency")
    assert (everything(), deadlines()) == (before, due)
    assert after["totals"] == report["totals"]
    assert [(each["key"], each["projects"]) for each in after["items"]] == [(successor.bin, 300)]
    assert db.session.scalar(select(func.count()).select_from(Revision)) == 450
    prefixed = select(func.count()).where(Project.external_id.startswith(f"{former.bin}:"))
    assert db.session.scalar(prefixed) == 150
    assert compliance_on(AUDITOR, DAY) == {**report, "by": "agency"}
    audit()
    assert [each["projects"] for each in compliance_on(AUDITOR, DAY)["items"]] == [150, 150]
    assert [each["projects"] for each in compliance_on(AUDITOR, DAY + timedelta(days=1))["items"]] == [300]
    assert db.session.scalar(select(func.sum(AgencyCount.projects))) == 600
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
