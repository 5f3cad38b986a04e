"""Policy file: loads a policy from TOML and reports errors with file, line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from registry.freeze.optional_rules import DISABLED_RULES
from registry.freeze.policy import NOT_JUDGED, DeadlineDays, Policy, RulePolicy, Wording
from registry.freeze.policy_lines import format_path, key_lines, line_of
from registry.freeze.policy_shape import validate
from registry.freeze.rules import RULES

# The defaults, for policy files without the keys.
DOCUMENT_QUOTA_MIB = 200
ATTESTATION_MONTHS = 6


class PolicyInvalid(Exception):
    """The policy file is invalid. ``problems`` has one line per problem: ``file:line: key: expected value``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load_policy(path: str | Path) -> Policy:
    """Load the policy from a file. Raises PolicyInvalid, also when the file cannot be read or is not UTF-8."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise PolicyInvalid([f"{path}: cannot be read: {error.strerror}"]) from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyInvalid([f"{path}:{line}: not UTF-8, expected a TOML file saved as UTF-8"]) from error
    return read_policy(text, str(path))


def read_policy(text: str, name: str) -> Policy:
    """Parse a policy from TOML; ``name`` is the file name in error messages. Raises PolicyInvalid."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid([f"{name}:{_error_line(text, str(error))}: not valid TOML: {error}"]) from error
    problems = validate(document)
    if problems:
        lines = key_lines(text)
        placed = sorted((line_of(path, lines), format_path(path), complaint) for path, complaint in problems)
        raise PolicyInvalid([f"{name}:{line}: {key}: {complaint}" for line, key, complaint in placed])
    return _policy(document, text)


def _error_line(text: str, message: str) -> int:
    match = re.search(r"at line (\d+)", message)
    # tomllib gives no line number for a truncated text, only "at end of document".
    return int(match[1]) if match else text.rstrip().count("\n") + 1


def _policy(document: Mapping[str, Any], text: str) -> Policy:
    return Policy(
        version=document["version"],
        in_force_from=document["in_force_from"],
        cutoff=document["cutoff"],
        start_clock=tuple(document["start_clock"]),
        scope=frozenset(document["scope"]),
        migration_deadline=document["migration_deadline"],
        pilot_limit_months=document["pilot_limit_months"],
        modification_limit_percent=document["modification_limit_percent"],
        verification_grace_days=document["verification_grace_days"],
        onboarding_limit_months=document["onboarding_limit_months"],
        attestation_months=document.get("attestation_months", ATTESTATION_MONTHS),
        edit_severity=document.get("edit_severity", NOT_JUDGED),
        case_from_severity=document["case_from_severity"],
        safety_belt_percent=document["safety_belt_percent"],
        safety_belt_minimum=document["safety_belt_minimum"],
        document_quota_mib=document.get("document_quota_mib", DOCUMENT_QUOTA_MIB),
        deadlines=DeadlineDays(**document["clocks"]),
        rules={
            name: _rule(document["rules"][name]) if name in document["rules"] else DISABLED_RULES[name]
            for name in RULES
        },
        digest=sha256(text.encode("utf-8")).hexdigest(),
        text=text,
        targets=_targets(document),
        appeal_suspends=document.get("appeal_suspends", True),
    )


def _targets(document: Mapping[str, Any]) -> tuple[tuple[date, int], ...]:
    """Without the table, everything is to be on the platform by the migration deadline."""
    named: Mapping[str, int] = document.get("targets") or {document["migration_deadline"].isoformat(): 100}
    return tuple(sorted((date.fromisoformat(day), percent) for day, percent in named.items()))


def _rule(table: Mapping[str, Any]) -> RulePolicy:
    wordings = (
        Wording(
            act=_texts(clause, "act"),
            text=_texts(clause, "text"),
            in_force_from=clause["in_force_from"],
            in_force_to=clause.get("in_force_to"),
        )
        for clause in table["clauses"]
    )
    return RulePolicy(
        enabled=table["enabled"],
        severity=table["severity"],
        title=_texts(table, "title"),
        remedy=_texts(table, "remedy"),
        clauses=tuple(sorted(wordings, key=lambda wording: wording.in_force_from)),
        kk_reviewed=table["kk_reviewed"],
    )


def _texts(table: Mapping[str, Any], name: str) -> dict[str, str]:
    prefix = f"{name}_"
    return {key.removeprefix(prefix): text for key, text in table.items() if key.startswith(prefix)}
