"""Drafts of the policy: begin one from another version, change it, delete it (activation: registry/audits/)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from registry.accounts.roles import Actor, Permission
from registry.core.clock import now, today
from registry.core.database import require_transaction, transaction, violates
from registry.core.errors import Conflict, Invalid, Problem
from registry.freeze.optional_rules import NEW_CONFIRMED_FACTS
from registry.freeze.policy import Policy, first_policy, policy_in_force
from registry.freeze.rules import A_DAY
from registry.journal import service as journal
from registry.policies.models import PolicyState, PolicyVersion
from registry.policies.queries import PolicyNotFound, PolicyRecord, find_policy, parsed, stored_version
from registry.policies.settings import changed_text, failing, read_cases

CASES: Final = "verdict_cases"


class PolicyVersionTaken(Conflict):
    """There is a version of this name."""


class PolicyNotDraft(Conflict):
    """The version was activated, or is the policy file: it never changes."""


def draft_policy(actor: Actor, values: Mapping[str, Any]) -> PolicyVersion:
    """Begin a draft: ``version``, ``based_on`` (default: the one in force), ``verdict_cases``, settings that differ.

    Expected verdicts are those of the version that it is based on, unless it brings its own. Raises RoleNotAllowed,
    PolicyVersionTaken and Invalid, which names every wrong key.
    """
    actor.require(Permission.POLICIES_WRITE)
    settings = dict(values)
    version, based_on = settings.pop("version"), settings.pop("based_on", None) or policy_in_force().version
    sent_cases = settings.pop(CASES, None)
    with transaction() as session:
        try:
            base = find_policy(actor, based_on)
        except PolicyNotFound as error:
            raise Invalid([Problem("/based_on", error.code, error.params)]) from error
        text = changed_text(_with_confirmed_facts(base.policy), version, settings)
        cases = list(base.verdict_cases) if sent_cases is None else read_cases(sent_cases)
        if version == first_policy().version or stored_version(version) is not None:
            raise PolicyVersionTaken(version=version)
        draft = PolicyVersion(
            version=version,
            based_on=based_on,
            text=text,
            digest=parsed(text).digest,
            verdict_cases=cases,
            drafted_by=actor.principal,
            drafted_at=now(),
            editors=[actor.who],
            revision=1,
        )
        session.add(draft)
        try:
            session.flush()
        except IntegrityError as error:
            if not violates(error, "uq_policy_versions_version"):
                raise
            raise PolicyVersionTaken(version=version) from error
        _record(actor, "policy.drafted", draft, {"based_on": based_on, "settings": sorted(settings)})
    return draft


def _with_confirmed_facts(base: Policy) -> Policy:
    """Return the policy with facts to confirm: where it has none, what the register has today is taken over."""
    if base.confirmed_facts is not None:
        return base
    return replace(base, confirmed_facts=replace(NEW_CONFIRMED_FACTS, taken_over_before=today() + A_DAY))


def draft_to_change(actor: Actor, version: str) -> PolicyVersion:
    """Lock and return a draft inside the open transaction. Raises RoleNotAllowed, PolicyNotFound, PolicyNotDraft."""
    actor.require(Permission.POLICIES_WRITE)
    return lock_draft(version)


def lock_draft(version: str) -> PolicyVersion:
    """Lock and return a draft inside the open transaction. Raises PolicyNotFound and PolicyNotDraft."""
    draft = None if version == first_policy().version else lock_version(version)
    if draft is None or draft.in_force_from is not None:
        raise PolicyNotDraft(version=version)
    return draft


def lock_version(version: str) -> PolicyVersion:
    """Lock and return a stored version inside the open transaction. Raises PolicyNotFound."""
    session = require_transaction()
    statement = select(PolicyVersion).where(PolicyVersion.version == version).with_for_update()
    known = stored_version(version) is not None
    draft = session.scalar(statement.execution_options(populate_existing=True)) if known else None
    if draft is None:
        raise PolicyNotFound(version=version)
    return draft


def find_draft(actor: Actor, version: str) -> PolicyRecord:
    """Read a draft. Raises RoleNotAllowed, PolicyNotFound and PolicyNotDraft."""
    actor.require(Permission.POLICIES_WRITE)
    record = find_policy(actor, version)
    if record.state != PolicyState.DRAFT:
        raise PolicyNotDraft(version=version)
    return record


def change_draft(actor: Actor, draft: PolicyVersion, values: Mapping[str, Any]) -> None:
    """Change settings or expected verdicts of a draft from ``draft_to_change``. Raises Invalid."""
    settings = dict(values)
    if CASES in settings:
        draft.verdict_cases = read_cases(settings.pop(CASES) or [])
    draft.text = changed_text(parsed(draft.text), draft.version, settings)
    draft.digest = parsed(draft.text).digest
    draft.editors = list(dict.fromkeys((*draft.editors, actor.who)))
    draft.revision += 1
    require_transaction().flush()
    _record(actor, "policy.changed", draft, {"settings": sorted(settings)})


def delete_draft(actor: Actor, draft: PolicyVersion) -> None:
    """Delete a draft from ``draft_to_change``."""
    _record(actor, "policy.deleted", draft, {})
    require_transaction().delete(draft)


def _record(actor: Actor, action: str, draft: PolicyVersion, details: Mapping[str, Any]) -> None:
    wrong = failing(draft.verdict_cases, parsed(draft.text))
    journal.record(
        actor,
        action,
        f"policy:{draft.version}",
        {**details, "digest": draft.digest, "verdict_cases_failing": len(wrong)},
    )
