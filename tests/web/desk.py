"""Implementation of ``scripts/desk``: what staff have in sight, and what their work costs them, as lines of JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Browser, Page

from registry.accounts.roles import Role
from registry.core.clock import today
from tests.web.browser import chromium, context, sign_in
from tests.web.gallery import demo
from tests.web.tour_stop import PASSWORD, person_name

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """The registry that is measured. ``person``: name and password of who signs in, instead of the demo's people."""

    browser: Browser
    address: str
    person: tuple[str, str] | None = None

    def page(self, role: Role, width: int, height: int) -> Page:
        """Return a page of this size of a person of the role, signed in."""
        page = context(self.browser, self.address, width=width).new_page()
        page.set_viewport_size({"width": width, "height": height})
        sign_in(page, *(self.person or (person_name(role), PASSWORD)))
        return page


# Lists: how many rows, or cards on phones, are in sight as a whole, nothing above them, when a list is opened.

LISTS: Final = {
    "cases": "/cases?status=new",
    "cases, filtered": "/cases?status=new&severity=high",
    "projects": "/projects",
    "orders": "/orders",
    "appeals": "/appeals",
    "letters": "/letters",
    "agencies": "/agencies",
    "watch list": "/cases/watch-list",
    "exemptions ending": "/cases/exemptions-ending",
    "requests": "/requests",
    "approvals": "/approvals",
}
SIZES: Final = ((1280, 800), (390, 844))
ROWS: Final = """() => {
  const rows = [...document.querySelectorAll("main table tbody tr")].filter((row) => !row.querySelector("th[colspan]"));
  const boxes = rows.map((row) => row.getBoundingClientRect());
  const shows = (box, row, y) => row.contains(document.elementFromPoint(box.left + box.width / 2, y));
  const whole = boxes.filter((box, n) => box.top >= 0 && box.bottom <= innerHeight
    && shows(box, rows[n], box.top + 2) && shows(box, rows[n], box.bottom - 2));
  return {rows: rows.length, whole: whole.length, first_y: Math.round(boxes[0]?.top ?? -1),
    highest: Math.round(Math.max(0, ...boxes.map((box) => box.height))), kilobytes: Math.round(
      performance.getEntriesByType("navigation")[0].decodedBodySize / 1024)};
}"""


def lists(desk: Desk) -> Iterator[Figures]:
    """Complete rows in sight, the first row's distance from the top and the highest row's height, in pixels."""
    for width, height in SIZES:
        page = desk.page(Role.REVIEWER, width, height)
        for name, path in LISTS.items():
            page.goto(path)
            yield {"list": name, "size": f"{width}x{height}", **page.evaluate(ROWS)}
        page.context.close()


# A leader: the height of the screen and of what it shows, the sheets on paper and as PDF, and the clicks to "How much
# is at risk in health care, and is it better than in summer?": the tab of the sectors, then the first of July.
LEADER_SIZE: Final = (1440, 900)
HEIGHTS: Final = """() => ({height: document.documentElement.scrollHeight,
  content: Math.round(document.querySelector("main").getBoundingClientRect().bottom)})"""


def leader(desk: Desk) -> Iterator[Figures]:
    """The height of the first screen in pixels, the number of printed and PDF pages, and the clicks to an answer."""
    page = desk.page(Role.LEADER, *LEADER_SIZE)
    page.goto("/overview")
    sheets = {"printed": page.pdf(prefer_css_page_size=True), "pdf": page.request.get("/overview.pdf").body()}
    pages = {name: len(re.findall(rb"/Type ?/Page[^s]", sheet)) for name, sheet in sheets.items()}
    yield {"size": "1440x900", **page.evaluate(HEIGHTS), **pages}
    clicks = ('.tabs a[href$="by=sector"]', f'.period__usual a[href*="from={today().year}-07-01"]')
    for link in clicks:
        page.click(link)
    health = page.locator("main table").first.locator('tr:has(a[href*="of=07"]) td')
    yield {"question": "health care", "clicks": len(clicks), "answer": health.all_inner_texts()[-3:]}
    page.context.close()


MEASUREMENTS: Final[Mapping[str, Callable[[Desk], Iterator[Figures]]]] = {"lists": lists, "leader": leader}


def measure(desk: Desk, names: list[str]) -> None:
    """Write the figures of these measurements, or of all, each as a line of JSON."""
    for name in names or MEASUREMENTS:
        for figures in MEASUREMENTS[name](desk):
            sys.stdout.write(json.dumps({"measured": name, **figures}) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--at"]:
        url, person, password, *chosen = sys.argv[2:]
        with chromium() as started:
            measure(Desk(started, url, (person, password)), chosen)
    else:
        with demo() as (url, _known, started):
            measure(Desk(started, url), sys.argv[1:])
