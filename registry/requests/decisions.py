"""A request is decided: its state, who decided and when, the journal entry and the notice."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.approvals.service import end_outdated
from registry.approvals.tables import Approval
from registry.core import outbox
from registry.core.clock import now
from registry.core.transactions import require_transaction
from registry.requests.journal_entries import record
from registry.requests.models import Request
from registry.requests.vocabulary import RequestState

DECIDED_TOPIC = "request.decided"


def decide(actor: Actor, request: Request, state: RequestState, reason: str | None) -> None:
    """Decide a request that the open transaction has locked."""
    request.state, request.decision_reason = state.value, reason
    request.decided_by, request.decided_at = actor.principal, now()
    require_transaction().flush()
    record(actor, state.value, request, {"decision_reason": reason})
    if "approval" in request.details:
        end_outdated(actor, Approval.id.expression == request.details["approval"])
    outbox.enqueue(DECIDED_TOPIC, {"request": request.id})


def cancel_other_requests(actor: Actor, request: Request) -> None:
    """Cancel the other requests about the project that wait, in the open transaction.

    One that somebody decides at this moment is passed over: whoever decides it gets ProjectWithdrawn.
    """
    others = (Request.project_id == request.project_id, Request.id != request.id)
    waiting = select(Request).where(*others, Request.state == RequestState.WAITING.value).order_by(Request.id)
    for other in require_transaction().scalars(waiting.with_for_update(of=Request, skip_locked=True)).all():
        decide(actor, other, RequestState.CANCELLED, request.reason)
