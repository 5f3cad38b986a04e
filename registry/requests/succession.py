"""Succession and transfer: an agency passes what it has to another one, or a project to another agency."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, ClassVar, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import aliased

from registry.accounts.account_changes import pass_on_accounts
from registry.accounts.agency_tree import last_successor
from registry.accounts.models import Account, AccountKind
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.queries import agencies_above
from registry.agencies.service import agency_to_change, close_agency, closed_problem, hold_agencies, require_open
from registry.approvals.schemas import EFFECTS
from registry.cases.models import Case
from registry.cases.workflow import OPEN
from registry.core.clock import now, today
from registry.core.database import db, require_transaction
from registry.core.dialects import is_among
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.fields import BaseSchema, Bin, Choice, Day, ProjectNumbers, ReadOnly, nullable, object_of
from registry.core.translations import lazy_text
from registry.flags.former_flags import SERIOUS
from registry.flags.freeze_status import update_freeze_status
from registry.flags.models import FLAGS, IS_ACTIVE
from registry.freeze.evaluation import in_scope
from registry.freeze.policy import policy_in_force
from registry.projects.bulk_writes import move_projects
from registry.projects.drafts import Draft, of_agency, pass_on_drafts
from registry.projects.models import STATUS, Project, is_project_number
from registry.projects.service import find_project_to_change
from registry.projects.visibility import among_visible, visible_projects
from registry.requests.kinds import ACT, REASON, TEXT, Asked, RequestHandler, RequestShown, agency_succeeded
from registry.requests.models import Request, RequestKind, RequestState, SuccessionKind

# What a change of an agency, a succession or a transfer touches: counted for whoever decides, by ``EFFECT_LABELS``.

OPEN_STATUSES: Final = [status.value for status in OPEN]


def visible_ids(actor: Actor, *conditions: ColumnElement[bool]) -> Select[int]:
    """Return the ids of the projects with these conditions that the actor may see."""
    return select(Project.id).where(*conditions, *among_visible(actor, Project.id.expression))


def touched(projects: Select[int]) -> dict[str, int]:
    """Return how many projects are not withdrawn, with their active medium and high flags, and their open cases."""
    return {
        "projects": count_of(projects.where(Project.withdrawn_at.is_(None))),
        "flags": count_of(
            select(FLAGS.c.id).where(IS_ACTIVE, FLAGS.c.severity.in_(SERIOUS), FLAGS.c.project_id.in_(projects))
        ),
        "cases": count_of(select(Case.id).where(Case.status.in_(OPEN_STATUSES), Case.project_id.in_(projects))),
    }


def scope_effects(projects: Select[int], kind: str, new_kind: str) -> dict[str, int]:
    """Return how many projects leave the scope of the freeze, or enter it, with another kind of their agency."""
    policy = policy_in_force()
    was, will_be = in_scope(kind, policy), in_scope(new_kind, policy)
    if was == will_be:
        return {}
    return {"out_of_scope" if was else "into_scope": count_of(projects.where(Project.withdrawn_at.is_(None)))}


def effects_of_passing_on(
    actor: Actor, former: Agency, to: Agency, numbers: Collection[str] | None, *, with_accounts: bool
) -> dict[str, int]:
    """Return what it touches that projects of these numbers, or all, pass to another agency.

    ``readers``: who can read the restricted ones among them from then on, and ``with_accounts``, who comes along with
    the agency, those of the other one.
    """
    if former.id == to.id:
        return touched(visible_ids(actor, Project.agency_id == former.id))
    named = () if numbers is None else (Project.number.in_(numbers),)
    projects = visible_ids(actor, Project.agency_id == former.id, *named)
    new_readers = agency_and_above(to) - agency_and_above(former)
    if with_accounts:
        new_readers |= {former.id}
    return {
        **touched(projects),
        **scope_effects(projects, former.kind, to.kind),
        "restricted": count_of(projects.where(Project.is_restricted)),
        "readers": count_readers(new_readers),
        **(beside_projects(former) if with_accounts else {}),
    }


def beside_projects(agency: Agency) -> dict[str, int]:
    """Return how much else passes on with the whole agency: accounts, drafts for it, agencies directly below it."""
    accounts = select(Account.id).where(Account.agency_id == agency.id)
    people = count_of(accounts.where(Account.kind == AccountKind.PERSON.value))
    return {
        "people": people,
        "service_accounts": count_of(accounts) - people,
        "drafts": count_of(select(Draft.id).where(of_agency(agency.bin))),
        "agencies_below": count_of(select(Agency.id).where(Agency.parent_id == agency.id)),
    }


def agency_and_above(agency: Agency) -> set[int]:
    """Return the ids of an agency and those above it: their accounts read what it has."""
    return {agency.id, *(each.id for each in agencies_above(agency))}


def count_readers(agency_ids: Collection[int]) -> int:
    """Return how many accounts of these agencies can read restricted projects."""
    return count_of(
        select(Account.id).where(
            Account.agency_id.in_(agency_ids),
            Account.role.in_([role.value for role in AGENCY_ROLES]),
            Account.restricted_admitted_at.is_not(None),
            Account.disabled_at.is_(None),
        )
    )


def count_of(ids: Select[Any]) -> int:
    """Return how many rows the statement has."""
    return db.session.scalar(select(func.count()).select_from(ids.subquery())) or 0


# Confirmed requests whose day is still to come, and what they allow to ask for beside them.

PLANNED: Final[tuple[ColumnElement[bool], ...]] = (
    Request.state == RequestState.CONFIRMED.value,
    Request.carried_out_at.is_(None),
)
IS_SUCCESSION: Final = Request.kind == RequestKind.SUCCESSION.value
IS_DIVISION: Final = Request.details["kind"].as_string() == SuccessionKind.DIVISION.value


class SuccessionPlanned(Conflict):
    """Another succession of the agency is confirmed for a later day."""


class TransferPlanned(Conflict):
    """Another transfer of the project is confirmed for a later day."""


def day_problems(day: date) -> list[Problem]:
    """Return the problem of a day on which something is to take effect: one before today."""
    return [Problem("/on", "date-before-today", {"today": today().isoformat()})] if day < today() else []


def successor_problems(agency: Agency, number: str, pointer: str) -> tuple[Agency | None, list[Problem]]:
    """Return the agency that gets something from another one, and why it cannot: unknown, closed, or the same one."""
    other = db.session.scalar(select(Agency).where(Agency.bin == number).execution_options(populate_existing=True))
    if other is None:
        return None, [Problem(pointer, "agency-unknown", {"bin": number})]
    if other.id == agency.id:
        return other, [Problem(pointer, "successor-is-itself", {"bin": number})]
    problem = closed_problem(other, pointer)
    return other, [] if problem is None else [problem]


def require_no_whole_succession(agency: Agency) -> None:
    """Raise SuccessionPlanned when everything that the agency has is to pass on."""
    planned = select(Request.on).where(*PLANNED, IS_SUCCESSION, ~IS_DIVISION, Request.agency_id == agency.id)
    day = db.session.scalar(planned.limit(1))
    if day is not None:
        raise SuccessionPlanned(bin=agency.bin, on=day.isoformat())


def planned_projects(agency_id: int) -> dict[str, date]:
    """Return the numbers of the projects that pass on in planned divisions of the agency, each with its day."""
    planned = select(Request).where(*PLANNED, IS_SUCCESSION, IS_DIVISION, Request.agency_id == agency_id)
    return {
        number: request.on
        for request in db.session.scalars(planned.order_by(Request.on, Request.id))
        for number in request.details["projects"]
        if request.on is not None
    }


def leads_back(successor_id: int, agency_id: int) -> bool:
    """Return True when successions that took effect or are planned lead from the successor to the agency."""
    planned = select(Request.agency_id, Request.to_agency_id).where(*PLANNED, IS_SUCCESSION, ~IS_DIVISION)
    done = select(Agency.id, Agency.successor_id).where(Agency.successor_id.is_not(None))
    following = {former: to for statement in (planned, done) for former, to in db.session.execute(statement).all()}
    current: int | None = successor_id
    seen: set[int] = set()
    while current is not None and current not in seen:
        if current == agency_id:
            return True
        seen.add(current)
        current = following.get(current)
    return False


def require_no_planned_transfer(project: Project) -> None:
    """Raise TransferPlanned when the project is to pass to another agency."""
    transfers = (Request.kind == RequestKind.TRANSFER.value, Request.project_id == project.id)
    day = db.session.scalar(select(Request.on).where(*PLANNED, *transfers).limit(1))
    if day is not None:
        raise TransferPlanned(number=project.number, on=day.isoformat())


# Projects pass from one agency to another: they, their flags, cases and freeze status change in one transaction.

# Of many equal external ids, these are shown.
MAX_EQUAL_IDS: Final = 500


def lock_agencies(former_id: int, to_id: int) -> tuple[Agency, Agency]:
    """Return the agency that passes something on and the one that gets it, locked by rising ids.

    The latter is the last successor of the agency that was asked for, if that has been succeeded meanwhile.
    """
    session = require_transaction()
    to_id = last_successor(to_id)
    hold_agencies(Agency.id.in_({former_id, to_id}))
    both = select(Agency).where(Agency.id.in_({former_id, to_id})).order_by(Agency.id).with_for_update(of=Agency)
    rows = {row.id: row for row in session.scalars(both.execution_options(populate_existing=True))}
    to = rows[to_id]
    return (rows[former_id], to) if to.successor_id is None else lock_agencies(former_id, to_id)


def pass_projects(
    actor: Actor, request: Request, former: Agency, to: Agency, *, numbers: Sequence[str] | None
) -> dict[str, Any]:
    """Give the projects of these numbers, or all, to the other agency; returns the counts for the journal.

    Deadlines, decisions and orders stay as they are.
    """
    if former.id == to.id:
        return {"passed_on": 0}
    at = now()
    details = {"request": request.id, "act": request.act}
    ids, renamed = move_projects(
        actor, former, to, at, numbers=numbers, decided_by=str(request.decided_by), details=details
    )
    # The rules depend on the kind of the agency.
    update_freeze_status(at, is_among(STATUS.c.project_id, ids))
    return {"passed_on": len(ids), **({"external_ids_changed": renamed} if renamed else {})}


def equal_external_ids(actor: Actor, former_id: int, to_id: int, numbers: Sequence[str] | None) -> list[dict[str, str]]:
    """Return the external ids that projects of both agencies have; at most 500.

    Only of projects that the actor may see; those of the other agency also when they are not restricted.
    """
    other = aliased(Project)
    statement = (
        select(Project.external_id, Project.number, other.number.label("other_number"))
        .join(other, (other.external_id == Project.external_id) & (other.agency_id == to_id))
        .where(Project.agency_id == former_id, *visible_projects(actor))
        .where(or_(other.is_restricted.is_(False), and_(true(), *among_visible(actor, other.id.expression))))
        .order_by(Project.external_id)
        .limit(MAX_EQUAL_IDS)
    )
    if numbers is not None:
        statement = statement.where(Project.number.in_(numbers))
    return [
        {"external_id": str(external_id), "project": number, "other_project": other_number}
        for external_id, number, other_number in db.session.execute(statement)
    ]


def receiver(request: Request) -> Agency:
    """Return the agency that gets something by a succession or transfer."""
    if request.to_agency_record is None:
        raise RuntimeError("nobody gets anything by the request")
    return request.to_agency_record


def shown_effects(
    actor: Actor, request: Request, former: Agency, numbers: Sequence[str] | None, *, with_accounts: bool
) -> dict[str, Any]:
    """Return what an open request touches, and the external ids that will change."""
    if not request.is_open:
        return {"effects": None, "equal_external_ids": []}
    to = receiver(request)
    return {
        "effects": effects_of_passing_on(actor, former, to, numbers, with_accounts=with_accounts),
        "equal_external_ids": equal_external_ids(actor, former.id, to.id, numbers),
    }


# An agency is succeeded: everything that it has passes to the successor, and it is closed.


def close_and_pass_on(actor: Actor, request: Request, former: Agency, successor: Agency) -> dict[str, Any]:
    """Pass everything on and close the agency, in the open transaction; returns the counts for the journal.

    Locks agencies, projects, flags, cases and accounts, in this order.
    """
    details = {"request": request.id, "act": request.act}
    below = close_agency(actor, former, successor, request.on or today(), details)
    counts = pass_projects(actor, request, former, successor, numbers=None)
    drafts = pass_on_drafts(former.bin, successor.bin)
    accounts = pass_on_accounts(actor, former.id, successor.id, details)
    agency_succeeded.publish(former.id, successor.id)
    return {**counts, "agencies_below": below, "drafts": drafts, **accounts}


# Lists of project numbers in requests: whether the projects are the agency's.

NUMBERS_AT_ONCE: Final = 1000


def list_problems(actor: Actor, agency: Agency, numbers: Sequence[str]) -> list[Problem]:
    """Return the problem of each number that is no project of the agency, or of none that the actor may see."""
    if not numbers:
        return [Problem("/projects", "required")]
    usable = sorted({number for number in numbers if is_project_number(number)})
    own: set[str] = set()
    for start in range(0, len(usable), NUMBERS_AT_ONCE):
        named = Project.number.in_(usable[start : start + NUMBERS_AT_ONCE])
        own.update(
            db.session.scalars(
                select(Project.number).where(named, Project.agency_id == agency.id, *visible_projects(actor))
            )
        )
    return [
        Problem(f"/projects/{place}", "project-not-of-agency", {"number": number, "bin": agency.bin})
        for place, number in enumerate(numbers)
        if number not in own
    ]


# Succession: an agency passes what it has to another one, which succeeds it; or, divided, some of its projects.

ON_LABEL: Final = lazy_text("Effective from")
KINDS: Final[dict[str, Any]] = {"type": "string", "enum": list(SuccessionKind.codes())}
EQUAL_ID: Final = object_of(external_id=TEXT, project=TEXT, other_project=TEXT)
DIVISION: Final = SuccessionKind.DIVISION.value


class SuccessionCircular(Conflict):
    """Another succession leads from the successor back to the agency."""


class SuccessionFields(BaseSchema):
    """A succession to ask for."""

    successor = Bin(
        description="BIN of the agency that succeeds.", label=lazy_text("BIN of the successor"), required=True
    )
    kind = Choice(
        SuccessionKind.codes(),
        description="`merger` and `renaming` pass everything and close the agency, `division` passes the listed "
        "projects. Without it: `division` with a list of projects, otherwise `merger`.",
        nullable=False,
        label=lazy_text("Kind of succession"),
    )
    projects = ProjectNumbers(
        description="Numbers of the projects that pass on; with `division` alone.",
        label=lazy_text("Projects that pass on"),
        hint=lazy_text("For a division only: one project number a line."),
    )
    on = Day(
        description="The day from which it takes effect, today or later.",
        label=ON_LABEL,
        hint=lazy_text("Today or later. On this day everything passes on by itself."),
        required=True,
    )
    act = ACT
    reason = REASON


class PassingOnShown(RequestShown):
    """What successions and transfers show of what they touch."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"effects", "equal_external_ids"})

    equal_external_ids = ReadOnly(
        "Not in lists: external ids that projects of both agencies have, as far as the reader sees them. When it takes "
        "effect, that of the former agency's project gets its BIN as a prefix.",
        {"type": "array", "items": EQUAL_ID},
    )
    effects = ReadOnly(
        "Not in lists: while it is open, how much it touches of what the caller may see; null once it took effect.",
        nullable(EFFECTS),
    )


class SuccessionShown(PassingOnShown):
    """A succession in responses."""

    successor = ReadOnly("BIN of the agency that succeeds.", TEXT)
    kind = ReadOnly("How it passes on what it has.", KINDS)
    projects = ReadOnly(
        "Numbers of the projects that pass on in a division; null: all.", nullable({"type": "array", "items": TEXT})
    )


class Succession(RequestHandler):
    """The handler of successions; the subject is the BIN of the agency that is succeeded."""

    kind = RequestKind.SUCCESSION
    collection = "successions"
    asks = Permission.ORGANISATIONS_PROPOSE
    decides = Permission.ORGANISATIONS_CONFIRM
    excludes_reviewers = True
    body: ClassVar[BaseSchema] = SuccessionFields()
    shown: ClassVar[BaseSchema] = SuccessionShown()

    def check(self, actor: Actor, subject: str, values: dict[str, Any]) -> Asked:
        """Raises AgencyNotFound, AgencyClosed, SuccessionPlanned and Invalid."""
        agency = agency_to_change(subject)
        require_open(agency)
        kind = values.get("kind") or (DIVISION if values.get("projects") else SuccessionKind.MERGER.value)
        numbers = values.get("projects") if kind == DIVISION else None
        successor, problems = successor_problems(agency, values["successor"], "/successor")
        problems += day_problems(values["on"])
        if kind == DIVISION:
            problems += list_problems(actor, agency, numbers or [])
        elif values.get("projects"):
            problems.append(Problem("/projects", "projects-only-in-division"))
        # The agency itself as its successor is reported by successor_problems.
        other = None if successor is None or successor.id == agency.id else successor
        if other is not None and kind != DIVISION and leads_back(other.id, agency.id):
            problems.append(Problem("/successor", "succession-circular", {"bin": other.bin}))
        problems += self._planned_problems(agency, kind, numbers, values)
        if problems or successor is None:
            raise Invalid(problems)
        details = {"kind": kind, "projects": None if numbers is None else sorted(set(numbers))}
        return Asked(
            agency.id, values["reason"], to_agency_id=successor.id, on=values["on"], act=values["act"], details=details
        )

    def check_again(self, request: Request) -> None:
        """Raises AgencyClosed, SuccessionPlanned and SuccessionCircular."""
        # Locked, so that of two successions that lead to each other's agency the second sees the first.
        agency, successor = lock_agencies(request.agency_id, receiver(request).id)
        require_open(agency)
        require_no_whole_succession(agency)
        if request.details["kind"] != DIVISION and leads_back(successor.id, agency.id):
            raise SuccessionCircular(bin=request.to_agency)

    def carry_out(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Pass everything to the successor and close the agency; in a division pass the listed projects."""
        former, successor = lock_agencies(request.agency_id, receiver(request).id)
        if request.details["kind"] == DIVISION:
            return pass_projects(actor, request, former, successor, numbers=request.details["projects"])
        return close_and_pass_on(actor, request, former, successor)

    def more(self, request: Request) -> dict[str, Any]:
        """Return what only successions show."""
        details = request.details
        return {"successor": request.to_agency, "kind": details["kind"], "projects": details["projects"]}

    def more_of_one(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Return what it touches, and the external ids that will change."""
        is_whole, projects = request.details["kind"] != DIVISION, request.details["projects"]
        return shown_effects(actor, request, request.agency_record, projects, with_accounts=is_whole)

    def _planned_problems(
        self, agency: Agency, kind: str, numbers: list[str] | None, values: dict[str, Any]
    ) -> list[Problem]:
        """Problems with divisions that are confirmed for a later day. Raises SuccessionPlanned for another one."""
        require_no_whole_succession(agency)
        planned = planned_projects(agency.id)
        if kind == DIVISION:
            return [
                Problem(f"/projects/{place}", "project-passes-on-already", {"number": number})
                for place, number in enumerate(numbers or [])
                if number in planned
            ]
        if any(day > values["on"] for day in planned.values()):
            raise SuccessionPlanned(bin=agency.bin, on=max(planned.values()).isoformat())
        return []


# Transfer: one project passes from its agency to another one, with its documents, cases and orders.


class TransferFields(BaseSchema):
    """A transfer to ask for."""

    to = Bin(
        description="BIN of the agency that gets the project.", label=lazy_text("BIN of the new agency"), required=True
    )
    on = Day(
        description="The day from which it takes effect, today or later.",
        label=ON_LABEL,
        hint=lazy_text("Today or later. On this day the project passes on by itself."),
        required=True,
    )
    act = ACT
    reason = REASON


class TransferShown(PassingOnShown):
    """A transfer in responses."""

    to = ReadOnly("BIN of the agency that gets the project.", TEXT)


class Transfer(RequestHandler):
    """The handler of transfers; the subject is the project's number."""

    kind = RequestKind.TRANSFER
    collection = "transfers"
    asks = Permission.ORGANISATIONS_PROPOSE
    decides = Permission.ORGANISATIONS_CONFIRM
    excludes_reviewers = True
    body: ClassVar[BaseSchema] = TransferFields()
    shown: ClassVar[BaseSchema] = TransferShown()

    def check(self, actor: Actor, subject: str, values: dict[str, Any]) -> Asked:
        """Raises ProjectNotFound, TransferPlanned and Invalid."""
        project = find_project_to_change(actor, subject)
        require_no_planned_transfer(project)
        to, problems = successor_problems(project.agency, values["to"], "/to")
        problems += day_problems(values["on"])
        if problems or to is None:
            raise Invalid(problems)
        return Asked(
            project.agency_id,
            values["reason"],
            project_id=project.id,
            to_agency_id=to.id,
            on=values["on"],
            act=values["act"],
        )

    def check_again(self, request: Request) -> None:
        """Raises TransferPlanned."""
        require_no_planned_transfer(request.subject_project)

    def carry_out(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Pass the project on from the agency that has it on that day."""
        project = request.subject_project
        former, to = lock_agencies(project.agency_id, receiver(request).id)
        return pass_projects(actor, request, former, to, numbers=[project.number])

    def more(self, request: Request) -> dict[str, Any]:
        """Return what only transfers show."""
        return {"to": request.to_agency}

    def more_of_one(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Return what it touches, and the external id, if it will change."""
        project = request.subject_project
        former = db.session.get_one(Agency, project.agency_id)
        return shown_effects(actor, request, former, [project.number], with_accounts=False)
