"""Who can be given a case."""

from __future__ import annotations

from typing import Final

from sqlalchemy import or_, select

from registry.access.principals import Principal
from registry.access.roles import PERMISSIONS, Permission
from registry.access.tokens import Token
from registry.store.clock import now
from registry.store.database import db

REVIEWING: Final = tuple(role.value for role, may in PERMISSIONS.items() if Permission.CASES_REVIEW in may)


def may_review(name: str) -> bool:
    """True for a principal who can sign in with a role that reviews."""
    found = (
        select(Token.id)
        .join(Principal, Principal.id == Token.principal_id)
        .where(
            Principal.name == name,
            Principal.disabled_at.is_(None),
            Token.role.in_(REVIEWING),
            Token.revoked_at.is_(None),
            or_(Token.expires_at.is_(None), Token.expires_at > now()),
        )
        .limit(1)
    )
    return db.session.scalar(found) is not None
