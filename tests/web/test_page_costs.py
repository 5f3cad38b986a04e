"""Statements of pages: as many for many rows as for few, so that no page reads row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection

from registry.accounts.roles import AGENCY_ROLES, Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.cases.models import Case
from registry.cases.service import add_case_document
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.imports.service import import_now
from registry.projects.documents import add_document
from registry.projects.links import add_link
from registry.requests.models import RequestKind
from registry.requests.restriction import propose_restriction
from registry.requests.service import ask
from tests.audits.steps import audit
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal
from tests.present import Present
from tests.statements import statements

FEW, MANY = 2, 9
DAY = date(2026, 7, 15)
LETTER = {"kind": "letter", "description": "A letter"}
Grow = Callable[[Agency, int], str]


def agencies_below(agency: Agency, count: int) -> str:
    for _ in range(count):
        below = an_agency(agency)
        a_project(below)
        values = {"successor": an_agency().bin, "on": today(), "act": "Decree No. 17", "reason": "They merge."}
        ask(ADMINISTRATOR, RequestKind.SUCCESSION, below.bin, values)
    return f"/agencies/{agency.bin}"


def tree(agency: Agency, count: int) -> str:
    agencies_below(agency, count)
    return f"/agencies/tree?within={agency.bin}"


def records_to_attest(agency: Agency, count: int) -> str:
    for _ in range(count):
        a_project(an_agency(agency))
    return "/attestations"


def requests(agency: Agency, count: int) -> str:
    for _ in range(count):
        project = a_project(an_agency(agency))
        ask(ADMINISTRATOR, RequestKind.WITHDRAWAL, project.number, {"reason": "Registered twice."})
        values = {"to": an_agency().bin, "on": today(), "act": "Order No. 5", "reason": "Another one runs it."}
        ask(ADMINISTRATOR, RequestKind.TRANSFER, project.number, values)
    return "/requests"


def division(agency: Agency, count: int) -> str:
    agency, successor = an_agency(agency), an_agency()
    own = [a_project(agency) for _ in range(count)]
    for project in own:
        a_project(successor, external_id=project.external_id)
    values = {"successor": successor.bin, "on": today(), "act": "Decree No. 17", "reason": "They divide."}
    numbers = [project.number for project in own]
    return f"/requests/{ask(ADMINISTRATOR, RequestKind.SUCCESSION, agency.bin, {**values, 'projects': numbers}).id}"


def import_rows(agency: Agency, count: int) -> str:
    actor = replace(ADMINISTRATOR, principal="administrator.web")
    content = csv_of(*(minimal(agency.bin, external_id=f"R-{place}") for place in range(count)))
    run = import_now(actor, "projects", True, "rows.csv", content)
    return f"/imports/{run.id}/rows"


def imports(agency: Agency, count: int) -> str:
    for _ in range(count):
        import_rows(agency, 1)
    return "/imports"


def case_documents(agency: Agency, count: int) -> str:
    a_project(agency)
    audit()
    case_id = db.session.query(Case.id).order_by(Case.id.desc()).limit(1).scalar()
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    for _ in range(count):
        add_case_document(editor, case_id, "a.pdf", "application/pdf", b"%PDF-1.7", LETTER)
    return f"/cases/{case_id}"


def approvals(agency: Agency, count: int) -> str:
    for _ in range(count):
        project = a_project(an_agency(agency))
        propose_restriction(an_actor(Role.SUPERVISOR), project.number, {"is_restricted": True, "reason": "Secret"})
    return "/approvals"


def linked_project(agency: Agency, count: int) -> str:
    shown = a_project(agency)
    for _ in range(count):
        other = a_project(an_agency(agency))
        with transaction():
            add_link(an_actor(Role.REVIEWER), shown.number, {"kind": "part_of", "target": other.number})
        add_document(ADMINISTRATOR, shown, "a.pdf", "application/pdf", b"%PDF-1.7")
    return f"/projects/{shown.number}"


PAGES: dict[str, tuple[Grow, Role]] = {
    "agency": (agencies_below, Role.ADMINISTRATOR),
    "tree": (tree, Role.ADMINISTRATOR),
    "attestations": (records_to_attest, Role.AGENCY_EDITOR),
    "requests": (requests, Role.ADMINISTRATOR),
    "approvals": (approvals, Role.SUPERVISOR),
    "division": (division, Role.ADMINISTRATOR),
    "import rows": (import_rows, Role.ADMINISTRATOR),
    "imports": (imports, Role.ADMINISTRATOR),
    "case documents": (case_documents, Role.SUPERVISOR),
    "project": (linked_project, Role.SUPERVISOR),
}


@pytest.mark.parametrize("page", PAGES)
def test_page_takes_as_many_statements_for_many_rows_as_for_few(
    connection: Connection, signed_in: SignedIn, present: Present, page: str
) -> None:
    present.set(DAY)
    grow, role = PAGES[page]
    number = an_agency().bin
    visit = signed_in(role, agency_by_bin(number) if role in AGENCY_ROLES else None)
    counts = []
    for count in (FEW, MANY):
        path = grow(agency_by_bin(number), count)
        visit.get(path)  # the first visit fills caches
        db.session.expunge_all()
        with statements(connection) as sent:
            assert visit.get(path).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1], counts
