"""Lists of projects whose statements are cached: nothing that a statement depends on may change without it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection

from registry.accounts.roles import Role
from registry.core.lists import Page, kind_of
from registry.core.values import InvalidValue
from registry.freeze.policy import policy_in_force
from registry.projects.filters import FILTERS
from registry.projects.queries import NOT_CACHED, list_projects
from tests.audits.steps import audit
from tests.factories import a_bin, a_project, an_actor
from tests.present import Present
from tests.statements import statements

pytestmark = pytest.mark.usefixtures("app")
LEADER = an_actor(Role.LEADER)
VALUES = ("true", "1", "2026-09-28", a_bin(), "freeze.creation")


def test_age_of_flags_is_that_of_the_last_audit_in_a_list_read_before_it(present: Present) -> None:
    present.set(date(2026, 9, 28))
    project = a_project()
    audit()
    present.move(timedelta(days=31))
    for expected in ([], [project.number]):
        for filters in ({"flag_age": "31"}, {"flag_age": "31", "placement": "off_platform"}):
            listed = list_projects(LEADER, {**filters}, Page())
            assert [row["number"] for row in listed.items] == expected, filters
        audit()


@pytest.mark.parametrize("name", sorted(set(FILTERS) - NOT_CACHED))
def test_cached_filters_ask_nothing_of_the_database(connection: Connection, name: str) -> None:
    policy_in_force()
    known = FILTERS[name]
    with statements(connection) as sent:
        for value in (*getattr(kind_of(known), "options", ()), *VALUES):
            try:
                known.condition(value)
                break
            except InvalidValue:
                continue
        else:
            pytest.fail(f"no value fits {name}")
    assert sent == []
