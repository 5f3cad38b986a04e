"""Appeals as records of their own, with the appeals of earlier releases, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant
from registry.core.online_migrations import partial_index
from registry.core.record_guards import create_guards

revision = "2026_11_30_300"
down_revision = "2026_11_30_190"
branch_labels = None
depends_on = None

APPEALS: Final = sa.table(
    "appeals",
    *map(sa.column, ("case_id", "decision_id", "event_id", "appealed_by", "suspends", "outcome", "new_decision_id")),
    sa.column("appealed_at", Instant()),
    sa.column("decided_at", Instant()),
)
EVENTS: Final = sa.table(
    "case_events", *map(sa.column, ("id", "case_id", "action", "by", "to_status")), sa.column("at", Instant())
)
DECISIONS: Final = sa.table(
    "case_decisions",
    *map(sa.column, ("id", "case_id", "decision", "outcome", "ended_because")),
    sa.column("due_on", sa.Date()),
    sa.column("decided_at", Instant()),
)
ACCEPTING: Final = ("no_breach", "transitional_accepted")


def upgrade() -> None:
    """Create the table, and a row for each appeal of the timeline."""
    op.create_table(
        "appeals",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("decision_id", sa.Integer(), sa.ForeignKey("case_decisions.id"), nullable=False, unique=True),
        sa.Column("event_id", sa.Integer(), sa.ForeignKey("case_events.id"), nullable=False, unique=True),
        sa.Column("appealed_at", Instant(), nullable=False),
        sa.Column("appealed_by", sa.Text(), nullable=False),
        sa.Column("suspends", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(12)),
        sa.Column("decided_at", Instant()),
        sa.Column("new_decision_id", sa.Integer(), sa.ForeignKey("case_decisions.id"), unique=True),
        sa.Column("in_court_on", sa.Date()),
        sa.Column("settled_on", sa.Date()),
        sa.Column("court_outcome", sa.String(12)),
        partial_index("uq_appeals_open", "case_id", only="outcome IS NULL", unique=True),
        sa.Index(None, "case_id", "id"),
    )
    _record_earlier_appeals(op.get_bind())
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop the table; the timeline keeps the appeals."""
    op.drop_table("appeals")


def _record_earlier_appeals(connection: sa.Connection) -> None:
    appealed = sa.select(EVENTS.c.case_id).where(EVENTS.c.action == "appeal")
    events, decisions = defaultdict(list), defaultdict(list)
    for event in connection.execute(sa.select(EVENTS).where(EVENTS.c.case_id.in_(appealed)).order_by(EVENTS.c.id)):
        events[event.case_id].append(event)
    approved = sa.select(DECISIONS).where(DECISIONS.c.case_id.in_(appealed), DECISIONS.c.outcome == "approved")
    for decision in connection.execute(approved.order_by(DECISIONS.c.id)):
        decisions[decision.case_id].append(decision)
    rows = [row for case_id in events for row in _appeals_of_case(events[case_id], decisions[case_id])]
    if rows:
        connection.execute(sa.insert(APPEALS), rows)


def _appeals_of_case(events: list[Any], decisions: list[Any]) -> list[Mapping[str, Any]]:
    """Return the appeals of a case, one a decision; the last is open unless the case was decided or closed."""
    rows: dict[int, Mapping[str, Any]] = {}
    for position, event in enumerate(events):
        earlier = [each for each in decisions if each.decided_at <= event.at]
        if event.action != "appeal" or not earlier or earlier[-1].id in rows:
            continue
        decision = earlier[-1]
        new = next((each for each in decisions if each.decided_at > event.at), None)
        ended = next((each for each in events[position + 1 :] if each.to_status == "closed"), None)
        suspends = decision.ended_because == "appealed"
        outcome = None if ended is None else "discontinued"
        decided_at = None if ended is None else ended.at
        if new is not None and (ended is None or new.decided_at <= ended.at):
            outcome, decided_at = _outcome(decision, new, event.at, suspends=suspends), new.decided_at
        else:
            new = None
        rows[decision.id] = {
            "case_id": event.case_id,
            "decision_id": decision.id,
            "event_id": event.id,
            "appealed_at": event.at,
            "appealed_by": event.by,
            "suspends": suspends,
            "outcome": outcome,
            "decided_at": decided_at,
            "new_decision_id": None if new is None else new.id,
        }
    return list(rows.values())


def _outcome(appealed: Any, new: Any, at: Any, *, suspends: bool) -> str:
    """As ``registry/cases/decisions.py`` names it."""
    if new.decision in ACCEPTING and appealed.decision not in ACCEPTING:
        return "revoked"
    if new.decision != appealed.decision:
        return "changed"
    if new.due_on == appealed.due_on:
        return "upheld"
    if new.due_on is None or appealed.due_on is None or not suspends:
        return "changed"
    latest = appealed.due_on + timedelta(days=(new.decided_at - at).days + 1)
    return "upheld" if appealed.due_on < new.due_on <= latest else "changed"
