"""Line charts: where lines, markers and values stand, and no text lies over a line at any width."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser

from registry.accounts.roles import Role
from registry.reports.pages import line_chart
from tests.web.browser import context, sign_in
from tests.web.tour_stop import person_name

DAYS = [date(2026, 1, 2) + timedelta(weeks=week) for week in range(21)]
# Rectangles of the chart's texts and of its lines and markers, and whether any two of them touch.
OVERLAPS = """() => {
    const boxes = names => [...document.querySelectorAll(names)].map(each => each.getBoundingClientRect());
    const drawn = boxes(".lines [class^=line--], .lines [class^=line__mark]");
    const touch = (one, other) => one.left < other.right && other.left < one.right
        && one.top < other.bottom && other.top < one.bottom;
    return boxes(".lines text, .legend li").filter(text => drawn.some(each => touch(text, each))).length;
}"""


def test_lines_run_from_the_first_day_to_the_last_and_up_to_the_most() -> None:
    chart = line_chart(DAYS, [("platform", [0.0] * 20 + [100.0]), ("flagged", [None] * 19 + [50.0, 50.0])], 100)

    rising, late = chart.lines
    assert (rising.places[0], rising.places[-1]) == ((0.0, 194.0), (100.0, 14.0))
    assert (len(late.places), late.last) == (2, 50.0)
    assert chart.grid == [(194.0, 0.0), (149.0, 25.0), (104.0, 50.0), (59.0, 75.0), (14.0, 100.0)]
    assert (chart.first, chart.last) == (DAYS[0], DAYS[-1])


def test_first_and_last_points_have_markers() -> None:
    (line,) = line_chart(DAYS, [("platform", [50.0] * 21)], 100).lines

    assert line.marks[0] == line.places[0] and line.marks[-1] == line.places[-1]
    assert len(line.marks) == 5


@pytest.mark.on_either
@pytest.mark.parametrize("width", (320, 1280))
def test_no_text_of_a_chart_lies_over_a_line(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str, width: int
) -> None:
    opened = context(browser, address, width=width)
    page = opened.new_page()
    sign_in(page, person_name(Role.LEADER))
    for path in ("/overview", "/overview/history?by=rule&of=freeze.creation"):
        page.goto(path)
        assert page.locator(".lines__plot [class^=line--]").count() > 2
        assert page.evaluate(OVERLAPS) == 0
    opened.close()
