"""Exports of lists: what the list has, as CSV, XLSX and NDJSON, for the same readers, with the same filters."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.dialects import insert_rows
from registry.exemptions.service import record_exemption
from registry.journal.service import JournalEntry
from tests.api.callers import Caller, caller
from tests.cases.cast import AIGERIM, SAULE, act, audit
from tests.factories import a_bin, a_project, an_agency
from tests.listed_records import Listed, listed_records
from tests.present import Present

pytestmark = pytest.mark.on_both
LISTS = ("agencies", "flags", "cases", "exemptions", "audits")
ENDINGS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
}
FORMULA = '=HYPERLINK("http://x")'


@pytest.fixture
def listed(app: Flask, present: Present) -> Listed:
    present.set(date(2026, 3, 2))
    return listed_records()


def items_of(who: Caller, name: str, query: str = "") -> list[dict[str, Any]]:
    """The items of the list in the order of the export, page by page."""
    sort = "bin" if name == "agencies" else "number" if name == "projects" else "id"
    items, following = [], f"/{name}?limit=2&sort={sort}{query}"
    while following:
        answer = who.get(following)
        items += answer.get_json()["items"]
        cursor = answer.get_json()["next"]
        following = cursor and f"/{name}?limit=2&sort={sort}{query}&cursor={cursor}"
    return items


def read(who: Caller, name: str, ending: str, query: str = "") -> list[dict[str, Any]]:
    with who.get(f"/exports/{name}.{ending}?{query}") as answer:
        assert answer.status_code == 200, answer.data
        content = answer.data
    if ending == "ndjson":
        return [json.loads(line) for line in content.decode().splitlines()]
    if ending == "csv":
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    header, *rows = openpyxl.load_workbook(io.BytesIO(content)).active.values
    return [dict(zip(header, row, strict=True)) for row in rows]


def as_cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return "" if value is None else str(value)


def from_workbook(value: Any) -> str:
    return "" if value is None else value.date().isoformat() if hasattr(value, "date") else str(value)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.REVIEWER, Role.AGENCY_VIEWER])
def test_export_has_exactly_what_the_list_has_for_this_reader(client: FlaskClient, listed: Listed, role: Role) -> None:
    who = caller(client, role, listed.agency if role is Role.AGENCY_VIEWER else None)
    for name in LISTS:
        if name == "audits" and role is Role.AGENCY_VIEWER:
            assert {who.get(f"/exports/audits.{ending}").status_code for ending in ENDINGS} == {403}
            continue
        items = items_of(who, name)
        cells = [{field: as_cell(value) for field, value in item.items()} for item in items]

        assert items
        assert read(who, name, "ndjson") == items
        assert read(who, name, "csv") == cells
        rows = read(who, name, "xlsx")
        assert [{field: from_workbook(value) for field, value in row.items()} for row in rows] == cells


def test_export_has_the_filters_of_the_list(client: FlaskClient, listed: Listed) -> None:
    who = caller(client, Role.SUPERVISOR)
    for name, query in (
        ("agencies", "region=75"),
        ("flags", "severity=high&opened_on_from=2026-01-01"),
        ("cases", "status=awaiting_approval"),
        ("exemptions", "decision_number=12-ЦК"),
        ("audits", "dry_run=false"),
        ("projects", "external_id=E-0,E-1"),
    ):
        key = {"agencies": "bin", "projects": "number"}.get(name, "id")
        expected = [str(item[key]) for item in items_of(who, name, f"&{query}")]
        for ending in ENDINGS:
            assert [str(row[key]) for row in read(who, name, ending, query)] == expected != [], name
            for wrong in ("colour=red", "limit=10", "sort=id", f"{query}&cursor=x"):
                refused = who.get(f"/exports/{name}.{ending}?{wrong}")
                assert (refused.status_code, refused.content_type) == (400, "application/problem+json"), wrong


def test_projects_as_ndjson_are_each_as_the_project_itself(client: FlaskClient, listed: Listed) -> None:
    auditor = caller(client, Role.AUDITOR)

    lines = read(auditor, "projects", "ndjson")

    assert len(lines) == 5
    assert lines == [auditor.get(f"/projects/{line['number']}").get_json() for line in lines]
    assert len(read(caller(client, Role.REVIEWER), "projects", "ndjson")) == 4


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.REVIEWER, Role.AGENCY_VIEWER])
def test_lines_of_histories_and_timelines_are_those_of_each_project_and_case(
    client: FlaskClient, listed: Listed, role: Role
) -> None:
    who = caller(client, role, listed.agency if role is Role.AGENCY_VIEWER else None)
    histories = {each["number"]: who.get(f"/projects/{each['number']}/history") for each in items_of(who, "projects")}
    cases = [who.get(f"/cases/{each['id']}").get_json() for each in items_of(who, "cases")]
    revisions = [
        {**revision, "project": number, "version": version}
        for number, history in histories.items()
        for version, revision in enumerate(history.get_json()["items"], 1)
    ]
    entries = [
        {"case": case["id"], "project": case["project"], "event": event} for case in cases for event in case["events"]
    ]

    assert read(who, "history", "ndjson") == revisions != []
    assert read(who, "timeline", "ndjson") == entries != []
    some, status = who.get(f"/projects/{next(iter(histories))}").get_json(), cases[0]["status"]
    narrowed = read(who, "history", "ndjson", f"external_id={some['external_id']}")
    assert narrowed == [line for line in revisions if line["project"] == some["number"]]
    of_status = {case["id"] for case in cases if case["status"] == status}
    assert read(who, "timeline", "ndjson", f"status={status}") == [
        line for line in entries if line["case"] in of_status
    ]


def test_restricted_projects_of_an_export_are_journalled(client: FlaskClient, listed: Listed) -> None:
    reads = select(func.count()).select_from(JournalEntry).where(JournalEntry.action == "restricted.read")
    reviewer, supervisor = caller(client, Role.REVIEWER), caller(client, Role.SUPERVISOR)
    for number, name in enumerate(("flags", "cases", "projects", "history", "timeline")):
        read(reviewer, name, "ndjson")
        before = db.session.scalar(reads)
        read(supervisor, name, "ndjson")
        assert (before, db.session.scalar(reads)) == (number, number + 1), name


def test_cells_never_become_formulas(client: FlaskClient, listed: Listed) -> None:
    an_agency(name_ru=FORMULA)
    project = a_project(listed.agency)
    values = {name: date(2026, 2, 1) for name in ("decided_on", "valid_from", "valid_to")}
    record_exemption(SAULE, {"project": project.number, "decision_number": "@SUM(1)", "conditions": "-2+3", **values})
    auditor = caller(client, Role.AUDITOR)

    for ending in ("csv", "xlsx"):
        assert "'" + FORMULA in [row["name_ru"] for row in read(auditor, "agencies", ending)]
        exemption = read(auditor, "exemptions", ending)[-1]
        assert (exemption["decision_number"], exemption["conditions"]) == ("'@SUM(1)", "'-2+3")


def test_export_is_a_streamed_attachment(client: FlaskClient, listed: Listed) -> None:
    who = caller(client, Role.SUPERVISOR)
    for name in (*LISTS, "projects"):
        for ending, content_type in ENDINGS.items():
            # Closed before it is read, as by a client that goes away.
            with who.get(f"/exports/{name}.{ending}", Accept_Encoding="gzip") as answer:
                assert answer.is_streamed
                assert answer.headers.get("Content-Encoding") == (None if ending == "xlsx" else "gzip")
                assert answer.headers["Content-Type"] == content_type
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}-2026-03-02.{ending}"'


def test_list_of_several_pages_is_exported_whole(client: FlaskClient) -> None:
    bins = sorted(a_bin() for _ in range(1001))
    at = now()
    rows = [
        {"bin": number, "name_ru": "Орган", "kind": "private", "version": 1, "created_at": at, "updated_at": at}
        for number in bins
    ]
    with transaction() as session:
        insert_rows(session, Agency, rows)
    who = caller(client, Role.REVIEWER)

    for ending in ("csv", "xlsx", "ndjson"):
        assert [row["bin"] for row in read(who, "agencies", ending)] == bins


def test_cell_longer_than_a_workbook_holds_is_cut_there_and_whole_elsewhere(
    client: FlaskClient, listed: Listed
) -> None:
    a_project(listed.agency)
    audit()
    newest = db.session.scalars(select(Case).order_by(Case.id.desc())).first()
    assert newest is not None
    case = act(AIGERIM, newest, "claim")
    texts = dict.fromkeys(("reason_kk", "reason_ru", "legal_basis_kk", "legal_basis_ru", "comment"), "ұ" * 5000)
    act(AIGERIM, case, "propose", {"decision": "no_breach", "reason_code": "wrong_data", **texts})
    who = caller(client, Role.SUPERVISOR)

    whole, cut = (read(who, "cases", ending)[-1]["proposal"] for ending in ("csv", "xlsx"))

    assert json.loads(whole)["reason_kk"] == texts["reason_kk"]
    assert (len(cut), cut) == (32_766, f"{whole[:32_765]}…")
