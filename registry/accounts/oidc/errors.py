"""Errors of single sign-on."""

from __future__ import annotations

from registry.core.errors import Malformed, NotAllowed, RegistryError


class ProviderUnavailable(RegistryError):
    """The provider cannot be reached, or its discovery document cannot be used."""


class ProviderDenied(NotAllowed):
    """The provider did not sign the person in: cancelled there, or not permitted."""


class SignInExpired(Malformed):
    """The answer belongs to no sign-in that this browser started, or to one that was already used."""


class ProviderAnswerInvalid(Malformed):
    """The ID token fails validation: its signature, key, issuer, audience, time or nonce."""


class IdentityWithoutRole(NotAllowed):
    """No value of the role claim leads to a role of the register."""


class IdentityWithoutAgency(NotAllowed):
    """The role acts for an agency, and the claims name none that is registered."""


class IdentityNameNotUsable(NotAllowed):
    """The name claim is missing or has characters that account names cannot have."""


class TooManyPendingAccounts(NotAllowed):
    """So many accounts from the provider wait for a confirmation that no more are added."""


class AccountDisabled(NotAllowed):
    """The identity's account is disabled."""
