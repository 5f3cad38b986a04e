"""The forecast: a line through weekly shares, with the interval that a textbook gives."""

from __future__ import annotations

from datetime import date, timedelta

from registry.reports.overview import forecast, weekly

DAY = date(2026, 6, 1)


def weeks(*shares: float) -> list[tuple[date, float]]:
    return [(DAY + timedelta(days=7 * place), share) for place, share in enumerate(shares)]


def test_shares_on_a_line_continue_it_without_uncertainty() -> None:
    result = forecast(weeks(10, 12, 14, 16, 18), DAY + timedelta(days=70))
    assert result is not None
    assert (result.percent, result.low, result.high, result.a_week) == (30.0, 30.0, 30.0, 2.0)
    # 82 points are left after the last week: 41 weeks, and the day on which they are complete.
    assert result.complete_on == DAY + timedelta(days=28 + 41 * 7 + 1)


def test_interval_is_the_prediction_interval_of_a_single_later_value() -> None:
    result = forecast(weeks(10, 13, 14, 17, 18), DAY + timedelta(days=42))
    assert result is not None
    # 10.4 + 2 · 6 = 22.4; s² = 1.2 / 3; half = 3.182 · √0.4 · √(1 + 1/5 + 16/10) = 3.4
    assert (result.percent, result.low, result.high, result.a_week) == (22.4, 19.0, 25.8, 2.0)


def test_fewer_than_five_weeks_give_no_forecast() -> None:
    assert forecast(weeks(10, 12, 14, 16), DAY + timedelta(days=70)) is None


def test_shares_that_fall_are_never_complete_and_stay_within_zero_and_hundred() -> None:
    result = forecast(weeks(9, 7, 5, 3, 1), DAY + timedelta(days=400))
    assert result is not None
    assert (result.percent, result.complete_on) == (0.0, None)


def test_shares_that_grow_are_never_above_hundred() -> None:
    result = forecast(weeks(90, 91, 94, 95, 98), DAY + timedelta(days=70))
    assert result is not None
    assert (result.percent, result.high) == (100.0, 100.0)


def test_everything_that_stays_on_the_platform_was_complete_on_the_last_day() -> None:
    result = forecast(weeks(100, 100, 100, 100, 100), DAY + timedelta(days=70))
    assert result is not None
    assert (result.percent, result.complete_on) == (100.0, DAY + timedelta(days=28))


def test_weekly_points_are_the_last_audit_of_each_week() -> None:
    days = {DAY - timedelta(days=back): back for back in (0, 1, 6, 7, 9, 21, 100)}
    assert list(weekly(days, DAY, 8).values()) == [21, 7, 0]
