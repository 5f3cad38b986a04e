"""The team's work: load, age, overdue cases and time to decision, by person and by rule."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Flask

from registry.accounts.roles import Actor, Role, local_actor
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.cases.lists import count_cases
from registry.cases.queries import team
from tests.cases.cast import AIGERIM, NO_BREACH, SAULE, act, audit, case_of, decided_case, under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, a_token, an_agency, bearer
from tests.fixtures.web import SignedIn
from tests.inbox.people import a_person, actor_named
from tests.present import Present

MONDAY = date(2026, 6, 1)


def person(name: str | None) -> dict[str, Any] | None:
    return next((row for row in team(SAULE)["people"] if row["key"] == name), None)


def rule(name: str) -> dict[str, Any] | None:
    return next((row for row in team(SAULE)["rules"] if row["key"] == name), None)


def counts(row: dict[str, Any] | None) -> tuple[int, int, int]:
    return row["open"], row["to_act"], row["overdue"]


def test_cases_are_counted_for_their_reviewer_and_their_rule(app: Flask, present: Present) -> None:
    present.set(MONDAY)
    first, second, third = (a_project() for _ in range(3))
    audit()
    for project in (first, second):
        act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case_of(second), "ask", "Which contract is it?")
    assert counts(person("aigerim")) == (2, 1, 0)
    assert counts(person(None)) == (1, 1, 0)
    assert counts(rule("freeze.creation")) == (3, 2, 0)
    assert case_of(third).assignee is None


def test_every_overdue_case_counts_once_for_those_who_must_act(app: Flask, present: Present) -> None:
    present.set(MONDAY)
    under_review(a_project())
    act(AIGERIM, under_review(a_project()), "propose", NO_BREACH)
    act(AIGERIM, under_review(a_project()), "ask", "Which contract is it?")
    # A proposal that nobody approved is the supervisors' delay.
    present.set(date(2026, 8, 3))
    work = team(SAULE)
    overdue = {row["key"]: row["overdue"] for row in (*work["people"], *work["others"]) if row["overdue"]}
    assert overdue == {"aigerim": 1, "supervisors": 1, "agencies": 1}
    assert count_cases(SAULE, [{"overdue": "true"}]) == [3]
    of_rule = rule("freeze.creation")
    assert of_rule is not None and (of_rule["to_act"], of_rule["overdue"]) == (2, 2)


def test_median_of_days_from_opening_to_approval(app: Flask, present: Present) -> None:
    for day in (date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 3)):
        present.set(day)
        cases = under_review(a_project())
        present.set(date(2026, 6, 11))
        act(AIGERIM, cases, "propose", NO_BREACH)
        act(SAULE, cases, "approve")
        present.set(day)
    present.set(date(2026, 6, 12))
    row = person("aigerim")
    assert row is not None and (row["decided"], row["median_days"]) == (3, 9)
    of_rule = rule("freeze.creation")
    assert of_rule is not None and (of_rule["decided"], of_rule["median_days"]) == (3, 9)


def test_renamed_reviewer_is_one_person_with_all_decisions(app: Flask, present: Present) -> None:
    present.set(MONDAY)
    asel = a_person("asel", Role.REVIEWER)
    decide(asel)
    edit_account(ADMINISTRATOR, asel.account_id, {"name": "asel bekova"})
    decide(actor_named("asel bekova"))
    rows = [(row["key"], row["decided"]) for row in team(SAULE)["people"]]
    assert [row for row in rows if row[1]] == [("asel bekova", 2)]
    assert "asel" not in [name for name, _ in rows]


def decide(reviewer: Actor) -> None:
    project = a_project()
    audit()
    case = act(reviewer, case_of(project), "claim")
    act(reviewer, case, "propose", NO_BREACH)
    act(SAULE, case, "approve")


def test_decisions_older_than_ninety_days_do_not_count(app: Flask, present: Present) -> None:
    present.set(MONDAY)
    decided_case(a_project(), NO_BREACH)
    present.set(date(2026, 8, 30))
    row = person("aigerim")
    assert row is not None and row["decided"] == 1
    present.set(date(2026, 8, 31))
    assert person("aigerim") is None or person("aigerim") == {**row, "decided": 0, "median_days": None}


def test_reviewers_without_cases_are_listed(app: Flask) -> None:
    add_person(local_actor(Role.ADMINISTRATOR), NewPerson("Жаңа инспектор", Role.REVIEWER), PASSWORD)
    row = person("Жаңа инспектор")
    assert row == {
        "key": "Жаңа инспектор",
        "open": 0,
        "to_act": 0,
        "overdue": 0,
        "oldest_opened_at": None,
        "decided": 0,
        "median_days": None,
    }


def test_numbers_of_the_page_lead_to_their_cases(signed_in: SignedIn, present: Present) -> None:
    project = a_project(an_agency(), name_en="Register of bridges")
    under_review(project)
    visit = signed_in(Role.SUPERVISOR)
    page = visit.get("/cases/team").text
    address = "/cases?assignee=aigerim&amp;status=new,under_review,awaiting_confirmation"
    assert address.replace(",", "%2C") in page or address in page
    assert "Register of bridges" in visit.get("/cases?assignee=aigerim&status=under_review").text
    assert signed_in(Role.REVIEWER).client.get("/cases/team").status_code == 403


def test_api_reports_people_and_rules(app: Flask, present: Present) -> None:
    under_review(a_project())
    answer = app.test_client().get("/api/v1/reports/team", headers=bearer(a_token(Role.SUPERVISOR)))
    body = answer.get_json()
    assert [row["open"] for row in body["people"] if row["key"] == "aigerim"] == [1]
    assert [row["key"] for row in body["rules"]] == ["freeze.creation"]
