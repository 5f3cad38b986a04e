"""Entity tags after any sequence of actions, and ``changed_at`` after an audit that changes nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.service import agency_to_change, change_agency
from registry.audits.service import run_audit
from registry.cases.api import etag_data as case_tag
from registry.cases.lists import show_case
from registry.cases.models import Case
from registry.cases.queries import find_case
from registry.cases.service import open_case
from registry.cases.sync import revoke_exemption
from registry.cases.transitions import possible_actions, waiting_proposal
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.errors import RegistryError
from registry.core.lists import Page
from registry.exemptions.models import Exemption
from registry.exemptions.service import record_exemption
from registry.flags.queries import list_flags
from registry.platform.confirmations import verify_placement
from registry.projects.api import etag_data as project_tag, project_row
from registry.projects.models import Project
from registry.projects.service import find_project, find_project_to_change, restrict_project
from tests.cases.cast import (
    AIGERIM,
    AUDITOR,
    NO_BREACH,
    SAULE,
    TIMUR,
    TRANSITIONAL,
    act,
    case_of,
    edit,
    editor_of,
    migrate_by,
)
from tests.factories import ADMINISTRATOR, a_project, a_token, an_actor, an_agency
from tests.present import Present

ACTS = 60


class Story:
    """Three projects of two agencies, and all actions on them."""

    def __init__(self, present: Present, seed: int) -> None:
        self.present, self.random = present, random.Random(seed)
        present.set(date(2026, 11, 2))
        for person in (AIGERIM, SAULE, TIMUR):
            a_token(person.role, name=person.principal, lifetime=None)
        self.top, self.agency = an_agency(), an_agency()
        old = {"work_type": "maintenance", "stage": "operation", "platform_key": "k"}
        self.projects = [
            a_project(self.agency),
            a_project(self.agency, **old, contract_signed_on="2025-01-10", work_started_on="2025-01-10"),
            a_project(self.agency, **old, object_commissioned_on="2020-01-01", contract_signed_on="2025-01-10"),
        ]
        self.editor = editor_of(self.agency)
        self.above = an_actor(Role.AGENCY_VIEWER, self.top, name="above")
        self.people = (AIGERIM, SAULE, TIMUR, self.editor)
        self.acts: tuple[Callable[[], object], ...] = (
            *[self.act_on_case] * 4, *[self.audit] * 3, self.edit, self.place, self.exempt, self.revoke,
            self.restrict, self.change_kind, self.move_agency, self.look_closer,
        )  # fmt: skip

    def happen(self) -> str:
        done = self.random.choice(self.acts)
        self.present.move(timedelta(seconds=1))
        try:
            done()
        except RegistryError as error:
            return f"{done.__name__}: {error.code}"
        return done.__name__

    @property
    def project(self) -> Project:
        return self.random.choice(self.projects)

    def audit(self) -> None:
        self.present.move(timedelta(days=self.random.choice((0, 1, 20))))
        run_audit(an_actor(Role.OPERATOR))

    def edit(self) -> None:
        edit(self.editor, self.project, object_commissioned_on=self.random.choice(("2020-01-01", None)))

    def place(self) -> None:
        project, on = self.project, self.random.choice((True, False))
        edit(self.editor, project, placement="on_platform" if on else "off_platform", platform_key="k")
        if on:
            with transaction():
                operator = an_actor(Role.OPERATOR)
                locked = find_project_to_change(SAULE, project.number)
                verify_placement(operator, locked, "k", today(), "seen")

    def exempt(self) -> None:
        until = today() + timedelta(days=self.random.choice((0, 30)))
        days = {"decided_on": today(), "valid_from": today(), "valid_to": until}
        record_exemption(SAULE, {"project": self.project.number, "decision_number": "1", **days})

    def revoke(self) -> None:
        ids = db.session.scalars(select(Exemption.id).where(Exemption.revoked_at.is_(None))).all()
        if ids:
            revoke_exemption(SAULE, self.random.choice(ids), None)

    def restrict(self) -> None:
        with transaction():
            project = find_project_to_change(SAULE, self.project.number)
            restrict_project(SAULE, project, not project.is_restricted, "a reason")

    def change_kind(self) -> None:
        with transaction():
            kind = self.random.choice(("central_body", "private"))
            change_agency(ADMINISTRATOR, agency_to_change(self.agency.bin), {"kind": kind}, approved={})

    def move_agency(self) -> None:
        with transaction():
            parent = self.random.choice((self.top.bin, None))
            change_agency(ADMINISTRATOR, agency_to_change(self.agency.bin), {"parent_bin": parent}, approved={})

    def look_closer(self) -> None:
        open_case(SAULE, self.project.number)

    def act_on_case(self) -> None:
        ids = db.session.scalars(select(Case.id)).all()
        if not ids:
            return
        case = find_case(SAULE, self.random.choice(ids))
        actor = self.random.choice(self.people)
        possible = possible_actions(actor, case, waiting_proposal(case))
        if not possible:
            return
        name = self.random.choice(possible)
        order = migrate_by(today() + timedelta(days=40))
        values = {
            "assign": ["saule"],
            "propose": [self.random.choice([NO_BREACH, TRANSITIONAL, order])],
            "comment": ["word"],
        }
        act(actor, case, name, *values.get(name, []))


@pytest.mark.parametrize("seed", [11])
def test_whatever_changes_what_is_shown_changes_the_entity_tag(app: Flask, present: Present, seed: int) -> None:
    story = Story(present, seed)
    done: list[str] = []
    before: dict[Any, tuple[Any, Any]] = {}
    for _ in range(ACTS):
        done.append(story.happen())
        for project in story.projects:
            row = project_row(find_project(AUDITOR, project.number))
            require_other_tag(before, project.number, row, project_tag(row), done)
        for case_id in db.session.scalars(select(Case.id)).all():
            shown = show_case(AUDITOR, find_case(AUDITOR, case_id), "en")
            require_other_tag(before, case_id, shown, case_tag(shown), done)
    assert {"audit", "act_on_case", "restrict", "change_kind", "move_agency"} <= set(done)


def require_other_tag(before: dict[Any, tuple[Any, Any]], key: Any, shown: Any, tag: Any, done: list[str]) -> None:
    """Require that what is shown is as before or has another entity tag."""
    if key in before and before[key][0] != shown:
        assert tag != before[key][1], (key, done[-3:])
    before[key] = (dict(shown), tag)


def test_audit_without_changes_keeps_changed_at(app: Flask, present: Present) -> None:
    present.set(date(2026, 11, 2))
    project = a_project()
    run_audit(an_actor(Role.OPERATOR))
    case = case_of(project)
    flag = list_flags(AUDITOR, {}, Page(), "en").items[0]
    seen = (find_project(AUDITOR, project.number).changed_at, case.changed_at, flag["changed_at"])
    assert seen[0] == seen[1] == seen[2]
    present.set(date(2026, 11, 3))
    run_audit(an_actor(Role.OPERATOR))

    flag_later = list_flags(AUDITOR, {}, Page(), "en").items[0]
    assert flag_later["last_seen_on"] == date(2026, 11, 3)
    assert (
        find_project(AUDITOR, project.number).changed_at,
        case_of(project).changed_at,
        flag_later["changed_at"],
    ) == seen
