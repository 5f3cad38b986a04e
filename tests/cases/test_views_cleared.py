"""Cases with cleared flags: the flags, their dates, the recorded cause, and flags that are still active."""

from __future__ import annotations

from datetime import date, timedelta

from registry.accounts.roles import Role
from registry.agencies.service import agency_to_change, change_agency
from registry.core.database import transaction
from registry.freeze.current import policy_in_force
from registry.platform.confirmations import verify_placement
from registry.projects.service import find_project_to_change
from tests.audits.steps import changes
from tests.cases.casework import GAP
from tests.cases.cast import OPERATOR, SAULE, act, audit, case_of, edit, editor_of
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 10, 5)
HOUR = timedelta(hours=1)
WAITING = "/cases?status=awaiting_confirmation"
NOTHING = "The last audit opened no flag."
UNKNOWN = "No change on record between the two audits explains it."


def title(rule: str) -> str:
    return policy_in_force().rules[rule].title["en"]


def cleared_part(page: str) -> str:
    return page.partition("Cleared flags")[2].partition("</details>")[0]


def found_part(page: str) -> str:
    return page.partition(">Flags</h2>")[2].partition("Cleared flags")[0]


def test_cleared_flag_is_listed_and_edit_is_named(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **GAP)
    audit()
    present.move(HOUR)
    edit(editor_of(agency), project, object_commissioned_on="2020-02-01", name_en="Renamed")
    present.move(HOUR)
    assert {change for _, _, change in changes(audit())} == {"opened", "cleared"}
    visit = signed_in(Role.REVIEWER)
    row = visit.get(WAITING).text.partition("<tbody")[2].partition("</tbody>")[0]
    assert title("freeze.data-gap") in row and "cleared on 05.10.2026" in row
    assert not any(title(rule) in row for rule in ("freeze.legacy", "migration.overdue"))
    page = visit.get(f"/cases/{case_of(project).id}").text
    cleared = cleared_part(page)
    assert (
        ": – → 1 February 2020" in cleared
        and "editor, " in cleared
        and "Renamed" not in cleared
        and UNKNOWN not in cleared
    )
    # A weaker flag is active, so the page does not say that nothing was found.
    assert NOTHING not in page and "migration.overdue" in found_part(page)


def test_verified_placement_is_named_with_verifier(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    edit(ADMINISTRATOR, project, placement="on_platform", platform_key="qt-1")
    audit()
    present.move(HOUR)
    with transaction():
        verify_placement(OPERATOR, find_project_to_change(OPERATOR, project.number), "qt-1", DAY, "QazTech")
    present.move(HOUR)
    audit()
    page = signed_in(Role.REVIEWER).get(f"/cases/{case_of(project).id}").text
    cleared = cleared_part(page)
    assert OPERATOR.principal in cleared and "→ 5 October 2026" in cleared and UNKNOWN not in cleared
    assert NOTHING in page


def test_agency_kind_change_is_named(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency)
    audit()
    present.move(HOUR)
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(agency.bin), {"kind": "private"}, approved={})
    present.move(HOUR)
    audit()
    cleared = cleared_part(signed_in(Role.SUPERVISOR).get(f"/cases/{case_of(project).id}").text)
    assert "Kind of agency: Central state body → Private" in cleared and ADMINISTRATOR.principal in cleared


def test_unexplained_clearing_says_so(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    with transaction():
        find_project_to_change(ADMINISTRATOR, project.number).placement_verified_on = DAY
        find_project_to_change(ADMINISTRATOR, project.number).placement = "on_platform"
    present.move(HOUR)
    audit()
    assert UNKNOWN in cleared_part(signed_in(Role.SUPERVISOR).get(f"/cases/{case_of(project).id}").text)


def test_closed_case_shows_active_flag_outside_it(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **GAP)
    audit()
    edit(editor_of(agency), project, object_commissioned_on="2020-02-01")
    present.move(HOUR)
    audit()
    closed = case_of(project).id
    act(SAULE, closed, "confirm")
    page = signed_in(Role.REVIEWER).get(f"/cases/{closed}").text
    assert NOTHING not in page and "Active flags of the project outside this case" in page
    assert "migration.overdue" in found_part(page)
