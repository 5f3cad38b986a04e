"""Filters of projects by budget programme and by the conclusion of the security test."""

from __future__ import annotations

import pytest

from registry.projects.models import Project
from tests.api.callers import Caller
from tests.factories import a_project

# Filters, sorts and search hang on the database.
pytestmark = pytest.mark.on_both


@pytest.fixture
def numbers(administrator: Caller) -> dict[str, Project]:
    return {
        "with": a_project(
            budget_programme="047-100 Цифровизация",
            security_conclusion_number="ИБ-7",
            security_conclusion_on="2026-03-02",
        ),
        "dated": a_project(budget_programme="047", security_conclusion_on="2026-05-02"),
        "without": a_project(budget_programme="104_7"),
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("budget_programme=047", {"with", "dated"}),
        ("budget_programme=047-100,104", {"with", "without"}),
        ("budget_programme=047%25", set()),
        ("budget_programme=104_", {"without"}),
        ("budget_programme=1___", set()),
        ("has_security_conclusion=true", {"with", "dated"}),
        ("has_security_conclusion=false", {"without"}),
        ("security_conclusion_number=ИБ-7", {"with"}),
        ("security_conclusion_on_from=2026-04-01", {"dated"}),
    ],
)
def test_list_has_the_projects_that_match(
    administrator: Caller, numbers: dict[str, Project], query: str, expected: set[str]
) -> None:
    items = administrator.get(f"/projects?{query}").get_json()["items"]
    assert {item["number"] for item in items} == {numbers[name].number for name in expected}


@pytest.mark.parametrize("query", ["has_security_conclusion=yes", "budget_programme=", "security_conclusion_on_to=x"])
def test_invalid_value_is_an_error(administrator: Caller, query: str) -> None:
    assert administrator.get(f"/projects?{query}").status_code == 400
