"""Administrators add and change accounts, and a second person confirms them."""

from __future__ import annotations

from registry.accounts.account_changes import change_role, confirm_account, disable_account, enable_account
from registry.accounts.factors import reset_factors
from registry.accounts.passwords import show_first_half
from registry.accounts.roles import OVERSIGHT_ROLES, Actor, Permission, Role, local_actor
from registry.accounts.service import NewPerson, add_person, set_password
from tests.accounts.state_machine.cast import address_of
from tests.accounts.state_machine.knowledge import Key, id_of
from tests.accounts.state_machine.rules.sign_in import SignInRules
from tests.accounts.state_machine.world import Way

CHANGES = ("role", "role", "password", "disable", "enable", "factors")


class AccountRules(SignInRules):
    def an_account_is_added_for_somebody(self) -> None:
        way = self.somebody(Permission.PEOPLE_MANAGE)
        if way is None:
            return
        key, actor = way
        new, human = self.a_new_person(*way)
        password = self.new_password()
        before = set(self.accounts())
        with self.management(way, f"adds «{new.name}» as {new.role}, {new.email}") as attempt:
            add_person(actor, new, password)
        if attempt.is_done:
            [account_id] = set(self.accounts()) - before
            self.known.add_account(account_id, human, new.role, new.agency_id)
            self.known.learn(account_id, password, key.holder, human)
            self.known.request(account_id, key.holder)
            self.perhaps(self.an_account_is_confirmed)

    def a_new_person(self, key: Key, actor: Actor) -> tuple[NewPerson, str]:
        """The data of a new account, and who it is for: perhaps one who has an account already."""
        free = [each for each in self.cast.humans if each not in self.known.owner.values()]
        human = self.choice(free if free and self.flip() else self.cast.humans)
        # The address of whoever adds it is one that leads the wrong person in.
        email = address_of(self.choice([human, key.holder]))
        role, agency = self.a_role(actor)
        name = f"{human} {self.known.next_serial()}"
        return NewPerson(name, role, id_of(agency), email), human

    def an_account_is_changed(self) -> None:
        change = self.choice(CHANGES)
        way = self.somebody(Permission.PEOPLE_MANAGE)
        if way is None:
            return
        key, actor = way
        account_id = self.an_account(actor)
        role, agency = self.a_role(actor)
        password = self.new_password()
        row = self.accounts()[account_id]
        what = f"changes «{row.name}» ({change}{f' {role}' if change == 'role' else ''})"
        with self.management(way, what, account_id) as attempt:
            match change:
                case "role":
                    change_role(actor, account_id, role, id_of(agency))
                case "password":
                    set_password(actor, row.person_id or 0, password)
                case "disable":
                    disable_account(actor, account_id)
                case "enable":
                    enable_account(actor, account_id)
                case "factors":
                    reset_factors(actor, account_id)
        if not attempt.is_done:
            return
        assert account_id != actor.account_id, f"{key.holder} changed the own account"
        if change == "role":
            self.known.given[account_id] = (role, id_of(agency))
        if change == "password":
            self.known.learn(account_id, password, key.holder, self.known.owner[account_id])
        if change == "factors":
            self.known.apps.pop(account_id, None)
        if change in ("password", "disable"):
            self.known.spend_letters(account_id)
        if attempt.has_changed:
            if change != "disable":
                self.known.request(account_id, key.holder)
            assert self.ways_into(account_id) == [], f"sessions or tokens of «{row.name}» outlived the change"
        self.perhaps(self.an_account_is_confirmed)

    def the_command_line_changes_accounts(self) -> None:
        """One or all of oversight: it acts without a second person, but the last administrator stays."""
        oversight = [each.id for each in self.accounts().values() if each.is_oversight and each.is_person]
        change = self.choice(["disable", "role"])
        for account_id in [self.a_person(*oversight)] if self.mostly(3) else oversight:
            self.the_command_line_changes(account_id, change)

    def the_command_line_changes(self, account_id: int, change: str) -> None:
        """Disable the account, or make it one of an agency."""
        row, office = self.accounts()[account_id], self.cast.office
        local = local_actor(Role.ADMINISTRATOR)
        with self.attempt(f"the command line changes «{row.name}» ({change})") as attempt:
            if change == "disable":
                disable_account(local, account_id)
                self.known.spend_letters(account_id)
            else:
                change_role(local, account_id, Role.AGENCY_VIEWER, office.id)
                self.known.given[account_id] = (Role.AGENCY_VIEWER, office.id)
        if attempt.has_changed:
            assert self.ways_into(account_id) == [], f"sessions or tokens of «{row.name}» outlived the change"

    def an_account_is_confirmed(self) -> None:
        """Perhaps by somebody who requested it, and tries to pass for a second person."""
        way = self.somebody(Permission.ACCOUNTS_CONFIRM)
        waiting = [each.id for each in self.accounts().values() if each.is_pending and self.is_in_order(each.id)]
        if way is None or not waiting:
            return
        own = [each for each in waiting if way[0].holder in self.known.requested.get(each, ())]
        self.somebody_confirms(way, self.choice(own if own and self.flip() else waiting))

    def requests_are_confirmed_by(self, human: str) -> None:
        """Somebody who has another name now tries to confirm what this person requested under the former name."""
        ways = [each for each in self.working() if each[0].holder == human and each[1].may(Permission.ACCOUNTS_CONFIRM)]
        for account_id in [each.id for each in self.accounts().values() if each.is_pending] if ways else []:
            if human in self.known.requested.get(account_id, ()) and self.is_in_order(account_id):
                self.somebody_confirms(self.choice(ways), account_id)

    def somebody_confirms(self, way: Way, account_id: int) -> None:
        """Confirm the account, which is in order."""
        key, actor = way
        row = self.accounts()[account_id]
        asked = set(self.known.requested.get(account_id, ()))
        stale = self.known.needs_step_up(key)
        password = None
        what = f"{self.describe(key)} confirms «{row.name}» as {row.role}, requested by {', '.join(sorted(asked))}"
        with self.attempt(what) as attempt:
            password = confirm_account(actor, account_id, row.role, row.email)
        if not attempt.is_done:
            return
        assert actor.is_person, "a program confirmed an account"
        assert not stale, f"{key.holder} confirmed without a recent second factor"
        if self.accounts()[account_id].is_pending:
            self.known.request(account_id, key.holder)
            return
        if row.role in OVERSIGHT_ROLES:
            assert asked, f"{key.holder} alone made «{row.name}» {row.role}"
            assert key.holder not in asked, f"{key.holder} confirmed what {key.holder} requested"
        self.known.requested.pop(account_id, None)
        self.known.halves.pop(account_id, None)
        if password is not None:
            self.known.halves[account_id] = (key.holder, password)
            self.perhaps(self.the_first_half_of_a_password_is_displayed)

    def the_first_half_of_a_password_is_displayed(self) -> None:
        """Perhaps to who confirmed the account and has the second half; both hand their halves to the person."""
        way = self.somebody(Permission.PEOPLE_MANAGE)
        if way is None or not self.known.halves:
            return
        key, actor = way
        account_id = self.choice(sorted(self.known.halves))
        confirmed_by, second = self.known.halves[account_id]
        first = ""
        with self.attempt(f"{self.describe(key)} displays the first half for {self.name_of(account_id)}") as attempt:
            first = show_first_half(actor, account_id)
        if attempt.is_done:
            assert key.holder != confirmed_by, f"{key.holder} has both halves of the password"
            self.known.learn(account_id, first + second, self.known.owner[account_id])

    def is_in_order(self, account_id: int) -> bool:
        """What whoever confirms an account looks at: the address, and that its holder has no other account."""
        row, human = self.accounts()[account_id], self.known.owner[account_id]
        if not row.is_person:
            return True
        others = [
            other
            for other, owner in self.known.owner.items()
            if owner == human and other != account_id and not self.accounts()[other].is_disabled
        ]
        return row.email in (None, address_of(human)) and not others
