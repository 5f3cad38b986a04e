"""Withdrawal: a project that was registered in error leaves lists, counts and audits, and stays readable.

An agency asks, a reviewer decides. Where a case is open or an order in force, it ends what a decision on the case would
end; where the project has or ever had a flag of medium or high severity, an edit may have ended that: so two people
confirm it, the second of them a supervisor, as for decisions.
"""

from typing import Any, ClassVar, Final

from sqlalchemy import select

from registry.accounts.roles import Actor, Permission
from registry.agencies.service import AGENCY, hold_agencies
from registry.approvals.models import Approval
from registry.approvals.service import end_outdated
from registry.cases.models import Case, Order
from registry.cases.sync import close_case_of_withdrawn, lock_open_case
from registry.cases.vocabulary import Status
from registry.core.clock import now
from registry.core.database import db, require_transaction
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.core.fields import BaseSchema, ReadOnly, Text, Timestamp, nullable
from registry.core.translations import lazy_text
from registry.flags.former_flags import clear_flags, ever_had_serious_flag
from registry.flags.freeze_status import update_freeze_status
from registry.projects import visibility
from registry.projects.former_records import link_later_records
from registry.projects.links import add_link
from registry.projects.models import STATUS, Project, is_project_number, project_withdrawn
from registry.projects.service import find_project_to_change
from registry.projects.vocabulary import LinkKind
from registry.requests.kinds import REASON_LABEL, TEXT, Asked, RequestHandler, RequestShown, cancel_other_requests
from registry.requests.models import MAX_TEXT_LENGTH, Request, RequestKind, RequestState

PEOPLE: Final = {"type": "integer", "minimum": 1, "maximum": 2}


class WithdrawalNeedsASupervisor(NotAllowed):
    """The second of two people who end a serious flag or an order is a supervisor, as for decisions."""


class DuplicateWithdrawn(Conflict):
    """The project that was to remain has been withdrawn meanwhile."""


class WithdrawalFields(BaseSchema):
    """A withdrawal to ask for."""

    reason = Text(
        MAX_TEXT_LENGTH,
        description="Why it was registered in error.",
        label=REASON_LABEL,
        hint=lazy_text("What was registered in error, and how you know."),
        required=True,
    )
    duplicate_of = Text(
        description="Number of the project that remains, for one that was registered twice.",
        label=lazy_text("Registered already as"),
        hint=lazy_text("The number of the project that remains, if this one was registered twice."),
    )


class WithdrawalShown(RequestShown):
    """A withdrawal in responses."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"people_needed"})

    duplicate_of = ReadOnly("Number of the project that remains.", nullable(TEXT))
    restored_by = ReadOnly("Who restored the project.", nullable(TEXT))
    restored_at = Timestamp("When the project was restored.", nullable=True)
    restoration_reason = ReadOnly("Why it was restored.", nullable(TEXT))
    people_needed = ReadOnly(
        "Not in lists: how many people have to confirm it, two while a case is open or an order in force, and where "
        "the project has or ever had a medium or high flag; null once it is decided.",
        nullable(PEOPLE),
    )


class Withdrawal(RequestHandler):
    """The handler of withdrawals; the subject is the project's number."""

    kind = RequestKind.WITHDRAWAL
    collection = "withdrawals"
    asks = Permission.PROJECTS_WRITE
    decides = Permission.WITHDRAWALS_DECIDE
    body: ClassVar[BaseSchema] = WithdrawalFields()
    shown: ClassVar[BaseSchema] = WithdrawalShown()
    # Those who decide have no tokens of agencies' service accounts.
    asker_is_person = False

    def check(self, actor: Actor, subject: str, values: dict[str, Any]) -> Asked:
        """Raises ProjectNotFound, ProjectWithdrawn and Invalid."""
        project = find_project_to_change(actor, subject)
        duplicate_of = values.get("duplicate_of")
        if duplicate_of is not None:
            problem = _duplicate_problem(actor, project, duplicate_of)
            if problem is not None:
                raise Invalid([problem])
        details = {"duplicate_of": duplicate_of}
        return Asked(project.agency_id, values["reason"], project_id=project.id, details=details)

    def lock(self, request: Request) -> None:
        """Lock the open case, whose orders count: an approval under way ends first.

        And before it the agency: a registration under way is committed first, so that it is linked, or is later, and
        finds the project withdrawn.
        """
        project = request.subject_project
        hold_agencies(AGENCY.id == project.agency_id)
        lock_open_case(project.id)

    def people_who_decide(self, request: Request) -> int:
        """Two while a case is open or an order in force, and where a medium or high flag is or ever was."""
        project_id = request.subject_project.id
        return 2 if _has_open_case(project_id) or _has_order(project_id) or ever_had_serious_flag(project_id) else 1

    def require_decider(self, actor: Actor, request: Request) -> None:
        """Raises WithdrawalNeedsASupervisor."""
        if self.people_who_decide(request) > 1 and not actor.may(Permission.CASES_APPROVE):
            raise WithdrawalNeedsASupervisor(id=request.id)

    def check_again(self, request: Request) -> None:
        """Raises ProjectWithdrawn and DuplicateWithdrawn."""
        visibility.require_not_withdrawn(request.subject_project)
        remaining = request.details["duplicate_of"]
        withdrawn = select(Project.id).where(Project.number == remaining, Project.withdrawn_at.is_not(None))
        # Locked, so that of two that are each other's duplicate one remains.
        if remaining is not None and db.session.scalar(withdrawn.with_for_update(of=Project)) is not None:
            raise DuplicateWithdrawn(number=remaining)

    def carry_out(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Withdraw the project: its flags clear, its case closes, its orders end."""
        session = require_transaction()
        _link_to_remaining(actor, request)
        # The case is locked already, as actions on cases lock it before the project.
        project = find_project_to_change(actor, request.subject_project.number)
        at, before = now(), project.freeze_status
        flags = clear_flags(project.id, at)
        case_id = close_case_of_withdrawn(actor, project.id, project.number, request.reason)
        cancel_other_requests(actor, request)
        project.withdrawn_at = at
        session.flush()
        update_freeze_status(at, STATUS.c.project_id == project.id)
        session.refresh(project)
        end_outdated(actor, Approval.project_id.expression == project.id)
        link_later_records(session, project, at)
        request.details = {**request.details, "flags": flags, "case": case_id}
        details = {"request": request.id, "duplicate_of": request.details["duplicate_of"]}
        known = {name: value for name, value in details.items() if value is not None}
        visibility.save_freeze_status_change(actor, project, before, at, "project.withdrawn", known)
        project_withdrawn.publish(project)
        return {"flags_cleared": len(flags), **({} if case_id is None else {"case": case_id})}

    def more(self, request: Request) -> dict[str, Any]:
        """Return what only withdrawals show."""
        names = ("duplicate_of", "restored_by", "restored_at", "restoration_reason")
        return {name: request.details.get(name) for name in names}

    def more_of_one(self, actor: Actor, request: Request) -> dict[str, Any]:  # noqa: ARG002 - the base's
        """Return how many people it takes."""
        waits = request.state == RequestState.WAITING
        return {"people_needed": self.people_who_decide(request) if waits else None}


def _link_to_remaining(actor: Actor, request: Request) -> None:
    """Link the project to the one that remains, so that the latter's page shows it.

    Raises LinkCircle when a reviewer has linked the two the other way round.
    """
    remaining, number = request.details["duplicate_of"], request.subject_project.number
    seen = select(Project.id).where(Project.number == remaining, *visibility.visible_projects(actor))
    if remaining is not None and db.session.scalar(seen) is not None:
        add_link(actor, number, {"kind": LinkKind.DUPLICATE_OF.value, "target": remaining})


def _duplicate_problem(actor: Actor, project: Project, number: str) -> Problem | None:
    pointer = "/duplicate_of"
    if number == project.number:
        return Problem(pointer, "duplicate-is-itself", {"number": number})
    seen = select(Project).where(Project.number == number, *visibility.visible_projects(actor))
    other = db.session.scalar(seen) if is_project_number(number) else None
    if other is None:
        return Problem(pointer, "project-unknown", {"number": number})
    if other.withdrawn_at is not None:
        return Problem(pointer, visibility.ProjectWithdrawn.code, {"number": number})
    # Whoever reads the request would learn of it.
    hidden = other.is_restricted and not project.is_restricted
    return Problem(pointer, "duplicate-is-restricted", {"number": number}) if hidden else None


def _has_open_case(project_id: int) -> bool:
    is_open = select(Case.id).where(Case.project_id == project_id, Case.status != Status.CLOSED.value)
    return db.session.scalar(is_open.limit(1)) is not None


def _has_order(project_id: int) -> bool:
    in_force = select(Order.id).where(Order.project_id == project_id, Order.ended_at.is_(None))
    return db.session.scalar(in_force.limit(1)) is not None
