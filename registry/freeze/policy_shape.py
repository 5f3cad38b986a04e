"""Validation of a policy file: the expected type of each key, as tables, and the check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from registry.freeze.facts import Facts
from registry.freeze.optional_rules import DISABLED_RULES
from registry.freeze.policy import NOT_JUDGED
from registry.freeze.policy_lines import Path
from registry.freeze.rules import RULES
from registry.freeze.texts import DEFAULT_LANGUAGE, REQUIRED_LANGUAGES
from registry.freeze.vocabulary import CLOCK_FIELDS, AgencyKind, Placement, Severity, Stage, WorkType


class ValueType(NamedTuple):
    """The type of a value: a description for error messages and a predicate."""

    expected: str
    accepts: Callable[[Any], bool]
    required: bool = True


class Problem(NamedTuple):
    """One problem in the file."""

    path: Path
    complaint: str


def _whole(least: int, most: int, unit: str) -> ValueType:
    # isinstance() would accept true and false.
    expected = f"a whole number of {unit} from {least} to {most}"
    return ValueType(expected, lambda v: type(v) is int and least <= v <= most)


def _one_of(codes: tuple[str, ...]) -> ValueType:
    return ValueType("one of " + ", ".join(codes), lambda v: v in codes)


def _list_of(codes: tuple[str, ...]) -> ValueType:
    return ValueType(
        "a list of one or more of " + ", ".join(codes),
        lambda v: isinstance(v, list) and bool(v) and all(code in codes for code in v),
    )


_TEXT = ValueType("a text that is not blank", lambda v: isinstance(v, str) and bool(v.strip()))
# The page on which a version is drafted has its address.
RESERVED_VERSION = "new"
_VERSION = ValueType(
    f'a text that is not blank and not "{RESERVED_VERSION}"',
    lambda v: _TEXT.accepts(v) and v != RESERVED_VERSION,
)
# isinstance() would accept a TOML date-time.
_DATE = ValueType("a date such as 2026-01-01, without quotes or time", lambda v: type(v) is date)
_YES_NO = ValueType("true or false", lambda v: isinstance(v, bool))
_TABLE = ValueType("a table", lambda v: isinstance(v, dict))
_TABLES = ValueType(
    "one or more tables", lambda v: isinstance(v, list) and bool(v) and all(isinstance(each, dict) for each in v)
)

_POLICY: Mapping[str, ValueType] = {
    "version": _VERSION,
    "in_force_from": _DATE,
    "cutoff": _DATE,
    "start_clock": _list_of(CLOCK_FIELDS),
    "scope": _list_of(tuple(sorted(AgencyKind.codes()))),
    "migration_deadline": _DATE,
    "pilot_limit_months": _whole(1, 600, "months"),
    "modification_limit_percent": _whole(0, 100, "percent"),
    "verification_grace_days": _whole(0, 3650, "days"),
    "onboarding_limit_months": _whole(1, 600, "months"),
    # Optional, so that older policy files stay valid; so is the rule on attestation.
    "attestation_months": _whole(0, 600, "months")._replace(required=False),
    # Optional, so that a stored version judges a past day as it did.
    "edit_severity": _one_of((NOT_JUDGED, *Severity.codes()))._replace(required=False),
    "case_from_severity": _one_of(Severity.codes()),
    "safety_belt_percent": _whole(0, 100, "percent"),
    "safety_belt_minimum": _whole(0, 1_000_000_000, "projects"),
    "document_quota_mib": _whole(1, 1_000_000, "MiB")._replace(required=False),
    "appeal_suspends": _YES_NO._replace(required=False),
    "targets": _TABLE._replace(required=False),
    "clocks": _TABLE,
    "rules": _TABLE,
    "verdict_cases": _TABLES._replace(required=False),
}
_PERCENT = _whole(0, 100, "percent")
_EXPECTED_DAY = "expected a date such as 2026-09-30"
_CLOCKS: Mapping[str, ValueType] = {name: _whole(1, 3650, "working days") for name in ("answer", "review", "appeal")}
_RULES: Mapping[str, ValueType] = {name: _TABLE._replace(required=name not in DISABLED_RULES) for name in RULES}
_RULE: Mapping[str, ValueType] = {
    "enabled": _YES_NO,
    "severity": _one_of(Severity.codes()),
    "kk_reviewed": _YES_NO,
    **{f"{name}_{language}": _TEXT for name in ("title", "remedy") for language in REQUIRED_LANGUAGES},
    "clauses": _TABLES,
}
_CLAUSE: Mapping[str, ValueType] = {
    **{f"{name}_{language}": _TEXT for name in ("act", "text") for language in REQUIRED_LANGUAGES},
    "in_force_from": _DATE,
    "in_force_to": _DATE._replace(required=False),
}
# An expected verdict: an imagined project, a day, and the rules that flag it.
_VERDICT_CASE: Mapping[str, ValueType] = {
    "name": _TEXT,
    "on": _DATE,
    "expected": ValueType(
        "a list of rules", lambda v: isinstance(v, list) and all(isinstance(rule, str) and rule in RULES for rule in v)
    ),
    "facts": _TABLE,
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "agency_kind": AgencyKind.codes(),
    "work_type": WorkType.codes(),
    "stage": Stage.codes(),
    "placement": Placement.codes(),
}
_AMOUNTS = ("budget_kzt", "object_original_cost_kzt")
_FACTS: Mapping[str, ValueType] = {
    **{name: _one_of(codes) for name, codes in _CHOICES.items()},
    **{name: _whole(0, 10**15, "tenge")._replace(required=False) for name in _AMOUNTS},
    "consent_number": _TEXT._replace(required=False),
    **{
        name: _DATE._replace(required=False)
        for name in Facts.__dataclass_fields__
        if name.endswith("_on") or name == "order_migrate_by"
    },
}


def validate(document: Mapping[str, Any]) -> list[Problem]:
    """All problems of a parsed policy file."""
    problems = _check(document, _POLICY, ())
    if _TABLE.accepts(document.get("targets")):
        problems += _target_problems(document["targets"])
    if _TABLE.accepts(document.get("clocks")):
        problems += _check(document["clocks"], _CLOCKS, ("clocks",))
    if _TABLE.accepts(document.get("rules")):
        rules = document["rules"]
        problems += _check(rules, _RULES, ("rules",))
        for name in RULES:
            if _TABLE.accepts(rules.get(name)):
                problems += _rule_problems(rules[name], ("rules", name))
    if _TABLES.accepts(document.get("verdict_cases")):
        for position, case in enumerate(document["verdict_cases"]):
            problems += _check(case, _VERDICT_CASE, ("verdict_cases", position))
            if _TABLE.accepts(case.get("facts")):
                problems += _check(case["facts"], _FACTS, ("verdict_cases", position, "facts"))
    return problems


def _target_problems(targets: Mapping[str, Any]) -> list[Problem]:
    """Keys that are no dates such as 2026-09-30, and shares that are no whole percent."""
    problems = []
    for day, percent in targets.items():
        path: Path = ("targets", day)
        if not _is_day(day):
            problems.append(Problem(path, _EXPECTED_DAY))
        elif not _PERCENT.accepts(percent):
            problems.append(Problem(path, f"expected {_PERCENT.expected}, found {percent!r}"))
    return problems


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _rule_problems(rule: Mapping[str, Any], path: Path) -> list[Problem]:
    problems = _check(rule, _RULE, path)
    if not _TABLES.accepts(rule.get("clauses")):
        return problems
    in_clauses: list[Problem] = []
    for position, clause in enumerate(rule["clauses"]):
        in_clauses += _check(clause, _CLAUSE, (*path, "clauses", position))
    # Compare dates only when all of them are valid.
    return problems + (in_clauses or _period_problems(rule["clauses"], (*path, "clauses")))


def _check(table: Mapping[str, Any], kinds: Mapping[str, ValueType], path: Path) -> list[Problem]:
    problems = []
    for key, kind in kinds.items():
        if key in table:
            if not kind.accepts(table[key]):
                problems.append(Problem((*path, key), f"expected {kind.expected}, found {table[key]!r}"))
        elif kind.required:
            problems.append(Problem((*path, key), f"missing, expected {kind.expected}"))
    for key in (key for key in table if key not in kinds):
        if not _is_text_in_further_language(key, kinds):
            problems.append(Problem((*path, key), "unknown, expected only " + ", ".join(kinds)))
        elif not _TEXT.accepts(table[key]):
            problems.append(Problem((*path, key), f"expected {_TEXT.expected}, found {table[key]!r}"))
    return problems


def _is_text_in_further_language(key: str, kinds: Mapping[str, ValueType]) -> bool:
    name, _, language = key.rpartition("_")
    return (
        f"{name}_{DEFAULT_LANGUAGE}" in kinds and language.isalpha() and language.islower() and len(language) in (2, 3)
    )


def _period_problems(clauses: list[dict[str, Any]], path: Path) -> list[Problem]:
    """Wordings that end before they begin or overlap."""
    problems = []
    earlier: int | None = None
    for position in sorted(range(len(clauses)), key=lambda position: clauses[position]["in_force_from"]):
        begins = clauses[position]["in_force_from"]
        if clauses[position].get("in_force_to", date.max) < begins:
            problems.append(Problem((*path, position, "in_force_to"), f"expected a day on or after {begins}"))
        if earlier is not None and clauses[earlier].get("in_force_to", date.max) >= begins:
            complaint = f"overlaps the wording in force from {clauses[earlier]['in_force_from']}, expected a later day"
            problems.append(Problem((*path, position, "in_force_from"), complaint))
        earlier = position
    return problems
