"""People sign in, change their own password, use an authenticator app, and end sessions; time passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyotp
from hypothesis import note

from registry.accounts.factors import begin_totp_enrolment, finish_totp_enrolment, verify_totp
from registry.accounts.service import change_own_password
from registry.accounts.sessions import end_other_sessions, find_factor_session
from registry.accounts.sign_in import sign_in
from registry.core.clock import now
from tests.accounts.state_machine.knowledge import Key
from tests.accounts.state_machine.world import World

# A code of an authenticator app works once, in its half-minute.
STEP = timedelta(seconds=30)


class SignInRules(World):
    def people_sign_in(self) -> None:
        """With the passwords that they know, but for some of them, where they have no session."""
        present = {(key.holder, key.account_id) for key, _ in self.working() if not key.is_token}
        for human, account_id in sorted(set(self.known.passwords) - present):
            if self.mostly(4):
                self.enter(human, account_id)

    def enter(self, human: str, account_id: int) -> None:
        """Sign in with the password that the person knows, each time from another address, and with the app."""
        number = self.known.next_serial()
        name, password = self.accounts()[account_id].name, self.known.passwords[human, account_id]
        with self.attempt(f"{human} signs in to «{name}»"):
            secret = sign_in(name, password, f"10.0.{number // 250}.{number % 250}", "r").secret
            self.known.keep(Key(account_id, secret, human))
            self.use_app(self.known.keys[-1])

    def use_app(self, key: Key) -> None:
        """Verify a second factor in the session, if this person has the app of the account."""
        holder, secret = self.known.apps.get(key.account_id, ("", ""))
        session = None if holder != key.holder else find_factor_session(key.secret, "10.0.0.1", "r")
        if session is not None:
            self.present.move(STEP)
            renewed = verify_totp(session, pyotp.TOTP(secret).at(now()))
            self.known.replace_key(key, replace(key, secret=renewed, verified_at=now()))

    def somebody_gets_an_app(self) -> None:
        way = self.somebody(in_session=True)
        if way is None or way[0].account_id in self.known.apps:
            return
        self.get_app(way[0])

    def get_app(self, key: Key) -> None:
        """Enrol an authenticator app in the session."""
        session = find_factor_session(key.secret, "10.0.0.1", "r")
        assert session is not None
        with self.attempt(f"{self.describe(key)} enrols an authenticator app"):
            secret = begin_totp_enrolment(session).secret
            renewed = finish_totp_enrolment(session, pyotp.TOTP(secret).at(now()))
            self.known.apps[key.account_id] = (key.holder, secret)
            self.known.replace_key(key, replace(key, secret=renewed, verified_at=now()))

    def somebody_verifies_a_second_factor(self) -> None:
        stale = [key for key, _ in self.working() if self.known.needs_step_up(key)]
        if stale:
            key = self.choice(stale)
            with self.attempt(f"{self.describe(key)} uses the authenticator app"):
                self.use_app(key)

    def somebody_changes_the_own_password(self) -> None:
        way = self.somebody(in_session=True)
        if way is None:
            return
        key, actor = way
        old, new = self.known.passwords.get((key.holder, key.account_id), "unknown"), self.new_password()
        with self.attempt(f"{self.describe(key)} changes the own password") as attempt:
            secret = change_own_password(actor, old, new)
            self.known.learn(key.account_id, new, key.holder)
        if attempt.is_done:
            assert self.ways_into(key.account_id) == [], f"sessions of {key.holder} outlived the old password"
            self.known.keep(replace(key, secret=secret))
            self.look_again()

    def ways_into(self, account_id: int) -> list[Key]:
        """The ways into an account that work now."""
        return [key for key, _ in self.working() if key.account_id == account_id]

    def somebody_ends_the_other_sessions(self) -> None:
        way = self.somebody(in_session=True)
        if way is None:
            return
        key, actor = way
        with self.attempt(f"{self.describe(key)} ends the other sessions"):
            end_other_sessions(actor)
        left = [each for each in self.ways_into(key.account_id) if not each.is_token]
        assert left == [key], f"other sessions of {self.name_of(key.account_id)} are still open"

    def time_passes(self) -> None:
        minutes = self.choice([1, 10, 20, 20, 70, 60 * 24, 60 * 24 * 4, 60 * 24 * 30])
        note(f"    {timedelta(minutes=minutes)} pass")
        self.present.move(timedelta(minutes=minutes))
        self.look_again()
