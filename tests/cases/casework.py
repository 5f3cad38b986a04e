"""Case actions by page, shared by the page tests."""

from __future__ import annotations

import re

from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.core.database import db
from registry.projects.models import Project
from tests.cases.cast import audit, case_of
from tests.factories import a_project
from tests.fixtures.web import Visit

# A data gap that the agency can close by an edit.
GAP = {
    "work_type": "maintenance",
    "stage": "operation",
    "work_started_on": "2025-01-10",
    "contract_signed_on": "2025-01-10",
}
LAW = {"propose-reason_ru": "Письмо от 3 февраля.", "propose-legal_basis_ru": "Указ, пункт 1"}
# An order goes out in both languages.
ORDER = {"propose-reason_kk": "3 ақпандағы хат.", "propose-legal_basis_kk": "Жарлықтың 1-тармағы", **LAW}


def flagged_case(agency: Agency | None = None, **values: str) -> tuple[Project, str]:
    """Return a flagged project and the URL of its case."""
    project = a_project(agency, **values)
    audit()
    return project, f"/cases/{case_of(project).id}"


def send(visit: Visit, case: str, action: str, seen: str | None = None, **fields: object) -> tuple[int, str]:
    """Submit an action's form with the hidden fields of a page (default: the current page)."""
    page = seen or visit.get(case).text
    hidden = {name: re.search(f'name="{name}" value="([^"]+)"', page)[1] for name in ("seen", "events")}  # type: ignore[index] # every page with forms has both
    answer = visit.send(f"{case}/{action}", page=case, **hidden, **fields)
    return answer.status_code, answer.text


def status(case: str) -> str:
    db.session.expire_all()
    row = db.session.get(Case, int(case.rpartition("/")[2]))
    assert row
    return row.status
