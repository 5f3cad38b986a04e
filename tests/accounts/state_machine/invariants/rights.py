"""Nobody widens the own rights."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from registry.accounts.absences import substitutions
from registry.accounts.roles import PERMISSIONS, SCOPE_OF, Permission, Role
from registry.accounts.tokens import Token
from registry.core.clock import now
from registry.core.database import db
from tests.accounts.state_machine.rules.absences import AbsenceRules

MAX_TOKEN_LIFETIME = timedelta(days=366)
# Decisions and confirmations are of people.
OF_PEOPLE = (Permission.CASES_APPROVE, Permission.ACCOUNTS_CONFIRM)


class RightsInvariants(AbsenceRules):
    def a_way_in_gives_no_more_than_its_account(self) -> None:
        tokens = {each.key_id: each for each in db.session.scalars(select(Token).where(Token.revoked_at.is_(None)))}
        for key, actor in self.working():
            account = self.accounts()[key.account_id]
            way = f"{'the token' if key.is_token else 'the session'} of {key.holder} for «{account.name}»"
            assert account.status == "active", f"{way} works, and the account is {account.status}"
            granted = {each for each in Permission if actor.may(each)}
            more = granted - PERMISSIONS[account.role]
            assert not more, f"{way} may do more than a {account.role}: {sorted(more)}"
            assert actor.agency_id == account.agency_id, f"{way} is of another agency than its account"
            if key.is_token:
                token = tokens[actor.token_key_id or ""]
                more = {each for each in granted if SCOPE_OF[each].value not in (token.scopes or ())}
                assert not more, f"{way} may do more than its scopes: {sorted(more)}"
                assert token.pending_since is None, f"{way} works without its confirmation"
                assert token.expires_at is not None, f"{way} has no end"
                assert now() < token.expires_at, f"{way} works after its end"
                assert token.expires_at <= token.created_at + MAX_TOKEN_LIFETIME, f"{way} lasts too long"
            if not account.is_person:
                assert not actor.is_person, f"{way} passes for a person"
                assert not granted & set(OF_PEOPLE), f"{way} is a program, and decides"

    def a_session_has_its_second_factor(self) -> None:
        for key, _ in self.working():
            waits = not key.is_token and key.account_id in self.known.apps and key.verified_at is None
            assert not waits, f"{key.holder} works as {self.name_of(key.account_id)} without the second factor"

    def roles_are_those_that_somebody_gave(self) -> None:
        for account in self.accounts().values():
            role, agency_id = self.known.given[account.id]
            same = (account.role, account.agency_id) == (role, agency_id)
            assert same, f"«{account.name}» is {account.role} of agency {account.agency_id}; nobody gave that"

    def deputies_could_do_the_work_themselves(self) -> None:
        accounts = {each.name: each for each in self.accounts().values()}
        pairs = {(accounts[each.absent].id, accounts[each.deputy].id) for each in substitutions()}
        expected = {
            (each.account_id, each.deputy_id)
            for each in self.known.leaves
            if each.is_today and self.may_stand_in(each.deputy_id, each.account_id)
        }
        names = [(self.name_of(absent), self.name_of(deputy)) for absent, deputy in pairs ^ expected]
        assert not names, f"absent people and deputies of today are not those recorded: {names}"

    def an_administrator_is_left(self) -> None:
        people = [each for each in self.accounts().values() if each.is_person and each.status == "active"]
        assert any(each.role is Role.ADMINISTRATOR for each in people), "no administrator is left"
