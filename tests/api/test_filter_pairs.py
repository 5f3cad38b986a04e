"""Filters of lists over HTTP beside each other, with every order, for every kind of reader; at night in every pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection

from registry.accounts.roles import Role
from registry.core.database import db
from tests.api.breaking_changes import resolved
from tests.api.callers import BASE, caller
from tests.listed_records import Listed, listed_records
from tests.pairwise import pairwise_rows, single_rows
from tests.savepoints import rolled_back

pytestmark = pytest.mark.on_both
BOUND = "agency_viewer"
ROLES = ("supervisor", "administrator", BOUND)
# Both make the same statement, and a workbook takes long to write.
READERS_OF = {
    "/exports/projects.csv": ("supervisor", "administrator"),
    "/exports/projects.ndjson": ("supervisor",),
    "/exports/projects.xlsx": (BOUND,),
}
# They read the pages of their lists, which are tried.
SAME_PAGES = {
    f"/exports/{name}.{ending}"
    for name in (
        *("agencies", "appeals", "audits", "cases", "confirmations", "contracts", "exemptions", "flags"),
        *("inventories", "orders", "products"),
    )
    for ending in ("csv", "ndjson", "xlsx")
} | {"/exports/history.ndjson", "/exports/timeline.ndjson"}
# What the specification must have, so that a change of its shape does not empty these tests.
LISTS = (
    "/accounts",
    "/agencies",
    "/approvals",
    "/audits",
    "/case-templates",
    "/cases",
    "/changes",
    "/checkpoints",
    "/confirmation-requests",
    "/exemptions",
    "/exports/journal.csv",
    "/exports/journal.ndjson",
    "/exports/letters.csv",
    "/exports/projects.csv",
    "/exports/projects.ndjson",
    "/exports/projects.xlsx",
    "/flags",
    "/external-confirmations",
    "/government-reports",
    "/imports",
    "/imports/template.xlsx",
    "/inbox",
    "/journal",
    "/letters",
    "/appeals",
    "/orders",
    "/platform-inventories",
    "/platform-products",
    "/procurement-contracts",
    "/overview/comparison",
    "/overview/history",
    "/projects",
    "/reports/ai-systems",
    "/reports/compliance",
    "/search",
    "/successions",
    "/tokens",
    "/transfers",
    "/views",
    "/webhooks",
    "/withdrawals",
)
NEGATED = "negated"
DAY, INSTANT = "2026-06-01", "2026-06-01T07:00:00Z"


def values_of(name: str, schema: Mapping[str, Any], known: Mapping[str, str]) -> list[str]:
    """Values that a query parameter takes, by its schema."""
    items = schema.get("items", schema)
    if name in known:
        return [known[name]]
    if name == "wait":
        return ["0"]
    if "enum" in items:
        words = [str(word) for word in items["enum"]]
        return words if name == "sort" else [",".join(words)] if "items" in schema else words
    if items.get("type") == "boolean":
        return ["true", "false"]
    if items.get("type") == "integer":
        return ["2"]
    if items.get("format") == "date-or-date-time":
        return [DAY, INSTANT]
    return [DAY] if items.get("format") == "date" else ["x"]


def inlined(schema: Mapping[str, Any], specification: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without references to vocabularies."""
    schema = resolved(specification, schema)
    return {**schema, "items": inlined(schema["items"], specification)} if "items" in schema else dict(schema)


def lists_of(specification: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The query parameters of each list that can be filtered, by its path."""
    lists = {}
    for path, operations in specification["paths"].items():
        parameters = [resolved(specification, each) for each in operations.get("get", {}).get("parameters", [])]
        query = {each["name"]: inlined(each["schema"], specification) for each in parameters if each["in"] == "query"}
        query.pop("cursor", None)
        if "{" not in path and query:
            lists[path.removeprefix(BASE)] = query
    return lists


def test_rows_have_every_value() -> None:
    factors = {"a": [None, "1", "2"], "b": ["3", "4"], "c": [None, "5"]}
    rows = single_rows(factors)
    assert {name: {row.get(name) for row in rows} for name in factors} == {n: set(v) for n, v in factors.items()}
    assert len(rows) == 3


def test_rows_cover_every_pair() -> None:
    factors = {"a": [None, "1", "2"], "b": ["3", "4"], "c": [None, "5"], "d": [None, "6", "7"]}
    rows = pairwise_rows(factors)
    for one, other in (("a", "b"), ("a", "d"), ("c", "d")):
        pairs = {(row.get(one), row.get(other)) for row in rows}
        assert pairs == {(x, y) for x in factors[one] for y in factors[other]}
    assert len(rows) < 15


def test_every_list_is_tried(client: FlaskClient) -> None:
    assert set(lists_of(client.get(f"{BASE}/openapi.json").get_json())) == {*LISTS, *SAME_PAGES}


@pytest.fixture(scope="module")
def prepared(shared_app: Flask) -> Iterator[tuple[Connection, Listed]]:
    """The records of all lists, made once: requests for a list change nothing of them."""
    with rolled_back(shared_app) as connection:
        with shared_app.app_context():
            listed = listed_records()
        yield connection, listed


@pytest.fixture
def connection(prepared: tuple[Connection, Listed]) -> Iterator[Connection]:
    """The connection as elsewhere, rolled back to the records."""
    nested = prepared[0].begin_nested()
    yield prepared[0]
    nested.rollback()


@pytest.mark.parametrize("path", LISTS)
def test_filters_answer_together(
    client: FlaskClient, prepared: tuple[Connection, Listed], nightly: bool, path: str
) -> None:
    rows_of = pairwise_rows if nightly else single_rows
    known = prepared[1].values
    agency = db.session.merge(prepared[1].agency)
    query = lists_of(client.get(f"{BASE}/openapi.json").get_json())[path]
    callers = {role: caller(client, Role(role), agency if role == BOUND else None) for role in ROLES}
    factors = {name: [None, *values_of(name, schema, known)] for name, schema in query.items()}
    if "not" in factors:
        factors["not"] = [None, NEGATED]
    if path == "/search":
        # Nothing is searched without words.
        factors["q"] = [known["q"]]
    readers = [role for role in READERS_OF.get(path, ROLES) if callers[role].get(path).status_code != 403]
    # Everything again for those bound to an agency: their condition is itself one on agencies.
    shared = [role for role in readers if role != BOUND]
    rows = []
    if shared:
        rows = [(callers[row.pop("_reader")], row) for row in rows_of({"_reader": [*shared], **factors})]
    if BOUND in readers:
        rows += [(callers[BOUND], row) for row in rows_of(factors)]
    failed = []
    for reader, row in rows:
        if path == "/reports/compliance" and row.get("by") != "agency":
            # Counts of former dates are kept by agency.
            row.pop("on", None)
        if path == "/changes" and "after" in row:
            # One of the two says where to begin.
            row.pop("start", None)
        if path.startswith("/overview/"):
            # Of what, depends on what it is counted by.
            of = {"agency": agency.bin, "region": "71", "sector": "07", "rule": "freeze.creation"}
            row = {name: value for name, value in {**row, "of": of.get(row.get("by", ""))}.items() if value}
        if row.pop("not", None) == NEGATED and (
            negatable := [name for name in row if name in query["not"]["items"]["enum"]]
        ):
            # Of the filters that are there, as many as a value may name.
            row["not"] = ",".join(negatable[:20])
        with reader.call("GET", path, query_string=row) as answer:
            # What is sent as it is made fails while it is read.
            assert answer.data is not None
        if answer.status_code != 200:
            failed.append((answer.status_code, row))
    assert failed == []
