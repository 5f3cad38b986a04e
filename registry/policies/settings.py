"""Settings of a policy as JSON: those that differ become a draft's document, checked as a policy file is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Any, Final

from registry.core.errors import Invalid, Problem
from registry.core.value_checks import InvalidValue, control_character, exact_day
from registry.freeze.policy import Policy
from registry.freeze.policy_document import policy_document, policy_text
from registry.freeze.policy_lines import Path, format_path
from registry.freeze.policy_shape import validate

DATES: Final = frozenset({"cutoff", "migration_deadline", "in_force_from", "in_force_to"})
MAX_COMPLAINT: Final = 500


def changed_text(base: Policy, version: str, settings: Mapping[str, Any]) -> str:
    """The policy file of ``base`` with other settings, under another version.

    ``clocks`` and each rule are merged; a list, such as the clauses of a rule, is replaced as a whole. Raises Invalid,
    which names every wrong key.
    """
    former = policy_document(base)
    document = _with_dates(_merged(former, {**settings, "version": version}))
    complaints = validate(document) or _unknown_names(_merged(former, _without_null(settings)))
    problems = [_problem(path, complaint) for path, complaint in complaints] or _unusable_texts(document, ())
    if problems:
        raise Invalid(problems)
    return policy_text(document)


def as_json(value: Any) -> Any:
    """A value of a document as JSON has it."""
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
    """A text where null takes a setting out, so that a misspelt name, which takes nothing out, is seen."""
    return {
        name: _without_null(value) if isinstance(value, dict) else "null" if value is None else value
        for name, value in settings.items()
    }


def _unknown_names(document: Mapping[str, Any]) -> list[tuple[Path, str]]:
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


def _unusable_texts(value: Any, path: Path) -> list[Problem]:
    if isinstance(value, dict):
        return [problem for key, each in value.items() for problem in _unusable_texts(each, (*path, key))]
    if isinstance(value, list):
        return [problem for place, each in enumerate(value) for problem in _unusable_texts(each, (*path, place))]
    if isinstance(value, str) and (character := control_character(value, but="\t\n")) is not None:
        return [Problem(_pointer(path), "control-character", {"character": f"U+{ord(character):04X}"})]
    return []


def _problem(path: Path, complaint: str) -> Problem:
    key = _printable(format_path(path))
    return Problem(_pointer(path), "policy-setting-invalid", {"key": key, "complaint": _printable(complaint)})


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)[:MAX_COMPLAINT]


def _pointer(path: Path) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def content_digest(policy: Policy) -> str:
    """SHA-256 (hex) of all that a policy asks, without the day from which it is in force: activation sets that."""
    document = {name: value for name, value in policy_document(policy).items() if name != "in_force_from"}
    return sha256(policy_text(document).encode()).hexdigest()


def text_in_force_from(policy: Policy, on: date) -> str:
    """The policy file of a version that is in force from a day."""
    return policy_text({**policy_document(policy), "in_force_from": on})
