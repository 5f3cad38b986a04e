"""Confirmed requests take effect: with the confirmation, or on their day by the scheduler.

Each is one transaction that locks its request and checks again that it is due: after a kill it is still due, and of
many processes that try, one carries it out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from registry.accounts.actors import SCHEDULE, Actor
from registry.core import outbox
from registry.core.clock import now
from registry.core.transactions import require_transaction, transaction
from registry.flags.lock import lock_flags_for_audit, lock_flags_for_review
from registry.requests.decisions import record, save_failure
from registry.requests.handlers import HANDLERS
from registry.requests.kinds import RequestHandler
from registry.requests.models import Request
from registry.requests.queries import due_requests
from registry.requests.vocabulary import RequestKind

log = logging.getLogger(__name__)
CARRIED_OUT_TOPIC = "request.carried-out"


def lock_flags_for(handler: RequestHandler) -> None:
    """Wait for a running audit, and for reviewers where the kind needs it; before anything else is locked."""
    if handler.excludes_reviewers:
        lock_flags_for_audit()
    else:
        lock_flags_for_review()


def carry_out(actor: Actor, request: Request) -> None:
    """Let a confirmed request, locked by the open transaction, take effect."""
    details = HANDLERS[RequestKind(request.kind)].carry_out(actor, request)
    request.carried_out_at = now()
    require_transaction().flush()
    record(actor, "carried-out", request, details)
    outbox.enqueue(CARRIED_OUT_TOPIC, {"request": request.id})


def carry_out_due_requests(is_plausible: Callable[[datetime], bool] | None = None) -> list[int]:
    """Carry out every request whose day has come, earliest first; returns their ids.

    One that fails is logged, stays due and is tried again by the next run; the others go on. The first failure of a
    day is saved, so that people get a notice. ``is_plausible``: nothing is carried out while the clock is not, because
    a succession that a wrong clock carried out cannot be undone.
    """
    due = due_requests()
    if not due or (is_plausible is not None and not is_plausible(now())):
        return []
    carried_out = []
    for request_id in due:
        try:
            if _carry_out_if_due(request_id):
                carried_out.append(request_id)
        except Exception:
            # The top level of each request: whatever it was, the others must not wait for it.
            log.exception("request %s could not be carried out", request_id)
            _save_failure(request_id)
    return carried_out


def _save_failure(request_id: int) -> None:
    try:
        save_failure(request_id)
    except Exception:
        # The database may be what failed; the next run tries both again.
        log.exception("that request %s could not be carried out could not be saved", request_id)


def _carry_out_if_due(request_id: int) -> bool:
    with transaction() as session:
        # Of requests that have a day, none lets reviewers go on.
        lock_flags_for_audit()
        statement = select(Request).where(Request.id == request_id).with_for_update(of=Request)
        request = session.scalars(statement.execution_options(populate_existing=True)).one()
        if not request.is_due:
            return False
        carry_out(SCHEDULE, request)
    return True
