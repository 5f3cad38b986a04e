"""Dates of audits and of dry runs, and from when to when exemptions and acceptances count."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from registry.audits.service import AuditDateBeforeLast
from registry.cases.sync import revoke_exemption
from registry.core.database import db
from registry.core.errors import Conflict, Invalid
from registry.flags.models import AuditRun, Flag, last_good_audit
from registry.freeze.policy_file import load_policy
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.settings import CHECKOUT
from tests.audits.steps import (
    OLD_SYSTEM,
    SUPERVISOR,
    accept,
    audit,
    changes,
    edit,
    exempt,
    flag,
    flag_counts,
    flags_of,
    status_of,
    table,
)
from tests.factories import a_project
from tests.present import Present

DAY = date(2026, 10, 5)


def days(number: int) -> date:
    return DAY + timedelta(days=number)


def test_default_audit_date_is_today_in_almaty(app: Flask, present: Present) -> None:
    present.set(datetime(2026, 10, 4, 18, 59, tzinfo=UTC))
    assert audit().on == date(2026, 10, 4)
    present.set(datetime(2026, 10, 4, 19, 0, tzinfo=UTC))
    assert audit().on == DAY


def test_audit_before_last_audited_date_is_a_conflict(app: Flask, present: Present) -> None:
    present.set(DAY)
    a_project()
    audit(days(-1))
    before = table(AuditRun), table(Flag), table(JournalEntry)
    with pytest.raises(AuditDateBeforeLast) as refused:
        audit(days(-2))
    assert isinstance(refused.value, Conflict)
    assert refused.value.params == {"on": "2026-10-03", "last": "2026-10-04"}
    assert (table(AuditRun), table(Flag), table(JournalEntry)) == before


def test_audit_after_today_is_invalid(app: Flask, present: Present) -> None:
    present.set(DAY)
    with pytest.raises(Invalid) as refused:
        audit(days(1))
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("/on", "audit-date-after-today")
    ]
    assert table(AuditRun) == []


def test_first_audit_may_have_any_past_date(app: Flask, present: Present) -> None:
    present.set(DAY)
    a_project()
    run = audit(date(2026, 3, 1))
    assert (run.status, flag_counts(run)) == ("succeeded", (1, 0, 0, 0))


def test_audit_may_repeat_last_date_up_to_today(app: Flask, present: Present) -> None:
    present.set(DAY)
    a_project()
    for on in (days(-3), days(-3), days(-1), DAY, DAY):
        run = audit(on)
        assert (run.on, run.status) == (on, "succeeded")
    assert len({row["id"] for row in table(AuditRun)}) == 5


def test_dry_held_and_failed_runs_do_not_move_last_audited_date(app: Flask, present: Present) -> None:
    present.set(DAY)
    audit(days(-5))
    audit(DAY, dry_run=True)
    audit(days(900), dry_run=True)
    last = last_good_audit()
    assert last.on == days(-5)
    assert audit(days(-4)).status == "succeeded"


@pytest.mark.parametrize("on", [date(1, 1, 1), date(2025, 12, 31), days(-400), days(0), days(1), date(9999, 12, 31)])
def test_dry_run_of_any_date_writes_no_flag_but_returns_changes(app: Flask, present: Present, on: date) -> None:
    present.set(DAY)
    creation = a_project(pilot_started_on="2026-03-01", stage="pilot")
    old = a_project(**OLD_SYSTEM)
    audit()
    before = table(Flag)
    run = audit(on, dry_run=True)
    assert table(Flag) == before
    assert (run.dry_run, run.status, run.projects_judged, run.on) == (True, "succeeded", 2, on)
    counts = {
        "opened": sum(change == "opened" for _, _, change in changes(run)),
        "cleared": sum(change == "cleared" for _, _, change in changes(run)),
    }
    assert counts == {"opened": run.flags_opened, "cleared": run.flags_cleared}
    if on < date(2026, 1, 1):
        assert changes(run) == sorted(
            [
                (creation.number, "freeze.creation", "cleared"),
                (old.number, "migration.overdue", "cleared"),
            ]
        )
    if on == date(9999, 12, 31):
        assert changes(run) == [(creation.number, "freeze.pilot-limit", "opened")]


def test_dry_run_may_use_another_policy(app: Flask, present: Present, tmp_path: Path) -> None:
    present.set(DAY)
    a_project()
    old = a_project(**OLD_SYSTEM)
    audit()
    text = (CHECKOUT / "config" / "freeze_policy.toml").read_text(encoding="utf-8")
    other = tmp_path / "later.toml"
    other.write_text(
        text.replace('version = "2026.12.1"', 'version = "trial"').replace(
            "migration_deadline = 2026-09-30", "migration_deadline = 2026-12-31"
        ),
        encoding="utf-8",
    )
    before = table(Flag)
    run = audit(dry_run=True, policy=load_policy(other))
    assert changes(run) == [(old.number, "freeze.legacy", "opened"), (old.number, "migration.overdue", "cleared")]
    assert (run.policy_version, run.flags_kept) == ("trial", 1)
    assert table(Flag) == before


def test_other_policy_is_rejected_without_dry_run(app: Flask, present: Present) -> None:
    present.set(DAY)
    with pytest.raises(ValueError, match="dry run"):
        audit(policy=load_policy(CHECKOUT / "config" / "freeze_policy.toml"))
    assert table(AuditRun) == []


def test_clock_set_back_between_audits_leaves_no_project_unaudited(app: Flask, present: Present) -> None:
    instant = present.set(DAY)
    a_project()
    audit()
    present.set(instant - timedelta(hours=1))
    project = a_project()
    audit()
    assert status_of(project) == "flagged"


RULE = "freeze.creation"


def freeze_status(project: Project) -> str:
    db.session.refresh(project)
    return project.freeze_status


def revoke(exemption_id: int) -> None:
    revoke_exemption(SUPERVISOR, exemption_id, "the Commission took it back")


def test_exemption_takes_effect_at_next_audit(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    exemption = exempt(project, DAY, days(30))
    assert flag(project, RULE)["status"] == "open"
    run = audit()
    assert (flag(project, RULE)["status"], flag(project, RULE)["exemption_id"]) == ("exempt", exemption.id)
    assert flag_counts(run) == (0, 1, 0, 0)
    assert (run.projects_flagged, run.projects_exempt) == (0, 1)


def test_project_exempt_at_first_audit_gets_exempt_flags(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exemption = exempt(project, DAY, days(30))
    run = audit()
    assert changes(run) == [(project.number, RULE, "opened")]
    assert (flag(project, RULE)["status"], flag(project, RULE)["exemption_id"]) == ("exempt", exemption.id)
    assert (run.projects_flagged, run.projects_exempt) == (0, 1)


@pytest.mark.parametrize(("valid_from", "valid_to", "status"), [(0, 0, "exempt"), (1, 9, "open"), (-9, -1, "open")])
def test_exemption_is_in_force_from_first_to_last_day(
    app: Flask, present: Present, valid_from: int, valid_to: int, status: str
) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, days(valid_from), days(valid_to))
    audit()
    assert flags_of(project) == [(RULE, "high", status)]


def test_flag_reopens_day_after_exemption_ends(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, DAY, days(2))
    audit()
    before = flag(project, RULE)
    present.set(days(2))
    assert flag_counts(audit()) == (0, 1, 0, 0)
    assert flag(project, RULE) == before
    present.set(days(3))
    run = audit()
    assert changes(run) == [(project.number, RULE, "reopened")]
    again = flag(project, RULE)
    assert (again["id"], again["status"], again["exemption_id"]) == (before["id"], "open", None)
    assert (run.projects_flagged, run.projects_exempt) == (1, 0)


def test_revoked_exemption_ends_at_once_and_the_next_audit_lists_it(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exemption = exempt(project, DAY, days(30))
    audit()
    present.move(timedelta(hours=1))
    revoke(exemption.id)
    assert (flag(project, RULE)["status"], flag(project, RULE)["exemption_id"]) == ("open", None)
    assert freeze_status(project) == "flagged"
    run = audit()
    assert changes(run) == [(project.number, RULE, "reopened")]
    assert (flag(project, RULE)["status"], run.flags_reopened) == ("open", 1)


def test_acceptance_counts_again_when_an_exemption_is_revoked(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    exemption = exempt(project, DAY, days(30))
    audit()
    revoke(exemption.id)
    assert (flag(project, RULE)["status"], freeze_status(project)) == ("accepted", "accepted")


def test_accepted_flag_stays_accepted_while_values_are_unchanged(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    before = table(Flag)
    # Other fields may change, because the rule does not observe them.
    edit(project, budget_kzt=1, name_ru="Другое имя", stage="testing")
    present.set(days(40))
    run = audit()
    assert table(Flag) == before
    assert (flag_counts(run), run.projects_flagged) == ((0, 1, 0, 0), 0)


def test_accepted_flag_reopens_on_change_and_stays_open_on_return(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    edit(project, contract_signed_on="2026-01-19")
    assert changes(audit()) == [(project.number, RULE, "reopened")]
    assert (flag(project, RULE)["status"], flag(project, RULE)["accepted_fingerprint"]) == ("open", None)
    edit(project, contract_signed_on="2026-01-20")
    run = audit()
    assert (flag(project, RULE)["status"], flag_counts(run)) == ("open", (0, 1, 0, 0))


def test_exemption_precedes_acceptance_and_restores_it(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    exempt(project, DAY, DAY)
    run = audit()
    assert (flag(project, RULE)["status"], run.projects_exempt) == ("exempt", 1)
    present.set(days(1))
    run = audit()
    assert (flag(project, RULE)["status"], run.projects_exempt, run.projects_flagged) == ("accepted", 0, 0)
    assert flag_counts(run) == (0, 1, 0, 0)


def test_value_change_under_exemption_ends_acceptance(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    exempt(project, DAY, DAY)
    edit(project, contract_signed_on="2026-01-19")
    audit()
    assert flag(project, RULE)["status"] == "exempt"
    present.set(days(1))
    assert changes(audit()) == [(project.number, RULE, "reopened")]


def test_acceptance_of_one_rule_leaves_other_flags_open(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    audit()
    accept(project, "freeze.transitional")
    audit()
    assert sorted(flags_of(project)) == [
        ("freeze.transitional", "medium", "accepted"),
        ("integrity.backdated", "high", "open"),
    ]
