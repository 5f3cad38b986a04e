"""Passwords: hashing, rules, changes of one's own, and halves that a confirmation joins."""

from __future__ import annotations

import json
import math
import string
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import func, select

from registry.accounts import passwords
from registry.accounts.account_changes import confirm_account
from registry.accounts.attempts import TooManyAttempts
from registry.accounts.models import AccountNotFound, Person
from registry.accounts.passwords import (
    HalvesNeedTwoPeople,
    NoFirstHalf,
    can_show_first_half,
    generate_password,
    show_first_half,
)
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, change_own_password, edit_account, person_named
from registry.accounts.sessions import WebSession, find_session_user
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.accounts.tokens import add_service_account, issue_own_token
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from tests.accounts.test_accounts import ADIL, BOTA, OTHER, a_person, come_in
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency, with_account
from tests.present import Present

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


@pytest.mark.parametrize(
    "password",
    [
        *("password1234", "Qwertyuiop123", "IloveYou1234", "123456789012", "aaaaaaaaaaaa"),
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
def test_password_that_many_use_is_rejected(app: Flask, password: str) -> None:
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


DAY = timedelta(days=1)


def test_password_set_by_an_administrator_must_be_changed_first(app: Flask) -> None:
    add_person(ADIL, NewPerson("zhanna", Role.AGENCY_VIEWER, an_agency().id), PASSWORD)
    first = find_session_user(sign_in("zhanna", PASSWORD, "", "").secret, "", "")
    assert first is not None and first.must_change_password
    with pytest.raises(Invalid):
        issue_own_token(first.actor, DAY)
    for old, new, code in (
        ("wrong", OTHER, "old-password-wrong"),
        (PASSWORD, PASSWORD, "password-not-new"),
        (PASSWORD, "short", "password-length"),
    ):
        with pytest.raises(Invalid) as refused:
            change_own_password(first.actor, old, new)
        assert [problem.code for problem in refused.value.problems] == [code]
    after = find_session_user(change_own_password(first.actor, PASSWORD, OTHER), "", "")
    assert after is not None and not after.must_change_password
    assert db.session.scalar(select(func.count(WebSession.id))) == 1
    with pytest.raises(PasswordNotAccepted):
        sign_in("zhanna", PASSWORD, "", "")


def test_sign_in_rehashes_a_password_hashed_with_old_parameters(app: Flask) -> None:
    a_person("zhanna")
    before = person_named("zhanna").password_hash
    strength = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", strength)
        come_in("zhanna")
        after = person_named("zhanna").password_hash
        assert before != after and "m=16,t=2,p=1" in after
        come_in("zhanna")
        assert person_named("zhanna").password_hash == after


def test_old_password_is_guessed_5_times_in_15_minutes_at_most(app: Flask, present: Present) -> None:
    present.set(now())
    a_person("zhanna")
    zhanna = come_in("zhanna")
    for _ in range(5):
        with pytest.raises(Invalid):
            change_own_password(zhanna, "wrong", OTHER)
    for guess in ("wrong", PASSWORD):
        with pytest.raises(TooManyAttempts):
            change_own_password(zhanna, guess, OTHER)
    refused = select(JournalEntry.principal, JournalEntry.subject).where(
        JournalEntry.action == "account.password-refused"
    )
    assert [tuple(row) for row in db.session.execute(refused)] == [("zhanna", "account:zhanna")] * 5
    # Another person is not limited by it, and nobody is locked out of signing in.
    a_person("timur")
    change_own_password(come_in("timur"), PASSWORD, OTHER)
    come_in("zhanna")
    present.move(timedelta(minutes=15, seconds=1))
    change_own_password(zhanna, PASSWORD, OTHER)


def test_right_old_password_is_not_counted_as_a_guess(app: Flask) -> None:
    a_person("zhanna")
    zhanna = come_in("zhanna")
    for _ in range(6):
        with pytest.raises(Invalid) as refused:
            change_own_password(zhanna, PASSWORD, "short")
        assert [problem.code for problem in refused.value.problems] == ["password-length"]


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody whom Adil added and nobody confirmed yet."""
    return add_person(ADIL, NewPerson("new", Role.REVIEWER), PASSWORD)


def refused(password: str) -> bool:
    with pytest.raises(PasswordNotAccepted):
        sign_in("new", password, "10.0.0.1", "r")
    return True


def test_neither_half_signs_in_and_both_together_do(person: Person) -> None:
    second = confirm_account(BOTA, person.account_id, Role.REVIEWER)
    first = show_first_half(ADIL, person.account_id)
    assert second is not None
    assert (len(first), len(second)) == (16, 16)
    assert all(map(refused, (first, second, second + first)))
    assert come_in("new", first + second).role is Role.REVIEWER


def test_whoever_confirmed_it_is_not_shown_the_first_half(person: Person) -> None:
    bota = with_account(BOTA)
    confirm_account(bota, person.account_id, Role.REVIEWER)
    with pytest.raises(HalvesNeedTwoPeople):
        show_first_half(bota, person.account_id)
    db.session.refresh(person)
    assert not can_show_first_half(bota, person)
    assert can_show_first_half(ADIL, person)


def test_another_name_of_whoever_confirmed_it_is_no_other_person(person: Person) -> None:
    dana = add_person(ADMINISTRATOR, NewPerson("dana", Role.ADMINISTRATOR), PASSWORD)
    actor = replace(an_actor(Role.ADMINISTRATOR, name="dana"), account_id=dana.account_id)
    confirm_account(actor, person.account_id, Role.REVIEWER)
    edit_account(ADMINISTRATOR, dana.account_id, {"name": "another name"})
    with pytest.raises(HalvesNeedTwoPeople):
        show_first_half(replace(actor, principal="another name"), person.account_id)


def test_first_half_is_stored_encrypted_and_shown_once(person: Person) -> None:
    confirm_account(BOTA, person.account_id, Role.REVIEWER)
    stored = db.session.scalars(select(Person.first_half).where(Person.account_id == person.account_id)).one()
    first = show_first_half(ADIL, person.account_id)
    assert stored is not None
    assert first not in stored
    with pytest.raises(NoFirstHalf):
        show_first_half(ADIL, person.account_id)
    entry = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
    assert (entry.action, entry.principal, entry.subject) == ("account.password-half-shown", "adil", "account:new")
    assert json.loads(entry.details) == {"kind": "person", "role": "reviewer", "agency": None, "pending": False}


def test_half_of_others_is_not_shown_to_agencies_and_of_services_there_is_none(person: Person) -> None:
    confirm_account(BOTA, person.account_id, Role.REVIEWER)
    with pytest.raises(AccountNotFound):
        show_first_half(an_actor(Role.AGENCY_ADMINISTRATOR, an_agency()), person.account_id)
    robot = add_service_account(ADMINISTRATOR, "robot", Role.AUDITOR, None)
    with pytest.raises(NoFirstHalf):
        show_first_half(ADIL, robot.id)
