"""What happened to the projects of the demo, before its first audit and between its two audits."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from registry.access.actors import local_actor
from registry.access.roles import Role
from registry.records.confirmations import Confirmation, confirm_ending, confirm_onboarding, verify_placement
from registry.records.exemptions import record_exemption
from registry.records.orders import Order
from registry.records.project_table import Project
from registry.records.projects import change_project, keep_changes, restrict_project
from registry.records.revisions import snapshot
from registry.store import journal
from registry.store.clock import local_instant
from registry.store.database import db
from registry.store.transaction import require_transaction, transaction

ADMINISTRATOR = Role.ADMINISTRATOR
REVIEWER = Role.REVIEWER
SUPERVISOR = Role.SUPERVISOR


def before_the_audits(day: date) -> None:
    """Confirmations, an exemption, an order and a restriction, in one transaction that is done once."""
    with transaction():
        if _project("NDS-010").is_restricted:
            return
        confirm_onboarding(local_actor(REVIEWER), _project("HEALTH-007"), day + timedelta(days=100))
        _onboarding_of_long_ago("NDS-006", day - timedelta(days=100), day - timedelta(days=10))
        _order_of_long_ago("TAX-004", day - timedelta(days=70), day - timedelta(days=12))
        decision = {
            "project": _project("TRANSPORT-001").number,
            "decision_number": "14-К/3",
            "decided_on": day - timedelta(days=40),
            "valid_from": day - timedelta(days=35),
            "valid_to": day + timedelta(days=180),
            "scope": "Дорожное оборудование, которое нельзя разместить на платформе",
            "conditions": "Перенос аналитического модуля на QazTech до окончания срока",
        }
        record_exemption(local_actor(SUPERVISOR), decision)
        restrict_project(local_actor(SUPERVISOR), _project("NDS-010"), True, "Сведения о расположении площадки")


def between_the_audits(day: date) -> None:
    """Edits of the last day: some that clear a flag, some that raise one. Done again, they change nothing."""
    with transaction():
        verified = _project("NDSMED-004")
        if verified.placement_verified_on is None:
            verify_placement(
                local_actor(REVIEWER), verified, str(verified.platform_key), day, "Письмо оператора платформы № 512"
            )
        ended = _project("NDS-009")
        if ended.ending_confirmed_on is None:
            change_project(local_actor(ADMINISTRATOR), ended, {"stage": "archived"})
            confirm_ending(local_actor(REVIEWER), ended, day, "ЦР-26/305", "Акт вывода из эксплуатации")
        # The start is moved to before the freeze, a creation is renamed, a move to the platform is claimed.
        _edit("ROADS-003", work_started_on=date(2025, 12, 28))
        _edit("ARALDIG-003", work_type="development")
        _edit("SARY-005", placement="on_platform", platform_key="qt-sary-05")


def _edit(external_id: str, **changes: Any) -> None:
    change_project(local_actor(ADMINISTRATOR), _project(external_id), changes)


def _onboarding_of_long_ago(external_id: str, confirmed_on: date, due_on: date) -> None:
    # Confirmed before the registry was there, so no service of today can have confirmed it.
    by, project = local_actor(REVIEWER), _project(external_id)
    facts = {"due_on": due_on.isoformat()}
    require_transaction().add(
        Confirmation(project_id=project.id, kind="onboarding", at=_noon(confirmed_on), by=by.principal, facts=facts)
    )
    before = snapshot(project)
    wanted = before | {"onboarding_due_on": due_on, "onboarding_confirmed_on": confirmed_on}
    keep_changes(by, project, before, wanted, "onboarding.confirmed", facts)


def _order_of_long_ago(external_id: str, approved_on: date, due_on: date) -> None:
    by, project = local_actor(SUPERVISOR), _project(external_id)
    require_transaction().add(
        Order(
            project_id=project.id,
            decision="migrate_by",
            due_on=due_on,
            approved_at=_noon(approved_on),
            approved_by=by.principal,
        )
    )
    details = {"decision": "migrate_by", "due_on": due_on.isoformat(), "approved_on": approved_on.isoformat()}
    journal.record(by, "order.recorded", f"project:{project.number}", details)


def _noon(day: date) -> datetime:
    return local_instant(day, time(12))


def _project(external_id: str) -> Project:
    statement = select(Project).join(Project.agency).options(contains_eager(Project.agency))
    return db.session.scalars(statement.where(Project.external_id == external_id)).one()
