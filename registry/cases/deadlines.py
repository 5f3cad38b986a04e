"""Case deadlines in working days: the review deadline, which pauses while others act, and the deadlines of others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from registry.cases.vocabulary import Status
from registry.cases.workflow import REVIEW_CLOCK_RUNS
from registry.core.working_days import Calendar
from registry.freeze.policy import Deadlines


@dataclass(frozen=True, slots=True)
class Clock:
    """``due_on``: the date by which the responsible party must act; None when nothing is due.

    ``review_days_left``: working days left of a paused review; negative when the review was already overdue.
    """

    due_on: date | None = None
    review_days_left: int | None = None


def adjusted(
    clock: Clock,
    before: Status,
    after: Status,
    on: date,
    calendar: Calendar,
    terms: Deadlines,
    ordered_until: date | None = None,
) -> Clock:
    """Return the deadlines after a status change on a date. The date itself does not count.

    The review resumes when the agency answers or the Commission decides, and restarts when a case reopens or comes
    back from remediation. ``ordered_until`` is the due date of the new order.
    """
    if before is after:
        return clock
    if after in REVIEW_CLOCK_RUNS:
        if before in REVIEW_CLOCK_RUNS and clock.due_on is not None:
            return clock
        left = terms.review if clock.review_days_left is None else clock.review_days_left
        return Clock(calendar.after(on, left))
    match after:
        case Status.AWAITING_AGENCY:
            return Clock(calendar.after(on, terms.answer), _left(clock, on, calendar))
        case Status.WITH_COMMISSION:
            return Clock(None, _left(clock, on, calendar))
        case Status.REMEDIATION:
            return Clock(ordered_until)
    return Clock()


def _left(clock: Clock, on: date, calendar: Calendar) -> int | None:
    return None if clock.due_on is None else calendar.between(on, clock.due_on)
