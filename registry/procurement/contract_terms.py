"""Contracts of projects as the rules compare them: now, and as they were known at a moment."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, and_, or_, select, union_all

from registry.core.database import db, table_of
from registry.core.dialects import is_among
from registry.freeze.contract_differences import reads_contracts
from registry.freeze.facts import ContractTerms
from registry.freeze.policy import Policy
from registry.procurement.matching import REASONS
from registry.procurement.models import CONTRACT, COUNTED, MATCH, FormerContract, FormerMatch, MatchState
from registry.projects.former_records import FORMER, FormerPast

# Of each project, by its id and the number of the contract; None where a person has said that it is none of it.
Contracts = Mapping[int, Mapping[str, ContractTerms | None]]
TERMS: Final = ("signed_on", "sum_kzt", "amendments", "supplier_bin")
# Of a match, that the project has or had the number of the contract.
NUMBER_REASONS: Final = frozenset(REASONS[:2])
STATES: Final = (*COUNTED, MatchState.REJECTED.value)
CONFIRMED: Final = MatchState.CONFIRMED.value
FORMER_MATCH: Final = table_of(FormerMatch).c
FORMER_CONTRACT: Final = table_of(FormerContract).c


def terms_of(row: Mapping[Any, Any], *match: Any) -> ContractTerms:
    """Return the terms of a contract whose columns are in a row; ``match``: what they say of its match."""
    agreed = row["amendments"]
    amendments = tuple((date.fromisoformat(each["signed_on"]), each["sum_kzt"]) for each in agreed) if agreed else ()
    return ContractTerms(row["signed_on"], row["sum_kzt"], amendments, row["number_sys"], row["supplier_bin"], *match)


def contracts_of(policy: Policy, ids: Collection[int] | None = None) -> Contracts:
    """Return the contracts of projects, without ``ids`` of all; none where no rule of the policy reads them."""
    if not reads_contracts(policy) or (ids is not None and not ids):
        return {}
    among = () if ids is None else (is_among(MATCH.c.project_id, sorted(ids)),)
    return _by_project(db.session.execute(_matched().where(MATCH.c.match_state.in_(STATES), *among)).mappings())


def projects_with_contracts(contracts: Collection[int]) -> frozenset[int]:
    """Return the projects that these contracts match or have matched."""
    if not contracts:
        return frozenset()
    matched = select(MATCH.c.project_id).where(is_among(MATCH.c.contract_id, sorted(contracts)))
    return frozenset(db.session.scalars(matched))


def contracts_known_at(at: datetime, policy: Policy, *, of: int | None = None) -> Contracts:
    """Return what ``contracts_of`` returned at a moment; ``of``: of one project and its former records."""
    if not reads_contracts(policy):
        return {}
    since_then = select(MATCH.c.id, MATCH.c.match_state, MATCH.c.changed_at.label("since")).where(
        MATCH.c.changed_at <= at
    )
    until_later = select(FORMER_MATCH.match_id, FORMER_MATCH.match_state, FORMER_MATCH.since).where(
        and_(FORMER_MATCH.since <= at, FORMER_MATCH.until > at)
    )
    then = union_all(since_then, until_later).subquery()
    records = select(FORMER.former_id).where(FORMER.project_id == of)
    among = () if of is None else (or_(MATCH.c.project_id == of, MATCH.c.project_id.in_(records)),)
    statement = _matched(then.c.match_state, then.c.since).join(then, then.c.id == MATCH.c.id)
    rows = db.session.execute(statement.where(then.c.match_state.in_(STATES), *among)).mappings().all()
    # The values that stood then are those that were replaced first afterwards.
    columns = (FORMER_CONTRACT[name] for name in ("contract_id", *TERMS))
    replaced = select(*columns).where(FORMER_CONTRACT.until > at).order_by(FORMER_CONTRACT.id.desc())
    if of is not None:
        replaced = replaced.where(is_among(FORMER_CONTRACT.contract_id, [row["contract_id"] for row in rows]))
    former = {row["contract_id"]: row for row in db.session.execute(replaced).mappings()} if rows else {}
    return _by_project({**row, **former.get(row["contract_id"], {})} for row in rows)


def changed_contracts(project_id: int, until: datetime) -> list[tuple[str, datetime]]:
    """Return which contracts of a project changed on the portal, or in their matches, and when."""
    own = select(CONTRACT.c.number_sys).join(MATCH, MATCH.c.contract_id == CONTRACT.c.id)
    own = own.where(MATCH.c.project_id == project_id)
    of_values = own.add_columns(FORMER_CONTRACT.until).join(
        table_of(FormerContract), FORMER_CONTRACT.contract_id == CONTRACT.c.id
    )
    of_match = own.add_columns(FORMER_MATCH.until).join(table_of(FormerMatch), FORMER_MATCH.match_id == MATCH.c.id)
    changes = {tuple(row) for statement in (of_values, of_match) for row in db.session.execute(statement)}
    return sorted((number, at) for number, at in changes if at <= until)


def with_former(contracts: Contracts, project_id: int, former: Iterable[FormerPast]) -> tuple[ContractTerms, ...]:
    """Return the contracts of a project and of its former records, but for restricted ones, by their numbers."""
    if not contracts:
        return ()
    ids = (*(each.id for each in former if not each.is_restricted), project_id)
    known = {number: terms for of in ids for number, terms in contracts.get(of, {}).items()}
    return tuple(terms for _, terms in sorted(known.items()) if terms is not None)


def _matched(state: Any = MATCH.c.match_state, since: Any = MATCH.c.changed_at) -> Select[Any]:
    columns = (CONTRACT.c[name] for name in ("number_sys", *TERMS))
    of_match = (MATCH.c.project_id, MATCH.c.contract_id, MATCH.c.reasons, state.label("match_state"))
    statement = select(*of_match, since.label("since"), *columns)
    return statement.join(CONTRACT, CONTRACT.c.id == MATCH.c.contract_id)


def _by_project(rows: Iterable[Mapping[Any, Any]]) -> Contracts:
    by_project: dict[int, dict[str, ContractTerms | None]] = {}
    for row in rows:
        terms = None
        if (state := row["match_state"]) in COUNTED:
            is_confirmed = state == CONFIRMED
            is_named = not is_confirmed or not NUMBER_REASONS.isdisjoint(row["reasons"] or ())
            terms = terms_of(row, is_named, is_confirmed, row["since"])
        by_project.setdefault(row["project_id"], {})[row["number_sys"]] = terms
    return by_project
