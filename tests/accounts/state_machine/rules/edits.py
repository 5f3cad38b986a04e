"""Administrators rename accounts, change e-mail addresses, and invite people, who set their password themselves."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from registry.accounts.account_names import FormerName
from registry.accounts.models import Account
from registry.accounts.roles import Permission, Role
from registry.accounts.service import accept_invitation, edit_account, invite_again, invite_person
from registry.accounts.tokens import add_service_account
from registry.core.database import db
from tests.accounts.state_machine.cast import address_of
from tests.accounts.state_machine.rules.accounts import AccountRules


class EditRules(AccountRules):
    def an_account_is_renamed(self) -> None:
        """Mostly that of somebody who has requested something, and then tries to pass for another person."""
        way = self.somebody(Permission.PEOPLE_MANAGE)
        if way is None:
            return
        key, actor = way
        asking = {each for people in self.known.requested.values() for each in people}
        likely = [each for each, owner in self.known.owner.items() if owner in asking and each != actor.account_id]
        account_id = self.choice(likely) if likely and self.mostly(3) else None
        account_id = account_id or self.an_account(actor)
        row = self.accounts()[account_id]
        former = {name: each for each, name in db.session.execute(select(FormerName.account_id, FormerName.name))}
        of_others = [each.name for each in self.accounts().values() if each.id != account_id]
        fresh = f"{self.known.owner[account_id] or 'robot'} {self.known.next_serial()}"
        name = self.choice([fresh, fresh, fresh, *of_others[:3], *sorted(former)])
        with self.management(way, f"renames «{row.name}» to «{name}»", account_id) as attempt:
            edit_account(actor, account_id, {"name": name})
        if attempt.is_done:
            assert account_id != actor.account_id, f"{key.holder} renamed the own account"
            assert name not in of_others, f"two accounts are «{name}»"
            assert former.get(name, account_id) == account_id, f"«{row.name}» has the former name of another: «{name}»"
            self.requests_are_confirmed_by(self.known.owner[account_id])

    def somebody_with_a_new_name_confirms(self) -> None:
        """An administrator requests a program, is renamed by another one, and tries to pass for a second person."""
        ways = [way for way in self.working() if way[1].role is Role.ADMINISTRATOR]
        first = self.choice([way for way in ways if way[1].may(Permission.ACCOUNTS_CONFIRM)] or [None])
        second = self.choice([way for way in ways if first is not None and way[0].holder != first[0].holder] or [None])
        if first is None or second is None:
            return
        before, name = set(self.accounts()), f"robot {self.known.next_serial()}"
        with self.management(first, f"adds the program «{name}» as supervisor") as attempt:
            add_service_account(first[1], name, Role.SUPERVISOR, None)
        if not attempt.is_done:
            return
        [account_id] = set(self.accounts()) - before
        self.known.add_account(account_id, "", Role.SUPERVISOR, None)
        self.known.request(account_id, first[0].holder)
        renamed = f"{first[0].holder} {self.known.next_serial()}"
        with self.management(second, f"renames {self.name_of(first[0].account_id)} to «{renamed}»"):
            edit_account(second[1], first[0].account_id, {"name": renamed})
        self.requests_are_confirmed_by(first[0].holder)

    def somebody_manages_after_a_break(self) -> None:
        """In a session whose second factor was verified more than 15 minutes ago."""
        ways = [way for way in self.working() if way[1].is_session and way[1].may(Permission.PEOPLE_MANAGE)]
        if not ways:
            return
        key, _ = self.choice(ways)
        if key.account_id not in self.known.apps:
            self.get_app(key)
        self.present.move(timedelta(minutes=20))
        self.look_again()
        for way in self.working():
            if way[0].account_id == key.account_id and not way[0].is_token:
                account_id = self.an_account(way[1])
                with self.management(way, f"changes the language of {self.name_of(account_id)}", account_id):
                    edit_account(way[1], account_id, {"language": "ru"})

    def an_address_is_changed(self) -> None:
        way = self.somebody(Permission.PEOPLE_MANAGE)
        if way is None:
            return
        key, actor = way
        account_id = self.an_account(actor)
        row = self.accounts()[account_id]
        email = address_of(self.choice([self.known.owner[account_id] or "robot", key.holder, "madi"]))
        with self.management(way, f"gives «{row.name}» the address {email}", account_id) as attempt:
            edit_account(actor, account_id, {"email": email})
        if not attempt.has_changed:
            return
        assert account_id != actor.account_id, f"{key.holder} changed the own account"
        for letter in self.known.letters:
            letter.is_spent = letter.is_spent or (letter.account_id == account_id and letter.email != email)
        if row.is_oversight:
            self.known.request(account_id, key.holder)
            assert self.ways_into(account_id) == [], f"«{row.name}» works on with an address that nobody confirmed"
            self.perhaps(self.an_account_is_confirmed)

    def somebody_is_invited(self) -> None:
        way = self.somebody(Permission.PEOPLE_MANAGE)
        if way is None:
            return
        key, actor = way
        new, human = self.a_new_person(*way)
        before = set(self.accounts())
        with self.management(way, f"invites «{new.name}» as {new.role}, {new.email}") as attempt:
            invite_person(actor, new)
        if attempt.is_done:
            [account_id] = set(self.accounts()) - before
            self.known.add_account(account_id, human, new.role, new.agency_id)
            self.known.request(account_id, key.holder)
            self.perhaps(self.an_account_is_confirmed)
            self.perhaps(self.somebody_uses_an_invitation)

    def somebody_is_invited_again(self) -> None:
        way = self.somebody(Permission.PEOPLE_MANAGE)
        invited = [each.id for each in self.accounts().values() if each.status == "invited"]
        if way is None or not invited:
            return
        account_id = self.choice(invited)
        with self.management(way, f"invites {self.name_of(account_id)} again", account_id):
            invite_again(way[1], account_id)
        self.perhaps(self.somebody_uses_an_invitation)

    def somebody_uses_an_invitation(self) -> None:
        """Any letter, also one that was used, replaced, or is too old; sometimes twice."""
        if not self.known.letters:
            return
        letter = self.choice(self.known.letters)
        row = self.accounts()[letter.account_id]
        for _ in range(self.choice([1, 2])):
            usable, password = letter.is_usable, self.new_password()
            with self.attempt(f"{letter.reader} uses the invitation of {letter.email} to «{row.name}»") as attempt:
                accept_invitation(letter.key, password, "10.0.0.1", "r")
            if attempt.is_done:
                assert usable, f"{letter.reader} used an invitation that was used, replaced or is too old"
                assert row.email == letter.email, "an invitation worked after the address had changed"
                assert row.status == "invited", f"an invitation worked for an account that is {row.status}"
                self.known.spend_letters(letter.account_id)
                self.known.learn(letter.account_id, password, letter.reader)
                assert db.session.get_one(Account, letter.account_id).status == "active"
        if (letter.reader, letter.account_id) in self.known.passwords:
            self.enter(letter.reader, letter.account_id)
