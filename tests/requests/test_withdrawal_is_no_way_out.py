"""No agency alone, and no single person of oversight, ends a medium or high flag by a withdrawal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from typing import Final

import pytest
from flask import Flask
from hypothesis import given, settings, strategies as st

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.flags.models import Flag
from registry.projects.models import Project
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, cancel, confirm, refuse, restore_project
from tests.cases.cast import audit
from tests.factories import a_project, an_actor, an_agency
from tests.present import Present

Undone = Callable[[], AbstractContextManager[None]]
W: Final = RequestKind.WITHDRAWAL
STEPS = ("ask", "confirm", "refuse", "cancel", "restore", "audit")
# Who takes a step: people of the agency, then of oversight.
AGENCY_PEOPLE = ("editor", "administrator of the agency", "viewer")
OVERSIGHT_PEOPLE = ("reviewer", "other reviewer", "supervisor", "other supervisor", "administrator", "operator")
EVERYBODY = (*AGENCY_PEOPLE, *OVERSIGHT_PEOPLE)
# Who has the permission to confirm, each as often as the others, so that examples get as far as a withdrawal; one of
# them is a reviewer who has a supervisor's token too, and one a service account.
DECIDERS = ("reviewer", "other reviewer", "supervisor", "other supervisor", "reviewer's other token", "service account")
ASKED = st.sampled_from([("ask", "editor"), ("ask", "administrator of the agency"), ("ask", "administrator")])
ANY_STEP = st.tuples(st.sampled_from(STEPS), st.sampled_from((*EVERYBODY, *DECIDERS)))
CONFIRMED = st.tuples(st.just("confirm"), st.sampled_from(DECIDERS))


def people(project: Project) -> dict[str, Actor]:
    agency = db.session.get_one(Agency, project.agency_id)
    return {
        "editor": an_actor(Role.AGENCY_EDITOR, agency, "editor"),
        "administrator of the agency": an_actor(Role.AGENCY_ADMINISTRATOR, agency, "administrator of the agency"),
        "viewer": an_actor(Role.AGENCY_VIEWER, agency, "viewer"),
        "reviewer": an_actor(Role.REVIEWER, name="reviewer"),
        "other reviewer": an_actor(Role.REVIEWER, name="other reviewer"),
        "supervisor": an_actor(Role.SUPERVISOR, name="supervisor"),
        "other supervisor": an_actor(Role.SUPERVISOR, name="other supervisor"),
        "administrator": an_actor(Role.ADMINISTRATOR, name="administrator"),
        "operator": an_actor(Role.OPERATOR, name="operator"),
        "reviewer's other token": an_actor(Role.SUPERVISOR, name="reviewer"),
        "service account": replace(an_actor(Role.SUPERVISOR, name="service account"), is_person=False),
    }


def take(step: str, actor: Actor, number: str) -> bool:
    """Take a step of the newest request; True when it was allowed."""
    newest = db.session.query(Request).order_by(Request.id.desc()).first()
    request_id = 0 if newest is None else newest.id
    try:
        match step:
            case "ask":
                ask(actor, W, number, {"reason": "Registered in error."})
            case "confirm":
                confirm(actor, W, request_id, "Yes.")
            case "refuse":
                refuse(actor, W, request_id, "No.")
            case "cancel":
                cancel(actor, W, request_id)
            case "restore":
                restore_project(actor, request_id, "It exists.")
            case "audit":
                audit()
    except RegistryError:
        db.session.rollback()
        return False
    return True


def active_flags(project: Project) -> set[str]:
    db.session.rollback()
    rows = db.session.query(Flag).where(Flag.project_id == project.id, Flag.status != "cleared")
    return {flag.rule for flag in rows}


# The rules are the same on both databases; each step is tried on both by test_withdrawal.py.
@pytest.mark.sqlite_only
def test_a_flag_ends_only_when_two_people_of_oversight_confirmed_and_one_leads(
    app: Flask, present: Present, each_example: Undone
) -> None:
    present.set(date(2026, 9, 30))
    project = a_project(an_agency())
    audit()
    actors, flags = people(db.session.get_one(Project, project.id)), active_flags(project)

    ended = 0

    @settings(max_examples=settings.default.max_examples * 3 // 2)
    @given(ASKED, st.lists(CONFIRMED | CONFIRMED | ANY_STEP, max_size=10))
    def check(asked: tuple[str, str], steps: list[tuple[str, str]]) -> None:
        nonlocal ended
        with each_example():
            confirmed: list[str] = []
            asked_by = ""
            for step, who in [asked, *steps]:
                name = actors[who].principal
                allowed = take(step, actors[who], project.number)
                if allowed and step in ("ask", "refuse", "cancel", "restore"):
                    confirmed, asked_by = [], name if step == "ask" else asked_by
                elif allowed and step == "confirm":
                    confirmed.append(name)
                    last = actors[who]
                if active_flags(project) != flags:
                    ended += 1
                    assert len(set(confirmed) - {asked_by}) == 2, (confirmed, asked_by)
                    assert (last.role, last.is_person) == ("supervisor", True)
                    assert not set(confirmed) & set(AGENCY_PEOPLE)

    check()
    # Otherwise the examples have shown nothing: of 45 by day a third end one.
    assert ended > 3
