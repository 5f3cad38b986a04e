"""Coverage: how much of the money in IT contracts belongs to registered projects, by agency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, select

from registry.accounts.roles import Actor
from registry.core.database import db, table_of
from registry.freeze.policy import policy_in_force
from registry.procurement.models import CONTRACT, COUNTED, MATCH, Contract, ContractMatch
from registry.procurement.queries import is_kept, of_visible_projects, visible_contracts
from registry.projects.models import Project


@dataclass(frozen=True, slots=True)
class ContractSums:
    """IT contracts and what they cost now in whole tenge, by whether a project is known.

    A contract in another currency is counted, without a sum. One that belongs to no project counts in no other figure.
    """

    matched: int = 0
    matched_kzt: int = 0
    to_check: int = 0
    to_check_kzt: int = 0
    unmatched: int = 0
    unmatched_kzt: int = 0
    no_project: int = 0
    no_project_kzt: int = 0

    def __add__(self, other: ContractSums) -> ContractSums:
        return ContractSums(*(getattr(self, name) + getattr(other, name) for name in SUMMED))

    @property
    def contracts(self) -> int:
        """How many there are."""
        return self.matched + self.to_check + self.unmatched

    @property
    def total_kzt(self) -> int:
        """What they cost together."""
        return self.matched_kzt + self.to_check_kzt + self.unmatched_kzt

    @property
    def percent(self) -> float | None:
        """The share of the money that belongs to registered projects; None where there is none."""
        return round(100 * self.matched_kzt / self.total_kzt, 1) if self.total_kzt else None


SUMMED: Final = tuple(field.name for field in fields(ContractSums))


@dataclass(frozen=True, slots=True)
class Coverage:
    """All IT contracts, and those that were signed since the cutoff."""

    every: ContractSums = ContractSums()
    since_cutoff: ContractSums = ContractSums()

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(self.every + other.every, self.since_cutoff + other.since_cutoff)

    def shown(self) -> dict[str, Any]:
        """Return it as the API gives it."""
        return _shown(self.every) | {"since_cutoff": _shown(self.since_cutoff)}


def _shown(sums: ContractSums) -> dict[str, Any]:
    return {"contracts": sums.contracts, "total_kzt": sums.total_kzt, **asdict(sums), "percent": sums.percent}


def added_coverage(each: Iterable[Coverage | None]) -> Coverage | None:
    """Return the sum of what is known; None where no contract was read, which is not that none is in the register."""
    known = [coverage for coverage in each if coverage is not None]
    return sum(known, Coverage()) if known else None


def coverage_by_agency(actor: Actor, *conditions: ColumnElement[bool]) -> dict[int, Coverage]:
    """Return the coverage of each agency itself, as far as the actor may see its contracts; none without IT contracts.

    Contracts of projects that the actor may not see are left out of every sum, or are without a project, as in the
    lists: no difference of two shows them. One statement.
    """
    best = func.max(case((MATCH.c.match_state.in_(COUNTED), 2), else_=1)).label("best")
    known = (
        select(MATCH.c.contract_id, best)
        .join(Project, table_of(Project).c.id == MATCH.c.project_id)
        .where(is_kept(), *of_visible_projects(actor))
        .group_by(MATCH.c.contract_id)
        .subquery()
    )
    is_new = case((CONTRACT.c.signed_on >= policy_in_force().cutoff, 1), else_=0)
    rank = case((CONTRACT.c.no_project.is_not(None), func.coalesce(known.c.best, -1)), else_=known.c.best)
    grouped = (CONTRACT.c.agency_id, rank, is_new)
    statement = (
        visible_contracts(actor)
        .where(Contract.is_it, *conditions)
        .outerjoin(known, known.c.contract_id == CONTRACT.c.id)
        .with_only_columns(*grouped, func.count(), func.sum(CONTRACT.c.current_sum_kzt))
        .group_by(*grouped)
    )
    by_agency: dict[int, Coverage] = {}
    for agency_id, place, new, count, total in db.session.execute(statement):
        state = STATES[place or 0].value
        # PostgreSQL sums bigint to numeric; sums are whole tenge.
        sums = ContractSums(**{state: count, f"{state}_kzt": int(total or 0)})
        part = Coverage(sums, sums if new else ContractSums())
        by_agency[agency_id] = by_agency.get(agency_id, Coverage()) + part
    return by_agency


STATES: Final = (ContractMatch.UNMATCHED, ContractMatch.TO_CHECK, ContractMatch.MATCHED, ContractMatch.NO_PROJECT)
