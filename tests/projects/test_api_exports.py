"""Exports over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date

import openpyxl
import pytest

from registry.agencies.models import Agency
from tests.api.callers import Caller
from tests.factories import a_project, an_agency, restrict
from tests.present import Present


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(date(2026, 6, 1))


def from_csv(actor: Caller, query: str = "") -> list[dict[str, str]]:
    answer = actor.get(f"/exports/projects.csv{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def from_xlsx(actor: Caller, query: str = "") -> list[dict[str, object]]:
    answer = actor.get(f"/exports/projects.xlsx{query}")
    assert answer.status_code == 200
    header, *rows = openpyxl.load_workbook(io.BytesIO(answer.data)).active.values
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_export_has_every_project_that_the_list_has(editor: Caller, agency: Agency) -> None:
    a_project(agency, name_ru="=cmd()", budget_kzt=5, sector="07")
    a_project(agency, budget_kzt=7, sector="09")
    a_project(an_agency())

    assert [row["budget_kzt"] for row in from_csv(editor)] == ["5", "7"]
    assert [row["budget_kzt"] for row in from_xlsx(editor)] == [5, 7]
    assert [row["name_ru"] for row in from_csv(editor, "?sector=07&budget_kzt_to=5")] == ["'=cmd()"]
    assert [row["sector"] for row in from_xlsx(editor, "?sector=09")] == ["09"]


@pytest.mark.parametrize(
    ("ending", "content_type"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_export_is_an_attachment(editor: Caller, ending: str, content_type: str) -> None:
    with editor.get(f"/exports/projects.{ending}") as answer:
        assert answer.is_streamed
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["Content-Disposition"] == f'attachment; filename="projects-2026-06-01.{ending}"'
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("query", ["?colour=red", "?stage=", "?limit=10", "?sort=number", "?q=07&q=09"])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_invalid_export_filter_returns_an_error(editor: Caller, ending: str, query: str) -> None:
    answer = editor.get(f"/exports/projects.{ending}{query}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_export_of_restricted_projects_is_limited_and_journalled(
    supervisor: Caller, as_role: Callable[..., Caller], agency: Agency
) -> None:
    number = a_project(agency).number
    restrict(number)

    assert from_csv(as_role("administrator")) == []
    assert [row["number"] for row in from_xlsx(as_role("auditor"))] == [number]
    read = supervisor.get("/journal?action=restricted.read").get_json()["items"][0]
    assert (read["subject"], read["details"]) == (f"project:{number}", {"what": "export"})
