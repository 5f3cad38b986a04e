"""Warnings at the start about ``password.break_glass``."""

from __future__ import annotations

import logging

import pytest
from flask import Flask

from registry.accounts.account_changes import disable_account
from registry.accounts.oidc_configuration import SignInConfiguration
from registry.accounts.roles import Role, local_actor
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sign_in import unusable_accounts, warn_of_unusable_accounts
from registry.accounts.tokens import issue
from tests.factories import ADMINISTRATOR, PASSWORD

LOCAL = local_actor(Role.ADMINISTRATOR)


def configured(*names: str) -> SignInConfiguration:
    return SignInConfiguration(passwords=False, break_glass=frozenset(names))


@pytest.fixture(autouse=True)
def _emergency_account(app: Flask) -> None:
    add_person(LOCAL, NewPerson("Дежурный администратор", Role.ADMINISTRATOR), PASSWORD)


def test_account_that_can_sign_in_causes_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_unusable_accounts(configured("Дежурный администратор"))
    assert caplog.records == []


def test_misspelt_name_is_logged_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_unusable_accounts(configured("Дежурный администратор", "Дежурный админстратор"))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "'Дежурный админстратор'" in record.getMessage() and "password.break_glass" in record.getMessage()


def test_disabled_pending_and_other_accounts_are_unusable() -> None:
    disabled = add_person(LOCAL, NewPerson("disabled", Role.AUDITOR), PASSWORD)
    disable_account(LOCAL, disabled.account_id)
    add_person(ADMINISTRATOR, NewPerson("single sign-on only", Role.AUDITOR), None)
    issue(LOCAL, "robot", Role.AUDITOR, None)
    names = ("Дежурный администратор", "disabled", "single sign-on only", "robot", "ДЕЖУРНЫЙ АДМИНИСТРАТОР")
    assert unusable_accounts(configured(*names)) == [
        "disabled",
        "robot",
        "single sign-on only",
        "ДЕЖУРНЫЙ АДМИНИСТРАТОР",
    ]


def test_nothing_is_checked_where_everybody_may_use_a_password() -> None:
    assert unusable_accounts(SignInConfiguration(break_glass=frozenset({"nobody"}))) == []
