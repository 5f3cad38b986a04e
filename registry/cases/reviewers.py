"""Who can be given a case."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, or_, select

from registry.accounts.models import Account, Kind, is_active
from registry.accounts.roles import PERMISSIONS, Permission
from registry.accounts.tokens import Token
from registry.core.clock import now
from registry.core.database import db

REVIEWING: Final = tuple(role.value for role, may in PERMISSIONS.items() if Permission.CASES_REVIEW in may)
REVIEWING_RESTRICTED: Final = tuple(
    role.value for role, may in PERMISSIONS.items() if {Permission.CASES_REVIEW, Permission.RESTRICTED_READ} <= set(may)
)


def may_review(name: str) -> bool:
    """True for an account that can come in with a role that reviews, by password or by token."""
    return _can_come_in(name, REVIEWING)


def may_review_restricted(name: str) -> bool:
    """True for an account that can come in with a role that reviews and sees restricted projects."""
    return _can_come_in(name, REVIEWING_RESTRICTED)


def reviewers() -> list[str]:
    """The names of all who may be given a case, in order."""
    return sorted(db.session.scalars(select(Account.name).where(_comes_in(REVIEWING))))


def _can_come_in(name: str, roles: tuple[str, ...]) -> bool:
    return bool(db.session.scalar(select(select(Account.id).where(Account.name == name, _comes_in(roles)).exists())))


def _comes_in(roles: tuple[str, ...]) -> ColumnElement[bool]:
    """An active account of one of the roles: a person, or a service account with a token of such a role."""
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
    return is_active() & Account.role.in_(roles) & or_(Account.kind == Kind.PERSON, by_token)
