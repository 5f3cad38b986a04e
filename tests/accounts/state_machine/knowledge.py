"""What the test knows of its people: whose the accounts are, and which secrets each of them has learned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from registry.accounts.roles import Role
from registry.core.clock import now, today

# Of one person for one account: older sessions and tokens are no other ways in.
SESSIONS, TOKENS = 2, 1
INVITATION_VALID = timedelta(hours=72)
STEP_UP = timedelta(minutes=15)


@dataclass(frozen=True)
class Office:
    """An agency, by its id and BIN, with the ids of the agencies that its administrator manages."""

    id: int
    bin: str
    subtree: frozenset[int]


def id_of(office: Office | None) -> int | None:
    """The id of the agency, None for none."""
    return None if office is None else office.id


@dataclass(frozen=True)
class Key:
    """A way in: the session or token with this secret, and who has it. ``verified_at``: the second factor."""

    account_id: int
    secret: str
    holder: str
    is_token: bool = False
    verified_at: datetime | None = None


@dataclass
class Letter:
    """An invitation that reached a person by e-mail."""

    account_id: int
    reader: str
    email: str
    key: str
    sent_at: datetime
    is_spent: bool = False

    @property
    def is_usable(self) -> bool:
        """True while the link in it may still be used."""
        return not self.is_spent and now() < self.sent_at + INVITATION_VALID


@dataclass
class Leave:
    """An absence, and the deputy."""

    id: int
    account_id: int
    deputy_id: int
    first_day: date
    last_day: date
    has_ended: bool = False

    @property
    def is_today(self) -> bool:
        """True when the deputy has the work today."""
        return not self.has_ended and self.first_day <= today() <= self.last_day


@dataclass
class Knowledge:
    """What is known of every account, by its id.

    ``owner``: whose account it is, empty for programs. ``given``: the role and agency that somebody gave it.
    ``requested``: who asked for it since the last confirmation; ``asked_token`` the same by the token's key id.
    ``apps``: who has the authenticator app, and its secret. ``proposed_by``: by the id of the case.
    """

    owner: dict[int, str] = field(default_factory=dict)
    given: dict[int, tuple[Role, int | None]] = field(default_factory=dict)
    passwords: dict[tuple[str, int], str] = field(default_factory=dict)
    # Who confirmed an account and was displayed the second half of its password.
    halves: dict[int, tuple[str, str]] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    requested: dict[int, set[str]] = field(default_factory=dict)
    asked_token: dict[str, str] = field(default_factory=dict)
    apps: dict[int, tuple[str, str]] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    leaves: list[Leave] = field(default_factory=list)
    proposed_by: dict[int, str] = field(default_factory=dict)
    serial: int = 0

    def next_serial(self) -> int:
        """A new number, for names, passwords and addresses."""
        self.serial += 1
        return self.serial

    def learn(self, account_id: int, password: str, *people: str) -> None:
        """People learn a password. Others keep the one that they knew, and go on trying it."""
        self.passwords.update({(human, account_id): password for human in people})

    def keep(self, key: Key) -> None:
        """Somebody has a new way in."""
        kind = (key.account_id, key.holder, key.is_token)
        same = [each for each in self.keys if (each.account_id, each.holder, each.is_token) == kind]
        dropped = same[: max(0, len(same) + 1 - (TOKENS if key.is_token else SESSIONS))]
        self.keys = [each for each in self.keys if each not in dropped] + [key]

    def replace_key(self, old: Key, new: Key) -> None:
        """A way in has another secret."""
        self.keys = [each for each in self.keys if each != old] + [new]

    def add_account(self, account_id: int, owner: str, role: Role, agency_id: int | None) -> None:
        """There is a new account."""
        self.owner[account_id] = owner
        self.given[account_id] = (role, agency_id)

    def request(self, account_id: int, human: str) -> None:
        """Somebody has asked for what a second person must confirm."""
        self.requested.setdefault(account_id, set()).add(human)

    def spend_letters(self, account_id: int) -> None:
        """The invitations that were sent until now no longer work."""
        for letter in self.letters:
            letter.is_spent = letter.is_spent or letter.account_id == account_id

    def end_leaves(self, account_ids: Iterable[int]) -> None:
        """Absences of these people, and those in which they are the deputies, have ended."""
        ids = set(account_ids)
        for leave in self.leaves:
            if leave.last_day >= today() and ids & {leave.account_id, leave.deputy_id}:
                leave.has_ended = True

    def needs_step_up(self, key: Key) -> bool:
        """True when what has consequences must not be done in this session before a second factor is verified."""
        if key.is_token or key.account_id not in self.apps:
            return False
        return key.verified_at is None or now() - key.verified_at > STEP_UP
