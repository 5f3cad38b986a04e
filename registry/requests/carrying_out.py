"""Confirmed requests take effect: with the confirmation, or on their day by the scheduler.

Each is one transaction that locks its request and checks again that it is due: after a kill it is still due, and of
many processes that try, one carries it out.
"""

from __future__ import annotations

import logging

from sqlalchemy import select

from registry.accounts.actors import SCHEDULE, Actor
from registry.core import outbox
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.transactions import require_transaction, transaction
from registry.flags.lock import lock_flags_for_review
from registry.requests.handlers import HANDLERS
from registry.requests.journal_entries import record
from registry.requests.models import Request
from registry.requests.vocabulary import RequestKind, RequestState

log = logging.getLogger(__name__)
CARRIED_OUT_TOPIC = "request.carried-out"


def carry_out(actor: Actor, request: Request) -> None:
    """Let a confirmed request, locked by the open transaction, take effect."""
    details = HANDLERS[RequestKind(request.kind)].carry_out(actor, request)
    request.carried_out_at = now()
    require_transaction().flush()
    record(actor, "carried-out", request, details)
    outbox.enqueue(CARRIED_OUT_TOPIC, {"request": request.id})


def carry_out_due_requests() -> list[int]:
    """Carry out every request whose day has come, earliest first; returns their ids.

    One that fails is logged, stays due and is tried again by the next run; the others go on.
    """
    db.session.rollback()
    due = (Request.state == RequestState.CONFIRMED.value, Request.carried_out_at.is_(None), Request.on <= today())
    carried_out = []
    for request_id in db.session.scalars(select(Request.id).where(*due).order_by(Request.on, Request.id)).all():
        try:
            if _carry_out_if_due(request_id):
                carried_out.append(request_id)
        except Exception:
            # The top level of each request: whatever it was, the others must not wait for it.
            log.exception("request %s could not be carried out", request_id)
    return carried_out


def _carry_out_if_due(request_id: int) -> bool:
    with transaction() as session:
        lock_flags_for_review()
        statement = select(Request).where(Request.id == request_id).with_for_update(of=Request)
        request = session.scalars(statement.execution_options(populate_existing=True)).one()
        if not request.is_due:
            return False
        carry_out(SCHEDULE, request)
    return True
