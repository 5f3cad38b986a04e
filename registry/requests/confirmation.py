"""Confirmation requests: an agency asks an operator or reviewer to confirm a fact, and gives the evidence.

Accepting one makes the confirmation itself, as if whoever accepts it had filled in its form; where that takes two
people, it is their proposal.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Final

from sqlalchemy import select

from registry.accounts.roles import Actor, Permission
from registry.approvals.models import Approval, ApprovalKindCode, ApprovalState, Proposal
from registry.approvals.service import propose
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.fields import DAY_SCHEMA, BaseSchema, Choice, Day, Ids, ReadOnly, Text, nullable, object_of
from registry.core.translations import lazy_text
from registry.flags.former_flags import serious_flags
from registry.flags.freeze_status import not_judged_as_they_stand
from registry.flags.models import lock_flags_for_review
from registry.platform import confirmations
from registry.platform.confirmations import confirmed_by_key
from registry.platform.inventory import lists_key
from registry.platform.models import ConfirmationKind
from registry.platform.schemas import FACTS as FACTS_OF_RECORD, MAX_EVIDENCE_LENGTH
from registry.projects.documents import Document, documents_of, scan_problems
from registry.projects.edits import confirmed_facts
from registry.projects.models import Project
from registry.projects.service import find_project_to_change
from registry.requests.kinds import TEXT, Asked, RequestHandler, RequestShown
from registry.requests.models import Request, RequestKind, RequestState

# Confirmed facts: which of them one person confirms, and which wait for a second one, with a document.
#
# Two people confirm a placement that the platform's inventory does not list, a fact of the record, and what ends or
# lowers a serious flag, or could: no audit has judged the project as it stands, so that nobody knows yet what it would
# be flagged for.

PLACEMENT: Final = ConfirmationKind.PLACEMENT.value
ONBOARDING: Final = ConfirmationKind.ONBOARDING.value
ENDING: Final = ConfirmationKind.ENDING.value
FACT: Final = ConfirmationKind.FACT.value
# The fields of each confirmation beside the evidence; all of them are required.
FIELDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    PLACEMENT: ("platform_key", "verified_on"),
    ONBOARDING: ("due_on",),
    ENDING: ("ended_on", "consent_number"),
    FACT: ("fact", "value"),
}
FACTS: Final = tuple(name for names in FIELDS_OF.values() for name in names)
DAYS: Final = tuple(name for name in FACTS if name.endswith("_on"))
# What a confirmation takes besides its facts, by their names: the project; and who confirms it, and the evidence.
CHECKS: Final[Mapping[str, Callable[..., None]]] = {
    PLACEMENT: confirmations.check_placement,
    ONBOARDING: confirmations.check_onboarding,
    ENDING: lambda project, ended_on, consent_number: confirmations.check_ending(project, ended_on),  # noqa: ARG005 - a fact
    FACT: confirmations.check_fact,
}
CONFIRM: Final[Mapping[str, Callable[..., object]]] = {
    PLACEMENT: confirmations.verify_placement,
    ONBOARDING: lambda actor, project, due_on, evidence: confirmations.confirm_onboarding(actor, project, due_on),  # noqa: ARG005
    ENDING: confirmations.confirm_ending,
    FACT: confirmations.confirm_fact,
}


def confirm_or_propose(
    actor: Actor, number: str, kind: str, values: Mapping[str, Any]
) -> tuple[Project, Approval | None]:
    """Confirm a fact of a project, or propose to, where it takes two people; returns the project and the proposal.

    ``values``: the facts of the kind, ``evidence`` and ``documents``, as the schema of the kind validated them.
    Raises RoleNotAllowed, ProjectNotFound, ProjectWithdrawn, ConfirmationNeedsAPerson, what the confirmation raises,
    and, where it takes two people, what ``propose_fact`` raises.
    """
    confirmations.require_confirmer(actor)
    facts = {name: values[name] for name in FIELDS_OF[kind]}
    evidence = values.get("evidence") or ""
    with transaction():
        lock_for(kind)
        project = find_project_to_change(actor, number)
        CHECKS[kind](project, **facts)
        if takes_two_people(project, kind, facts):
            return project, propose_fact(actor, project, kind, facts, evidence, values.get("documents") or [])
        CONFIRM[kind](actor, project, **facts, evidence=evidence)
    return project, None


def lock_for(kind: str) -> None:
    """Wait, before the project is locked, for a running audit, and for other confirmations of placements."""
    lock_flags_for_review()
    if kind == PLACEMENT:
        confirmations.lock_keys(require_transaction())


def takes_two_people(project: Project, kind: str, facts: Mapping[str, Any]) -> bool:
    """Return a placement does that the inventory does not list; a fact of the record always; others while a medium or
    high flag is, or may be, active.

    The inventory lists one object for a key. That a second project is the same one is a link of one reviewer. A fact
    that lifts nothing yet could lift a finding after the next edit, and would still be confirmed.
    """
    if kind == FACT:
        return True
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
        confirmations.require_may_extend(actor, project)
    problems = proof_problems(project, documents)
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


def proof_problems(project: Project, documents: Sequence[int]) -> list[Problem]:
    """Return what is wrong where one of the documents must be a PDF or an image."""
    problems = document_problems(project, documents)
    if not problems and all(scan_problems(project.id, [each]) for each in documents):
        problems.append(Problem("/documents", "scan-required"))
    return problems


def facts_to_confirm(project: Project) -> dict[str, Any]:
    """Return the facts of the record that can be confirmed and are not, with their values."""
    known = confirmed_facts(project.confirmed_facts)
    given = {name: getattr(project, name) for name in FACTS_OF_RECORD if name not in known}
    return {name: value for name, value in given.items() if value is not None}


def document_problems(project: Project, ids: Sequence[int]) -> list[Problem]:
    """Return those that are no documents of the project itself."""
    of_project = (Document.project_id == project.id, Document.belongs_to.is_(None), Document.id.in_(ids))
    own = set(db.session.scalars(select(Document.id).where(*of_project)))
    return [
        Problem(f"/documents/{place}", "document-not-of-project", {"id": document_id})
        for place, document_id in enumerate(ids)
        if document_id not in own
    ]


def stored(value: Any) -> Any:
    """Return a fact as JSON."""
    return value.isoformat() if isinstance(value, date) else value


def read_facts(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of the kind from their JSON."""
    facts = {name: values[name] for name in FIELDS_OF[kind]}
    return {name: date.fromisoformat(value) if name in DAYS else value for name, value in facts.items()}


MAX_DOCUMENTS: Final = 20
DAY_OR_NULL: Final = nullable(dict(DAY_SCHEMA))
DOCUMENT: Final = object_of(id={"type": "integer"}, name=TEXT)


class ConfirmationOutOfDate(Conflict):
    """Time has passed since it was asked, and what was asked can no longer be confirmed."""


class ConfirmationWithoutDocument(Conflict):
    """Two people confirm it, and none of the request's documents is a PDF or an image."""


class ConfirmationRequestFields(BaseSchema):
    """A confirmation to ask for; which fields it takes depends on its kind."""

    kind = Choice(
        ConfirmationKind.codes(),
        description="What to confirm. `placement` takes `platform_key` and `verified_on`, `onboarding` takes `due_on`, "
        "`ending` takes `ended_on` and `consent_number`, `fact` takes `fact` and `value`; nothing else fits.",
        label=lazy_text("What to confirm"),
        required=True,
    )
    platform_key = Text(description="The object's key on QazTech.", label=lazy_text("Key on QazTech"))
    verified_on = Day(description="On QazTech since; today at the latest.", label=lazy_text("On QazTech since"))
    due_on = Day(
        description="By when the object moves; at most six months ahead.", label=lazy_text("Onboarding finished by")
    )
    ended_on = Day(description="When the work ended; today at the latest.", label=lazy_text("Ended on"))
    consent_number = Text(
        description="Number of the authorised body's consent.",
        label=lazy_text("Number of the authorised body’s consent"),
    )
    fact = Choice(FACTS_OF_RECORD, description="The fact of the record.", label=lazy_text("Fact"))
    value = Text(description="Its value, as in the record: `2019-04-01`, `25000000`.", label=lazy_text("Value"))
    evidence = Text(
        MAX_EVIDENCE_LENGTH,
        description="What shows it, and where it can be checked.",
        label=lazy_text("Evidence"),
        hint=lazy_text("What shows it, and where it can be checked."),
        required=True,
    )
    documents = Ids(MAX_DOCUMENTS, description=f"Ids of documents of the project, at most {MAX_DOCUMENTS}.")


class ConfirmationRequestShown(RequestShown):
    """A confirmation request in responses; `reason` is the evidence."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"document_names"})

    kind = ReadOnly("What to confirm.", {"type": "string", "enum": list(ConfirmationKind.codes())})
    platform_key = ReadOnly("The object's key on QazTech.", nullable(TEXT))
    verified_on = ReadOnly("On QazTech since.", DAY_OR_NULL)
    due_on = ReadOnly("By when the object moves.", DAY_OR_NULL)
    ended_on = ReadOnly("When the work ended.", DAY_OR_NULL)
    consent_number = ReadOnly("Number of the authorised body's consent.", nullable(TEXT))
    fact = ReadOnly("The fact of the record.", nullable({"type": "string", "enum": list(FACTS_OF_RECORD)}))
    value = ReadOnly("Its value.", nullable(TEXT))
    documents = ReadOnly("Ids of documents of the project.", {"type": "array", "items": {"type": "integer"}})
    approval = ReadOnly(
        "Id of the approval that it waits for, where two people confirm it; it is settled with it.",
        nullable({"type": "integer"}),
    )
    document_names = ReadOnly("Not in lists: the documents with their names.", {"type": "array", "items": DOCUMENT})


class ConfirmationRequest(RequestHandler):
    """The handler of confirmation requests; the subject is the project's number."""

    kind = RequestKind.CONFIRMATION
    collection = "confirmation-requests"
    asks = Permission.PROJECTS_WRITE
    decides = Permission.PLACEMENTS_CONFIRM
    body: ClassVar[BaseSchema] = ConfirmationRequestFields()
    shown: ClassVar[BaseSchema] = ConfirmationRequestShown()
    # Those who decide have no tokens of agencies' service accounts.
    asker_is_person = False

    def check(self, actor: Actor, subject: str, values: dict[str, Any]) -> Asked:
        """Raises ProjectNotFound, ProjectWithdrawn, Invalid, and what the confirmation itself would raise."""
        project = find_project_to_change(actor, subject)
        kind = values["kind"]
        check_documents = proof_problems if kind == FACT else document_problems
        problems = _field_problems(kind, values) + check_documents(project, values.get("documents") or [])
        if problems:
            raise Invalid(problems)
        facts = {name: values[name] for name in FIELDS_OF[kind]}
        CHECKS[kind](project, **facts)
        details = {"kind": kind, **{name: stored(value) for name, value in facts.items()}}
        details["documents"] = sorted(set(values.get("documents") or []))
        return Asked(project.agency_id, values["evidence"], project_id=project.id, details=details)

    def lock(self, request: Request) -> None:
        """Wait for other confirmations of placements, before the project is locked."""
        lock_for(request.details["kind"])

    def check_again(self, request: Request) -> None:
        """Raises ConfirmationOutOfDate, and the conflicts of the confirmation itself."""
        kind = request.details["kind"]
        try:
            CHECKS[kind](request.subject_project, **read_facts(kind, request.details))
        except Invalid as error:
            raise ConfirmationOutOfDate(id=request.id) from error

    def propose(self, actor: Actor, request: Request) -> bool:
        """Propose the confirmation where it takes two people. Raises ConfirmationWithoutDocument."""
        project, kind = find_project_to_change(actor, request.subject_project.number), request.details["kind"]
        facts = read_facts(kind, request.details)
        if not takes_two_people(project, kind, facts):
            return False
        try:
            approval = propose_fact(
                actor, project, kind, facts, request.reason, request.details["documents"], request.id
            )
        except Invalid as error:
            raise ConfirmationWithoutDocument(id=request.id) from error
        request.details = {**request.details, "approval": approval.id}
        return True

    def carry_out(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Make the confirmation as whoever accepts it."""
        project = find_project_to_change(actor, request.subject_project.number)
        kind = request.details["kind"]
        CONFIRM[kind](actor, project, **read_facts(kind, request.details), evidence=request.reason)
        return {}

    def more(self, request: Request) -> dict[str, Any]:
        """Return the fields of the confirmation; those of other kinds are null."""
        details = request.details
        return {
            "kind": details["kind"],
            **{name: details.get(name) for name in FACTS},
            "documents": details["documents"],
            "approval": approval_of(request),
        }

    def more_of_one(self, actor: Actor, request: Request) -> dict[str, Any]:  # noqa: ARG002 - the base's
        """Return the names of the documents."""
        listed = set(request.details["documents"])
        documents = documents_of(request.subject_project) if listed else []
        return {
            "document_names": [{"id": each["id"], "name": each["name"]} for each in documents if each["id"] in listed]
        }


def approval_of(request: Request) -> int | None:
    """Return the approval that settles or settled the request; not one that was cancelled, or ended undecided."""
    approval_id = request.details.get("approval")
    if approval_id is None or request.state != RequestState.WAITING:
        return approval_id
    return approval_id if db.session.get_one(Approval, approval_id).current_state == ApprovalState.WAITING else None


def _field_problems(kind: str, values: Mapping[str, Any]) -> list[Problem]:
    needed = FIELDS_OF[kind]
    missing = [Problem(f"/{name}", "required") for name in needed if values.get(name) is None]
    others = [name for name in FACTS if name not in needed and values.get(name) is not None]
    return missing + [Problem(f"/{name}", "not-with-this-confirmation", {"kind": kind}) for name in others]
