"""What lists take beside their filters: ``not``, ``is_null``, ``count``, ``expand``."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, func, select

from registry.accounts.roles import Role
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.api.callers import Caller, caller, codes
from tests.listed_records import Listed, listed_records
from tests.present import Present
from tests.statements import statements

pytestmark = pytest.mark.on_both


@pytest.fixture
def listed(app: Flask, present: Present) -> Listed:
    present.set(date(2026, 3, 2))
    return listed_records()


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
