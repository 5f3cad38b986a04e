"""Demo record actions: registrations, confirmations, exemptions and edits, each with its day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from sqlalchemy import select

from registry.approvals.service import approve
from registry.cases.commission import propose_exemption
from registry.core.clock import today
from registry.core.database import db
from registry.demo.calendar import PARTS, as_csv, projects_of, rows_of, working_day
from registry.demo.people import (
    ADMINISTRATOR,
    OPERATOR,
    REVIEWER,
    SECOND_REVIEWER,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    demo_actor,
)
from registry.demo.regional import inventory_rows
from registry.imports.models import ImportRun
from registry.imports.service import import_now
from registry.imports.worker import LEASE, RunLease, run_import
from registry.platform.confirmations import confirm_ending, confirm_onboarding, verify_placement
from registry.platform.inventory import apply_inventory
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.projects.restriction import propose_restriction
from registry.projects.service import change_project, find_project_to_change

Act = Callable[[date], object]


# An empty page, in place of a scanned decision.
DECISION: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


class InvalidDemoData(RuntimeError):
    """The demo data cannot be imported, which is a programming error."""


def import_agencies() -> None:
    """Import the demo agencies."""
    import_rows("agencies", "agencies.csv", rows_of("agencies.csv", today()))


def import_part(part: int, day: date) -> None:
    """Import the projects registered ``part`` working days before the day of loading."""
    import_rows("projects", f"projects-{PARTS.index(part) + 1}.csv", projects_of(part, day))


def inventory(_day: date) -> None:
    """Import the platform inventory of the day."""
    content = as_csv([*rows_of("inventory.csv", today()), *inventory_rows()])
    apply_inventory(demo_actor(OPERATOR), "inventory.csv", content, dry_run=False)


def onboarding(external_id: str, due: int) -> Act:
    """Return an action: confirm onboarding with a due date so many working days after the loading."""
    return lambda day: confirm_onboarding(demo_actor(REVIEWER), _project(external_id), working_day(day, -due))


def ending(actor: str, external_id: str, consent_number: str, evidence: str) -> Act:
    """Return an action: confirm an ending."""
    return lambda _day: confirm_ending(demo_actor(actor), _project(external_id), today(), consent_number, evidence)


def exemption(external_id: str, number: str, until: int, scope: str, conditions: str) -> Act:
    """Return an action: record an exemption in force until so many working days after the loading."""

    def record(day: date) -> None:
        values: dict[str, Any] = {
            "project": _project(external_id).number,
            "decision_number": number,
            "decided_on": working_day(today(), 2),
            "valid_from": today(),
            "valid_to": working_day(day, -until),
            "scope": scope,
            "conditions": conditions,
        }
        letter = add_document(
            demo_actor(SUPERVISOR), _project(external_id), "decision.pdf", "application/pdf", DECISION
        )
        approval = propose_exemption(demo_actor(SUPERVISOR), {**values, "documents": [letter.id]})
        approve(demo_actor(SECOND_SUPERVISOR), approval.id)

    return record


def restriction(external_id: str, reason: str) -> Act:
    """Return an action: restrict a project."""

    def restrict(_day: date) -> None:
        values = {"is_restricted": True, "reason": reason}
        approval = propose_restriction(demo_actor(SUPERVISOR), _project(external_id).number, values)
        approve(demo_actor(SECOND_SUPERVISOR), approval.id)

    return restrict


def edit(actor: str, external_id: str, **changes: Any) -> Act:
    """Return an action: edit a project as an agency."""
    return lambda _day: change_project(demo_actor(actor), _project(external_id), changes)


def on_the_last_day(day: date) -> None:
    """Edit projects today; some edits clear a flag, some raise one."""
    reviewer, administrator = demo_actor(REVIEWER), demo_actor(ADMINISTRATOR)
    verified = _project("NDSMED-004")
    verify_placement(reviewer, verified, str(verified.platform_key), day, "Письмо оператора платформы № 512")
    change_project(administrator, _project("NDS-009"), {"stage": "archived"})
    confirm_ending(reviewer, _project("NDS-009"), day, "ЦР-26/305", "Акт вывода из эксплуатации")
    change_project(administrator, _project("ROADS-002"), {"stage": "terminated"})
    # Moves a start to before the freeze, changes the work type of a creation, and claims a move to the platform.
    change_project(administrator, _project("ROADS-003"), {"work_started_on": date(2025, 12, 28)})
    change_project(administrator, _project("ARALDIG-003"), {"work_type": "development"})
    change_project(
        demo_actor("Gulnara Seitova"), _project("SARY-005"), {"placement": "on_platform", "platform_key": "qt-sary-05"}
    )


# Actions by working days before the loading.
ACTS: Final[tuple[tuple[int, Act], ...]] = (
    (23, inventory),
    (16, ending(SECOND_REVIEWER, "EDU-008", "ЦР-26/214", "Акт вывода из эксплуатации № 118")),
    (
        16,
        exemption(
            "TRANSPORT-001",
            "14-К/3",
            120,
            "Дорожное оборудование, которое нельзя разместить на платформе",
            "Перенос аналитического модуля на QazTech до окончания срока",
        ),
    ),
    (
        14,
        exemption(
            "EDU-004",
            "14-К/5",
            5,
            "Завершение этапа, нужного для тестирования этого учебного года",
            "Без расширения предмета договора",
        ),
    ),
    (12, onboarding("HEALTH-007", 70)),
    (11, inventory),
    (5, onboarding("NDS-006", -3)),
    (4, inventory),
    (4, restriction("NDS-010", "Сведения о расположении площадки")),
    (3, edit("Madina Nurgaliyeva", "LAND-006", object_commissioned_on=date(2016, 9, 1))),
    (2, edit("Serik Kaliyev", "TAX-008", placement="off_platform")),
)


def import_rows(kind: str, name: str, rows: list[dict[str, str]]) -> None:
    """Import rows under the name of a file, once. Raises InvalidDemoData when a row is rejected."""
    run = db.session.scalar(select(ImportRun).where(ImportRun.file_name == name))
    if run is None:
        run = import_now(demo_actor(ADMINISTRATOR), kind, False, name, as_csv(rows))
    elif run.lease_until is not None:
        # The process that imported it was interrupted.
        run = run_import(RunLease(run.id, run.lease_until, LEASE))
    if run.rejected or run.state != "done":
        raise InvalidDemoData(f"{name}: {run.state}, {run.rejected} rows rejected")


def _project(external_id: str) -> Project:
    number = db.session.scalars(select(Project.number).where(Project.external_id == external_id)).one()
    return find_project_to_change(demo_actor(SUPERVISOR), number)
