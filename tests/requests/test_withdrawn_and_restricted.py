"""Withdrawn projects that become restricted, and restricted ones that are withdrawn: the counts of the last audit."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from registry.agencies.models import Agency
from registry.audits.queries import COUNTS, visible_run
from registry.cases.sync import revoke_exemption
from registry.core.database import db, transaction
from registry.flags.models import last_good_audit
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, confirm, restore_project
from tests.audits.steps import exempt
from tests.cases.cast import OPERATOR, SAULE, TIMUR, audit, editor_of
from tests.factories import a_project
from tests.present import Present

DAY = date(2026, 9, 30)


@pytest.fixture(autouse=True)
def day(app: Flask, present: Present) -> None:
    present.set(DAY)


def withdrawn(project: Project) -> Request:
    agency = db.session.get_one(Agency, project.agency_id)
    request = ask(editor_of(agency), RequestKind.WITHDRAWAL, project.number, {"reason": "Twice."})
    confirm(TIMUR, RequestKind.WITHDRAWAL, request.id)
    return confirm(SAULE, RequestKind.WITHDRAWAL, request.id)


def restricted(project: Project, is_restricted: bool) -> None:
    with transaction():
        locked = find_project_to_change(SAULE, project.number, even_withdrawn=True)
        restrict_project(SAULE, locked, is_restricted, "State secret")


def seen_without_restricted() -> dict[str, int]:
    """What the last audit counted, for readers who may not see restricted projects."""
    db.session.rollback()
    run = last_good_audit()
    assert run is not None
    shown = visible_run(OPERATOR, run)
    return {name: shown[name] for name in COUNTS if shown[name]}


def test_restricting_a_withdrawn_project_takes_all_of_it_out_of_the_last_audit(present: Present) -> None:
    project = a_project()
    a_project()
    audit()
    present.move(timedelta(minutes=1))
    withdrawn(project)
    assert seen_without_restricted() == {"projects_judged": 2, "projects_flagged": 2, "flags_opened": 2}

    restricted(project, True)
    assert seen_without_restricted() == {"projects_judged": 1, "projects_flagged": 1, "flags_opened": 1}

    restricted(project, False)
    assert seen_without_restricted() == {"projects_judged": 2, "projects_flagged": 2, "flags_opened": 2}


def test_a_restricted_project_that_was_withdrawn_comes_back_into_the_last_audit(present: Present) -> None:
    project = a_project()
    a_project()
    audit()
    present.set(DAY + timedelta(days=1))
    restricted(project, True)
    audit()
    present.move(timedelta(minutes=1))
    assert seen_without_restricted() == {"projects_judged": 1, "projects_flagged": 1, "flags_kept": 1}

    withdrawn(project)
    restricted(project, False)
    assert seen_without_restricted() == {"projects_judged": 2, "projects_flagged": 2, "flags_kept": 2}


def test_a_project_restored_since_the_last_audit_is_not_in_its_counts(present: Present) -> None:
    project = a_project()
    a_project()
    audit()
    present.move(timedelta(minutes=1))
    request = withdrawn(project)
    present.set(DAY + timedelta(days=1))
    audit()
    present.move(timedelta(minutes=1))
    restore_project(TIMUR, request.id, "It exists.")

    restricted(project, True)

    assert seen_without_restricted() == {"projects_judged": 1, "projects_flagged": 1, "flags_kept": 1}


def test_a_project_restricted_after_its_exemption_was_revoked_leaves_the_last_audit_as_exempt(present: Present) -> None:
    project = a_project()
    exemption = exempt(project, DAY, DAY)
    audit()
    present.move(timedelta(minutes=1))
    revoke_exemption(SAULE, exemption.id, None)

    restricted(project, True)

    assert seen_without_restricted() == {}
