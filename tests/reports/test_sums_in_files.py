"""Figures of files, documents, e-mails and the API are those of the pages, before and after a merger."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from registry.accounts.roles import Role
from registry.government_reports.service import freeze_figures
from registry.notifications.weekly_overview import overview_pdf, write_due_weekly_overview
from registry.open_data.publication import PUBLICATION
from registry.open_data.service import write_when_due
from tests.api.callers import Caller, caller
from tests.audits.steps import audit
from tests.fixtures.web import SignedIn, Visit
from tests.government_reports.steps import AUTHOR, begin
from tests.notifications.test_weekly_overview import emails, subscriber, text_of
from tests.open_data.conftest import LICENCE
from tests.pdf_structure import text_of as text_of_pdf
from tests.present import Present
from tests.reports.delivered import Page, csv_rows, xlsx_rows
from tests.reports.figures_world import build, merge_former

GROUPS = ("agency", "region", "kind", "sector")
SEVERITIES = ("Flagged: high", "Flagged: medium", "Flagged: low")
STATUSES = ("Clear", "Flagged", "Exempt", "Accepted", "Not audited yet", "Out of scope")
COUNTS = ("Projects", *STATUSES, *SEVERITIES, "Budget", "Of it flagged")
# The counts of the API by the columns of files.
IN_JSON = dict(
    zip(
        COUNTS,
        (
            *("projects", "clear", "flagged", "exempt", "accepted", "unaudited", "out_of_scope"),
            *("flagged_high", "flagged_medium", "flagged_low", "budget_kzt", "budget_flagged_kzt"),
        ),
        strict=True,
    )
)
Sums = dict[str, int]


def test_files_documents_emails_and_answers_have_one_set_of_figures(
    app: Flask,
    client: FlaskClient,
    present: Present,
    signed_in: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(app.config, PUBLICATION, LICENCE)
    world = build(present)
    roles = (Role.SUPERVISOR, Role.REVIEWER, Role.LEADER, Role.AGENCY_EDITOR)
    agency = {Role.AGENCY_EDITOR: world.agency("ministry")}
    visits = {role: signed_in(role, agency.get(role)) for role in roles}
    people = {role: subscriber(role).id for role in (Role.SUPERVISOR, Role.REVIEWER, Role.LEADER)}
    for merged in (False, True):
        if merged:
            merge_former(world, present)
            audit()
        write_due_weekly_overview()
        write_when_due()
        for role, visit in visits.items():
            visit.sign_in(f"{role.value}.web")
            api, total = caller(client, role, agency.get(role)), check_compliance(visit)
            check_records(visit, api, total)
            check_answers(api, total)
            if role is not Role.AGENCY_EDITOR:
                check_overview(visit, api, total)
                # A PDF takes a second.
                check_email(people[role], total, tmp_path if merged and role is Role.REVIEWER else None)
            if role in (Role.SUPERVISOR, Role.REVIEWER):
                check_report(visit, total, tmp_path if merged and role is Role.REVIEWER else None)
            # Metrics count no restricted projects, as the reviewer.
            if role is Role.REVIEWER:
                check_metrics(client, visit, api)
            if role is Role.LEADER:
                check_open_data(app.test_client(), total)


def sums(rows: list[dict[str, str]], names: tuple[str, ...] = COUNTS) -> Sums:
    return {name: sum(int(row[name] or 0) for row in rows) for name in names}


def check_compliance(visit: Visit) -> Sums:
    """CSV and workbook have the same rows, and every grouping the same sums."""
    totals = []
    for group in GROUPS:
        rows = csv_rows(visit.client.get(f"/reports/compliance.csv?by={group}"))
        assert xlsx_rows(visit.client.get(f"/reports/compliance.xlsx?by={group}")) == rows
        totals.append(sums(rows))
        assert totals[-1]["Projects"] == sum(totals[-1][name] for name in STATUSES)
        assert totals[-1]["Flagged"] == sum(totals[-1][name] for name in SEVERITIES)
    assert totals == [totals[0]] * len(GROUPS)
    return totals[0]


def check_records(visit: Visit, api: Caller, total: Sums) -> None:
    """The exported projects are those that are counted."""
    exported = csv_rows(visit.client.get("/projects.csv"))
    assert (len(exported), sum(int(row["budget_kzt"] or 0) for row in exported)) == (total["Projects"], total["Budget"])
    flagged = csv_rows(visit.client.get("/projects.csv?freeze_status=flagged"))
    assert len(flagged) == total["Flagged"]
    assert sum(int(row["budget_kzt"] or 0) for row in flagged) == total["Of it flagged"]
    lines = api.get("/exports/projects.ndjson").get_data(as_text=True).splitlines()
    assert sorted(json.loads(line)["number"] for line in lines) == sorted(row["number"] for row in exported)
    assert [row["number"] for row in xlsx_rows(visit.client.get("/projects.xlsx"))] == [
        row["number"] for row in exported
    ]


def check_answers(api: Caller, total: Sums) -> None:
    """The API counts the same."""
    assert api.get("/projects?count=exact").get_json()["count"] == total["Projects"]
    for group in GROUPS:
        shown = api.get(f"/reports/compliance?by={group}").get_json()
        for row in (shown["totals"], {name: sum(item[name] for item in shown["items"]) for name in IN_JSON.values()}):
            assert {name: row[IN_JSON[name]] for name in COUNTS} == total, group


def check_overview(visit: Visit, api: Caller, total: Sums) -> None:
    """The country is the sum of regions, of sectors and of agencies; open flags by rule are those by age."""
    rows = csv_rows(visit.client.get("/overview.csv"))
    assert xlsx_rows(visit.client.get("/overview.xlsx")) == rows
    by_figure = {name: [row for row in rows if row["Figure"] == name] for name in {row["Figure"] for row in rows}}
    country = sums(by_figure["The country"][:1])
    assert country == total
    assert sums(by_figure["Region"]) == sums(by_figure["Sector"]) == total
    at_risk = sums(by_figure["Most money at risk"], ("Flagged", "Of it flagged"))
    assert at_risk == {name: total[name] for name in at_risk}
    flags = (*SEVERITIES, "Flagged", "Of it flagged")
    assert sums(by_figure["Open flags by rule"], flags) == sums(by_figure["Age of open flags"], flags)
    open_flags = sums(by_figure["Age of open flags"], ("Flagged",))["Flagged"]
    assert api.get("/flags?status=open&count=exact").get_json()["count"] == open_flags
    history = csv_rows(visit.client.get("/overview/history.csv"))
    assert sums(history[-1:]) == total
    shown = api.get("/overview").get_json()
    in_json = IN_JSON | {"Of it flagged": "at_risk_kzt"}
    assert {name: shown["now"][in_json[name]] for name in COUNTS} == total
    for group in ("regions", "sectors"):
        assert {name: sum(row[in_json[name]] for row in shown[group]) for name in COUNTS} == total


def check_metrics(client: FlaskClient, visit: Visit, api: Caller) -> None:
    """The gauges have the flags and the overdue cases of who sees no restricted projects."""
    families = text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))
    samples = {family.name: family.samples for family in families}
    flags = dict.fromkeys(("open", "exempt", "accepted"), 0)
    for sample in samples["registry_flags"]:
        flags[sample.labels["status"]] += int(sample.value)
    assert flags == {status: api.get(f"/flags?status={status}&count=exact").get_json()["count"] for status in flags}
    overdue = len(csv_rows(visit.client.get("/cases.csv?overdue=true")))
    assert overdue == samples["registry_cases_overdue"][0].value > 0


def check_report(visit: Visit, total: Sums, folder: Path | None) -> None:
    """Data, tables, page and document of a report that is frozen now."""
    number = begin().number
    freeze_figures(AUTHOR, number)
    address = f"/government-reports/{number}"
    data = json.loads(visit.client.get(f"{address}/figures.json").data)
    for rows in ([data["totals"]], data["by_agency"], data["by_region"]):
        assert {name: sum(row[IN_JSON[name]] for row in rows) for name in COUNTS} == total
    assert sum(row["projects"] for row in data["by_severity"]) == total["Flagged"]
    assert sum(row["budget_flagged_kzt"] for row in data["by_severity"]) == total["Of it flagged"]
    rows = csv_rows(visit.client.get(f"{address}/figures.csv"))
    assert xlsx_rows(visit.client.get(f"{address}/figures.xlsx")) == rows
    exported = {row["measure"]: row["value"] for row in rows if row["table"] == "totals"}
    assert {name: int(exported[IN_JSON[name]]) for name in COUNTS} == total
    page = Page(visit.get(address).text)
    for caption in ("By region", "By agency"):
        *parts, all_of_them = [[cell.replace(" ", "") for cell in row] for row in page.table(caption).rows]
        for place in (1, 2, 3, 4, 5, 6, 8, 9):
            assert sum(float(row[place]) for row in parts) == float(all_of_them[place])
        assert [int(all_of_them[place]) for place in (1, 2, 3)] == [
            total[name] for name in ("Projects", "Clear", "Flagged")
        ]
    if folder is not None:
        document = Page(visit.get(f"{address}/document/kk").text)
        text = text_of_pdf(visit.client.get(f"{address}.pdf?language=kk").data, folder)
        assert_has_rows(text, [row for table in document.tables for row in table.rows])


def check_email(person_id: int, total: Sums, folder: Path | None) -> None:
    """The e-mail has the same, its attachment too."""
    email = [each for each in emails() if each.person_id == person_id][-1]
    text, document = text_of(email), email.events[0]["figures"]["document"]
    lines = [f"Flagged projects: {total['Flagged']}", f"million ₸: {total['Of it flagged'] / 1_000_000:,.1f}"]
    lines += [f"of {name.removeprefix('Flagged: ')} severity: {total[name]}" for name in SEVERITIES]
    # The change since a week before may follow.
    assert [line for line in lines if not re.search(rf"{re.escape(line)}( \(.*)?\n", text)] == []
    tables = {block["caption"]: block["rows"] for block in document["blocks"]}
    for caption in ("By region", "By sector"):
        assert sum(int(row[1]) for row in tables[caption]) == total["Projects"] - total["Out of scope"]
        assert sum(int(row[4]) for row in tables[caption]) == total["Flagged"]
        assert sum(in_tenge(row[5]) for row in tables[caption]) == total["Of it flagged"]
    assert sum(int(row[1]) for row in tables["Agencies with most money at risk"]) == total["Flagged"]
    flags = sum(int(row[1]) for row in tables["Open flags by rule"])
    assert sum(int(row[-1]) for row in tables["Age of open flags"]) == flags
    if folder is not None:
        pdf = overview_pdf(document)
        assert_has_rows(text_of_pdf(pdf, folder), [row for rows in tables.values() for row in rows])


def in_tenge(text: str) -> int:
    return round(float(text.replace("\u00a0", "").replace(",", ".")) * 1_000_000)


def assert_has_rows(text: str | None, rows: list[list[str]]) -> None:
    """The numbers at the end of each row stand beside each other in a document; without poppler nothing is read."""
    if text is None:
        return
    read = " ".join(text.split())
    for row in rows:
        figures: list[str] = []
        for cell in reversed(row):
            if not re.fullmatch(r"[\d\s.,–]+", cell):
                break
            figures.insert(0, " ".join(cell.split()))
        assert " ".join(figures) in read, row


def check_open_data(anybody: FlaskClient, total: Sums) -> None:
    """The public sees what a reader without restricted projects does."""
    page = Page(anybody.get("/open-data?language=en").text).text
    assert f"Projects found: {total['Projects']} " in page
    assert f", {total['Projects']} projects." in page
    rows = csv_rows(anybody.get("/open-data/projects.csv"))
    assert (len(rows), sum(int(row["budget_kzt"]) for row in rows)) == (total["Projects"], total["Budget"])
    for status in ("flagged", "exempt", "out_of_scope"):
        listed = Page(anybody.get(f"/open-data?language=en&freeze_status={status}").text).text
        assert f"Projects found: {sum(row['freeze_status'] == status for row in rows)} " in listed
