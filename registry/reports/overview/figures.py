"""Figures of the overview: projects, shares and money of a group after an audit, added up from stored counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

from registry.flags.vocabulary import FlagStatus
from registry.freeze.vocabulary import Severity
from registry.projects.vocabulary import FreezeStatus

# A project with one of these has an active flag.
WITH_FINDINGS: Final = (
    FreezeStatus.FLAGGED.value,
    FreezeStatus.EXEMPT.value,
    FreezeStatus.ACCEPTED.value,
    FlagStatus.OPEN.value,
)


class Count(NamedTuple):
    """One stored row: so many projects that are alike. ``claimed`` and ``confirmed`` to be on the platform are None
    where they were not stored.
    """

    status: str
    severity: str
    counted: int
    claimed: int | None
    confirmed: int | None
    budget_kzt: int

    @property
    def known_confirmed(self) -> int | None:
        """Of how many it is confirmed; None where that is not known.

        Audits that stored claims alone say it of rows without claims, and of those with findings: the law has none on
        what is confirmed.
        """
        if self.confirmed is None and (self.claimed == 0 or self.status in WITH_FINDINGS):
            return 0
        return self.confirmed


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of projects, and whole tenge. Rows of rules and ages count flags instead: the open ones are ``flagged``.

    ``in_scope``: all but those out of scope. ``on_platform``: of those in scope, how many are confirmed to be on the
    platform; ``on_platform_claimed``: how many say so, confirmed or not. Each None where it was not stored.
    ``at_risk_kzt``: the budgets of flagged projects.
    """

    projects: int = 0
    in_scope: int = 0
    on_platform: int | None = 0
    on_platform_claimed: int | None = 0
    clear: int = 0
    flagged: int = 0
    flagged_high: int = 0
    flagged_medium: int = 0
    flagged_low: int = 0
    exempt: int = 0
    accepted: int = 0
    unaudited: int = 0
    out_of_scope: int = 0
    budget_kzt: int = 0
    at_risk_kzt: int = 0

    @property
    def platform_percent(self) -> float | None:
        """The share of projects in scope that are confirmed to be on the platform; None without any."""
        return percent(self.on_platform, self.in_scope)

    @property
    def platform_claimed_percent(self) -> float | None:
        """The share of projects in scope that say that they are on the platform; None without any."""
        return percent(self.on_platform_claimed, self.in_scope)

    @property
    def flagged_percent(self) -> float | None:
        """The share of projects in scope that are flagged; None without any."""
        return percent(self.flagged, self.in_scope)


COUNTED: Final = tuple(field.name for field in fields(Figures))


def percent(part: int | None, whole: int) -> float | None:
    """A share in percent, to one decimal; None where it is not known."""
    return None if part is None or not whole else round(100 * part / whole, 1)


def figures(counts: Iterable[Count]) -> Figures:
    """Add up stored rows."""
    sums: dict[str, Any] = dict.fromkeys(COUNTED, 0)
    for count in counts:
        status = FreezeStatus.FLAGGED.value if count.status == FlagStatus.OPEN else count.status
        sums["projects"] += count.counted
        sums["budget_kzt"] += count.budget_kzt
        sums[status] += count.counted
        if status == FreezeStatus.FLAGGED:
            sums[f"flagged_{Severity(count.severity).value}"] += count.counted
            sums["at_risk_kzt"] += count.budget_kzt
        if status != FreezeStatus.OUT_OF_SCOPE:
            sums["in_scope"] += count.counted
            sums["on_platform"] = _added(sums["on_platform"], count.known_confirmed)
            sums["on_platform_claimed"] = _added(sums["on_platform_claimed"], count.claimed)
    return Figures(**sums)


def _added(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
