"""Implementation of ``scripts/desk``: what staff have in sight, and what their work costs them, as lines of JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any, Final

from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import func, select

from registry.accounts.roles import Role, local_actor
from registry.agencies.service import agency_by_bin
from registry.audits.service import run_audit
from registry.cases.actions import act_on_cases
from registry.cases.models import Case
from registry.cases.vocabulary import ActionName, Status
from registry.core.clock import today
from registry.core.database import db
from registry.core.translations import LANGUAGES, Language
from registry.demo.records import demo_actor
from registry.projects.models import Project
from tests.factories import a_project, an_agency
from tests.web.browser import chromium, context, follow, sign_in
from tests.web.gallery import demo
from tests.web.tour_stop import PASSWORD, person_name

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """The registry that is measured. ``person``: name and password of who signs in, instead of the demo's people.

    ``app``: the demo, for what needs records of its own.
    """

    browser: Browser
    address: str
    person: tuple[str, str] | None = None
    app: Flask | None = None

    def page(self, role: Role, width: int, height: int, language: Language = "en") -> Page:
        """Return a page of this size of a person of the role, signed in."""
        page = context(self.browser, self.address, language, width=width).new_page()
        page.set_viewport_size({"width": width, "height": height})
        sign_in(page, *(self.person or (person_name(role), PASSWORD)))
        return page


# Lists: how many rows, or cards on phones, are in sight as a whole, nothing above them, when a list is opened.

LISTS: Final = {
    "cases": "/cases?status=new",
    "cases, filtered": "/cases?status=new&severity=high",
    "projects": "/projects",
    "flags": "/flags",
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
    for (width, height), language in product(SIZES, LANGUAGES):
        page = desk.page(Role.REVIEWER, width, height, language)
        for name, path in LISTS.items():
            page.goto(path)
            yield {"list": name, "size": f"{width}x{height}", "language": language, **page.evaluate(ROWS)}
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


# Twenty like cases: what it costs one person to propose a decision on them and another to read and approve it.

LIKE: Final = 20


class Hands:
    """Counts what a person does on a page: each key and click, each page that is opened, the first list too."""

    def __init__(self, page: Page, start: str) -> None:
        self.page, self.keys, self.loads = page, 0, 0
        page.on("load", self._loaded)
        page.goto(start)

    def _loaded(self, _page: Page) -> None:
        self.loads += 1

    def click(self, selector: str) -> None:
        self.page.click(selector)
        self.keys += 1

    def follow(self, selector: str) -> None:
        follow(self.page, selector)
        self.keys += 1

    def type(self, selector: str, text: str) -> None:
        self.click(selector)
        self.page.keyboard.type(text)
        self.keys += len(text)

    def insert_template(self, place: int) -> None:
        self.page.select_option("#propose-template", index=place)
        with self.page.expect_response("**/bulk/propose*"):
            self.page.click("button[data-fills]")
        # Opening the list, choosing from it, and the button.
        self.keys += 3


def like_cases(desk: Desk) -> Iterator[Figures]:
    """Keys, clicks and page loads from proposal to approval: each approved as it is read, and all on one page."""
    if desk.app is None:
        return
    for way in ("one by one", "together"):
        with desk.app.app_context():
            agency = an_agency()
            for _ in range(LIKE):
                a_project(agency)
            run_audit(local_actor(Role.OPERATOR))
            reviewer = demo_actor(person_name(Role.REVIEWER))
            cases = select(Case.id).join(Case.project_record).where(Project.agency_id == agency.id)
            act_on_cases(reviewer, ActionName.CLAIM, db.session.scalars(cases).all(), {})
            number = agency.bin
        proposes = Hands(desk.page(Role.REVIEWER, 1280, 800), f"/cases?status=under_review&agency={number}")
        proposes.click("thead input[data-all]")
        proposes.follow("[formaction*='bulk/propose']")
        proposes.click("label[for=propose-decision-migrate_by]")
        proposes.type("#propose-due_on", f"{today() + timedelta(days=90):%d.%m.%Y}")
        proposes.insert_template(1)
        proposes.insert_template(2)
        proposes.follow("#send .govuk-button-group button")
        approves = Hands(desk.page(Role.SUPERVISOR, 1280, 800), f"/cases?to_approve=true&agency={number}")
        if way == "together":
            approves.click("thead input[data-all]")
            approves.follow("[formaction*='bulk/approve']")
            approves.follow("#send > .govuk-button:not([hidden])")
        else:
            approves.follow("tbody th a, tbody td a")
            for _ in range(LIKE):
                approves.follow("form[action*='/approve'] button[name=then]")
        with desk.app.app_context():
            done = (
                select(func.count(Case.id))
                .join(Case.project_record)
                .where(Project.agency_id == agency_by_bin(number).id)
            )
            decided = db.session.scalar(done.where(Case.status == Status.REMEDIATION))
        keys, loads = (getattr(proposes, name) + getattr(approves, name) for name in ("keys", "loads"))
        yield {"way": way, "decided": decided, "keys_and_clicks": keys, "page_loads": loads}


MEASUREMENTS: Final[Mapping[str, Callable[[Desk], Iterator[Figures]]]] = {
    "lists": lists,
    "leader": leader,
    "like-cases": like_cases,
}


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
        with demo() as (served, url, _known, started):
            measure(Desk(started, url, app=served), sys.argv[1:])
