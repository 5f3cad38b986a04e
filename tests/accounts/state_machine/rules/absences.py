"""People are absent, and deputies have their work; when somebody leaves, another person gets it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import or_, select

from registry.accounts.absences import end_absence, record_absence
from registry.accounts.account_management import can_manage
from registry.accounts.handover import hand_over
from registry.accounts.models import Account
from registry.accounts.roles import Actor, Permission, Role
from registry.cases.models import Case
from registry.core.clock import today
from registry.core.database import db
from registry.projects.drafts import Draft
from tests.accounts.state_machine.knowledge import Leave
from tests.accounts.state_machine.rules.accounts import AccountRules


class AbsenceRules(AccountRules):
    def may_stand_in(self, deputy_id: int, account_id: int) -> bool:
        """True for another active person of the same agency and role; a supervisor also for a reviewer."""
        deputy, account = self.accounts()[deputy_id], self.accounts()[account_id]
        as_reviewer = account.role is Role.REVIEWER and deputy.role is Role.SUPERVISOR
        return (
            deputy_id != account_id
            and deputy.is_person
            and deputy.status == "active"
            and deputy.agency_id == account.agency_id
            and (deputy.role is account.role or as_reviewer)
        )

    def deputies_today(self, account_id: int) -> set[int]:
        """Who has the work of the account today."""
        leaves = [each for each in self.known.leaves if each.account_id == account_id and each.is_today]
        return {each.deputy_id for each in leaves if self.may_stand_in(each.deputy_id, account_id)}

    def an_absence_is_recorded(self) -> None:
        begins_in = self.choice([0, 0, 0, 2, -1])
        days = self.choice([1, 3, 400])
        way = self.somebody()
        if way is None:
            return
        key, actor = way
        account_id = self.a_person(key.account_id)
        fitting = [each for each in self.accounts() if self.may_stand_in(each, account_id)]
        deputy_id = self.a_person(*fitting)
        first = today() + timedelta(days=begins_in)
        last = first + timedelta(days=days)
        may_record = self.may_record(actor, account_id)
        what = f"records an absence of {self.name_of(account_id)}, deputy {self.name_of(deputy_id)}, {first} to {last}"
        with self.attempt(f"{self.describe(key)} {what}") as attempt:
            absence_id = record_absence(actor, account_id, deputy_id, first, last).id
        if not attempt.is_done:
            return
        assert may_record, f"{key.holder} recorded the absence of {self.name_of(account_id)}"
        assert self.may_stand_in(deputy_id, account_id), f"{self.name_of(deputy_id)} may not be the deputy"
        assert days <= 366, "an absence of more than a year"
        self.known.leaves.append(Leave(absence_id, account_id, deputy_id, first, last))
        if self.flip():
            self.the_deputy_is_absent_too(way)

    def the_deputy_is_absent_too(self, way: tuple[object, Actor]) -> None:
        """The absent person, or another one, as the deputy of the deputy."""
        leave, (_, actor) = self.known.leaves[-1], way
        fitting = [each for each in self.accounts() if self.may_stand_in(each, leave.deputy_id)]
        recorders = [each for _, each in self.working() if self.may_record(each, leave.deputy_id)]
        if not fitting or not recorders:
            return
        actor, deputy_id = self.choice(recorders), self.choice(fitting)
        what = f"{actor.principal} records an absence of the deputy, whose deputy is {self.name_of(deputy_id)}"
        with self.attempt(what) as attempt:
            absence_id = record_absence(actor, leave.deputy_id, deputy_id, leave.first_day, leave.last_day).id
        if attempt.is_done:
            self.known.leaves.append(Leave(absence_id, leave.deputy_id, deputy_id, leave.first_day, leave.last_day))

    def may_record(self, actor: Actor, account_id: int) -> bool:
        """True for the own absence, one of a managed account, and for supervisors one of those whom they lead."""
        led = self.accounts()[account_id].role in (Role.REVIEWER, Role.SUPERVISOR) and actor.may(Permission.CASES_LEAD)
        managed = can_manage(actor, db.session.get_one(Account, account_id))
        return actor.is_person and (account_id == actor.account_id or led or managed)

    def an_absence_is_ended(self) -> None:
        way = self.somebody()
        open_leaves = [each for each in self.known.leaves if not each.has_ended]
        if way is None or not open_leaves:
            return
        leave = self.choice(open_leaves)
        may_record = self.may_record(way[1], leave.account_id)
        with self.attempt(f"{self.describe(way[0])} ends the absence of {self.name_of(leave.account_id)}") as attempt:
            end_absence(way[1], leave.id)
        if attempt.is_done:
            assert may_record, f"{way[0].holder} ended the absence of {self.name_of(leave.account_id)}"
            leave.has_ended = True

    def work_is_handed_over(self) -> None:
        way = self.somebody(Permission.PEOPLE_MANAGE)
        if way is None:
            return
        giver_id = self.a_person(*self.accounts_with_work())
        fitting = [each for each in self.accounts() if self.may_stand_in(each, giver_id)]
        inactive = [each.id for each in self.accounts().values() if each.status != "active"]
        receiver_id = self.a_person(*(fitting if self.mostly(3) else inactive))
        giver, receiver = self.accounts()[giver_id], self.accounts()[receiver_id]
        with self.management(way, f"hands the work of «{giver.name}» over to «{receiver.name}»", giver_id) as attempt:
            hand_over(way[1], giver_id, receiver_id)
        if not attempt.is_done:
            return
        self.known.end_leaves([giver_id])
        assert giver_id != way[1].account_id, f"{way[0].holder} handed the own work over"
        usable = receiver.is_person and receiver.status == "active" and receiver_id != giver_id
        assert usable, f"«{receiver.name}», who is {receiver.status}, got the work of «{giver.name}»"
        assert giver_id not in self.accounts_with_work(), f"«{giver.name}» has work left after the hand-over"

    def accounts_with_work(self) -> list[int]:
        """The accounts that have open cases, drafts or programs."""
        assigned = select(Case.assignee).where(Case.status != "closed", Case.assignee.is_not(None))
        named = or_(Account.name.in_(assigned), Account.name.in_(select(Draft.principal)))
        owners = select(Account.owner_account_id).where(Account.owner_account_id.is_not(None))
        statement = select(Account.id).where(named | Account.id.in_(owners), Account.kind == "person")
        return list(db.session.scalars(statement.order_by(Account.id)))
