"""``/accounts/{id}/handover`` and ``registry users hand-over``; people who are created by invitation."""

from __future__ import annotations

from registry.accounts.models import Account
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.cases.queries import find_case
from tests.api.callers import Caller
from tests.cases.cast import SAULE, under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project

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
