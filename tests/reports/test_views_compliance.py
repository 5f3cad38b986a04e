"""Compliance report page: levels of agencies, pagination and downloads."""

from __future__ import annotations

import csv
import html
import io
import re

from openpyxl import load_workbook

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn

REPORT = "/reports/compliance"


def names_of(page: str) -> list[str]:
    """Return the names of the table's rows, including the total."""
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r'<th scope="row">(.*?)</th>', page, re.DOTALL)]


def test_bars_fill_their_width_and_table_has_same_figures(signed_in: SignedIn) -> None:
    agency = an_agency()
    for _ in range(3):
        a_project(agency)
    run_audit(an_actor(Role.OPERATOR))
    page = signed_in(Role.AUDITOR).get(f"{REPORT}?by=agency").text
    widths = [float(width) for width in re.findall(r'data-share="\w+" [^>]*x="[\d.]+%" width="([\d.]+)%"', page)]
    assert abs(sum(widths) - 100) < 0.01
    assert names_of(page) == [agency.name_ru, "All"]


def test_ministry_row_links_to_its_subordinates(signed_in: SignedIn) -> None:
    ministry, other = an_agency(), an_agency()
    committee = an_agency(ministry)
    for agency in (ministry, other, committee):
        a_project(agency)
    visit = signed_in(Role.AUDITOR)
    top = visit.get(REPORT).text
    assert f"{ministry.name_ru} with 1 agency below" in names_of(top) and committee.name_ru not in top
    link = re.search(rf'href="([^"]+)">{ministry.name_ru}', top)
    level = visit.get(html.unescape(link[1])).text
    assert names_of(level) == [f"{ministry.name_ru} itself", committee.name_ru, "All"]
    assert other.name_ru not in level
    assert visit.get(f"{REPORT}?within=000000000000").status_code == 404


def test_agencies_are_paginated_or_complete_on_request(signed_in: SignedIn) -> None:
    for _ in range(30):
        a_project(an_agency())
    visit = signed_in(Role.AUDITOR)
    first = visit.get(REPORT).text
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following and "1 to 25 of 30" in first
    second = visit.get(following[1].replace("&amp;", "&")).text
    shown = [*names_of(first)[:-1], *names_of(second)[:-1]]
    assert len(set(shown)) == 30 and 'rel="next"' not in second
    whole = re.search(r'href="([^"]+)">All 30 rows on one page', first)
    assert names_of(visit.get(whole[1].replace("&amp;", "&")).text)[:-1] == shown
    # The total covers all agencies on each page.
    assert all(re.search(r'dense__total"><th scope="row">All</th><td><a [^>]+>30<', page) for page in (first, second))
    for nonsense in ("0", "-1", "x", "99999999999999999999"):
        assert visit.get(f"{REPORT}?page={nonsense}").status_code == 200


def test_table_shows_millions_and_downloads_exact_tenge(signed_in: SignedIn) -> None:
    ministry = an_agency()
    committee = an_agency(ministry)
    a_project(ministry, budget_kzt=1_234_567_890)
    a_project(committee, budget_kzt=1)
    run_audit(an_actor(Role.OPERATOR))
    visit = signed_in(Role.AUDITOR)
    assert '<td title="1,234,567,891\u00a0₸">1,235</td>' in visit.get(f"{REPORT}?by=region").text
    header, *rows = csv.reader(io.StringIO(visit.get(f"{REPORT}.csv").data.decode("utf-8-sig")))
    sheet = load_workbook(io.BytesIO(visit.get(f"{REPORT}.xlsx").data)).worksheets[0]
    table = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["BIN"], row["BIN of the parent agency"], row["Budget"], row["Flagged"]) for row in table] == [
        (ministry.bin, "", "1234567890", "1"),
        (committee.bin, ministry.bin, "1", "1"),
    ]
    assert [row[header.index("Budget")] for row in sheet.iter_rows(min_row=2, values_only=True)] == [1_234_567_890, 1]


def test_download_by_region_has_its_rows(signed_in: SignedIn) -> None:
    a_project(region="71", budget_kzt=5)
    a_project(region=None)
    table = signed_in(Role.AUDITOR).get(f"{REPORT}.csv?by=region").data.decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(table))
    assert header[:2] == ["Region", "Projects"] and "BIN" not in header
    assert [row[0] for row in rows] == ["Astana", "Not given"]


def test_figures_link_to_the_counted_projects(signed_in: SignedIn) -> None:
    ministry = an_agency()
    committee = an_agency(ministry)
    for agency in (ministry, committee, committee, an_agency(kind="private")):
        a_project(agency, region="71")
    run_audit(an_actor(Role.OPERATOR))
    a_project(committee, region=None)
    visit = signed_in(Role.AUDITOR)
    for actor in ("agency", "region", "kind", "sector", f"agency&within={ministry.bin}"):
        table = visit.get(f"{REPORT}?by={actor}").text.partition('id="figures"')[2]
        links = re.findall(r'<td><a [^>]*href="([^"]+)">(\d+)</a>', table)
        assert links, actor
        for link, count in links:
            assert visit.get(html.unescape(link)).text.count("stacked__main") == int(count), (actor, link)
            table = visit.get(html.unescape(link).replace("/projects", "/projects.csv", 1)).data.decode("utf-8-sig")
            assert len(list(csv.DictReader(io.StringIO(table)))) == int(count), (actor, link)
