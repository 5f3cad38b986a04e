"""Case life cycles by pages: every action, audit and decision of the Commission is a form."""

from __future__ import annotations

from datetime import date

import pytest

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.exemptions.service import record_exemption
from registry.projects.models import Project
from tests.cases.casework import GAP, LAW, send, status
from tests.cases.cast import SAULE, case_of, flags_of
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit
from tests.present import Present

MONDAY = date(2026, 2, 16)


class Office:
    """People at their browsers; each signs in when needed, and again on another day."""

    def __init__(self, signed_in: SignedIn, present: Present, agency: Agency) -> None:
        self._signed_in, self._present, self._agency = signed_in, present, agency
        self._visits: dict[Role, Visit] = {}
        self._here: set[Role] = set()

    def on(self, day: date) -> None:
        """Move to another day, on which sessions have ended."""
        self._present.set(day)
        self._here.clear()

    def person(self, role: Role) -> Visit:
        if role not in self._visits:
            self._visits[role] = self._signed_in(role, self._agency if role is Role.AGENCY_EDITOR else None)
        elif role not in self._here:
            self._visits[role].sign_in(f"{role.value}.web")
        self._here.add(role)
        return self._visits[role]

    @property
    def reviewer(self) -> Visit:
        return self.person(Role.REVIEWER)

    @property
    def supervisor(self) -> Visit:
        return self.person(Role.SUPERVISOR)

    @property
    def operator(self) -> Visit:
        return self.person(Role.OPERATOR)

    @property
    def editor(self) -> Visit:
        return self.person(Role.AGENCY_EDITOR)

    def audit(self) -> None:
        assert "The audit is done." in self.operator.send("/audits/new").text

    def open_case(self, project: Project) -> str:
        """Run an audit, claim the case from the queue, and return its path."""
        self.audit()
        case = f"/cases/{case_of(project).id}"
        assert case in self.reviewer.get("/cases?status=new").text
        assert "Case taken" in self.reviewer.send(f"{case}/claim", page="/cases?status=new").text
        return case

    def decide(self, case: str, **proposal: str) -> str:
        """Propose as the reviewer and approve from the supervisor's list."""
        given = {f"propose-{name}": value for name, value in proposal.items()}
        assert send(self.reviewer, case, "propose", **given, **LAW)[0] == 200
        assert case in self.supervisor.get("/cases?to_approve=true").text
        code, page = send(self.supervisor, case, "approve")
        assert code == 200
        return page


@pytest.fixture
def agency(app: object) -> Agency:
    return an_agency()


@pytest.fixture
def office(signed_in: SignedIn, present: Present, agency: Agency) -> Office:
    present.set(MONDAY)
    return Office(signed_in, present, agency)


def edit(editor: Visit, project: Project, **changes: str) -> None:
    path = f"/projects/{project.number}/edit"
    version = project.version
    page = editor.send(path, version=str(version), confirmed="yes", change_reason="By the documents", **changes)
    assert "Changes saved." in page.text, page.text


def test_accepted_case_reopens_when_facts_change(office: Office, agency: Agency) -> None:
    project = a_project(agency)
    case = office.open_case(project)
    assert "Closed" in office.decide(case, decision="transitional_accepted") and status(case) == "closed"
    office.on(date(2026, 2, 17))
    edit(office.editor, project, work_started_on="10.02.2026", contract_signed_on="05.02.2026")
    office.audit()
    assert status(case) == "under_review"
    assert "Reopened by an audit" in office.reviewer.get(case).text
    assert case in office.reviewer.get("/cases?status=under_review&assignee=reviewer.web").text


def test_case_returns_day_after_exemption_ends(office: Office, agency: Agency) -> None:
    project = a_project(agency)
    case = office.open_case(project)
    assert send(office.reviewer, case, "refer")[0] == 200
    decision = {"decision_number": "14-K", "decided_on": date(2026, 2, 16), "valid_from": date(2026, 2, 16)}
    record_exemption(SAULE, {"project": project.number, **decision, "valid_to": date(2026, 3, 31)})
    office.audit()
    assert (status(case), flags_of(project)) == ("with_commission", {"freeze.creation": "exempt"})
    for who in (office.reviewer, office.editor):
        assert "43 days left" in who.get("/cases/exemptions-ending").text
        assert "43 days left" not in who.get("/cases/exemptions-ending?within=30").text
    office.on(date(2026, 3, 31))
    office.audit()
    assert "Last day" in office.reviewer.get("/cases/exemptions-ending").text and status(case) == "with_commission"
    office.on(date(2026, 4, 1))
    office.audit()
    assert (status(case), flags_of(project)) == ("under_review", {"freeze.creation": "open"})
    assert "Reopened by an audit" in office.reviewer.get(case).text
    assert project.number not in office.reviewer.get("/cases/exemptions-ending?within=any").text


def test_ignored_order_becomes_overdue_and_flagged(office: Office, agency: Agency) -> None:
    project = a_project(agency)
    case = office.open_case(project)
    office.decide(case, decision="migrate_by", due_on="20.03.2026")
    assert status(case) == "remediation" and case in office.editor.get("/cases?status=remediation").text
    assert case not in office.reviewer.get("/cases?overdue=true").text
    office.on(date(2026, 3, 21))
    office.audit()
    assert case in office.reviewer.get("/cases?overdue=true").text
    page = office.editor.get(case).text
    assert "migration.order-overdue" in page and "An audit opened a new flag" in page and "Overdue" in page
    assert flags_of(project) == {"freeze.creation": "open", "migration.order-overdue": "open"}


def test_flags_cleared_by_edit_wait_for_reviewer(office: Office, agency: Agency) -> None:
    project = a_project(agency, **GAP)
    case = office.open_case(project)
    edit(office.editor, project, object_commissioned_on="01.01.2020")
    office.audit()
    assert status(case) == "awaiting_confirmation"
    assert "An audit cleared the flags of the case" in office.editor.get(case).text
    waiting = "/cases?status=awaiting_confirmation"
    page = office.reviewer.send("/cases/bulk/confirm", page=waiting, case=case.rpartition("/")[2]).text
    assert "1 case is confirmed and closed." in page and status(case) == "closed"
