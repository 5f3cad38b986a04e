"""``registry audits`` and ``registry explain``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from registry.core.database import transaction
from registry.platform.confirmations import verify_placement
from registry.projects.service import change_project, find_project_to_change, restrict_project
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.present import Present

DAY = date(2026, 5, 20)
AUDIT_FIELDS = {
    *("id", "on", "trigger", "status", "dry_run", "policy_version", "started_at", "finished_at", "projects_judged"),
    *(
        "projects_out_of_scope",
        "projects_flagged",
        "projects_to_migrate",
        "projects_exempt",
        "flags_opened",
        "flags_kept",
    ),
    *(
        "flags_reopened",
        "flags_cleared",
        "severity_raised",
        "severity_lowered",
        "cases_opened",
        "input_digest",
        "continues",
        "unexplained",
        "unexplained_projects",
        "held_because",
        "held_causes",
        "held_decision",
        "failure",
        "voiding",
        "changes",
    ),
}


@pytest.fixture
def frozen_work(services: Callable[[], Any], present: Present) -> str:
    """Return the number of a creation started under the freeze, off the platform; today is ``DAY``."""
    present.set(DAY)
    with services():
        return a_project().number


def test_run_prints_audit_and_changes(registry: CommandLine, frozen_work: str) -> None:
    ran = registry("audits", "run", "--json")
    assert (ran.code, ran.err) == (0, "")
    audit = ran.json
    assert set(audit) == AUDIT_FIELDS
    assert (audit["on"], audit["status"], audit["trigger"]) == ("2026-05-20", "succeeded", "manual")
    assert (audit["projects_judged"], audit["projects_flagged"], audit["flags_opened"]) == (1, 1, 1)
    assert audit["changes"] == [
        {"project": frozen_work, "rule": "freeze.creation", "severity": "high", "change": "opened"}
    ]


def test_fail_on_flags_exits_with_six(registry: CommandLine, frozen_work: str) -> None:
    assert registry("audits", "run", "--dry-run").code == 0
    assert registry("audits", "run", "--dry-run", "--fail-on-flags").code == 6
    assert registry("audits", "run", "--dry-run", "--on", "2025-12-31", "--fail-on-flags").code == 0


def test_held_audit_exits_with_four_until_confirmed(
    registry: CommandLine, services: Callable[[], Any], present: Present
) -> None:
    present.set(DAY)
    reviewer = an_actor("reviewer")
    with services():
        agency = an_agency()
        numbers = []
        with transaction():
            for place in range(55):
                project = a_project(agency, placement="on_platform", platform_key=f"qt-{place}")
                verify_placement(reviewer, project, f"qt-{place}", DAY, "list")
                numbers.append(project.number)
    assert registry("audits", "run").code == 0
    with services(), transaction():
        for number in numbers:
            change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, number), {"placement": "off_platform"})
    present.set(DAY + timedelta(days=1))
    held = registry("audits", "run", "--json")
    assert (held.code, held.json["status"], len(held.json["changes"])) == (4, "held", 55)
    assert "a supervisor confirms it" in held.err
    assert held.json["held_because"]["newly_flagged"] == 55
    assert "newly_flagged 55" in registry("audits", "show", str(held.json["id"])).out
    assert registry("audits", "list", "--json").json["items"][0]["held_because"] == held.json["held_because"]
    assert "record_changed +55 -0" in registry("audits", "show", str(held.json["id"])).out
    assert registry("audits", "run", "--confirm-held", "--dry-run").code == 2
    assert registry("audits", "run", "--confirm-held").code == 2
    assert registry("audits", "run", "--reason", "checked").code == 2
    confirmed = registry("audits", "run", "--confirm-held", "--reason", "checked", "--json")
    assert (confirmed.code, confirmed.json["status"], confirmed.json["id"]) == (0, "succeeded", held.json["id"])
    assert confirmed.json["projects_flagged"] == 55
    assert confirmed.json["held_decision"]["reason"] == "checked"
    assert registry("audits", "run", "--confirm-held", "--reason", "checked").code == 4
    assert registry("audits", "reject", str(held.json["id"]), "--reason", "checked").code == 4


def test_explain_prints_rule_values_requirement_remedy_and_clause(registry: CommandLine, frozen_work: str) -> None:
    verdict = registry("explain", frozen_work, "--json").json
    assert (verdict["project"], verdict["on"], verdict["outcome"]) == (frozen_work, "2026-05-20", "flagged")
    (finding,) = verdict["findings"]
    assert finding["rule"] == "freeze.creation"
    assert finding["observed"] == {"work_type": "creation", "started_on": "2026-01-20"}
    assert all(finding[name] for name in ("required", "remedy", "clause"))
    spoken = registry("explain", frozen_work, LC_ALL="kk_KZ.UTF-8").out
    assert "freeze.creation" in spoken and "2026-01-20" in spoken and "Не істеу керек" in spoken


def test_explain_says_until_when_a_verdict_holds(
    registry: CommandLine, services: Callable[[], Any], present: Present
) -> None:
    present.set(DAY)
    with services():
        pilot = a_project(stage="pilot", pilot_started_on="2026-02-10").number
    printed = registry("explain", pilot).out
    assert printed.endswith(
        "From 2027-02-11 on, if nothing changes:\n  freeze.pilot-limit (high): Pilot beyond its limit\n"
    )


def test_explaining_restricted_project_is_journalled(
    registry: CommandLine, frozen_work: str, services: Callable[[], Any]
) -> None:
    supervisor = an_actor("supervisor")
    with services(), transaction():
        restrict_project(supervisor, find_project_to_change(supervisor, frozen_work), True, "secret")
    assert registry("explain", frozen_work).code == 0
    assert '"restricted.read"' in registry("journal", "export").out.splitlines()[-1]
