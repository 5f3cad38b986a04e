"""Queries for a single case, and the work of the reviewers."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import contains_eager

from registry.accounts.models import Account, AccountKind, Person, is_active
from registry.accounts.roles import PERMISSIONS, Actor, Permission, Role
from registry.accounts.tokens import Token
from registry.cases.models import Case, CaseDecision, CaseEvent, CaseFlag, Order, order_facts
from registry.cases.vocabulary import ActionName, Status
from registry.core.clock import now, today
from registry.core.database import db, require_transaction
from registry.core.errors import NotFound
from registry.core.translations import Language
from registry.flags.models import LAST_GOOD_DATE, Flag, lock_flags_for_review
from registry.flags.queries import FLAG, flag_representation, flag_rows
from registry.freeze.policy import policy_in_force
from registry.freeze.rules import RULES
from registry.projects.models import Project
from registry.projects.visibility import among_visible, journal_restricted_reads, visible_projects

# Accounts to which a case can be assigned.

REVIEWING: Final = tuple(role.value for role, may in PERMISSIONS.items() if Permission.CASES_REVIEW in may)
REVIEWING_RESTRICTED: Final = tuple(
    role.value for role, may in PERMISSIONS.items() if {Permission.CASES_REVIEW, Permission.RESTRICTED_READ} <= set(may)
)


def reviewer_id(name: str) -> int | None:
    """Return the id of the active account of that name with a reviewing role, by password or by token; None without
    one.
    """
    return db.session.scalar(select(Account.id).where(Account.name == name, _active_with_role(REVIEWING)))


def may_review_restricted(name: str) -> bool:
    """True for an active account with a reviewing role that also sees restricted projects."""
    usable = select(Account.id).where(Account.name == name, _active_with_role(REVIEWING_RESTRICTED))
    return db.session.scalar(usable) is not None


def reviewers() -> list[str]:
    """Return the sorted names of all accounts to which a case can be assigned."""
    return sorted(db.session.scalars(select(Account.name).where(_active_with_role(REVIEWING))))


def missing_for_appeal(case: Case, appealed: CaseDecision) -> list[str]:
    """Return the roles that nobody has who may decide on the appeal: two people who neither proposed nor approved the
    decision, one of them a supervisor.
    """
    roles = REVIEWING_RESTRICTED if case.project_record.is_restricted else REVIEWING
    statement = select(Account.id, Account.role, func.lower(Person.email).label("address"))
    people = statement.outerjoin(Person, Person.account_id == Account.id).where(
        is_active(), Account.kind == AccountKind.PERSON, Account.role.in_(roles)
    )
    took_part = statement.outerjoin(Person, Person.account_id == Account.id).where(
        Account.id.in_((appealed.proposed_account_id, appealed.decided_account_id))
    )
    barred = {key for row in db.session.execute(took_part) for key in (row.id, row.address)}
    others = {
        row.address or row.id: row.role
        for row in db.session.execute(people.order_by(Account.id))
        if row.id not in barred and (row.address is None or row.address not in barred)
    }
    leads = [role for role in others.values() if Permission.CASES_APPROVE in PERMISSIONS[Role(role)]]
    return [
        role.value
        for role, is_missing in ((Role.SUPERVISOR, not leads), (Role.REVIEWER, len(others) < (2 if leads else 1)))
        if is_missing
    ]


def _active_with_role(roles: tuple[str, ...]) -> ColumnElement[bool]:
    """Condition: an active person with one of the roles, or a service account with a token of one of the roles."""
    by_token = (
        select(Token.id)
        .where(
            Token.account_id == Account.id,
            Token.role.in_(roles),
            Token.revoked_at.is_(None),
            or_(Token.expires_at.is_(None), Token.expires_at > now()),
        )
        .exists()
    )
    return is_active() & Account.role.in_(roles) & or_(Account.kind == AccountKind.PERSON, by_token)


# The flags that cases cover, as they are shown.


def flags_of_cases(actor: Actor, ids: Sequence[int], language: Language) -> dict[int, list[dict[str, Any]]]:
    """Return the flags that each of some cases covers, cleared ones too, oldest first."""
    statement = (
        flag_rows(CaseFlag.case_id.expression, visible_projects(actor))
        .add_columns(LAST_GOOD_DATE.scalar_subquery().label("_last_on"))
        .join(CaseFlag, CaseFlag.flag_id == FLAG.id)
        .where(CaseFlag.case_id.in_(ids))
        .order_by(FLAG.id)
    )
    flags: dict[int, list[dict[str, Any]]] = {case_id: [] for case_id in ids}
    for row in db.session.execute(statement).mappings():
        shown = flag_representation(actor, {**row}, policy_in_force(), row["_last_on"], language)
        flags[row["_sort"]].append(shown)
    return flags


class CaseNotFound(NotFound):
    """No case has this id, or the actor may not see its project."""


def find_case(actor: Actor, case_id: int) -> Case:
    """Return the case with its project and agency. Raises CaseNotFound, also for cases that the actor may not see."""
    return _case_row(_query(actor, case_id), case_id)


def read_case(actor: Actor, case_id: int, what: str) -> Case:
    """Return the case for display; reading one of a restricted project is journalled. Raises CaseNotFound."""
    case = find_case(actor, case_id)
    project = case.project_record
    if not project.is_restricted:
        return case
    journal_restricted_reads(actor, [project.number], what)
    return find_case(actor, case_id)


def find_case_to_change(actor: Actor, case_id: int) -> Case:
    """Return the case, locked until the transaction ends, so that concurrent actions on one case run one by one.

    Waits while an audit writes flags, not while it judges.
    """
    require_transaction()
    lock_flags_for_review()
    return _case_row(_query(actor, case_id).with_for_update(of=Case), case_id)


def _query(actor: Actor, case_id: int) -> Select[Case]:
    return (
        select(Case)
        .join(Case.project_record)
        .join(Project.agency)
        .options(contains_eager(Case.project_record).contains_eager(Project.agency))
        .where(Case.id == case_id, *visible_projects(actor))
        .execution_options(populate_existing=True)
    )


def _case_row(statement: Select[Any], case_id: int) -> Case:
    case = db.session.scalar(statement)
    if not isinstance(case, Case):
        raise CaseNotFound(id=case_id)
    return case


def last_answers(ids: Collection[int]) -> dict[int, str]:
    """Return what the agency answered last on each of the cases that have an answer."""
    of_agency = select(func.max(CaseEvent.id)).where(
        CaseEvent.case_id.in_(ids), CaseEvent.action.in_((ActionName.ANSWER, ActionName.APPEAL))
    )
    last = select(CaseEvent.case_id, CaseEvent.comment).where(CaseEvent.id.in_(of_agency.group_by(CaseEvent.case_id)))
    return {row.case_id: row.comment for row in db.session.execute(last) if row.comment}


# The last returned proposal and the remark of the person who returned it, to prefill the next proposal.


@dataclass(frozen=True, slots=True)
class ReturnedProposal:
    """A proposal as submitted; ``returned_by``, ``returned_at`` and ``remark`` describe its return."""

    proposal: CaseDecision
    returned_by: str
    returned_at: datetime
    remark: str | None


def returned_proposal(case: Case) -> ReturnedProposal | None:
    """Return the case's newest proposal if it was returned; None if it was withdrawn, was approved or has lapsed."""
    newest = case.decisions[-1] if case.decisions else None
    if newest is None or newest.outcome != "returned":
        return None
    event = next(
        each
        for each in reversed(case.events)
        if each.action == ActionName.RETURN and each.from_status == Status.AWAITING_APPROVAL
    )
    return ReturnedProposal(newest, event.by, event.at, event.comment)


# Orders in force as the register knew them at an earlier moment.


def orders_known_at(at: datetime, after: int, to: int) -> dict[int, dict[str, Any]]:
    """Return the facts of each newest order in force, by project in ``after < id <= to``."""
    statement = (
        select(Order.project_id, Order.decision, Order.due_on)
        .where(Order.project_id > after, Order.project_id <= to, Order.approved_at <= at)
        .where(or_(Order.ended_at.is_(None), Order.ended_at > at))
        .order_by(Order.id)
    )
    return {row.project_id: order_facts(row.decision, row.due_on) for row in db.session.execute(statement)}


# How the work of the reviewers stands: load, age, overdue cases, time to decision, by person, others and rule.

# Decisions approved within these days count for the time to a decision.
DECIDED_WITHIN_DAYS: Final = 90
# Statuses by who must act next. The Commission has no due date.
OF_REVIEWERS: Final = (Status.NEW, Status.UNDER_REVIEW, Status.AWAITING_CONFIRMATION)
OF_SUPERVISORS: Final = (Status.AWAITING_APPROVAL,)
OF_OVERSIGHT: Final = (*OF_REVIEWERS, *OF_SUPERVISORS)
OF_OTHERS: Final[Mapping[str, tuple[Status, ...]]] = {
    "supervisors": OF_SUPERVISORS,
    "agencies": (Status.AWAITING_AGENCY, Status.REMEDIATION),
}
COUNTS: Final = ("open", "to_act", "overdue", "oldest_opened_at")
NO_COUNTS: Final[Mapping[str, Any]] = {"open": 0, "to_act": 0, "overdue": 0, "oldest_opened_at": None}


def team(actor: Actor) -> dict[str, list[dict[str, Any]]]:
    """Return the open cases by person, by others and by rule: ``{people, others, rules}``, rows with ``key``.

    ``open``: cases that are not closed; ``to_act``: those in which reviewers must act next, by rule reviewers or
    supervisors; ``overdue``: of these, past their due date; ``oldest_opened_at``: of these, when the oldest was opened;
    ``decided``: decisions approved in the last 90 days; ``median_days``: calendar days from the opening of the case to
    the approval, None without decisions.
    The ``key`` of a person is a name, None for cases without a reviewer. ``others``: what waits for ``supervisors``
    (approvals) and for ``agencies`` (answers and orders), so that people and others together have every overdue case
    once. A case counts under each rule of its active flags, a decision under each rule that it covered.
    Raises RoleNotAllowed.
    """
    actor.require(Permission.TEAM_READ)
    return {"people": _people(actor), "others": _others(actor), "rules": _rules(actor)}


def _people(actor: Actor) -> list[dict[str, Any]]:
    of_people = _open(actor, Account.name, OF_REVIEWERS)
    counts = _counted(of_people.outerjoin(Account, Account.id == Case.assignee_account_id))
    proposed = _decided(actor).outerjoin(Account, Account.id == CaseDecision.proposed_account_id)
    proposer = func.coalesce(Account.name, CaseDecision.proposed_by).label("key")
    days = _days(db.session.execute(proposed.add_columns(proposer).order_by(CaseDecision.id)))
    names = {*reviewers(), *counts, *days} - {None}
    rows = [_row(name, counts, days) for name in sorted(names)]
    return [*rows, _row(None, counts, days)] if None in counts else rows


def _others(actor: Actor) -> list[dict[str, Any]]:
    rows = []
    for key, statuses in OF_OTHERS.items():
        counts = _counted(_open(actor, literal(key), statuses)).get(key, NO_COUNTS)
        rows.append({"key": key} | {name: value for name, value in counts.items() if name != "open"})
    return rows


def _rules(actor: Actor) -> list[dict[str, Any]]:
    active = (
        _open(actor, Flag.rule, OF_OVERSIGHT)
        .join(CaseFlag, CaseFlag.case_id == Case.id)
        .join(Flag, and_(Flag.id == CaseFlag.flag_id, Flag.status != "cleared"))
    )
    counts = _counted(active)
    covered = _decided(actor).add_columns(Flag.rule.label("key"))
    covered = covered.join(CaseFlag, CaseFlag.case_id == Case.id).join(Flag, Flag.id == CaseFlag.flag_id).distinct()
    days = _days(db.session.execute(covered.add_columns(CaseDecision.id)))
    return [_row(rule, counts, days) for rule in RULES if rule in counts or rule in days]


def _counted(statement: Select[Any]) -> dict[Any, dict[str, Any]]:
    return {row[0]: dict(zip(COUNTS, row[1:], strict=True)) for row in db.session.execute(statement)}


def _open(actor: Actor, key: Any, waiting: Sequence[Status]) -> Select[Any]:
    """Query ``key`` and the counts of the open cases; in the statuses ``waiting`` one of them must act."""
    to_act = Case.status.in_(waiting)
    overdue = and_(to_act, Case.due_on.is_not(None), Case.due_on < today())
    return (
        select(
            key,
            func.count(func.distinct(Case.id)),
            func.count(func.distinct(case((to_act, Case.id)))),
            func.count(func.distinct(case((overdue, Case.id)))),
            func.min(case((to_act, Case.opened_at))),
        )
        .select_from(Case)
        .where(Case.status != Status.CLOSED, *among_visible(actor, Case.project_id.expression))
        .group_by(key)
    )


def _decided(actor: Actor) -> Select[*tuple[Any, ...]]:
    """Query the opening and the approval of each decision that counts."""
    since = now() - timedelta(days=DECIDED_WITHIN_DAYS)
    return (
        select(Case.opened_at, CaseDecision.decided_at)
        .select_from(CaseDecision)
        .join(Case, Case.id == CaseDecision.case_id)
        .where(
            CaseDecision.outcome == "approved",
            CaseDecision.decided_at >= since,
            *among_visible(actor, Case.project_id.expression),
        )
    )


def _days(decisions: Iterable[Any]) -> dict[str, list[int]]:
    days: dict[str, list[int]] = defaultdict(list)
    for row in decisions:
        days[row.key].append((row.decided_at - row.opened_at).days)
    return days


def _row(key: str | None, counts: Mapping[Any, Mapping[str, Any]], days: Mapping[Any, list[int]]) -> dict[str, Any]:
    taken = days.get(key, [])
    return {
        "key": key,
        **counts.get(key, NO_COUNTS),
        "decided": len(taken),
        "median_days": round(median(taken)) if taken else None,
    }
