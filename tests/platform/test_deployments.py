"""Deployments that the inventory reports: how they are read, what counts, and when an object is idle."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.judgement import Judgement
from registry.audits.past import KnownRegister, verify_audit
from registry.audits.service import run_audit
from registry.core.clock import now, today
from registry.core.database import db, transaction
from registry.flags.models import Flag
from registry.freeze.policy import policy_in_force
from registry.journal.service import JournalEntry
from registry.platform.deployments import last_deployments, last_deployments_known_at
from registry.platform.inventory import PLATFORM_ACCOUNT
from registry.platform.models import DEPLOYMENT, FORMER_DEPLOYMENT, Inventory
from registry.projects.models import Project
from tests.api.callers import Caller, caller, code, codes, done
from tests.factories import a_project, a_service_token, an_actor, an_agency, audit_without_findings
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 9, 30)
AUDITOR, OPERATOR = an_actor(Role.AUDITOR), an_actor(Role.OPERATOR)


@pytest.fixture
def agency(client: FlaskClient, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def program(client: FlaskClient) -> Caller:
    current_app.config[PLATFORM_ACCOUNT] = "qaztech"
    return Caller(client, a_service_token(Role.OPERATOR, name="qaztech"))


@pytest.fixture
def operator(client: FlaskClient) -> Caller:
    return caller(client, Role.OPERATOR, name="operator")


def row(agency: Agency, key: str, **values: Any) -> dict[str, Any]:
    return {"platform_key": key, "agency": agency.bin, "verified_on": "2026-02-01", **values}


def send(who: Caller, rows: list[dict[str, Any]], **fields: str) -> TestResponse:
    content = "\n".join(map(json.dumps, rows)).encode()
    return who.form("/platform-inventories", {"file": FileStorage(io.BytesIO(content), "list.ndjson"), **fields})


def on_platform(agency: Agency, *keys: str) -> list[Project]:
    return [a_project(agency, placement="on_platform", platform_key=key) for key in keys]


def change(who: Caller, **changes: Any) -> TestResponse:
    return who.change("/platform-inventory", changes)


def keys_of(count: int) -> list[str]:
    return [f"qt-{place:02}" for place in range(count)]


def idle() -> list[int]:
    active = select(Flag.project_id).where(Flag.rule == "platform.idle", Flag.status == "open")
    return sorted(db.session.scalars(active))


def verified(*projects: Project) -> list[bool]:
    statement = select(Project.placement_verified_on.is_not(None)).where(Project.id.in_([each.id for each in projects]))
    return [bool(each) for each in db.session.scalars(statement.order_by(Project.id))]


OBJECT = {
    **{"platform_key": "qt-1", "agency": "BIN", "verified_on": "2026-02-01"},
    **{"environments": ["test", "production"], "last_deployed_on": "2026-03-02"},
}
COLUMNS = "platform_key,agency,verified_on,environments,last_deployed_on"
CSV = f"{COLUMNS}\nqt-1,BIN,01.02.2026,Тестовая среда; production,02.03.2026\n"


@pytest.mark.parametrize("content", [CSV, json.dumps([OBJECT], indent=1), json.dumps(OBJECT)])
def test_every_kind_of_file_is_read_alike(agency: Agency, program: Caller, content: str) -> None:
    (project,) = on_platform(agency, "qt-1")
    file = FileStorage(io.BytesIO(content.replace("BIN", agency.bin).encode()), "list")

    summary = done(program.form("/platform-inventories", {"file": file}))

    assert (summary["matched"], summary["rejected"], verified(project)) == (1, 0, [True])
    assert summary["rows"]["deployments"] == [
        {"platform_key": "qt-1", "environments": ["test", "production"], "last_deployed_on": "2026-03-02"}
    ]
    assert last_deployments() == {"qt-1": date(2026, 3, 2)}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"last_deployed_on": "2026-10-01"}, ("last_deployed_on", "date-after-today")),
        ({"last_deployed_on": "2026-02-30"}, ("last_deployed_on", "no-such-date")),
        ({"last_deployed_on": 20260302}, ("last_deployed_on", "expected-date")),
        ({"environments": ["test", "moon"]}, ("environments", "not-a-choice")),
        ({"environments": "test"}, ("environments", "expected-texts")),
        ({"platform_key": "qt-\x00"}, ("platform_key", "control-character")),
        ({"platform_key": {"key": "qt-1"}}, ("platform_key", "expected-text")),
        ({"deployed": "2026-03-02"}, ("deployed", "unknown-field")),
        ({"platform_key": "qt-0"}, ("platform_key", "platform-key-twice")),
    ],
)
def test_a_wrong_value_is_a_bad_row(
    agency: Agency, program: Caller, values: dict[str, Any], problem: tuple[str, str]
) -> None:
    good = row(agency, "qt-0", last_deployed_on="2026-03-02")

    summary = done(send(program, [good, row(agency, "qt-1", last_deployed_on=None) | values]))

    assert (summary["total"], summary["rejected"]) == (2, 1)
    assert problem in {(error["column"], error["code"]) for error in summary["errors"]}
    assert last_deployments() == {"qt-0": date(2026, 3, 2)}


ROW = '{"platform_key": "qt-1", "agency": "000000000000", "verified_on": "2026-02-01"'


@pytest.mark.parametrize(
    "content",
    [
        *(b"[1]", b"[", b'{"a": 1}\n{', b"[]", b"[[[[", b"[" * 100_000, b'{"a": NaN}', b"[" + b" " * (5 << 20)),
        # What two readers would read differently.
        ROW.encode() + b', "platform_key": "qt-2"}',
        ROW.encode() + b', "\\ud800": 1}',
        ROW.encode() + b', "environments": NaN}',
        f"[{ROW}}}]".encode("utf-16-le"),
    ],
)
def test_json_that_is_no_list_of_rows_is_refused(agency: Agency, program: Caller, content: bytes) -> None:
    file = FileStorage(io.BytesIO(content.replace(b"000000000000", agency.bin.encode())), "list.json")
    answer = program.form("/platform-inventories", {"file": file})
    assert (answer.status_code, answer.get_json()["title"] != "") == (422, True)
    assert db.session.scalar(select(db.func.count()).select_from(Inventory)) == 0


def test_an_object_is_idle_after_ninety_days_and_until_it_is_deployed_again(
    agency: Agency, program: Caller, present: Present
) -> None:
    deployed, tested, unreported, never = on_platform(agency, "qt-1", "qt-2", "qt-3", "qt-4")
    rows = [
        row(agency, "qt-1", last_deployed_on="2026-07-02"),
        row(agency, "qt-2", last_deployed_on="2026-07-03", environments=["test"]),
        row(agency, "qt-3"),
        row(agency, "qt-4", last_deployed_on=None),
    ]
    done(send(program, rows))
    versions = [each.version for each in (deployed, tested, unreported, never)]
    before = now()

    first = run_audit(OPERATOR, today())
    assert idle() == [never.id]
    present.move(timedelta(days=1))
    run_audit(OPERATOR, today())
    assert idle() == [deployed.id, never.id]
    program = again(program)
    verdict = done(program.get(f"/projects/{tested.number}/verdict"))
    assert (verdict["outcome"], verdict["valid_until"]) == ("clear", "2026-10-02")
    # A deployment to a test environment counts: something is worked on.
    done(change(program, listed=[row(agency, "qt-1", last_deployed_on="2026-10-01", environments=["test"])]))
    last = run_audit(OPERATOR, today())
    assert idle() == [never.id]

    # Nothing of it is an edit of a record, and both audits and what was known are repeated as they were.
    assert [db.session.get_one(Project, each.id).version for each in (deployed, tested, unreported, never)] == versions
    assert verify_audit(AUDITOR, first.id).matches and verify_audit(AUDITOR, last.id).matches
    assert last_deployments_known_at(before)["qt-1"] == date(2026, 7, 2)
    assert last_deployments_known_at(now())["qt-1"] == date(2026, 10, 1)
    assert KnownRegister(before - timedelta(days=9)).deployments == {}


def test_an_inventory_that_is_applied_while_an_audit_judges_is_judged(agency: Agency, program: Caller) -> None:
    on_platform(agency, "qt-1", "qt-2")
    done(send(program, [row(agency, key, last_deployed_on="2026-09-01") for key in ("qt-1", "qt-2")]))
    judgement = Judgement(policy_in_force(), today(), full=True)
    judgement.read()
    done(change(program, listed=[row(agency, "qt-1", last_deployed_on="2026-01-05")]))

    assert judgement.bring_up_to_date() == 1

    fresh = Judgement(policy_in_force(), today(), full=True)
    fresh.read()
    fresh.bring_up_to_date()
    assert judgement.digest() == fresh.digest()
    assert len(judgement.plan()[0].opened) == 1


def again(who: Caller) -> Caller:
    """The program with a new token, after time has passed."""
    return Caller(who._client, a_service_token(Role.OPERATOR, name="qaztech"))


def test_a_list_without_deployments_ends_what_was_reported_and_is_kept(agency: Agency, program: Caller) -> None:
    on_platform(agency, "qt-1", "qt-2")
    done(send(program, [row(agency, key, last_deployed_on="2026-01-05") for key in ("qt-1", "qt-2")]))
    run_audit(OPERATOR, today())
    assert len(idle()) == 2

    done(send(program, [row(agency, "qt-1"), row(agency, "qt-2", last_deployed_on="2026-01-05")]))
    run_audit(OPERATOR, today())

    assert len(idle()) == 1
    kept = db.session.execute(select(FORMER_DEPLOYMENT.c.last_deployed_on, FORMER_DEPLOYMENT.c.is_reported)).all()
    assert kept == [(date(2026, 1, 5), True)]
    assert db.session.scalar(select(db.func.count()).select_from(DEPLOYMENT)) == 2


def test_an_agency_does_not_end_the_flag_by_a_transfer_or_another_key(
    agency: Agency, program: Caller, client: FlaskClient
) -> None:
    (project,) = on_platform(agency, "qt-1")
    done(send(program, [row(agency, "qt-1", last_deployed_on="2026-01-05")]))
    run_audit(OPERATOR, today())
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    check = editor.post(f"/projects/{project.number}/check", {"platform_key": "qt-9"})
    # Another key ends the confirmation, so that the object counts as outside.
    assert "platform.unverified" in {each["rule"] for each in done(check)["opened"]}
    other = an_agency()
    with transaction() as session:
        session.get_one(Project, project.id).agency_id = other.id
    run_audit(OPERATOR, today())
    assert idle() == [project.id]


def test_what_one_person_reports_waits_for_another_and_changes_no_deployment_alone(
    agency: Agency, operator: Caller, program: Caller, client: FlaskClient
) -> None:
    on_platform(agency, "qt-1")
    audit_without_findings()
    done(send(program, [row(agency, "qt-1", last_deployed_on="2026-01-05")]))

    deployed = send(operator, [row(agency, "qt-1", last_deployed_on="2026-09-30")], reason="A letter of QazTech")
    assert (deployed.status_code, deployed.get_json()["effects"]["deployments"]) == (202, 1)
    assert send(operator, [row(agency, "qt-1")]).status_code == 200
    assert last_deployments() == {"qt-1": date(2026, 1, 5)}
    supervisor = caller(client, Role.SUPERVISOR, name="supervisor")
    assert supervisor.post(f"/approvals/{deployed.get_json()['id']}/approval", {}).status_code == 200
    assert last_deployments() == {"qt-1": date(2026, 9, 30)}


def test_the_program_waits_where_it_would_take_more_than_a_tenth_away_within_a_day(
    agency: Agency, program: Caller, client: FlaskClient, present: Present
) -> None:
    keys = keys_of(80)
    projects = on_platform(agency, *keys)
    done(send(program, [row(agency, key) for key in keys]))

    # Two pushes of less than a tenth are more than a tenth together.
    assert done(change(program, removed=keys[:5]))["lost"] == 5
    waiting = change(program, removed=keys[5:10])
    shown = waiting.get_json()
    assert (waiting.status_code, shown["kind"], shown["effects"]["lost"]) == (202, "inventory", 5)
    assert code(change(program, removed=keys[5:10])) == "approval-already-waiting"
    assert verified(*projects) == [False] * 5 + [True] * 75
    assert send(program, [row(agency, key) for key in keys[5:-3]], dry_run="true").get_json()["needs_approval"] is False
    # A day later the first five count no more.
    present.move(timedelta(days=1, seconds=1))
    program = again(program)
    assert send(program, [row(agency, key) for key in keys[10:]], dry_run="true").get_json()["needs_approval"] is False
    operator = caller(client, Role.OPERATOR, name="operator")
    assert code(operator.post(f"/approvals/{shown['id']}/approval", {})) == "approval-needs-a-supervisor"
    supervisor = caller(client, Role.SUPERVISOR, name="supervisor")
    assert supervisor.post(f"/approvals/{shown['id']}/approval", {}).status_code == 200
    assert verified(*projects) == [False] * 10 + [True] * 70


def test_the_program_takes_a_few_away_whatever_part_they_are(agency: Agency, program: Caller) -> None:
    on_platform(agency, *keys_of(10))
    done(send(program, [row(agency, key) for key in keys_of(10)]))
    assert done(send(program, [row(agency, key) for key in keys_of(5)]))["lost"] == 5
    assert change(program, removed=["qt-00"]).status_code == 202


def test_an_old_list_waits_because_it_sets_deployments_back(agency: Agency, program: Caller) -> None:
    on_platform(agency, *keys_of(6))
    august = [row(agency, key, last_deployed_on="2026-08-20") for key in keys_of(6)]
    done(send(program, august))
    done(send(program, [row(agency, key, last_deployed_on="2026-09-20") for key in keys_of(6)]))

    again = send(program, august)

    assert again.status_code == 202
    # A few corrections are none.
    done(change(program, listed=august[:5]))
    assert sorted(last_deployments().values()) == [date(2026, 8, 20)] * 5 + [date(2026, 9, 20)]
    # A few more on the same day are many.
    assert change(program, listed=august[5:]).status_code == 202


def test_a_list_that_stops_reporting_deployments_waits_and_says_so(agency: Agency, program: Caller) -> None:
    keys = keys_of(6)
    on_platform(agency, *keys)
    done(send(program, [row(agency, key, last_deployed_on="2026-03-02" if key > "qt-02" else None) for key in keys]))

    silent = send(program, [row(agency, key) for key in keys])

    assert (silent.status_code, silent.get_json()["effects"]["set_back"]) == (202, 6)
    assert set(last_deployments()) == set(keys)
    # A few are none.
    done(change(program, listed=[row(agency, key) for key in keys[:5]]))
    assert set(last_deployments()) == {"qt-05"}


def test_changes_name_the_inventory_that_they_change(agency: Agency, program: Caller, client: FlaskClient) -> None:
    first, second = on_platform(agency, "qt-1", "qt-2")
    body = {"listed": [row(agency, "qt-2", last_deployed_on="2026-09-29")], "removed": ["qt-1"]}
    assert code(program.patch("/platform-inventory", body, If_Match="*")) == "inventory-not-found"
    done(send(program, [row(agency, "qt-1")]))
    present = program.get("/platform-inventory")
    tag = present.headers["ETag"]
    assert (done(present)["matched"], done(present)["keys"]) == (1, 1)

    assert program.patch("/platform-inventory", body).status_code == 428
    changed = program.patch("/platform-inventory", body, If_Match=tag)
    # The other program read the inventory before that.
    stale = program.patch("/platform-inventory", {"removed": ["qt-2"]}, If_Match=tag)

    assert (done(changed)["matched"], done(changed)["lost"], stale.status_code) == (1, 1, 412)
    assert verified(first, second) == [False, True]
    assert (
        program.patch("/platform-inventory", {"removed": ["qt-2"]}, If_Match=changed.headers["ETag"]).status_code == 200
    )
    entries = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "inventory.applied")).all()
    details = json.loads(entries[1].details)
    assert (details["file_name"], details["matched"], details["lost"]) == ("changes.json", 1, 1)


def test_a_program_sends_both_lists_and_keys_with_spaces(agency: Agency, program: Caller) -> None:
    first, second = on_platform(agency, "qt-1", "qt-2")
    done(send(program, [row(agency, "qt-1")]))

    added = done(change(program, listed=[row(agency, "qt-2")], removed=[]))
    taken = done(change(program, listed=[], removed=["qt-1 "]))

    assert (added["matched"], taken["lost"]) == (1, 1)
    assert verified(first, second) == [False, True]


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, {("", "inventory-without-changes")}),
        ({"removed": ["qt-1"], "listed": ["qt-1"]}, {("/removed/0", "platform-key-listed-too")}),
        ({"listed": ["qt-1", "qt-1"]}, {("/listed/1/platform_key", "platform-key-twice")}),
        (
            {"listed": [{"platform_key": "qt-1"}]},
            {("/listed/0/agency", "required"), ("/listed/0/verified_on", "required")},
        ),
        ({"removed": "qt-1"}, {("/removed", "expected-texts")}),
        ({"removed": ["qt-l", "q\x00"]}, {(f"/removed/{place}", "platform-key-not-listed") for place in (0, 1)}),
        ({"removed": [], "listed": []}, {("", "inventory-without-changes")}),
        ({"removed": ["qt-1"] * 5001}, {("/removed", "number-of-items")}),
        ({"removed": [" qt-1"], "listed": ["qt-1"]}, {("/removed/0", "platform-key-listed-too")}),
        ({"all": True}, {("/all", "unknown-field")}),
    ],
)
def test_wrong_changes_are_refused_as_a_whole(
    agency: Agency, program: Caller, changes: dict[str, Any], problems: set[tuple[str, str]]
) -> None:
    done(send(program, [row(agency, "qt-1")]))
    if isinstance(changes.get("listed"), list):
        listed = [row(agency, each) if isinstance(each, str) else each for each in changes["listed"]]
        changes = {**changes, "listed": listed}

    refused = change(program, **changes)

    assert (refused.status_code, codes(refused)) == (422, problems)
    assert len(done(program.get("/platform-inventories"))["items"]) == 1


def test_another_program_changes_nothing(agency: Agency, program: Caller, client: FlaskClient) -> None:
    done(send(program, [row(agency, "qt-1")]))
    other = Caller(client, a_service_token(Role.OPERATOR, name="monitor"))
    assert code(change(other, removed=["qt-1"])) == "confirmation-needs-a-person"


def test_applied_inventories_are_listed_the_newest_first(
    agency: Agency, program: Caller, operator: Caller, client: FlaskClient
) -> None:
    done(send(program, [row(agency, "qt-1", last_deployed_on=None)]))
    done(send(caller(client, Role.SUPERVISOR, name="chief"), [row(agency, "qt-1")]))

    last, first = done(operator.get("/platform-inventories"))["items"]

    assert (first["applied_by"], first["total"], first["deployments"], first["unregistered"]) == ("qaztech", 1, 1, 1)
    # A supervisor sees restricted projects: the counts may be of these.
    assert (last["applied_by"], last["total"], last["unregistered"]) == ("chief", 1, None)
    assert done(caller(client, Role.SUPERVISOR).get(f"/platform-inventories/{last['id']}"))["unregistered"] == 1
    assert [each["id"] for each in done(operator.get("/platform-inventories?applied_by=qaztech"))["items"]] == [
        first["id"]
    ]
    assert first["sha256"] in operator.get("/exports/inventories.csv").text
    assert code(operator.get("/platform-inventories/999")) == "inventory-not-found"


def test_pages_show_environments_and_deployments(agency: Agency, program: Caller, signed_in: SignedIn) -> None:
    confirmed, claimed = on_platform(agency, "qt-1", "qt-1")
    done(send(program, [row(agency, "qt-1", last_deployed_on="2026-09-01", environments=["test"])]))
    visit = signed_in(Role.OPERATOR)

    assert "qaztech" in visit.get("/inventory").text
    page = visit.get(f"/projects/{confirmed.number}").text
    assert "1 September 2026" in page and "Test environment" in page
    # Anybody can enter a key.
    assert "Test environment" not in visit.get(f"/projects/{claimed.number}").text
    content = json.dumps(row(agency, "qt-1", last_deployed_on=None, environments=["production"])).encode()
    preview = visit.send("/inventory", file=(io.BytesIO(content), "list.ndjson")).text
    assert "Nothing was deployed yet" in preview and "Production environment" in preview
    assert "Another person must approve it" in preview


def test_page_of_an_idle_object_does_not_say_that_its_agency_entered_the_deployment(
    agency: Agency, program: Caller, signed_in: SignedIn
) -> None:
    (project,) = on_platform(agency, "qt-1")
    done(send(program, [row(agency, "qt-1", last_deployed_on="2026-01-05")]))
    run_audit(OPERATOR, today())
    page = signed_in(Role.AGENCY_VIEWER, agency).get(f"/projects/{project.number}").text
    assert "What was compared" in page and "Your values" not in page
