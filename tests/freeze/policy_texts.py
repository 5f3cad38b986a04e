"""Policy file texts with modifications, and the resulting errors."""

from __future__ import annotations

import re

import pytest

from registry.freeze.policy_file import PolicyInvalid, read_policy
from tests.freeze.factories import POLICY_FILE

SHIPPED = POLICY_FILE.read_text(encoding="utf-8")
CREATION = 'rules."freeze.creation"'
NEWLINE = "\n"


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyInvalid) as refused:
        read_policy(text, "policy.toml")
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def line_of(fragment: str, text: str = SHIPPED) -> int:
    return text[: text.index(fragment)].count("\n") + 1


def changed(old: str, new: str, after: str = "") -> str:
    start = SHIPPED.index(after)
    at = SHIPPED.index(old, start)
    return SHIPPED[:at] + new + SHIPPED[at + len(old) :]


def in_creation(key: str, value: str) -> str:
    """The shipped policy file with one key of the rule freeze.creation changed."""
    start = SHIPPED.index('[rules."freeze.creation"]')
    return SHIPPED[:start] + re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", SHIPPED[start:], count=1)
