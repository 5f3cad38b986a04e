"""Which version of the policy is in force on a day: the last one that was activated for that day or an earlier one."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from flask import has_app_context
from sqlalchemy import String, cast, func, literal_column, select

from registry.core.bulk import table_of
from registry.core.clock import today
from registry.core.database import db
from registry.core.read_along import forget_read_along, value_read_along
from registry.freeze.policy import Policy
from registry.freeze.policy_file import read_policy
from registry.policies.models import PolicyVersion

ACTIVATED: Final = "registry.activated_policies"
VERSIONS: Final = table_of(PolicyVersion).c
_ACTIVATED: Final = (
    select(VERSIONS.id, VERSIONS.digest, VERSIONS.in_force_from)
    .where(VERSIONS.in_force_from.is_not(None))
    .order_by(VERSIONS.in_force_from.desc())
)


# All of them in one value, read with the caller: id, digest and day of each. An activated version never changes.
READ_ALONG: Final = "activated_policies"
_COLON: Final = literal_column("':'", String)
# Written out: SQLAlchemy would put a plain separator into the statement again at each execution.
_COMMA: Final[Any] = literal_column("','", String)
_EACH: Final = cast(VERSIONS.id, String) + _COLON + VERSIONS.digest + _COLON + cast(VERSIONS.in_force_from, String)
ACTIVATED_TEXT: Final = func.coalesce(
    select(func.aggregate_strings(_EACH, _COMMA)).where(VERSIONS.in_force_from.is_not(None)).scalar_subquery(),
    literal_column("''"),
)


class Activated(NamedTuple):
    """An activated version."""

    id: int
    digest: str
    in_force_from: date


def later_policy(on: date | None = None) -> Policy | None:
    """The activated version in force on a day, by default today; None while the policy file is in force.

    The versions are read with the caller of a request, or once a transaction.
    """
    if not has_app_context():
        return None
    versions = activated_versions()
    if not versions:
        return None
    day = on or today()
    version = next((each for each in versions if each.in_force_from <= day), None)
    return None if version is None else _policy(version)


def version_known_at(at: datetime, day: date) -> Policy | None:
    """The version in force on a day by what had been activated at the moment; None while the policy file was."""
    statement = (
        select(VERSIONS.text)
        .where(VERSIONS.in_force_from <= day, VERSIONS.activated_at <= at)
        .order_by(VERSIONS.in_force_from.desc())
        .limit(1)
    )
    text = db.session.scalar(statement)
    return None if text is None else parsed(text)


def activated_versions() -> tuple[Activated, ...]:
    """The activated versions, newest first."""
    session = db.session()
    known: tuple[object, tuple[Activated, ...]] | None = session.info.get(ACTIVATED)
    if known is not None and known[0] is session.get_transaction():
        return known[1]
    read_along = value_read_along(READ_ALONG)
    if read_along is not None:
        return _read(read_along)
    versions = tuple(Activated(*row) for row in session.execute(_ACTIVATED))
    session.info[ACTIVATED] = (session.get_transaction(), versions)
    return versions


def forget_activated_versions() -> None:
    """Read them again, also in the same transaction."""
    db.session().info.pop(ACTIVATED, None)
    forget_read_along()


@lru_cache(maxsize=32)
def _read(text: str) -> tuple[Activated, ...]:
    rows = (each.split(":") for each in text.split(",") if each)
    versions = (Activated(int(number), digest, date.fromisoformat(day)) for number, digest, day in rows)
    return tuple(sorted(versions, key=lambda version: version.in_force_from, reverse=True))


@lru_cache(maxsize=32)
def parsed(text: str) -> Policy:
    """The policy of a stored text. Parsing takes 14 ms."""
    return read_policy(text, "policy")


# By digest, so that the text need not be read. Activated versions are few, and never change.
_in_force: dict[str, Policy] = {}


def _policy(version: Activated) -> Policy:
    known = _in_force.get(version.digest)
    if known is None:
        statement = select(VERSIONS.text).where(VERSIONS.id == version.id)
        known = _in_force[version.digest] = parsed(db.session.execute(statement).scalar_one())
    return known
