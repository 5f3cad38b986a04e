"""People and their actions for the case tests; each action is one transaction, as in production."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.cases import decisions, service as cases
from registry.cases.models import Case, Order
from registry.cases.queries import find_case, find_case_to_change
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.flags.models import AuditRun, Flag
from registry.platform.confirmations import verify_placement
from registry.projects.models import Project
from registry.projects.schemas import PROJECT_PATCH
from registry.projects.service import change_project, find_project_to_change
from tests.factories import a_project, an_actor, with_account

AIGERIM = an_actor(Role.REVIEWER, name="aigerim")
BOLAT = an_actor(Role.REVIEWER, name="bolat")
# The same person with another token of a higher role is still one principal.
AIGERIM_AS_SUPERVISOR = an_actor(Role.SUPERVISOR, name="aigerim")
SAULE = an_actor(Role.SUPERVISOR, name="saule")
TIMUR = an_actor(Role.SUPERVISOR, name="timur")
DANA = an_actor(Role.SUPERVISOR, name="dana")
AUDITOR = an_actor(Role.AUDITOR)
OPERATOR = an_actor(Role.OPERATOR)
ADMINISTRATOR = an_actor(Role.ADMINISTRATOR)

LAW = {"reason": "The letter of 3 February.", "legal_basis": "Decree of 10 December 2025, clause 1"}
IN_BOTH = {
    "reason_kk": "3 ақпандағы хат.",
    "reason_ru": "Письмо от 3 февраля.",
    "legal_basis_kk": "Жарлықтың 1-тармағы",
    "legal_basis_ru": "пункт 1 Указа",
}
NO_BREACH = {"decision": "no_breach", "reason_code": "wrong_data", **LAW}
TRANSITIONAL = {"decision": "transitional_accepted", **LAW}


def migrate_by(day: date) -> dict[str, Any]:
    """Return values of an order to migrate by a day."""
    return {"decision": "migrate_by", "due_on": day, **IN_BOTH}


def editor_of(agency: Agency) -> Actor:
    """Return an editor of the agency."""
    return an_actor(Role.AGENCY_EDITOR, agency, name="editor")


def act(actor: Actor, case: Case | int, name: str, *args: Any) -> Case:
    """Run one action, named as in the contract."""
    actor = with_account(actor)
    with transaction():
        return SERVICES[name](actor, find_case_to_change(actor, case if isinstance(case, int) else case.id), *args)


SERVICES: dict[str, Callable[..., Case]] = {
    "claim": cases.claim,
    "assign": cases.assign,
    "release": cases.release,
    "ask": cases.ask,
    "answer": cases.answer,
    "propose": decisions.propose,
    "approve": decisions.approve,
    "return": cases.send_back,
    "refer": cases.refer,
    "confirm": cases.confirm,
    "withdraw": cases.withdraw,
    "appeal": decisions.appeal,
    "comment": cases.say,
}


def audit() -> AuditRun:
    """Run today's audit."""
    return run_audit(OPERATOR)


def edit(actor: Actor, project: Project, **changes: Any) -> None:
    """Edit the project as its agency."""
    accepted, problems = PROJECT_PATCH.load_filled(changes)
    assert not problems
    with transaction():
        change_project(actor, find_project_to_change(actor, project.number), accepted)


def case_of(project: Project) -> Case:
    """Return the current newest case of a project."""
    newest = select(Case.id).where(Case.project_id == project.id).order_by(Case.id.desc()).limit(1)
    return find_case(SAULE, db.session.scalars(newest).one())


def cases_of(project: Project) -> int:
    """Count a project's cases."""
    return len(db.session.scalars(select(Case.id).where(Case.project_id == project.id)).all())


def flags_of(project: Project) -> dict[str, str]:
    """Map each rule to the status of the project's newest flag of it."""
    rows = db.session.execute(select(Flag.rule, Flag.status).where(Flag.project_id == project.id).order_by(Flag.id))
    return dict(map(tuple, rows))


def under_review(project: Project) -> Case:
    """Return the project's case after an audit and a claim by Aigerim."""
    audit()
    return act(AIGERIM, case_of(project), "claim")


def decided_case(project: Project, proposal: dict[str, Any]) -> Case:
    """Return the project's case after a decision by Aigerim and Saule."""
    case = under_review(project)
    act(AIGERIM, case, "propose", proposal)
    return act(SAULE, case, "approve")


def in_days(count: int) -> date:
    """Return the date so many days after today."""
    return today() + timedelta(days=count)


def project_with_gap(**values: object) -> Project:
    """Return a project with a data gap: a medium flag that its agency can clear by an edit."""
    usual = {"work_type": "maintenance", "stage": "operation", "work_started_on": "2025-01-10"}
    return a_project(**usual | {"contract_signed_on": "2025-01-10"} | values)


def verify(project: Project) -> None:
    """Verify the project's placement on the platform."""
    edit(editor_of(project.agency), project, placement="on_platform", platform_key="k-1")
    with transaction():
        verify_placement(AIGERIM, find_project_to_change(AIGERIM, project.number), "k-1", today(), "seen")


def orders_of(project: Project) -> list[Order]:
    """Return the project's orders, oldest first."""
    return list(db.session.scalars(select(Order).where(Order.project_id == project.id).order_by(Order.id)))


def exemption(project: Project, until: date) -> dict[str, object]:
    """Record an exemption from today until a day."""
    return {
        "project": project.number,
        "decision_number": "12",
        "decided_on": today(),
        "valid_from": today(),
        "valid_to": until,
    }
