"""Flags of all projects over HTTP."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from tests.api.callers import Caller, caller
from tests.factories import a_project, an_agency
from tests.present import Present


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
    other = a_project(
        foreign,
        work_type="maintenance",
        stage="operation",
        object_commissioned_on="2020-01-01",
        region="75",
        sector="09",
    )
    supervisor.post("/audits", {})
    return own, other.number


def projects(actor: Caller, query: str = "") -> set[str]:
    return {item["project"] for item in actor.get(f"/flags{query}").get_json()["items"]}


def test_flags_are_filtered_by_their_own_and_project_fields(supervisor: Caller, flagged: tuple[str, str]) -> None:
    own, other = flagged
    expected = {"both": {own, other}, "own": {own}, "other": {other}, "": set()}
    for query, rule in [
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
    ]:
        assert projects(supervisor, query) == expected[rule], query


def test_flags_are_filtered_by_project_and_agency(
    supervisor: Caller, flagged: tuple[str, str], agency: Agency, foreign: Agency
) -> None:
    own, other = flagged

    assert projects(supervisor, f"?project={other}") == {other}
    assert projects(supervisor, f"?agency={agency.bin}") == {own}
    assert projects(supervisor, f"?agency={agency.bin},{foreign.bin}") == {own, other}


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
