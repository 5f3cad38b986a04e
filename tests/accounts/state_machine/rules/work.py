"""People work: on cases, with their assignee and in four eyes, and on drafts and uploads of their own."""

from __future__ import annotations

from registry.accounts.roles import Permission, Scope
from registry.cases.models import Case
from registry.cases.queries import find_case
from registry.cases.transitions import possible_actions, waiting_proposal
from registry.core.database import transaction
from registry.platform.inventory import store_upload, take_upload
from registry.projects.drafts import discard_draft, drafts_of, start_draft
from tests.accounts.state_machine.rules.absences import AbsenceRules
from tests.cases.cast import NO_BREACH, SAULE, act

STEPS = ("claim", "assign", "ask", "answer", "propose", "approve", "return", "release", "withdraw", "appeal")
# Only the assignee, the deputy, or a supervisor.
OF_HOLDER = ("ask", "propose", "release")
USUAL = ("claim", "propose", "approve")


class WorkRules(AbsenceRules):
    def people_work_on_a_case(self) -> None:
        steps = [self.choice(STEPS) for _ in range(3)]
        case_id = self.choice(self.cast.case_ids)
        for step in USUAL if self.flip() else steps:
            self.somebody_works_on(case_id, step)

    def case(self, case_id: int) -> Case:
        """The case as it is now."""
        return find_case(SAULE, case_id)

    def somebody_works_on(self, case_id: int, step: str) -> None:
        """Mostly somebody who may do it."""
        case = self.case(case_id)
        proposal = waiting_proposal(case)
        ways = self.working()
        able = [way for way in ways if step in possible_actions(way[1], case, proposal)]
        if able and self.mostly(4):
            ways = able
        if not ways:
            return
        key, actor = self.choice(ways)
        assignee = case.assignee
        stale = self.known.needs_step_up(key)
        values: list[object] = []
        if step == "propose":
            values = [NO_BREACH]
        elif step == "assign":
            values = [self.choice([each.name for each in self.accounts().values()])]
        with self.attempt(f"{self.describe(key)}: {step} case {case_id}") as attempt:
            act(actor, case_id, step, *values)
        if not attempt.is_done:
            return
        if step == "propose":
            self.known.proposed_by[case_id] = key.holder
        if step == "approve":
            assert self.known.proposed_by[case_id] != key.holder, f"{key.holder} approved the own proposal"
            assert actor.is_person, "a program approved a decision"
            assert actor.scopes is None or Scope.DECISIONS_APPROVE in actor.scopes, "a token decided without the scope"
            assert not stale, f"{key.holder} approved without a recent second factor"
        if step in OF_HOLDER and not actor.may(Permission.CASES_LEAD) and assignee != actor.principal:
            absent = next((each.id for each in self.accounts().values() if each.name == assignee), 0)
            deputies = self.deputies_today(absent) if absent else set()
            assert actor.account_id in deputies, f"{key.holder} worked on the case of «{assignee}», as no deputy"

    def somebody_prepares_a_registration(self) -> None:
        """On pages only, so in a session."""
        action = self.choice(["draft", "draft", "discard", "upload", "confirm"])
        way = self.somebody(Permission.PROJECTS_WRITE, in_session=True)
        if way is None:
            return
        key, actor = way
        drafts = drafts_of(actor)
        with self.attempt(f"{self.describe(key)}: {action}"):
            if action == "draft":
                start_draft(actor)
            elif action == "discard" and drafts:
                discard_draft(actor, drafts[0].id)
            elif action == "upload":
                actor.require(Permission.DOCUMENTS_WRITE)
                self.uploads[store_upload(actor, "inventory.csv", b"bin")] = key.account_id
            elif action == "confirm" and self.uploads:
                upload = self.choice(sorted(self.uploads))
                with transaction():
                    take_upload(actor, upload)
                taken_from = self.uploads.pop(upload)
                assert taken_from == key.account_id, f"{key.holder} took the upload of {self.name_of(taken_from)}"
