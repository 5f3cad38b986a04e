"""Plans of project lists: rare filters and rare words do not walk the whole index of the sort."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from registry.accounts.roles import Role
from registry.cases.lists import list_cases
from registry.core.database import transaction
from registry.core.lists import Page
from registry.projects.queries import PROJECT_LIST, list_projects
from tests.audits.steps import audit
from tests.factories import a_project, an_actor, an_agency
from tests.plans import Plan, plans, prefer_indexes
from tests.statements import statements

pytestmark = [pytest.mark.usefixtures("app"), pytest.mark.on_both]
SUPERVISOR = an_actor(Role.SUPERVISOR)
STAGE = "ix_projects_stage_registered_at"
REGION = "ix_projects_region_sector_registered_at"


def plan_of_list(connection: Connection, filters: dict[str, str], sort: str | None = None) -> Plan:
    prefer_indexes(connection)
    with plans(connection) as planned:
        list_projects(SUPERVISOR, filters, Page(25, sort=sort))
    return next(plan for plan in planned if "FROM projects JOIN agencies" in plan.sql)


@pytest.mark.parametrize("sort", [None, "registered_at"])
@pytest.mark.parametrize(
    ("filters", "index"),
    [({"stage": "archived"}, STAGE), ({"stage": "pilot", "region": "75", "sector": "07"}, REGION)],
    ids=["stage", "stage, region and sector"],
)
def test_rare_filters_are_read_in_order_from_their_index(
    connection: Connection, filters: dict[str, str], index: str, sort: str | None
) -> None:
    plan = plan_of_list(connection, filters, sort)
    assert index in str(plan) and not plan.sorts, plan


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("filters", "sort"),
    [({"stage": "operation"}, "-updated_at"), ({"stage": "operation"}, "number"), ({"region": "75"}, "-registered_at")],
)
def test_common_filters_leave_the_index_of_another_sort_to_fill_the_page(
    connection: Connection, filters: dict[str, str], sort: str
) -> None:
    plan = plan_of_list(connection, filters, sort)
    assert STAGE not in str(plan) and REGION not in str(plan) and not plan.sorts, plan


@pytest.mark.sqlite_only
def test_agencies_find_their_projects_by_agency_and_not_by_stage(connection: Connection) -> None:
    editor = an_actor(Role.AGENCY_EDITOR, an_agency())
    with plans(connection) as planned:
        list_projects(editor, {"stage": "operation"}, Page(25))
    plan = next(plan for plan in planned if "FROM projects JOIN agencies" in plan.sql)
    assert "ix_projects_agency_id_registered_at" in str(plan) and STAGE not in str(plan), plan


def test_rare_filters_are_counted_from_their_index(connection: Connection) -> None:
    prefer_indexes(connection)
    with plans(connection) as planned:
        assert PROJECT_LIST.count(SUPERVISOR, {"stage": "archived"}, 100) == 0
    assert STAGE in str(planned[-1]), planned[-1]


@pytest.mark.sqlite_only
def test_search_reads_the_index_of_search_texts_instead_of_the_table(connection: Connection) -> None:
    with plans(connection) as planned:
        list_projects(SUPERVISOR, {"q": "тұлпар"}, Page())
    assert any("COVERING INDEX ix_projects_search_text" in str(plan) for plan in planned), planned


@pytest.mark.postgres_only
def test_lists_are_planned_for_the_values_of_their_filters(connection: Connection) -> None:
    # From the sixth time on PostgreSQL plans a prepared statement for any value.
    for _ in range(8):
        list_projects(SUPERVISOR, {"stage": "archived"}, Page(25, sort="-budget_kzt"))
    prepared = connection.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert not [each for each in prepared if "FROM projects JOIN agencies" in each]


@pytest.mark.postgres_only
def test_cases_with_rare_words_are_found_by_the_index_of_words(connection: Connection) -> None:
    prefer_indexes(connection)
    connection.exec_driver_sql("SET LOCAL enable_bitmapscan = on")
    with plans(connection) as planned:
        list_cases(SUPERVISOR, {"q": "тұлпар"}, Page(5, sort="-id"), "en")
    plan = next(plan for plan in planned if "FROM cases" in plan.sql)
    assert "ix_projects_words" in str(plan), plan


def test_projects_and_cases_look_a_word_up_once_in_a_request(connection: Connection) -> None:
    agency = an_agency()
    rare = a_project(agency, name_ru="Реестр тұлпар")
    audit()
    with statements(connection) as sent:
        projects = list_projects(SUPERVISOR, {"q": "тұлпар"}, Page())
        cases = list_cases(SUPERVISOR, {"q": "тұлпар"}, Page(), "en")
    assert [item["number"] for item in projects.items] == [rare.number]
    assert [item["project"] for item in cases.items] == [rare.number]
    looked_up = [
        sql for sql in sent if sql.startswith("EXPLAIN") or (sql.startswith("SELECT projects.id \n") and "instr" in sql)
    ]
    assert len(looked_up) == 1


def test_search_in_a_transaction_sees_what_it_registered() -> None:
    agency = an_agency()
    with transaction():
        assert list_projects(SUPERVISOR, {"q": "тұлпар"}, Page()).items == []
        a_project(agency, name_ru="Реестр тұлпар")
        assert len(list_projects(SUPERVISOR, {"q": "тұлпар"}, Page()).items) == 1
