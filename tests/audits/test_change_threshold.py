"""Change threshold: an audit that would flag or clear very many projects is held, and says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from registry.accounts.roles import Role, local_actor
from registry.agencies.models import Agency
from registry.approvals.service import NeedsTwoPeople
from registry.audits.jobs import run_due_audit
from registry.audits.queries import visible_run
from registry.audits.service import AuditDateBeforeLast, AuditNotHeld, confirm_held_audit, run_audit
from registry.core.clock import local_instant, now
from registry.core.database import db, transaction
from registry.core.outbox import OutboxMessage
from registry.flags.models import AuditRun, Flag
from registry.freeze.policy import policy_in_force
from registry.platform.inventory import apply_inventory
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.service import change_project, find_project_to_change
from tests.audits.steps import (
    AUDITOR,
    OLD_SYSTEM,
    OPERATOR,
    SUPERVISOR,
    audit,
    changes,
    create_projects,
    exempt,
    flag_counts,
    set_verified,
    table,
)
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency, with_account
from tests.imports.tables import csv_of
from tests.present import NOON, Present

LAST = date(2026, 10, 5)


NEXT = LAST + timedelta(days=1)


VERIFIED = date(2026, 10, 1)


def audited(judged: int, clear: int, present: Present) -> list[int]:
    """Audit that many projects successfully, so many of them clear."""
    present.set(LAST)
    ids = create_projects(judged, placement="on_platform")
    set_verified(ids[:clear], VERIFIED)
    set_verified(ids[clear:], None)
    run = audit()
    assert (run.status, run.projects_judged, run.projects_flagged) == ("succeeded", judged, judged - clear)
    present.set(NEXT)
    return ids


def set_creation(ids: list[int], is_creation: bool) -> None:
    """Make old systems, whose flag is low, a creation after the cutoff, whose flag is high, or the other way round."""
    work: dict[str, object] = {"work_type": "creation", "stage": "creation", "object_commissioned_on": None}
    work |= dict.fromkeys(("contract_signed_on", "work_started_on"), date(2026, 1, 20))
    old = {name: date.fromisoformat(value) if name.endswith("_on") else value for name, value in OLD_SYSTEM.items()}
    with transaction() as session:
        session.execute(
            update(Project)
            .where(Project.id.in_(ids))
            .values(work if is_creation else {name: old[name] for name in work})
            .execution_options(synchronize_session=False)
        )


@pytest.mark.parametrize(
    ("judged", "turned", "status"),
    [
        (60, 49, "succeeded"),  # far more than a quarter, but not 50
        (60, 50, "held"),
        (204, 51, "succeeded"),  # exactly a quarter
        (204, 52, "held"),
        (199, 50, "held"),  # one more than 49 and three quarters
    ],
)
@pytest.mark.parametrize("clears", [False, True])
def test_audit_is_held_from_fifty_projects_and_more_than_a_quarter(
    app: Flask, present: Present, judged: int, turned: int, status: str, clears: bool
) -> None:
    ids = audited(judged, 0 if clears else judged, present)
    set_verified(ids[:turned], VERIFIED if clears else None)
    run = audit()
    assert run.status == status
    assert (run.flags_cleared if clears else run.flags_opened) == turned
    assert (run.held_because is not None) == (status == "held")


def test_project_that_changes_its_flags_is_neither_newly_flagged_nor_clear(app: Flask, present: Present) -> None:
    present.set(LAST)
    agency = an_agency()
    create_projects(
        60,
        agency,
        work_type="maintenance",
        stage="operation",
        object_commissioned_on="2026-01-05",
        placement="onboarding",
    )
    audit()
    # Each project keeps a low flag, loses another and gets two, one of them of a higher severity.
    with transaction() as session:
        session.execute(
            update(Project)
            .values(work_type="creation", work_started_on=date(2025, 12, 25))
            .execution_options(synchronize_session=False)
        )
    present.set(NEXT)
    run = audit()
    assert (run.status, run.flags_opened, run.flags_cleared) == ("held", 120, 60)
    assert run.held_because == {
        "newly_flagged": 0,
        "newly_clear": 0,
        "severity_raised": 60,
        "severity_lowered": 0,
        "judged_by_last_audit": 60,
    }


@pytest.mark.parametrize(("turned", "status"), [(49, "succeeded"), (50, "held")])
@pytest.mark.parametrize("rises", [False, True])
def test_change_of_the_highest_severity_counts_in_both_directions(
    app: Flask, present: Present, turned: int, status: str, rises: bool
) -> None:
    present.set(LAST)
    ids = create_projects(60, **OLD_SYSTEM, placement="onboarding")
    set_creation(ids[:turned], not rises)
    assert audit().status == "succeeded"
    set_creation(ids[:turned], rises)
    present.set(NEXT)
    run = audit()
    assert run.status == status
    assert (run.severity_raised, run.severity_lowered) == ((turned, 0) if rises else (0, turned))
    assert (run.held_because is not None) == (status == "held")


def test_held_audit_tells_by_cause_and_rule_whose_severity_it_would_change(app: Flask, present: Present) -> None:
    present.set(LAST)
    ids = create_projects(60, **OLD_SYSTEM, placement="onboarding")
    audit()
    set_creation(ids, True)
    present.set(NEXT)
    run = audit()
    assert (run.status, run.cases_opened) == ("held", 60)
    shown = visible_run(SUPERVISOR, run)["held_causes"]
    counts = {"newly_flagged": 0, "newly_clear": 0, "severity_raised": 60, "severity_lowered": 0}
    assert shown["causes"] == [{"cause": "time_passed", **counts}]
    assert [row["rule"] for row in shown["rules"]] == ["freeze.creation", "platform.onboarding-unconfirmed"]
    confirmed = confirm_held_audit(SUPERVISOR, run.id, "checked")
    assert (confirmed.status, confirmed.severity_raised, confirmed.cases_opened) == ("succeeded", 60, 60)


def test_flags_of_the_plan_alone_hold_no_audit(app: Flask, present: Present) -> None:
    present.set(LAST)
    ids = create_projects(60, **OLD_SYSTEM)
    set_verified(ids, LAST)
    audit()
    set_verified(ids, None)
    present.set(NEXT)
    run = audit()
    assert (run.status, run.projects_to_migrate, run.projects_flagged) == ("succeeded", 60, 0)


def test_new_registrations_do_not_raise_the_threshold(app: Flask, present: Present) -> None:
    ids = audited(60, 60, present)
    create_projects(200)
    set_verified(ids[:50], None)
    run = audit()
    assert run.status == "held"
    assert run.held_because == {
        "newly_flagged": 50,
        "newly_clear": 0,
        "severity_raised": 0,
        "severity_lowered": 0,
        "judged_by_last_audit": 60,
    }


def test_threshold_percentage_is_of_projects_in_scope(app: Flask, present: Present) -> None:
    present.set(LAST)
    create_projects(150, an_agency(kind="private"))
    ids = audited(60, 60, present)
    set_verified(ids[:50], None)
    assert audit().status == "held"


def test_first_audit_is_never_held(app: Flask, present: Present) -> None:
    present.set(LAST)
    create_projects(60)
    assert audit().status == "succeeded"


@pytest.mark.parametrize(
    ("last", "on", "held"),
    [
        (date(2026, 9, 28), date(2026, 9, 29), True),
        (date(2026, 9, 29), date(2026, 9, 30), False),  # the deadline itself, as the later date
        (date(2026, 9, 30), date(2026, 10, 1), False),  # and as the earlier one
        (date(2026, 9, 30), date(2026, 9, 30), False),
        (date(2026, 9, 1), date(2026, 11, 1), False),
        (date(2026, 10, 1), date(2026, 10, 2), True),
        (date(2025, 12, 31), date(2026, 1, 1), False),  # the cutoff
        (date(2026, 1, 1), date(2026, 1, 2), False),
        (date(2026, 1, 2), date(2026, 1, 3), True),
    ],
)
def test_policy_date_between_audits_disables_threshold(
    app: Flask, present: Present, last: date, on: date, held: bool
) -> None:
    present.set(last)
    ids = create_projects(50, placement="on_platform")
    set_verified(ids, date(2025, 12, 1))
    audit()
    present.set(on)
    set_verified(ids, None)
    assert audit().status == ("held" if held else "succeeded")


def test_held_audit_changes_nothing_and_lists_planned_changes(app: Flask, present: Present) -> None:
    ids = audited(60, 60, present)
    before = table(Flag)
    set_verified(ids, None)
    held = audit()
    assert (held.status, flag_counts(held), held.projects_flagged) == ("held", (60, 0, 0, 0), 60)
    assert len(changes(held)) == 60
    assert {(rule, change) for _, rule, change in changes(held)} == {("platform.unverified", "opened")}
    assert table(Flag) == before
    assert [message["topic"] for message in table(OutboxMessage)][-1] == "audit.held"


def test_confirmation_judges_again_and_run_succeeds_once(app: Flask, present: Present) -> None:
    ids = audited(60, 60, present)
    set_verified(ids, None)
    held = audit()
    # The facts at the time of confirmation apply, not those of the held run.
    set_verified(ids[:5], VERIFIED)
    for person in (SUPERVISOR, AUDITOR):
        with_account(person)
    for program in (local_actor(Role.SUPERVISOR), replace(SUPERVISOR, is_person=False)):
        with pytest.raises(NeedsTwoPeople):
            confirm_held_audit(program, held.id, "checked")
    run = confirm_held_audit(SUPERVISOR, held.id, "checked")
    assert (run.id, run.status, run.held_because) == (held.id, "succeeded", None)
    assert (flag_counts(run), len(changes(run)), len(table(Flag))) == ((55, 0, 0, 0), 55, 55)
    assert run.confirmed_by == SUPERVISOR.principal
    before = table(AuditRun), table(Flag)
    with pytest.raises(AuditNotHeld):
        confirm_held_audit(SUPERVISOR, held.id, "checked")
    assert (table(AuditRun), table(Flag)) == before
    assert flag_counts(audit()) == (0, 55, 0, 0)


def test_held_audit_before_last_successful_one_cannot_be_confirmed(app: Flask, present: Present) -> None:
    ids = audited(60, 60, present)
    set_verified(ids, None)
    held = audit()
    set_verified(ids, VERIFIED)
    present.set(NEXT + timedelta(days=1))
    assert audit().status == "succeeded"
    with pytest.raises(AuditDateBeforeLast):
        confirm_held_audit(SUPERVISOR, held.id, "checked")
    assert table(Flag) == []


def test_held_nightly_audit_is_not_repeated_every_minute(app: Flask, present: Present) -> None:
    ids = audited(60, 60, present)
    set_verified(ids, None)
    held = run_due_audit(NOON)
    assert (held.status, held.trigger) == ("held", "schedule")
    before = table(AuditRun), table(OutboxMessage)
    for minutes in (1, 11, 60, 23 * 60 + 59):
        assert run_due_audit(NOON, local_instant(NEXT, NOON) + timedelta(minutes=minutes)) is None
    assert (table(AuditRun), table(OutboxMessage)) == before
    run = confirm_held_audit(SUPERVISOR, held.id, "checked")
    assert (run.id, run.status, run.on, run.trigger) == (held.id, "succeeded", NEXT, "schedule")


def test_nightly_audit_after_held_one_lists_nothing_as_missed(app: Flask, present: Present) -> None:
    ids = audited(60, 60, present)
    set_verified(ids, None)
    run_due_audit(NOON)
    present.set(NEXT + timedelta(days=1))
    second = run_due_audit(NOON)
    # The service was not down, so this is no catch-up; the run is held like the first one.
    assert (second.on, second.status, second.trigger) == (NEXT + timedelta(days=1), "held", "schedule")
    assert [row["status"] for row in table(AuditRun)] == ["succeeded", "held", "held"]


def test_projects_with_active_flags_are_not_newly_flagged(app: Flask, present: Present) -> None:
    present.set(LAST)
    agency = an_agency()
    projects = [a_project(agency) for _ in range(50)]
    for project in projects:
        exempt(project, LAST, LAST)
    audit()
    present.set(NEXT)
    run = audit()
    assert (run.status, run.flags_reopened) == ("succeeded", 50)


def test_dry_run_is_never_held_but_reports_the_reason(app: Flask, present: Present) -> None:
    ids = audited(60, 60, present)
    set_verified(ids, None)
    held = audit()
    dry = audit(dry_run=True)
    assert (dry.status, dry.flags_opened) == ("succeeded", 60)
    assert dry.held_because == held.held_because and held.held_because is not None
    assert (table(AuditRun)[1]["status"], table(AuditRun)[1]["id"]) == ("held", held.id)
    assert table(Flag) == []


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
