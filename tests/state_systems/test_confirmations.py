"""Confirmations of other state systems: which count at once, which wait, what ends them, who sees and decides."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from registry.accounts.roles import Role, RoleNotAllowed
from registry.agencies.models import Agency
from registry.approvals.models import Approval
from registry.core.database import db, transaction
from registry.freeze.policy import first_policy, set_policy
from registry.journal.service import JournalEntry
from registry.platform.confirmations import confirm_fact
from registry.platform.models import Confirmation
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.projects.service import change_project, find_project_to_change
from registry.requests.kinds import agency_succeeded
from registry.state_systems.models import ExternalConfirmation
from registry.state_systems.service import import_confirmations
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import ADMINISTRATOR
from tests.factories import a_project, a_service_token, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn
from tests.present import Present
from tests.state_systems.signing import PORTAL, TESTS, passport, payload, set_up, signed, systems_text

OPERATOR = an_actor(Role.OPERATOR)
DAY = date(2026, 9, 30)
COMMISSIONED = date(2019, 4, 1)
FACT = "object_commissioned_on"
CONFIRMED = [f"{FACT} 2026-09-30"]
PATH = "/external-confirmations"
PAYING = "security_conclusion_number"
pytestmark = pytest.mark.on_both


@pytest.fixture
def agency(app: Flask, tmp_path: Path, present: Present) -> Iterator[Agency]:
    present.set(DAY)
    set_up(app, tmp_path)
    usual = first_policy()
    trusted = ((PORTAL, (FACT, "consent_number")), (TESTS, (PAYING,)))
    set_policy(replace(usual, trusted_sources=trusted))
    yield an_agency()
    set_policy(usual)


def existing(agency: Agency, **values: Any) -> Project:
    """A project whose record has what the passport says."""
    return a_project(agency, **{"work_type": "development", FACT: COMMISSIONED, **values})


def run(*rows: dict[str, Any], sequence: int = 1, kid: str = "portal-1", **values: Any) -> dict[str, int]:
    issuer = TESTS if kid.startswith("tests") else PORTAL
    content = signed(payload(*rows, sequence=sequence, issuer=issuer, **values), kid)
    counts = import_confirmations(OPERATOR, "confirmations.jws", content)
    db.session.expire_all()
    return {name: count for name, count in counts.items() if count and name != "total"}


def edit(project: Project, **values: Any) -> None:
    with transaction():
        change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, project.number), values)


def entries(action: str) -> list[dict[str, Any]]:
    return [
        json.loads(entry.details)
        for entry in db.session.scalars(select(JournalEntry).where(JournalEntry.action == action))
    ]


def the_row() -> ExternalConfirmation:
    db.session.expire_all()
    (row,) = db.session.query(ExternalConfirmation).all()
    return row


def states(who: Caller, query: str = "") -> list[tuple[str, str | None]]:
    items = who.get(f"{PATH}?{query}").get_json()["items"]
    return [(each["external_state"], each["project"]) for each in items]


def a_listed_key(project: Project) -> None:
    """Let the project's key be confirmed."""
    project.placement, project.placement_verified_on = "on_platform", DAY
    db.session.commit()


def test_trusted_fact_of_a_named_project_is_confirmed_as_a_person_confirms_it(agency: Agency) -> None:
    project = existing(agency)
    assert run(passport(agency.bin, project=project.number)) == {"created": 1, "confirmed": 1}
    assert project.confirmed_facts == CONFIRMED
    (given,) = db.session.scalars(select(Confirmation)).all()
    assert (given.kind, given.facts["fact"], given.facts["value"], given.by) == (
        "fact",
        FACT,
        "2019-04-01",
        OPERATOR.principal,
    )
    (entry,) = entries("fact.confirmed")
    digest = the_row().sha256
    assert entry["evidence"] == f"architecture-portal P-1: object_passport № 77, 2019-05-01; SHA-256 {digest}"
    assert (entry["source"], entry["reference"]) == (PORTAL, "P-1")
    (imported,) = entries("external-confirmations.imported")
    assert (imported["sha256"], imported["issuer"], imported["sequence"]) == (digest, PORTAL, 1)


def test_key_on_qaztech_names_the_project_only_when_it_is_confirmed(client: FlaskClient, agency: Agency) -> None:
    claimed = existing(agency, platform_key="qt-1")
    row = passport(agency.bin, platform_key="qt-1")
    assert run(row) == {"created": 1}
    assert states(caller(client, Role.REVIEWER)) == [("to_check", claimed.number)]
    a_listed_key(claimed)
    assert run(row, sequence=2) == {"updated": 1, "confirmed": 1}


@pytest.mark.parametrize(
    ("values", "stated"),
    [
        ({FACT: date(2020, 1, 1)}, {}),
        ({FACT: None}, {}),
        # The number of the project, and the name of something else.
        ({"name_ru": "Кадастр недр"}, {"name_ru": "Электронная очередь в детские сады"}),
        ({}, {"facts": {"object_original_cost_kzt": 5}}),
        ({}, {"revoked": True}),
    ],
)
def test_what_differs_or_is_not_trusted_confirms_nothing(
    agency: Agency, values: dict[str, Any], stated: dict[str, Any]
) -> None:
    project = existing(agency, **{"object_original_cost_kzt": 5, **values})
    assert run(passport(agency.bin, project=project.number, **stated)) == {"created": 1}
    assert project.confirmed_facts is None


def test_without_trust_in_the_policy_every_fact_waits(client: FlaskClient, agency: Agency) -> None:
    set_policy(replace(first_policy(), trusted_sources=()))
    project = existing(agency)
    assert run(passport(agency.bin, project=project.number)) == {"created": 1}
    assert states(caller(client, Role.REVIEWER)) == [("to_confirm", project.number)]


@pytest.mark.parametrize(
    ("recorded", "stated", "state"),
    [
        (date(2026, 8, 1), "2026-08-01", "confirmed"),
        # A conclusion that was dated before the work.
        (date(2026, 3, 1), "2026-08-01", "differs"),
        (date(2026, 8, 1), None, "to_confirm"),
    ],
)
def test_conclusion_is_confirmed_only_with_its_day(
    client: FlaskClient, agency: Agency, recorded: date, stated: str | None, state: str
) -> None:
    values = {PAYING: "5-Z", "security_conclusion_on": recorded}
    project = existing(agency, **values)
    facts = {PAYING: "5-Z"} | ({} if stated is None else {"security_conclusion_on": stated})
    row = passport(agency.bin, project=project.number, kind="conclusion", facts=facts)
    assert run(row, kid="tests-1").get("confirmed", 0) == (state == "confirmed")
    assert states(caller(client, Role.REVIEWER)) == [(state, project.number)]
    # The day changes at the source: the number alone is half of it.
    if state == "confirmed":
        facts["security_conclusion_on"] = "2026-08-02"
        assert run(row, kid="tests-1", sequence=2) == {"updated": 1, "ended": 1}
        assert project.confirmed_facts is None


def test_project_of_another_agency_is_not_matched(client: FlaskClient, agency: Agency) -> None:
    other = existing(an_agency(), platform_key="qt-9")
    a_listed_key(other)
    assert run(passport(agency.bin, project=other.number)) == {"created": 1}
    assert run(passport(agency.bin, platform_key="qt-9", reference="P-2"), sequence=2) == {"created": 1}
    assert run(passport("070240006286", project=other.number, reference="P-3"), sequence=3) == {"other_agencies": 1}
    assert states(caller(client, Role.REVIEWER)) == [("unmatched", None), ("unmatched", None)]
    assert other.confirmed_facts is None


def test_older_file_that_was_never_imported_confirms_nothing_of_an_object_that_a_newer_one_names(
    agency: Agency,
) -> None:
    project = existing(agency)
    named = passport(agency.bin, project=project.number, reference="P-2") | {"facts": {"consent_number": "12"}}
    assert run(named, sequence=5) == {"created": 1}
    assert run(passport(agency.bin, project=project.number), sequence=4) == {"created": 1}
    assert project.confirmed_facts is None
    assert run(passport(agency.bin, project=project.number), sequence=6) == {"updated": 1, "confirmed": 1}


def test_replayed_and_older_files_change_nothing(agency: Agency) -> None:
    project = existing(agency)
    row = passport(agency.bin, project=project.number)
    run(row, sequence=5)
    edit(project, **{FACT: date(2020, 1, 1)})
    edit(project, **{FACT: COMMISSIONED})
    assert project.confirmed_facts is None
    before = the_row().changed_at
    assert run(row, sequence=5) == run(row, sequence=4) == {"not_newer": 1}
    assert run(passport(agency.bin, project=project.number, revoked=True), sequence=4) == {"not_newer": 1}
    assert (project.confirmed_facts, the_row().changed_at) == (None, before)
    assert len(entries("external-confirmations.imported")) == 1
    assert run(row, sequence=6) == {"updated": 1, "confirmed": 1}


@pytest.mark.parametrize(
    "restated",
    [
        {"revoked": True},
        {"revoked": True, "facts": None},
        {"facts": {FACT: "2019-04-02"}},
        {"facts": {"consent_number": "1"}},
        {"project": "QT-2026-0000009-8"},
        {"name_ru": "Электронная очередь в детские сады"},
    ],
)
def test_what_the_source_no_longer_says_ends_its_confirmation(agency: Agency, restated: dict[str, Any]) -> None:
    project = existing(agency, name_ru="Кадастр недр")
    row = passport(agency.bin, project=project.number)
    run(row)
    assert run({**row, **restated}, sequence=2) == {"updated": 1, "ended": 1}
    assert project.confirmed_facts is None
    assert entries("fact.confirmation-ended")[0]["facts"] == [FACT]
    assert the_row().facts


def test_revocation_leaves_what_people_confirmed_after_an_edit(client: FlaskClient, agency: Agency) -> None:
    project = existing(agency)
    row = passport(agency.bin, project=project.number)
    run(row)
    edit(project, **{FACT: date(2020, 1, 1)})
    with transaction():
        confirm_fact(an_actor(Role.SUPERVISOR), project, FACT, "2020-01-01", "Act")
    assert run({**row, "revoked": True}, sequence=2) == {"updated": 1}
    assert project.confirmed_facts == CONFIRMED
    assert states(caller(client, Role.REVIEWER)) == [("revoked", project.number)]


def test_edit_of_the_fact_or_of_the_object_ends_it(agency: Agency) -> None:
    one, other = existing(agency), existing(agency, name_ru="Кадастр недр")
    run(passport(agency.bin, project=one.number), passport(agency.bin, project=other.number, reference="P-2"))
    edit(one, **{FACT: date(2018, 1, 1)})
    edit(other, name_ru="Электронная очередь")
    assert (one.confirmed_facts, other.confirmed_facts) == (None, None)


def test_object_known_by_its_name_waits_and_one_reviewer_confirms_no_fact(client: FlaskClient, agency: Agency) -> None:
    existing(agency, name_ru="Кадастр недр")
    project = existing(agency, name_ru="Информационная система «Учёт кадров»")
    row = passport(agency.bin, name_ru="ИС Учет кадров")
    assert run(row) == {"created": 1}
    reviewer = caller(client, Role.REVIEWER)
    assert states(reviewer) == [("to_check", project.number)]
    path = f"{PATH}/{the_row().id}/match-decisions"
    shown = reviewer.post(path, {"project": project.number, "match_state": "confirmed"}).get_json()
    assert (shown["external_state"], shown["match_state"]) == ("to_confirm", "confirmed")
    # Nor does a newer file: nobody but the source says for certain which project it is.
    assert run(row, sequence=2) == {"updated": 1}
    assert project.confirmed_facts is None
    assert states(reviewer, "external_state=to_confirm") == [("to_confirm", project.number)]


def test_rejected_project_is_not_proposed_again(client: FlaskClient, agency: Agency) -> None:
    first = existing(agency, name_ru="Учёт кадров министерства")
    second = existing(agency, name_ru="Учёт кадров")
    row = passport(agency.bin, name_ru="Учёт кадров")
    run(row)
    reviewer, path = caller(client, Role.REVIEWER), f"{PATH}/{the_row().id}/match-decisions"
    body = {"project": second.number, "match_state": "rejected", "remark": "Другая"}
    assert reviewer.post(path, body).get_json()["project"] == first.number
    run(row, sequence=2)
    assert states(reviewer) == [("to_check", first.number)]
    foreign = existing(an_agency())
    assert codes(reviewer.post(path, {"project": foreign.number, "match_state": "confirmed"})) == {
        ("/project", "external-match-other-agency")
    }
    assert reviewer.post(path, {"project": second.number, "match_state": "confirmed"}).get_json()["project"] == (
        second.number
    )


def test_rejecting_one_of_two_projects_makes_the_other_one_no_more_certain(client: FlaskClient, agency: Agency) -> None:
    one, other = existing(agency, platform_key="qt-1"), existing(agency, platform_key="qt-1")
    a_listed_key(one)
    a_listed_key(other)
    row = passport(agency.bin, platform_key="qt-1")
    run(row)
    path = f"{PATH}/{the_row().id}/match-decisions"
    caller(client, Role.REVIEWER).post(path, {"project": one.number, "match_state": "rejected"})
    assert run(row, sequence=2) == {"updated": 1}
    assert (the_row().project_id, the_row().match_state) == (other.id, "to_check")


def test_project_that_the_source_names_is_not_decided_here(client: FlaskClient, agency: Agency) -> None:
    project = existing(agency)
    run(passport(agency.bin, project=project.number))
    path = f"{PATH}/{the_row().id}/match-decisions"
    body = {"project": project.number, "match_state": "rejected"}
    assert code(caller(client, Role.REVIEWER).post(path, body)) == "match-is-certain"
    program = Caller(client, a_service_token(Role.OPERATOR))
    assert code(program.post(path, body)) == "confirmation-needs-a-person"
    assert project.confirmed_facts == CONFIRMED


def test_list_compares_with_the_record_as_it_is_now(client: FlaskClient, agency: Agency) -> None:
    project = existing(agency)
    run(passport(agency.bin, project=project.number))
    reviewer = caller(client, Role.REVIEWER)

    def seen() -> list[str]:
        (shown,) = [each for each, _project in states(reviewer)]
        assert states(reviewer, f"external_state={shown}") == [(shown, project.number)]
        return [shown]

    assert seen() == ["confirmed"]
    edit(project, **{FACT: date(2020, 1, 1)})
    assert seen() == ["differs"]
    shown = reviewer.get(f"{PATH}/{the_row().id}").get_json()["facts"]
    assert shown == [{"fact": FACT, "value": "2019-04-01", "recorded": "2020-01-01", "confirmed_on": None}]


def test_fact_is_not_taken_for_one_whose_name_contains_its_own(client: FlaskClient, agency: Agency) -> None:
    project = existing(agency, commissioned_on=date(2026, 9, 1))
    facts = {"commissioned_on": "2026-09-01"}
    run(
        passport(agency.bin, project=project.number),
        passport(agency.bin, project=project.number, reference="P-2", facts=facts),
    )
    assert project.confirmed_facts == CONFIRMED
    reviewer = caller(client, Role.REVIEWER)
    for shown in ("to_confirm", "confirmed"):
        assert states(reviewer, f"external_state={shown}") == [(shown, project.number)]


def test_agency_sees_its_own_and_nobody_those_of_a_hidden_project(client: FlaskClient, agency: Agency) -> None:
    own, foreign = existing(agency), existing(an_agency())
    run(
        passport(agency.bin, project=own.number),
        passport(foreign.agency.bin, project=foreign.number, reference="P-2"),
    )
    viewer = caller(client, Role.AGENCY_VIEWER, agency)
    assert states(viewer) == [("confirmed", own.number)]
    own.is_restricted = True
    db.session.commit()
    assert states(caller(client, Role.LEADER)) == [("confirmed", foreign.number)]
    # Who imports knows the file; that one is missing would say that there is a project.
    reviewer = caller(client, Role.REVIEWER)
    assert sorted(states(reviewer, "sort=id")) == [("confirmed", foreign.number), ("unmatched", None)]
    (hidden,) = reviewer.get(f"{PATH}?external_state=unmatched").get_json()["items"]
    assert [hidden[name] for name in ("project", "match_state", "decided_at", "remark")] == [None] * 4
    other = {"project": existing(agency).number, "match_state": "confirmed"}
    assert code(reviewer.post(f"{PATH}/{hidden['id']}/match-decisions", other)) == "match-is-certain"
    assert states(viewer) == [("confirmed", own.number)]
    (read,) = [entry for entry in db.session.scalars(select(JournalEntry)) if entry.action == "restricted.read"]
    assert read.subject == f"project:{own.number}"
    # Who may not see it learns nothing of it from an import either.
    assert run(passport(agency.bin, project=own.number, revoked=True), sequence=2) == {"updated": 1}
    assert own.confirmed_facts is None


def test_failure_in_the_middle_leaves_nothing(agency: Agency) -> None:
    one, other = existing(agency), existing(agency)
    rows = [passport(agency.bin, project=each.number, reference=each.number) for each in (one, other)]
    written: list[str] = []

    def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO confirmations"):
            written.append(statement)
            if len(written) == len(rows):
                raise OSError("the database went away")

    event.listen(db.engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(OSError, match="went away"):
            run(*rows)
    finally:
        event.remove(db.engine, "before_cursor_execute", fail)
    db.session.expire_all()
    assert (len(written), one.confirmed_facts, entries("fact.confirmed")) == (2, None, [])
    assert db.session.query(ExternalConfirmation).all() == []


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.LEADER, Role.ADMINISTRATOR])
def test_who_confirms_no_facts_imports_nothing(app: Flask, role: Role) -> None:
    with pytest.raises(RoleNotAllowed):
        import_confirmations(an_actor(role), "file", b"")


def test_program_of_a_state_system_sends_its_file(client: FlaskClient, agency: Agency) -> None:
    project = existing(agency)
    content = signed(payload(passport(agency.bin, project=project.number)))
    program = Caller(client, a_service_token(Role.OPERATOR))
    files = {"file": (io.BytesIO(content), "passports.jws")}
    answer = program.call("POST", f"{PATH}/imports", data=files)
    assert (answer.status_code, answer.get_json()["confirmed"]) == (200, 1)
    wrong = {"file": (io.BytesIO(content[:-5]), "passports.jws")}
    assert codes(program.call("POST", f"{PATH}/imports", data=wrong)) == {("/file", "signature-invalid")}


def test_confirmations_pass_on_to_the_successor_of_their_agency(agency: Agency) -> None:
    run(passport(agency.bin, name_ru="Кадастр"))
    successor = an_agency()
    with transaction():
        agency_succeeded.publish(agency.id, successor.id)
    assert (the_row().agency_id, the_row().agency_bin) == (successor.id, agency.bin)


def test_command_imports_a_file(registry: CommandLine, tmp_path: Path) -> None:
    file, systems = tmp_path / "confirmations.jws", tmp_path / "systems.toml"
    systems.write_text(systems_text(), encoding="utf-8")
    file.write_bytes(signed(payload(passport("070240006286", project="QT-2026-0000001-5"))))
    refused = registry("external-confirmations", "import", str(file))
    assert (refused.code, "does not know the key portal-1" in refused.err) == (5, True)
    registry.settings["REGISTRY_STATE_SYSTEMS_FILE"] = str(systems)
    done = registry("external-confirmations", "import", str(file), "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json == {
        **dict.fromkeys(("created", "updated", "not_newer", "confirmed", "ended"), 0),
        "total": 1,
        "other_agencies": 1,
    }


def test_reviewer_imports_checks_and_proposes_on_the_pages(signed_in: SignedIn, agency: Agency) -> None:
    project = existing(agency, name_ru="Учёт кадров")
    document = add_document(ADMINISTRATOR, project, "passport.pdf", "application/pdf", b"%PDF-1.7").id
    visit = signed_in(Role.REVIEWER)

    def upload(content: bytes) -> Any:
        file = (io.BytesIO(content), "passports.jws")
        return visit.send("/external-confirmations/import", "/external-confirmations/import", file=file)

    refused = upload(signed(payload(passport("070240006287", name_ru="Учёт"))))
    assert refused.status_code == 422 and "confirmations/0/agency" in refused.text
    assert "The file is imported" in upload(signed(payload(passport(agency.bin, name_ru="Учёт кадров")))).text
    assert "Учёт кадров" in visit.get("/external-confirmations").text
    assert "Confirm or reject the match" in visit.get("/home").text
    path = f"/external-confirmations/{the_row().id}"
    assert visit.send(f"{path}/match", path, project="QT-1", match_state="confirmed").status_code == 404
    shown = visit.send(f"{path}/match", path, project=project.number, match_state="confirmed").text
    assert "Propose the confirmation" in shown
    waiting = visit.get("/home").text
    assert ">Confirmations from other state systems</a>: 1</h2>" in waiting and "Propose the confirmation" in waiting
    form = f"/projects/{project.number}/confirm-fact?fact={FACT}&confirmation={the_row().id}"
    page = visit.get(form).text
    assert "architecture-portal, P-1: Object passport, No. 77 of " in page
    visit.send(form, form, fact=FACT, evidence="architecture-portal, P-1", documents=str(document))
    (approval,) = db.session.scalars(select(Approval)).all()
    assert approval.payload["facts"] == {"fact": FACT, "value": "2019-04-01"}
    assert project.confirmed_facts is None
