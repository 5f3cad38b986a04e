"""What the command line changed in accounts and tokens since the previous sign-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from registry.accounts.account_changes import disable_account
from registry.accounts.roles import Role, RoleNotAllowed
from registry.accounts.service import NewPerson, add_person, local_changes_since, previous_sign_in
from registry.accounts.sign_in import sign_in
from registry.accounts.tokens import issue
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency
from tests.present import Present

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
ADIL = an_actor(Role.ADMINISTRATOR, name="adil")
HOUR = timedelta(hours=1)


def listed(since: datetime, most: int = 100) -> list[tuple[str, str]]:
    return [(entry.action, entry.subject) for entry in local_changes_since(ADIL, since, most)]


def test_changes_of_accounts_and_tokens_by_the_command_line_are_listed_newest_first(
    app: Flask, present: Present
) -> None:
    present.set(START)
    add_person(ADMINISTRATOR, NewPerson("earlier", Role.AUDITOR), PASSWORD)
    present.set(START + HOUR)
    person = add_person(ADMINISTRATOR, NewPerson("later", Role.AUDITOR), PASSWORD)
    key_id = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None).key_id
    disable_account(ADMINISTRATOR, person.account_id)
    # Neither what people do in the pages, nor what the command line does to other records.
    add_person(ADIL, NewPerson("by adil", Role.AUDITOR), PASSWORD)
    a_project(an_agency())
    assert listed(START) == [
        ("account.disabled", "account:later"),
        ("token.issued", f"token:{key_id}"),
        ("account.added", "account:robot"),
        ("account.added", "account:later"),
    ]
    assert listed(START, most=1) == [("account.disabled", "account:later")]
    assert listed(START - HOUR)[-1] == ("account.added", "account:earlier")
    assert listed(START + HOUR) == []


def test_previous_sign_in_is_the_one_before_the_present_session(app: Flask, present: Present) -> None:
    present.set(START)
    add_person(ADMINISTRATOR, NewPerson("adil", Role.ADMINISTRATOR), PASSWORD)
    sign_in("adil", PASSWORD, "10.0.0.1", "r")
    assert previous_sign_in(ADIL) is None
    present.set(START + HOUR)
    sign_in("adil", PASSWORD, "10.0.0.1", "r")
    assert previous_sign_in(ADIL) == START


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.SUPERVISOR, Role.ADMINISTRATOR)])
def test_changes_are_listed_to_administrators_and_supervisors_only(app: Flask, role: Role) -> None:
    agency = an_agency() if role.value.startswith("agency") else None
    with pytest.raises(RoleNotAllowed):
        local_changes_since(an_actor(role, agency), START)
