"""Impact of a policy: what an audit of today by it would change, calculated over the real records without writing.

The same candidates, evaluation, reconciliation and rules of case sync as in an audit, part by part. The policy in
force is evaluated in the same pass, to tell changes of the policy from those that the next audit makes anyway.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.candidates import Part, candidates, count_projects, parts
from registry.audits.project_changes import ProjectChanges
from registry.audits.reconciliation import Plan, active_flags, reconcile
from registry.core.clock import today
from registry.freeze.current import policy_in_force
from registry.freeze.evaluation import evaluate
from registry.freeze.findings import Finding
from registry.freeze.policy import Policy
from registry.policies.queries import find_policy
from registry.policies.settings import content_digest

BECAUSE_OF_POLICY: Final = "policy"
BECAUSE_OF_FACTS: Final = "facts"


@dataclass(frozen=True, slots=True)
class Impact:
    """What an audit by ``policy`` on ``as_of`` would change. ``promise`` as in ``ProjectChanges``.

    ``because_of_policy``: ids of the projects on which the policy in force has another verdict. ``digest`` is the
    SHA-256 (hex) of what the policy asks, the day, and exactly these changes.
    """

    policy: Policy
    compared_with: str
    as_of: date
    changes: ProjectChanges
    promise: dict[str, Any]
    because_of_policy: frozenset[int]
    digest: str


def impact_of(actor: Actor, version: str) -> Impact:
    """The impact of a version as of today. Raises RoleNotAllowed and PolicyNotFound."""
    actor.require(Permission.POLICIES_WRITE)
    return calculate_impact(find_policy(actor, version).policy, today())


def calculate_impact(policy: Policy, as_of: date) -> Impact:
    """Judge every project by the policy, and compare with the flags that there are."""
    present = policy_in_force(as_of)
    changes = ProjectChanges(policy.case_from_severity)
    other_verdict: set[int] = set()
    for part in parts(count_projects(policy).up_to):
        # A plan of its own for each part, so that memory does not grow with the register.
        plan = Plan(watch=changes.add)
        reconcile(plan, _judge(policy, present, as_of, part, other_verdict), active_flags(part), 0, Plan(), frozenset())
        changes.finish(part)
    promise = changes.promise()
    return Impact(
        policy=policy,
        compared_with=present.version,
        as_of=as_of,
        changes=changes,
        promise=promise,
        because_of_policy=frozenset(other_verdict),
        digest=_digest(policy, as_of, promise),
    )


class _NoDigest:
    """Takes the place of the digest of everything read, which an impact does not need."""

    def update(self, data: bytes) -> None:
        """Ignore the data."""


def _judge(
    policy: Policy, present: Policy, on: date, part: Part, other_verdict: set[int]
) -> Iterator[tuple[int, tuple[Finding, ...], int | None]]:
    both = replace(policy, scope=policy.scope | present.scope)
    for project_id, facts, exemption_id in candidates(both, on, part, _NoDigest()):
        findings = evaluate(facts, policy, on)
        if _rules(findings) != _rules(evaluate(facts, present, on)):
            other_verdict.add(project_id)
        yield project_id, findings, exemption_id


def _rules(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in findings]


def _digest(policy: Policy, as_of: date, promise: dict[str, Any]) -> str:
    exact = [content_digest(policy), as_of.isoformat(), promise]
    return sha256(json.dumps(exact, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
