"""Comparison of two versions of the policy, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from registry.freeze.policy import Policy
from registry.freeze.policy_document import policy_document
from registry.freeze.policy_lines import Path, format_path
from registry.policies.settings import as_json

# What names a version, and says nothing of what it asks.
NAMES: Final = ("version", "in_force_from")


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that differs, as in the policy file: ``rules."freeze.creation".severity``. None: it is not there."""

    setting: str
    before: Any
    after: Any


def differences(before: Policy, after: Policy) -> list[Difference]:
    """What differs between two policies, in the order of the file."""
    first, second = dict(_settings(before)), dict(_settings(after))
    names = [*first, *(name for name in second if name not in first)]
    return [
        Difference(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)
    ]


def _settings(policy: Policy) -> Iterator[tuple[str, Any]]:
    document = policy_document(policy)
    for name in NAMES:
        del document[name]
    for path, value in _leaves(document, ()):
        yield format_path(path), as_json(value)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, (*path, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for place, each in enumerate(value):
            yield from _leaves(each, (*path, place))
    else:
        yield path, value
