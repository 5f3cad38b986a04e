"""The registers of orders and of appeals: what agencies have to do, by when, and what they contest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, select
from sqlalchemy.orm import aliased

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.queries import BY_NAME
from registry.cases.models import Appeal, Case, CaseDecision, Order
from registry.cases.vocabulary import AppealOutcome, AppealState, DecisionEnd, DecisionKind, OrderState, Status
from registry.cases.workflow import ORDERING
from registry.core import lists
from registry.core.clock import local_date, today
from registry.core.database import db
from registry.freeze.vocabulary import FINAL_STAGES, Placement
from registry.projects.filters import OF_PROJECT
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, visible_projects

ENDS: Final = {
    # An appeal that is decided led to another decision.
    DecisionEnd.APPEALED: OrderState.REPLACED,
    DecisionEnd.REPLACED: OrderState.REPLACED,
    DecisionEnd.WITHDRAWN: OrderState.WITHDRAWN,
}


# The appeal of the decision behind an order, and the one that this decision decided.
OF_ORDER: Final = aliased(Appeal)
DECIDED: Final = aliased(Appeal)


def _state() -> ColumnElement[str]:
    ends = case({end.value: state.value for end, state in ENDS.items()}, value=Order.ended_because)
    is_open = OF_ORDER.id.is_not(None) & OF_ORDER.outcome.is_(None)
    return case(
        (is_open & (Order.ended_because == DecisionEnd.APPEALED.value), OrderState.SUSPENDED.value),
        (OF_ORDER.outcome == AppealOutcome.REVOKED.value, OrderState.REVOKED.value),
        (Order.ended_at.is_not(None), ends),
        (Case.status == Status.AWAITING_CONFIRMATION.value, OrderState.TO_CONFIRM.value),
        (Case.status == Status.CLOSED.value, OrderState.FULFILLED.value),
        (DECIDED.in_court_on.is_not(None) & DECIDED.settled_on.is_(None), OrderState.IN_COURT.value),
        (Order.due_on < today(), OrderState.OVERDUE.value),
        else_=OrderState.IN_FORCE.value,
    )


def _is_claimed() -> ColumnElement[bool]:
    """Condition: the record says that the order is carried out, and nobody has confirmed it."""
    moved = (Project.placement == Placement.ON_PLATFORM.value) & Project.placement_verified_on.is_(None)
    ended = Project.stage.in_(FINAL_STAGES) & Project.ending_confirmed_on.is_(None)
    claims = case((Order.decision == DecisionKind.MIGRATE_BY.value, moved), else_=ended)
    return Order.ended_at.is_(None) & (Case.status != Status.CLOSED.value) & claims


def _rows(actor: Actor) -> Select[Any]:
    columns = (Order.id, Order.decision, Order.due_on, Order.approved_at, Order.ended_at, CaseDecision.case_id)
    return (
        select(*columns, Project.number.label("project"), Project.is_restricted, Agency.bin.label("agency"))
        .add_columns(_state().label("state"), _is_claimed().label("fulfilment_claimed"))
        .join(CaseDecision, CaseDecision.order_id == Order.id)
        .join(Case, Case.id == CaseDecision.case_id)
        .outerjoin(OF_ORDER, OF_ORDER.decision_id == CaseDecision.id)
        .outerjoin(DECIDED, DECIDED.new_decision_id == CaseDecision.id)
        .join(Project, Project.id == Order.project_id)
        .join(Agency, Agency.id == Project.agency_id)
        .where(*visible_projects(actor))
    )


def _shown(actor: Actor, rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [{**row, "days_left": _days_left(row)} for row in _with_cases(actor, rows, "orders")]


def _with_cases(actor: Actor, rows: Sequence[Any], what: str) -> list[dict[str, Any]]:
    journal_restricted_reads(actor, [row["project"] for row in rows if row["is_restricted"]], what)
    reads_cases = actor.may(Permission.CASES_READ)
    return [{**row, "case": row["case_id"] if reads_cases else None} for row in rows]


COUNTING: Final = (OrderState.IN_FORCE, OrderState.OVERDUE, OrderState.IN_COURT)


def _days_left(row: Any) -> int | None:
    counts = row["due_on"] is not None and row["state"] in COUNTING
    return (row["due_on"] - today()).days if counts else None


ORDER_LIST: Final = lists.RecordList(
    name="orders",
    permission=Permission.ORDERS_READ,
    rows=_rows,
    unique=Order.id.expression,
    shown=_shown,
    filters={
        "state": lists.ChoiceFilter(_state, OrderState.codes()),
        "fulfilment_claimed": lists.PredicateFilter(_is_claimed),
        "decision": lists.ChoiceFilter(Order.decision.expression, tuple(DecisionKind(each).value for each in ORDERING)),
        **OF_PROJECT,
        **lists.date_filters("due_on", Order.due_on.expression),
        **lists.instant_filters("approved_at", Order.approved_at.expression),
    },
    sorts={
        **lists.sort_keys(Order.id.expression, Order.due_on.expression, Project.budget_kzt.expression),
        BY_NAME.name: BY_NAME,
    },
    negatable=True,
    amount=("budget_kzt", Order.project_id.expression),
)


# What still binds the agency, or would without its appeal.
OPEN_STATES: Final = (*COUNTING, OrderState.TO_CONFIRM, OrderState.SUSPENDED)


def order_of_project(actor: Actor, project_id: int) -> dict[str, Any] | None:
    """Return a project's newest order as the list has it, and the day of its approval as ``ordered_on``; None where it
    has ended.
    """
    newest = _rows(actor).where(Order.project_id == project_id).order_by(Order.id.desc()).limit(1)
    row = db.session.execute(newest).mappings().first()
    if row is None or row["state"] not in OPEN_STATES:
        return None
    binds = row["state"] in COUNTING
    return {**row, "days_left": _days_left(row), "binds": binds, "ordered_on": local_date(row["approved_at"])}


# Appeals, each of one decision.


def _appeal_state() -> ColumnElement[str]:
    return case(
        (Appeal.outcome.is_(None), AppealState.OPEN.value),
        (Appeal.settled_on.is_not(None), AppealState.SETTLED.value),
        (Appeal.in_court_on.is_not(None), AppealState.IN_COURT.value),
        else_=AppealState.DECIDED.value,
    )


def _appeals(actor: Actor) -> Select[Any]:
    of_appeal = ("id", "case_id", "appealed_at", "suspends", "outcome", "decided_at", "in_court_on", "settled_on")
    columns = [getattr(Appeal, name) for name in (*of_appeal, "court_outcome")]
    due_on = case((Appeal.outcome.is_(None), Case.due_on)).label("due_on")
    return (
        select(*columns, Project.number.label("project"), Project.is_restricted, Agency.bin.label("agency"))
        .add_columns(CaseDecision.decision, due_on, _appeal_state().label("state"))
        .join(CaseDecision, CaseDecision.id == Appeal.decision_id)
        .join(Case, Case.id == Appeal.case_id)
        .join(Project, Project.id == Case.project_id)
        .join(Agency, Agency.id == Project.agency_id)
        .where(*visible_projects(actor))
    )


APPEAL_LIST: Final = lists.RecordList(
    name="appeals",
    permission=Permission.ORDERS_READ,
    rows=_appeals,
    unique=Appeal.id.expression,
    shown=lambda actor, rows: _with_cases(actor, rows, "appeals"),
    filters={
        "state": lists.ChoiceFilter(_appeal_state, AppealState.codes()),
        "outcome": lists.ChoiceFilter(Appeal.outcome.expression, AppealOutcome.codes()),
        **OF_PROJECT,
        **lists.instant_filters("appealed_at", Appeal.appealed_at.expression),
    },
    sorts=lists.sort_keys(Appeal.id.expression),
    negatable=True,
)
