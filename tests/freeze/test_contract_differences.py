"""What a procurement contract says otherwise than the record of its project."""

from __future__ import annotations

from datetime import date

import pytest

from registry.freeze.contract_differences import ContractTerms, differences

CUTOFF = date(2026, 1, 1)
SIGNED = date(2025, 6, 1)


def amended(*amendments: tuple[date, int | None]) -> ContractTerms:
    return ContractTerms(SIGNED, 100, amendments)


@pytest.mark.parametrize(
    ("contract", "recorded_on", "budget", "expected"),
    [
        (amended(), SIGNED, 100, []),
        (amended(), date(2025, 5, 31), 100, ["signed_later"]),
        (amended(), date(2025, 6, 2), 100, []),
        (amended(), None, None, []),
        (ContractTerms(None, None), SIGNED, 100, []),
        (amended(), SIGNED, 99, ["sum_above_budget"]),
        (amended((date(2025, 12, 31), 150)), SIGNED, 150, []),
        (amended((date(2025, 12, 31), 150)), SIGNED, 100, ["sum_above_budget"]),
        (amended((CUTOFF, 101)), SIGNED, 101, ["raised_after_cutoff"]),
        (amended((CUTOFF, 100)), SIGNED, 100, []),
        (amended((date(2025, 12, 31), 150), (CUTOFF, 120)), SIGNED, 150, []),
        (amended((CUTOFF, None), (CUTOFF, 90)), SIGNED, 90, []),
        (amended((CUTOFF, None)), SIGNED, 100, []),
        (amended((CUTOFF, 50), (date(2026, 2, 1), 100)), SIGNED, 100, []),
        (amended((CUTOFF, None), (date(2026, 2, 1), 101)), SIGNED, 101, ["raised_after_cutoff"]),
    ],
)
def test_contract_contradicts_what_is_recorded_and_what_was_agreed_before_the_freeze(
    contract: ContractTerms, recorded_on: date | None, budget: int | None, expected: list[str]
) -> None:
    assert differences(contract, recorded_on, budget, CUTOFF) == expected
