"""Dates of the oracle: when something started, and calendar months, sentence by sentence as in the contract."""

from __future__ import annotations

from datetime import date

from registry.freeze.facts import EarlierRevision, Facts, Sibling


def started(what: Facts | EarlierRevision | Sibling, start_clock: tuple[str, ...]) -> date | None:
    # "`started_on`: the earliest date that is set among the policy's `start_clock` (`contract_signed_on`,
    # `work_started_on`)."
    dates_set: list[date] = [getattr(what, field) for field in start_clock if getattr(what, field) is not None]
    if not dates_set:
        return None
    return sorted(dates_set)[0]


def calendar_months_later(day: date, months: int) -> date:
    # "+ 12 calendar months (29 February → 28 February)": the same day of the month, or the last one there is.
    year, month = day.year, day.month
    for _ in range(months):
        month = month + 1
        if month == 13:
            year, month = year + 1, 1
    number = day.day
    while True:
        try:
            return date(year, month, number)
        except ValueError:
            number = number - 1
