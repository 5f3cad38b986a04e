"""Password hashing and password rules."""

from __future__ import annotations

import math
import string

import pytest
from argon2 import PasswordHasher
from flask import Flask

from registry.accounts.passwords import generate_password
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.core.errors import Invalid
from tests.factories import ADMINISTRATOR, an_agency

LIKELY = "Астана-2026-весна"


def test_password_hash_uses_owasp_parameters(strong_hasher: PasswordHasher) -> None:
    kept = strong_hasher.hash(LIKELY)

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert strong_hasher.verify(kept, LIKELY)
    assert strong_hasher.hash(LIKELY) != kept


def test_generated_password_has_130_random_bits() -> None:
    made = {generate_password() for _ in range(1000)}
    assert len(made) == 1000 and {len(password) for password in made} == {22}
    used = set("".join(made))
    assert used == set(string.ascii_letters + string.digits) and 22 * math.log2(len(used)) > 130


@pytest.mark.parametrize("password", ["a.serikova-26", "A.Serikova2026!", "26-a.serikova"])
def test_password_with_little_more_than_the_name_is_rejected(app: Flask, password: str) -> None:
    with pytest.raises(Invalid) as refused:
        add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.REVIEWER), password)

    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("/password", "password-like-name")
    ]


def test_password_may_contain_the_name_when_long_without_it(app: Flask) -> None:
    assert (
        add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.REVIEWER), f"a.serikova {LIKELY}").name == "a.serikova"
    )


def test_password_is_compared_exactly_as_it_was_set(app: Flask) -> None:
    password = " Қысқа емес Құпиясөз" + "x" * 180
    add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.AGENCY_VIEWER, an_agency().id), password)
    assert sign_in("a.serikova", password, "10.0.0.1", "r").secret
    for other in (password.strip(), password + " ", password.lower(), password[:-1]):
        with pytest.raises(PasswordNotAccepted):
            sign_in("a.serikova", other, "10.0.0.1", "r", device=other[:5])


@pytest.mark.parametrize("password", ["password1234", "Qwertyuiop123", "IloveYou1234", "123456789012", "aaaaaaaaaaaa"])
def test_password_that_many_use_is_rejected(app: Flask, password: str) -> None:
    with pytest.raises(Invalid) as refused:
        add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.REVIEWER), password)

    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [("/password", "password-common")]


@pytest.mark.parametrize(
    "password",
    [
        "Пароль123456",
        "парольпароль",
        "Gfhjkm.2026.Gfhjkm",  # пароль, typed on Latin keys
        "йцукенгшщзхъ",
        "зфыыцщкв1234",  # password1234, typed on Russian keys
        "Құпиясөз2026",
        "2026-Қазақстан",
        "Qazaqstan!2026",
        '"әіңғ,.үұқөһ',  # the row of digits, typed on Kazakh keys
        "Солнышко-123",
        "Lyublyu12345",
        "QazTech-2026",
        "Министерство1",
    ],
)
def test_password_of_russian_and_kazakh_speakers_that_many_use_is_rejected(app: Flask, password: str) -> None:
    with pytest.raises(Invalid) as refused:
        add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.REVIEWER), password)

    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [("/password", "password-common")]


@pytest.mark.parametrize(
    "password", ["пароль от сейфа мамы", "Алматы 6174920385516", "Астана-2026-Ақпан", "ъьъььъъьъььъ"]
)
def test_password_with_a_usual_word_and_more_is_accepted(app: Flask, password: str) -> None:
    assert add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.REVIEWER), password).name == "a.serikova"


@pytest.mark.parametrize("password", ["a long and quiet", "қысқа емес құпиясөз", "zzzzzzqqzzzzzz", "☃" * 12])
def test_password_needs_no_digits_signs_or_capitals(app: Flask, password: str) -> None:
    assert add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.REVIEWER), password).name == "a.serikova"
