"""Chart colours: the report's bars are distinguishable without colour by lightness, pattern, border and label."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path

from registry.accounts.roles import Role
from registry.reports.pages import SHARES
from registry.web import blueprint as pages
from registry.web.labels import SEVERITY_COLOURS, SHARE_PATTERNS, share_class
from tests.cases.cast import audit
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn

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
