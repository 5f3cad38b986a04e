"""Agencies with projects, cases and orders, and what of theirs a succession must neither lose nor reset."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from registry.accounts.models import Account
from registry.accounts.tokens import Token
from registry.agencies.models import Agency
from registry.cases.models import Case, CaseDecision, CaseEvent, Order
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.flags.models import Flag
from registry.projects.documents import Document, add_document
from registry.projects.models import Project
from tests.cases.cast import AIGERIM, SAULE, act, audit, migrate_by
from tests.factories import ADMINISTRATOR, a_project

# Columns that a succession changes on purpose.
CHANGING = {"agency_id", "version", "updated_at", "changed_at", "external_id"}


def fill(agencies: list[Agency], projects: int, cases: int, orders: int) -> None:
    """Register projects of the agencies in turn; as many open cases as asked, the first of them with orders."""
    for place in range(projects):
        flagged = place < cases
        a_project(
            agencies[place % len(agencies)],
            external_id=f"E-{place // len(agencies)}",
            budget_kzt=1_000_000 + place,
            **({} if flagged else {"work_type": "maintenance", "stage": "operation", "placement": "on_platform"}),
            **({} if flagged else {"contract_signed_on": None, "work_started_on": None}),
        )
    audit()
    opened = list(db.session.scalars(select(Case.id).where(Case.status != "closed").order_by(Case.id)))
    for case_id in opened[:orders]:
        act(AIGERIM, case_id, "claim")
        act(AIGERIM, case_id, "propose", migrate_by(today() + timedelta(days=100)))
        act(SAULE, case_id, "approve")
    for case_id in opened[orders : 2 * orders]:
        act(AIGERIM, case_id, "claim")
        act(AIGERIM, case_id, "ask", "Why?")
    project = db.session.scalars(select(Project).limit(1)).first()
    if project is not None:
        with transaction():
            add_document(ADMINISTRATOR, project, "a.txt", "text/plain", b"x")


def everything() -> dict[str, Any]:
    """What must be the same before and after: every row but the columns that a succession changes."""
    db.session.rollback()
    rows = {
        model.__tablename__: sorted(
            tuple(str(value) for name, value in row.items() if name not in CHANGING)
            for row in db.session.execute(select(model.__table__)).mappings()
        )
        for model in (Project, Case, CaseEvent, CaseDecision, Order, Flag, Document, Account, Token)
    }
    budget = db.session.scalar(select(func.sum(Project.budget_kzt)))
    return {**rows, "budget": None if budget is None else int(budget)}


def deadlines() -> dict[int, tuple[date | None, int | None]]:
    """The due date and the review days left of every case."""
    db.session.rollback()
    return {row.id: (row.due_on, row.review_days_left) for row in db.session.scalars(select(Case))}


def holders() -> Counter[int]:
    """How many projects each agency has, by id."""
    db.session.rollback()
    return Counter(db.session.scalars(select(Project.agency_id)))
