"""Rights that end while a request is being handled: nothing is changed, whatever the request does and came with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.absences import end_absence, record_absence
from registry.accounts.account_changes import (
    change_role,
    confirm_account,
    confirm_token,
    disable_account,
    enable_account,
)
from registry.accounts.account_management import RightsChanged
from registry.accounts.factors import reset_factors
from registry.accounts.handover import hand_over, move_people
from registry.accounts.roles import TOKEN_PREFIX, Actor, Role
from registry.accounts.same_person import change_owner
from registry.accounts.service import NewPerson, add_person, edit_account, invite_again, person_named, set_password
from registry.accounts.tokens import add_service_account, issue, issue_own_token, issue_service_token, revoke
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency, in_session


@dataclass(frozen=True)
class Subjects:
    """What the requests are about."""

    adil: int
    viewer: int
    person: int
    other_viewer: int
    agency: int
    pending: int
    robot: int
    pending_key: str
    key: str
    absence: int
    other_agency: int


@pytest.fixture
def subjects(app: Flask) -> Subjects:
    agency, other = an_agency().id, an_agency().id

    def person(name: str, role: Role, agency_id: int | None = None) -> int:
        return add_person(ADMINISTRATOR, NewPerson(name, role, agency_id), PASSWORD).account_id

    adil, viewer = person("adil", Role.ADMINISTRATOR), person("viewer", Role.AGENCY_VIEWER, agency)
    person("bota", Role.ADMINISTRATOR)
    other_viewer = person("other viewer", Role.AGENCY_VIEWER, agency)
    by_another = an_actor(Role.ADMINISTRATOR, name="another")
    pending = add_person(by_another, NewPerson("pending", Role.AUDITOR), PASSWORD).account_id
    robot = add_service_account(ADMINISTRATOR, "robot", Role.OPERATOR, None).id
    key = issue(ADMINISTRATOR, "robot", None, None).key_id
    pending_key = issue(by_another, "robot", None, None).key_id
    day = today() + timedelta(days=7)
    absence = record_absence(replace(an_actor(Role.ADMINISTRATOR), account_id=None), other_viewer, viewer, day, day).id
    shown = person_named("viewer")
    return Subjects(adil, viewer, shown.id, other_viewer, agency, pending, robot, pending_key, key, absence, other)


def _move(actor: Actor, on: Subjects) -> None:
    moves = move_people(actor, [on.person], on.other_agency)
    assert moves.moved == []
    raise moves.failed[0][1]


ACTS: dict[str, Callable[[Actor, Subjects], object]] = {
    "add person": lambda actor, _on: add_person(actor, NewPerson("new", Role.AUDITOR), PASSWORD),
    "add service": lambda actor, _on: add_service_account(actor, "new", Role.AUDITOR, None),
    "edit": lambda actor, on: edit_account(actor, on.viewer, {"name": "viewer 2"}),
    "role": lambda actor, on: change_role(actor, on.viewer, Role.AGENCY_EDITOR, on.agency),
    "move": _move,
    "owner": lambda actor, on: change_owner(actor, on.robot, on.viewer),
    "disable": lambda actor, on: disable_account(actor, on.viewer),
    "enable": lambda actor, on: enable_account(actor, on.viewer),
    "password": lambda actor, on: set_password(actor, on.person, "another long password"),
    "invite": lambda actor, on: invite_again(actor, on.viewer),
    "factors": lambda actor, on: reset_factors(actor, on.viewer),
    "hand over": lambda actor, on: hand_over(actor, on.viewer, on.other_viewer),
    "confirm": lambda actor, on: confirm_account(actor, on.pending, Role.AUDITOR),
    "confirm token": lambda actor, on: confirm_token(actor, on.pending_key),
    "token": lambda actor, on: issue(actor, "robot", None, None),
    "service token": lambda actor, on: issue_service_token(actor, on.robot),
    "own token": lambda actor, _on: issue_own_token(actor),
    "revoke": lambda actor, on: revoke(actor, on.key),
    "absence": lambda actor, on: record_absence(actor, on.viewer, on.other_viewer, today(), today()),
    "end absence": lambda actor, on: end_absence(actor, on.absence),
}
ENDINGS: dict[str, Callable[[int], object]] = {
    "role": lambda account_id: change_role(ADMINISTRATOR, account_id, Role.AUDITOR, None),
    "disabled": lambda account_id: disable_account(ADMINISTRATOR, account_id),
}


@pytest.mark.parametrize("credential", ["session", "token"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_request_whose_rights_ended_changes_nothing(subjects: Subjects, ending: str, credential: str) -> None:
    actor = Actor("adil", Role.ADMINISTRATOR, None, "10.0.0.1", "r", subjects.adil, is_person=True)
    actor = in_session(actor)
    if credential == "token":
        actor = replace(actor, credential=f"{TOKEN_PREFIX}{issue_own_token(actor).key_id}")
    ENDINGS[ending](subjects.adil)
    before = db.session.scalar(select(func.max(JournalEntry.seq)))

    for name, act in ACTS.items():
        with pytest.raises(RegistryError) as error:
            act(actor, subjects)

        assert isinstance(error.value, RightsChanged), name
        assert db.session.scalar(select(func.max(JournalEntry.seq))) == before, name
