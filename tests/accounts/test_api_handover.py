"""``/accounts/{id}/handover`` and ``registry users hand-over``; people who are created by invitation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.cases.queries import find_case
from registry.flask_config import BY_EMAIL
from tests.api.callers import Caller, code
from tests.cases.cast import SAULE, under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project
from tests.fixtures.cli import CommandLine

NOTHING = {"cases": 0, "drafts": 0, "reports": 0, "service_accounts": 0, "absences": 0}


def a_person(name: str, role: Role = Role.REVIEWER, agency: Agency | None = None) -> Account:
    new = NewPerson(name, role, None if agency is None else agency.id)
    return add_person(ADMINISTRATOR, new, PASSWORD).account


def test_open_work_goes_to_the_named_person_in_one_step(administrator: Caller) -> None:
    giver, receiver = a_person("aigerim"), a_person("bolat")
    case = under_review(a_project())
    answer = administrator.post(f"/accounts/{giver.id}/handover", {"to": "bolat"})
    assert (answer.status_code, answer.get_json()) == (200, {**NOTHING, "cases": 1})
    assert find_case(SAULE, case.id).assignee == receiver.name == "bolat"
    again = administrator.post(f"/accounts/{giver.id}/handover", {"to": "bolat"})
    assert again.get_json() == NOTHING


def test_person_with_an_address_is_invited_where_there_is_a_mail_server(
    app: Flask, administrator: Caller, supervisor: Caller, agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, BY_EMAIL, True)
    body = {"kind": "person", "name": "a.serikova", "role": "agency_viewer", "agency": agency.bin}
    invited = administrator.post("/accounts", {**body, "email": "a@example.kz"}).get_json()
    other = administrator.post("/accounts", {**body, "name": "without.mail"}).get_json()
    assert (invited["status"], invited["password"]) == ("invited", None)
    assert other["status"] == "active" and other["password"]
    assert [item["name"] for item in administrator.get("/accounts?status=invited").get_json()["items"]] == [
        "a.serikova"
    ]

    reviewer = {"kind": "person", "name": "r.new", "role": "reviewer", "email": "r@example.kz"}
    path = f"/accounts/{administrator.post('/accounts', reviewer).get_json()['id']}/confirmation"
    other_address = supervisor.post(path, {"role": "reviewer", "email": "x@example.kz"})
    confirmed = supervisor.post(path, {"role": "reviewer", "email": "r@example.kz"}).get_json()
    assert (other_address.status_code, code(other_address)) == (409, "account-changed")
    assert (confirmed["status"], confirmed["password"]) == ("invited", None)


def test_command_hands_over_and_prints_how_much(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        a_person("giver")
        a_person("taker")
    ran = registry("users", "hand-over", "giver", "--to", "taker", "--json")
    assert (ran.code, ran.json) == (0, NOTHING)
    assert ran.err == "The work of giver is handed over to taker.\n"
    assert registry("users", "hand-over", "giver", "--to", "giver").code == 2
    assert registry("users", "hand-over", "giver", "--to", "nobody").code == 3
    with services():
        assert account_named("giver") is not None
