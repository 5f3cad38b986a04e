"""How the work of the reviewers stands: load, age, overdue cases, time to decision, by person, others and rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, literal, select

from registry.accounts.models import Account
from registry.accounts.roles import Actor, Permission
from registry.cases.models import Case, CaseDecision, CaseFlag
from registry.cases.queries import reviewers
from registry.cases.vocabulary import Status
from registry.core.clock import now, today
from registry.core.database import db
from registry.flags.models import Flag
from registry.freeze.rules import RULES
from registry.projects.visibility import among_visible

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
