"""What reading and writing cost: as many statements for any page, any filter and any number of rows."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Connection

from registry.agencies.models import Agency
from registry.projects import filters
from tests.api.callers import Caller
from tests.audits.steps import audit, create_projects
from tests.cases.cast import AIGERIM, act, in_days, migrate_by, project_with_gap, under_review
from tests.factories import a_project, project_values
from tests.statements import statements

pytestmark = pytest.mark.on_both
NOT_COUNTED = ("SAVEPOINT", "RELEASE", "ROLLBACK")
# Who calls, with the newest activation of a policy, and the page.
OF_A_LIST = 2
# Who calls, and the project with its agency and where it stands.
OF_A_PROJECT = 2
# Who calls, and its flags; the project alone is looked up where it has none.
OF_ITS_FLAGS = 2
# Who calls; the lock that keeps a merger of the agency out; the agency, the external id, former records of the same
# object and names, the versions of the policy; and what others wait for: the number, the rows, the journal's head, the
# entry, the change.
OF_A_REGISTRATION = 12
# At most. Who may approve is judged twice: for what the caller saw, and under the locks.
OF_AN_APPROVAL = 35


@pytest.mark.parametrize("query", ["", "&sort=-budget_kzt", "&flagged=true&sort=started_on", "&q=учёта", "&cursor"])
def test_a_list_takes_as_many_statements_for_many_rows_as_for_few(
    connection: Connection, reviewer: Caller, agency: Agency, query: str
) -> None:
    create_projects(3, agency)
    audit()
    if query == "&cursor":
        query = "&cursor=" + reviewer.get("/projects?limit=1").get_json()["next"]
    reviewer.get("/projects")  # the first use of a token is kept, and the versions of the policy are
    counts = set()
    for limit in (2, 40):
        create_projects(limit, agency)
        with statements(connection) as sent:
            assert reviewer.get(f"/projects?limit={limit}{query}").status_code == 200
        counts.add(sum(not sql.startswith(NOT_COUNTED) for sql in sent))
    # First, how common a word is, and whether it is known.
    assert counts == {OF_A_LIST + 2 * query.startswith("&q=")}


@pytest.mark.parametrize(("what", "cost"), [("", OF_A_PROJECT), ("/flags", OF_ITS_FLAGS)])
def test_reading_a_project_or_its_flags_takes_few_statements(
    app: Flask, connection: Connection, reviewer: Caller, agency: Agency, what: str, cost: int
) -> None:
    number = a_project(agency).number
    audit()
    reviewer.get("/projects")  # the first use of a token is kept, and the versions of the policy are
    with statements(connection) as sent:
        assert reviewer.get(f"/projects/{number}{what}").status_code == 200
    assert sum(not sql.startswith(NOT_COUNTED) for sql in sent) == cost


@pytest.mark.postgres_only
def test_a_registration_takes_few_statements(
    app: Flask, connection: Connection, administrator: Caller, agency: Agency
) -> None:
    a_project(agency)
    administrator.get("/agencies")  # the first use of a token is kept
    body = {**project_values(), "agency": agency.bin}
    with statements(connection) as sent:
        assert administrator.post("/projects", body).status_code == 201
    assert sum(not sql.startswith(NOT_COUNTED) for sql in sent) == OF_A_REGISTRATION


@pytest.mark.postgres_only
def test_an_approval_takes_few_statements(app: Flask, connection: Connection, supervisor: Caller) -> None:
    case = under_review(project_with_gap())
    act(AIGERIM, case, "propose", migrate_by(in_days(60)))
    tag = supervisor.get(f"/cases/{case.id}").headers["ETag"]
    with statements(connection) as sent:
        assert supervisor.post(f"/cases/{case.id}/approve", {}, If_Match=tag).status_code == 200
    assert sum(not sql.startswith(NOT_COUNTED) for sql in sent) <= OF_AN_APPROVAL


@pytest.mark.parametrize("common", [-1, 10_000])
def test_words_are_found_alike_whether_they_are_taken_for_common_or_for_rare(
    app: Flask, reviewer: Caller, agency: Agency, monkeypatch: pytest.MonkeyPatch, common: int, database_kind: str
) -> None:
    monkeypatch.setattr(filters, "INDEX_SCAN_LIMIT" if database_kind == "postgresql" else "MAX_IDS", common)
    rare = [a_project(agency, name_ru=f"Реестр тұлпар {place}").number for place in range(3)]
    create_projects(20, agency)
    for query in ("q=тұлп", "q=реестр тұлпар", "q=тұлпар&stage=creation"):
        items = reviewer.get(f"/projects?{query}&sort=number").get_json()["items"]
        assert [each["number"] for each in items] == rare
    first = reviewer.get("/projects?q=тұлпар&sort=-registered_at&limit=2").get_json()
    rest = reviewer.get(f"/projects?q=тұлпар&sort=-registered_at&limit=2&cursor={first['next']}").get_json()
    assert [each["number"] for each in first["items"] + rest["items"]] == rare[::-1]
    assert rest["next"] is None
