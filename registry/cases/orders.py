"""The register of orders: what agencies have to do, by when, and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, select

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.vocabulary import Region
from registry.cases.models import Case, CaseDecision, Order
from registry.cases.vocabulary import DecisionEnd, DecisionKind, OrderState, Status
from registry.cases.workflow import ORDERING
from registry.core import lists
from registry.core.clock import today
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, visible_projects
from registry.projects.vocabulary import Sector

NAMES: Final = ("name_kk", "name_ru", "name_en")
ENDS: Final = {
    DecisionEnd.APPEALED: OrderState.SUSPENDED,
    DecisionEnd.REPLACED: OrderState.REPLACED,
    DecisionEnd.WITHDRAWN: OrderState.WITHDRAWN,
}


def _state() -> ColumnElement[str]:
    ends = case({end.value: state.value for end, state in ENDS.items()}, value=Order.ended_because)
    return case(
        (Order.ended_at.is_not(None), ends),
        (Case.status == Status.AWAITING_CONFIRMATION.value, OrderState.TO_CONFIRM.value),
        (Case.status == Status.CLOSED.value, OrderState.FULFILLED.value),
        (Order.due_on < today(), OrderState.OVERDUE.value),
        else_=OrderState.IN_FORCE.value,
    )


def _rows(actor: Actor) -> Select[Any]:
    columns = (Order.id, Order.decision, Order.due_on, Order.approved_at, Order.ended_at, CaseDecision.case_id)
    names = [getattr(Project, name) for name in NAMES]
    of_agency = [getattr(Agency, name).label(f"agency_{name}") for name in NAMES]
    return (
        select(*columns, *names, Project.number.label("project"), Project.is_restricted, Agency.bin.label("agency"))
        .add_columns(*of_agency, _state().label("state"))
        .join(CaseDecision, CaseDecision.order_id == Order.id)
        .join(Case, Case.id == CaseDecision.case_id)
        .join(Project, Project.id == Order.project_id)
        .join(Agency, Agency.id == Project.agency_id)
        .where(*visible_projects(actor))
    )


def _shown(actor: Actor, rows: Sequence[Any]) -> list[dict[str, Any]]:
    journal_restricted_reads(actor, [row["project"] for row in rows if row["is_restricted"]], "orders")
    return [
        {
            **row,
            "agency_names": {name: row[f"agency_{name}"] for name in NAMES},
            "case": row["case_id"],
            "days_left": _days_left(row),
        }
        for row in rows
    ]


def _days_left(row: Any) -> int | None:
    counts = row["due_on"] is not None and row["state"] in (OrderState.IN_FORCE, OrderState.OVERDUE)
    return (row["due_on"] - today()).days if counts else None


ORDER_LIST: Final = lists.RecordList(
    name="orders",
    permission=Permission.CASES_READ,
    rows=_rows,
    unique=Order.id.expression,
    shown=_shown,
    filters={
        "state": lists.ChoiceFilter(_state, OrderState.codes()),
        "decision": lists.ChoiceFilter(Order.decision.expression, tuple(DecisionKind(each).value for each in ORDERING)),
        "project": lists.TextFilter(Project.number.expression),
        "agency": lists.BinFilter(Agency.bin.expression),
        "region": lists.ChoiceFilter(Project.region.expression, Region.codes()),
        "sector": lists.ChoiceFilter(Project.sector.expression, Sector.codes()),
        **lists.date_filters("due_on", Order.due_on.expression),
        **lists.instant_filters("approved_at", Order.approved_at.expression),
    },
    sorts=lists.sort_keys(Order.id.expression, Order.due_on.expression),
    negatable=True,
)
