"""Reads of policy versions: the file, which is the first, and those that followed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from flask import current_app, has_app_context
from sqlalchemy import Text, cast, func, select

from registry.accounts.roles import Actor, Permission
from registry.core.clock import today
from registry.core.database import db, in_transaction, table_of
from registry.core.errors import NotFound
from registry.freeze.policy import Policy, first_policy, policy_in_force
from registry.freeze.policy_file import KeyPath, format_path, policy_document, read_policy
from registry.policies.models import MAX_VERSION_LENGTH, PolicyState, PolicyVersion
from registry.policies.settings import as_json, cases_as_toml, cases_in_file

# Which version of the policy is in force on a day: the last one that was activated for that day or an earlier one.

ACTIVATED: Final = "registry.activated_policies"
VERSIONS: Final = table_of(PolicyVersion).c
_ACTIVATED: Final = (
    select(VERSIONS.id, VERSIONS.digest, VERSIONS.in_force_from)
    .where(VERSIONS.in_force_from.is_not(None))
    .order_by(VERSIONS.in_force_from.desc())
)


# Differs whenever other versions are activated than before: a scheduled one may be withdrawn again.
NEWEST_ACTIVATION: Final = (
    select(
        cast(func.count(VERSIONS.activated_at), Text)
        + " "
        + func.coalesce(cast(func.max(VERSIONS.activated_at), Text), "")
    )
    .scalar_subquery()
    .label("newest_activation")
)
_NOTED: Final = "registry.newest_activation"


class Activated(NamedTuple):
    """An activated version."""

    id: int
    digest: str
    in_force_from: date


def later_policy(on: date | None = None) -> Policy | None:
    """Return the activated version in force on a day, by default today; None while the policy file is in force.

    The versions are read once a transaction, and outside of one only when others are activated than at the last request
    of this process.
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
    """Return the version in force on a day by what had been activated at the moment; None while the policy file was."""
    statement = (
        select(VERSIONS.text)
        .where(VERSIONS.in_force_from <= day, VERSIONS.activated_at <= at)
        .order_by(VERSIONS.in_force_from.desc())
        .limit(1)
    )
    text = db.session.scalar(statement)
    return None if text is None else parsed(text)


def activated_versions() -> tuple[Activated, ...]:
    """Return the activated versions, newest first."""
    session = db.session()
    known: tuple[object, tuple[Activated, ...]] | None = session.info.get(ACTIVATED)
    if known is not None and known[0] is session.get_transaction():
        return known[1]
    noted: str | None = None if in_transaction() else session.info.get(_NOTED)
    last: tuple[str, tuple[Activated, ...]] | None = current_app.extensions.get(ACTIVATED)
    if noted is not None and last is not None and last[0] == noted:
        return last[1]
    versions = tuple(Activated(*row) for row in session.execute(_ACTIVATED))
    session.info[ACTIVATED] = (session.get_transaction(), versions)
    if noted is not None:
        current_app.extensions[ACTIVATED] = noted, versions
    return versions


def note_activation(newest: str) -> None:
    """Note what ``NEWEST_ACTIVATION`` is at the sign-in of this request."""
    db.session().info[_NOTED] = newest


def forget_activated_versions() -> None:
    """Read them again, also in the same transaction."""
    for name in (ACTIVATED, _NOTED):
        db.session().info.pop(name, None)


@lru_cache(maxsize=32)
def parsed(text: str) -> Policy:
    """Return the policy of a stored text. Parsing takes 14 ms."""
    return read_policy(text, "policy")


# By digest, so that the text need not be read. Activated versions are few, and never change.
_in_force: dict[str, Policy] = {}


def _policy(version: Activated) -> Policy:
    known = _in_force.get(version.digest)
    if known is None:
        statement = select(VERSIONS.text).where(VERSIONS.id == version.id)
        known = _in_force[version.digest] = parsed(db.session.execute(statement).scalar_one())
    return known


class PolicyNotFound(NotFound):
    """No policy has this version, or it is a draft that the caller may not see."""


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A version with its state. ``stored`` is None for the policy file; ``in_force_from`` is None for a draft."""

    policy: Policy
    state: str
    stored: PolicyVersion | None
    in_force_from: date | None

    @property
    def version(self) -> str:
        """The name of the version."""
        return self.policy.version

    @property
    def text(self) -> str:
        """The version as a policy file, with its expected verdicts."""
        return self.policy.text + ("" if self.stored is None else cases_as_toml(self.stored.verdict_cases))

    @property
    def verdict_cases(self) -> Sequence[dict[str, Any]]:
        """The expected verdicts, as they are stored."""
        return cases_in_file(self.policy.text) if self.stored is None else self.stored.verdict_cases


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions, and the settings in which the second differs from the first."""

    before: PolicyRecord
    after: PolicyRecord
    differences: list[Difference]


def list_policies(actor: Actor) -> list[PolicyRecord]:
    """Return every version that the actor may read, newest first; drafts only with the permission to write them.

    Raises RoleNotAllowed.
    """
    actor.require(Permission.POLICIES_READ)
    statement = select(PolicyVersion).order_by(PolicyVersion.id.desc())
    if not actor.may(Permission.POLICIES_WRITE):
        statement = statement.where(PolicyVersion.in_force_from.is_not(None))
    return [*(record_of(stored) for stored in db.session.scalars(statement)), _file()]


def find_policy(actor: Actor, version: str) -> PolicyRecord:
    """Return one version. Raises RoleNotAllowed and PolicyNotFound."""
    actor.require(Permission.POLICIES_READ)
    if version == first_policy().version:
        return _file()
    stored = stored_version(version)
    if stored is None or (stored.in_force_from is None and not actor.may(Permission.POLICIES_WRITE)):
        raise PolicyNotFound(version=version)
    return record_of(stored)


def compare(actor: Actor, version: str, earlier: str | None = None) -> Comparison:
    """Compare a version with an earlier one, by default with the one that it is based on, or for the file with itself.

    Of an activated version whose base is a draft, or was one that is deleted, the default is the version that it
    followed. Raises RoleNotAllowed and PolicyNotFound.
    """
    after = find_policy(actor, version)
    before = _base(actor, after) if earlier is None else find_policy(actor, earlier)
    return Comparison(before, after, differences(before.policy, after.policy))


def _base(actor: Actor, record: PolicyRecord) -> PolicyRecord:
    if record.stored is None:
        return record
    base = None
    try:
        base = find_policy(actor, record.stored.based_on)
    except PolicyNotFound:
        if record.in_force_from is None:
            raise
    if base is not None and (record.in_force_from is None or base.in_force_from is not None):
        return base
    former = (
        select(PolicyVersion)
        .where(PolicyVersion.in_force_from < record.in_force_from)
        .order_by(PolicyVersion.in_force_from.desc())
    )
    stored = db.session.scalar(former.limit(1))
    return _file() if stored is None else record_of(stored)


def stored_version(version: str) -> PolicyVersion | None:
    """Return the stored version of this name."""
    if len(version) > MAX_VERSION_LENGTH or not version.isprintable():
        return None
    return db.session.scalar(select(PolicyVersion).where(PolicyVersion.version == version))


def record_of(stored: PolicyVersion) -> PolicyRecord:
    """Return the record of a stored version."""
    policy = parsed(stored.text)
    return PolicyRecord(policy, _state(policy, stored.in_force_from), stored, stored.in_force_from)


def _file() -> PolicyRecord:
    policy = first_policy()
    is_in_force = policy_in_force().digest == policy.digest
    state = PolicyState.IN_FORCE if is_in_force else PolicyState.FORMER
    return PolicyRecord(policy, state.value, None, policy.in_force_from)


def _state(policy: Policy, in_force_from: date | None) -> str:
    if in_force_from is None:
        return PolicyState.DRAFT.value
    if in_force_from > today():
        return PolicyState.SCHEDULED.value
    is_in_force = policy_in_force().digest == policy.digest
    return PolicyState.IN_FORCE.value if is_in_force else PolicyState.FORMER.value


# Comparison of two versions of the policy, setting by setting.

# What names a version, and says nothing of what it asks.
NAMES: Final = ("version", "in_force_from")


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that differs, as in the policy file: ``rules."freeze.creation".severity``. None: it is not there."""

    setting: str
    before: Any
    after: Any


def differences(before: Policy, after: Policy) -> list[Difference]:
    """Return what differs between two policies, in the order of the file."""
    first, second = dict(_settings(before)), dict(_settings(after))
    names = [*first, *(name for name in second if name not in first)]
    return [
        Difference(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)
    ]


def _settings(policy: Policy) -> Iterator[tuple[str, Any]]:
    document = policy_document(policy)
    for name in NAMES:
        del document[name]
    for path, value in _leaves(document, ()):
        yield format_path(path), as_json(value)


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, (*path, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for place, each in enumerate(value):
            yield from _leaves(each, (*path, place))
    else:
        yield path, value
