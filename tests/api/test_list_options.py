"""What lists take beside their filters (``not``, ``is_null``, ``count``, ``expand``), and their exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, func, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.dialects import insert_rows
from registry.exemptions.service import record_exemption
from registry.journal.service import JournalEntry
from tests.api.callers import Caller, caller, codes
from tests.cases.cast import AIGERIM, SAULE, act, audit
from tests.factories import a_bin, a_project, an_agency
from tests.listed_records import Listed, listed_records
from tests.present import Present
from tests.savepoints import rolled_back
from tests.statements import statements

pytestmark = pytest.mark.on_both
DAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def prepared(shared_app: Flask) -> Iterator[tuple[Connection, Listed]]:
    """The records of all lists, made once; each test is rolled back to them."""
    clock = Present()
    clock.set(DAY)
    with rolled_back(shared_app) as connection:
        with shared_app.app_context():
            listed = listed_records()
        clock.release()
        yield connection, listed


@pytest.fixture
def connection(prepared: tuple[Connection, Listed]) -> Iterator[Connection]:
    """The connection as elsewhere, rolled back to the records."""
    nested = prepared[0].begin_nested()
    yield prepared[0]
    nested.rollback()


@pytest.fixture
def listed(app: Flask, prepared: tuple[Connection, Listed], present: Present) -> Listed:
    present.set(DAY)
    return prepared[1]._replace(agency=db.session.merge(prepared[1].agency))


@pytest.fixture
def reader(client: FlaskClient, listed: Listed) -> Caller:
    return caller(client, Role.SUPERVISOR)


def external_ids(who: Caller, query: str) -> set[str]:
    answer = who.get(f"/projects?{query}")
    assert answer.status_code == 200, answer.data
    return {item["external_id"][:2] for item in answer.get_json()["items"] if item["external_id"]}


def numbers(who: Caller, query: str) -> set[str]:
    return {item["number"] for item in who.get(f"/projects?{query}").get_json()["items"]}


def test_negated_filters_give_exactly_the_rest(reader: Caller) -> None:
    everything = numbers(reader, "")
    for query, names in (
        ("external_id=E-0,E-1", "external_id"),
        ("placement=onboarding", "placement"),
        ("onboarding_due_on_from=2026-01-01", "onboarding_due_on_from"),
        ("flagged=true", "flagged"),
        ("is_restricted=true", "is_restricted"),
        ("is_null=onboarding_due_on", "is_null"),
        ("freeze_status=exempt", "freeze_status"),
    ):
        fitting, rest = numbers(reader, query), numbers(reader, f"{query}&not={names}")
        assert fitting and rest, query
        assert (fitting | rest, fitting & rest) == (everything, set()), query


def test_only_the_named_filters_are_negated(reader: Caller) -> None:
    assert external_ids(reader, "external_id=E-0,E-1&is_restricted=true&not=external_id") == {"E-"}
    assert numbers(reader, "external_id=E-0,E-1&is_restricted=true") == set()
    assert len(numbers(reader, "external_id=E-0,E-1&is_restricted=true&not=external_id")) == 1
    assert len(numbers(reader, "external_id=E-0,E-1&is_restricted=true&not=external_id,is_restricted")) == 2


def test_not_names_filters_of_the_request(reader: Caller) -> None:
    queries = ["not=agency", "agency=050340004478&not=region", "agency=050340004478&not=", "not=not"]
    for name in ("projects", "flags", "cases", "exports/projects.csv", "exports/flags.ndjson"):
        for query in queries + (["q=a&not=q"] if name == "projects" else []):
            answer = reader.get(f"/{name}?{query}")
            assert answer.status_code == 400, (name, query)
            assert {pointer for pointer, _ in codes(answer)} == {"not"}, (name, query)


def test_agency_filter_takes_every_bin_and_nothing_else(client: FlaskClient) -> None:
    for path in (
        "projects",
        "flags",
        "cases",
        "letters",
        "exemptions",
        "successions",
        "exports/cases.csv",
        "exports/letters.csv",
    ):
        reader = caller(client, Role.SUPERVISOR)

        assert reader.get(f"/{path}?agency=050340004478").status_code == 200
        for text in ("050340004479", "Министерство", "050340004478,1"):
            answer = reader.get(f"/{path}?agency={text}")
            assert (answer.status_code, codes(answer)) == (400, {("agency", "bin-invalid")}), text


def test_saved_view_negates_nothing_because_pages_do_not(reader: Caller) -> None:
    view = {"name": "Не в эксплуатации", "list": "projects", "query": {"stage": "operation", "not": "stage"}}

    assert codes(reader.post("/views", view)) == {("/query/not", "unknown-parameter")}


def test_fields_without_a_value_are_found(reader: Caller) -> None:
    with_date = numbers(reader, "is_null=onboarding_due_on&not=is_null")

    assert len(with_date) == 1
    assert numbers(reader, "is_null=onboarding_due_on,name_en") == numbers(reader, "") - with_date
    assert codes(reader.get("/projects?is_null=stage")) == {("is_null", "not-a-choice")}


def test_flags_and_cases_take_not_and_is_null(reader: Caller) -> None:
    flags = {item["id"]: item for item in reader.get("/flags").get_json()["items"]}
    cases = {item["id"]: item for item in reader.get("/cases").get_json()["items"]}

    def ids(name: str, query: str) -> set[int]:
        return {item["id"] for item in reader.get(f"/{name}?{query}").get_json()["items"]}

    exempt = {id for id, flag in flags.items() if flag["exemption"] is not None}
    taken = {id for id, case in cases.items() if case["assignee"] is not None}
    assert exempt and taken
    assert ids("flags", "is_null=exemption&not=is_null") == exempt
    assert ids("flags", "is_null=exemption,cleared_on") == flags.keys() - exempt
    assert ids("flags", "cleared_on_from=2026-01-01") == set()
    assert ids("cases", "is_null=assignee") == cases.keys() - taken
    assert ids("cases", "is_null=assignee&not=is_null") == taken
    assert ids("cases", "assignee=aigerim&not=assignee") == cases.keys() - taken
    assert ids("cases", "rule=freeze.creation&not=rule") | ids("cases", "rule=freeze.creation") == cases.keys()
    assert ids("cases", "rule=freeze.creation&not=rule") & ids("cases", "rule=freeze.creation") == set()


def test_count_is_that_of_all_pages_for_this_reader(client: FlaskClient, listed: Listed) -> None:
    for role in (Role.SUPERVISOR, Role.REVIEWER, Role.AGENCY_VIEWER):
        who = caller(client, role, listed.agency if role is Role.AGENCY_VIEWER else None)
        for name in ("projects", "flags", "cases"):
            whole = who.get(f"/{name}").get_json()

            first = who.get(f"/{name}?limit=1&count=exact").get_json()
            second = who.get(f"/{name}?limit=1&count=exact&cursor={first['next']}").get_json()
            none = who.get(f"/{name}?agency=050340004478&count=exact").get_json()

            assert "count" not in whole
            assert first["count"] == second["count"] == len(whole["items"]) > 1
            assert (none["items"], none["count"]) == ([], 0)


def test_estimated_count_is_a_number(reader: Caller) -> None:
    for name, query in (
        ("projects", "agency=050340004478,991240000013&is_null=severity&not=is_null"),
        ("projects", "q=система"),
        ("flags", "severity=high&agency=050340004478"),
        ("cases", "status=new&rule=freeze.creation"),
    ):
        answer = reader.get(f"/{name}?{query}&count=estimated")
        assert answer.status_code == 200, name
        assert type(answer.get_json()["count"]) is int
        assert codes(reader.get(f"/{name}?count=many")) == {("count", "not-a-choice")}


def test_lists_have_named_records_beside_their_items(reader: Caller, client: FlaskClient, listed: Listed) -> None:
    short = {item["number"]: item for item in reader.get("/projects").get_json()["items"]}
    agencies = {item["bin"]: item for item in reader.get("/agencies").get_json()["items"]}
    flags = reader.get("/flags?sort=id&status=cleared&not=status").get_json()["items"]

    for name in ("flags", "cases"):
        items = reader.get(f"/{name}?expand=project").get_json()["items"]
        assert items
        assert [item["project_record"] for item in items] == [short[item["project"]] for item in items]
        assert all("project_record" not in item for item in reader.get(f"/{name}").get_json()["items"])
    for item in reader.get("/projects?expand=agency,flags").get_json()["items"]:
        assert item["agency_record"] == agencies[item["agency"]]
        own = [flag for flag in flags if flag["project"] == item["number"]]
        assert sorted(item["active_flags"], key=lambda flag: flag["id"]) == own
    assert any(flags)
    for name in ("flags", "cases", "projects"):
        assert codes(reader.get(f"/{name}?expand=journal")) == {("expand", "not-a-choice")}


def test_expanded_records_show_nothing_that_the_reader_may_not_see(client: FlaskClient, listed: Listed) -> None:
    reviewer, supervisor = caller(client, Role.REVIEWER), caller(client, Role.SUPERVISOR)
    reads = select(func.count()).select_from(JournalEntry).where(JournalEntry.action == "restricted.read")

    hidden = {each["number"] for each in supervisor.get("/projects?is_restricted=true").get_json()["items"]}
    before = db.session.scalar(reads) or 0
    for path in ("/flags?expand=project", "/cases?expand=project", "/projects?expand=agency,flags"):
        assert not any(number in reviewer.get(path).text for number in hidden), path
    unchanged = db.session.scalar(reads)
    supervisor.get("/flags?expand=project")

    assert hidden and unchanged == before
    assert (db.session.scalar(reads) or 0) > before


def test_expanding_takes_as_many_statements_for_many_items_as_for_few(
    connection: Connection, client: FlaskClient, listed: Listed
) -> None:
    reviewer = caller(client, Role.REVIEWER)
    for path in ("/projects?expand=flags,agency", "/flags?expand=project", "/cases?expand=project"):
        # The first use of a token is kept, and which policy is in force is read once.
        reviewer.get(path)
        counts = set()
        for limit in (2, 3):
            with statements(connection) as sent:
                assert len(reviewer.get(f"{path}&limit={limit}").get_json()["items"]) == limit
            counts.add(len(sent))
        assert len(counts) == 1, path


LISTS = ("agencies", "flags", "cases", "exemptions", "audits")
ENDINGS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
}
FORMULA = '=HYPERLINK("http://x")'


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
        assert [row["bin"] for row in read(who, "agencies", ending) if row["bin"] in bins] == bins


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
