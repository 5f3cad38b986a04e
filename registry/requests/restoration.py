"""Restoration: a supervisor puts a withdrawn project back under the law, with the flags that its withdrawal cleared."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core import outbox
from registry.core.clock import now, rfc3339
from registry.core.database import db
from registry.core.errors import Conflict
from registry.core.transactions import transaction
from registry.flags.freeze_status import update_freeze_status
from registry.flags.lock import lock_flags_for_review
from registry.flags.withdrawn_projects import reopen_flags
from registry.projects.change_times import PROJECT
from registry.projects.models import Project
from registry.projects.service import find_project_to_change
from registry.projects.visibility import save_freeze_status_change
from registry.requests.decisions import RequestNeedsAPerson, record
from registry.requests.models import Request
from registry.requests.queries import find_request_to_change
from registry.requests.vocabulary import RequestKind

RESTORED_TOPIC = "request.restored"


class WithdrawalNotInEffect(Conflict):
    """The withdrawal has not taken effect, or the project was restored already."""


def is_in_effect(request: Request) -> bool:
    """True for a withdrawal whose project is withdrawn because of it."""
    done = request.kind == RequestKind.WITHDRAWAL and request.carried_out_at is not None
    return done and request.details.get("restored_at") is None


def withdrawal_in_effect(project: Project) -> Request | None:
    """The request by which a project is withdrawn; None for one that is not."""
    if project.withdrawn_at is None:
        return None
    of_project = (Request.kind == RequestKind.WITHDRAWAL.value, Request.project_id == project.id)
    done = select(Request).where(*of_project, Request.carried_out_at.is_not(None)).order_by(Request.id.desc())
    return db.session.scalars(done.limit(1)).first()


def was_withdrawn_at(project: Project, at: datetime) -> bool:
    """True when the project was withdrawn then, also when it has been restored since."""
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
        raise RequestNeedsAPerson(id=request_id)
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
        update_freeze_status(at, PROJECT.c.id == project.id)
        session.refresh(project)
        details = {"request": request.id, "reason": reason}
        save_freeze_status_change(actor, project, before, at, "project.restored", details)
        restored = {"restored_by": actor.principal, "restored_at": rfc3339(at), "restoration_reason": reason}
        request.details = {**request.details, **restored}
        flag_modified(request, "details")
        session.flush()
        record(actor, "restored", request, {"reason": reason, "flags_reopened": len(request.details["flags"])})
        outbox.enqueue(RESTORED_TOPIC, {"request": request.id})
    return request
