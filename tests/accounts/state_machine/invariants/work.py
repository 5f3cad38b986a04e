"""No work is orphaned: it belongs to somebody who can act, or it is listed, or a supervisor can assign it."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.absences import substitutions
from registry.accounts.roles import Role
from registry.accounts.same_person import ownerless_accounts
from registry.cases.transitions import possible_actions, waiting_proposal
from registry.core.database import db
from registry.platform.models import PendingUpload
from registry.projects.drafts import Draft
from tests.accounts.state_machine.rules.work import WorkRules
from tests.factories import an_actor

CLOSED = "closed"


class WorkInvariants(WorkRules):
    def programs_have_an_owner_or_are_listed(self) -> None:
        listed = {account.id for account in ownerless_accounts(an_actor(Role.ADMINISTRATOR))}
        for account in self.accounts().values():
            if account.is_person or account.is_disabled or account.id in listed:
                continue
            owner = self.accounts().get(account.owner_id or 0)
            answers = owner is not None and owner.is_person and not owner.is_disabled
            assert answers, f"nobody answers for «{account.name}», and it is not listed"

    def open_cases_can_go_on(self) -> None:
        names = {each.name for each in self.accounts().values()}
        supervisor = an_actor(Role.SUPERVISOR, name="a supervisor of another day")
        for case_id in self.cast.case_ids:
            case = self.case(case_id)
            if case.status == CLOSED:
                continue
            proposal = waiting_proposal(case)
            assert case.assignee is None or case.assignee in names, f"case {case_id} is of «{case.assignee}», nobody"
            if proposal is not None:
                assert proposal.proposed_by in names, f"case {case_id}: «{proposal.proposed_by}», nobody, proposed"
            assert "assign" in possible_actions(supervisor, case, proposal), f"nobody can assign case {case_id}"

    def deputies_have_the_cases_of_the_absent(self) -> None:
        for each in substitutions():
            deputies = [actor for _, actor in self.working() if actor.principal == each.deputy and actor.scopes is None]
            for case_id in self.cast.case_ids if deputies else ():
                case = self.case(case_id)
                if case.assignee == each.absent and case.status == "under_review":
                    actions = possible_actions(deputies[0], case, None)
                    assert "propose" in actions, f"«{each.deputy}» cannot work on the case of «{each.absent}»"

    def drafts_and_uploads_are_of_people(self) -> None:
        """By their present names, also after a rename; an administrator hands over those of people who have left."""
        people = {each.name for each in self.accounts().values() if each.is_person}
        for table in (Draft, PendingUpload):
            owners = set(db.session.scalars(select(table.principal)))
            assert owners <= people, f"{table.__tablename__} are of {sorted(owners - people)}, who are nobody"
