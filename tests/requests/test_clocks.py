"""The day of a request, by the clock of the machine: a clock that is wrong, and the night of the audit."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.agencies.service import agency_by_bin
from registry.audits.jobs import run_due_audit, run_nightly_audit
from registry.cli.scheduler import jobs
from registry.core.clock import local_instant
from registry.reports.compliance import compliance_on
from registry.requests.queries import due_requests
from registry.settings import read_settings
from tests.audits.steps import installed
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.present import Present
from tests.requests.test_succession import DAY, a_succession

NEXT = DAY + timedelta(days=1)
AUDITOR = an_actor(Role.AUDITOR)


def test_a_clock_a_year_ahead_closes_no_agency(app: Flask, present: Present, registry: CommandLine) -> None:
    present.set(DAY)
    installed(local_instant(DAY, time(1)))
    former = an_agency()
    request = a_succession(former, an_agency(), DAY + timedelta(days=200))
    job = next(each for each in jobs(read_settings(registry.settings)) if each.name == "requests")
    job.work()

    present.move(timedelta(days=365))
    job.work()

    assert agency_by_bin(former.bin).closed_on is None
    assert due_requests() == [request.id]


@pytest.mark.parametrize("by_cron", [False, True])
def test_what_takes_effect_on_a_day_does_so_before_the_audit_of_that_day(
    app: Flask, present: Present, by_cron: bool
) -> None:
    present.set(DAY)
    installed(local_instant(DAY, time(1)))
    former, successor = an_agency(), an_agency()
    a_project(former)
    run_nightly_audit()
    a_succession(former, successor, NEXT)
    present.set(local_instant(NEXT, time(2)))

    run_nightly_audit() if by_cron else run_due_audit(time(2))

    assert [each["key"] for each in compliance_on(AUDITOR, DAY)["items"]] == [former.bin]
    assert [each["key"] for each in compliance_on(AUDITOR, NEXT)["items"]] == [successor.bin]
