"""Attestation: who confirms that a record is true, what that writes, and which records are due."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Actor, Role, RoleNotAllowed
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.journal.service import JournalEntry
from registry.projects.attestations import (
    AttestationNeedsAPerson,
    RecordChanged,
    attest_project,
    attestation_of,
    count_attestations,
    records_to_attest,
)
from registry.projects.models import Project
from registry.projects.queries import list_projects
from registry.projects.revisions import history
from registry.projects.service import find_project_to_change
from registry.projects.vocabulary import AttestationState
from tests.factories import a_project, a_service_token, a_token, an_actor, an_agency, bearer
from tests.fixtures.web import SignedIn
from tests.present import Present

REGISTERED = date(2026, 1, 15)
DUE = date(2026, 7, 15)
A_DAY = timedelta(days=1)
ENDED = {"stage": "archived", "ended_on": "2025-05-05", "contract_signed_on": None, "work_started_on": None}


@pytest.fixture(autouse=True)
def _registered(app: Flask, present: Present) -> None:
    present.set(REGISTERED)


def person(project: Project, role: Role = Role.AGENCY_EDITOR) -> Actor:
    return replace(an_actor(role, db.session.get(Agency, project.agency_id), name="dana"), is_person=True)


def attest(project: Project, version: int | None = None, actor: Actor | None = None) -> Project:
    actor = actor or person(project)
    with transaction():
        return attest_project(actor, find_project_to_change(actor, project.number), version)


def test_attestation_is_recorded_with_revision_and_journal_entry_once_a_day(present: Present) -> None:
    project = a_project()
    present.set(date(2026, 3, 2))
    for _ in range(2):
        attest(project)
    row = db.session.get(Project, project.id, populate_existing=True)
    assert row is not None and (row.attested_on, row.attested_by, row.version) == (date(2026, 3, 2), "dana", 2)
    changes = [{"field": "attested_on", "old": None, "new": "2026-03-02"}]
    assert [(each["by"], each["changes"]) for each in history(project.id)[1:]] == [("dana", changes)]
    entries = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "project.attested")).all()
    assert [(entry.principal, entry.subject) for entry in entries] == [("dana", f"project:{project.number}")]


def test_only_people_who_edit_for_the_agency_attest() -> None:
    project = a_project()
    agency = db.session.get(Agency, project.agency_id)
    for role, of in ((Role.ADMINISTRATOR, None), (Role.SUPERVISOR, None), (Role.AGENCY_VIEWER, agency)):
        with pytest.raises(RoleNotAllowed):
            attest(project, actor=replace(an_actor(role, of), is_person=True))
    with pytest.raises(AttestationNeedsAPerson):
        attest(project, actor=replace(person(project), is_person=False))


def test_record_that_changed_since_it_was_seen_is_not_attested() -> None:
    project = a_project()
    with pytest.raises(RecordChanged):
        attest(project, version=2)
    assert attest(project, version=1).version == 2


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (DUE - 31 * A_DAY, AttestationState.CURRENT),
        (DUE - 30 * A_DAY, AttestationState.DUE),
        (DUE, AttestationState.DUE),
        (DUE + A_DAY, AttestationState.OVERDUE),
    ],
)
def test_state_on_the_page_in_lists_and_in_counts_is_the_same(
    present: Present, day: date, state: AttestationState
) -> None:
    agency = an_agency()
    project, attested = a_project(agency), a_project(agency)
    present.set(REGISTERED + 60 * A_DAY)
    attest(attested)
    a_project(agency, **ENDED)
    present.set(day)
    editor = person(project)
    assert (attestation_of(project).due_on, attestation_of(project).state) == (DUE, state)
    listed = {
        each: [row["number"] for row in list_projects(editor, {"attestation": each.value}, Page(10)).items]
        for each in AttestationState
    }
    assert project.number in listed[state]
    assert attested.number in listed[AttestationState.CURRENT]
    assert sum(len(numbers) for numbers in listed.values()) == 2
    due = [] if state is AttestationState.CURRENT else [project.number]
    assert [each.number for each in records_to_attest(editor, 10)] == due
    assert sum(count_attestations(editor).values()) == len(due)


def test_api_confirms_a_record_for_a_person_and_refuses_a_service_account(app: Flask, present: Present) -> None:
    agency = an_agency()
    project = a_project(agency)
    client = app.test_client()
    path = f"/api/v1/projects/{project.number}"
    headers = bearer(a_token(Role.AGENCY_EDITOR, agency))
    assert client.get(path, headers=headers).json["attested_on"] is None
    stale = client.post(f"{path}/attestation", headers=headers, json={"read_version": 7})
    assert (stale.status_code, stale.json["type"].rpartition(":")[2]) == (409, "record-changed")
    assert client.post(f"{path}/attestation", headers=headers, json={"read_version": "1"}).status_code == 422
    answer = client.post(f"{path}/attestation", headers=headers)
    assert (answer.status_code, answer.json["attested_on"], answer.json["version"]) == (200, "2026-01-15", 2)
    service = bearer(a_service_token(Role.AGENCY_EDITOR, agency))
    refused = client.post(f"{path}/attestation", headers=service)
    assert (refused.status_code, refused.json["type"].rpartition(":")[2]) == (403, "attestation-needs-a-person")


def test_editor_confirms_the_record_on_its_page(signed_in: SignedIn, present: Present) -> None:
    agency = an_agency()
    project = a_project(agency)
    present.set(DUE)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    home = visit.get("/home").text
    assert "Confirmation due within 30 days: 1" in home and 'href="/attestations"' in home
    page = visit.get(f"/projects/{project.number}").text
    assert (
        "Not confirmed since the registration." in page
        and "To be confirmed again not later than 15 July 2026 (inclusive)." in page
    )
    stale = visit.send(f"/projects/{project.number}/attestation", page=f"/projects/{project.number}", version="9").text
    assert "was changed meanwhile" in stale
    page = visit.send(f"/projects/{project.number}/attestation", page=f"/projects/{project.number}", version="1").text
    assert "You confirmed that the record is true." in page
    assert (
        "To be confirmed again not later than 15 January 2027 (inclusive)." in page
        and "Confirm that the record is true</button>" not in page
    )
    assert "Confirmation due" not in visit.get("/home").text


def test_editor_confirms_several_records_and_one_that_changed_stops_no_other(
    signed_in: SignedIn, present: Present
) -> None:
    agency = an_agency()
    first, second, third = (a_project(agency) for _ in range(3))
    present.set(DUE)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    page = visit.get("/attestations").text
    assert all(project.number in page for project in (first, second, third))
    chosen = [f"{first.number} 1", f"{second.number} 7", "QT-0000-0000000-0 1", "nonsense"]
    page = visit.send("/attestations/confirmation", page="/attestations", record=chosen).text
    assert "You confirmed 1 record." in page and "was changed meanwhile" in page
    assert first.number not in visit.get("/attestations").text
    assert "Choose at least one record." in visit.send("/attestations/confirmation", page="/attestations").text


def test_a_list_that_is_read_again_is_of_its_reader_and_its_day(agency: Agency, present: Present) -> None:
    own, foreign = a_project(agency).number, a_project(an_agency()).number
    current = {"attestation": "current"}
    readers = {
        an_actor(Role.AGENCY_VIEWER, agency): {own},
        an_actor(Role.SUPERVISOR): {own, foreign},
        an_actor(Role.AGENCY_VIEWER, an_agency()): set(),
    }
    for day in (REGISTERED, DUE + A_DAY):
        present.set(day)
        for reader, numbers in readers.items():
            listed = {row["number"] for row in list_projects(reader, current, Page()).items}
            assert listed == (numbers if day == REGISTERED else set())
