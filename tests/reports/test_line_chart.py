"""Labels of line charts: beside no line, and apart from each other."""

from __future__ import annotations

from datetime import date, timedelta

from registry.reports.views.line_chart import HEIGHT, TOP, line_chart

DAYS = [date(2026, 1, 2) + timedelta(weeks=week) for week in range(21)]


def test_the_label_of_the_lower_of_two_lines_is_below_it() -> None:
    rising, falling = [20.0 + week for week in range(21)], [70.0 - week for week in range(21)]

    lower, upper = line_chart(DAYS, [("platform", rising), ("flagged", falling)], 100).lines

    assert lower.label_y > max(y for x, y in lower.places if x >= 84)
    assert upper.label_y < min(y for x, y in upper.places if x >= 84)


def test_labels_stay_inside_the_chart() -> None:
    none, everything = [0.0] * 21, [100.0] * 21

    lower, upper = line_chart(DAYS, [("platform", none), ("flagged", everything)], 100).lines

    assert TOP <= upper.label_y < lower.label_y < TOP + HEIGHT
