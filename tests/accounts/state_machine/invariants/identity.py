"""Nobody acts as two: accounts, names, identities and deputies."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select

from registry.accounts.account_names import FormerName
from registry.accounts.models import OidcIdentity
from registry.accounts.same_person import account_ever_named
from registry.cases.models import CaseDecision
from registry.core.database import db
from tests.accounts.state_machine.world import World


class IdentityInvariants(World):
    def only_its_holder_uses_an_oversight_account(self) -> None:
        for key, _ in self.working():
            account = self.accounts()[key.account_id]
            if account.is_person and account.is_oversight:
                owner = self.known.owner[account.id]
                assert key.holder == owner, f"{key.holder} is in the account «{account.name}» of {owner}"

    def nobody_holds_two_oversight_accounts(self) -> None:
        active = [each for each in self.accounts().values() if each.is_person and each.status == "active"]
        holders = Counter(self.known.owner[each.id] for each in active if each.is_oversight)
        twice = [holder for holder, number in holders.items() if number > 1]
        assert not twice, f"{', '.join(twice)} have two oversight accounts each"

    def decisions_have_two_accounts(self) -> None:
        for decision in db.session.scalars(select(CaseDecision).where(CaseDecision.outcome == "approved")):
            both = [account_ever_named(name or "") for name in (decision.proposed_by, decision.decided_by)]
            ids = {account.id for account in both if account is not None}
            assert len(ids) == 2, f"decision {decision.id} was proposed and approved by the same account"

    def names_are_of_one_account(self) -> None:
        """Present and former ones; names that look alike are the same."""
        accounts = {each.skeleton: {each.id} for each in self.accounts().values()}
        assert len(accounts) == len(self.accounts()), "two accounts have the same name"
        for account_id, name in db.session.execute(select(FormerName.account_id, FormerName.name_skeleton)):
            accounts.setdefault(name, set()).add(account_id)
        shared = [name for name, ids in accounts.items() if len(ids) > 1]
        assert not shared, f"two accounts have or had the name {shared}"

    def an_account_has_one_identity(self) -> None:
        by_account = select(OidcIdentity.account_id).group_by(OidcIdentity.account_id)
        shared = db.session.scalars(by_account.having(func.count(OidcIdentity.id) > 1)).all()
        assert not shared, f"two identities lead to {[self.name_of(each) for each in shared]}"

    def deputies_have_no_deputies(self) -> None:
        """On no day is anybody absent whose deputy is absent too."""
        leaves = [each for each in self.known.leaves if not each.has_ended]
        for leave in leaves:
            for other in leaves:
                same_days = leave.first_day <= other.last_day and other.first_day <= leave.last_day
                chain = same_days and leave.deputy_id == other.account_id
                assert not chain, f"{self.name_of(other.deputy_id)} is the deputy of a deputy"
                twice = other is not leave and same_days and leave.account_id == other.account_id
                assert not twice, f"{self.name_of(leave.account_id)} has two absences on the same days"
