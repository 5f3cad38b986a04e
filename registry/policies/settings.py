"""Settings of a policy as JSON, and expected verdicts: facts of an imagined project and the rules that flag it."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, cast

from registry.core.errors import Invalid, Problem
from registry.core.fields import DAY_SCHEMA, BaseSchema, Boolean, Choice, Day, InputField, Text, WholeNumber, nullable
from registry.core.values import InvalidValue, control_character, exact_day
from registry.freeze.evaluation import evaluate
from registry.freeze.facts import AI_RISK_CLASS, TYPES_OF_FACTS, Facts
from registry.freeze.optional_rules import DISABLED_RULES, NEW_IN_DRAFTS
from registry.freeze.policy import Policy, RulePolicy
from registry.freeze.policy_file import KeyPath, format_path, policy_document, policy_text, validate, verdict_cases_text
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import AgencyKind, AiRisk, Placement, Stage, WorkType

# Settings of a policy as JSON: those that differ become a draft's document, checked as a policy file is.

DATES: Final = frozenset({"cutoff", "migration_deadline", "in_force_from", "in_force_to", "taken_over_before"})
MAX_COMPLAINT: Final = 500


def changed_text(base: Policy, version: str, settings: Mapping[str, Any]) -> str:
    """Return the policy file of ``base`` with other settings, under another version.

    ``deadlines`` and each rule are merged; a list, such as the clauses of a rule, is replaced as a whole. Rules that
    are newer than ``base`` are in use. Raises Invalid, which names every wrong key.
    """
    former = policy_document(replace(base, rules=_with_new_rules(base)))
    document = _with_dates(_merged(former, {**settings, "version": version}))
    complaints = validate(document) or _unknown_names(_merged(former, _without_null(settings)))
    problems = [_problem(path, complaint) for path, complaint in complaints] or _unusable_texts(document, ())
    if problems:
        raise Invalid(problems)
    return policy_text(document)


def _with_new_rules(base: Policy) -> dict[str, RulePolicy]:
    return {
        name: replace(rule, enabled=True) if name in NEW_IN_DRAFTS and rule is DISABLED_RULES[name] else rule
        for name, rule in base.rules.items()
    }


def as_json(value: Any) -> Any:
    """Return a value of a document as JSON has it."""
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _merged(document: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged, other values replaced (RFC 7396); null leaves a value out."""
    result = dict(document)
    for name, value in settings.items():
        known = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(known, dict):
            result[name] = _merged(known, value)
        else:
            result[name] = value
    return result


def _without_null(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a text where null takes a setting out, so that a misspelt name, which takes nothing out, is seen."""
    return {
        name: _without_null(value) if isinstance(value, dict) else "null" if value is None else value
        for name, value in settings.items()
    }


def _unknown_names(document: Mapping[str, Any]) -> list[tuple[KeyPath, str]]:
    return [(path, complaint) for path, complaint in validate(document) if complaint.startswith("unknown")]


def _with_dates(value: Any, name: str = "") -> Any:
    """Dates are texts in JSON. What is no date stays, and the check complains of it."""
    if isinstance(value, dict):
        # Of a clause that is still in force, the end is null or absent.
        return {key: _with_dates(each, key) for key, each in value.items() if (key, each) != ("in_force_to", None)}
    if isinstance(value, list):
        return [_with_dates(each) for each in value]
    if name in DATES and isinstance(value, str):
        try:
            return exact_day(value)
        except InvalidValue:
            return value
    return value


def _unusable_texts(value: Any, path: KeyPath) -> list[Problem]:
    if isinstance(value, dict):
        return [problem for key, each in value.items() for problem in _unusable_texts(each, (*path, key))]
    if isinstance(value, list):
        return [problem for place, each in enumerate(value) for problem in _unusable_texts(each, (*path, place))]
    if isinstance(value, str) and (character := control_character(value, but="\t\n")) is not None:
        return [Problem(_pointer(path), "control-character", {"character": f"U+{ord(character):04X}"})]
    return []


def _problem(path: KeyPath, complaint: str) -> Problem:
    key = _printable(format_path(path))
    return Problem(_pointer(path), "policy-setting-invalid", {"key": key, "complaint": _printable(complaint)})


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)[:MAX_COMPLAINT]


def _pointer(path: KeyPath) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def content_digest(policy: Policy) -> str:
    """SHA-256 (hex) of all that a policy asks, without the day from which it is in force: activation sets that."""
    document = {name: value for name, value in policy_document(policy).items() if name != "in_force_from"}
    return sha256(policy_text(document).encode()).hexdigest()


def text_in_force_from(policy: Policy, on: date) -> str:
    """Return the policy file of a version that is in force from a day."""
    return policy_text({**policy_document(policy), "in_force_from": on})


# Expected verdicts: facts of an imagined project, a day, and the rules that must flag it. Kept with the policy.

MAX_CASES: Final = 100
MAX_NAME: Final = 200
# Rules count from the dates; the longest threshold of a policy, fifty years, still ends in a year of four digits.
LATEST: Final = date(2100, 12, 31)


class CaseHead(BaseSchema):
    """A case without its facts and expected rules."""

    name = Text(MAX_NAME, required=True)
    on = Day(LATEST, required=True)


class CaseFacts(BaseSchema):
    """The facts of a case, named as in projects."""

    agency_kind = Choice(AgencyKind, required=True)
    work_type = Choice(WorkType, required=True)
    stage = Choice(Stage, required=True)
    placement = Choice(Placement, required=True)
    ai_risk_class = Choice(AiRisk)


OF_TYPE: Final[Mapping[str, Callable[[], Any]]] = {
    "str": Text,
    "date": lambda: Day(LATEST),
    "bool": Boolean,
    "int": WholeNumber,
}
HEAD: Final = CaseHead()
_FURTHER: Final = {name: OF_TYPE[kind]() for name, kind in TYPES_OF_FACTS.items() if name != AI_RISK_CLASS}
FACTS: Final = cast("type[CaseFacts]", CaseFacts.from_dict(_FURTHER))()
RULE_NAMES: Final = {"type": "array", "items": {"type": "string", "enum": list(RULES)}}
FACTS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": [name for name, field in FACTS.inputs.items() if field.required],
    "additionalProperties": False,
    "properties": {
        name: nullable(field.json_schema, allow_none=bool(field.allow_none)) for name, field in FACTS.inputs.items()
    },
}
CASE_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "on", "facts", "expected"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": MAX_NAME},
        "on": dict(DAY_SCHEMA),
        "facts": FACTS_SCHEMA,
        "expected": RULE_NAMES,
    },
}


class VerdictCases(InputField):
    """A list of expected verdicts, checked by ``read_cases``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """The list."""
        return {"type": "array", "maxItems": MAX_CASES, "items": CASE_SCHEMA}


def read_cases(sent: Any) -> list[dict[str, Any]]:
    """Return the cases, ready to be stored. Raises Invalid, which names every wrong place."""
    if not isinstance(sent, list) or len(sent) > MAX_CASES:
        raise Invalid([Problem("/verdict_cases", "verdict-cases-not-a-list", {"limit": MAX_CASES})])
    problems: list[Problem] = []
    cases = [_read(each, f"/verdict_cases/{place}", problems) for place, each in enumerate(sent)]
    if problems:
        raise Invalid(problems)
    return cases


def cases_as_toml(cases: Sequence[Mapping[str, Any]]) -> str:
    """Stored cases as a policy file has them after its settings."""
    return verdict_cases_text(
        [
            {
                **case,
                "on": date.fromisoformat(case["on"]),
                "facts": {
                    name: value
                    for name, value in FACTS.load_with_problems(case["facts"]).values.items()
                    if value is not None
                },
            }
            for case in cases
        ]
    )


@lru_cache(maxsize=4)
def cases_in_file(text: str) -> tuple[dict[str, Any], ...]:
    """Return the cases of a valid policy file, as they are stored."""
    return tuple(as_json(tomllib.loads(text).get("verdict_cases", [])))


def run_cases(cases: Sequence[Mapping[str, Any]], policy: Policy) -> list[dict[str, Any]]:
    """Return each case with the rules that flag it by the policy, and whether they are the expected ones."""
    return [_run(case, policy) for case in cases]


def failing(cases: Sequence[Mapping[str, Any]], policy: Policy) -> list[str]:
    """Return the names of the cases whose verdict is not the expected one."""
    return [case["name"] for case in run_cases(cases, policy) if not case["passes"]]


def _run(case: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    facts = FACTS.load_with_problems(case["facts"]).values
    day = date.fromisoformat(case["on"])
    rules = [finding.rule for finding in evaluate(Facts(**facts), policy, day)]
    shown = {name: case["facts"].get(name) for name in FACTS.fields}
    return {**case, "facts": shown, "found": rules, "passes": sorted(rules) == sorted(case["expected"])}


def _read(sent: Any, pointer: str, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(sent, dict):
        problems.append(Problem(pointer, "verdict-case-facts"))
        return {}
    rest = {name: value for name, value in sent.items() if name not in ("facts", "expected")}
    head = HEAD.load_with_problems(rest)
    facts = FACTS.load_with_problems(sent["facts"]) if isinstance(sent.get("facts"), dict) else None
    below = [*head.problems]
    if facts is None:
        below.append(Problem("/facts", "verdict-case-facts"))
    else:
        below += [Problem(f"/facts{each.pointer}", each.code, each.params) for each in facts.problems]
    expected = sent.get("expected")
    if not isinstance(expected, list) or not all(isinstance(rule, str) and rule in RULES for rule in expected):
        below.append(Problem("/expected", "verdict-case-rules", {"options": ", ".join(RULES)}))
    problems += [Problem(pointer + each.pointer, each.code, each.params) for each in below]
    return {
        **as_json(head.values),
        "facts": {} if facts is None else {name: v for name, v in as_json(facts.values).items() if v is not None},
        "expected": expected,
    }
