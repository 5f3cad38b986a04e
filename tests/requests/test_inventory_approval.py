"""Inventories that somebody applies by hand: two people where serious flags end or many confirmations are lost."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
from flask import current_app
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from registry.accounts.models import account_named
from registry.accounts.roles import Role
from registry.accounts.service import edit_account
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.platform.inventory import PLATFORM_ACCOUNT, lists_key
from registry.projects.models import Project
from tests.api.callers import Caller, caller, code, codes
from tests.factories import (
    ADMINISTRATOR,
    a_project,
    a_service_token,
    an_agency,
    approve_waiting,
    audit_without_findings,
    restrict,
)
from tests.present import Present
from tests.requests.test_confirmed_facts import flagged_then

DAY = date(2026, 9, 30)
WHY = {"reason": "The list of September"}


@pytest.fixture
def agency(client: FlaskClient, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def operator(client: FlaskClient) -> Caller:
    return caller(client, Role.OPERATOR, name="operator")


@pytest.fixture
def supervisor(client: FlaskClient) -> Caller:
    return caller(client, Role.SUPERVISOR, name="supervisor")


@pytest.fixture
def program(client: FlaskClient) -> Caller:
    current_app.config[PLATFORM_ACCOUNT] = "qaztech"
    return Caller(client, a_service_token(Role.OPERATOR, name="qaztech"))


def send(who: Caller, agency: Agency, *keys: str, **fields: str) -> Any:
    lines = [f"{key},{agency.bin},2026-09-01" for key in keys]
    content = "\n".join(["platform_key,agency,verified_on", *lines]).encode()
    return who.form("/platform-inventories", {"file": FileStorage(io.BytesIO(content), "list.csv"), **fields})


def flagged(agency: Agency, key: str) -> Project:
    return flagged_then(agency, {"placement": "on_platform", "platform_key": key})


def verified_on(project: Project) -> date | None:
    return db.session.scalar(db.select(Project.placement_verified_on).where(Project.id == project.id))


def test_a_list_that_ends_a_serious_flag_waits_for_a_second_person(
    client: FlaskClient, agency: Agency, operator: Caller, supervisor: Caller
) -> None:
    project = flagged(agency, "qt-1")

    without = send(operator, agency, "qt-1")
    answer = send(operator, agency, "qt-1", **WHY)

    assert (without.status_code, codes(without)) == (422, {("/reason", "proposal-reason-required")})
    shown = answer.get_json()
    assert (answer.status_code, shown["kind"], shown["subject"]) == (202, "inventory", "inventory")
    assert shown["effects"]["confirmed"] == 1 and shown["effects"]["lost"] == 0 and shown["effects"]["flags"] >= 1
    assert {"name": "flagged", "before": None, "after": [project.number]} in shown["changes"]
    assert verified_on(project) is None
    path = f"/approvals/{shown['id']}/approval"
    assert code(operator.post(path, {})) == "needs-another-person"
    assert code(caller(client, Role.REVIEWER).post(path, {})) == "approval-needs-a-supervisor"
    assert supervisor.post(path, {}).status_code == 200
    assert verified_on(project) == date(2026, 9, 1)


def test_an_approved_list_is_counted_in_no_entry_for_who_may_not_see_restricted_projects(
    client: FlaskClient, agency: Agency
) -> None:
    project = flagged(agency, "qt-1")
    restrict(project.number)
    proposer = caller(client, Role.SUPERVISOR, name="first")
    shown = send(proposer, agency, "qt-1", **WHY).get_json()
    approver = caller(client, Role.SUPERVISOR, name="second")
    assert approver.post(f"/approvals/{shown['id']}/approval", {}).status_code == 200

    entries = caller(client, Role.ADMINISTRATOR).get("/journal?limit=100").get_json()["items"]

    counts = {"matched", "lost", "mismatched", "shared", "flagged", "changed_since_audit", "unregistered"}
    assert "inventory.applied" in {each["action"] for each in entries}
    assert [each["action"] for each in entries if counts & set(each["details"])] == []


def test_a_list_without_a_valid_row_any_more_is_shown_as_out_of_date(
    agency: Agency, operator: Caller, supervisor: Caller
) -> None:
    flagged(agency, "qt-1")
    approval_id = send(operator, agency, "qt-1", **WHY).get_json()["id"]
    with transaction():
        agency.closed_on, agency.successor_id = DAY, an_agency().id

    shown = supervisor.get(f"/approvals/{approval_id}")

    assert (shown.status_code, shown.get_json()["effects"]) == (200, {})
    assert code(supervisor.post(f"/approvals/{approval_id}/approval", {})) == "approval-out-of-date"
    assert supervisor.post(f"/approvals/{approval_id}/rejection", {"reason": "It is closed."}).status_code == 200


def test_a_list_that_ends_no_serious_flag_is_applied_at_once(agency: Agency, operator: Caller) -> None:
    project = a_project(agency, placement="on_platform", platform_key="qt-1")
    audit_without_findings()

    answer = send(operator, agency, "qt-1")

    assert (answer.status_code, verified_on(project)) == (200, date(2026, 9, 1))


def test_a_list_that_confirms_what_no_audit_has_judged_as_it_stands_waits_for_a_second_person(
    agency: Agency, operator: Caller, supervisor: Caller, present: Present
) -> None:
    audit_without_findings()
    present.move(timedelta(minutes=1))
    project = a_project(agency, placement="on_platform", platform_key="qt-1")

    preview = send(operator, agency, "qt-1", dry_run="true").get_json()
    answer = send(operator, agency, "qt-1", **WHY)

    assert (preview["needs_approval"], preview["changed_since_audit"], preview["flagged"]) == (True, 1, 0)
    shown = answer.get_json()
    assert (answer.status_code, verified_on(project)) == (202, None)
    assert {"name": "changed_since_audit", "before": None, "after": [project.number]} in shown["changes"]
    # The audit of the night does not make the proposal out of date.
    audit_without_findings()
    assert supervisor.post(f"/approvals/{shown['id']}/approval", {}).status_code == 200
    assert verified_on(project) == date(2026, 9, 1)


def test_many_small_losses_by_one_person_are_one_great_loss(
    client: FlaskClient, agency: Agency, operator: Caller, present: Present
) -> None:
    keys = [f"qt-{place}" for place in range(30)]
    for key in keys:
        a_project(agency, placement="on_platform", platform_key=key)
    audit_without_findings()
    send(operator, agency, *keys)

    assert send(operator, agency, *keys[3:]).get_json()["lost"] == 3
    present.move(timedelta(days=29))
    operator = caller(client, Role.OPERATOR, name="operator")
    waiting = send(operator, agency, *keys[4:], **WHY)
    assert waiting.status_code == 202
    assert send(operator, agency, *keys[3:]).get_json()["needs_approval"] is False
    approve_waiting()
    # What two people approved does not count, and neither does what is more than 30 days ago.
    present.move(timedelta(days=2))
    operator = caller(client, Role.OPERATOR, name="operator")
    assert send(operator, agency, *keys[6:]).get_json()["lost"] == 2


def test_the_loss_of_more_than_a_tenth_waits_for_a_second_person(agency: Agency, operator: Caller) -> None:
    keys = [f"qt-{place}" for place in range(10)]
    projects = [a_project(agency, placement="on_platform", platform_key=key) for key in keys]
    audit_without_findings()
    send(operator, agency, *keys)

    assert send(operator, agency, *keys[2:], dry_run="true").get_json()["needs_approval"] is True
    assert send(operator, agency, *keys[2:], **WHY).status_code == 202
    assert None not in map(verified_on, projects)
    assert send(operator, agency, *keys[1:]).status_code == 200
    assert verified_on(projects[0]) is None


def test_a_list_whose_effect_has_changed_is_out_of_date(agency: Agency, operator: Caller, supervisor: Caller) -> None:
    project = flagged(agency, "qt-1")
    made = send(operator, agency, "qt-1", "qt-2", **WHY).get_json()
    a_project(agency, placement="on_platform", platform_key="qt-2")

    answer = supervisor.post(f"/approvals/{made['id']}/approval", {})

    assert (answer.status_code, code(answer), verified_on(project)) == (409, "approval-out-of-date", None)


def test_the_program_of_the_platform_acts_at_once_and_what_it_changed_is_listed(
    agency: Agency, program: Caller
) -> None:
    project = flagged(agency, "qt-1")

    answer = send(program, agency, "qt-1")

    assert (answer.status_code, answer.get_json()["rows"]["flagged"]) == (200, [project.number])
    assert verified_on(project) == date(2026, 9, 1)


def test_a_key_that_one_person_listed_alone_does_not_count(agency: Agency, operator: Caller, program: Caller) -> None:
    send(program, agency, "qt-1", "qt-2")

    assert send(operator, agency, "qt-2", "qt-invented").status_code == 200

    assert [lists_key(agency.id, key) for key in ("qt-1", "qt-2", "qt-invented")] == [False, True, False]


def test_an_operator_does_not_approve_what_touches_restricted_projects(
    agency: Agency, operator: Caller, supervisor: Caller
) -> None:
    project = flagged(agency, "qt-1")
    restrict(project.number)

    made = send(supervisor, agency, "qt-1", **WHY).get_json()

    assert {"name": "flagged", "before": None, "after": None} in made["changes"]
    seen = operator.get(f"/approvals/{made['id']}").get_json()
    assert (seen["effects"]["confirmed"], project.number in str(seen)) == (0, False)
    refused = operator.post(f"/approvals/{made['id']}/approval", {})
    assert (refused.status_code, code(refused), verified_on(project)) == (403, "role-not-allowed", None)


def test_a_program_that_was_renamed_to_the_platforms_name_is_not_trusted(client: FlaskClient) -> None:
    agency = an_agency()
    project = flagged(agency, "qt-1")
    current_app.config[PLATFORM_ACCOUNT] = "qaztech"
    program = Caller(client, a_service_token(Role.OPERATOR, name="monitor"))
    account = account_named("monitor")
    edit_account(ADMINISTRATOR, account.id, {"name": "qaztech"})

    refused = send(program, agency, "qt-1")

    assert (refused.status_code, code(refused)) == (403, "confirmation-needs-a-person")
    assert verified_on(project) is None
