"""``changed_at`` filters over HTTP, and what lists and responses contain for synchronizing clients."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from registry.agencies.models import Agency
from tests.api.callers import Caller, codes
from tests.factories import a_project
from tests.present import Present

DAY = date(2026, 11, 2)


@pytest.fixture
def audited(agency: Agency, supervisor: Caller, present: Present) -> str:
    """A project that was flagged by an audit an hour after its registration."""
    present.set(DAY)
    number = a_project(agency, external_id="EXT-1").number
    present.move(timedelta(hours=1))
    assert supervisor.post("/audits", {}).status_code == 201
    return number


def test_audit_moves_changed_at_and_not_updated_at(audited: str, supervisor: Caller) -> None:
    project = supervisor.get(f"/projects/{audited}").get_json()

    assert (project["freeze_status"], project["severity"]) == ("flagged", "high")
    assert project["updated_at"] == "2026-11-02T07:00:00.000000Z"
    assert project["changed_at"] == "2026-11-02T08:00:00.000000Z"


@pytest.mark.parametrize("path", ["/projects", "/flags", "/cases"])
def test_lists_filter_and_sort_by_changed_at(audited: str, supervisor: Caller, path: str) -> None:
    items = supervisor.get(f"{path}?changed_at_from=2026-11-02T08:00:00Z&sort=-changed_at").get_json()["items"]

    assert [item["changed_at"] for item in items] == ["2026-11-02T08:00:00.000000Z"]
    assert supervisor.get(f"{path}?changed_at_from=2026-11-02T08:00:01Z&sort=changed_at").get_json()["items"] == []
    assert supervisor.get(f"{path}?changed_at_to=2026-11-02T07:59:59Z").get_json()["items"] == []
    assert supervisor.get(f"{path}?changed_at_from=2026-11-02&changed_at_to=2026-11-02").get_json()["items"] == items
    assert codes(supervisor.get(f"{path}?changed_at_from=yesterday")) == {("changed_at_from", "expected-date")}


def test_changed_at_pages_through_rows_of_one_instant(agency: Agency, supervisor: Caller, present: Present) -> None:
    present.set(DAY)
    numbers = [a_project(agency).number for _ in range(5)]
    read: list[str] = []
    path = "/projects?limit=2&sort=changed_at"
    while path:
        page = supervisor.get(path).get_json()
        read += [item["number"] for item in page["items"]]
        path = f"/projects?limit=2&sort=changed_at&cursor={page['next']}" if page["next"] else ""
    assert read == numbers


def test_export_carries_changed_at_and_its_filter(audited: str, supervisor: Caller) -> None:
    exported = supervisor.get("/exports/projects.csv?changed_at_from=2026-11-02T08:00:00Z").get_data(as_text=True)

    rows = list(csv.DictReader(io.StringIO(exported.removeprefix("\ufeff"))))
    assert [(row["number"], row["changed_at"]) for row in rows] == [(audited, "2026-11-02T08:00:00.000000Z")]


def test_changed_at_and_severity_of_a_project_are_read_only(audited: str, administrator: Caller) -> None:
    refused = administrator.change(f"/projects/{audited}", {"changed_at": "2026-11-02T08:00:00Z", "severity": "low"})

    assert refused.status_code == 422
    assert codes(refused) == {("/changed_at", "read-only-field"), ("/severity", "read-only-field")}


def test_short_project_carries_external_id(audited: str, supervisor: Caller) -> None:
    assert supervisor.get("/projects").get_json()["items"][0]["external_id"] == "EXT-1"


@pytest.mark.parametrize(
    ("repeated", "joined"),
    [
        ("/projects?work_type=creation&work_type=migration", "/projects?work_type=creation,migration"),
        ("/projects?external_id=EXT-1&external_id=EXT-2", "/projects?external_id=EXT-1,EXT-2"),
        ("/flags?status=open&status=exempt,cleared", "/flags?status=open,exempt,cleared"),
        ("/cases?severity=high&severity=low", "/cases?severity=high,low"),
    ],
)
def test_repeated_parameter_of_a_list_means_several_values(
    audited: str, supervisor: Caller, repeated: str, joined: str
) -> None:
    several = supervisor.get(repeated).get_json()["items"]

    assert len(several) == 1
    assert several == supervisor.get(joined).get_json()["items"]


@pytest.mark.parametrize("query", ["q=a&q=b", "limit=1&limit=2", "ended_on_from=2026-01-01&ended_on_from=2026-01-02"])
def test_repeated_single_value_parameter_is_rejected(supervisor: Caller, query: str) -> None:
    refused = supervisor.get(f"/projects?{query}")

    assert refused.status_code == 400
    assert {code for _, code in codes(refused)} == {"parameter-repeated"}


def test_next_page_of_repeated_parameters_keeps_filters(agency: Agency, supervisor: Caller) -> None:
    for _ in range(3):
        a_project(agency)
    link = supervisor.get("/projects?limit=2&work_type=creation&work_type=migration").headers["Link"]

    assert "work_type=creation&work_type=migration" in link


def test_not_modified_response_has_vary_header(audited: str, as_role: Callable[..., Caller]) -> None:
    auditor = as_role("auditor")
    case = auditor.get("/cases").get_json()["items"][0]["id"]
    for path in (f"/projects/{audited}", f"/cases/{case}"):
        whole = auditor.get(path)
        unchanged = auditor.get(path, If_None_Match=whole.headers["ETag"])
        assert unchanged.status_code == 304
        vary = "Accept-Language, Authorization, Accept-Encoding"
        assert unchanged.headers["Vary"] == whole.headers["Vary"] == vary, path
