"""Notices about approvals: to those who can decide, and to who proposed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from registry.accounts.same_person import account_ever_named, is_another_person
from registry.approvals.queries import visible_approvals
from registry.approvals.service import DECIDED_TOPIC, PROPOSED_TOPIC, may_decide
from registry.approvals.tables import Approval
from registry.approvals.vocabulary import ApprovalState
from registry.core.database import db
from registry.notifications.recipients import Directory, Recipient
from registry.notifications.transport import Notice

NoticesOf = Callable[[Mapping[str, Any], Directory], list[Notice]]


def _waiting(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    """To everybody who may decide it, but for who proposed it."""
    approval = db.session.get(Approval, payload["approval"], populate_existing=True)
    if approval is None or approval.current_state != ApprovalState.WAITING:
        return []
    deciders = [to for to in directory.people() if may_decide(to.actor, approval)]
    others = [to for to in deciders if is_another_person(to.actor, [approval.proposed_by], approval.proposed_at)]
    return _notices(approval, others, "approval-waiting")


def _decided(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
    """To who proposed it, unless that person cancelled it."""
    approval = db.session.get(Approval, payload["approval"], populate_existing=True)
    if approval is None or approval.decided_by == approval.proposed_by:
        return []
    account = account_ever_named(approval.proposed_by)
    proposers = [] if account is None else directory.of_account(account.id)
    return _notices(approval, proposers, "approval-decided")


def _notices(approval: Approval, recipients: Iterable[Recipient], kind: str) -> list[Notice]:
    return [Notice(to, kind, approval.id) for to in recipients if _sees(to, approval)]


def _sees(to: Recipient, approval: Approval) -> bool:
    seen = db.session.query(Approval.id).where(Approval.id == approval.id, *visible_approvals(to.actor))
    return seen.first() is not None


APPROVAL_NOTICES: Final[Mapping[str, NoticesOf]] = {PROPOSED_TOPIC: _waiting, DECIDED_TOPIC: _decided}
