"""A policy as the document that its TOML file parses to, and that document as TOML text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from registry.freeze.policy import Policy, RulePolicy, Wording

_PLAIN: Final = (
    "version",
    "in_force_from",
    "cutoff",
    "start_clock",
    "scope",
    "migration_deadline",
    "pilot_limit_months",
    "modification_limit_percent",
    "verification_grace_days",
    "onboarding_limit_months",
    "attestation_months",
    "edit_severity",
    "case_from_severity",
    "safety_belt_percent",
    "safety_belt_minimum",
    "document_quota_mib",
)
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
# What JSON leaves as it is in a string, and TOML allows only as an escape.
_DELETE: Final = "\x7f"


def policy_document(policy: Policy) -> dict[str, Any]:
    """The policy as a parsed policy file, also with the keys that a file may leave out, but ``targets`` and
    ``appeal_suspends`` where they are what their absence means.
    """
    document = {name: getattr(policy, name) for name in _PLAIN}
    clocks, default = policy.deadlines, ((policy.migration_deadline, 100),)
    return {
        **document,
        "start_clock": list(policy.start_clock),
        "scope": sorted(policy.scope),
        # Left out where it is what its absence means, so that a draft with another deadline does not keep the old one.
        **({} if policy.targets in ((), default) else {"targets": {str(day): share for day, share in policy.targets}}),
        # As above; and the digest of versions from before the key stays the same.
        **({} if policy.appeal_suspends else {"appeal_suspends": False}),
        "clocks": {"answer": clocks.answer, "review": clocks.review, "appeal": clocks.appeal},
        "rules": {name: _rule(rule) for name, rule in policy.rules.items()},
    }


def policy_text(document: Mapping[str, Any]) -> str:
    """The TOML text of a valid document; ``read_policy`` reads the same policy from it."""
    lines = list(_pairs(document))
    for name in ("targets", "clocks"):
        if document.get(name):
            lines += ["", f"[{name}]", *_pairs(document[name])]
    for name, rule in document["rules"].items():
        lines += ["", f"[rules.{_key(name)}]", *_pairs(rule)]
        for clause in rule["clauses"]:
            lines += ["", f"[[rules.{_key(name)}.clauses]]", *_pairs(clause)]
    return "\n".join(lines) + "\n"


def verdict_cases_text(cases: Sequence[Mapping[str, Any]]) -> str:
    """Expected verdicts as the tables that follow in a policy file; empty without any. Their dates are dates."""
    lines: list[str] = []
    for case in cases:
        head = {name: case[name] for name in ("name", "on", "expected")}
        lines += ["", "[[verdict_cases]]", *_pairs(head), "", "[verdict_cases.facts]", *_pairs(case["facts"])]
    return "".join(f"{line}\n" for line in lines)


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if name not in ("targets", "clocks", "rules", "clauses"):
            yield f"{_key(name)} = {_value(value)}"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _string(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    return value.isoformat() if isinstance(value, date) else str(value)


def _string(text: str) -> str:
    # The escapes of JSON are those of TOML's basic strings.
    return json.dumps(text, ensure_ascii=False).replace(_DELETE, "\\u007f")


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
    end = {} if wording.in_force_to is None else {"in_force_to": wording.in_force_to}
    return {
        "in_force_from": wording.in_force_from,
        **end,
        **_texts("act", wording.act),
        **_texts("text", wording.text),
    }


def _texts(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}_{language}": text for language, text in texts.items()}
