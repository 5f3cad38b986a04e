"""Who can be given a case."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Select, or_, select, union

from registry.access.people import Person
from registry.access.principals import Principal
from registry.access.roles import PERMISSIONS, Permission
from registry.access.tokens import Token
from registry.store.clock import now
from registry.store.database import db

REVIEWING: Final = tuple(role.value for role, may in PERMISSIONS.items() if Permission.CASES_REVIEW in may)
REVIEWING_RESTRICTED: Final = tuple(
    role.value for role, may in PERMISSIONS.items() if {Permission.CASES_REVIEW, Permission.RESTRICTED_READ} <= set(may)
)


def may_review(name: str) -> bool:
    """True for a principal who can come in with a role that reviews, by password or by token."""
    return _can_come_in(name, REVIEWING)


def may_review_restricted(name: str) -> bool:
    """True for a principal who can come in with a role that reviews and sees restricted projects."""
    return _can_come_in(name, REVIEWING_RESTRICTED)


def reviewers() -> list[str]:
    """The names of all who may be given a case, in order."""
    return sorted(db.session.scalars(union(*_ways_in(REVIEWING))))


def _can_come_in(name: str, roles: tuple[str, ...]) -> bool:
    found = [statement.where(Principal.name == name).exists() for statement in _ways_in(roles)]
    return bool(db.session.scalar(select(or_(*found))))


def _ways_in(roles: tuple[str, ...]) -> tuple[Select[str], Select[str]]:
    enabled = Principal.disabled_at.is_(None)
    by_token = (
        select(Principal.name)
        .join(Token, Token.principal_id == Principal.id)
        .where(
            enabled,
            Token.role.in_(roles),
            Token.revoked_at.is_(None),
            or_(Token.expires_at.is_(None), Token.expires_at > now()),
        )
    )
    by_password = (
        select(Principal.name).join(Person, Person.principal_id == Principal.id).where(enabled, Person.role.in_(roles))
    )
    return by_token, by_password
