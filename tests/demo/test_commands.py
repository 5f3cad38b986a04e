"""``registry demo load``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.accounts.models import Account
from registry.accounts.roles import Role
from registry.app import create_app
from registry.cases.lists import is_overdue
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.vocabulary import Status
from registry.cases.workflow import ACTIONS
from registry.changes.service import delete_old_changes
from registry.cli.app_context import connected
from registry.core.clock import today
from registry.core.database import db
from registry.core.fields import is_bin
from registry.demo.records import demo_actor, rows_of, shown_people
from registry.demo.story import history, replay
from registry.exemptions.models import Exemption
from registry.flags.models import AuditRun, Flag
from registry.freeze.policy import policy_in_force
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.reports.overview import history as history_of_overview, overview
from registry.settings import read_settings
from tests.api.callers import caller, code
from tests.factories import an_agency
from tests.fixtures.cli import CommandLine
from tests.present import Present

Services = Callable[[], Any]
# Actions that the demo does not contain; the page tour covers them.
NOT_IN_DEMO = {"release", "withdraw"}


# The result depends on the day, not on the database; on every day the demo of today is loaded below.
@pytest.mark.sqlite_only
@pytest.mark.nightly
@pytest.mark.parametrize("day", [date(2026, 2, 20), date(2028, 3, 26)])
def test_demo_has_cases_in_every_status_on_any_day(
    registry: CommandLine, services: Services, present: Present, day: date
) -> None:
    present.set(day)
    ran = registry("demo", "load")
    assert (ran.code, ran.raw) == (0, b"")
    with services():
        assert set(db.session.scalars(select(Case.status))) == set(Status.codes())


# What the demo has is the same on both databases; that it loads is tried on both.
@pytest.mark.sqlite_only
def test_demo_has_every_rule_role_action_and_audit_status(registry: CommandLine, services: Services) -> None:
    registry("demo", "load")
    with services():
        flags = pairs(Flag.rule, Flag.status)
        enabled = {name for name, rule in policy_in_force().rules.items() if rule.enabled}
        assert {rule for rule, status in flags if status == "open"} == enabled
        assert {status for _, status in flags} == {"open", "exempt", "accepted", "cleared"}
        assert {role for role, kind in pairs(Account.role, Account.kind) if kind == "person"} == set(Role)
        runs = {("succeeded", "schedule"), ("succeeded", "catch_up"), ("missed", "schedule")}
        assert pairs(AuditRun.status, AuditRun.trigger) == {*runs, ("succeeded", "manual")}
        acts = pairs(CaseEvent.action, CaseEvent.side)
        assert {action for action, _ in acts} >= set(ACTIONS) - NOT_IN_DEMO
        assert set(db.session.scalars(select(CaseDecision.outcome))) == {None, "approved", "returned"}
        overdue = [case for case in db.session.scalars(select(Case)) if is_overdue(case)]
        assert {case.status for case in overdue} >= {"remediation", "awaiting_agency"} and len(overdue) < 8
        ends = sorted((exemption.valid_to - today()).days for exemption in db.session.scalars(select(Exemption)))
        assert 0 < ends[0] < 15 and ends[1] > 90
        assert db.session.scalar(select(func.count()).where(Project.is_restricted)) == 1
        times = list(db.session.scalars(select(JournalEntry.at).order_by(JournalEntry.seq)))
        assert [role for role, _ in shown_people()].count(Role.SUPERVISOR) == 2
        assert_history()
    assert times == sorted(times)
    assert registry("journal", "verify").code == 0
    assert registry("audits", "verify", "5").code == 0


def assert_history() -> None:
    """Fail unless the overview has lines of a year, every change and a forecast, with a share that grows."""
    leader = demo_actor("Аскар Нурпеисов")
    shown = overview(leader)
    assert shown is not None and shown.forecast is not None and shown.forecast.a_week > 0 and shown.improved
    shares = [earlier.figures.platform_percent if earlier else None for earlier in shown.earlier.values()]
    assert None not in shares and [shown.now.platform_percent, *shares] == sorted(
        [shown.now.platform_percent, *shares], key=lambda share: -(share or 0)
    )
    assert len(history_of_overview(leader, "country", None)) > 40


def test_demo_before_the_freeze_names_earliest_date(registry: CommandLine, present: Present) -> None:
    present.set(date(2026, 1, 10))
    ran = registry("demo", "load")
    assert (ran.code, ran.raw) == (4, b"") and "2026-02-20" in ran.err


def pairs(*columns: Any) -> set[tuple[str, str]]:
    """Return the distinct pairs of values in two columns."""
    return {(first, second) for first, second in db.session.execute(select(*columns))}


@pytest.mark.on_either
def test_interrupted_load_continues_and_second_load_changes_nothing(
    registry: CommandLine, services: Services, present: Present
) -> None:
    present.set(date(2026, 11, 25))
    with services():
        list(islice(replay(history(today())), 60))
    assert registry("demo", "load").code == 0
    head = registry("journal", "head").out
    again = registry("demo", "load")
    assert again.code == 0 and "nothing" in again.err
    assert registry("journal", "head").out == head
    with services():
        assert (
            db.session.scalar(select(func.count()).select_from(Project)) == len(rows_of("projects.csv", today())) + 120
        )
        assert set(db.session.scalars(select(Case.status))) == set(Status.codes())


def test_demo_is_refused_in_a_registry_with_records(registry: CommandLine, services: Services) -> None:
    with services():
        an_agency()
    head = registry("journal", "head").out
    ran = registry("demo", "load")
    assert (ran.code, ran.raw) == (4, b"") and "REGISTRY_DATA_DIR" in ran.err
    assert registry("journal", "head").out == head


def test_demo_numbers_are_valid_and_names_kazakh_and_russian() -> None:
    for agency in rows_of("agencies.csv", today()):
        assert is_bin(agency["bin"]) and agency["name_kk"] and agency["name_ru"] and agency["name_en"]
    projects = rows_of("projects.csv", today())
    assert len(projects) >= 75
    assert all(row["name_kk"] and row["name_ru"] and row["name_kk"] != row["name_ru"] for row in projects)
    assert all(is_bin(row["supplier_bin"]) for row in projects if row["supplier_bin"])


# The register of the demo is older than the 90 days that changes are kept; tests/changes reads a short feed.
@pytest.mark.sqlite_only
@pytest.mark.nightly
def test_recipe_of_the_guide_follows_the_feed_of_the_demo(registry: CommandLine) -> None:
    registry("demo", "load")
    app = create_app(read_settings(registry.settings))
    with connected(app):
        delete_old_changes()
        reader = caller(app.test_client(), Role.SUPERVISOR)
        assert code(reader.get("/changes?after=0")) == "changes-expired"
        assert reader.get("/changes?start=now").get_json() == reader.get("/changes").get_json()

        page, items, numbers = reader.get("/changes?start=kept&limit=500").get_json(), [], set()
        while page["items"] or page["has_more"]:
            items += page["items"]
            touched = sorted({item["data"]["project"] for item in page["items"] if item["data"]["project"]})
            if touched:
                flags = reader.get(f"/flags?project={','.join(touched)}&limit=500")
                assert flags.status_code == 200
                numbers |= {flag["project"] for flag in flags.get_json()["items"]}
            page = reader.get(f"/changes?after={page['after']}&limit=500").get_json()
        assert len(items) > 100 and numbers
        assert page["after"] == reader.get("/changes?start=now").get_json()["after"]
