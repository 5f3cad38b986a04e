"""Accounts to which a case can be assigned."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, or_, select

from registry.accounts.models import Account, is_active
from registry.accounts.roles import PERMISSIONS, Permission
from registry.accounts.tokens import Token
from registry.accounts.vocabulary import AccountKind
from registry.core.clock import now
from registry.core.database import db

REVIEWING: Final = tuple(role.value for role, may in PERMISSIONS.items() if Permission.CASES_REVIEW in may)
REVIEWING_RESTRICTED: Final = tuple(
    role.value for role, may in PERMISSIONS.items() if {Permission.CASES_REVIEW, Permission.RESTRICTED_READ} <= set(may)
)


def may_review(name: str) -> bool:
    """True for an active account with a reviewing role, by password or by token."""
    return _has_role(name, REVIEWING)


def may_review_restricted(name: str) -> bool:
    """True for an active account with a reviewing role that also sees restricted projects."""
    return _has_role(name, REVIEWING_RESTRICTED)


def reviewers() -> list[str]:
    """Return the sorted names of all accounts to which a case can be assigned."""
    return sorted(db.session.scalars(select(Account.name).where(_active_with_role(REVIEWING))))


def _has_role(name: str, roles: tuple[str, ...]) -> bool:
    return bool(
        db.session.scalar(select(select(Account.id).where(Account.name == name, _active_with_role(roles)).exists()))
    )


def _active_with_role(roles: tuple[str, ...]) -> ColumnElement[bool]:
    """Condition: an active person with one of the roles, or a service account with a token of one of the roles."""
    by_token = (
        select(Token.id)
        .where(
            Token.account_id == Account.id,
            Token.role.in_(roles),
            Token.revoked_at.is_(None),
            or_(Token.expires_at.is_(None), Token.expires_at > now()),
        )
        .exists()
    )
    return is_active() & Account.role.in_(roles) & or_(Account.kind == AccountKind.PERSON, by_token)
