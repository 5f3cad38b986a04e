"""A single administrator, with any number of accounts and tokens, cannot get a decision approved.

A hypothesis state machine calls every service that manages accounts and tokens, in any order, as every actor that the
administrator controls: the own account, people whose passwords and service accounts whose tokens it knows. A second
administrator confirms whatever is pending, as an honest person who hands new passwords over to their owners.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from registry.accounts.account_changes import change_role, confirm_account, disable_account, enable_account
from registry.accounts.account_names import FormerName, skeleton
from registry.accounts.confirmations import confirm_token
from registry.accounts.models import Account, account_named
from registry.accounts.roles import AGENCY_ROLES, Actor, Role
from registry.accounts.service import (
    AccountChanges,
    NewPerson,
    add_person,
    change_own_password,
    edit_account,
    person_named,
    set_password,
)
from registry.accounts.tokens import (
    TokenNotAccepted,
    authenticate_token,
    issue,
    issue_own_token,
    issue_service_token,
    revoke,
)
from registry.audits.service import confirm_voiding, propose_voiding, run_audit
from registry.core.database import db
from registry.core.errors import NotAllowed, NotFound, RegistryError
from registry.flags.models import AuditRun
from tests.accounts.stored_accounts import id_of, name_of, session_of
from tests.cases.cast import AIGERIM, NO_BREACH, act, case_of, under_review
from tests.factories import ADMINISTRATOR as LOCAL
from tests.factories import PASSWORD, a_project, an_actor, an_agency
from tests.faults.processes import ALL
from tests.present import Present

# Three on every day, ten at night, all of them with scripts/test --faults.
STORIES = 12 if ALL else settings.default.max_examples // 10
DAY = timedelta(days=1)
ROLES = st.sampled_from(list(Role))
# Those that are there, those that a trick may look like, and new ones.
NAMES = st.sampled_from(["adil", "Adil", "bota", "saule", "s\u0430ule", "rustem", "one", "two", "robot", "local:root"])
DECIDING = {Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR}


# Rules are the same on both databases; what each step does is tried on both.
@pytest.mark.sqlite_only
def test_single_administrator_cannot_get_a_decision_approved(
    each_example: Callable[[], AbstractContextManager[None]], present: Present
) -> None:
    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.undone = each_example()
            self.undone.__enter__()
            for name, role in (("adil", Role.ADMINISTRATOR), ("bota", Role.ADMINISTRATOR)):
                add_person(LOCAL, NewPerson(name, role), PASSWORD)
            for name, role in (("saule", Role.SUPERVISOR), ("rustem", Role.REVIEWER)):
                add_person(LOCAL, NewPerson(name, role), PASSWORD)
            issue(LOCAL, "robot", Role.SUPERVISOR, None, None)
            self.agency_id = an_agency().id
            self.project = a_project()
            act(AIGERIM, under_review(self.project), "propose", NO_BREACH)
            present.move(timedelta(days=400))
            self.audit_id = run_audit(an_actor(Role.OPERATOR)).id
            present.move(timedelta(days=-400))
            self.propose(an_actor(Role.OPERATOR))
            self.adil, self.bota = id_of("adil"), id_of("bota")
            # Accounts, because an account may get another name.
            self.known = {self.adil}
            self.tokens: list[str] = []
            self.confirmed: set[str] = set()

        def teardown(self) -> None:
            self.undone.__exit__(None, None, None)

        def came_in(self) -> list[Actor]:
            """The actors that the administrator can currently act as."""
            actors = [actor for each in sorted(self.known) if (actor := session_of(name_of(each))) is not None]
            for text in self.tokens:
                try:
                    actors.append(authenticate_token(text, "10.0.0.1", ""))
                except TokenNotAccepted:
                    continue
            return actors

        def attempt(self, data: st.DataObject, service: Callable[[Actor], None]) -> None:
            try:
                service(data.draw(st.sampled_from(self.came_in())))
            except RegistryError:
                db.session.rollback()

        def agency_of(self, role: Role) -> int | None:
            return self.agency_id if role in AGENCY_ROLES else None

        @rule(data=st.data(), name=NAMES, role=ROLES)
        def add(self, data: st.DataObject, name: str, role: Role) -> None:
            def service(actor: Actor) -> None:
                person = add_person(actor, NewPerson(name, role, self.agency_of(role)), PASSWORD)
                self.known.add(person.account_id)

            self.attempt(data, service)

        @rule(data=st.data(), name=NAMES)
        def give_password(self, data: st.DataObject, name: str) -> None:
            def service(actor: Actor) -> None:
                person = person_named(name)
                if person is not None:
                    set_password(actor, person.id, PASSWORD)
                    self.known.add(person.account_id)

            self.attempt(data, service)

        @rule(data=st.data())
        def choose_password(self, data: st.DataObject) -> None:
            self.attempt(data, lambda actor: self.change_to_and_fro(actor))

        def change_to_and_fro(self, actor: Actor) -> None:
            change_own_password(actor, PASSWORD, PASSWORD + "!")
            change_own_password(actor, PASSWORD + "!", PASSWORD)

        @rule(data=st.data(), name=NAMES, role=st.none() | ROLES)
        def issue_token(self, data: st.DataObject, name: str, role: Role | None) -> None:
            def service(actor: Actor) -> None:
                agency_id = None if role is None else self.agency_of(role)
                self.tokens.append(issue(actor, name, role, agency_id, DAY).text)

            self.attempt(data, service)

        @rule(data=st.data(), role=st.none() | ROLES)
        def issue_own(self, data: st.DataObject, role: Role | None) -> None:
            self.attempt(data, lambda actor: self.tokens.append(issue_own_token(actor, DAY, role).text))

        @rule(data=st.data(), name=NAMES, role=ROLES)
        def give_role(self, data: st.DataObject, name: str, role: Role) -> None:
            account = account_named(name)
            if account is not None:
                self.attempt(data, lambda actor: change_role(actor, account.id, role, self.agency_of(role)))

        @rule(data=st.data(), name=NAMES, change=st.sampled_from([disable_account, enable_account]))
        def disable_or_enable(self, data: st.DataObject, name: str, change: Callable[[Actor, int], None]) -> None:
            account = account_named(name)
            if account is not None:
                self.attempt(data, lambda actor: change(actor, account.id))

        @rule(data=st.data(), name=NAMES)
        def confirm(self, data: st.DataObject, name: str) -> None:
            account = account_named(name)
            if account is not None:
                self.attempt(data, lambda actor: confirm_account(actor, account.id, Role(account.role)))

        @rule(data=st.data())
        def issue_for_an_existing_service_account(self, data: st.DataObject) -> None:
            accounts = list(
                db.session.scalars(select(Account.id).where(Account.kind == "service").order_by(Account.id))
            )
            account_id = data.draw(st.sampled_from(accounts))
            self.attempt(data, lambda actor: self.tokens.append(issue_service_token(actor, account_id, DAY).text))

        @rule(data=st.data())
        def confirm_own_token(self, data: st.DataObject) -> None:
            if self.tokens:
                key_id = data.draw(st.sampled_from(self.tokens)).split("_")[1]
                self.attempt(data, lambda actor: confirm_token(actor, key_id))

        @rule(name=NAMES)
        def second_administrator_confirms(self, name: str) -> None:
            bota, account = session_of(name_of(self.bota)), account_named(name)
            if bota is None or account is None:
                return
            try:
                confirm_account(bota, account.id, Role(account.role))
            except RegistryError:
                db.session.rollback()
            else:
                self.known.discard(account.id)

        @rule(data=st.data(), name=NAMES, new=NAMES)
        def rename(self, data: st.DataObject, name: str, new: str) -> None:
            account = account_named(name)
            if account is not None:
                self.attempt(data, lambda actor: self.edit(actor, account.id, {"name": new}))

        @rule(data=st.data(), name=NAMES, language=st.sampled_from(["kk", "ru"]))
        def give_email(self, data: st.DataObject, name: str, language: str) -> None:
            account = account_named(name)
            values: AccountChanges = {"email": "adil@example.kz", "language": language}
            if account is not None:
                self.attempt(data, lambda actor: self.edit(actor, account.id, values))

        @rule(name=NAMES, new=NAMES)
        def second_administrator_renames(self, name: str, new: str) -> None:
            bota, account = session_of(name_of(self.bota)), account_named(name)
            if bota is not None and account is not None:
                try:
                    self.edit(bota, account.id, {"name": new})
                except RegistryError:
                    db.session.rollback()

        def edit(self, actor: Actor, account_id: int, changes: AccountChanges) -> None:
            edit_account(actor, account_id, changes)

        @rule(data=st.data())
        def second_administrator_confirms_a_token(self, data: st.DataObject) -> None:
            bota = session_of(name_of(self.bota))
            if bota is None or not self.tokens:
                return
            key_id = data.draw(st.sampled_from(self.tokens)).split("_")[1]
            try:
                confirm_token(bota, key_id)
                self.confirmed.add(key_id)
            except RegistryError:
                db.session.rollback()

        def propose(self, actor: Actor) -> None:
            propose_voiding(actor, self.audit_id, "The clock was ahead.")

        @rule(data=st.data())
        def propose_to_void(self, data: st.DataObject) -> None:
            self.attempt(data, lambda actor: self.propose(actor))

        @rule(data=st.data())
        def revoke_one(self, data: st.DataObject) -> None:
            if self.tokens:
                key_id = data.draw(st.sampled_from(self.tokens)).split("_")[1]
                self.attempt(data, lambda actor: revoke(actor, key_id))

        @invariant()
        def nobody_else_decides(self) -> None:
            for actor in self.came_in():
                is_adil = actor.account_id == self.adil
                assert is_adil or not (actor.is_person and actor.role in DECIDING), actor
                # A service account decides nothing, but its token too waits for a second person.
                confirmed = actor.credential.removeprefix("token:") in self.confirmed
                assert is_adil or actor.role not in DECIDING or confirmed, actor
                with pytest.raises((NotAllowed, NotFound)):
                    act(actor, case_of(self.project), "approve")

        @invariant()
        def nobody_voids_an_audit(self) -> None:
            voiding = db.session.scalars(select(AuditRun.voiding).where(AuditRun.id == self.audit_id)).one()
            for actor in self.came_in():
                with pytest.raises(NotAllowed):
                    confirm_voiding(actor, self.audit_id, str(voiding["proposed_at"]))

        @invariant()
        def names_are_distinct(self) -> None:
            owners: dict[str, set[int]] = {}
            rows = [*db.session.execute(select(Account.id, Account.name))]
            rows += [*db.session.execute(select(FormerName.account_id, FormerName.name))]
            for account_id, name in rows:
                owners.setdefault(skeleton(name), set()).add(account_id)
            assert [name for name, accounts in owners.items() if len(accounts) > 1] == []
            assert set(owners) <= {
                skeleton(name) for name in ("adil", "bota", "saule", "rustem", "one", "two", "robot")
            }

        @invariant()
        def an_administrator_is_left(self) -> None:
            administrators = select(Account.id).where(Account.role == "administrator", Account.kind == "person")
            assert db.session.scalars(administrators.where(Account.disabled_at.is_(None))).first() is not None

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=25,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
