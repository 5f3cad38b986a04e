"""Approvals that the actor may see: single ones, the list, and how many wait for the actor."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select, true

from registry.accounts.roles import Actor, Permission
from registry.accounts.same_person import acted
from registry.agencies.models import Agency
from registry.agencies.service import own_agencies
from registry.approvals.models import KINDS, Approval, ApprovalKindCode, ApprovalState, current_state
from registry.core import lists
from registry.core.database import db, require_transaction, table_of
from registry.core.errors import NotFound
from registry.projects.documents import Document, DocumentNotFound, read_document_of
from registry.projects.models import Project
from registry.projects.visibility import among_visible, journal_restricted_reads

PROJECT_ID: Final[ColumnElement[int]] = table_of(Approval).c.project_id
MAX_SHOWN: Final = 10


class ApprovalNotFound(NotFound):
    """No approval has this id, or the actor may not see it."""


def waiting_for(actor: Actor, limit: int) -> list[dict[str, Any]]:
    """Return the approvals that the actor can decide, the oldest first: waiting, and proposed by somebody else.

    Restricted projects among them are journalled as read.
    """
    statement = select(Approval).where(*_waits_for(actor)).order_by(Approval.id).limit(limit)
    approvals = list(db.session.scalars(statement))
    shown = _shown(approvals)
    journal_restricted_reads(actor, _restricted(approvals), "approvals")
    return shown


def waiting_about(actor: Actor, *, project_id: int | None = None, subject: str | None = None) -> list[dict[str, Any]]:
    """Return the approvals about a project, or about a subject as in the journal, that wait for anybody, the oldest
    first.
    """
    if not actor.may(Permission.APPROVALS_READ):
        return []
    about = Approval.subject == subject if project_id is None else Approval.project_id == project_id
    waits = (about, current_state() == ApprovalState.WAITING.value, *visible_approvals(actor))
    return _shown(list(db.session.scalars(select(Approval).where(*waits).order_by(Approval.id).limit(MAX_SHOWN))))


def count_waiting_for(actor: Actor) -> int:
    """Return how many approvals the actor can decide."""
    return db.session.scalar(select(func.count()).select_from(Approval).where(*_waits_for(actor))) or 0


def find_approval(actor: Actor, approval_id: int) -> Approval:
    """Return the approval with that id. Raises ApprovalNotFound, also for one that the actor may not see."""
    return _row(_query(actor, approval_id), approval_id)


def read_approval(actor: Actor, approval_id: int) -> Approval:
    """Return the approval for display; reading one of a restricted project is journalled. Raises ApprovalNotFound."""
    approval = find_approval(actor, approval_id)
    restricted = _restricted([approval])
    if not restricted:
        return approval
    journal_restricted_reads(actor, restricted, "approval")
    return find_approval(actor, approval_id)


def read_approval_document(actor: Actor, approval_id: int, document_id: int) -> tuple[Document, bytes]:
    """Return a document of an approval and its content. Raises ApprovalNotFound, DocumentNotFound and
    DocumentDamaged.
    """
    approval = read_approval(actor, approval_id)
    if approval.project_id is None or document_id not in KINDS[approval.kind].documents(approval):
        raise DocumentNotFound(id=document_id)
    return read_document_of(approval.project_id, document_id)


def find_approval_to_change(actor: Actor, approval_id: int) -> Approval:
    """Return the approval, locked until the open transaction ends. Raises ApprovalNotFound."""
    require_transaction()
    return _row(_query(actor, approval_id).with_for_update(of=Approval), approval_id)


def waiting_approval(kind: ApprovalKindCode, subject: str) -> Approval | None:
    """Return the approval of that kind that waits for a decision about the subject."""
    same = (Approval.kind == kind.value, Approval.subject == subject)
    return db.session.scalar(select(Approval).where(*same, current_state() == ApprovalState.WAITING.value))


def is_of_withdrawn_project(approval: Approval) -> bool:
    """Return True when the project that the approval is about was withdrawn."""
    withdrawn = select(Project.id).where(Project.id == approval.project_id, Project.withdrawn_at.is_not(None))
    return db.session.scalar(withdrawn) is not None


def show_one(actor: Actor, approval: Approval) -> dict[str, Any]:
    """Return a single approval with what it changes and touches."""
    kind = KINDS[approval.kind]
    waits = approval.current_state == ApprovalState.WAITING
    # Once it took effect, the value of now is no longer the one before.
    facts = [
        {"name": fact.name, "before": fact.before if waits else None, "after": fact.after}
        for fact in kind.facts(approval)
    ]
    return {
        **_shown([approval])[0],
        "changes": facts,
        "effects": dict(kind.effects(actor, approval)) if waits else {},
        "documents": list(kind.documents(approval)),
        "needs_supervisor": kind.needs_supervisor,
    }


def visible_approvals(actor: Actor) -> list[ColumnElement[bool]]:
    """Conditions on Approval: all for oversight, for agencies their own of kinds that they propose or decide."""
    if actor.agency_id is None:
        visible: list[ColumnElement[bool]] = []
    else:
        visible = [Approval.agency_id.in_(own) if (own := own_agencies(actor)) is not None else false()]
        visible.append(Approval.kind.in_(_kinds_of(actor)))
    among = and_(true(), *among_visible(actor, PROJECT_ID))
    visible.append(or_(Approval.project_id.is_(None), among))
    return visible


def _kinds_of(actor: Actor) -> list[str]:
    return [
        code
        for code, kind in KINDS.items()
        if actor.has_role_permission(kind.proposes) or actor.has_role_permission(kind.decides)
    ]


def _waits_for(actor: Actor) -> list[ColumnElement[bool]]:
    decides = [code for code, kind in KINDS.items() if actor.has_role_permission(kind.decides)]
    if not decides or not actor.may(Permission.APPROVALS_DECIDE):
        return [false()]
    return [
        Approval.kind.in_(decides),
        current_state() == ApprovalState.WAITING.value,
        not_(acted(actor, Approval.proposed_account_id.expression, Approval.proposed_by.expression)),
        *visible_approvals(actor),
    ]


def _shown(approvals: Sequence[Approval]) -> list[dict[str, Any]]:
    """Approvals as lists show them."""
    names = (
        *("id", "kind", "subject", "reason", "proposed_by", "proposed_at", "expires_at"),
        *("decided_by", "decided_at", "decision_reason"),
    )
    projects = {each.project_id for each in approvals if each.project_id is not None}
    agencies = {each.agency_id for each in approvals if each.agency_id is not None}
    numbers = _by_id(select(Project.id, Project.number).where(Project.id.in_(projects)))
    bins = _by_id(select(Agency.id, Agency.bin).where(Agency.id.in_(agencies)))
    return [
        {
            **{name: getattr(approval, name) for name in names},
            "state": approval.current_state,
            "project": numbers.get(approval.project_id),
            "agency": bins.get(approval.agency_id),
        }
        for approval in approvals
    ]


def _listed(
    actor: Actor, approvals: Sequence[Approval], beside: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    shown = _shown(approvals)
    journal_restricted_reads(actor, {*_restricted(approvals)} - {each["project"] for each in beside}, "approvals")
    return shown


NUMBER: Final = select(Project.number).where(Project.id == Approval.project_id).scalar_subquery()
AGENCY: Final = select(Agency.bin).where(Agency.id == Approval.agency_id).scalar_subquery()
APPROVAL_LIST: Final = lists.RecordList[Actor](
    name="approvals",
    permission=Permission.APPROVALS_READ,
    rows=lambda actor: select(Approval).where(*visible_approvals(actor)).execution_options(populate_existing=True),
    unique=Approval.id.expression,
    shown=_listed,
    filters={
        "kind": lists.ChoiceFilter(Approval.kind.expression, ApprovalKindCode.codes()),
        "state": lists.ChoiceFilter(current_state, ApprovalState.codes()),
        "subject": lists.TextFilter(Approval.subject.expression),
        "project": lists.TextFilter(NUMBER),
        "agency": lists.TextFilter(AGENCY),
        "proposed_by": lists.TextFilter(Approval.proposed_by.expression),
        **lists.instant_filters("proposed_at", Approval.proposed_at.expression),
    },
    sorts=lists.sort_keys(Approval.id.expression),
)


def approvals_beside(shown: Sequence[Mapping[str, Any]]) -> lists.RecordList[Actor]:
    """Return the list where restricted projects of approvals that are shown beside it are not journalled again as
    read.
    """
    return replace(APPROVAL_LIST, shown=partial(_listed, beside=shown))


def _by_id(statement: Select[int, str]) -> dict[int | None, str]:
    return {row[0]: row[1] for row in db.session.execute(statement).all()}


def _restricted(approvals: Sequence[Approval]) -> list[str]:
    ids = {each.project_id for each in approvals if each.project_id is not None}
    restricted = select(Project.number).where(Project.id.in_(ids), Project.is_restricted)
    return list(db.session.scalars(restricted)) if ids else []


def _query(actor: Actor, approval_id: int) -> Select[Approval]:
    statement = select(Approval).where(Approval.id == approval_id, *visible_approvals(actor))
    return statement.execution_options(populate_existing=True)


def _row(statement: Select[Any], approval_id: int) -> Approval:
    approval = db.session.scalar(statement)
    if not isinstance(approval, Approval):
        raise ApprovalNotFound(id=approval_id)
    return approval
