"""Exports over HTTP."""

from __future__ import annotations

from datetime import date

import pytest

from tests.api.callers import Caller
from tests.present import Present


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(date(2026, 6, 1))


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
