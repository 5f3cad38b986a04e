"""Who sees which changes: judged when the feed is read, as in the lists, and what leaves somebody's view says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.core.database import transaction
from registry.imports.service import import_now
from registry.projects.models import Project
from tests.audits.steps import exempt
from tests.cases.cast import audit, editor_of, in_days
from tests.changes.steps import REVIEWER, SUPERVISOR, changes, pass_on, restrict, since, types
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.present import Present

DAY = date(2026, 9, 30)


@pytest.fixture
def agency(app: Flask, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def project(agency: Agency) -> Project:
    """A project that has a flag, a case and an exemption."""
    project = a_project(agency)
    audit()
    exempt(project, DAY, in_days(5))
    return project


def move(agency: Agency, parent: Agency | None) -> None:
    """Give an agency another one above it."""
    with transaction():
        above = {"parent_bin": None if parent is None else parent.bin}
        change_agency(ADMINISTRATOR, agency_to_change(agency.bin), above, approved={})


def test_an_agency_sees_its_projects_and_those_below_it_and_no_others(agency: Agency) -> None:
    child, foreign = an_agency(parent=agency), an_agency()
    start = since()
    own, below = a_project(agency), a_project(child)
    a_project(foreign)
    audit()

    seen = {each.data["project"] for each in changes(editor_of(agency), start)}

    assert seen == {own.number, below.number}
    assert {each.kind for each in changes(editor_of(agency), start)} == {"project", "flag", "case"}


def test_a_leader_sees_neither_cases_nor_audits(project: Project) -> None:
    kinds = {each.kind for each in changes(an_actor(Role.LEADER))}

    assert kinds == {"agency", "project", "flag", "exemption"}


def test_a_leader_is_not_led_to_the_cases_of_a_project_that_returns(project: Project) -> None:
    restrict(project)
    start = since()
    restrict(project, is_restricted=False)

    (returned,) = [each for each in changes(an_actor(Role.LEADER), start) if each.kind == "view"]

    assert set(returned.links) == {"self", "flags", "exemptions"}


def test_an_import_is_seen_by_its_owner_and_administrators(agency: Agency) -> None:
    editor = editor_of(agency)
    import_now(editor, "projects", True, "a.csv", b"external_id,name_ru\nE-1,\xd0\x90\n")

    own, theirs = changes(editor), changes(replace(editor, principal="colleague"))

    assert [each.type for each in own if each.kind == "import"] == ["import.added", "import.done"]
    assert [each for each in theirs if each.kind == "import"] == []
    assert [each.type for each in changes(ADMINISTRATOR) if each.kind == "import"] == ["import.added", "import.done"]


def test_a_restricted_project_leaves_the_feed_with_one_change(project: Project) -> None:
    start = since()
    restrict(project)

    everything, later = changes(REVIEWER), changes(REVIEWER, start)

    nothing = {"agency": None, "rule": None, "before": None, "after": None, "fields": []}
    assert [(each.type, each.subject, each.data, each.links) for each in later] == [
        ("project.withdrawn-from-view", f"project:{project.number}", {**nothing, "project": project.number}, {})
    ]
    assert [each.type for each in everything if project.number in str(each)] == ["project.withdrawn-from-view"]
    assert "project.withdrawn-from-view" not in [name for name, _ in types(SUPERVISOR)]


def test_a_project_that_returns_names_the_lists_of_all_that_belongs_to_it(project: Project) -> None:
    restrict(project)
    start = since()
    restrict(project, is_restricted=False)

    read = changes(REVIEWER, start)

    assert [each.type for each in read] == ["project.changed", "project.returned-to-view"]
    assert read[1].links == {
        "self": f"/api/v1/projects/{project.number}",
        "flags": f"/api/v1/flags?project={project.number}",
        "cases": f"/api/v1/cases?project={project.number}",
        "exemptions": f"/api/v1/exemptions?project={project.number}",
    }
    assert "project.returned-to-view" not in [name for name, _ in types(SUPERVISOR, start)]


def test_who_did_not_read_in_between_sees_no_withdrawal_that_is_over(project: Project) -> None:
    start = since()
    restrict(project)
    restrict(project, is_restricted=False)

    assert "project.withdrawn-from-view" not in [name for name, _ in types(REVIEWER, start)]
    assert "project.returned-to-view" in [name for name, _ in types(REVIEWER, start)]


def test_who_never_saw_a_restricted_project_gets_no_change_of_it(project: Project) -> None:
    foreign = editor_of(an_agency())
    start = since()
    restrict(project)

    assert types(foreign, start) == []


def test_a_change_of_the_tree_moves_projects_out_of_one_view_and_into_another(agency: Agency, project: Project) -> None:
    before, after = an_agency(), an_agency()
    move(agency, before)
    start = since()
    move(agency, after)
    # Later changes of the tree do not hide what somebody could see at that time.
    move(before, an_agency())

    left = [each for each in types(editor_of(before), start) if not each[0].startswith("agency")]
    entered = [each for each in types(editor_of(after), start) if not each[0].startswith("agency")]

    assert left == [("project.withdrawn-from-view", f"project:{project.number}")]
    assert [name for name, _ in entered] == ["project.returned-to-view"]
    assert "withdrawn" not in str(types(editor_of(agency), start))
    assert "withdrawn" not in str(types(SUPERVISOR, start))


def test_a_project_that_passes_on_leaves_the_view_of_the_former_agency(agency: Agency, project: Project) -> None:
    to = an_agency()
    start = since()
    pass_on(agency, to)

    assert ("project.withdrawn-from-view", f"project:{project.number}") in types(editor_of(agency), start)
    assert ("project.returned-to-view", f"project:{project.number}") in types(editor_of(to), start)
    assert "view" not in str(types(SUPERVISOR, start))


def test_moves_of_a_restricted_project_stay_hidden_from_those_who_may_not_see_it(
    agency: Agency, project: Project
) -> None:
    restrict(project)
    start = since()
    pass_on(agency, an_agency())

    assert [each for each in types(REVIEWER, start) if not each[0].startswith("agency")] == []
