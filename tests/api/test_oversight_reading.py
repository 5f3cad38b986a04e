"""The compliance report, the policy and the journal over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from registry.agencies.models import Agency
from registry.freeze.rules import RULES
from registry.settings import CHECKOUT
from tests.api.callers import Caller
from tests.factories import a_project, restrict
from tests.present import Present


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(date(2026, 6, 1))


@pytest.mark.parametrize(
    ("grouping", "key"), [("agency", None), ("region", "71"), ("kind", "central_body"), ("sector", "07")]
)
def test_compliance_counts_projects_by_what_is_asked(
    supervisor: Caller, agency: Agency, grouping: str, key: str | None
) -> None:
    a_project(agency, budget_kzt=100)
    a_project(agency, budget_kzt=None)
    supervisor.post("/audits", {})

    report = supervisor.get(f"/reports/compliance?by={grouping}").get_json()

    (row,) = report["items"]
    assert row["key"] == (key or agency.bin)
    assert (row["projects"], row["flagged"], row["flagged_high"], row["clear"]) == (2, 2, 2, 0)
    assert (row["budget_kzt"], row["clear_percent"]) == (100, 0.0)
    assert report["totals"]["projects"] == 2
    assert report["by"] == grouping


def test_compliance_is_grouped_by_agency_by_default(supervisor: Caller, agency: Agency) -> None:
    a_project(agency)

    report = supervisor.get("/reports/compliance").get_json()

    assert (report["by"], report["items"][0]["key"], report["items"][0]["name_ru"]) == (
        "agency",
        agency.bin,
        agency.name_ru,
    )
    assert report["items"][0]["unaudited"] == 1


def test_a_report_that_does_not_exist_is_malformed(supervisor: Caller) -> None:
    for query in ["?by=rule", "?by=", "?by=agency&by=region", "?group=agency"]:
        assert supervisor.get(f"/reports/compliance{query}").status_code == 400, query


def test_the_policy_is_read_with_every_rule_in_three_languages(as_role: Callable[..., Caller]) -> None:
    auditor = as_role("auditor")
    (policy,) = auditor.get("/policies").get_json()["items"]

    assert (CHECKOUT / "config" / "freeze_policy.toml").read_text(encoding="utf-8").find(policy["version"]) > 0
    assert (policy["cutoff"], policy["migration_deadline"]) == ("2026-01-01", "2026-09-30")
    assert list(policy["rules"]) == list(RULES)
    for rule in policy["rules"].values():
        assert {"enabled", "severity", "kk_reviewed", "title_kk", "remedy_ru"} <= set(rule)
        assert {"in_force_from", "in_force_to", "act_kk", "act_ru", "act_en", "text_kk"} <= set(rule["clauses"][0])
    one = auditor.get(f"/policies/{policy['version']}")
    assert one.get_json() == policy
    assert auditor.get(f"/policies/{policy['version']}", If_None_Match=one.headers["ETag"]).status_code == 304
    assert auditor.get("/policies/1999").status_code == 404


def test_the_journal_is_found_by_who_what_and_when(supervisor: Caller, present: Present, agency: Agency) -> None:
    number = a_project(agency).number
    present.move(timedelta(hours=20))
    restrict(number)

    def actions(query: str) -> list[str]:
        listed = supervisor.get(f"/journal?subject=project:{number}&{query}").get_json()
        return [entry["action"] for entry in listed["items"]]

    assert actions("sort=seq")[:2] == ["project.registered", "project.restricted"]
    assert actions("at_to=2026-06-01") == ["project.registered"]
    assert actions("at_to=2026-06-01T07:00:00Z") == ["project.registered"]
    assert "project.registered" not in actions("at_from=2026-06-02")
    assert actions("at_from=2026-06-01T07:00:01%2B00:00&at_to=2026-06-01") == []
    assert actions("action=project.registered,project.changed") == ["project.registered"]


def test_a_search_of_the_journal_that_cannot_be_read_is_malformed(supervisor: Caller) -> None:
    for query in [
        "at_from=yesterday",
        "at_from=2026-06-01T07:00:00",
        "at_from=0001-01-01T00:00:00%2B05:00",
        "at_to=9999-12-31T23:59:59-05:00",
        "at_to=9999-12-31",
        "sort=at",
        "details=x",
    ]:
        assert supervisor.get(f"/journal?{query}").status_code == 400, query
