"""The flagged project of an agency, and its case over HTTP."""

from __future__ import annotations

import pytest

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.projects.models import Project
from tests.api.callers import Caller
from tests.factories import a_project, an_actor


@pytest.fixture
def project(agency: Agency) -> Project:
    """Return a flagged project of the editor's agency."""
    made = a_project(agency)
    run_audit(an_actor(Role.OPERATOR))
    return made


@pytest.fixture
def case(project: Project, reviewer: Caller) -> str:
    """Return the path of the project's case."""
    items = reviewer.get(f"/cases?project={project.number}").get_json()["items"]
    return f"/cases/{items[0]['id']}"
