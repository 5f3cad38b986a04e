"""The people around one case, and the case."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from flask import Flask

from registry.accounts.roles import Role
from tests.cases.cast import case_of
from tests.factories import a_project, an_agency
from tests.inbox.people import Cast, a_person, audit
from tests.present import Present


@pytest.fixture
def cast(app: Flask, present: Present) -> Iterator[Cast]:
    present.set(date(2026, 7, 15))
    agency = an_agency()
    project = a_project(agency)
    audit()
    yield Cast(
        a_person("aigerim", Role.REVIEWER),
        a_person("bolat", Role.REVIEWER),
        a_person("saule", Role.SUPERVISOR),
        a_person("editor", Role.AGENCY_EDITOR, agency),
        a_person("viewer", Role.AGENCY_VIEWER, agency),
        agency,
        project,
        case_of(project),
    )
