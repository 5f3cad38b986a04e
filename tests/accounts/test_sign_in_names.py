"""The name at the sign-in: in whatever case, with one throttle for all ways to write it."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.attempts import FailedSignIn, TooManyAttempts
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD
from tests.fixtures.web import Visit

NAME = "Айгүл Серікова"
SPELLINGS = ["айгүл серікова", "АЙГҮЛ СЕРІКОВА", "  Айгүл   серікова "]


@pytest.fixture(autouse=True)
def _person(app: Flask) -> None:
    add_person(ADMINISTRATOR, NewPerson(NAME, Role.AUDITOR, email="aigul@gov.kz"), PASSWORD, must_change=False)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_person_signs_in_with_the_name_in_any_case_and_the_journal_has_the_name_itself(spelling: str) -> None:
    sign_in(spelling, PASSWORD, "10.0.0.1", "r1")
    newest = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
    assert newest.principal == NAME


def test_every_spelling_counts_as_an_attempt_with_the_same_name() -> None:
    for number in range(5):
        with pytest.raises(PasswordNotAccepted):
            sign_in(SPELLINGS[number % 2], "wrong", "10.0.0.1", "r1")
    with pytest.raises(TooManyAttempts):
        sign_in(NAME, PASSWORD, "10.0.0.1", "r1")


def test_spellings_of_an_unknown_name_are_throttled_like_those_of_a_known_one() -> None:
    for number in range(5):
        with pytest.raises(PasswordNotAccepted):
            sign_in(("nobody", "NOBODY")[number % 2], "wrong", "10.0.0.1", "r1")
    with pytest.raises(TooManyAttempts):
        sign_in("Nobody", "wrong", "10.0.0.1", "r1")


def test_failure_with_another_spelling_is_recorded_under_the_name_of_the_account() -> None:
    with pytest.raises(PasswordNotAccepted):
        sign_in("айгүл СЕРІКОВА", "wrong", "10.0.0.1", "r1")
    row = db.session.scalars(select(FailedSignIn)).one()
    assert (row.name, row.name_hash) == (NAME, None)


def test_email_address_is_no_name_and_the_page_says_so(visit: Visit) -> None:
    with pytest.raises(PasswordNotAccepted):
        sign_in("aigul@gov.kz", PASSWORD, "10.0.0.1", "r1")
    assert "not the e-mail address" in visit.get("/sign-in").text
