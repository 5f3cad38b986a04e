"""What reading costs does not grow: as many statements for any page, any filter and any number of rows."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Connection

from registry.records import project_lists
from registry.records.agencies import Agency
from tests.api.callers import Caller
from tests.factories import a_project
from tests.nights.steps import audit, many_projects
from tests.statements import statements

# Who calls, and the page.
OF_A_LIST = 2
# Who calls, the project with its agency, and where it stands.
OF_A_PROJECT = 3


@pytest.mark.parametrize("query", ["", "&sort=-budget_kzt", "&flagged=true&sort=started_on", "&q=учёта", "&cursor"])
def test_a_list_takes_as_many_statements_for_many_rows_as_for_few(
    connection: Connection, reviewer: Caller, agency: Agency, query: str
) -> None:
    many_projects(3, agency)
    audit()
    if query == "&cursor":
        query = "&cursor=" + reviewer.get("/projects?limit=1").get_json()["next"]
    reviewer.get("/agencies")  # the first use of a token is kept
    counts = set()
    for limit in (2, 40):
        with statements(connection) as sent:
            assert reviewer.get(f"/projects?limit={limit}{query}").status_code == 200
        counts.add(sum(not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")) for sql in sent))
        many_projects(40, agency)
    assert counts == {OF_A_LIST}


def test_reading_a_project_takes_few_statements(
    app: Flask, connection: Connection, reviewer: Caller, agency: Agency
) -> None:
    number = a_project(agency).number
    audit()
    reviewer.get("/agencies")  # the first use of a token is kept
    with statements(connection) as sent:
        assert reviewer.get(f"/projects/{number}").status_code == 200
    assert sum(not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")) for sql in sent) == OF_A_PROJECT


@pytest.mark.postgres_only
def test_a_rare_word_is_found_behind_everything_that_was_looked_through(
    app: Flask, reviewer: Caller, agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_lists, "LOOKED_THROUGH", 5)
    rare = [a_project(agency, name_ru=f"Реестр тұлпар {place}").number for place in range(3)]
    many_projects(20, agency)
    for query in ("q=тұлп", "q=реестр тұлпар", "q=тұлпар&stage=creation"):
        found = reviewer.get(f"/projects?{query}&sort=number").get_json()["items"]
        assert [each["number"] for each in found] == rare
    first = reviewer.get("/projects?q=тұлпар&sort=-registered_at&limit=2").get_json()
    rest = reviewer.get(f"/projects?q=тұлпар&sort=-registered_at&limit=2&cursor={first['next']}").get_json()
    assert [each["number"] for each in first["items"] + rest["items"]] == rare[::-1]
    assert rest["next"] is None
