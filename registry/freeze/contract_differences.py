"""What procurement contracts say otherwise than the record of their project: an outside source on dates and sums.

A contract is compared with what the record, or a former record of the same work, stated after the end of the day on
which it was signed or amended: an edit afterwards ends no finding, and what was corrected by that day is none.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from registry.freeze.dates import iso
from registry.freeze.facts import ContractTerms, EarlierRevision, Facts
from registry.freeze.policy import Policy
from registry.freeze.vocabulary import Choices, lazy_text

if TYPE_CHECKING:
    from registry.freeze.findings import Observed


class ContractDifference(Choices, field="contract_difference"):
    """How a contract contradicts a record."""

    SIGNED_LATER = "signed_later", lazy_text("Signed later than recorded")
    SUM_ABOVE_BUDGET = "sum_above_budget", lazy_text("Sum above the budget")
    RAISED_AFTER_CUTOFF = "raised_after_cutoff", lazy_text("Raised after the freeze began")


def differences(
    contract: ContractTerms, recorded_on: date | None, budget_kzt: int | None, cutoff: date
) -> list[ContractDifference]:
    """Return how a contract contradicts the day and the budget that the agency recorded.

    What the agency did not record contradicts nothing. ``cutoff``: the first day of the freeze.
    """
    current = contract.sum_by(date.max)
    contradicted = {
        ContractDifference.SIGNED_LATER: recorded_on is not None
        and contract.signed_on is not None
        and contract.signed_on > recorded_on,
        ContractDifference.SUM_ABOVE_BUDGET: budget_kzt is not None and current is not None and current > budget_kzt,
        ContractDifference.RAISED_AFTER_CUTOFF: _raise_of(contract, cutoff, date.max) is not None,
    }
    return [difference for difference, holds in contradicted.items() if holds]


class _Statement(NamedTuple):
    """What a record stated, from the end of a day until that of another one."""

    contract_signed_on: date | None
    budget_kzt: int | None
    since: date
    until: date


def _statements(facts: Facts) -> Iterator[_Statement]:
    last = yield from _of_edits(facts.past, facts.registered_on or date.min)
    yield _statement(facts, last, date.max)
    for record in facts.former:
        # When it was registered is not known.
        yield from _of_edits(record, date.min)


def _of_edits(record: Iterable[EarlierRevision], since: date) -> Generator[_Statement, None, date]:
    for each in record:
        if each.replaced_on is not None:
            yield _statement(each, since, each.replaced_on)
            since = each.replaced_on
    return since


def _statement(values: Facts | EarlierRevision, since: date, until: date) -> _Statement:
    return _Statement(values.contract_signed_on, values.budget_kzt, since, until)


def signed_later(facts: Facts, _policy: Policy, on: date) -> Observed | None:
    """Return the first contract that was signed later than the record stated; None without any."""
    statements = list(_statements(facts))
    for each in sorted(facts.contracts, key=lambda contract: (contract.signed_on or date.max, contract.number)):
        signed = each.signed_on
        if signed is None or not signed <= on:
            continue
        stated = [
            day
            for day in (of.contract_signed_on for of in statements if signed < of.until)
            if day is not None and day < signed and not _is_of_another(day, each, facts.contracts)
        ]
        if stated:
            days = {"portal_signed_on": iso(signed), "contract_signed_on": iso(min(stated))}
            return {"portal_contracts": each.number, **days}
    return None


def _is_of_another(day: date, contract: ContractTerms, contracts: Iterable[ContractTerms]) -> bool:
    """Return whether the record may have stated the day of another contract, which was known to be its own by then.

    Of a contract that it never named it states nothing where another one had been signed by the day.
    """
    return any(
        other.signed_on == day or (not contract.is_named and other.signed_on < day)
        for other in contracts
        if other.signed_on is not None and (other.is_confirmed or other.matched_at <= contract.matched_at)
    )


def sum_above_budget(facts: Facts, _policy: Policy, on: date) -> Observed | None:
    """Return where the contracts together cost more than the record stated at the time; of several times the worst."""
    days = sorted({day for each in facts.contracts for day in each.days if day <= on})
    excesses = []
    for day, following in pairwise([*days, date.max]):
        sums = {each.number: total for each in facts.contracts if (total := each.sum_by(day)) is not None}
        total = sum(sums.values())
        budgets = [
            each.budget_kzt
            for each in _statements(facts)
            if each.budget_kzt is not None and day < each.until and each.since < following
        ]
        if budgets and total > min(budgets):
            excesses.append((total - min(budgets), ", ".join(sorted(sums)), total, min(budgets)))
    if not excesses:
        return None
    _, numbers, total, budget = max(excesses)
    return {"portal_contracts": numbers, "portal_sum_kzt": total, "budget_kzt": budget}


def raised_after_cutoff(facts: Facts, policy: Policy, on: date) -> Observed | None:
    """Return the contracts that amendments under the freeze raised, and of the one raised most when and by how much."""
    raises = {each.number: raised for each in facts.contracts if (raised := _raise_of(each, policy.cutoff, on))}
    if not raises:
        return None
    numbers = sorted(raises, key=lambda number: (raises[number].before - raises[number].total, number))
    most = raises[numbers[0]]
    return {
        "portal_contracts": ", ".join(numbers),
        "amended_on": iso(most.day),
        "portal_sum_before_kzt": most.before,
        "portal_sum_kzt": most.total,
    }


class _Raise(NamedTuple):
    """The first day on which an amendment raised a sum, the largest one before, and the largest one since."""

    day: date
    before: int
    total: int


def _raise_of(contract: ContractTerms, cutoff: date, until: date) -> _Raise | None:
    """Return how amendments of the freeze raised the sum above all that were agreed before; None without any."""
    largest, raised = contract.sum_kzt, None
    for day, total in contract.amendments:
        if total is None or not day <= until:
            continue
        if largest is not None and total > largest and day >= cutoff:
            raised = _Raise(day, largest, total) if raised is None else raised._replace(total=total)
        largest = total if largest is None else max(largest, total)
    return raised


def split(facts: Facts, policy: Policy, on: date) -> Observed | None:
    """Return contracts below the policy's sum with one supplier that together reach it; of several the most."""
    near = timedelta(days=policy.split_contract_days)
    parts = [
        (each.supplier_bin, each.signed_on, each.number, each.sum_kzt)
        for each in facts.contracts
        if each.supplier_bin is not None and each.signed_on is not None and policy.cutoff <= each.signed_on <= on
        if each.sum_kzt is not None and each.sum_kzt < policy.split_contract_kzt
    ]
    groups = []
    for supplier, signed, *_ in parts:
        together = [each for each in parts if each[0] == supplier and abs(each[1] - signed) <= near]
        total = sum(each[3] for each in together)
        if len(together) > 1 and total >= policy.split_contract_kzt:
            groups.append((total, ", ".join(sorted(each[2] for each in together))))
    return {"portal_contracts": max(groups)[1], "total_kzt": max(groups)[0]} if groups else None


# The rules on contracts, in the order of the findings.
CONTRACT_RULES: Final[Mapping[str, Callable[[Facts, Policy, date], Observed | None]]] = {
    "contract.signed-later": signed_later,
    "contract.sum-above-budget": sum_above_budget,
    "contract.raised-after-cutoff": raised_after_cutoff,
    "contract.split": split,
}


def reads_contracts(policy: Policy) -> bool:
    """Return whether a rule on contracts is in use."""
    return any(policy.rules[rule].enabled for rule in CONTRACT_RULES)
