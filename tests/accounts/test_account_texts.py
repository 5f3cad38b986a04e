"""Texts of pages and messages about accounts that people misread before."""

from __future__ import annotations

import pytest

from registry.accounts.roles import TWO_PERSON_ROLES, Role
from registry.accounts.service import NewPerson, add_person
from registry.core.messages import message
from registry.core.translations import LANGUAGES
from tests.factories import ADMINISTRATOR, PASSWORD
from tests.fixtures.web import SignedIn

NAMESAKE = {
    "en": "The name Иван Петров is taken. Choose another one; for a namesake, add the patronymic.",
    "ru": "Имя «Иван Петров» уже занято. Выберите другое; если это тёзка, добавьте отчество.",
    "kk": "«Иван Петров» атауы бос емес. Басқасын таңдаңыз; аттас адам болса, әкесінің атын қосыңыз.",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_namesake_is_distinguished_by_the_patronymic(language: str) -> None:
    params = {"name": "Иван Петров", "taken": "Иван Петров"}
    assert message("account-name-taken", language, params) == NAMESAKE[language]  # type: ignore[arg-type] # a Language


def test_form_of_a_new_person_names_the_namesake_once(signed_in: SignedIn) -> None:
    add_person(ADMINISTRATOR, NewPerson("Иван Петров", Role.AUDITOR), PASSWORD)
    answer = signed_in(Role.ADMINISTRATOR).send("/people/new", name="Иван Петров", role="auditor", language="ru")
    assert answer.status_code == 422
    assert NAMESAKE["en"] in answer.text


def test_new_person_is_named_with_first_name_and_surname(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    hint = "First name and surname, such as Aigul Serikova. The person signs in with this name."
    for path in ("/people/new", "/people/import"):
        assert hint in visit.get(path).text, path


def test_form_of_a_new_person_names_the_roles_that_need_a_confirmation(signed_in: SignedIn) -> None:
    page = signed_in(Role.ADMINISTRATOR).get("/people/new").text
    rule = page.split("The account of a ")[1].split(" works only when a supervisor")[0]
    assert rule == "reviewer, supervisor, auditor, operator, administrator or leader"
    assert {role.value for role in TWO_PERSON_ROLES} == set(rule.replace(" or ", ", ").split(", "))
    assert "oversight role" not in page
