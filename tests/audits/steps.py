"""Steps of the audit tests: audits by their usual actors, edits, confirmations, and whole tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, update

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.queries import all_changes_of
from registry.audits.service import run_audit
from registry.core.clock import now
from registry.core.database import Base, db, transaction
from registry.core.installation import Installation
from registry.exemptions.models import Exemption
from registry.exemptions.service import record_exemption
from registry.flags.freeze_status import update_freeze_status
from registry.flags.models import AuditRun, Flag
from registry.freeze.policy import Policy
from registry.platform.confirmations import verify_placement
from registry.projects.models import STATUS, Project, reserve_numbers
from registry.projects.revisions import Revision, revision_row
from registry.projects.schemas import PROJECT_PATCH
from registry.projects.service import change_project, find_project_to_change
from tests.api.callers import Caller
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency

OPERATOR = an_actor(Role.OPERATOR)
SUPERVISOR = an_actor(Role.SUPERVISOR)
AUDITOR = an_actor(Role.AUDITOR)
# A maintained system from long ago, after the deadline: only migration.overdue (low) matches.
OLD_SYSTEM = {
    "work_type": "maintenance",
    "stage": "operation",
    "contract_signed_on": "2024-02-01",
    "work_started_on": "2024-03-01",
    "object_commissioned_on": "2020-06-01",
}


def audit(on: date | None = None, *, dry_run: bool = False, policy: Policy | None = None) -> AuditRun:
    """Run a manual audit as the operator."""
    return run_audit(OPERATOR, on, dry_run=dry_run, policy=policy)


def edit(project: Project, **values: Any) -> None:
    """Edit a project as its agency."""
    accepted, problems = PROJECT_PATCH.load_filled(values)
    if problems:
        raise ValueError(problems)
    with transaction():
        change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, project.number), accepted)


def verify(project: Project, on: date) -> None:
    """Verify the placement that a project claims, as the platform's operator."""
    with transaction():
        locked = find_project_to_change(OPERATOR, project.number)
        verify_placement(OPERATOR, locked, locked.platform_key or f"qt-{locked.id}", on, "the platform's list")


def exempt(project: Project, valid_from: date, valid_to: date) -> Exemption:
    """Record an exemption."""
    values = {
        "project": project.number,
        "decision_number": "12-ЦК",
        "decided_on": date(2026, 1, 15),
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    return record_exemption(SUPERVISOR, values)


def accept(project: Project, *rules: str) -> None:
    """Accept the project's flags as an approved decision does."""
    conditions = (Flag.project_id == project.id, Flag.status != "cleared", Flag.rule.in_(rules))
    with transaction() as session:
        session.execute(
            update(Flag).where(*conditions).values(status="accepted", accepted_fingerprint=Flag.fingerprint)
        )
        update_freeze_status(now(), STATUS.c.project_id == project.id)


def status_of(project: Project) -> str:
    """The freeze status as it is stored."""
    return db.session.scalars(select(Project.freeze_status).where(Project.id == project.id)).one()


def create_projects(count: int, agency: Agency | None = None, **values: Any) -> list[int]:
    """Create that many projects of one agency by copying a registered one. Return their ids."""
    with transaction() as session:
        first = a_project(agency or an_agency(), **values)
        row = {column.name: getattr(first, column.name) for column in Project.__table__.columns}
        numbers = reserve_numbers(count - 1)
        copies = [
            {name: row[name] for name in row if name != "id"} | {"number": number, "external_id": f"copy {number}"}
            for number in numbers
        ]
        session.execute(insert(Project), copies)
        ids = session.scalars(select(Project.id).where(Project.number.in_(numbers)).order_by(Project.id)).all()
        session.execute(insert(Revision), [revision_row({**row, "id": each}, [], "tests") for each in ids])
        status = dict(session.execute(select(STATUS).where(STATUS.c.project_id == first.id)).mappings().one())
        session.execute(insert(STATUS), [{**status, "project_id": each} for each in ids])
    return [first.id, *ids]


def set_verified(ids: Iterable[int], verified_on: date | None) -> None:
    """Mark the projects as verified on the platform, or as no longer verified, as an inventory would."""
    with transaction() as session:
        session.execute(
            update(Project)
            .where(Project.id.in_(list(ids)))
            .values(placement_verified_on=verified_on)
            .execution_options(synchronize_session=False)
        )


def installed(at: datetime) -> None:
    """Set the time of the installation; no earlier nightly audit is due."""
    with transaction() as session:
        session.execute(update(Installation).values(installed_at=at))


def table(model: type[Base], *leave_out: str) -> list[dict[str, Any]]:
    """Return all rows of a table, ordered by id."""
    columns = [column for column in model.__table__.columns if column.name not in leave_out]
    rows = db.session.execute(select(*columns).order_by(*model.__table__.primary_key))
    return [dict(row) for row in rows.mappings()]


def flags_of(project: Project) -> list[tuple[str, str, str]]:
    """Return (rule, severity, status) of all flags of the project, oldest first."""
    rows = db.session.execute(
        select(Flag.rule, Flag.severity, Flag.status).where(Flag.project_id == project.id).order_by(Flag.id)
    )
    return [(row.rule, row.severity, row.status) for row in rows]


def flag(project: Project, rule: str) -> dict[str, Any]:
    """Return the project's newest flag of the rule."""
    rows = [row for row in table(Flag) if row["project_id"] == project.id and row["rule"] == rule]
    return rows[-1]


def changes(run: AuditRun) -> list[tuple[str, str, str]]:
    """Return (project number, rule, change) of the run's changes."""
    return sorted((row["project"], row["rule"], row["change"]) for row in all_changes_of(AUDITOR, run))


def counts(run: AuditRun) -> dict[str, int]:
    """Return the run's eight counts."""
    names = ("projects_judged", "projects_out_of_scope", "projects_flagged", "projects_exempt")
    flags = ("flags_opened", "flags_kept", "flags_reopened", "flags_cleared")
    return {name.split("_", 1)[1] if name in flags else name: getattr(run, name) for name in (*names, *flags)}


def flag_counts(run: AuditRun) -> tuple[int, int, int, int]:
    """Return the numbers of flags opened, kept, reopened and cleared."""
    return run.flags_opened, run.flags_kept, run.flags_reopened, run.flags_cleared


def audited(actor: Caller, **order: Any) -> dict[str, Any]:
    """Run an audit over HTTP and return it."""
    answer = actor.post("/audits", order)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return dict(answer.get_json())
