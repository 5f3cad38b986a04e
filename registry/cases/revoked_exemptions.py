"""The revocation of an exemption: the flags that it covered are open again, and its case is back under review."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.cases.change_times import mark_flags_and_cases
from registry.cases.queries import find_case_to_change
from registry.cases.service import send_back
from registry.cases.vocabulary import Status
from registry.cases.withdrawn_projects import lock_open_case
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.transactions import require_transaction, transaction
from registry.exemptions.models import Exemption
from registry.exemptions.service import (
    exemption_in_force,
    find_exemption,
    find_exemption_to_change,
    record_revocation,
)
from registry.flags.former_flags import keep_former
from registry.flags.freeze_status import update_freeze_status
from registry.flags.lock import lock_flags_for_review
from registry.flags.models import FLAGS, Flag
from registry.flags.vocabulary import FlagStatus
from registry.projects.change_times import PROJECT, lock_projects


def revoke_exemption(actor: Actor, exemption_id: int, reason: str | None) -> Exemption:
    """Revoke the exemption. Unless another one is in force, the project is flagged and its case reviewed at once.

    A project without an open case gets one at the next audit. Raises RoleNotAllowed, ExemptionNotFound and
    ExemptionAlreadyRevoked.
    """
    with transaction():
        lock_flags_for_review()
        project_id = find_exemption(actor, exemption_id).project_id
        # The case and its project before the exemption, as changes of agencies lock them.
        case = lock_open_case(project_id)
        lock_projects(PROJECT.c.id == project_id)
        exemption = find_exemption_to_change(actor, exemption_id)
        record_revocation(actor, exemption, reason)
        if exemption_in_force(project_id, today()) is None:
            _open_flags(project_id)
            if case is not None and case.status == Status.WITH_COMMISSION and case.exempt_since is not None:
                send_back(actor, find_case_to_change(actor, case.id), reason)
    return exemption


def _open_flags(project_id: int) -> None:
    at = now()
    exempt = select(Flag).where(Flag.project_id == project_id, Flag.status == FlagStatus.EXEMPT.value)
    flags = list(require_transaction().scalars(exempt.execution_options(populate_existing=True)))
    if not flags:
        return
    keep_former(at, FLAGS.c.id.in_([flag.id for flag in flags]))
    for flag in flags:
        is_accepted = flag.accepted_fingerprint == flag.fingerprint
        flag.status = (FlagStatus.ACCEPTED if is_accepted else FlagStatus.OPEN).value
        flag.exemption_id = None
    db.session.flush()
    mark_flags_and_cases(at, FLAGS.c.id.in_([flag.id for flag in flags]))
    update_freeze_status(at, PROJECT.c.id == project_id)
