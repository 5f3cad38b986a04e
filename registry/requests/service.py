"""Requests: ask, confirm, refuse, cancel. What differs between kinds is in their handlers."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified

from registry.accounts.roles import SCHEDULE, Actor, Permission
from registry.accounts.same_person import require_still_may
from registry.agencies.service import agencies_by_id
from registry.core.clock import now, rfc3339
from registry.core.database import db, require_transaction, table_of, transaction, violates
from registry.core.dialects import is_among, reserve_ids
from registry.core.errors import Conflict
from registry.flags.former_flags import reopen_flags
from registry.flags.freeze_status import update_freeze_status
from registry.flags.models import lock_flags_for_audit, lock_flags_for_review
from registry.projects.models import STATUS, Project
from registry.projects.service import find_project, find_project_to_change
from registry.projects.visibility import save_freeze_status_change
from registry.requests import kinds
from registry.requests.kinds import Asked, RequestHandler
from registry.requests.models import Request, RequestKind, RequestState
from registry.requests.queries import HANDLERS, due_requests, find_request_to_change, waiting_request

# Confirmed requests take effect: with the confirmation, or on their day by the scheduler.
#
# Each is one transaction that locks its request and checks again that it is due: after a kill it is still due, and
# of many processes that try, one carries it out.

log = logging.getLogger(__name__)


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
    kinds.record(actor, "carried-out", request, details)


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
        kinds.save_failure(request_id)
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


# Restoration: a supervisor puts a withdrawn project back under the law, with the flags that its withdrawal cleared.


class WithdrawalNotInEffect(Conflict):
    """The withdrawal has not taken effect, or the project was restored already."""


def is_in_effect(request: Request) -> bool:
    """True for a withdrawal whose project is withdrawn because of it."""
    done = request.kind == RequestKind.WITHDRAWAL and request.carried_out_at is not None
    return done and request.details.get("restored_at") is None


def withdrawal_in_effect(project: Project) -> Request | None:
    """Return the request by which a project is withdrawn; None for one that is not."""
    if project.withdrawn_at is None:
        return None
    of_project = (Request.kind == RequestKind.WITHDRAWAL.value, Request.project_id == project.id)
    done = select(Request).where(*of_project, Request.carried_out_at.is_not(None)).order_by(Request.id.desc())
    return db.session.scalars(done.limit(1)).first()


def was_withdrawn_at(project: Project, at: datetime) -> bool:
    """Return True when the project was withdrawn then, also when it has been restored since."""
    of_project = (Request.kind == RequestKind.WITHDRAWAL.value, Request.project_id == project.id)
    before = db.session.scalars(select(Request).where(*of_project, Request.carried_out_at <= at)).all()
    restored = [each.details.get("restored_at") for each in before]
    # Instants as text of one length in UTC.
    return any(each is None or each > rfc3339(at) for each in restored)


def restore_project(actor: Actor, request_id: int, reason: str) -> Request:
    """Restore the project of a withdrawal that took effect.

    Its flags are active again as they were. The next audit judges it and reopens its case; orders stay ended, so that
    people decide again. Raises RoleNotAllowed, StepUpRequired, RequestNeedsAPerson, RequestNotFound and
    WithdrawalNotInEffect.
    """
    # One supervisor is sufficient: it ends nothing, and puts the record back where audits and reviewers see it.
    actor.require(Permission.CASES_APPROVE)
    if not actor.is_person:
        raise kinds.RequestNeedsAPerson(id=request_id)
    with transaction() as session:
        lock_flags_for_review()
        request = find_request_to_change(actor, RequestKind.WITHDRAWAL, request_id)
        if not is_in_effect(request) or request.project is None:
            raise WithdrawalNotInEffect(id=request.id)
        project = find_project_to_change(actor, request.project, even_withdrawn=True)
        at, before = now(), project.freeze_status
        reopen_flags(request.details["flags"], at)
        project.withdrawn_at = None
        session.flush()
        update_freeze_status(at, STATUS.c.project_id == project.id)
        session.refresh(project)
        details = {"request": request.id, "reason": reason}
        save_freeze_status_change(actor, project, before, at, "project.restored", details)
        restored = {"restored_by": actor.principal, "restored_at": rfc3339(at), "restoration_reason": reason}
        request.details = {**request.details, **restored}
        flag_modified(request, "details")
        session.flush()
        kinds.record(actor, "restored", request, {"reason": reason, "flags_reopened": len(request.details["flags"])})
    return request


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
        raise kinds.RequestNeedsAPerson(id="-")
    with transaction() as session:
        asked = handler.check(actor, subject, values)
        waiting = waiting_request(kind, asked.agency_id, asked.project_id)
        if waiting is not None:
            raise RequestAlreadyWaiting(id=waiting, subject=subject)
        try:
            # A savepoint: whoever asks for several in one transaction goes on with the others.
            with session.begin_nested():
                [request] = _store(actor, kind, [asked], [None])
        except IntegrityError as error:
            if not violates(error, "uq_requests_waiting_agency", "uq_requests_waiting_project"):
                raise
            raise RequestAlreadyWaiting(id="-", subject=subject) from error
        session.refresh(request)
        kinds.record(actor, "asked", request, {"act": request.act, "reason": request.reason, **request.details})
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
        withdrawals = [
            Asked(each["agency_id"], reason, project_id=each["id"], details={"duplicate_of": None}) for each in asked
        ]
        # SQLite inserts together only what has its ids.
        requests = _store(actor, kind, withdrawals, reserve_ids(session, Request, len(asked)))
        for request, project in zip(requests, asked, strict=True):
            subject = {"request_kind": kind.value, "agency": bins[project["agency_id"]], "project": project["number"]}
            kinds.record_row(actor, "asked", request.id, {**subject, "reason": reason})
    numbers = [project["number"] for project in asked]
    return numbers, [project["number"] for project in projects if project["id"] in waiting]


def _store(actor: Actor, kind: RequestKind, asked: Sequence[Asked], ids: Sequence[int | None]) -> list[Request]:
    """Store requests that were checked, in the open transaction; None for an id that the database gives."""
    session = require_transaction()
    asker = {"asked_by": actor.principal, "asked_account_id": actor.account_id, "asked_at": now()}
    state = {"kind": kind.value, "state": RequestState.WAITING.value}
    requests = [Request(id=id_, **asdict(each), **asker, **state) for id_, each in zip(ids, asked, strict=True)]
    session.add_all(requests)
    session.flush()
    return requests


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
        kinds.require_another_person(actor, request)
        require_still_may(request.asked_account_id, request.asked_by, handler.asks)
        if request.first_decided_by is not None:
            require_still_may(request.first_decided_account_id, request.first_decided_by, handler.decides)
        handler.lock(request)
        if request.first_decided_by is None and handler.people_who_decide(request) > 1:
            request.first_decided_by, request.first_decided_account_id = actor.principal, actor.account_id
            request.first_decided_at = now()
            kinds.record(actor, "confirmed-first", request, {"decision_reason": reason})
            return request
        handler.require_decider(actor, request)
        handler.check_again(request)
        if handler.propose(actor, request):
            return request
        kinds.decide(actor, request, RequestState.CONFIRMED, reason)
        if request.on is None or request.is_due:
            carry_out(actor, request)
    return request


def refuse(actor: Actor, kind: RequestKind, request_id: int, reason: str) -> Request:
    """Refuse a waiting request. Raises RoleNotAllowed, StepUpRequired, RequestNotFound and RequestNotWaiting."""
    actor.require(HANDLERS[kind].decides)
    with transaction():
        kinds.decide(actor, request := _waiting(actor, kind, request_id), RequestState.REFUSED, reason)
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
        kinds.decide(actor, request, RequestState.CANCELLED, reason)
    return request


def _waiting(actor: Actor, kind: RequestKind, request_id: int) -> Request:
    request = find_request_to_change(actor, kind, request_id)
    if request.state != RequestState.WAITING:
        raise RequestNotWaiting(id=request.id, state=request.state)
    return request
