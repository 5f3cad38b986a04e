"""Case deadlines: whose deadline runs, and the days left for the review."""

from __future__ import annotations

from datetime import date

import pytest

from registry.cases.transitions import CaseDeadline, adjusted
from registry.cases.vocabulary import Status
from registry.core.clock import CALENDAR_FILE, load_calendar
from registry.freeze.policy import DeadlineDays

CALENDAR = load_calendar(CALENDAR_FILE)
TERMS = DeadlineDays(answer=10, review=20, appeal=15)
S = Status


def go(clock: CaseDeadline, before: Status, after: Status, on: date, ordered_until: date | None = None) -> CaseDeadline:
    return adjusted(clock, before, after, on, CALENDAR, TERMS, ordered_until)


def test_review_pauses_while_agency_answers_and_resumes() -> None:
    # Opened on 2 February 2026; 20 working days later is 2 March.
    opened = CaseDeadline(date(2026, 3, 2))
    # Asked on 16 February: 10 working days left; the answer is due on 2 March.
    asked = go(opened, S.UNDER_REVIEW, S.AWAITING_AGENCY, date(2026, 2, 16))
    assert asked == CaseDeadline(date(2026, 3, 2), 10)
    # Answered on 6 March; 9 and 21-25 March are days off: 4 days by 13, 9 by 20, 10 by 26 March.
    assert go(asked, S.AWAITING_AGENCY, S.UNDER_REVIEW, date(2026, 3, 6)) == CaseDeadline(date(2026, 3, 26))


def test_question_answered_on_same_day_costs_no_days() -> None:
    opened = CaseDeadline(date(2027, 1, 8))
    asked = go(opened, S.UNDER_REVIEW, S.AWAITING_AGENCY, date(2026, 12, 21))
    assert go(asked, S.AWAITING_AGENCY, S.UNDER_REVIEW, date(2026, 12, 21)) == opened


def test_overdue_review_stays_equally_overdue_after_answer() -> None:
    # Due on Friday 13 February, asked on the 18th, three working days late; answered on 2 March, still three.
    asked = go(CaseDeadline(date(2026, 2, 13)), S.UNDER_REVIEW, S.AWAITING_AGENCY, date(2026, 2, 18))
    assert asked.review_days_left == -3
    assert go(asked, S.AWAITING_AGENCY, S.UNDER_REVIEW, date(2026, 3, 2)) == CaseDeadline(date(2026, 2, 25))


def test_commission_pauses_review_without_due_date() -> None:
    referred = go(CaseDeadline(date(2026, 3, 2)), S.UNDER_REVIEW, S.WITH_COMMISSION, date(2026, 2, 16))
    assert referred == CaseDeadline(None, 10)
    assert go(referred, S.WITH_COMMISSION, S.UNDER_REVIEW, date(2026, 12, 14)) == CaseDeadline(date(2026, 12, 29))


@pytest.mark.parametrize("after", [S.AWAITING_APPROVAL, S.NEW, S.AWAITING_CONFIRMATION])
def test_review_deadline_continues_between_reviewers(after: Status) -> None:
    clock = CaseDeadline(date(2026, 3, 2))
    assert go(clock, S.UNDER_REVIEW, after, date(2026, 2, 16)) == clock


def test_remediation_uses_order_date_and_return_restarts_review() -> None:
    start = CaseDeadline(date(2026, 3, 2))
    ordered = go(start, S.AWAITING_APPROVAL, S.REMEDIATION, date(2026, 2, 16), date(2026, 6, 28))
    assert ordered == CaseDeadline(date(2026, 6, 28))
    assert go(ordered, S.REMEDIATION, S.UNDER_REVIEW, date(2026, 8, 28)) == CaseDeadline(date(2026, 9, 25))


def test_closed_case_has_no_deadline_and_reopens_with_full_review() -> None:
    closed = go(CaseDeadline(date(2026, 3, 2)), S.AWAITING_APPROVAL, S.CLOSED, date(2026, 2, 16))
    assert closed == CaseDeadline()
    assert go(closed, S.CLOSED, S.NEW, date(2026, 8, 28)) == CaseDeadline(date(2026, 9, 25))


def test_comment_changes_no_deadline() -> None:
    clock = CaseDeadline(date(2026, 6, 28))
    assert go(clock, S.REMEDIATION, S.REMEDIATION, date(2026, 7, 1)) == clock
