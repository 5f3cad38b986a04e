"""People issue tokens for themselves and for programs, confirm and revoke them, and programs get other owners."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from registry.accounts.confirmations import confirm_token
from registry.accounts.roles import OVERSIGHT_ROLES, Permission, Role, Scope, needs_step_up, scopes_of_role
from registry.accounts.same_person import change_owner
from registry.accounts.tokens import IssuedToken, Token, authenticate_token, issue, issue_own_token, revoke
from registry.core.database import db
from tests.accounts.state_machine.knowledge import Key, id_of
from tests.accounts.state_machine.rules.accounts import AccountRules

DAY = timedelta(days=1)
PROGRAMS = ("robot 1", "robot 2")


class TokenRules(AccountRules):
    def some_scopes(self, role: Role) -> set[Scope] | None:
        """Scopes of a new token, mostly of those that grant something to the role; None for the default."""
        of_role = [each for each in Scope if each in scopes_of_role(role)] if self.mostly(6) else list(Scope)
        return {each for each in of_role if self.mostly(3)} if self.mostly(3) else None

    def somebody_issues_an_own_token(self) -> None:
        way = self.somebody()
        if way is None:
            return
        key, actor = way
        role = self.choice([None, None, None, *Role])
        scopes, days = self.some_scopes(role or actor.role), self.choice([1, 30, 366])
        stale = self.known.needs_step_up(key)
        text = ""
        with self.attempt(f"{self.describe(key)} issues an own token ({role}, {scopes})") as attempt:
            text = issue_own_token(actor, days * DAY, role, scopes=scopes).text
        if not attempt.is_done:
            return
        self.known.keep(Key(key.account_id, text, key.holder, is_token=True))
        made = authenticate_token(text, "10.0.0.1", "r")
        assert made.scopes is not None, "a token without scopes"
        if key.is_token:
            assert actor.scopes is not None and made.scopes <= actor.scopes, "a token made one with more scopes"
            assert Scope.DECISIONS_APPROVE not in made.scopes, "a token made one that decides"
        more = {each for each in Permission if made.may(each)} - {each for each in Permission if actor.may(each)}
        assert not more, f"{key.holder} made a token that may do more: {sorted(more)}"
        decides = needs_step_up(role or actor.role, made.scopes)
        assert not (stale and decides), f"{key.holder} made a token that decides, without a recent second factor"

    def somebody_issues_a_token_of_a_program(self) -> None:
        way = self.somebody(Permission.TOKENS_MANAGE)
        if way is None:
            return
        key, actor = way
        role, agency = self.a_role(actor)
        programs = {each.name: each for each in self.accounts().values() if not each.is_person}
        name = self.choice([*(each for each in PROGRAMS if each not in programs), *programs])
        new = name not in programs
        agency_id = id_of(agency)
        scopes = self.some_scopes(role if new else programs[name].role)
        touched = () if new else (programs[name].id,)
        before = set(self.accounts())
        issued: list[IssuedToken] = []
        what = f"issues a token of «{name}»{f', a new {role}' if new else ''} ({scopes})"
        with self.management(way, what, *touched) as attempt:
            issued.append(issue(actor, name, role if new else None, agency_id if new else None, scopes=scopes))
        if not attempt.is_done:
            return
        token = issued[0]
        assert token.pending is (token.role in OVERSIGHT_ROLES), f"nobody has to confirm the token of «{name}»"
        account_id = next(each.id for each in self.accounts().values() if each.name == name)
        if account_id not in before:
            self.known.add_account(account_id, "", role, agency_id)
            self.known.request(account_id, key.holder)
        self.known.keep(Key(account_id, token.text, key.holder, is_token=True))
        self.known.asked_token[token.key_id] = key.holder
        if self.accounts()[account_id].is_pending:
            self.perhaps(self.an_account_is_confirmed)
        self.perhaps(self.a_token_is_confirmed)

    def a_token_is_confirmed(self) -> None:
        way = self.somebody(Permission.ACCOUNTS_CONFIRM)
        waiting = db.session.scalars(select(Token.key_id).where(Token.pending_since.is_not(None))).all()
        if way is None or not waiting:
            return
        key, actor = way
        key_id = self.choice(sorted(waiting))
        asked, stale = self.known.asked_token[key_id], self.known.needs_step_up(key)
        with self.attempt(f"{self.describe(key)} confirms a token that {asked} issued") as attempt:
            confirm_token(actor, key_id)
        if attempt.is_done:
            assert asked != key.holder, f"{key.holder} confirmed the token that {key.holder} issued"
            assert actor.is_person, "a program confirmed a token"
            assert not stale, f"{key.holder} confirmed without a recent second factor"

    def a_token_is_revoked(self) -> None:
        way = self.somebody(Permission.TOKENS_MANAGE)
        tokens = db.session.execute(select(Token.key_id, Token.account_id).order_by(Token.id)).all()
        if way is None or not tokens:
            return
        key_id, account_id = self.choice(tokens)
        with self.management(way, f"revokes a token of {self.name_of(account_id)}", account_id) as attempt:
            revoke(way[1], key_id)
        if attempt.is_done:
            left = [actor for _, actor in self.working() if actor.token_key_id == key_id]
            assert left == [], "a revoked token still works"

    def a_program_gets_another_owner(self) -> None:
        way = self.somebody(Permission.PEOPLE_MANAGE)
        programs = [each.id for each in self.accounts().values() if not each.is_person]
        if way is None or not programs:
            return
        account_id, owner_id = self.choice(programs), self.an_account(way[1])
        owner = self.accounts()[owner_id]
        with self.management(
            way, f"makes «{owner.name}» the owner of {self.name_of(account_id)}", account_id
        ) as attempt:
            change_owner(way[1], account_id, owner_id)
        if attempt.has_changed:
            assert owner.is_person and owner.status == "active", f"«{owner.name}» is {owner.status} and owns a program"
