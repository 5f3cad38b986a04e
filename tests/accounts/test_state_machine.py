"""State machine test: accounts hold against people who use every way in that they know of.

Each person has a password, tokens and an identity at the provider, and uses whatever else they learn: the passwords
that they set, the tokens that they issue. Whoever confirms an account looks at its holder's address and at whether the
holder has another account; both who are displayed a half of the new password hand it over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from registry.accounts.account_changes import change_role, confirm_account, disable_account, enable_account
from registry.accounts.account_management import can_manage
from registry.accounts.actors import Actor
from registry.accounts.current_user import find_session_user
from registry.accounts.factors.management import reset_factors
from registry.accounts.models import Account, Person
from registry.accounts.oidc.claims import IdentityClaims
from registry.accounts.oidc.configuration import ClaimPaths, SignInConfiguration, set_sign_in_configuration
from registry.accounts.oidc.identities import SignInRequest, sign_in_with_identity
from registry.accounts.oidc.models import OidcIdentity
from registry.accounts.own_sessions import end_other_sessions
from registry.accounts.owners import change_owner, ownerless_accounts
from registry.accounts.password_halves import show_first_half
from registry.accounts.people import NewPerson, add_person, change_own_password, set_password
from registry.accounts.roles import AGENCY_ROLES, OVERSIGHT_ROLES, PERMISSIONS, Permission, Role
from registry.accounts.scopes import SCOPE_OF, Scope
from registry.accounts.sign_in import sign_in
from registry.accounts.token_authentication import TokenNotAccepted, authenticate_token
from registry.accounts.token_confirmation import confirm_token
from registry.accounts.token_models import Token
from registry.accounts.tokens import IssuedToken, issue, issue_own_token, revoke
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.cases.models import CaseDecision
from registry.cases.transitions import possible_actions, waiting_proposal
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.journal.service import JournalEntry
from tests.cases.cast import NO_BREACH, act, case_of
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency
from tests.present import Present

# Only on SQLite as often: the rules are the same on both databases.
STORIES = {"sqlite": 25, "postgresql": 5}
START = datetime.fromisoformat("2026-11-02T09:00:00+05:00")
DAY = timedelta(days=1)
CASE_STEPS = ["claim", "propose", "approve", "return", "release"]


@dataclass(frozen=True)
class Key:
    """A way in: the session or token with this secret, and the people who know it."""

    account_id: int
    secret: str
    holder: str
    is_token: bool = False


@pytest.fixture
def by_email(app: Flask) -> Iterator[None]:
    """First sign-ins at the provider find accounts by their address."""
    set_sign_in_configuration(SignInConfiguration(ClaimPaths(match="email")))
    yield
    set_sign_in_configuration(SignInConfiguration())


def test_nobody_acts_as_two_or_widens_their_rights(
    each_example: Callable[[], AbstractContextManager[None]], by_email: None, present: Present
) -> None:
    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.undone = each_example()
            self.undone.__enter__()
            present.set(START)
            self.ministry = an_agency()
            self.office = an_agency(self.ministry)
            self.elsewhere = an_agency()
            self.subtrees = {
                self.ministry.id: frozenset({self.ministry.id, self.office.id}),
                self.office.id: frozenset({self.office.id}),
                self.elsewhere.id: frozenset({self.elsewhere.id}),
            }
            self.owner: dict[int, str] = {}
            self.passwords: dict[tuple[str, int], str] = {}
            # Who confirmed an account, and the half that was displayed.
            self.halves: dict[int, tuple[str, str]] = {}
            self.keys: list[Key] = []
            self.requested: dict[int, set[str]] = {}
            self.proposed_by = ""
            self.asked_token: dict[str, str] = {}
            self.serial = 0
            for name, role, agency in (
                ("aset", Role.ADMINISTRATOR, None),
                ("botagoz", Role.ADMINISTRATOR, None),
                ("saule", Role.SUPERVISOR, None),
                ("timur", Role.REVIEWER, None),
                ("aidana", Role.AGENCY_ADMINISTRATOR, self.ministry),
                ("erlan", Role.AGENCY_EDITOR, self.office),
                ("dina", Role.AGENCY_EDITOR, self.elsewhere),
            ):
                new = NewPerson(name, role, agency and agency.id, f"{name}@gov.kz")
                person = add_person(ADMINISTRATOR, new, self.password())
                self.learn(person.account_id, self.last_password, name)
                self.owner[person.account_id] = name
                self.enter(name, person.account_id)
                actor = self.actor(self.keys[-1])
                assert actor is not None
                self.keys.append(Key(person.account_id, issue_own_token(actor).text, name, is_token=True))
            # Three have no account yet.
            self.humans = [*sorted(self.owner.values()), "madi", "nurlan", "zarina"]
            self.project = a_project(self.office)
            run_audit(an_actor(Role.OPERATOR))

        def teardown(self) -> None:
            self.undone.__exit__(None, None, None)

        # What people know

        def password(self) -> str:
            self.serial += 1
            self.last_password = f"{PASSWORD} {self.serial}"
            return self.last_password

        def learn(self, account_id: int, password: str, *people: str) -> None:
            """People learn a password. Others keep the one that they knew, and go on trying it."""
            self.passwords.update({(human, account_id): password for human in people})

        def enter(self, human: str, account_id: int) -> None:
            """Sign in with the password that the person knows, each time from another address."""
            self.serial += 1
            address = f"10.0.{self.serial // 250}.{self.serial % 250}"
            try:
                signed_in = sign_in(self.account(account_id).name, self.passwords[human, account_id], address, "r")
            except RegistryError:
                return
            self.keys.append(Key(account_id, signed_in.secret, human))

        def account(self, account_id: int) -> Account:
            return db.session.get_one(Account, account_id, populate_existing=True)

        def actor(self, key: Key) -> Actor | None:
            """The actor of a way in that still works."""
            if key.is_token:
                try:
                    return authenticate_token(key.secret, "10.0.0.1", "r")
                except TokenNotAccepted:
                    return None
            user = find_session_user(key.secret, "10.0.0.1", "r")
            return None if user is None else user.actor

        def working(self) -> list[tuple[Key, Actor]]:
            ways = [(key, actor) for key in self.keys if (actor := self.actor(key)) is not None]
            self.keys = [key for key, _ in ways]
            return ways

        def somebody(self, data: st.DataObject, permission: Permission | None = None) -> tuple[Key, Actor] | None:
            """Somebody at work; mostly one whose role may do it."""
            ways = self.working()
            able = [way for way in ways if permission is None or way[1].may(permission)]
            ways = able if able and data.draw(st.integers(0, 5)) else ways
            return data.draw(st.sampled_from(ways)) if ways else None

        def an_account(self, data: st.DataObject, actor: Actor) -> int:
            """An account, mostly one that the actor manages."""
            accounts = db.session.scalars(select(Account).order_by(Account.id)).all()
            managed = [account for account in accounts if can_manage(actor, account)]
            accounts = managed if managed and data.draw(st.integers(0, 5)) else accounts
            return data.draw(st.sampled_from([account.id for account in accounts]))

        def a_role(self, data: st.DataObject, actor: Actor | None = None) -> tuple[Role, Agency | None]:
            """A role and its agency; of an agency administrator mostly one of the two that it may give."""
            roles = list(Role)
            if actor is not None and actor.role is Role.AGENCY_ADMINISTRATOR and data.draw(st.integers(0, 3)):
                roles = [Role.AGENCY_VIEWER, Role.AGENCY_EDITOR]
            role = data.draw(st.sampled_from(roles))
            agency = data.draw(st.sampled_from([self.ministry, self.office, self.elsewhere]))
            return role, agency if role in AGENCY_ROLES else None

        # What people do

        @rule(data=st.data())
        def people_sign_in(self, data: st.DataObject) -> None:
            """With every password that they know, but for some of them."""
            left_out = data.draw(st.sets(st.sampled_from(sorted(self.passwords)), max_size=3))
            for human, account in sorted(set(self.passwords) - left_out):
                self.enter(human, account)

        @rule(data=st.data())
        def somebody_signs_in_at_the_provider(self, data: st.DataObject) -> None:
            human = data.draw(st.sampled_from(self.humans))
            role, agency = self.a_role(data)
            bin_number = None if agency is None else agency.bin
            email = data.draw(st.sampled_from([f"{human}@gov.kz", f"{human}@gov.kz", None]))
            claims = IdentityClaims(
                "https://id.gov.kz", f"s-{human}", human, email, role, bin_number, second_factor=True
            )
            try:
                signed_in = sign_in_with_identity(claims, "", SignInRequest("10.0.0.1", "r"))
            except RegistryError:
                pass
            else:
                self.keys.append(Key(self.identity(human).account_id, signed_in.secret, human))
            identity = self.identity_or_none(human)
            if identity is not None:
                self.owner.setdefault(identity.account_id, human)

        def journal_length(self) -> int:
            return db.session.execute(select(func.count(JournalEntry.seq))).scalar_one()

        def identity_or_none(self, human: str) -> OidcIdentity | None:
            return db.session.scalar(select(OidcIdentity).where(OidcIdentity.subject == f"s-{human}"))

        def identity(self, human: str) -> OidcIdentity:
            identity = self.identity_or_none(human)
            assert identity is not None
            return identity

        @rule(data=st.data())
        def an_account_is_added_for_somebody(self, data: st.DataObject) -> None:
            way = self.somebody(data, Permission.PEOPLE_MANAGE)
            if way is None:
                return
            key, actor = way
            human = data.draw(st.sampled_from(self.humans))
            # The address of whoever adds it is one that leads the wrong person in.
            email = f"{data.draw(st.sampled_from([human, key.holder]))}@gov.kz"
            role, agency = self.a_role(data, actor)
            self.serial += 1
            new = NewPerson(f"{human} {self.serial}", role, agency and agency.id, email)
            password = self.password()
            with self.management(actor) as changed:
                changed.append(add_person(actor, new, password).account_id)
            if changed:
                self.owner[changed[0]] = human
                self.learn(changed[0], password, key.holder, human)
                self.requested[changed[0]] = {key.holder}
                self.perhaps(data, self.an_account_is_confirmed)

        def perhaps(self, data: st.DataObject, following: Callable[[st.DataObject], None]) -> None:
            """What follows from a step is mostly tried at once, because random steps rarely follow each other."""
            if data.draw(st.integers(0, 3)):
                following(data)

        def management(self, actor: Actor) -> Management:
            return Management(actor, self.subtrees.get(actor.agency_id or 0, frozenset()))

        @rule(data=st.data(), change=st.sampled_from(["role", "role", "password", "disable", "enable", "factors"]))
        def an_account_is_changed(self, data: st.DataObject, change: str) -> None:
            way = self.somebody(data, Permission.PEOPLE_MANAGE)
            if way is None:
                return
            key, actor = way
            account_id = self.an_account(data, actor)
            role, agency = self.a_role(data, actor)
            password = self.password()
            written = self.journal_length()
            person_id = db.session.scalar(select(Person.id).where(Person.account_id == account_id)) or 0
            with self.management(actor) as changed:
                changed.append(account_id)
                match change:
                    case "role":
                        change_role(actor, account_id, role, agency and agency.id)
                    case "password":
                        set_password(actor, person_id, password)
                    case "disable":
                        disable_account(actor, account_id)
                    case "enable":
                        enable_account(actor, account_id)
                    case "factors":
                        reset_factors(actor, account_id)
                changed.append(account_id)
            if len(changed) < 2:
                return
            assert account_id != actor.account_id
            if change == "password":
                self.learn(account_id, password, key.holder, self.owner[account_id])
            if change != "disable" and self.journal_length() > written:
                self.requested.setdefault(account_id, set()).add(key.holder)
            if self.journal_length() > written:
                assert [each for each, _ in self.working() if each.account_id == account_id] == []
            self.perhaps(data, self.an_account_is_confirmed)

        @rule(data=st.data())
        def an_account_is_confirmed(self, data: st.DataObject) -> None:
            way = self.somebody(data, Permission.ACCOUNTS_CONFIRM)
            waiting = db.session.scalars(select(Account).where(Account.pending_since.is_not(None))).all()
            if way is None or not waiting:
                return
            key, actor = way
            account = data.draw(st.sampled_from(sorted(waiting, key=lambda each: each.id)))
            if not self.is_in_order(account):
                return
            role = Role(account.role)
            asked = self.requested.get(account.id, set())
            try:
                password = confirm_account(actor, account.id, role)
            except RegistryError:
                return
            assert actor.is_person
            account = self.account(account.id)
            if account.pending_since is not None:
                self.requested[account.id] = asked | {key.holder}
                return
            # Two different people at their keyboards.
            if role in OVERSIGHT_ROLES:
                assert asked
                assert key.holder not in asked
            self.requested.pop(account.id, None)
            self.halves.pop(account.id, None)
            if password is not None:
                self.halves[account.id] = (key.holder, password)

        @rule(data=st.data())
        def the_first_half_of_a_password_is_displayed(self, data: st.DataObject) -> None:
            way = self.somebody(data, Permission.PEOPLE_MANAGE)
            if way is None or not self.halves:
                return
            key, actor = way
            account_id = data.draw(st.sampled_from(sorted(self.halves)))
            confirmed_by, second = self.halves[account_id]
            try:
                first = show_first_half(actor, account_id)
            except RegistryError:
                return
            assert key.holder != confirmed_by
            # Both hand their halves to the person, who alone has the password.
            self.learn(account_id, first + second, self.owner[account_id])

        def is_in_order(self, account: Account) -> bool:
            """What whoever confirms an account looks at: the address, and that its holder has no other account."""
            if not account.is_person:
                return True
            human = self.owner[account.id]
            email = db.session.scalar(select(Person.email).where(Person.account_id == account.id))
            others = [
                other
                for other, owner in self.owner.items()
                if owner == human and other != account.id and self.account(other).status != "disabled"
            ]
            return email in (None, f"{human}@gov.kz") and not others

        @rule(data=st.data())
        def somebody_changes_the_own_password(self, data: st.DataObject) -> None:
            ways = [way for way in self.working() if not way[0].is_token]
            if not ways:
                return
            key, actor = data.draw(st.sampled_from(ways))
            old = self.passwords.get((key.holder, key.account_id), "unknown")
            new = self.password()
            try:
                secret = change_own_password(actor, old, new)
            except RegistryError:
                return
            self.learn(key.account_id, new, key.holder)
            self.keys.append(replace(key, secret=secret))

        @rule(data=st.data(), scopes=st.none() | st.sets(st.sampled_from(list(Scope))), days=st.integers(1, 366))
        def somebody_issues_an_own_token(self, data: st.DataObject, scopes: set[Scope] | None, days: int) -> None:
            way = self.somebody(data)
            if way is None:
                return
            key, actor = way
            role = data.draw(st.sampled_from([None, None, *Role]))
            before = actor.scopes
            try:
                token = issue_own_token(actor, days * DAY, role, scopes=scopes or None)
            except RegistryError:
                return
            self.keys.append(Key(key.account_id, token.text, key.holder, is_token=True))
            made = authenticate_token(token.text, "10.0.0.1", "r")
            assert made.scopes is not None
            if key.is_token:
                assert before is not None
                assert made.scopes <= before
                assert Scope.DECISIONS_APPROVE not in made.scopes
            self.assert_within(made, actor)

        @rule(data=st.data(), scopes=st.none() | st.sets(st.sampled_from(list(Scope))))
        def somebody_issues_a_token_of_a_service_account(self, data: st.DataObject, scopes: set[Scope] | None) -> None:
            way = self.somebody(data, Permission.TOKENS_MANAGE)
            if way is None:
                return
            key, actor = way
            role, agency = self.a_role(data, actor)
            services = db.session.scalars(select(Account.name).where(Account.kind == "service")).all()
            name = data.draw(st.sampled_from(["robot 1", "robot 2", *sorted(services)]))
            new = name not in services
            issued: list[IssuedToken] = []
            with self.management(actor) as changed:
                issued.append(
                    issue(
                        actor, name, role if new else None, agency.id if new and agency else None, scopes=scopes or None
                    )
                )
                changed.append(db.session.scalars(select(Account.id).where(Account.name == name)).one())
            if changed:
                token = issued[0]
                assert actor.is_person
                assert token.pending is (token.role in OVERSIGHT_ROLES)
                if new:
                    self.requested[changed[0]] = {key.holder}
                    self.owner[changed[0]] = ""
                self.keys.append(Key(changed[0], token.text, key.holder, is_token=True))
                self.asked_token[token.key_id] = key.holder
                if self.account(changed[0]).status == "pending":
                    self.perhaps(data, self.an_account_is_confirmed)
                self.perhaps(data, self.a_token_is_confirmed)

        @rule(data=st.data())
        def a_token_is_confirmed(self, data: st.DataObject) -> None:
            way = self.somebody(data, Permission.ACCOUNTS_CONFIRM)
            waiting = db.session.scalars(select(Token.key_id).where(Token.pending_since.is_not(None))).all()
            if way is None or not waiting:
                return
            key, actor = way
            key_id = data.draw(st.sampled_from(sorted(waiting)))
            try:
                confirm_token(actor, key_id)
            except RegistryError:
                return
            assert self.asked_token[key_id] != key.holder
            assert actor.is_person

        @rule(data=st.data())
        def a_token_is_revoked(self, data: st.DataObject) -> None:
            way = self.somebody(data, Permission.TOKENS_MANAGE)
            tokens = db.session.execute(select(Token.key_id, Token.account_id).order_by(Token.id)).all()
            if way is None or not tokens:
                return
            _, actor = way
            key_id, account_id = data.draw(st.sampled_from(tokens))
            with self.management(actor) as changed:
                changed.append(account_id)
                revoke(actor, key_id)

        @rule(data=st.data())
        def a_service_account_gets_another_owner(self, data: st.DataObject) -> None:
            way = self.somebody(data, Permission.PEOPLE_MANAGE)
            if way is None:
                return
            _, actor = way
            account_id, owner_id = self.an_account(data, actor), self.an_account(data, actor)
            with self.management(actor) as changed:
                changed.append(account_id)
                change_owner(actor, account_id, owner_id)
                assert self.account(owner_id).status == "active"

        @rule(data=st.data())
        def somebody_ends_the_other_sessions(self, data: st.DataObject) -> None:
            way = self.somebody(data)
            if way is None or way[0].is_token:
                return
            end_other_sessions(way[1])
            of_account = [key for key, _ in self.working() if key.account_id == way[0].account_id]
            assert [key for key in of_account if not key.is_token] == [way[0]]

        @rule(data=st.data(), steps=st.lists(st.sampled_from(CASE_STEPS), min_size=1, max_size=5))
        def people_work_on_the_case(self, data: st.DataObject, steps: list[str]) -> None:
            for step in ["claim", "propose", "approve"] if data.draw(st.booleans()) else steps:
                self.somebody_works_on_the_case(data, step)

        def somebody_works_on_the_case(self, data: st.DataObject, step: str) -> None:
            case = case_of(self.project)
            ways = self.working()
            able = [way for way in ways if step in possible_actions(way[1], case, waiting_proposal(case))]
            if able and data.draw(st.integers(0, 3)):
                ways = able
            if not ways:
                return
            key, actor = data.draw(st.sampled_from(ways))
            try:
                act(actor, case, step, *([NO_BREACH] if step == "propose" else []))
            except RegistryError:
                return
            if step == "propose":
                self.proposed_by = key.holder
            if step == "approve":
                assert self.proposed_by != key.holder
                assert actor.is_person
                assert actor.scopes is None or Scope.DECISIONS_APPROVE in actor.scopes

        @rule(minutes=st.sampled_from([1, 10, 10, 70, 24 * 60 * 30]))
        def time_passes(self, minutes: int) -> None:
            present.move(timedelta(minutes=minutes))

        # What must hold

        def assert_within(self, made: Actor, maker: Actor) -> None:
            assert {each for each in Permission if made.may(each)} <= {each for each in Permission if maker.may(each)}

        @invariant()
        def a_way_in_gives_no_more_than_its_account(self) -> None:
            for key, actor in self.working():
                account = self.account(key.account_id)
                assert account.status == "active"
                granted = {each for each in Permission if actor.may(each)}
                assert granted <= PERMISSIONS[Role(account.role)]
                assert actor.agency_id == account.agency_id
                if key.is_token:
                    row = db.session.scalars(select(Token).where(Token.key_id == actor.token_key_id)).one()
                    assert {SCOPE_OF[each].value for each in granted} <= set(row.scopes or ())
                    assert row.expires_at is not None
                    assert now() < row.expires_at <= row.created_at + 366 * DAY
                if not account.is_person:
                    assert not actor.is_person
                    assert not actor.may(Permission.CASES_APPROVE)
                    assert not actor.may(Permission.ACCOUNTS_CONFIRM)

        @invariant()
        def only_its_holder_uses_an_oversight_account(self) -> None:
            for key, _actor in self.working():
                account = self.account(key.account_id)
                if account.is_person and Role(account.role) in OVERSIGHT_ROLES:
                    assert key.holder == self.owner[account.id]

        @invariant()
        def nobody_holds_two_oversight_accounts(self) -> None:
            holders = [
                self.owner[account.id]
                for account in db.session.scalars(select(Account).where(Account.kind == "person"))
                if account.status == "active" and Role(account.role) in OVERSIGHT_ROLES
            ]
            assert len(holders) == len(set(holders))

        @invariant()
        def every_decision_has_two_accounts(self) -> None:
            for decision in db.session.scalars(select(CaseDecision).where(CaseDecision.outcome == "approved")):
                assert decision.decided_by not in (None, decision.proposed_by)

        @invariant()
        def service_accounts_have_an_owner_or_are_listed(self) -> None:
            listed = {account.id for account in ownerless_accounts(an_actor(Role.ADMINISTRATOR))}
            for account in db.session.scalars(select(Account).where(Account.kind == "service")):
                if account.disabled_at is None and account.id not in listed:
                    assert account.owner_account_id is not None
                    assert self.account(account.owner_account_id).disabled_at is None

        @invariant()
        def open_work_can_go_on(self) -> None:
            case = case_of(self.project)
            if case.status not in ("closed", "remediation"):
                leader = an_actor(Role.SUPERVISOR, name="a supervisor of another day")
                assert set(possible_actions(leader, case, waiting_proposal(case))) & {"assign", "approve", "claim"}

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=STORIES[db.engine.dialect.name],
            stateful_step_count=40,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


class Management:
    """A change of accounts by an actor: an agency administrator's stay within the own agencies and two roles."""

    def __init__(self, actor: Actor, subtree: frozenset[int]) -> None:
        self.actor = actor
        self.subtree = subtree
        self.changed: list[int] = []
        self.before: dict[int, tuple[str, int | None]] = {}

    def __enter__(self) -> list[int]:
        rows = db.session.execute(select(Account.id, Account.role, Account.agency_id))
        self.before = {row.id: (row.role, row.agency_id) for row in rows}
        return self.changed

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> bool:
        if kind is not None:
            if issubclass(kind, RegistryError):
                self.changed.clear()
                return True
            return False
        assert self.actor.may(Permission.PEOPLE_MANAGE)
        for account_id in self.changed:
            after = db.session.get_one(Account, account_id, populate_existing=True)
            for role, agency_id in filter(None, (self.before.get(account_id), (after.role, after.agency_id))):
                if self.actor.role is not Role.ADMINISTRATOR:
                    assert role in ("agency_viewer", "agency_editor")
                    assert agency_id in self.subtree
        return False
