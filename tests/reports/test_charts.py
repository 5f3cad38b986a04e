"""Charts: places of lines and labels, colours that differ without colour, and the forecast."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser

from registry.accounts.roles import Role
from registry.reports.overview import forecast, weekly
from registry.reports.pages import SHARES, line_chart
from registry.web import blueprint as pages
from registry.web.labels import SEVERITY_COLOURS, SHARE_PATTERNS, share_class
from tests.cases.cast import audit
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
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


def test_changes_of_the_policy_have_numbers_and_ends_of_lines_room_for_text() -> None:
    series: list[tuple[str, list[float | None]]] = [
        ("platform", [50.0] * 21),
        ("claimed", [51.0] * 21),
        ("flagged", [0.0] * 21),
    ]
    chart = line_chart(DAYS, series, 100, [DAYS[5], DAYS[6], DAYS[15]])
    # Two numbers that would touch stand together, at the later one.
    assert chart.policies == [(25.0, ""), (30.0, "1, 2"), (75.0, "3")]
    assert [line.end for line in chart.lines] == [104.0, 87.0, 194.0]


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


CSS = (Path(pages.__file__).parent / "assets" / "registry.css").read_text(encoding="utf-8")
# The CSS classes of the bars, worst first, with the ranks of severities that are not in use yet.
RANKS = tuple(f"severity-{rank}" for rank in range(len(SEVERITY_COLOURS), 0, -1))
CLASSES = (*RANKS, *(name for name in map(share_class, SHARES) if name not in RANKS))
# WCAG 2.2, 1.4.11: graphics needed for understanding have 3:1 contrast with adjacent colours.
LEAST = 3.0


def colour(selector: str, name: str = "fill") -> str:
    match = re.search(rf"^{re.escape(selector)} \{{[^}}]*\b{name}: (#[0-9a-f]{{3,6}})", CSS, re.MULTILINE)
    assert match, f"{selector} has no {name}"
    text = match[1].removeprefix("#")
    return text if len(text) == 6 else "".join(letter * 2 for letter in text)


def luminance(text: str) -> float:
    """Return the relative luminance (WCAG), which is also the lightness in greyscale: 0 black, 1 white."""
    parts = [int(text[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


COLOURS = {name: colour(f".share--{name}") for name in CLASSES}


def test_adjacent_shares_have_three_to_one_contrast_without_colour() -> None:
    contrasts = {pair: round(contrast(COLOURS[pair[0]], COLOURS[pair[1]]), 2) for pair in pairwise(CLASSES)}
    assert len(contrasts) == 9 and min(contrasts.values()) >= LEAST, contrasts
    # High flags and clear projects are the two that must not be confused.
    assert contrast(COLOURS["severity-3"], COLOURS["clear"]) >= 6


def test_shares_of_equal_lightness_differ_in_pattern() -> None:
    assert len(set(SHARE_PATTERNS.values())) == len(SHARE_PATTERNS)
    alike = [pair for pair in combinations(CLASSES, 2) if contrast(COLOURS[pair[0]], COLOURS[pair[1]]) < LEAST]
    assert all(SHARE_PATTERNS.get(one) != SHARE_PATTERNS.get(other) for one, other in alike)
    for name in SHARE_PATTERNS:
        assert contrast(colour(f".mark--{name}", "stroke"), COLOURS[name]) >= LEAST


def test_border_separates_adjacent_shares() -> None:
    """The border is a black line with a white core, so that one of them contrasts with any share."""
    edges = [colour(".chart__edge", "stroke"), colour(".chart__gap", "stroke")]
    for name in CLASSES:
        assert max(contrast(edge, COLOURS[name]) for edge in edges) >= LEAST
    assert contrast(*edges) >= 7
    assert contrast(colour(".chart__label text"), colour(".chart__label rect")) >= 7


def test_print_keeps_patterns_and_borders() -> None:
    exact = re.search(r"([^{}]+)\{ print-color-adjust: exact;", CSS.partition("@media print")[2])
    assert exact and {".chart__bar", ".legend svg"} <= {each.strip() for each in exact[1].split(",")}


def test_bars_and_legend_use_same_patterns_and_wide_segments_show_percentage(signed_in: SignedIn) -> None:
    agency = an_agency()
    a_project(agency)
    a_project(agency, placement="on_platform", platform_key="qt-1")
    audit()
    page = signed_in(Role.AUDITOR).get("/reports/compliance").text
    legend = page.partition('<ul class="legend">')[2].partition("</ul>")[0]
    for name in map(share_class, SHARES):
        drawn = f"url(#share-{name})" if f'id="share-{name}"' in page else f'class="share--{name}"'
        assert drawn in legend
    bar = page.partition('<svg class="chart__bar"')[2].partition("</div>")[0]
    assert bar.count("data-share=") == 2 and bar.count('class="chart__edge"') == bar.count('class="chart__gap"') == 1
    assert re.findall(r"<text [^>]+>(\d+)%</text>", bar) == ["50", "50"]


DAY = date(2026, 6, 1)


def weeks(*shares: float) -> list[tuple[date, float]]:
    return [(DAY + timedelta(days=7 * place), share) for place, share in enumerate(shares)]


def test_shares_on_a_line_continue_it_without_uncertainty() -> None:
    result = forecast(weeks(10, 12, 14, 16, 18), DAY + timedelta(days=70))
    assert (result.percent, result.low, result.high, result.a_week) == (30.0, 30.0, 30.0, 2.0)
    # 82 points are left after the last week: 41 weeks, and the day on which they are complete.
    assert result.complete_on == DAY + timedelta(days=28 + 41 * 7 + 1)


def test_interval_is_the_prediction_interval_of_a_single_later_value() -> None:
    result = forecast(weeks(10, 13, 14, 17, 18), DAY + timedelta(days=42))
    # 10.4 + 2 · 6 = 22.4; s² = 1.2 / 3; half = 3.182 · √0.4 · √(1 + 1/5 + 16/10) = 3.4
    assert (result.percent, result.low, result.high, result.a_week) == (22.4, 19.0, 25.8, 2.0)


def test_fewer_than_five_weeks_give_no_forecast() -> None:
    assert forecast(weeks(10, 12, 14, 16), DAY + timedelta(days=70)) is None


def test_shares_that_fall_are_never_complete_and_stay_within_zero_and_hundred() -> None:
    result = forecast(weeks(9, 7, 5, 3, 1), DAY + timedelta(days=400))
    assert (result.percent, result.complete_on) == (0.0, None)


def test_shares_that_grow_are_never_above_hundred() -> None:
    result = forecast(weeks(90, 91, 94, 95, 98), DAY + timedelta(days=70))
    assert (result.percent, result.high) == (100.0, 100.0)


def test_everything_that_stays_on_the_platform_was_complete_on_the_last_day() -> None:
    result = forecast(weeks(100, 100, 100, 100, 100), DAY + timedelta(days=70))
    assert (result.percent, result.complete_on) == (100.0, DAY + timedelta(days=28))


def test_weekly_points_are_the_last_audit_of_each_week() -> None:
    days = {DAY - timedelta(days=back): back for back in (0, 1, 6, 7, 9, 21, 100)}
    assert list(weekly(days, DAY, 8).values()) == [21, 7, 0]
