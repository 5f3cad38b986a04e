"""Why an audit is held: by cause, rule and agency of the projects that it would newly flag or newly clear."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.queries import visible_run
from registry.audits.service import run_audit
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.flags.models import AuditRun
from registry.freeze.current import policy_in_force
from registry.platform.inventory import apply_inventory
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.service import change_project, find_project_to_change
from tests.audits.steps import AUDITOR, OPERATOR, audit, create_projects, set_verified
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.imports.tables import csv_of
from tests.present import Present

LAST = date(2026, 10, 5)
NEXT = LAST + timedelta(days=1)
VERIFIED = date(2026, 10, 1)
SIXTY = {"newly_flagged": 60, "newly_clear": 0, "severity_raised": 0, "severity_lowered": 0}


def audited_clear(present: Present, count: int = 60, agency: Agency | None = None) -> list[int]:
    """Audit that many verified projects, none of which is flagged; the next day begins."""
    present.set(LAST)
    ids = create_projects(count, agency, placement="on_platform")
    set_verified(ids, VERIFIED)
    assert audit().projects_flagged == 0
    present.set(NEXT)
    return ids


def causes(run: AuditRun) -> dict[str, tuple[int, int]]:
    shown = visible_run(AUDITOR, run)["held_causes"]
    return {row["cause"]: (row["newly_flagged"], row["newly_clear"]) for row in shown["causes"]}


def test_lost_confirmations_are_the_cause(app: Flask, present: Present) -> None:
    agency = an_agency()
    ids = audited_clear(present, agency=agency)
    set_verified(ids, None)
    record_change(ids, "placement_verified_on", "2026-10-01", None)
    run = audit()
    shown = visible_run(AUDITOR, run)["held_causes"]
    assert run.status == "held"
    assert shown == {
        "causes": [{"cause": "confirmation_lost", **SIXTY}],
        "rules": [{"rule": "platform.unverified", **SIXTY}],
        "agencies": [{"agency": agency.bin, **SIXTY}],
        "other_agencies": 0,
    }


def test_changed_records_are_the_cause(app: Flask, present: Present) -> None:
    ids = audited_clear(present)
    with transaction() as session:
        session.execute(update(Project).where(Project.id.in_(ids)).values(placement="off_platform"))
    record_change(ids, "placement", "on_platform", "off_platform")
    assert causes(audit()) == {"record_changed": (60, 0)}


def test_agencies_that_edit_the_platform_key_are_not_counted_as_lost_by_the_inventory(
    app: Flask, present: Present
) -> None:
    agency = an_agency()
    ids = audited_clear(present, 80, agency)
    with transaction() as session:
        for project_id in ids:
            key = f"qt-{project_id}"
            session.execute(update(Project).where(Project.id == project_id).values(platform_key=key))
    for number in numbers_of(ids[:33]):
        with transaction():
            change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, number), {"platform_key": f"{number}a"})
    # Of the projects that agencies left alone, the inventory has none.
    summary = apply_inventory(
        OPERATOR,
        "list.csv",
        csv_of({"platform_key": "qt-new", "agency": agency.bin, "verified_on": "2026-10-01"}),
        False,
    )
    run = audit()
    assert (summary["lost"], run.status) == (47, "held")
    assert causes(run) == {"confirmation_lost": (47, 0), "record_changed": (33, 0)}


def test_a_new_policy_is_the_cause_of_what_no_record_explains(app: Flask, present: Present) -> None:
    ids = audited_clear(present)
    set_verified(ids, None)
    record_change(ids[:10], "placement_verified_on", "2026-10-01", None)
    policy = replace(policy_in_force(), version="2026.2", digest="2" * 64)
    dry = run_audit(OPERATOR, dry_run=True, policy=policy)
    assert causes(dry) == {"confirmation_lost": (10, 0), "policy_changed": (50, 0)}


def test_time_is_the_cause_when_nothing_was_changed(app: Flask, present: Present) -> None:
    set_verified(audited_clear(present), None)
    assert causes(audit()) == {"time_passed": (60, 0)}


def test_a_changed_agency_is_the_cause(app: Flask, present: Present) -> None:
    agency = an_agency()
    set_verified(audited_clear(present, agency=agency), None)
    with transaction() as session:
        session.execute(update(Agency).where(Agency.id == agency.id).values(updated_at=now()))
    assert causes(audit()) == {"agency_changed": (60, 0)}


def test_restricted_projects_count_only_for_those_who_see_them(app: Flask, present: Present) -> None:
    ids = audited_clear(present)
    with transaction() as session:
        session.execute(update(Project).where(Project.id.in_(ids[:4])).values(is_restricted=True))
    set_verified(ids, None)
    run = audit()

    def flagged(role: Role) -> list[int]:
        shown: dict[str, Any] = visible_run(an_actor(role), run)["held_causes"]
        return [row["newly_flagged"] for name in ("causes", "rules", "agencies") for row in shown[name]]

    assert flagged(Role.SUPERVISOR) == [60, 60, 60]
    assert flagged(Role.REVIEWER) == [56, 56, 56]


def numbers_of(ids: list[int]) -> list[str]:
    return list(db.session.scalars(select(Project.number).where(Project.id.in_(ids)).order_by(Project.id)))


def record_change(ids: list[int], field: str, old: str | None, new: str | None) -> None:
    """Write the second revision of each project."""
    with transaction() as session:
        for project in session.query(Project).filter(Project.id.in_(ids)):
            project.version += 1
            session.add(
                Revision(
                    project_id=project.id,
                    version=project.version,
                    at=project.updated_at + timedelta(days=1),
                    by="operator",
                    work_type=project.work_type,
                    stage=project.stage,
                    placement=project.placement,
                    changes=[{"field": field, "old": old, "new": new}],
                )
            )
