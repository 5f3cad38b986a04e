"""Requests: ask, confirm, refuse, cancel. What differs between kinds is in their handlers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from registry.accounts.actors import Actor
from registry.accounts.same_person import require_still_may
from registry.agencies.service import agencies_by_id
from registry.core import outbox
from registry.core.bulk import insert_rows, reserve_ids, table_of
from registry.core.clock import now
from registry.core.dialects import is_among
from registry.core.errors import Conflict
from registry.core.transactions import transaction, violates
from registry.projects.service import find_project
from registry.requests.carrying_out import carry_out, lock_flags_for
from registry.requests.decisions import RequestNeedsAPerson, decide, record, record_row, require_another_person
from registry.requests.handlers import HANDLERS
from registry.requests.models import Request
from registry.requests.queries import find_request_to_change, waiting_request
from registry.requests.vocabulary import RequestKind, RequestState

ASKED_TOPIC = "request.asked"
REQUEST: Final = table_of(Request).c


class RequestAlreadyWaiting(Conflict):
    """A request of the same kind waits for a decision on the same agency or project."""


class RequestNotWaiting(Conflict):
    """The request was decided or cancelled already."""


class RequestCarriedOut(Conflict):
    """The request has taken effect and cannot be cancelled."""


def ask(actor: Actor, kind: RequestKind, subject: str, values: dict[str, Any]) -> Request:
    """Ask for something about an agency (its BIN) or a project (its number), from validated values.

    Raises RoleNotAllowed, RequestNeedsAPerson, RequestAlreadyWaiting, and what the kind's ``check`` raises.
    """
    handler = HANDLERS[kind]
    actor.require(handler.asks)
    if handler.asker_is_person and not (actor.is_person or actor.is_local):
        raise RequestNeedsAPerson(id="-")
    with transaction() as session:
        asked = handler.check(actor, subject, values)
        waiting = waiting_request(kind, asked.agency_id, asked.project_id)
        if waiting is not None:
            raise RequestAlreadyWaiting(id=waiting, subject=subject)
        request = Request(
            kind=kind.value,
            state=RequestState.WAITING.value,
            agency_id=asked.agency_id,
            project_id=asked.project_id,
            to_agency_id=asked.to_agency_id,
            on=asked.on,
            act=asked.act,
            reason=asked.reason,
            details=asked.details,
            asked_by=actor.principal,
            asked_at=now(),
        )
        try:
            # A savepoint: whoever asks for several in one transaction goes on with the others.
            with session.begin_nested():
                session.add(request)
        except IntegrityError as error:
            if not violates(error, "uq_requests_waiting_agency", "uq_requests_waiting_project"):
                raise
            raise RequestAlreadyWaiting(id="-", subject=subject) from error
        session.refresh(request)
        record(actor, "asked", request, {"act": request.act, "reason": request.reason, **request.details})
        outbox.enqueue(ASKED_TOPIC, {"request": request.id})
    return request


def ask_to_withdraw(actor: Actor, projects: Sequence[Mapping[str, Any]], reason: str) -> tuple[list[str], list[str]]:
    """Ask for the withdrawal of projects that the caller has locked and may change, by few statements.

    ``projects`` have ``id``, ``number`` and ``agency_id``. Return the numbers of those whose withdrawal is asked for,
    and of those for which a request waits already. Raises RoleNotAllowed.
    """
    kind = RequestKind.WITHDRAWAL
    actor.require(HANDLERS[kind].asks)
    with transaction() as session:
        ids = [project["id"] for project in projects]
        waits = (Request.kind == kind.value, Request.state == RequestState.WAITING.value)
        waiting = set(session.scalars(select(Request.project_id).where(*waits, is_among(REQUEST.project_id, ids))))
        asked = [project for project in projects if project["id"] not in waiting]
        bins = {agency.id: agency.bin for agency in agencies_by_id().values()} if asked else {}
        rows = [
            {
                "id": request_id,
                "kind": kind.value,
                "state": RequestState.WAITING.value,
                "agency_id": project["agency_id"],
                "project_id": project["id"],
                "reason": reason,
                "details": {"duplicate_of": None},
                "asked_by": actor.principal,
                "asked_at": now(),
            }
            for request_id, project in zip(reserve_ids(session, Request, len(asked)), asked, strict=True)
        ]
        insert_rows(session, Request, rows)
        # One e-mail tells those who decide; a thousand would hide each other.
        for row in rows[:1]:
            outbox.enqueue(ASKED_TOPIC, {"request": row["id"]})
        for row, project in zip(rows, asked, strict=True):
            subject = {"request_kind": kind.value, "agency": bins[project["agency_id"]], "project": project["number"]}
            record_row(actor, "asked", row["id"], {**subject, "reason": reason})
    numbers = [project["number"] for project in asked]
    return numbers, [project["number"] for project in projects if project["id"] in waiting]


def confirm(actor: Actor, kind: RequestKind, request_id: int, reason: str | None = None) -> Request:
    """Confirm a waiting request as another person than the one who asked.

    Of a kind that two people decide, the first confirmation leaves it waiting; so does one that becomes a proposal.
    Raises RoleNotAllowed, StepUpRequired, RequestNotFound, RequestNotWaiting, RequestNeedsAPerson,
    RequestNeedsAnotherPerson, ProposerLostAccess, and NotAllowed and Conflict of the kind.
    """
    handler = HANDLERS[kind]
    actor.require(handler.decides)
    with transaction():
        lock_flags_for(handler)
        request = _waiting(actor, kind, request_id)
        require_another_person(actor, request)
        require_still_may(request.asked_by, handler.asks)
        if request.first_decided_by is not None:
            require_still_may(request.first_decided_by, handler.decides)
        handler.lock(request)
        if request.first_decided_by is None and handler.people_who_decide(request) > 1:
            request.first_decided_by, request.first_decided_at = actor.principal, now()
            record(actor, "confirmed-first", request, {"decision_reason": reason})
            outbox.enqueue(ASKED_TOPIC, {"request": request.id})
            return request
        handler.require_decider(actor, request)
        handler.check_again(request)
        if handler.propose(actor, request):
            return request
        decide(actor, request, RequestState.CONFIRMED, reason)
        if request.on is None or request.is_due:
            carry_out(actor, request)
    return request


def refuse(actor: Actor, kind: RequestKind, request_id: int, reason: str) -> Request:
    """Refuse a waiting request. Raises RoleNotAllowed, StepUpRequired, RequestNotFound and RequestNotWaiting."""
    actor.require(HANDLERS[kind].decides)
    with transaction():
        decide(actor, request := _waiting(actor, kind, request_id), RequestState.REFUSED, reason)
    return request


def cancel(actor: Actor, kind: RequestKind, request_id: int, reason: str | None = None) -> Request:
    """Cancel a request that waits, or one that is confirmed for a later day, by whoever may ask for its kind.

    Raises RoleNotAllowed, RequestNotFound, RequestNotWaiting and RequestCarriedOut, and ProjectNotFound for an agency
    that has passed the project on: it still reads the request.
    """
    actor.require(HANDLERS[kind].asks)
    with transaction():
        request = find_request_to_change(actor, kind, request_id)
        if request.project is not None:
            find_project(actor, request.project)
        if request.carried_out_at is not None:
            raise RequestCarriedOut(id=request.id)
        if not request.is_open:
            raise RequestNotWaiting(id=request.id, state=request.state)
        decide(actor, request, RequestState.CANCELLED, reason)
    return request


def _waiting(actor: Actor, kind: RequestKind, request_id: int) -> Request:
    request = find_request_to_change(actor, kind, request_id)
    if request.state != RequestState.WAITING:
        raise RequestNotWaiting(id=request.id, state=request.state)
    return request
