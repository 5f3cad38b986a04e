"""Reads of policy versions: the file, which is the first, and those that followed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import NotFound
from registry.freeze.current import first_policy, policy_in_force
from registry.freeze.policy import Policy
from registry.policies.comparison import Difference, differences
from registry.policies.in_force import parsed
from registry.policies.models import MAX_VERSION_LENGTH, PolicyVersion
from registry.policies.verdict_cases import cases_as_toml, cases_in_file
from registry.policies.vocabulary import PolicyState


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
    """Every version that the actor may read, newest first; drafts only with the permission to write them.

    Raises RoleNotAllowed.
    """
    actor.require(Permission.POLICIES_READ)
    statement = select(PolicyVersion).order_by(PolicyVersion.id.desc())
    if not actor.may(Permission.POLICIES_WRITE):
        statement = statement.where(PolicyVersion.in_force_from.is_not(None))
    return [*(record_of(stored) for stored in db.session.scalars(statement)), _file()]


def find_policy(actor: Actor, version: str) -> PolicyRecord:
    """One version. Raises RoleNotAllowed and PolicyNotFound."""
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
    """The stored version of this name."""
    if len(version) > MAX_VERSION_LENGTH or not version.isprintable():
        return None
    return db.session.scalar(select(PolicyVersion).where(PolicyVersion.version == version))


def record_of(stored: PolicyVersion) -> PolicyRecord:
    """The record of a stored version."""
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
