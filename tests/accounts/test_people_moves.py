"""Moving people to another agency: drafts, those who are already there, history and notice."""

from __future__ import annotations

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
