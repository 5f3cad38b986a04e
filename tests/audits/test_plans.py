"""Plans of reads of the newest audit, which nearly every page and every list of flags makes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert

from registry.core.database import transaction
from registry.flags.models import AuditRun, last_good_audit, last_good_date
from tests.audits.steps import audit
from tests.plans import plans

pytestmark = [pytest.mark.usefixtures("app"), pytest.mark.on_both]
NIGHTS = 1_500


def four_years_of_nights() -> None:
    first = datetime(2022, 1, 1, 1, tzinfo=UTC)
    nights = [
        {
            "on": date(2022, 1, 1) + timedelta(days=night),
            "trigger": "schedule",
            "status": "succeeded",
            "dry_run": False,
            "policy_version": "1",
            "policy_digest": "0" * 64,
            "started_by": "schedule",
            "started_at": first + timedelta(days=night),
            "finished_at": first + timedelta(days=night, seconds=1),
        }
        for night in range(NIGHTS)
    ]
    with transaction() as session:
        session.execute(insert(AuditRun), nights)


@pytest.mark.parametrize("read", [last_good_audit, last_good_date])
def test_newest_audit_is_read_from_the_index_without_sorting_all(connection: Connection, read: object) -> None:
    four_years_of_nights()
    assert callable(read)
    with plans(connection) as planned:
        read()
    (plan,) = planned
    assert "ix_audits_good" in str(plan) and not plan.sorts, plan


@pytest.mark.sqlite_only
def test_projects_are_counted_from_their_statuses_alone(connection: Connection) -> None:
    with plans(connection) as planned:
        audit()
    (totals,) = [str(plan) for plan in planned if "AS of_agencies" in plan.sql]
    agencies, day = [str(plan) for plan in planned if "sum(project_statuses.budget_kzt)" in plan.sql]
    assert "SEARCH project_statuses" in totals and "projects " not in totals, totals
    # The day's by region and sector at once.
    assert [each.count("SCAN project_statuses") for each in (agencies, day)] == [1, 1], (agencies, day)
    assert "projects " not in agencies + day, (agencies, day)


def test_newest_audit_is_the_successful_one_of_the_latest_date() -> None:
    four_years_of_nights()
    newest = last_good_audit()
    assert newest is not None and newest.on == date(2026, 2, 8)
    audit(date(2026, 9, 30), dry_run=True)
    assert last_good_date() == date(2026, 2, 8)
