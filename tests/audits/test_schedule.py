"""Audit schedule: due dates as pure functions."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, strategies as st

from registry.audits.schedule import ScheduledRun, due_on, first_due, is_due, missed
from registry.core.clock import ALMATY, local_instant

TWO = time(2)
DAY = date(2026, 10, 5)
A_DAY = timedelta(days=1)
hours = st.times().map(lambda at: at.replace(microsecond=0))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(lambda naive: naive.replace(tzinfo=ALMATY))
dates = st.dates(date(2026, 1, 1), date(2028, 1, 1))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return local_instant(day, time(hour, minute))


@given(instants, hours)
def test_nothing_is_due_before_first_hour_after_installation(installed: datetime, audit_at: time) -> None:
    first = local_instant(first_due(installed, audit_at), audit_at)
    assert installed < first <= installed + A_DAY or installed == first - A_DAY
    assert is_due(installed, audit_at, installed, None) is None
    assert is_due(first - timedelta(seconds=1), audit_at, installed, None) is None
    assert is_due(first, audit_at, installed, None) == ScheduledRun(
        first_due(installed, audit_at), False, first.astimezone(ALMATY).date()
    )


@given(instants, instants, hours, st.none() | dates)
def test_due_date_is_latest_and_after_last_successful_audit(
    at_time: datetime, installed: datetime, audit_at: time, last_good: date | None
) -> None:
    due_run = is_due(at_time, audit_at, installed, last_good)
    due = due_on(at_time, audit_at)
    assert local_instant(due, audit_at) <= at_time < local_instant(due + A_DAY, audit_at)
    if due_run is None:
        assert due <= last_good if last_good is not None else due < first_due(installed, audit_at)
        return
    assert due_run.on == due
    assert due_run.first == (first_due(installed, audit_at) if last_good is None else last_good + A_DAY)
    assert due_run.first <= due_run.on
    assert due_run.late == (at_time - local_instant(due, audit_at) > timedelta(minutes=15))


@given(instants, instants, hours, st.none() | dates)
def test_nothing_is_due_until_next_hour_after_audit(
    at_time: datetime, installed: datetime, audit_at: time, last_good: date | None
) -> None:
    due_run = is_due(at_time, audit_at, installed, last_good)
    if due_run is None:
        return
    assert is_due(at_time, audit_at, installed, due_run.on) is None
    next_hour = local_instant(due_run.on + A_DAY, audit_at)
    assert is_due(next_hour - timedelta(seconds=1), audit_at, installed, due_run.on) is None
    assert is_due(next_hour, audit_at, installed, due_run.on) == ScheduledRun(
        due_run.on + A_DAY, False, due_run.on + A_DAY
    )


@given(instants, hours, dates, st.integers(0, 24 * 60))
def test_clock_set_back_makes_no_audited_date_due(
    at_time: datetime, audit_at: time, last_good: date, minutes: int
) -> None:
    due_run = is_due(at_time, audit_at, at_time - 900 * A_DAY, last_good)
    if due_run is None:
        return
    earlier = at_time - timedelta(minutes=minutes)
    assert is_due(earlier, audit_at, at_time - 900 * A_DAY, due_run.on) is None


@given(dates, st.integers(0, 60), st.sets(dates, max_size=30))
def test_missed_dates_are_those_without_audit_before_due_one(first: date, span: int, audited: set[date]) -> None:
    due_run = first + span * A_DAY
    listed = missed(first, due_run, audited)
    assert listed == sorted(set(listed))
    assert all(first <= day < due_run for day in listed)
    assert len(listed) + len([day for day in audited if first <= day < due_run]) == span
    assert not set(listed) & audited


@pytest.mark.parametrize(("minutes", "late"), [(0, False), (15, False), (16, True)])
def test_start_within_fifteen_minutes_is_not_late(minutes: int, late: bool) -> None:
    due_run = is_due(at(DAY, 2, minutes), TWO, at(date(2026, 1, 1), 0), DAY - A_DAY)
    assert due_run == ScheduledRun(DAY, late, DAY)


def test_installation_at_the_hour_makes_that_day_due_only_if_earlier() -> None:
    assert first_due(at(DAY, 1, 59), TWO) == DAY
    assert first_due(at(DAY, 2), TWO) == DAY + A_DAY
