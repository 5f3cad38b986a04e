"""A repeated audit matches its digest whatever came later: edits, imports, mergers of agencies, another policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from registry.agencies.service import agency_by_bin
from tests.audits.policy_steps import activate, draft
from tests.audits.steps import OLD_SYSTEM, audit, edit, verify
from tests.factories import a_project, an_agency
from tests.fixtures.cli import CommandLine
from tests.imports.tables import csv_of
from tests.imports.test_projects import run_import
from tests.present import Present
from tests.reports.test_overview import merge

DAY = date(2026, 10, 5)


def test_every_audit_matches_after_an_edit_an_import_a_merger_and_a_policy(
    registry: CommandLine, services: Callable[[], Any], present: Present
) -> None:
    present.set(DAY)
    with services():
        former, successor = an_agency(), an_agency(kind="local_executive")
        edited, imported = a_project(former), a_project(former, **OLD_SYSTEM)
        verify(a_project(successor, placement="on_platform"), DAY)
        runs = [audit()]

        def tomorrow() -> date:
            return present.move(timedelta(days=1)).date()

        tomorrow()
        edit(edited, work_started_on="2025-10-01", contract_signed_on="2025-10-01")
        runs.append(audit())
        tomorrow()
        columns = {"agency": former.bin, "external_id": imported.external_id, "number": imported.number}
        assert run_import(csv_of({**columns, "work_type": "creation", "budget_kzt": "7"})).updated == 1
        runs.append(audit())
        merge(former, successor, tomorrow())
        assert agency_by_bin(former.bin).closed_on == DAY + timedelta(days=3)
        runs.append(audit())
        draft("2026.2", rules={"freeze.legacy": {"enabled": False}})
        activate("2026.2", tomorrow())
        runs.append(audit())
        assert runs[-1].policy_version == "2026.2"
        ids = [run.id for run in runs]
    for audit_id in ids:
        done = registry("audits", "verify", str(audit_id))
        assert (done.code, done.err) == (0, f"Audit {audit_id} matches what was recorded.\n")
