"""Decisions of requests: another person than who asked, state, journal entry and notice"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from registry.accounts import same_person
from registry.accounts.roles import SCHEDULE, Actor
from registry.approvals.service import end_outdated
from registry.approvals.tables import Approval
from registry.core.clock import local_date, now, rfc3339, today
from registry.core.database import require_transaction, transaction
from registry.core.errors import NotAllowed
from registry.journal import service as journal
from registry.requests.models import Request, RequestState

# Journal entries of requests: what was asked, decided and carried out, with the subject ``request:<id>``.


def record(actor: Actor, action: str, request: Request, details: dict[str, Any] | None = None) -> None:
    """Write the entry ``request.<action>`` in the open transaction."""
    subject: dict[str, Any] = {
        "request_kind": request.kind,
        "agency": request.agency,
        "project": request.project,
        "to_agency": request.to_agency,
        "on": None if request.on is None else request.on.isoformat(),
    }
    record_row(actor, action, request.id, {**subject, **(details or {})})


def record_row(actor: Actor, action: str, request_id: int, details: dict[str, Any]) -> None:
    """The same for a request that was written by a bulk insert."""
    entry = {name: value for name, value in details.items() if value is not None}
    journal.record(actor, f"request.{action}", f"request:{request_id}", entry)


# A request is decided: its state, who decided and when, and the journal entry.


def decide(actor: Actor, request: Request, state: RequestState, reason: str | None) -> None:
    """Decide a request that the open transaction has locked."""
    request.state, request.decision_reason = state.value, reason
    request.decided_by, request.decided_account_id = actor.principal, actor.account_id
    request.decided_at = now()
    require_transaction().flush()
    record(actor, state.value, request, {"decision_reason": reason})
    if "approval" in request.details:
        end_outdated(actor, Approval.id.expression == request.details["approval"])


def cancel_other_requests(actor: Actor, request: Request) -> None:
    """Cancel the other requests about the project that wait, in the open transaction.

    One that somebody decides at this moment is passed over: whoever decides it gets ProjectWithdrawn.
    """
    others = (Request.project_id == request.project_id, Request.id != request.id)
    waiting = select(Request).where(*others, Request.state == RequestState.WAITING.value).order_by(Request.id)
    for other in require_transaction().scalars(waiting.with_for_update(of=Request, skip_locked=True)).all():
        decide(actor, other, RequestState.CANCELLED, request.reason)


# Whether who decides a request is another person than who asked, and than who decided first.


class RequestNeedsAPerson(NotAllowed):
    """A service account neither asks nor decides where two people are required."""


class RequestNeedsAnotherPerson(NotAllowed):
    """Who asked, or decided first, is the person who wants to confirm."""


def require_another_person(actor: Actor, request: Request) -> None:
    """Raise RequestNeedsAPerson for service accounts, RequestNeedsAnotherPerson for who asked or decided first."""
    if not actor.is_person:
        raise RequestNeedsAPerson(id=request.id)
    if not is_another_person(actor, request):
        raise RequestNeedsAnotherPerson(id=request.id)


def is_another_person(actor: Actor, request: Request) -> bool:
    """Return True when the actor neither asked nor decided first, under any name and by no service account."""
    earlier = [request.asked_account_id or request.asked_by]
    if request.first_decided_by is not None:
        earlier.append(request.first_decided_account_id or request.first_decided_by)
    return same_person.is_another_person(actor, earlier, request.asked_at)


# Confirmed requests that could not take effect: saved once a day, for a notice and for the page of the request.


def save_failure(request_id: int) -> None:
    """Save that a due request failed now, unless that was saved today or it has been decided otherwise meanwhile."""
    with transaction() as session:
        statement = select(Request).where(Request.id == request_id).with_for_update(of=Request)
        request = session.scalars(statement.execution_options(populate_existing=True)).one()
        if not request.is_due or _failed_on(request) == today():
            return
        request.details = {**request.details, "failed_at": rfc3339(now())}
        record(SCHEDULE, "failed", request)


def _failed_on(request: Request) -> date | None:
    at = request.details.get("failed_at")
    return None if at is None else local_date(datetime.fromisoformat(at))
