"""Tests for mutants found by scripts/mutation."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from registry.freeze.evaluation import evaluate
from registry.freeze.policy_file import PolicyInvalid, load_policy
from tests.freeze.factories import CUTOFF, POLICY, facts, past

ON = date(2026, 5, 5)
BEFORE = date(2025, 6, 1)


def test_ending_moved_before_the_freeze_observes_both_dates() -> None:
    ended = facts(stage="archived", ended_on=BEFORE, past=(past(stage="archived", ended_on=CUTOFF),))
    _, finding = evaluate(ended, POLICY, ON)
    assert finding.rule == "integrity.ended-unconfirmed"
    assert finding.observed == {"stage": "archived", "ended_on": "2025-06-01", "earlier_ended_on": "2026-01-01"}


def test_ending_once_without_a_date_is_observed() -> None:
    ended = facts(stage="archived", ended_on=BEFORE, past=(past(stage="archived", ended_on=None),))
    _, finding = evaluate(ended, POLICY, ON)
    assert finding.observed == {"stage": "archived", "ended_on": "2025-06-01", "earlier_ended_on": None}


@pytest.mark.parametrize(("content", "line"), [(b"\xff", 1), (b"\n\xff", 2), (b"a = 1\n\n# \xd0", 3)])
def test_invalid_utf8_is_reported_with_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(content)
    with pytest.raises(PolicyInvalid, match=f"policy.toml:{line}: "):
        load_policy(file)
