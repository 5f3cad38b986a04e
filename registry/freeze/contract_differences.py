"""What a procurement contract says otherwise than the record of its project: an outside source on dates and sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from registry.freeze.vocabulary import Choices, lazy_text


class ContractDifference(Choices):
    """How a contract contradicts a record."""

    SIGNED_LATER = "signed_later", lazy_text("Signed later than recorded")
    SUM_ABOVE_BUDGET = "sum_above_budget", lazy_text("Sum above the budget")
    RAISED_AFTER_CUTOFF = "raised_after_cutoff", lazy_text("Raised after the freeze began")


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """The terms of a contract, in whole tenge. ``amendments``: the day and the new sum of each, in their order."""

    signed_on: date | None
    sum_kzt: int | None
    amendments: tuple[tuple[date, int | None], ...] = ()

    @property
    def current_sum_kzt(self) -> int | None:
        """The sum by the last amendment that has one."""
        return next((total for _, total in reversed(self.amendments) if total is not None), self.sum_kzt)


def differences(
    contract: ContractTerms, recorded_on: date | None, budget_kzt: int | None, cutoff: date
) -> list[ContractDifference]:
    """Return how a contract contradicts the day and the budget that the agency recorded.

    What the agency did not record contradicts nothing. ``cutoff``: the first day of the freeze.
    """
    current = contract.current_sum_kzt
    contradicted = {
        ContractDifference.SIGNED_LATER: recorded_on is not None
        and contract.signed_on is not None
        and contract.signed_on > recorded_on,
        ContractDifference.SUM_ABOVE_BUDGET: budget_kzt is not None and current is not None and current > budget_kzt,
        ContractDifference.RAISED_AFTER_CUTOFF: _is_raised(contract, cutoff),
    }
    return [difference for difference, holds in contradicted.items() if holds]


def _is_raised(contract: ContractTerms, cutoff: date) -> bool:
    """Return True when an amendment of the freeze or later has a larger sum than all that were agreed before it."""
    largest = contract.sum_kzt
    for day, total in contract.amendments:
        if total is not None and largest is not None and total > largest and day >= cutoff:
            return True
        largest = max(filter(None, (largest, total)), default=None)
    return False
