"""Policy file: a policy from TOML and back, with the file, line and key of each error."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from registry.freeze import vocabulary
from registry.freeze.facts import AI_RISK_CLASS, CONFIRMABLE, ENDED_ON, TYPES_OF_FACTS
from registry.freeze.optional_rules import DISABLED_RULES
from registry.freeze.policy import NOT_JUDGED, SIGNED, ConfirmedFacts, DeadlineDays, Policy, RulePolicy, Wording
from registry.freeze.rules import RULES

# Line numbers of the keys of a TOML text, for error messages; tomllib does not provide them.

# ("rules", "freeze.creation", "clauses", 0, "act_kk"): names of tables and keys, positions in arrays of tables.
KeyPath = tuple[str | int, ...]

_NAME = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_TABLE_LINE = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_ARRAY_TABLE_LINE = re.compile(rf"\s*\[\[\s*({_DOTTED})\s*\]\]")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_LONG_QUOTES = re.compile(r'"""|\'\'\'')


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every table header and key of a valid TOML text, by path."""
    lines: dict[KeyPath, int] = {(): 1}
    tables: Counter[KeyPath] = Counter()
    section: KeyPath = ()
    in_long_string = False
    for number, line in enumerate(text.split("\n"), start=1):
        if not in_long_string:
            if match := _ARRAY_TABLE_LINE.match(line):
                array = _full_path(_names(match[1]), tables)
                section = (*array, tables[array])
                tables[array] += 1
                lines[section] = number
            elif match := _TABLE_LINE.match(line):
                section = _full_path(_names(match[1]), tables)
                lines[section] = number
            elif match := _KEY.match(line):
                lines[section + _names(match[1])] = number
        if len(_LONG_QUOTES.findall(line)) % 2:
            in_long_string = not in_long_string
    return lines


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """Return the line of the key, or of the innermost enclosing table that the text contains."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def format_path(path: KeyPath) -> str:
    """Return the path in TOML notation: ``rules."freeze.creation".clauses[1].act_kk`` (arrays count from 1)."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts[-1] += f"[{part + 1}]"
        else:
            parts.append(f'"{part}"' if "." in part else part)
    return ".".join(parts)


def _names(dotted: str) -> KeyPath:
    return tuple(name.strip("\"'") for name in re.findall(_NAME, dotted))


def _full_path(names: KeyPath, tables: Counter[KeyPath]) -> KeyPath:
    """Return the full path of a table; a table inside an array of tables belongs to the array's last element."""
    path: KeyPath = ()
    for name in names[:-1]:
        path += (name,)
        if path in tables:
            path += (tables[path] - 1,)
    return path + names[-1:]


# Validation of a policy file: the expected type of each key, as tables, and the check.


class ValueType(NamedTuple):
    """The type of a value: a description for error messages and a predicate."""

    expected: str
    accepts: Callable[[Any], bool]
    required: bool = True


class Problem(NamedTuple):
    """One problem in the file."""

    path: KeyPath
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
    "start_clock": _list_of(vocabulary.CLOCK_FIELDS),
    "scope": _list_of(tuple(sorted(vocabulary.AgencyKind.codes()))),
    "migration_deadline": _DATE,
    "pilot_limit_months": _whole(1, 600, "months"),
    "modification_limit_percent": _whole(0, 100, "percent"),
    "verification_grace_days": _whole(0, 3650, "days"),
    "onboarding_limit_months": _whole(1, 600, "months"),
    # Optional, so that older policy files stay valid; so is the rule on attestation.
    "attestation_months": _whole(0, 600, "months")._replace(required=False),
    # Read by rules that older policy files do not have.
    "work_before_contract_days": _whole(0, 3650, "days")._replace(required=False),
    "split_contract_kzt": _whole(0, 10**15, "tenge")._replace(required=False),
    "split_contract_days": _whole(0, 3650, "days")._replace(required=False),
    "idle_days": _whole(1, 3650, "days")._replace(required=False),
    # Optional, so that a stored version judges a past day as it did.
    "edit_severity": _one_of((NOT_JUDGED, *vocabulary.Severity.LOW.and_above()))._replace(required=False),
    "case_from_severity": _one_of(vocabulary.Severity.LOW.and_above()),
    "change_threshold_percent": _whole(0, 100, "percent"),
    "change_threshold_minimum": _whole(0, 1_000_000_000, "projects"),
    "document_quota_mib": _whole(1, 1_000_000, "MiB")._replace(required=False),
    "appeal_suspends": _YES_NO._replace(required=False),
    "targets": _TABLE._replace(required=False),
    "confirmed_facts": _TABLE._replace(required=False),
    "trusted_sources": _TABLE._replace(required=False),
    "signatures": _TABLE._replace(required=False),
    "deadlines": _TABLE,
    "rules": _TABLE,
    "verdict_cases": _TABLES._replace(required=False),
}
_PERCENT = _whole(0, 100, "percent")
_EXPECTED_DAY = "expected a date such as 2026-09-30"
_DEADLINES: Mapping[str, ValueType] = {name: _whole(1, 3650, "working days") for name in ("answer", "review", "appeal")}
_CONFIRMED_FACTS: Mapping[str, ValueType] = {
    "framework_contract_months": _whole(0, 600, "months"),
    "taken_over_before": _DATE._replace(required=False),
    **{name: _whole(0, 10**15, "tenge")._replace(required=False) for name in CONFIRMABLE},
}
# An ending has a confirmation of its own, with the consent of the authorised body.
_OF_SOURCES = _list_of(tuple(name for name in CONFIRMABLE if name != ENDED_ON))
_SOURCE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SIGNATURES: Mapping[str, ValueType] = dict.fromkeys(SIGNED, _YES_NO._replace(required=False))
_RULES: Mapping[str, ValueType] = {name: _TABLE._replace(required=name not in DISABLED_RULES) for name in RULES}
_RULE: Mapping[str, ValueType] = {
    "enabled": _YES_NO,
    "severity": _one_of(vocabulary.Severity.codes()),
    "kk_reviewed": _YES_NO,
    **{f"{name}_{language}": _TEXT for name in ("title", "remedy") for language in vocabulary.REQUIRED_LANGUAGES},
    "clauses": _TABLES,
}
_CLAUSE: Mapping[str, ValueType] = {
    **{f"{name}_{language}": _TEXT for name in ("act", "text") for language in vocabulary.REQUIRED_LANGUAGES},
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
    "agency_kind": vocabulary.AgencyKind.codes(),
    "work_type": vocabulary.WorkType.codes(),
    "stage": vocabulary.Stage.codes(),
    "placement": vocabulary.Placement.codes(),
}
_OF_TYPE = {"str": _TEXT, "date": _DATE, "bool": _YES_NO, "int": _whole(0, 10**15, "tenge")}
_FACTS: Mapping[str, ValueType] = {
    **{name: _OF_TYPE[kind]._replace(required=False) for name, kind in TYPES_OF_FACTS.items()},
    **{name: _one_of(codes) for name, codes in _CHOICES.items()},
    AI_RISK_CLASS: _one_of(vocabulary.AiRisk.codes())._replace(required=False),
}


def validate(document: Mapping[str, Any]) -> list[Problem]:
    """Return all problems of a parsed policy file."""
    problems = _check(document, _POLICY, ())
    if _TABLE.accepts(document.get("targets")):
        problems += _target_problems(document["targets"])
    if _TABLE.accepts(document.get("confirmed_facts")):
        problems += _check(document["confirmed_facts"], _CONFIRMED_FACTS, ("confirmed_facts",))
    if _TABLE.accepts(document.get("trusted_sources")):
        problems += _source_problems(document["trusted_sources"])
    if _TABLE.accepts(document.get("signatures")):
        problems += _check(document["signatures"], _SIGNATURES, ("signatures",))
    if _TABLE.accepts(document.get("deadlines")):
        problems += _check(document["deadlines"], _DEADLINES, ("deadlines",))
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
        path: KeyPath = ("targets", day)
        if not _is_day(day):
            problems.append(Problem(path, _EXPECTED_DAY))
        elif not _PERCENT.accepts(percent):
            problems.append(Problem(path, f"expected {_PERCENT.expected}, found {percent!r}"))
    return problems


def _source_problems(sources: Mapping[str, Any]) -> list[Problem]:
    """Keys that are no codes of state systems, and values that are no lists of facts."""
    problems = []
    for code, facts in sources.items():
        path: KeyPath = ("trusted_sources", code)
        if not _SOURCE.fullmatch(code):
            problems.append(Problem(path, f"expected the code of a state system, found {code!r}"))
        elif not _OF_SOURCES.accepts(facts):
            problems.append(Problem(path, f"expected {_OF_SOURCES.expected}, found {facts!r}"))
    return problems


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _rule_problems(rule: Mapping[str, Any], path: KeyPath) -> list[Problem]:
    problems = _check(rule, _RULE, path)
    if not _TABLES.accepts(rule.get("clauses")):
        return problems
    in_clauses: list[Problem] = []
    for position, clause in enumerate(rule["clauses"]):
        in_clauses += _check(clause, _CLAUSE, (*path, "clauses", position))
    # Compare dates only when all of them are valid.
    return problems + (in_clauses or _period_problems(rule["clauses"], (*path, "clauses")))


def _check(table: Mapping[str, Any], kinds: Mapping[str, ValueType], path: KeyPath) -> list[Problem]:
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
        f"{name}_{vocabulary.DEFAULT_LANGUAGE}" in kinds
        and language.isalpha()
        and language.islower()
        and len(language) in (2, 3)
    )


def _period_problems(clauses: list[dict[str, Any]], path: KeyPath) -> list[Problem]:
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


# A policy as the document that its TOML file parses to, and that document as TOML text.

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
    "work_before_contract_days",
    "split_contract_kzt",
    "split_contract_days",
    "idle_days",
    "edit_severity",
    "case_from_severity",
    "change_threshold_percent",
    "change_threshold_minimum",
    "document_quota_mib",
)
# Tables of plain values, in the order of the file.
TABLES: Final = ("targets", "confirmed_facts", "trusted_sources", "signatures", "deadlines")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
# What JSON leaves as it is in a string, and TOML allows only as an escape.
_DELETE: Final = "\x7f"


def policy_document(policy: Policy) -> dict[str, Any]:
    """Return the policy as a parsed policy file, also with the keys that a file may leave out, but ``targets``,
    ``appeal_suspends``, ``confirmed_facts``, ``trusted_sources`` and ``signatures`` where they are what their absence
    means.
    """
    document = {name: getattr(policy, name) for name in _PLAIN}
    days, default, trusted = policy.deadlines, ((policy.migration_deadline, 100),), policy.trusted_sources
    return {
        **document,
        "start_clock": list(policy.start_clock),
        "scope": sorted(policy.scope),
        # Left out where it is what its absence means, so that a draft with another deadline does not keep the old one.
        **({} if policy.targets in ((), default) else {"targets": {str(day): share for day, share in policy.targets}}),
        # As above; and the digest of versions from before the key stays the same.
        **({} if policy.appeal_suspends else {"appeal_suspends": False}),
        **({} if policy.confirmed_facts is None else {"confirmed_facts": _confirmed_table(policy.confirmed_facts)}),
        **({"trusted_sources": {code: [*facts] for code, facts in trusted}} if trusted else {}),
        **({"signatures": dict.fromkeys(policy.signed, True)} if policy.signed else {}),
        "deadlines": {"answer": days.answer, "review": days.review, "appeal": days.appeal},
        "rules": {name: _rule_table(rule) for name, rule in policy.rules.items()},
    }


def policy_text(document: Mapping[str, Any]) -> str:
    """Return the TOML text of a valid document; ``read_policy`` reads the same policy from it."""
    lines = list(_pairs({name: value for name, value in document.items() if name not in (*TABLES, "rules")}))
    for name in TABLES:
        if document.get(name):
            lines += ["", f"[{name}]", *_pairs(document[name])]
    for name, rule in document["rules"].items():
        lines += ["", f"[rules.{_key(name)}]", *_pairs({key: rule[key] for key in rule if key != "clauses"})]
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


def _confirmed_table(confirmed: ConfirmedFacts) -> dict[str, Any]:
    day = confirmed.taken_over_before
    return {
        "framework_contract_months": confirmed.framework_contract_months,
        **({} if day is None else {"taken_over_before": day}),
        **dict(confirmed.from_kzt),
    }


def _rule_table(rule: RulePolicy) -> dict[str, Any]:
    return {
        "enabled": rule.enabled,
        "severity": rule.severity,
        "kk_reviewed": rule.kk_reviewed,
        **_text_keys("title", rule.title),
        **_text_keys("remedy", rule.remedy),
        "clauses": [_clause(wording) for wording in rule.clauses],
    }


def _clause(wording: Wording) -> dict[str, Any]:
    end = {} if wording.in_force_to is None else {"in_force_to": wording.in_force_to}
    return {
        "in_force_from": wording.in_force_from,
        **end,
        **_text_keys("act", wording.act),
        **_text_keys("text", wording.text),
    }


def _text_keys(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}_{language}": text for language, text in texts.items()}


# Policy file: loads a policy from TOML and reports errors with file, line and key.

# Names in policy files of release 0.2, and of versions that were activated with them, whose digests stay as they are.
FORMER_NAMES: Final[Mapping[str, str]] = {
    "safety_belt_percent": "change_threshold_percent",
    "safety_belt_minimum": "change_threshold_minimum",
    "clocks": "deadlines",
}
# The defaults, for policy files without the keys.
DOCUMENT_QUOTA_MIB = 200
ATTESTATION_MONTHS = 6
WORK_BEFORE_CONTRACT_DAYS = 30
SPLIT_CONTRACT_KZT = 100_000_000
SPLIT_CONTRACT_DAYS = 30
IDLE_DAYS = 90


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
        document = with_present_names(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid([f"{name}:{_error_line(text, str(error))}: not valid TOML: {error}"]) from error
    problems = validate(document)
    if problems:
        lines = _lines_by_present_names(key_lines(text))
        placed = sorted((line_of(path, lines), format_path(path), complaint) for path, complaint in problems)
        raise PolicyInvalid([f"{name}:{line}: {key}: {complaint}" for line, key, complaint in placed])
    return _policy(document, text)


def with_present_names(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the names that its keys have now; a key that stands there under both names is
    unknown.
    """
    return {
        name if FORMER_NAMES.get(name) in document else FORMER_NAMES.get(name, name): value
        for name, value in document.items()
    }


def _lines_by_present_names(lines: dict[KeyPath, int]) -> dict[KeyPath, int]:
    by_name = {former: name for former, name in FORMER_NAMES.items() if (name,) not in lines}
    return lines | {(by_name[str(path[0])], *path[1:]): n for path, n in lines.items() if path and path[0] in by_name}


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
        work_before_contract_days=document.get("work_before_contract_days", WORK_BEFORE_CONTRACT_DAYS),
        split_contract_kzt=document.get("split_contract_kzt", SPLIT_CONTRACT_KZT),
        split_contract_days=document.get("split_contract_days", SPLIT_CONTRACT_DAYS),
        idle_days=document.get("idle_days", IDLE_DAYS),
        edit_severity=document.get("edit_severity", NOT_JUDGED),
        case_from_severity=document["case_from_severity"],
        change_threshold_percent=document["change_threshold_percent"],
        change_threshold_minimum=document["change_threshold_minimum"],
        document_quota_mib=document.get("document_quota_mib", DOCUMENT_QUOTA_MIB),
        deadlines=DeadlineDays(**document["deadlines"]),
        rules={
            name: _rule(document["rules"][name]) if name in document["rules"] else DISABLED_RULES[name]
            for name in RULES
        },
        digest=sha256(text.encode("utf-8")).hexdigest(),
        text=text,
        targets=_targets(document),
        appeal_suspends=document.get("appeal_suspends", True),
        confirmed_facts=_confirmed_facts(document),
        trusted_sources=tuple((code, tuple(facts)) for code, facts in document.get("trusted_sources", {}).items()),
        signed=tuple(name for name in SIGNED if document.get("signatures", {}).get(name, False)),
    )


def _confirmed_facts(document: Mapping[str, Any]) -> ConfirmedFacts | None:
    table = document.get("confirmed_facts")
    if table is None:
        return None
    return ConfirmedFacts(
        from_kzt=tuple((name, table[name]) for name in CONFIRMABLE if name in table),
        framework_contract_months=table["framework_contract_months"],
        taken_over_before=table.get("taken_over_before"),
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
