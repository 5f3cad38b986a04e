"""Chart colours: the report's bars are distinguishable without colour by lightness, pattern, border and label."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path

from registry.accounts.roles import Role
from registry.reports.views.compliance import SHARES
from registry.web import blueprint as pages
from tests.cases.cast import audit
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn

CSS = (Path(pages.__file__).parent / "assets" / "registry.css").read_text(encoding="utf-8")
CHART = (Path(pages.__file__).parents[1] / "reports/templates/reports/_chart.html").read_text(encoding="utf-8")
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


COLOURS = {share: colour(f".share--{share}") for share in SHARES}


def test_adjacent_shares_have_three_to_one_contrast_without_colour() -> None:
    contrasts = {pair: round(contrast(COLOURS[pair[0]], COLOURS[pair[1]]), 2) for pair in pairwise(SHARES)}
    assert len(contrasts) == len(SHARES) - 1 and min(contrasts.values()) >= LEAST, contrasts
    # High flags and clear projects are the two that must not be confused.
    assert contrast(COLOURS["flagged_high"], COLOURS["clear"]) >= 6


def test_shares_of_equal_lightness_differ_in_pattern() -> None:
    patterned = set(re.findall(r'"(\w+)"', CHART.partition("set patterned = (")[2].partition(")")[0]))
    lines = re.findall(r'share == "(\w+)" %}<path [^>]*d="([^"]+)"', CHART)
    drawn = dict(lines) | {"unaudited": re.findall(r'else %}<path [^>]*d="([^"]+)"', CHART)[0]}
    assert set(drawn) == patterned and len(set(drawn.values())) == len(patterned)
    alike = [pair for pair in combinations(SHARES, 2) if contrast(COLOURS[pair[0]], COLOURS[pair[1]]) < LEAST]
    assert all(drawn.get(one) != drawn.get(other) for one, other in alike)
    for share in patterned:
        assert contrast(colour(f".mark--{share}", "stroke"), COLOURS[share]) >= LEAST


def test_border_separates_adjacent_shares() -> None:
    """The border is a black line with a white core, so that one of them contrasts with any share."""
    edges = [colour(".chart__edge", "stroke"), colour(".chart__gap", "stroke")]
    for share in SHARES:
        assert max(contrast(edge, COLOURS[share]) for edge in edges) >= LEAST
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
    for share in SHARES:
        drawn = f"url(#share-{share})" if f'id="share-{share}"' in page else f'class="share--{share}"'
        assert drawn in legend
    bar = page.partition('<svg class="chart__bar"')[2].partition("</div>")[0]
    assert bar.count("data-share=") == 2 and bar.count('class="chart__edge"') == bar.count('class="chart__gap"') == 1
    assert re.findall(r"<text [^>]+>(\d+)\u00a0%</text>", bar) == ["50", "50"]
