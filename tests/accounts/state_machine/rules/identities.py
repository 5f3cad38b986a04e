"""People sign in at the OpenID Connect provider, where their name and role are what the provider says."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.account_names import FormerName
from registry.accounts.models import AccountNameTaken, OidcIdentity
from registry.accounts.oidc_identities import IdentityClaims, SignInRequest, sign_in_with_identity
from registry.accounts.sign_in import AccountNotConfirmed
from registry.core.clock import now
from registry.core.database import db
from tests.accounts.state_machine.cast import address_of
from tests.accounts.state_machine.knowledge import Key, id_of
from tests.accounts.state_machine.rules.accounts import AccountRules

ISSUER = "https://id.gov.kz"


class IdentityRules(AccountRules):
    def somebody_signs_in_at_the_provider(self) -> None:
        second_factor = self.flip()
        human = self.choice(self.cast.humans)
        role, agency = self.a_role()
        email = self.choice([address_of(human), address_of(human), None])
        # People choose their name at the provider: also one that an account has here.
        former = db.session.scalars(select(FormerName.name).order_by(FormerName.id)).all()
        name = self.choice([human, human, self.choice([each.name for each in self.accounts().values()]), *former[-2:]])
        given = self.choice([role, role, None])
        number = None if agency is None else agency.bin
        claims = IdentityClaims(ISSUER, f"s-{human}", name, email, given, number, second_factor, auth_time=now())
        before, linked = self.accounts(), self.account_of(human)
        with self.attempt(f"{human}, called «{name}» at the provider, {email}, {given}, signs in there") as attempt:
            signed_in = sign_in_with_identity(claims, "", SignInRequest("10.0.0.1", "r"))
        assert not isinstance(attempt.error, AccountNameTaken), f"{human} gets no account, because «{name}» is taken"
        account_id = self.account_of(human)
        if account_id is None:
            return
        if account_id not in before:
            assert isinstance(attempt.error, AccountNotConfirmed), f"nobody had to confirm the account of {human}"
            self.known.add_account(account_id, human, role, id_of(agency))
            self.known.request(account_id, human)
            self.perhaps(self.an_account_is_confirmed)
        elif linked is None:
            address = (before[account_id].email or "").lower()
            assert email is not None and address == email, f"{human} was linked to «{before[account_id].name}» by name"
        else:
            assert account_id == linked, f"the identity of {human} leads to another account than before"
        if attempt.is_done:
            self.known.spend_letters(account_id)
            verified_at = now() if second_factor else None
            self.known.keep(Key(account_id, signed_in.secret, human, verified_at=verified_at))
            self.look_again()

    def account_of(self, human: str) -> int | None:
        """The account that the person's identity leads to."""
        return db.session.scalar(select(OidcIdentity.account_id).where(OidcIdentity.subject == f"s-{human}"))
