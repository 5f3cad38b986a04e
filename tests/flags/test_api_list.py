"""Flags of all projects over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from tests.api.callers import Caller, caller
from tests.factories import a_project, an_agency, restrict
from tests.present import Present

SHOWN = {
    "id",
    "project",
    "rule",
    "severity",
    "status",
    "title",
    "observed",
    "required",
    "remedy",
    "clause",
    "opened_on",
    "last_seen_on",
    "cleared_on",
    "exemption",
    "case",
    "changed_at",
}


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(date(2026, 6, 1))


@pytest.fixture
def foreign(app: object) -> Agency:
    return an_agency()


@pytest.fixture
def flagged(supervisor: Caller, agency: Agency, foreign: Agency) -> tuple[str, str]:
    """A project of the agency, flagged since 30 May and last seen on 1 June, and one of another, since 1 June."""
    own = a_project(agency, region="71", sector="07").number
    supervisor.post("/audits", {"on": "2026-05-30"})
    other = a_project(foreign, work_type="maintenance", object_commissioned_on="2020-01-01", region="75", sector="09")
    supervisor.post("/audits", {})
    return own, other.number


def projects(actor: Caller, query: str = "") -> set[str]:
    return {item["project"] for item in actor.get(f"/flags{query}").get_json()["items"]}


def test_flag_shows_finding_date_and_remedy(supervisor: Caller, flagged: tuple[str, str]) -> None:
    flag = supervisor.get(f"/flags?project={flagged[0]}&rule=freeze.creation").get_json()["items"][0]

    assert set(flag) == SHOWN
    assert (flag["severity"], flag["status"], flag["opened_on"], flag["last_seen_on"]) == (
        "high",
        "open",
        "2026-05-30",
        "2026-06-01",
    )
    assert flag["observed"]["started_on"] == "2026-01-20"
    (case,) = supervisor.get(f"/cases?project={flagged[0]}").get_json()["items"]
    assert (flag["cleared_on"], flag["exemption"], flag["case"]) == (None, None, case["id"])
    assert all(flag[name] for name in ("title", "required", "remedy", "clause"))


def test_flag_texts_are_in_requested_language(supervisor: Caller, flagged: tuple[str, str]) -> None:
    translated = {
        language: supervisor.get(f"/flags?project={flagged[0]}", Accept_Language=language).get_json()["items"][0]
        for language in ("kk", "ru", "en")
    }

    for name in ("title", "required", "remedy", "clause"):
        assert len({flag[name] for flag in translated.values()}) == 3


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("", "both"),
        ("?status=open,exempt", "both"),
        ("?status=cleared", ""),
        ("?severity=high", "own"),
        ("?rule=freeze.creation,freeze.planned", "own"),
        ("?rule=migration.overdue,freeze.legacy", "other"),
        ("?region=71", "own"),
        ("?sector=09", "other"),
        ("?opened_on=2026-05-30", "own"),
        ("?opened_on_from=2026-05-31", "other"),
        ("?opened_on_to=2026-06-01", "both"),
    ],
)
def test_flags_are_filtered_by_their_own_and_project_fields(
    supervisor: Caller, flagged: tuple[str, str], query: str, rule: str
) -> None:
    own, other = flagged

    assert projects(supervisor, query) == {"both": {own, other}, "own": {own}, "other": {other}, "": set()}[rule]


def test_flags_are_filtered_by_project_and_agency(
    supervisor: Caller, flagged: tuple[str, str], agency: Agency, foreign: Agency
) -> None:
    own, other = flagged

    assert projects(supervisor, f"?project={other}") == {other}
    assert projects(supervisor, f"?agency={agency.bin}") == {own}
    assert projects(supervisor, f"?agency={agency.bin},{foreign.bin}") == {own, other}


@pytest.mark.parametrize(
    "query",
    [
        "?status=closed",
        "?rule=freeze.nothing",
        "?severity=",
        "?opened_on=1.6.2026",
        "?sort=rule",
        "?stage=pilot",
        "?region=7",
    ],
)
def test_invalid_filter_is_malformed(supervisor: Caller, query: str) -> None:
    assert supervisor.get(f"/flags{query}").status_code == 400


def test_agency_sees_only_its_own_flags(
    editor: Caller, as_role: Callable[..., Caller], flagged: tuple[str, str], foreign: Agency
) -> None:
    own, other = flagged

    assert projects(editor) == {own}
    assert projects(editor, f"?project={other}") == set()
    assert projects(as_role("agency_viewer", foreign)) == {other}


def test_flags_of_restricted_projects_are_hidden_and_reads_are_journalled(
    supervisor: Caller, editor: Caller, as_role: Callable[..., Caller], flagged: tuple[str, str]
) -> None:
    own, other = flagged
    restrict(own)

    for role in ("reviewer", "operator", "administrator"):
        assert projects(as_role(role)) == {other}
    assert projects(as_role("auditor")) == {own, other}
    assert projects(editor) == {own}
    reads = supervisor.get("/journal?action=restricted.read").get_json()["items"]
    assert [(entry["subject"], entry["details"]["what"]) for entry in reads] == [(f"project:{own}", "flags")] * 2


def test_flags_are_paginated_in_requested_order(supervisor: Caller, flagged: tuple[str, str]) -> None:
    whole = [flag["id"] for flag in supervisor.get("/flags?sort=id").get_json()["items"]]
    seen: list[int] = []
    page = supervisor.get("/flags?sort=id&limit=1")
    while True:
        seen += [flag["id"] for flag in page.get_json()["items"]]
        if page.get_json()["next"] is None:
            break
        page = supervisor.get(f"/flags?sort=id&limit=1&cursor={page.get_json()['next']}")

    assert len(whole) > 1
    assert seen == whole == sorted(whole)


def test_leader_reads_no_case_of_a_flag(client: FlaskClient, supervisor: Caller, flagged: tuple[str, str]) -> None:
    leader = caller(client, Role.LEADER)
    own = flagged[0]
    answers = (
        f"/flags?project={own}",
        f"/projects/{own}/flags",
        f"/projects/{own}/flags?known_at=2026-06-01",
        f"/projects?expand=flags&external_id={supervisor.get(f'/projects/{own}').get_json()['external_id']}",
    )

    def cases(who: Caller) -> list[list[int | None]]:
        listed = []
        for answer in answers:
            items = who.get(answer).get_json()["items"]
            flags = items[0]["active_flags"] if "expand" in answer else items
            listed.append([flag["case"] for flag in flags])
        return listed

    case_id = supervisor.get(f"/cases?project={own}").get_json()["items"][0]["id"]
    assert cases(supervisor) == [[case_id]] * 4
    assert cases(leader) == [[None]] * 4
    exported = leader.get("/exports/flags.ndjson").text + leader.get("/exports/flags.csv").text
    assert f'"case":{case_id}' not in exported.replace(" ", "")
    assert [row["case"] for row in csv.DictReader(io.StringIO(leader.get("/exports/flags.csv").text))] == ["", ""]
