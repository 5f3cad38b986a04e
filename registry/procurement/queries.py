"""Contracts as a reader sees them: the list, single ones with matches and former values, counts of an agency."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
from sqlalchemy.orm import contains_eager

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.service import own_agencies
from registry.approvals.models import Approval, ApprovalKind, ApprovalKindCode, ApprovalState, current_state
from registry.core import lists
from registry.core.database import db, table_of
from registry.core.errors import NotFound
from registry.core.search import Query, contains_words, folded_words, reference_of
from registry.freeze.contract_differences import differences
from registry.freeze.policy import policy_in_force
from registry.procurement.contract_terms import terms_of
from registry.procurement.models import (
    CONTRACT,
    COUNTED,
    MATCH,
    SHOWN_STATES,
    VALUES,
    Contract,
    ContractMatch,
    FormerContract,
    MatchState,
)
from registry.projects import visibility
from registry.projects.models import Project

PROJECT: Final = table_of(Project).c
SHOWN: Final = ("id", "number_sys", "customer_bin", "is_it", "it_reason", *VALUES, "changed_at")


class ContractNotFound(NotFound):
    """No contract has that id, or the actor may not see it."""


def visible_contracts(actor: Actor) -> Select[Any]:
    """Return the query of the contracts that the actor may see: of their agencies, none of a hidden project.

    Whoever imports contracts knows them from the file: to them one of a hidden project is without a project, or what
    is missing would say that there is one.
    """
    statement = select(Contract).join(Contract.agency).options(contains_eager(Contract.agency))
    own = own_agencies(actor)
    if own is not None:
        statement = statement.where(Contract.agency_id.in_(own))
    if visibility.leaves_out_restricted(actor) and not actor.has_role_permission(Permission.CONTRACTS_IMPORT):
        # A contract without its project would say that there is none, or that it is restricted.
        restricted = select(MATCH.c.contract_id).join(Project, PROJECT.id == MATCH.c.project_id)
        statement = statement.where(Contract.id.not_in(restricted.where(PROJECT.is_restricted, is_kept())))
    return statement


def is_kept() -> ColumnElement[bool]:
    """Return the condition that a match is in force, or proposed."""
    return MATCH.c.match_state.not_in((MatchState.REJECTED.value, MatchState.ENDED.value))


def of_visible_projects(actor: Actor | None) -> list[ColumnElement[bool]]:
    """Return the conditions on matches with projects that are not withdrawn, and not hidden from the actor."""
    is_hidden = actor is not None and visibility.leaves_out_restricted(actor)
    return [visibility.NOT_WITHDRAWN, *([PROJECT.is_restricted.is_(False)] if is_hidden else [])]


def _has(actor: Actor | None, *states: str) -> ColumnElement[bool]:
    matches = select(MATCH.c.contract_id).join(Project, PROJECT.id == MATCH.c.project_id)
    return CONTRACT.c.id.in_(matches.where(MATCH.c.match_state.in_(states), *of_visible_projects(actor)))


def _of_match(actor: Actor | None, codes: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition of the filter ``match``: any of the codes."""
    matched, to_check = _has(actor, *COUNTED), _has(actor, MatchState.TO_CHECK.value)
    parts = {
        ContractMatch.MATCHED.value: matched,
        ContractMatch.TO_CHECK.value: to_check,
        ContractMatch.UNMATCHED.value: and_(not_(or_(matched, to_check)), CONTRACT.c.no_project.is_(None)),
        ContractMatch.NO_PROJECT.value: and_(not_(or_(matched, to_check)), CONTRACT.c.no_project.is_not(None)),
    }
    return or_(*(parts[code] for code in codes))


def _words(text: str) -> ColumnElement[bool]:
    query = Query(tuple((each,) for each in folded_words(text)), reference_of(text))
    return contains_words(CONTRACT.c.words, query)


def _of_project(actor: Actor | None, text: str) -> ColumnElement[bool]:
    matches = select(MATCH.c.contract_id).join(Project, PROJECT.id == MATCH.c.project_id)
    is_numbered = PROJECT.number.in_(lists.split_values(text))
    hidden = of_visible_projects(actor)[1:]
    return CONTRACT.c.id.in_(matches.where(is_numbered, is_kept(), *hidden))


def shown(actor: Actor, contracts: Sequence[Contract]) -> list[dict[str, Any]]:
    """Return contracts with the projects that they match or may match; restricted ones are journalled as read."""
    rows = [{name: getattr(each, name) for name in SHOWN} | {"agency": each.agency} for each in contracts]
    matches = _matches(actor, [row["id"] for row in rows])
    restricted = [each["project"] for each in matches if each["is_restricted"]]
    visibility.journal_restricted_reads(actor, restricted, "procurement-contracts")
    cutoff = policy_in_force().cutoff
    proposed = _proposed([row["id"] for row in rows])
    for each, row in zip(contracts, rows, strict=True):
        stated = (each.no_project, each.no_project_reason, False) if each.no_project else proposed.get(each.id)
        row["no_project"] = None if stated is None else dict(zip(NO_PROJECT_SHOWN, stated, strict=True))
        terms = terms_of(row)
        row["matches"] = [
            {name: match[name] for name in MATCH_SHOWN}
            | {"differences": [*differences(terms, match["contract_signed_on"], match["budget_kzt"], cutoff)]}
            for match in matches
            if match["contract_id"] == row["id"]
        ]
    return rows


NO_PROJECT_SHOWN: Final = ("why", "reason", "waits")


def contract_subject(contract_id: int) -> str:
    """Return the subject of a proposal about a contract alone."""
    return f"contract:{contract_id}"


class AboutContract(ApprovalKind):
    """A kind of approval about a contract; lists call it by its number on the portal."""

    def names_of(self, subjects: Collection[str]) -> Mapping[str, str]:
        """Return the numbers of the contracts; a subject is ``contract:12`` or ``contract-match:12:`` and a project."""
        ids = {subject: int(subject.split(":")[1]) for subject in subjects}
        rows = db.session.execute(select(CONTRACT.c.id, CONTRACT.c.number_sys).where(CONTRACT.c.id.in_(ids.values())))
        numbers = {row.id: row.number_sys for row in rows}
        return {subject: numbers[contract_id] for subject, contract_id in ids.items() if contract_id in numbers}


def _proposed(ids: Iterable[int]) -> dict[int, tuple[str, str, bool]]:
    """Return of contracts what their agencies say of them and oversight has yet to decide."""
    subjects = {contract_subject(each): each for each in ids}
    waiting = (
        Approval.kind == ApprovalKindCode.CONTRACT_NO_PROJECT.value,
        current_state() == ApprovalState.WAITING.value,
    )
    statement = select(Approval.subject, Approval.payload, Approval.reason).where(
        *waiting, Approval.subject.in_([*subjects])
    )
    rows = db.session.execute(statement)
    return {subjects[row.subject]: (row.payload["no_project"], row.reason, True) for row in rows}


def rejected_no_project(contract_id: int) -> str | None:
    """Return why oversight rejected the last proposal that a contract belongs to no project."""
    of_contract = (
        Approval.kind == ApprovalKindCode.CONTRACT_NO_PROJECT.value,
        Approval.subject == contract_subject(contract_id),
    )
    last = select(Approval).where(*of_contract).order_by(Approval.id.desc()).limit(1)
    approval: Approval | None = db.session.scalar(last)
    if approval is None or approval.state != ApprovalState.REJECTED:
        return None
    return approval.decision_reason


COMPARED: Final = ("is_restricted", "contract_signed_on", "budget_kzt")
MATCH_SHOWN: Final = ("project", "match_state", "score", "reasons", "decided_at", "remark")


def _matches(actor: Actor, ids: Iterable[int]) -> list[Mapping[str, Any]]:
    columns = [MATCH.c[name] for name in ("contract_id", *MATCH_SHOWN[1:])]
    statement = (
        select(*columns, PROJECT.number.label("project"), *(PROJECT[name] for name in COMPARED))
        .join(Project, PROJECT.id == MATCH.c.project_id)
        .where(
            MATCH.c.contract_id.in_([*ids]),
            MATCH.c.match_state.in_(SHOWN_STATES),
            visibility.NOT_WITHDRAWN,
            *visibility.visible_projects(actor),
        )
        .order_by(MATCH.c.score.desc(), MATCH.c.id)
    )
    return [*db.session.execute(statement).mappings()]


CONTRACT_LIST: Final = lists.RecordList(
    name="contracts",
    permission=Permission.CONTRACTS_READ,
    rows=visible_contracts,
    unique=Contract.id.expression,
    shown=shown,
    filters={
        "agency": lists.BinFilter(Agency.bin.expression),
        "customer_bin": lists.BinFilter(CONTRACT.c.customer_bin),
        "number_sys": lists.TextFilter(CONTRACT.c.number_sys),
        "contract_number": lists.TextFilter(CONTRACT.c.contract_number),
        "supplier_bin": lists.BinFilter(CONTRACT.c.supplier_bin),
        "project": lists.ReaderFilter(
            lambda actor: lists.CustomFilter(partial(_of_project, actor), lists.TextFilter(PROJECT.number))
        ),
        "is_it": lists.BooleanFilter(CONTRACT.c.is_it),
        "match": lists.ReaderFilter(lambda actor: lists.CodesFilter(partial(_of_match, actor), ContractMatch.codes())),
        **lists.date_filters("signed_on", CONTRACT.c.signed_on),
        **lists.range_filters(lists.AmountFilter, "current_sum_kzt", CONTRACT.c.current_sum_kzt),
        "q": lists.WordsFilter(_words, "Words of the description or the supplier, or a number."),
    },
    sorts=lists.sort_keys(CONTRACT.c.id, CONTRACT.c.signed_on, CONTRACT.c.current_sum_kzt),
    default_sort="-signed_on",
    amount=("current_sum_kzt", CONTRACT.c.id),
)


def find_contract(actor: Actor, contract_id: int) -> Contract:
    """Return the contract with that id. Raises RoleNotAllowed and ContractNotFound."""
    actor.require(Permission.CONTRACTS_READ)
    contract: Contract | None = db.session.scalar(visible_contracts(actor).where(Contract.id == contract_id))
    if contract is None:
        raise ContractNotFound(id=contract_id)
    return contract


def read_contract(actor: Actor, contract_id: int) -> dict[str, Any]:
    """Return a contract with its matches, and what the portal said of it before, the newest first.

    Raises RoleNotAllowed and ContractNotFound.
    """
    contract = find_contract(actor, contract_id)
    (row,) = shown(actor, [contract])
    former = select(FormerContract).where(FormerContract.contract_id == contract_id).order_by(FormerContract.id.desc())
    columns = ("until", *VALUES)
    row["former"] = [{name: getattr(each, name) for name in columns} for each in db.session.scalars(former)]
    return row


def projects_without_contract(actor: Actor, agency: Agency) -> int:
    """Count the projects of an agency for which no contract of the portal is known."""
    statement = (
        select(func.count()).select_from(Project).where(*without_contract(agency), *visibility.visible_projects(actor))
    )
    return db.session.scalar(statement) or 0


def without_contract(agency: Agency) -> list[ColumnElement[bool]]:
    """Return the conditions on the projects of an agency for which no contract of the portal is known."""
    matched = select(MATCH.c.project_id).where(MATCH.c.match_state.in_(COUNTED))
    return [PROJECT.agency_id == agency.id, visibility.NOT_WITHDRAWN, PROJECT.id.not_in(matched)]
