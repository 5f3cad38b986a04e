"""What the change feed has of each kind of record: one change for each record and transaction, with both states."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.audits.service import run_audit
from registry.cases.sync import revoke_exemption
from registry.core.database import transaction
from registry.imports.service import import_now
from registry.projects.models import Project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm, restore_project
from tests.audits.steps import exempt
from tests.cases.cast import AIGERIM, NO_BREACH, OPERATOR, SAULE, act, audit, case_of, edit, editor_of, in_days
from tests.changes.steps import REVIEWER, changes, pass_on, restrict, since, states, types
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.present import Present

DAY = date(2026, 9, 30)


@pytest.fixture
def agency(app: Flask, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def project(agency: Agency) -> Project:
    """A project that the next audit flags for one rule."""
    return a_project(agency)


def test_registrations_and_edits_have_their_version_and_changed_values(agency: Agency, project: Project) -> None:
    edit(editor_of(agency), project, stage="pilot", budget_kzt=130_000_000)

    registered, edited = changes()[-2:]

    assert (registered.type, registered.subject, registered.version) == (
        "project.registered",
        f"project:{project.number}",
        1,
    )
    assert registered.data == {
        "before": None,
        "after": {"status": "unaudited", "severity": None},
        "fields": [],
        "project": project.number,
        "agency": agency.bin,
        "rule": None,
    }
    assert (edited.type, edited.version, edited.data["fields"]) == ("project.changed", 2, ["stage", "budget_kzt"])
    assert edited.data["before"] == {"status": "unaudited", "severity": None, "stage": "creation"}
    assert edited.data["after"] == {"status": "unaudited", "severity": None, "stage": "pilot"}
    assert edited.links == {
        "self": f"/api/v1/projects/{project.number}",
        "project": f"/api/v1/projects/{project.number}",
    }


def test_an_audit_changes_projects_flags_and_cases_in_this_order(project: Project) -> None:
    start = since()
    run = audit()
    case = case_of(project)

    read = changes(after=start)

    assert [(each.type, each.data["after"]["status"], each.version) for each in read] == [
        ("project.changed", "flagged", 1),
        ("flag.opened", "open", None),
        ("case.opened", "new", 1),
        ("audit.succeeded", "succeeded", None),
    ]
    assert [each.seq for each in read] == [start + 1, start + 2, start + 3, start + 4]
    assert read[0].data["before"] == {"status": "unaudited", "severity": None}
    assert read[1].data["rule"] == "freeze.creation"
    assert (read[2].subject, read[3].subject) == (f"case:{case.id}", f"audit:{run.id}")


def test_an_audit_that_changes_nothing_has_no_other_change(project: Project, present: Present) -> None:
    audit()
    present.move(timedelta(minutes=1))
    start = since()
    run = audit()

    assert types(after=start) == [("audit.succeeded", f"audit:{run.id}")]


def test_a_dry_run_is_no_change(project: Project) -> None:
    start = since()
    run_audit(OPERATOR, dry_run=True)

    assert types(after=start) == []


def test_a_cleared_flag_has_the_statuses_before_and_after(agency: Agency, project: Project) -> None:
    audit()
    unflagged = {"work_type": "maintenance", "stage": "operation", "placement": "on_platform"}
    edit(editor_of(agency), project, **unflagged, contract_signed_on=None, work_started_on=None)
    start = since()
    audit()

    read = {each.type.value: states(each) for each in changes(after=start)}

    assert read["flag.cleared"] == ("open", "cleared")
    assert read["flag.opened"] == (None, "open")
    assert read["case.changed"] == ("new", "new")
    assert read["project.changed"] == ("flagged", "flagged")


def test_a_decision_changes_case_flag_and_project_once(project: Project) -> None:
    audit()
    case = case_of(project)
    act(AIGERIM, case, "claim")
    start = since()
    act(AIGERIM, case, "propose", NO_BREACH)
    act(SAULE, case, "approve")

    read = changes(after=start)

    assert [(each.type, *states(each)) for each in read] == [
        ("case.changed", "under_review", "awaiting_approval"),
        ("project.changed", "flagged", "accepted"),
        ("flag.changed", "open", "accepted"),
        ("case.closed", "awaiting_approval", "closed"),
    ]


def test_exemptions_are_recorded_and_revoked(project: Project) -> None:
    start = since()
    exemption = exempt(project, DAY, in_days(10))
    revoke_exemption(SAULE, exemption.id, "In error.")

    assert types(after=start) == [
        ("exemption.recorded", f"exemption:{exemption.id}"),
        ("exemption.revoked", f"exemption:{exemption.id}"),
    ]


def test_agencies_are_registered_changed_and_closed(agency: Agency, present: Present) -> None:
    start = since()
    successor = an_agency()
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(agency.bin), {"region": "75"})
    pass_on(agency, successor)

    assert types(after=start) == [
        ("agency.registered", f"agency:{successor.bin}"),
        ("agency.changed", f"agency:{agency.bin}"),
        ("agency.closed", f"agency:{agency.bin}"),
    ]


def test_a_project_that_passes_on_names_both_agencies(agency: Agency, project: Project) -> None:
    successor = an_agency()
    start = since()
    pass_on(agency, successor)

    (passed,) = [each for each in changes(after=start) if each.kind == "project"]

    assert passed.type == "project.passed-on"
    assert (passed.data["before"]["agency"], passed.data["after"]["agency"]) == (agency.bin, successor.bin)


def test_a_project_is_withdrawn_and_restored_with_its_flags(agency: Agency, project: Project) -> None:
    audit()
    case = case_of(project)
    start = since()
    body = {"reason": "Registered twice.", "duplicate_of": None}
    request = ask(editor_of(agency), RequestKind.WITHDRAWAL, project.number, body)
    confirm(AIGERIM, RequestKind.WITHDRAWAL, request.id)
    confirm(SAULE, RequestKind.WITHDRAWAL, request.id)
    withdrawn = types(after=start)
    start = since()
    restore_project(SAULE, request.id, "No error.")

    assert [name for name, _ in withdrawn] == ["project.withdrawn", "flag.cleared", "case.closed"]
    assert withdrawn[2] == ("case.closed", f"case:{case.id}")
    assert [name for name, _ in types(after=start)] == ["project.restored", "flag.reopened"]


def test_imports_have_their_states(agency: Agency) -> None:
    start = since()
    content = f"bin,kind,name_ru\n{'990140000012'},central_body,Комитет\n".encode()
    run = import_now(ADMINISTRATOR, "agencies", False, "a.csv", content)

    read = [(each.type, *states(each)) for each in changes(ADMINISTRATOR, start) if each.kind == "import"]

    assert run.state == "done"
    assert read == [("import.added", None, "running"), ("import.done", "running", "done")]


def test_what_is_rolled_back_has_no_change_and_takes_no_number(project: Project) -> None:
    start = since()
    with pytest.raises(ZeroDivisionError), transaction():
        a_project()
        raise ZeroDivisionError
    other = a_project()

    assert types(after=start)[-1] == ("project.registered", f"project:{other.number}")
    assert since() == start + 3


def test_a_restriction_is_a_change_for_those_who_still_see_the_project(project: Project) -> None:
    start = since()
    restrict(project)

    (change,) = changes(after=start)

    assert (change.type, change.data["after"]["is_restricted"]) == ("project.changed", True)
    assert [name for name, _ in types(REVIEWER, start)] == ["project.withdrawn-from-view"]


def test_the_day_of_an_order_does_not_change_what_the_calendar_alone_changes(
    project: Project, present: Present
) -> None:
    audit()
    start = since()
    present.move(timedelta(days=1))

    assert types(after=start) == []
