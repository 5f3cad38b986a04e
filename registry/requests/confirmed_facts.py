"""Confirmed facts: which of them one person confirms, and which wait for a second one, with a document.

Two people confirm a placement that the platform's inventory does not list, and what ends or lowers a serious flag, or
could: no audit has judged the project as it stands, so that nobody knows yet what it would be flagged for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.approvals.kinds import Proposal
from registry.approvals.service import propose
from registry.approvals.tables import Approval
from registry.approvals.vocabulary import ApprovalKindCode
from registry.core.database import db
from registry.core.errors import Invalid, Problem
from registry.core.transactions import require_transaction, transaction
from registry.flags.freeze_status import not_judged_as_they_stand
from registry.flags.lock import lock_flags_for_review
from registry.flags.withdrawn_projects import serious_flags
from registry.platform.confirmations import (
    check_ending,
    check_onboarding,
    check_placement,
    confirm_ending,
    confirm_onboarding,
    confirmed_by_key,
    lock_keys,
    require_confirmer,
    require_may_extend,
    verify_placement,
)
from registry.platform.inventory import lists_key
from registry.platform.models import ConfirmationKind
from registry.projects.documents import Document, scan_problems
from registry.projects.models import Project
from registry.projects.service import find_project_to_change

PLACEMENT: Final = ConfirmationKind.PLACEMENT.value
ONBOARDING: Final = ConfirmationKind.ONBOARDING.value
ENDING: Final = ConfirmationKind.ENDING.value
# The fields of each confirmation beside the evidence; all of them are required.
FIELDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    PLACEMENT: ("platform_key", "verified_on"),
    ONBOARDING: ("due_on",),
    ENDING: ("ended_on", "consent_number"),
}
FACTS: Final = tuple(name for names in FIELDS_OF.values() for name in names)
DAYS: Final = tuple(name for name in FACTS if name.endswith("_on"))
CHECKS: Final[Mapping[str, Callable[[Project, Mapping[str, Any]], None]]] = {
    PLACEMENT: lambda project, facts: check_placement(project, facts["platform_key"], facts["verified_on"]),
    ONBOARDING: lambda project, facts: check_onboarding(project, facts["due_on"]),
    ENDING: lambda project, facts: check_ending(project, facts["ended_on"]),
}
CONFIRM: Final[Mapping[str, Callable[[Actor, Project, Mapping[str, Any], str], object]]] = {
    PLACEMENT: lambda actor, project, facts, evidence: verify_placement(
        actor, project, facts["platform_key"], facts["verified_on"], evidence
    ),
    ONBOARDING: lambda actor, project, facts, _evidence: confirm_onboarding(actor, project, facts["due_on"]),
    ENDING: lambda actor, project, facts, evidence: confirm_ending(
        actor, project, facts["ended_on"], facts["consent_number"], evidence
    ),
}


def confirm_or_propose(
    actor: Actor, number: str, kind: str, values: Mapping[str, Any]
) -> tuple[Project, Approval | None]:
    """Confirm a fact of a project, or propose to, where it takes two people; returns the project and the proposal.

    ``values``: the facts of the kind, ``evidence`` and ``documents``, as the schema of the kind validated them.
    Raises RoleNotAllowed, ProjectNotFound, ProjectWithdrawn, ConfirmationNeedsAPerson, what the confirmation raises,
    and, where it takes two people, what ``propose_fact`` raises.
    """
    require_confirmer(actor)
    facts = {name: values[name] for name in FIELDS_OF[kind]}
    evidence = values.get("evidence") or ""
    with transaction():
        lock_for(kind)
        project = find_project_to_change(actor, number)
        CHECKS[kind](project, facts)
        if takes_two_people(project, kind, facts):
            return project, propose_fact(actor, project, kind, facts, evidence, values.get("documents") or [])
        CONFIRM[kind](actor, project, facts, evidence)
    return project, None


def lock_for(kind: str) -> None:
    """Wait, before the project is locked, for a running audit, and for other confirmations of placements."""
    lock_flags_for_review()
    if kind == PLACEMENT:
        lock_keys(require_transaction())


def takes_two_people(project: Project, kind: str, facts: Mapping[str, Any]) -> bool:
    """A placement does that the inventory does not list; others while a medium or high flag is, or may be, active.

    The inventory lists one object for a key. That a second project is the same one is a link of one reviewer.
    """
    if kind == PLACEMENT:
        key = facts["platform_key"]
        return not lists_key(project.agency_id, key) or bool(confirmed_by_key(project, key))
    return bool(serious_flags(project.id) or not_judged_as_they_stand(project.id))


def propose_fact(
    actor: Actor,
    project: Project,
    kind: str,
    facts: Mapping[str, Any],
    evidence: str,
    documents: Sequence[int],
    request: int | None = None,
) -> Approval:
    """Propose a confirmation that was checked, in the open transaction.

    ``request``: the id of the request that it accepts. Raises Invalid where the evidence or a PDF or an image of the
    project is missing, OnboardingNotExtendedByOperator, and what ``propose`` raises.
    """
    if kind == ONBOARDING:
        require_may_extend(actor, project)
    problems = document_problems(project, documents)
    if not problems and all(scan_problems(project.id, [each]) for each in documents):
        problems.append(Problem("/documents", "scan-required"))
    if not evidence:
        problems.append(Problem("/evidence", "required"))
    if problems:
        raise Invalid(problems)
    payload = {
        "facts": {name: stored(value) for name, value in facts.items()},
        "documents": sorted(set(documents)),
        **({} if request is None else {"request": request}),
    }
    subject = f"project:{project.number}"
    proposal = Proposal(subject, evidence, payload, agency_id=project.agency_id, project_id=project.id)
    return propose(actor, ApprovalKindCode(kind), proposal)


def document_problems(project: Project, ids: Sequence[int]) -> list[Problem]:
    """Those that are no documents of the project itself."""
    of_project = (Document.project_id == project.id, Document.belongs_to.is_(None), Document.id.in_(ids))
    own = set(db.session.scalars(select(Document.id).where(*of_project)))
    return [
        Problem(f"/documents/{place}", "document-not-of-project", {"id": document_id})
        for place, document_id in enumerate(ids)
        if document_id not in own
    ]


def stored(value: Any) -> Any:
    """A fact as JSON."""
    return value.isoformat() if isinstance(value, date) else value


def read_facts(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of the kind from their JSON."""
    facts = {name: values[name] for name in FIELDS_OF[kind]}
    return {name: date.fromisoformat(value) if name in DAYS else value for name, value in facts.items()}
