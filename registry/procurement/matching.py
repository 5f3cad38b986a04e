"""Matching of contracts with projects: what they have in common, what is certain, and what a person should check."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Final, NamedTuple

from sqlalchemy import Text, cast, or_, select, update

from registry.core.clock import now
from registry.core.database import Event, require_transaction, table_of
from registry.core.dialects import advisory_lock, insert_rows, is_among
from registry.core.search import NAMES
from registry.core.values import comparable
from registry.procurement.models import CONTRACT, MATCH, Match, MatchState
from registry.projects.former_records import FORMER
from registry.projects.models import Project
from registry.projects.revisions import REVISION
from registry.projects.similarity import SAME_NAME, Words, WordWeights, name_similarity, words_of
from registry.projects.visibility import NOT_WITHDRAWN

# Points, of 100, for what is equal. Numbers that agencies give are short, and start again each year.
NUMBER: Final = 45
SUPPLIER: Final = 25
SAME_DAY: Final = 25
SAME_SUM: Final = 25
NAME: Final = 65
# Another supplier, or a long number of another contract, speaks against it.
OTHER_SUPPLIER: Final = -15
OTHER_NUMBER: Final = -5
# From these on it is worth a look.
WORTH_CHECKING: Final = 55
# Of another contract of the same project, in words; with the same supplier it may be a part of it.
SAME_WORK: Final = 0.75
PART: Final = 60
# A contract may be proposed for other projects too that have as good as the same points.
AS_GOOD: Final = 5
# A number of as many signs is hardly that of another contract of the agency.
TELLING_NUMBER: Final = 7
SUM_TOLERANCE: Final = 0.01
MATCH_LOCK: Final = 742_027
# "Договор № 12 от 01.02.2026", "2026 ж. 1 ақпандағы № 12 шарт".
WRITTEN_ROUND: Final = re.compile(r"\b(?:договор\w*|шарт\w*|contract)\b|\s(?:от|from|dated)\s.*", re.IGNORECASE)
CERTAIN_REASON: Final = "number_sys"
PROJECT: Final = table_of(Project)
REASONS: Final = (CERTAIN_REASON, "contract_number", "supplier_bin", "signed_on", "sum_kzt", "name")
PART_REASON: Final = "other_contract"
DECIDED: Final = (MatchState.CONFIRMED.value, MatchState.REJECTED.value)
CONTRACT_COLUMNS: Final = (
    *("id", "agency_id", "number_sys", "contract_number", "supplier_bin", "signed_on", "sum_kzt", "current_sum_kzt"),
    *("description_kk", "description_ru", "is_it", "customer_bin"),
)
PROJECT_COLUMNS: Final = (
    *("id", "agency_id", "contract_number", "supplier_bin", "contract_signed_on", "budget_kzt", *NAMES),
)


@dataclass(frozen=True)
class ContractFacts:
    """What is compared of a contract."""

    id: int
    number_sys: str
    contract_number: str | None
    supplier_bin: str | None
    signed_on: date | None
    sums: Collection[int]
    names: Mapping[str, Words]
    is_it: bool

    @cached_property
    def number(self) -> str:
        """The agency's own number, as it is compared."""
        return number_key(self.contract_number)

    @cached_property
    def system_numbers(self) -> frozenset[str]:
        """The portal's number, with the ending of the first contract and without."""
        return frozenset((comparable(self.number_sys), comparable(f"{self.number_sys}/00")))


@dataclass(frozen=True)
class ProjectFacts:
    """What is compared of a project. ``former_numbers``: of contracts, as it or a former record of it stated them."""

    id: int
    contract_number: str | None
    supplier_bin: str | None
    signed_on: date | None
    budget_kzt: int | None
    names: Mapping[str, Words]
    former_numbers: Collection[str] = ()

    @cached_property
    def number(self) -> str:
        """The number of its contract, as it is compared."""
        return number_key(self.contract_number)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Every number that it has or had, as they are compared."""
        return frozenset(filter(None, (self.number, *map(number_key, self.former_numbers))))


@dataclass(frozen=True, slots=True)
class Pair:
    """A contract and a project that have something in common. ``is_certain``: nobody need check it."""

    contract_id: int
    project_id: int
    score: int
    reasons: tuple[str, ...]
    is_certain: bool


def number_key(number: str | None) -> str:
    """Return the letters and digits of a contract's number, without what people write round it."""
    return comparable(WRITTEN_ROUND.sub("", number)) if number else ""


def compare(contract: ContractFacts, project: ProjectFacts, weights: Mapping[str, float]) -> Pair | None:
    """Return what a contract and a project of the same agency have in common; None when it is too little.

    It is certain by the portal's number, and by the agency's own number where that is long or something else is equal,
    unless the suppliers are different ones. Dates are no reason against it: agencies declare earlier ones. A number
    that an edit has replaced counts as the present one.
    """
    is_system = not project.numbers.isdisjoint(contract.system_numbers)
    is_number = contract.number in project.numbers
    has_supplier = contract.supplier_bin is not None and project.supplier_bin is not None
    is_supplier = has_supplier and contract.supplier_bin == project.supplier_bin
    is_day = contract.signed_on is not None and contract.signed_on == project.signed_on
    is_sum = project.budget_kzt is not None and any(is_near(each, project.budget_kzt) for each in contract.sums)
    name = 0.0 if is_system else name_similarity(contract.names, project.names, weights)
    equal = (is_system, is_number, is_supplier, is_day, is_sum, name >= SAME_NAME)
    points = (100, NUMBER, SUPPLIER, SAME_DAY, SAME_SUM, NAME * name)
    is_other = has_supplier and not is_supplier
    is_other_number = bool(project.number and contract.number) and not is_system and not is_number
    against = OTHER_SUPPLIER * is_other + OTHER_NUMBER * (is_other_number and len(project.number) >= TELLING_NUMBER)
    score = min(100, round(sum(each for is_equal, each in zip(equal, points, strict=True) if is_equal) + against))
    supported = len(contract.number) >= TELLING_NUMBER or is_supplier or is_day or is_sum or name >= SAME_NAME
    is_certain = is_system or (is_number and supported and not is_other)
    if not is_certain and (score < WORTH_CHECKING or not (contract.is_it or is_number)):
        return None
    reasons = tuple(reason for reason, is_equal in zip(REASONS, equal, strict=True) if is_equal)
    return Pair(contract.id, project.id, score, reasons, is_certain)


def is_near(first: int, second: int) -> bool:
    """Return True for two sums that are equal but for rounding and small fees."""
    return first > 0 and abs(first - second) <= SUM_TOLERANCE * max(first, second)


def pairs_of(
    contracts: Sequence[ContractFacts], projects: Sequence[ProjectFacts], rejected: Collection[tuple[int, int]] = ()
) -> list[Pair]:
    """Return the pairs of an agency's contracts and projects that are certain, or worth checking.

    ``rejected``: pairs of their ids that are none, and stand in the way of no other.
    """
    weights = WordWeights(Counter(word for each in projects for words in each.names.values() for word in {*words}))
    numbers = frozenset().union(*(each.numbers for each in projects))
    compared: list[Pair] = []
    for contract in contracts:
        named = not numbers.isdisjoint({contract.number, *contract.system_numbers})
        if contract.is_it or named:
            others = (each for each in projects if (contract.id, each.id) not in rejected)
            compared += filter(None, (compare(contract, project, weights) for project in others))
    known = _best(_unambiguous(compared, {each.id: each for each in contracts}))
    # What is known of a pair itself counts before what another contract says of it.
    every = {(pair.contract_id, pair.project_id): pair for pair in [*_parts(contracts, known), *known]}
    return _best(pair for key, pair in every.items() if key not in rejected)


def _unambiguous(pairs: Sequence[Pair], contracts: Mapping[int, ContractFacts]) -> list[Pair]:
    """Of several contracts with one number of a project, only the one with most in common is certain.

    The others are to check where they are about information technology at all.
    """
    scores: dict[tuple[int, str], list[int]] = {}
    for pair in pairs:
        if pair.is_certain and CERTAIN_REASON not in pair.reasons:
            scores.setdefault((pair.project_id, contracts[pair.contract_id].number), []).append(pair.score)

    def is_doubtful(pair: Pair) -> bool:
        if not pair.is_certain or CERTAIN_REASON in pair.reasons:
            return False
        of_number = scores[pair.project_id, contracts[pair.contract_id].number]
        return sum(score >= pair.score for score in of_number) > 1

    judged = ((pair, is_doubtful(pair)) for pair in pairs)
    return [
        replace(pair, is_certain=False) if doubtful else pair
        for pair, doubtful in judged
        if not doubtful or contracts[pair.contract_id].is_it
    ]


def _parts(contracts: Sequence[ContractFacts], pairs: Sequence[Pair]) -> list[Pair]:
    """Return contracts that may be parts of a project, by another contract of it: of one supplier, for the same work.

    So a split contract is found also where the record has a name of its own, and the number of the first part alone.
    """
    matched = {pair.contract_id: pair.project_id for pair in pairs if pair.is_certain}
    by_supplier: dict[str, list[ContractFacts]] = {}
    for contract in contracts:
        if contract.id in matched and contract.supplier_bin is not None:
            by_supplier.setdefault(contract.supplier_bin, []).append(contract)
    weights = WordWeights(Counter(word for each in contracts for words in each.names.values() for word in {*words}))
    return [
        Pair(each.id, matched[other.id], PART, ("supplier_bin", PART_REASON), is_certain=False)
        for each in contracts
        if each.is_it and each.id not in matched
        for other in by_supplier.get(each.supplier_bin or "", ())
        if name_similarity(each.names, other.names, weights) >= SAME_WORK
    ]


def _best(pairs: Iterable[Pair]) -> list[Pair]:
    """Of each contract the certain pairs; where there are none, those with the most points."""
    by_contract: dict[int, list[Pair]] = {}
    for pair in pairs:
        by_contract.setdefault(pair.contract_id, []).append(pair)
    kept = []
    for own in by_contract.values():
        most = max(pair.score for pair in own)
        kept += [each for each in own if each.is_certain] or [each for each in own if each.score >= most - AS_GOOD]
    return kept


contracts_changing: Final[Event[[]]] = Event("contracts_changing")
"""Contracts or their matches change in the open transaction."""


def lock_matches() -> None:
    """Let no audit run and nobody else match until the open transaction ends.

    An audit knows what has the time of its beginning or an earlier one: nothing may get one and be committed later.
    """
    contracts_changing.publish()
    advisory_lock(require_transaction(), MATCH_LOCK)


def match_contracts(agency_ids: Collection[int]) -> None:
    """Match the contracts of agencies with their projects again, in the open transaction; decisions of people stay.

    A rejected pair is not proposed again, and a contract with a confirmed project that is not withdrawn has nothing to
    check. A match by number stays, whatever an agency changes of its project, until a person rejects it or the portal
    has another number or customer.
    """
    session = require_transaction()
    lock_matches()
    columns = (NOT_WITHDRAWN.label("is_kept"), PROJECT.c.agency_id, PROJECT.c.contract_number)
    for agency_id in sorted(agency_ids):
        rows = list(session.execute(_rows(CONTRACT, CONTRACT_COLUMNS, agency_id)))
        projects = list(session.execute(_rows(PROJECT, PROJECT_COLUMNS, agency_id).where(NOT_WITHDRAWN)))
        own = select(CONTRACT.c.id).where(CONTRACT.c.agency_id == agency_id)
        stored = {
            (row.contract_id, row.project_id): row
            for row in session.execute(select(MATCH, *columns).join(Project).where(MATCH.c.contract_id.in_(own)))
        }
        former = _former({*(row.id for row in projects), *(row.project_id for row in stored.values())})
        contracts = [*map(_contract, rows)]
        rejected = {key for key, row in stored.items() if row.match_state == MatchState.REJECTED}
        pairs = pairs_of(contracts, [_project(row, former) for row in projects], rejected)
        numbers = {each.id: {each.number, *each.system_numbers} - {""} for each in contracts}
        customers = {row.id: row.customer_bin for row in rows}
        lasting = {
            key
            for key, row in stored.items()
            if row.match_state == MatchState.MATCHED
            and (row.agency_id == agency_id or customers[key[0]] in former[key[1]].agencies)
            and not numbers[key[0]].isdisjoint(map(number_key, (row.contract_number, *former[key[1]].numbers)))
        }
        _save(stored, pairs, lasting)


class _Former(NamedTuple):
    """Numbers of contracts and BINs of agencies that a project once had; numbers also of its former records."""

    numbers: set[str]
    agencies: set[str]


def _former(ids: Collection[int]) -> Mapping[int, _Former]:
    """Return what edits replaced of projects, and what former records of theirs that are not restricted state."""
    session = require_transaction()
    former: dict[int, _Former] = {project_id: _Former(set(), set()) for project_id in ids}
    links = select(FORMER.project_id, FORMER.former_id, PROJECT.c.contract_number).join(
        PROJECT, PROJECT.c.id == FORMER.former_id
    )
    later: dict[int, list[int]] = {}
    for project_id, former_id, number in session.execute(
        links.where(is_among(FORMER.project_id, sorted(ids)), PROJECT.c.is_restricted.is_(False))
    ):
        later.setdefault(former_id, []).append(project_id)
        former[project_id].numbers.update(filter(None, [number]))
    naming = or_(*(cast(REVISION.c.changes, Text).contains(f'"{name}"') for name in ("contract_number", "agency")))
    edits = select(REVISION.c.project_id, REVISION.c.changes).where(
        REVISION.c.version > 1, naming, is_among(REVISION.c.project_id, sorted({*ids, *later}))
    )
    for project_id, changes in session.execute(edits):
        for change in changes:
            if change["field"] == "contract_number" and change["old"]:
                for each in (project_id, *later.get(project_id, ())):
                    if each in former:
                        former[each].numbers.add(change["old"])
            elif change["field"] == "agency" and project_id in former:
                former[project_id].agencies.add(change["old"])
    return former


def _save(stored: Mapping[tuple[int, int], Any], pairs: Iterable[Pair], lasting: Collection[tuple[int, int]]) -> None:
    """Write what has changed of the matches. ``lasting``: those by number that stay as they are."""
    session, at = require_transaction(), now()
    kept = {*lasting, *(key for key, row in stored.items() if row.match_state in DECIDED)}
    settled = {key[0] for key in kept if stored[key].match_state != MatchState.REJECTED and stored[key].is_kept}
    rows = {}
    for pair in pairs:
        key = (pair.contract_id, pair.project_id)
        if key not in kept and (pair.is_certain or pair.contract_id not in settled):
            state = MatchState.MATCHED if pair.is_certain else MatchState.TO_CHECK
            rows[key] = {"match_state": state.value, "score": pair.score, "reasons": [*pair.reasons]}
    for key, row in stored.items():
        values = rows.pop(key, {"match_state": MatchState.ENDED.value})
        if key not in kept and any(row._mapping[name] != value for name, value in values.items()):
            is_same_state = row.match_state == values["match_state"]
            changed_at = row.changed_at if is_same_state else at
            session.execute(update(MATCH).where(MATCH.c.id == row.id).values(**values, changed_at=changed_at))
    new = [{"contract_id": key[0], "project_id": key[1], "changed_at": at, **row} for key, row in rows.items()]
    insert_rows(session, Match, new)


def _rows(table: Any, columns: Iterable[str], agency_id: int) -> Any:
    return select(*(table.c[name] for name in columns)).where(table.c.agency_id == agency_id).order_by(table.c.id)


def _contract(row: Any) -> ContractFacts:
    names = words_of({"name_kk": row.description_kk, "name_ru": row.description_ru})
    sums = {each for each in (row.sum_kzt, row.current_sum_kzt) if each is not None}
    return ContractFacts(
        row.id, row.number_sys, row.contract_number, row.supplier_bin, row.signed_on, sums, names, row.is_it
    )


def _project(row: Any, former: Mapping[int, _Former]) -> ProjectFacts:
    values = (row.contract_number, row.supplier_bin, row.contract_signed_on, row.budget_kzt)
    return ProjectFacts(row.id, *values, words_of(row._mapping), former[row.id].numbers)
