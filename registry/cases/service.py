"""Actions on a case other than decisions: opening it, transitions, hand-over, visits, and documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, literal, select
from sqlalchemy.orm import contains_eager

from registry.accounts.handover import HandOver
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.cases import transitions
from registry.cases.models import (
    Case,
    CaseDecision,
    CaseDocument,
    CaseEvent,
    CaseFlag,
    CaseVisit,
    Order,
    add_event,
    case_seen,
    side_of,
)
from registry.cases.queries import find_case, find_case_to_change, may_review_restricted, reviewer_id
from registry.cases.vocabulary import ActionName, AppealOutcome, FurtherEvent, Status
from registry.core.clock import national_calendar, now, today
from registry.core.database import db, require_transaction, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.errors import Conflict, invalid
from registry.core.lists import Listing, Page
from registry.flags.models import SEVERITY_RANK, Flag, lock_flags_for_review
from registry.freeze.policy import policy_in_force
from registry.journal import service as journal
from registry.projects import documents
from registry.projects.models import Project, is_project_number
from registry.projects.visibility import require_not_withdrawn, visible_projects

# Opening a case, and actions on one. Each takes a case locked by ``find_case_to_change``.
#
# All raise RoleNotAllowed, CaseActionNotPossible, CaseNotYours and CaseTaken, according to the workflow.


class CaseAlreadyOpen(Conflict):
    """The project already has an open case."""


class ProjectNotFlagged(Conflict):
    """The project has no open flag, so there is nothing to review."""


def open_case(actor: Actor, number: str) -> Case:
    """Open a case from a project's weak flags, which open no case by themselves.

    Raises RoleNotAllowed, Invalid (unknown project), CaseAlreadyOpen and ProjectNotFlagged.
    """
    actor.require(Permission.CASES_REVIEW)
    with transaction() as session:
        lock_flags_for_review()
        # The row lock makes a concurrent request wait, and it then finds the case that this one opened.
        seen = select(Project).where(Project.number == number, *visible_projects(actor)).with_for_update(of=Project)
        # PostgreSQL stores no NUL, and reads none in a condition.
        project = session.scalar(seen) if is_project_number(number) else None
        if project is None:
            raise invalid("/project", "project-unknown", number=number)
        open_case_id = session.scalar(
            select(Case.id).where(Case.project_id == project.id, Case.status != Status.CLOSED)
        )
        if open_case_id is not None:
            raise CaseAlreadyOpen(case=open_case_id, project=number)
        flags = session.scalars(select(Flag).where(Flag.project_id == project.id, Flag.status != "cleared")).all()
        if not any(flag.status == "open" for flag in flags):
            raise ProjectNotFlagged(project=number)
        worst = max((flag.severity for flag in flags), key=SEVERITY_RANK.__getitem__)
        timestamp = now()
        case = Case(
            project_id=project.id,
            status=Status.NEW.value,
            severity=worst,
            from_severity="plan",
            opened_at=timestamp,
            changed_at=timestamp,
            due_on=national_calendar().after(today(), policy_in_force().deadlines.review),
            version=1,
        )
        session.add(case)
        session.flush()
        session.execute(
            insert(CaseFlag).from_select(
                ["case_id", "flag_id"],
                select(literal(case.id), Flag.id).where(Flag.project_id == project.id, Flag.status != "cleared"),
            )
        )
        event = add_event(actor, case, "opened", from_status=None)
        session.flush()
        journal.record(actor, "case.opened", f"case:{case.id}", {"event": event.id, "project": number})
        return find_case(actor, case.id)


def claim(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Assign an unassigned case to the actor, or take back one's own case for review. An order needs a supervisor."""
    step = transitions.authorize(actor, case, "claim")
    case.assign_to(actor.account_id, actor.principal)
    return transitions.apply(step, comment, details={"assignee": actor.principal})


def assign(actor: Actor, case: Case, assignee: str, comment: str | None = None) -> Case:
    """Assign a case to a reviewer. Reviewers assign unassigned cases and their own; supervisors any. Raises Invalid."""
    step = transitions.authorize(actor, case, "assign")
    account_id = actor.account_id if assignee == actor.principal else _reviewer_id(case, assignee)
    appealed = transitions.appealed_decision(case)
    if appealed is not None and not transitions.account_took_no_part(account_id, assignee, appealed):
        raise invalid("/assignee", "assignee-decided-it", assignee=assignee)
    case.assign_to(account_id, assignee)
    return transitions.apply(step, comment, details={"assignee": assignee})


def _reviewer_id(case: Case, assignee: str) -> int:
    account_id = reviewer_id(assignee)
    if account_id is None:
        raise invalid("/assignee", "assignee-not-a-reviewer", assignee=assignee)
    if case.project_record.is_restricted and not may_review_restricted(assignee):
        raise invalid("/assignee", "assignee-may-not-see", assignee=assignee)
    return account_id


def release(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Return a case to the queue."""
    step = transitions.authorize(actor, case, "release")
    case.assign_to(None, None)
    return transitions.apply(step, comment)


def ask(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Ask the agency: the review pauses and the answer deadline starts. Without a text, ask to explain the findings."""
    return transitions.apply(transitions.authorize(actor, case, "ask"), comment)


def answer(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Answer for the agency. Late answers are accepted."""
    return transitions.apply(transitions.authorize(actor, case, "answer"), comment)


def refer(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Refer the case to the Commission. Its decision is recorded as an exemption, or the case is returned."""
    return transitions.apply(transitions.authorize(actor, case, "refer"), comment)


def send_back(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Return a proposal to its reviewer, or a case from the Commission or from confirmation to review."""
    step = transitions.authorize(actor, case, "return")
    end_proposal(step.proposal, "returned", actor)
    return transitions.apply(step, comment)


def withdraw(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Withdraw what the case waits for: the question, the proposal, the referral or, for a supervisor, the order."""
    step = transitions.authorize(actor, case, "withdraw")
    end_proposal(step.proposal, "withdrawn", actor)
    if case.status == Status.REMEDIATION:
        end_orders(case.project_id, "withdrawn")
    return transitions.apply(step, comment, details={"withdrawn_from": case.status})


def confirm(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Close a case as resolved because its flags are cleared. Weaker flags go back to the watch list."""
    step = transitions.authorize(actor, case, "confirm")
    active = select(Flag.id).where(Flag.project_id == case.project_id, Flag.status != "cleared")
    end_appeal(case, AppealOutcome.DISCONTINUED)
    db.session.execute(delete(CaseFlag).where(CaseFlag.case_id == case.id, CaseFlag.flag_id.in_(active)))
    return transitions.apply(step, comment)


def say(actor: Actor, case: Case, comment: str, *, for_agency: bool = False) -> Case:
    """Add a comment to the timeline. An oversight comment is an internal note unless ``for_agency``."""
    step = transitions.authorize(actor, case, "comment")
    return transitions.apply(step, comment, comment_visible_to_agency=for_agency or actor.role in AGENCY_ROLES)


def decision_in_effect(case: Case) -> CaseDecision | None:
    """Return the last approved decision of the case, unless it was appealed, withdrawn or replaced."""
    last = transitions.last_decision(case)
    return last if last is not None and last.ended_because is None else None


def end_orders(project_id: int, because: str) -> None:
    """End a project's orders in force and their decisions."""
    orders = db.session.scalars(select(Order).where(Order.project_id == project_id, Order.ended_at.is_(None))).all()
    if not orders:
        return
    for order in orders:
        order.ended_at, order.ended_because = now(), because
    from_orders = CaseDecision.order_id.in_([order.id for order in orders])
    ended = db.session.scalars(select(CaseDecision).where(from_orders, CaseDecision.ended_because.is_(None))).all()
    for decision in ended:
        decision.ended_because = because


def end_appeal(case: Case, outcome: AppealOutcome, decision: CaseDecision | None = None) -> None:
    """End the open appeal of a case, if any, with an outcome and the decision that it led to."""
    appeal = transitions.open_appeal(case)
    if appeal is not None:
        appeal.outcome, appeal.decided_at = outcome.value, now()
        appeal.new_decision_id = None if decision is None else decision.id


def end_proposal(proposal: CaseDecision | None, outcome: str, actor: Actor) -> None:
    """End a waiting proposal, if any, with an outcome other than approval."""
    if proposal is not None:
        proposal.decide(outcome, actor)


# Hand-over of cases: the open cases of a person who leaves get another assignee.


def count_open_cases(account_id: int) -> int:
    """Return how many open cases the person has."""
    counted = select(func.count(Case.id)).where(Case.assignee_account_id == account_id, Case.status != Status.CLOSED)
    return db.session.execute(counted).scalar_one()


def hand_over_cases(step: HandOver) -> None:
    """Assign the open cases of the giver to the receiver, whatever their status. Proposals keep their proposer.

    Raises Invalid at ``/to`` when there are some and the receiver cannot review them.
    """
    lock_flags_for_review()
    session = require_transaction()
    statement = (
        select(Case)
        .join(Case.project_record)
        .options(contains_eager(Case.project_record))
        .where(Case.assignee_account_id == step.giver.id, Case.status != Status.CLOSED)
        .order_by(Case.id)
        .execution_options(populate_existing=True)
    )
    cases = session.scalars(statement.with_for_update(of=Case)).unique().all()
    _require_receiver(step, [case.project_record for case in cases])
    at, events = now(), []
    for case in cases:
        case.assign_to(step.receiver.id, step.receiver.name)
        case.version, case.changed_at = case.version + 1, at
        details = {"assignee": step.receiver.name, "previous_assignee": step.giver.name}
        action = ActionName.ASSIGN.value
        events.append(add_event(step.actor, case, action, from_status=case.status, details=details, for_agency=False))
    session.flush()
    for case, event in zip(cases, events, strict=True):
        moved = {"project": case.project_record.number, "from": case.status, "to": case.status}
        journal.record(step.actor, "case.assign", f"case:{case.id}", {"event": event.id, **moved, **event.details})
    step.counts["cases"] = len(cases)


def _require_receiver(step: HandOver, projects: list[Project]) -> None:
    name = step.receiver.name
    if projects and reviewer_id(name) is None:
        raise invalid("/to", "assignee-not-a-reviewer", assignee=name)
    if any(project.is_restricted for project in projects) and not may_review_restricted(name):
        raise invalid("/to", "assignee-may-not-see", assignee=name)


# Visits: up to which entry of its timeline a person has seen a case, so that the page marks what is new since then.
#
# Opening the page changes nothing, as GET must not: links are opened in advance by browsers and mail programs. A
# visit is stored by an action on the case, by the button *Mark as seen*, and by the page's script when the page is
# left. It is not journalled, for it says what one person has read and changes no record. The inbox marks its entries
# with it.


@dataclass(frozen=True, slots=True)
class News:
    """``since``: when the person last saw the case, None when never. ``events``: entries of others since then.

    ``until``: the newest entry, when it is not stored yet that the person has seen it.
    """

    since: datetime | None
    events: list[Mapping[str, Any]]
    until: int | None


def news_of(actor: Actor, case: Case, events: Sequence[Mapping[str, Any]]) -> News:
    """Return what is new among the entries that the person may see, oldest first; nothing at the first visit."""
    visit = None if actor.account_id is None else db.session.get(CaseVisit, (case.id, actor.account_id))
    newest = events[-1]["id"] if events else None
    if visit is None:
        return News(None, [], newest)
    own = {each.id for each in case.events if each.account_id == actor.account_id}
    later = [event for event in events if event["id"] > visit.event_id and event["id"] not in own]
    return News(visit.at, later, newest if newest is not None and newest > visit.event_id else None)


def record_visit(actor: Actor, case: Case, event_id: int) -> None:
    """Store that the person has seen the timeline up to the entry, and publish it; a visit never moves back.

    Raises RoleNotAllowed, and Invalid for an entry that the person cannot see on this case.
    """
    actor.require(Permission.CASES_READ)
    if actor.account_id is None:
        return
    with transaction() as session:
        event = db.session.get(CaseEvent, event_id)
        is_hidden = event is not None and actor.role in AGENCY_ROLES and not event.visible_to_agency
        if event is None or event.case_id != case.id or is_hidden:
            raise invalid("/event", "event-not-of-case", id=event_id)
        key = {"case_id": case.id, "account_id": actor.account_id}
        new = insert_or_ignore(CaseVisit).values(**key, event_id=event_id, at=now()).on_conflict_do_nothing()
        session.execute(new)
        # Two windows of one person store their visits one after the other.
        stored = select(CaseVisit).filter_by(**key).with_for_update().execution_options(populate_existing=True)
        visit = session.scalars(stored).one()
        if event_id >= visit.event_id:
            visit.event_id, visit.at = event_id, now()
        case_seen.publish(actor, case.id, event_id)


# Documents of a case: each belongs to an entry of the timeline, and shows to whoever may see that entry.
#
# Their bytes are documents of the project (``projects/documents.py``): one quota, one check of types.


def add_case_document(
    actor: Actor,
    case_id: int,
    name: str,
    content_type: str,
    content: bytes,
    values: Mapping[str, Any],
    *,
    event_id: int | None = None,
    for_agency: bool = False,
) -> documents.Document:
    """Add a document to an entry of the actor's own side, or, without one, as an entry of its own.

    ``values``: what LetterFields validated. ``for_agency``: the agency sees the entry that oversight makes. Raises
    RoleNotAllowed, CaseNotFound, ProjectWithdrawn, Invalid and DocumentQuotaExceeded.
    """
    actor.require(Permission.CASES_COMMENT)
    with transaction() as session:
        case = find_case_to_change(actor, case_id)
        project = case.project_record
        require_not_withdrawn(project)
        if event_id is None:
            action, status = FurtherEvent.DOCUMENT_ADDED.value, case.status
            event = add_event(
                actor, case, action, from_status=status, for_agency=for_agency, comment_for_agency=for_agency
            )
            session.flush()
        else:
            event = _event_of_side(actor, case, event_id)
        document = documents.add_document(
            actor, project, name, content_type, content, belongs_to=documents.CASE, **values
        )
        session.add(CaseDocument(document_id=document.id, case_id=case.id, event_id=event.id))
        case.version += 1
        case.changed_at = now()
        details = {"project": project.number, "document": document.id, "name": name, "event": event.id}
        journal.record(actor, f"case.{FurtherEvent.DOCUMENT_ADDED.value}", f"case:{case.id}", details)
    return document


def link_case_documents(case: Case, ids: Iterable[int], *, event_id: int) -> None:
    """Let documents of the case's project belong to an entry of its timeline, in the open transaction."""
    session = require_transaction()
    session.add_all(CaseDocument(document_id=each, case_id=case.id, event_id=event_id) for each in ids)
    session.flush()


def last_event_id(case: Case) -> int:
    """Return the id of the newest entry of the timeline."""
    newest = select(CaseEvent.id).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id.desc()).limit(1)
    return db.session.execute(newest).scalar_one()


def sides_of(case: Case) -> dict[int, str]:
    """Return the side of every entry of the timeline, by its id."""
    rows = db.session.execute(select(CaseEvent.id, CaseEvent.side).where(CaseEvent.case_id == case.id))
    return {row.id: row.side for row in rows}


def may_add_to(actor: Actor, side: str) -> bool:
    """Return True when entries of that side are of the actor's own side."""
    return side == side_of(actor) and actor.may(Permission.CASES_COMMENT)


def case_documents_page(actor: Actor, case: Case, page: Page) -> Listing:
    """Return a page of the documents of a case that the actor may see, oldest first. Raises Malformed."""
    return documents.page_of_documents(_visible_documents(actor, case), page)


def documents_by_event(actor: Actor, *cases: Case) -> dict[int, list[dict[str, Any]]]:
    """Return the documents of each entry of these cases that the actor may see, by the entry's id."""
    by_event: dict[int, list[dict[str, Any]]] = {}
    for row in db.session.execute(_visible_documents(actor, *cases)).mappings():
        shown = {name: row[name] for name in ("id", "kind", "description", "name", "size", *documents.NUMBERS)}
        by_event.setdefault(row["event"], []).append(shown)
    return by_event


def case_document(actor: Actor, case: Case, document_id: int) -> Mapping[str, Any]:
    """Return what is shown of a document of the case. Raises DocumentNotFound."""
    row = (
        db.session.execute(_visible_documents(actor, case).where(documents.Document.id == document_id))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise documents.DocumentNotFound(id=document_id)
    return {name: value for name, value in row.items() if not name.startswith("_")}


def read_case_document(actor: Actor, case: Case, document_id: int) -> tuple[documents.Document, bytes]:
    """Return a document of the case and its content. Raises DocumentNotFound and DocumentDamaged."""
    return documents.document_of_query(_visible_documents(actor, case), document_id)


def _visible_documents(actor: Actor, *cases: Case) -> Select[Any]:
    statement = (
        select(
            *documents.columns_of_documents(*documents.SHOWN, *documents.NUMBERS), CaseDocument.event_id.label("event")
        )
        .join(CaseDocument, CaseDocument.document_id == documents.Document.id)
        .join(CaseEvent, CaseEvent.id == CaseDocument.event_id)
        .where(CaseDocument.case_id.in_([case.id for case in cases]))
        .order_by(documents.Document.id)
    )
    return statement.where(CaseEvent.visible_to_agency.is_(True)) if actor.role in AGENCY_ROLES else statement


def _event_of_side(actor: Actor, case: Case, event_id: int) -> CaseEvent:
    event = db.session.scalar(select(CaseEvent).where(CaseEvent.id == event_id, CaseEvent.case_id == case.id))
    if event is None or (actor.role in AGENCY_ROLES and not event.visible_to_agency):
        raise invalid("/event", "event-not-of-case", id=event_id)
    if not may_add_to(actor, event.side):
        raise invalid("/event", "event-of-another-side", id=event_id)
    return event
