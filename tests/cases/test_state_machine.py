"""State machine test: the workflow holds for any sequence of actions, audits and edits.

Expected results are written from docs/reference/workflow.md, not from the workflow's own table.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.cases.models import Appeal, Case, CaseDecision, CaseEvent, Order
from registry.cases.queries import find_case
from registry.cases.transitions import is_under_order, possible_actions, waiting_proposal
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.errors import Conflict, Invalid, NotAllowed, RegistryError
from registry.exemptions.service import record_exemption
from registry.flags.models import Flag
from registry.journal.service import JournalEntry
from registry.platform.confirmations import verify_placement
from registry.projects.service import find_project_to_change
from tests.cases.cast import (
    ADMINISTRATOR,
    AIGERIM,
    AIGERIM_AS_SUPERVISOR,
    AUDITOR,
    BOLAT,
    DANA,
    OPERATOR,
    SAULE,
    TIMUR,
    act,
    case_of,
    cases_of,
    edit,
    editor_of,
)
from tests.cases.workflow_contract import (
    APPROVAL,
    ASKED,
    COMMISSION,
    CONFIRMATION,
    ENDS,
    REMEDY,
    REVIEW,
    STARTS,
    appealed_by_case,
    assert_reason_is_documented,
    come_to_an_end,
    values_of,
)
from tests.factories import a_project, a_token, an_actor
from tests.faults.processes import ALL
from tests.present import Present

REVIEWERS = {Role.REVIEWER, Role.SUPERVISOR}
# Three on every day, ten at night, all of them with scripts/test --faults.
STORIES = 12 if ALL else settings.default.max_examples // 10


# Rules are the same on both databases; what each step does is tried on both.
@pytest.mark.sqlite_only
def test_workflow_holds_for_any_sequence_of_actions(
    each_example: Callable[[], AbstractContextManager[None]], present: Present
) -> None:
    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.undone = each_example()
            self.undone.__enter__()
            present.set(date(2026, 11, 2))
            for person in (AIGERIM, BOLAT, SAULE, TIMUR, DANA):
                a_token(person.role, name=person.principal, lifetime=None)
            self.project = a_project(
                work_type="maintenance",
                stage="operation",
                contract_signed_on="2025-01-10",
                work_started_on="2025-01-10",
                platform_key="k",
            )
            agency = self.project.agency
            self.editor = editor_of(agency)
            self.viewer = an_actor(Role.AGENCY_VIEWER, agency, name="viewer")
            self.people = (
                AIGERIM, BOLAT, AIGERIM_AS_SUPERVISOR, SAULE, TIMUR, DANA, AUDITOR, OPERATOR, ADMINISTRATOR,
                self.editor, self.viewer,
            )  # fmt: skip
            run_audit(OPERATOR)

        def teardown(self) -> None:
            try:
                come_to_an_end(self.project)
            finally:
                self.undone.__exit__(None, None, None)

        @property
        def case(self) -> Case:
            return case_of(self.project)

        def acts_kept(self) -> tuple[int, int]:
            """Return the numbers of journal entries and of timeline events of people's actions on cases."""
            journal = select(func.count()).where(JournalEntry.subject.like("case:%"))
            timeline = select(func.count()).select_from(CaseEvent).where(CaseEvent.side != "audit")
            return db.session.execute(journal).scalar_one(), db.session.execute(timeline).scalar_one()

        @rule(data=st.data())
        def anyone_does_anything(self, data: st.DataObject) -> None:
            case = self.case
            if data.draw(st.integers(0, 3)) == 0:
                actor = data.draw(st.sampled_from(self.people))
                name = data.draw(st.sampled_from(sorted(STARTS)))
            else:
                # Mostly possible actions, because random ones rarely make progress.
                options = [
                    (person, action)
                    for person in self.people
                    for action in possible_actions(person, case, waiting_proposal(case))
                    if action != "comment"
                ]
                if not options:
                    return
                actor, name = data.draw(st.sampled_from(options))
            self.do(actor, name, values_of(name, data))

        def do(self, actor: Any, name: str, values: list[Any]) -> None:
            case = self.case
            before = (case.status, case.assignee, case.version)
            proposal = waiting_proposal(case)
            proposed_by = None if proposal is None else proposal.proposed_by
            kept, was_under_order, barred = self.acts_kept(), is_under_order(case), appealed_by_case(case)
            refused: RegistryError | None = None
            try:
                act(actor, case, name, *values)
            except RegistryError as error:
                refused = error
            case = find_case(SAULE, case.id)
            if refused is not None:
                assert (case.status, case.assignee, case.version) == before
                assert self.acts_kept() == kept
                if isinstance(refused, Invalid):
                    assert name == "assign" and values[0] in barred
                    return
                assert isinstance(refused, NotAllowed | Conflict), refused
                assert refused.code != "appeal-needs-others" or actor.principal in barred
                assert_reason_is_documented(actor, name, before[0], refused, was_under_order=was_under_order)
                return
            assert before[0] in STARTS[name]
            assert case.status in ENDS.get(name, {before[0], REVIEW})
            assert self.acts_kept() == (kept[0] + 1, kept[1] + 1)
            if name in ("answer", "appeal"):
                assert actor.role is Role.AGENCY_EDITOR
            elif name != "comment":
                assert actor.role in REVIEWERS
                assert actor.principal not in barred
            else:
                assert actor.role in REVIEWERS | {Role.AGENCY_EDITOR}
            if name == "approve":
                assert actor.role is Role.SUPERVISOR
                assert proposed_by not in (None, actor.principal)
            if name == "claim":
                # A reviewer may not withdraw an approved order, assigned or not.
                assert actor.role is Role.SUPERVISOR if before[0] == REMEDY else before[1] in (None, actor.principal)
                assert case.assignee == actor.principal
            if name == "appeal":
                assert (was_under_order or before[0] == "closed") and not barred
                assert waiting_proposal(case) is None and not is_under_order(case)
            if actor.role is Role.REVIEWER and name in ("release", "ask", "refer", "propose"):
                assert before[1] == actor.principal

        @rule(days=st.integers(0, 45))
        def an_audit_runs(self, days: int) -> None:
            present.move(timedelta(days=days))
            case = self.case
            was, version = case.status, case.version
            accepted = self.flags("accepted")
            run_audit(OPERATOR)
            case = self.case
            if case.status != was:
                event = db.session.scalars(
                    select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id.desc()).limit(1)
                ).one()
                assert event.side == "audit"
                assert (event.to_status, case.version > version) == (case.status, True) or cases_of(self.project) > 1
            assert self.flags("accepted") <= accepted | self.flags("exempt") | self.flags("accepted", once=True)

        @rule(filled=st.booleans())
        def the_agency_edits(self, filled: bool) -> None:
            status = self.case.status
            edit(self.editor, self.project, object_commissioned_on="2020-01-01" if filled else None)
            assert self.case.status == status

        @rule(on=st.booleans())
        def the_project_moves(self, on: bool) -> None:
            edit(self.editor, self.project, placement="on_platform" if on else "off_platform", platform_key="k")
            if on:
                with transaction():
                    project = find_project_to_change(OPERATOR, self.project.number)
                    verify_placement(OPERATOR, project, "k", today(), "seen")

        @precondition(lambda self: self.case.status == COMMISSION)
        @rule(days=st.integers(0, 30))
        def the_commission_grants(self, days: int) -> None:
            record_exemption(
                SAULE,
                {
                    "project": self.project.number,
                    "decision_number": "1",
                    "decided_on": today(),
                    "valid_from": today(),
                    "valid_to": today() + timedelta(days=days),
                },
            )

        def flags(self, status: str, *, once: bool = False) -> set[int]:
            which = Flag.accepted_fingerprint.is_not(None) if once else Flag.status == status
            return set(db.session.scalars(select(Flag.id).where(Flag.project_id == self.project.id, which)))

        @invariant()
        def at_most_one_case_is_open(self) -> None:
            opened = select(func.count()).select_from(Case).where(Case.status != "closed")
            assert db.session.execute(opened).scalar_one() <= 1

        @invariant()
        def every_decision_has_two_people(self) -> None:
            for decision in db.session.scalars(select(CaseDecision).where(CaseDecision.outcome == "approved")):
                assert decision.decided_by not in (None, decision.proposed_by)

        @invariant()
        def an_appeal_is_decided_by_others(self) -> None:
            for made in db.session.scalars(select(Appeal).where(Appeal.new_decision_id.is_not(None))):
                former, new = (db.session.get(CaseDecision, each) for each in (made.decision_id, made.new_decision_id))
                assert (
                    former
                    and new
                    and {former.proposed_by, former.decided_by}.isdisjoint({new.proposed_by, new.decided_by})
                )
                assert new.appeal_until is None

        @invariant()
        def nothing_is_accepted_without_a_decision(self) -> None:
            accepting = {"no_breach", "transitional_accepted"}
            approved = db.session.scalars(select(CaseDecision.decision).where(CaseDecision.outcome == "approved"))
            if self.flags("accepted", once=True):
                assert accepting & set(approved)

        @invariant()
        def an_order_stands_behind_remediation(self) -> None:
            in_force = db.session.scalars(select(Order).where(Order.ended_at.is_(None))).all()
            assert len(in_force) <= 1
            if self.case.status == REMEDY:
                assert in_force

        @invariant()
        def an_agency_can_appeal_while_an_order_binds_it(self) -> None:
            case = self.case
            if is_under_order(case) and case.status != CONFIRMATION:
                assert "appeal" in possible_actions(self.editor, case, waiting_proposal(case))

        @invariant()
        def the_clock_fits_the_status(self) -> None:
            case = self.case
            if case.status in ("new", REVIEW, "awaiting_approval", CONFIRMATION, ASKED):
                assert case.due_on is not None
            if case.status in ("closed", COMMISSION):
                assert case.due_on is None
            assert (case.closed_at is None) == (case.outcome is None) == (case.status != "closed")

        @invariant()
        def a_proposal_waits_only_for_its_approval(self) -> None:
            assert (waiting_proposal(self.case) is not None) == (self.case.status == APPROVAL)

        @invariant()
        def somebody_can_go_on(self) -> None:
            case = self.case
            if case.status == "closed":
                return
            proposal = waiting_proposal(case)
            assert any(set(possible_actions(person, case, proposal)) - {"comment"} for person in self.people)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=20,
            deadline=None,
            # A failure lists all its steps; shrinking it would take minutes of audits.
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
