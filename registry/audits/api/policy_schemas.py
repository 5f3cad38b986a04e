"""A policy as it is shown: named as in the policy file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.core.schema_fields import DAY_SCHEMA, Body, Shown, nullable
from registry.freeze.policy import Policy, RulePolicy, Wording
from registry.freeze.rules import RULES
from registry.freeze.texts import REQUIRED_LANGUAGES
from registry.freeze.vocabulary import CLOCK_FIELDS, AgencyKind, Severity

TEXT: Final = {"type": "string"}
WHOLE: Final = {"type": "integer", "minimum": 0}
SEVERITY: Final = {"type": "string", "enum": list(Severity.codes())}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _in_languages(*names: str) -> dict[str, Any]:
    return {f"{name}_{language}": TEXT for name in names for language in REQUIRED_LANGUAGES}


CLAUSE: Final = _object(
    in_force_from=dict(DAY_SCHEMA), in_force_to=nullable(DAY_SCHEMA), **_in_languages("act", "text")
)
RULE: Final = _object(
    enabled={"type": "boolean"},
    severity=SEVERITY,
    kk_reviewed={"type": "boolean", "description": "Whether a native lawyer has read the Kazakh texts."},
    **_in_languages("title", "remedy"),
    clauses={"type": "array", "items": CLAUSE},
)


class PolicyShown(Body):
    """A version of the freeze: what is frozen, from when, how strictly, and on which legal basis."""

    version = Shown("Its name.", TEXT)
    in_force_from = Shown("Its first day.", dict(DAY_SCHEMA))
    cutoff = Shown("The first day of the freeze.", dict(DAY_SCHEMA))
    start_clock = Shown(
        "A project began on the earliest of these that is set.",
        {"type": "array", "items": {"type": "string", "enum": list(CLOCK_FIELDS)}},
    )
    scope = Shown(
        "The kinds of agency that it binds.",
        {"type": "array", "items": {"type": "string", "enum": sorted(AgencyKind.codes())}},
    )
    migration_deadline = Shown("By when what ran before the cutoff must have moved.", dict(DAY_SCHEMA))
    pilot_limit_months = Shown("How long a pilot may last, in calendar months.", WHOLE)
    modification_limit_percent = Shown("How much of the original cost a modification may cost.", WHOLE)
    verification_grace_days = Shown("How long a new placement may wait for its confirmation.", WHOLE)
    onboarding_limit_months = Shown("How far ahead the end of a move may lie.", WHOLE)
    case_from_severity = Shown("Flags of this severity or above open a case.", SEVERITY)
    safety_belt_percent = Shown("An audit that would change more than this share is held.", WHOLE)
    safety_belt_minimum = Shown("But never one that would change fewer projects than this.", WHOLE)
    document_quota_mib = Shown("How much all documents of one project may take, in MiB.", WHOLE)
    clocks = Shown("Terms of a review, in working days.", _object(answer=WHOLE, review=WHOLE, appeal=WHOLE))
    rules = Shown("Every rule by its name.", _object(**{name: {"$ref": "#/components/schemas/Rule"} for name in RULES}))
    digest = Shown("SHA-256 of the policy file.", TEXT)


POLICY: Final = PolicyShown()


def policy_shown(policy: Policy) -> dict[str, Any]:
    """The policy as a mapping of everything that it says."""
    plain = {name: getattr(policy, name) for name in POLICY.fields if name not in ("scope", "clocks", "rules")}
    clocks = policy.clocks
    return {
        **plain,
        "scope": sorted(policy.scope),
        "clocks": {"answer": clocks.answer, "review": clocks.review, "appeal": clocks.appeal},
        "rules": {name: _rule(rule) for name, rule in policy.rules.items()},
    }


def _rule(rule: RulePolicy) -> dict[str, Any]:
    return {
        "enabled": rule.enabled,
        "severity": rule.severity,
        "kk_reviewed": rule.kk_reviewed,
        **_texts("title", rule.title),
        **_texts("remedy", rule.remedy),
        "clauses": [_clause(wording) for wording in rule.clauses],
    }


def _clause(wording: Wording) -> dict[str, Any]:
    return {
        "in_force_from": wording.in_force_from.isoformat(),
        "in_force_to": None if wording.in_force_to is None else wording.in_force_to.isoformat(),
        **_texts("act", wording.act),
        **_texts("text", wording.text),
    }


def _texts(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}_{language}": text for language, text in texts.items()}
