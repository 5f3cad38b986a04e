"""Moving people to another agency: drafts, those who are already there, history and notice."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask

from registry.accounts.account_changes import change_role
from registry.accounts.handover import move_people
from registry.accounts.models import Person
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.projects.drafts import drafts_of, save_draft, start_draft
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.notifications.readers import create_reader, delete_emails, queued_emails
from tests.present import Present

MANAGER = an_actor(Role.ADMINISTRATOR, name="adil")


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency(name_ru="Министерство озёр", name_en="Ministry of Lakes")


@pytest.fixture
def other(app: Flask) -> Agency:
    return an_agency(name_ru="Министерство рек", name_en="Ministry of Rivers")


def person(name: str, agency: Agency, role: Role = Role.AGENCY_EDITOR) -> Person:
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency.id), PASSWORD)


def actor(of: Person) -> Actor:
    return Actor(of.name, Role(of.role), of.agency_id, account_id=of.account_id, is_person=True)


def a_draft(of: Person, agency: Agency) -> None:
    draft = start_draft(actor(of))
    save_draft(actor(of), draft.id, {"agency": agency.bin, "name_ru": "Реестр озёр"})


def test_draft_that_a_moved_person_keeps_asks_for_the_agency_again(ministry: Agency, other: Agency) -> None:
    mover = person("mover", ministry)
    a_draft(mover, ministry)
    change_role(MANAGER, mover.account_id, Role.AGENCY_EDITOR, other.id)
    (draft,) = drafts_of(actor(mover))
    assert draft.values == {"agency": "", "name_ru": "Реестр озёр"}


def test_draft_of_an_agency_that_stays_within_reach_is_unchanged(ministry: Agency) -> None:
    committee = an_agency(parent=ministry)
    mover = person("mover", committee)
    a_draft(mover, committee)
    change_role(MANAGER, mover.account_id, Role.AGENCY_EDITOR, ministry.id)
    assert drafts_of(actor(mover))[0].values["agency"] == committee.bin


def test_page_counts_the_drafts_and_gives_them_to_a_person_of_the_former_agency(
    signed_in: SignedIn, ministry: Agency, other: Agency
) -> None:
    mover, colleague = person("mover", ministry), person("colleague", ministry)
    person("reader", ministry, Role.AGENCY_VIEWER), person("stranger", other)
    a_draft(mover, ministry)
    visit = signed_in(Role.ADMINISTRATOR)
    page = f"/people/agency?person={mover.id}"
    text = visit.get(page).text
    assert "drafts of registrations: 1" in text and '<option value="colleague"' in text
    assert '<option value="reader"' not in text and '<option value="stranger"' not in text
    assert '<option value="mover"' not in text
    sent = {"person": [str(mover.id)], "agency": other.bin}
    assert visit.send("/people/agency", page=page, to="nobody", **sent).status_code == 422
    assert "1 person has moved." in visit.send("/people/agency", page=page, to="colleague", **sent).text
    assert drafts_of(actor(mover)) == []
    assert [draft.values["agency"] for draft in drafts_of(actor(colleague))] == [ministry.bin]


def test_nobody_moves_whose_drafts_nobody_can_take(ministry: Agency, other: Agency) -> None:
    mover, viewer = person("mover", ministry), person("viewer", ministry, Role.AGENCY_VIEWER)
    a_draft(mover, ministry)
    moves = move_people(MANAGER, [mover.id], other.id, viewer.account_id)
    assert moves.moved == [] and [name for name, _error in moves.failed] == ["mover"]
    assert mover.agency_id == ministry.id and len(drafts_of(actor(mover))) == 1


def test_people_who_are_already_there_are_not_counted_as_moved(
    signed_in: SignedIn, ministry: Agency, other: Agency
) -> None:
    mover, resident = person("mover", ministry), person("resident", other)
    visit = signed_in(Role.ADMINISTRATOR)
    sent = {"page": "/people/new", "person": [str(mover.id), str(resident.id)], "agency": other.bin}
    page = visit.send("/people/agency", **sent).text
    assert "1 person has moved." in page and "Already in this agency: resident." in page
    page = visit.send("/people/agency", **sent).text
    assert "moved." not in page and "Already in this agency: mover, resident." in page


def test_history_names_both_agencies_of_a_move(signed_in: SignedIn, ministry: Agency, other: Agency) -> None:
    mover = person("mover", ministry)
    change_role(MANAGER, mover.account_id, Role.AGENCY_EDITOR, other.id)
    page = signed_in(Role.ADMINISTRATOR).get(f"/people/{mover.id}").text
    assert "Moved to another agency" in page and "Role of an account changed" not in page
    assert "Agency: Ministry of Lakes → Ministry of Rivers" in page
    assert f"Agency: {other.bin}" not in page


def test_moved_person_gets_an_email(app: Flask, present: Present, ministry: Agency, other: Agency) -> None:
    present.set(date(2026, 11, 26))
    reader = create_reader("agency_editor", ministry, name="zhanna")
    delete_emails()
    change_role(MANAGER, reader.account_id, Role.AGENCY_EDITOR, other.id)
    assert queued_emails() == [("zhanna@readers.kz", "account-moved", ["26.11.2026 12:00"])]
    change_role(MANAGER, reader.account_id, Role.AGENCY_VIEWER, other.id)
    assert len(queued_emails()) == 1
