"""Closed vocabularies of accounts and tokens. The roles are in ``roles.py``, beside their permissions."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class AccountKind(Choices):
    """Kinds of accounts. A person can sign in and approve; a service account only has tokens."""

    PERSON = "person", lazy_text("Person")
    SERVICE = "service", lazy_text("Service account")


class AccountStatus(Choices):
    """Statuses of an account."""

    ACTIVE = "active", lazy_text("Active")
    INVITED = "invited", lazy_text("Invited")
    PENDING = "pending", lazy_text("Waiting for confirmation")
    DISABLED = "disabled", lazy_text("Disabled")


class TokenStatus(Choices):
    """Statuses of a token."""

    VALID = "valid", lazy_text("Valid")
    PENDING = "pending", lazy_text("Waiting for confirmation")
    EXPIRED = "expired", lazy_text("Expired")
    REVOKED = "revoked", lazy_text("Revoked")
    DISABLED = "disabled", lazy_text("Its account is disabled")
