"""The report on AI systems: counts by agency and degree of risk, each leading to its projects."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from html import unescape

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.core.translations import Language
from tests.factories import a_project, an_agency, restrict
from tests.fixtures.api import caller
from tests.fixtures.web import SignedIn
from tests.present import Present

COMPLETE = {
    **dict.fromkeys(("ai_purpose", "ai_model", "ai_supplier", "ai_data", "ai_notice", "ai_office"), "x"),
    "is_ai": True,
    "ai_personal_data": False,
    "ai_risk_class": "minimal",
    "ai_reviewed_on": "2025-12-01",
}


@pytest.fixture(autouse=True)
def _systems(app: object, present: Present) -> None:
    """Of one ministry a current, an outdated and an incomplete system, and what does not count."""
    present.set(date(2026, 11, 30))
    ministry = an_agency(name_ru="Министерство", name_kk="Министрлік")
    a_project(ministry, **COMPLETE)
    a_project(ministry, **{**COMPLETE, "ai_reviewed_on": "2025-11-29", "ai_risk_class": "high"})
    a_project(ministry, is_ai=True, ai_model="М-1", ai_reviewed_on="2025-11-30")
    a_project(ministry, **COMPLETE, stage="archived")
    a_project(ministry)
    restrict(a_project(ministry, **COMPLETE).number)


def test_systems_are_counted_by_agency_and_degree_of_risk(client: FlaskClient) -> None:
    leader = caller(client, Role.LEADER)
    report = leader.get("/reports/ai-systems").get_json()
    (row,) = report["items"]
    expected = {"systems": 3, "risk_high": 1, "risk_medium": 0, "risk_minimal": 1, "incomplete": 1, "outdated": 1}
    assert {name: row[name] for name in expected} == {name: report["totals"][name] for name in expected} == expected
    assert (row["name_ru"], row["missing_ai_model"], row["missing_ai_notice"]) == ("Министерство", 0, 1)
    by_risk = leader.get("/reports/ai-systems?by=ai_risk_class").get_json()["items"]
    assert {each["key"]: each["systems"] for each in by_risk} == {"high": 1, "minimal": 1, None: 1}


@pytest.mark.parametrize("grouped", ["agency", "ai_risk_class"])
def test_each_figure_of_the_page_leads_to_as_many_projects(signed_in: SignedIn, grouped: str) -> None:
    visit = signed_in(Role.LEADER)
    page = visit.get(f"/reports/ai-systems?by={grouped}").text
    figures = re.findall(r'href="(/projects\?[^"]+)">([0-9]+)</a>', page)
    assert len(figures) > 10
    for address, count in figures:
        numbers = set(re.findall(r"QT-\d{4}-\d{7}-\d", visit.get(unescape(address)).text))
        assert len(numbers) == int(count), address


def test_table_has_what_is_missing_of_each_agency(signed_in: SignedIn) -> None:
    language: Language = "ru"
    text = signed_in(Role.LEADER, language=language).get("/reports/ai-systems.csv").text
    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    shown = ("Системы ИИ", "Сведения неполные", "Не проверялись больше года", "Назначение системы ИИ")
    assert [row[name] for name in shown] == ["3", "1", "1", "1"]
