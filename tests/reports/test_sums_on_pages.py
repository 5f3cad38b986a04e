"""Figures of pages add up and equal the lists to which they lead, for every reader, before and after a merger."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from registry.accounts.roles import Role
from tests.audits.steps import audit
from tests.fixtures.web import SignedIn
from tests.present import Present
from tests.reports.delivered import Page, number
from tests.reports.figures_world import World, build, merge_former
from tests.reports.reader import Reader, added, columns

GROUPS = ("agency", "region", "kind", "sector")
# Each reader follows the figures of one grouping: all of them would take half a minute.
FOLLOWED = dict(zip((Role.SUPERVISOR, Role.REVIEWER, Role.AGENCY_EDITOR, Role.LEADER), GROUPS, strict=True))
SEVERITIES = ("Flagged: high", "Flagged: medium", "Flagged: low")
STATUSES = (*SEVERITIES, "Exempt", "Accepted", "To migrate", "Clear", "Not audited yet", "Out of scope")
BUDGET, AT_RISK = "Budget, million ₸: all", "Budget, million ₸: flagged"


@pytest.mark.nightly
def test_sums_add_up_for_every_reader_before_and_after_a_merger(
    app: Flask, present: Present, signed_in: SignedIn
) -> None:
    world = build(present)
    readers = {role: Reader(signed_in(role)) for role in (Role.SUPERVISOR, Role.REVIEWER, Role.LEADER)}
    readers[Role.AGENCY_EDITOR] = Reader(signed_in(Role.AGENCY_EDITOR, world.agency("ministry")))
    # Two readers follow figures before the merger, the others after it.
    first = (Role.SUPERVISOR, Role.AGENCY_EDITOR)
    for role, reader in readers.items():
        reader.forget(follows=role in first)
    before = {role: all_figures(role, reader, world) for role, reader in readers.items()}
    assert {role: total["Projects"] for role, total in before.items()} == {
        # Restricted projects, and those of other agencies.
        Role.SUPERVISOR: 22,
        Role.REVIEWER: 19,
        Role.LEADER: 19,
        Role.AGENCY_EDITOR: 9,
    }
    merge_former(world, present)
    for role, reader in readers.items():
        reader.visit.sign_in(f"{role.value}.web")
        reader.forget(follows=False)
        # Nothing has been audited since: the overview shows the agencies as the audit left them, and says so.
        check_compliance(role, reader)
    audit()
    for role, reader in readers.items():
        reader.forget(follows=role not in first)
        # The editor's committee has the projects of the former agency now.
        more = 5 if role is Role.AGENCY_EDITOR else 0
        assert all_figures(role, reader, world)["Projects"] == before[role]["Projects"] + more
        *rows, then = columns(reader.page("/reports/compliance?by=agency&on=2026-10-05").table("Figures"))
        assert added(rows) == then and then["Projects"] == before[role]["Projects"] + more
        assert more or {"Not audited yet": 0, **then} == before[role]
    assert min(reader.followed for reader in readers.values()) > 40


def all_figures(role: Role, reader: Reader, world: World) -> dict[str, int]:
    """Check all pages of a reader; return the totals of the report."""
    total = check_compliance(role, reader)
    check_agencies(role, reader, world, total)
    if role is not Role.LEADER:
        check_work_lists(role, reader)
    if role is not Role.AGENCY_EDITOR:
        check_overview(reader, total)
    if role in (Role.SUPERVISOR, Role.REVIEWER):
        check_audits(reader, total)
    return total


def check_compliance(role: Role, reader: Reader) -> dict[str, int]:
    """The rows of every grouping add up to one total, and each row to its statuses."""
    totals = []
    for group in GROUPS:
        *rows, total = columns(
            reader.page(f"/reports/compliance?by={group}", follow=group == FOLLOWED[role]).table("Figures")
        )
        assert added(rows) == total, group
        for row in (*rows, total):
            # Without any, there is no column for them.
            row.setdefault("Not audited yet", 0)
            assert row["Projects"] == sum(row[status] for status in STATUSES), group
        totals.append(total)
    assert totals == [totals[0]] * len(GROUPS)
    return totals[0]


def check_agencies(role: Role, reader: Reader, world: World, total: dict[str, int]) -> None:
    """The pages of the agencies at the top add up to the report, now and after every audit."""
    seen = ["ministry"] if role is Role.AGENCY_EDITOR else ["ministry", "akimat", "company", "former"]
    pages = {name: reader.page(f"/agencies/{world.bins[name]}") for name in seen}
    # A former agency keeps its page: what it had counts for its successor.
    pages = {name: page for name, page in pages.items() if "The agency is closed" not in page.text}
    shown = [{name: number(page.facts.get(name, "0")) for name in ("Projects", *STATUSES)} for page in pages.values()]
    assert added(shown) == {name: total[name] for name in ("Projects", *STATUSES)}
    *rows, within = columns(reader.page(f"/reports/compliance?within={world.bins['ministry']}").table("Figures"))
    assert added(rows) == within
    assert {name: within.get(name, 0) for name in shown[0]} == shown[0]
    days = [over_time(page) for page in pages.values()]
    assert sum(each[0]["Judged"] for each in days) == total["Projects"] - total["Out of scope"]
    assert sum(each[0]["Flagged"] for each in days) == sum(total[name] for name in SEVERITIES)


def over_time(page: Page) -> list[dict[str, int]]:
    """The figures after each of the last audits, the newest first."""
    return columns(page.table("Compliance over time"))


def check_work_lists(role: Role, reader: Reader) -> None:
    """The counts of the work lists, which were followed, add up; so do those of the team."""
    page = reader.page("/cases?status=new")
    tabs = {name: number(count) for name, count in re.findall(r"([A-Z][a-z ,]+): ([\d,]+)", page.text)}
    statuses = ("new", "under_review", "awaiting_agency", "awaiting_approval", "with_commission", "remediation")
    lists = [reader.count(f"/cases?status={status}") for status in (*statuses, "awaiting_confirmation")]
    assert sum(lists) == tabs["All open"]
    if role is Role.SUPERVISOR:
        people = columns(reader.page("/cases/team").table("By reviewer"))
        assert sum(row["Open cases"] for row in people) == tabs["All open"]
        assert sum(row["Overdue"] for row in people) <= tabs["Overdue"]


def check_overview(reader: Reader, total: dict[str, int]) -> None:
    """The overview has the figures of the report, by region, by sector and by agency, now and over time."""
    page = reader.page("/overview")
    assert "Lists show the register as it is now" in page.text
    assert [number(page.facts[name]) for name in SEVERITIES] == [total[name] for name in SEVERITIES]
    assert page.facts["Money at risk"].replace("\u00a0", " ") == f"{total[AT_RISK]:,} million ₸"
    flagged, at_risk = sum(total[name] for name in SEVERITIES), "At risk, million ₸"
    for group in ("region", "sector"):
        sums = added(columns(reader.page(f"/overview?by={group}").table("Comparison")))
        assert (sums["In scope"], sums["Flagged"]) == (total["Projects"] - total["Out of scope"], flagged)
        assert sums[at_risk] == total[AT_RISK]
    sums = added(columns(reader.page("/overview?by=money").table("Agencies with most money at risk")))
    assert (sums["Flagged"], sums[at_risk]) == (flagged, total[AT_RISK])
    page = reader.page("/overview?by=rule")
    ages = page.table("Age of open flags")
    assert "each flag counts, lists have a project once" in ages.caption
    for row in columns(ages):
        assert row.pop("All") == sum(row.values())
    assert added(columns(page.table("Open flags by rule")))["Open flags"] == sum(number(row[-1]) for row in ages.rows)
    newest = columns(reader.page("/overview/history").table("One audit a week"))[0]
    assert (newest["In scope"], newest["Flagged"], newest[at_risk]) == (
        total["Projects"] - total["Out of scope"],
        flagged,
        total[AT_RISK],
    )


def check_audits(reader: Reader, total: dict[str, int]) -> None:
    """The last audit left what the report shows."""
    newest = next(link.href for link in reader.page("/audits").links if re.fullmatch(r"/audits/\d+", link.href))
    after = columns(reader.page(newest).table("After the run"))
    names = [row[0] for row in reader.page(newest).table("After the run").rows]
    left = dict(zip(names, (row["This run"] for row in after), strict=True))
    assert left["Projects judged"] == total["Projects"] - total["Out of scope"]
    assert left["Projects out of scope"] == total["Out of scope"]
    assert left["Projects flagged"] == sum(total[name] for name in SEVERITIES)
    assert left["Projects exempt"] == total["Exempt"]
