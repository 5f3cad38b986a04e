"""What all rules and invariants have in common: who works, who may be chosen, and how an attempt is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TypeVar

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import func, select

from registry.accounts.account_management import can_manage
from registry.accounts.invitations import Invitation, invitation_key
from registry.accounts.models import Account, Person
from registry.accounts.roles import AGENCY_ROLES, OVERSIGHT_ROLES, Actor, Permission, Role
from registry.accounts.sessions import find_session_user
from registry.accounts.tokens import TokenNotAccepted, authenticate_token
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.journal.service import JournalEntry
from tests.accounts.state_machine.cast import Cast
from tests.accounts.state_machine.knowledge import Key, Letter, Office
from tests.factories import PASSWORD
from tests.present import Present

START = datetime.fromisoformat("2026-11-02T09:00:00+05:00")
# An agency administrator manages these, in the own agencies only.
MANAGED_BY_AGENCIES = (Role.AGENCY_VIEWER, Role.AGENCY_EDITOR)

Way = tuple[Key, Actor]
Option = TypeVar("Option")


@dataclass
class Attempt:
    """What somebody tried: ``error`` is why it was not done, ``has_changed`` whether the journal has grown by it."""

    error: RegistryError | None = None
    has_changed: bool = False

    @property
    def is_done(self) -> bool:
        """True when it was done."""
        return self.error is None


class Snapshot:
    """An account at one time."""

    def __init__(self, account: Account, email: str | None, person_id: int | None) -> None:
        self.id, self.name, self.is_person = account.id, account.name, account.is_person
        self.role, self.agency_id, self.status = Role(account.role), account.agency_id, account.status
        self.owner_id, self.is_disabled = account.owner_account_id, account.disabled_at is not None
        self.is_pending = account.pending_since is not None and not self.is_disabled
        self.email, self.person_id, self.skeleton = email, person_id, account.name_skeleton
        self.is_oversight = self.role in OVERSIGHT_ROLES


class World(RuleBasedStateMachine):
    """A story begins with the cast and is undone at its end."""

    def __init__(self, cast: Cast, each_example: Callable[[], AbstractContextManager[None]], present: Present) -> None:
        super().__init__()
        # Of the present step; hypothesis draws from it, and repeats and shortens what it drew.
        self.random = Random(0)
        self.undone = each_example()
        self.undone.__enter__()
        self.cast, self.present = cast, present
        self.known = deepcopy(cast.known)
        self.uploads: dict[int, int] = {}
        # Whether everything has been checked since something may have changed.
        self.is_checked = False
        self._ways: list[Way] | None = None
        self._accounts: Mapping[int, Snapshot] | None = None
        present.set(START)

    def teardown(self) -> None:
        self.undone.__exit__(None, None, None)

    # Who works

    def actor(self, key: Key) -> Actor | None:
        """The actor of a way in that still works."""
        if key.is_token:
            try:
                return authenticate_token(key.secret, "10.0.0.1", "r")
            except TokenNotAccepted:
                return None
        user = find_session_user(key.secret, "10.0.0.1", "r")
        return None if user is None else user.actor

    def working(self) -> list[Way]:
        """The ways in that work now. Sessions of an active account that have ended are forgotten."""
        if self._ways is None:
            actors = [(key, self.actor(key)) for key in self.known.keys]
            self._ways = [(key, actor) for key, actor in actors if actor is not None]
            active = {each.id for each in self.accounts().values() if each.status == "active"}
            self.known.keys = [
                key for key, actor in actors if actor is not None or key.is_token or key.account_id not in active
            ]
        return self._ways

    def accounts(self) -> Mapping[int, Snapshot]:
        """The accounts as they are now, with the e-mail addresses of people."""
        if self._accounts is None:
            statement = select(Account, Person.email, Person.id.label("person_id"))
            statement = statement.outerjoin(Person, Person.account_id == Account.id).order_by(Account.id)
            rows = db.session.execute(statement.execution_options(populate_existing=True)).all()
            self._accounts = {account.id: Snapshot(account, email, person_id) for account, email, person_id in rows}
        return self._accounts

    def look_again(self) -> None:
        """Something may have changed."""
        self._ways = self._accounts = None
        self.is_checked = False

    def name_of(self, account_id: int) -> str:
        """The present name of an account, in quotation marks."""
        account = self.accounts().get(account_id)
        return "«?»" if account is None else f"«{account.name}»"

    def describe(self, key: Key) -> str:
        """Who acts, and by which way in."""
        return f"{key.holder}, by {'a token' if key.is_token else 'a session'} of {self.name_of(key.account_id)},"

    # Who and what may be chosen

    def choice(self, options: Sequence[Option]) -> Option:
        """One of them."""
        return self.random.choice(options)

    def flip(self) -> bool:
        """True or false."""
        return self.mostly(2)

    def mostly(self, cases: int) -> bool:
        """True in all of so many cases but one."""
        return self.random.randrange(cases) > 0

    def somebody(self, permission: Permission | None = None, *, in_session: bool = False) -> Way | None:
        """Somebody at work; mostly one whose role may do it."""
        ways = [way for way in self.working() if not (in_session and way[0].is_token)]
        able = [way for way in ways if permission is None or way[1].may(permission)]
        ways = able if able and self.mostly(6) else ways
        return self.choice(ways) if ways else None

    def an_account(self, actor: Actor) -> int:
        """An account, mostly one that the actor manages."""
        accounts = list(self.accounts())
        managed = [each for each in accounts if can_manage(actor, db.session.get_one(Account, each))]
        return self.choice(managed if managed and self.mostly(6) else accounts)

    def a_person(self, *account_ids: int) -> int:
        """The account of a person, mostly one of these."""
        people = [each.id for each in self.accounts().values() if each.is_person]
        likely = [each for each in account_ids if each in people]
        return self.choice(likely if likely and self.mostly(6) else people)

    def a_role(self, actor: Actor | None = None) -> tuple[Role, Office | None]:
        """A role and its agency; of an agency administrator mostly one of the two that it may give."""
        roles = list(Role)
        if actor is not None and actor.role is Role.AGENCY_ADMINISTRATOR and self.mostly(4):
            roles = list(MANAGED_BY_AGENCIES)
        role = self.choice(roles)
        agency = self.choice([self.cast.ministry, self.cast.office, self.cast.elsewhere])
        return role, agency if role in AGENCY_ROLES else None

    def new_password(self) -> str:
        """A password that nobody has used."""
        return f"{PASSWORD} {self.known.next_serial()}"

    def perhaps(self, following: Callable[[], None]) -> None:
        """What follows from a step is mostly tried immediately, because random steps rarely follow each other."""
        if self.mostly(4):
            following()

    # What they try

    @contextmanager
    def attempt(self, what: str) -> Iterator[Attempt]:
        """Somebody tries something; a failing story lists these sentences, each with what came of it."""
        attempt, length = Attempt(), journal_length()
        try:
            yield attempt
        except RegistryError as error:
            attempt.error = error
        note(f"    {what}: {'done' if attempt.error is None else attempt.error.code}")
        attempt.has_changed = attempt.is_done and journal_length() > length
        self.look_again()
        self._deliver_letters()

    @contextmanager
    def management(self, way: Way, what: str, *account_ids: int) -> Iterator[Attempt]:
        """Somebody tries to manage accounts. What is done must be within what this person manages."""
        key, actor = way
        before = {each: (row.role, row.agency_id) for each, row in self.accounts().items()}
        stale = self.known.needs_step_up(key)
        with self.attempt(f"{self.describe(key)} {what}") as attempt:
            yield attempt
        if not attempt.is_done:
            return
        assert actor.may(Permission.PEOPLE_MANAGE), f"{key.holder} manages accounts without the permission"
        assert actor.is_person, f"a program manages accounts: {what}"
        assert not stale, f"{key.holder} managed accounts without a recent second factor: {what}"
        if actor.role is Role.ADMINISTRATOR:
            return
        touched = [*account_ids, *(each for each in self.accounts() if each not in before)]
        offices = (self.cast.ministry, self.cast.office, self.cast.elsewhere)
        subtree = next((each.subtree for each in offices if each.id == actor.agency_id), frozenset())
        for account_id in touched:
            row = self.accounts()[account_id]
            for role, agency_id in filter(None, (before.get(account_id), (row.role, row.agency_id))):
                within = role in MANAGED_BY_AGENCIES and agency_id in subtree
                assert within, f"{key.holder} administers an agency, and managed {row.name}: {role}, agency {agency_id}"

    def _deliver_letters(self) -> None:
        """New invitations reach whoever reads the address."""
        known = {letter.key for letter in self.known.letters}
        for row in db.session.scalars(select(Invitation).execution_options(populate_existing=True)).all():
            key = invitation_key(row.id)
            if key not in known:
                self.known.spend_letters(row.account_id)
                reader = row.email.partition("@")[0]
                self.known.letters.append(Letter(row.account_id, reader, row.email, key, row.created_at))


def journal_length() -> int:
    """How many entries the journal has."""
    return db.session.execute(select(func.count(JournalEntry.seq))).scalar_one()
