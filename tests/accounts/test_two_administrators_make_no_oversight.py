"""Two administrators give nobody a role of oversight, from when the register has a supervisor who could confirm it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from registry.accounts.account_changes import (
    ConfirmationNeedsAnotherPerson,
    ConfirmationNeedsASupervisor,
    LastSupervisor,
    change_role,
    confirm_account,
    confirm_token,
    confirmable,
    disable_account,
    enable_account,
    has_confirmer,
    pending_tokens,
)
from registry.accounts.factors import reset_factors
from registry.accounts.models import Account, account_named
from registry.accounts.people_import import import_people
from registry.accounts.roles import OVERSIGHT_ROLES, Role
from registry.accounts.service import NewPerson, add_person, edit_account, person_named, set_password
from registry.accounts.tokens import add_service_account, issue
from registry.core.database import db
from tests.factories import ADMINISTRATOR as LOCAL, PASSWORD, an_actor, an_agency

FIRST, SECOND = an_actor(Role.ADMINISTRATOR, name="first"), an_actor(Role.ADMINISTRATOR, name="second")
SAULE = an_actor(Role.SUPERVISOR, name="saule")
OTHER = "quite another password"


@pytest.fixture(autouse=True)
def administrators(app: Flask) -> None:
    for name in ("first", "second"):
        add_person(LOCAL, NewPerson(name, Role.ADMINISTRATOR, email=f"{name}@example.kz"), PASSWORD)


def a_supervisor(name: str = "saule") -> int:
    return add_person(LOCAL, NewPerson(name, Role.SUPERVISOR, email=f"{name}@example.kz"), PASSWORD).account_id


def account(name: str = "new") -> Account:
    named = account_named(name)
    assert named is not None
    return named


def is_pending(name: str = "new") -> bool:
    db.session.rollback()
    return account(name).pending_since is not None


def added(role: Role) -> None:
    add_person(FIRST, NewPerson("new", role, email="new@example.kz"), PASSWORD)


def imported(role: Role) -> None:
    table = f"name,email,role,agency,language\nnew,new@example.kz,{role.value},,ru\n"
    assert import_people(FIRST, table.encode(), dry_run=False).created


def a_service(role: Role) -> None:
    add_service_account(FIRST, "new", role, None)


def a_service_with_a_token(role: Role) -> None:
    issue(FIRST, "new", role, None, timedelta(days=1))


def promoted(role: Role) -> None:
    agency = an_agency()
    add_person(LOCAL, NewPerson("new", Role.AGENCY_VIEWER, agency.id, email="new@example.kz"), PASSWORD)
    change_role(FIRST, account().id, role, None)


def there(role: Role) -> int:
    return add_person(LOCAL, NewPerson("new", role, email="new@example.kz"), PASSWORD).account_id


def with_another_password(role: Role) -> None:
    there(role)
    named = person_named("new")
    set_password(FIRST, named.id, OTHER)


def enabled(role: Role) -> None:
    account_id = there(role)
    disable_account(LOCAL, account_id)
    enable_account(FIRST, account_id)


def with_another_address(role: Role) -> None:
    edit_account(FIRST, there(role), {"email": "first.again@example.kz"})


def without_factors(role: Role) -> None:
    reset_factors(FIRST, there(role))


WAYS: list[Callable[[Role], None]] = [
    added,
    imported,
    a_service,
    a_service_with_a_token,
    promoted,
    with_another_password,
    enabled,
    with_another_address,
    without_factors,
]


@pytest.mark.parametrize(
    ("way", "role"),
    [*((way, Role.AUDITOR) for way in WAYS), *((added, role) for role in sorted(OVERSIGHT_ROLES - {Role.AUDITOR}))],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_supervisor_is_one_of_the_two_however_the_account_comes(way: Callable[[Role], None], role: Role) -> None:
    a_supervisor()
    way(role)

    assert confirmable(SECOND, [account()]) == frozenset()
    with pytest.raises(ConfirmationNeedsASupervisor):
        confirm_account(SECOND, account().id, role)
    assert is_pending()
    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_account(LOCAL, account().id, role)
    assert is_pending() and has_confirmer(account())
    confirm_account(SAULE, account().id, role)
    assert not is_pending()


@pytest.mark.parametrize("role", sorted(OVERSIGHT_ROLES))
def test_two_administrators_make_no_token_of_a_service_account_of_oversight(role: Role) -> None:
    a_supervisor()
    add_service_account(LOCAL, "robot", role, None)
    token = issue(FIRST, "robot", None, None, timedelta(days=1))

    with pytest.raises(ConfirmationNeedsASupervisor):
        confirm_token(SECOND, token.key_id)
    assert [row["can_confirm"] for row in pending_tokens(SECOND)] == [False]
    assert [row["can_confirm"] for row in pending_tokens(SAULE)] == [True]
    confirm_token(SAULE, token.key_id)
    assert pending_tokens(SAULE) == []


def test_two_administrators_make_the_first_supervisor_once() -> None:
    add_person(FIRST, NewPerson("saule", Role.SUPERVISOR, email="saule@example.kz"), PASSWORD)
    confirm_account(SECOND, account("saule").id, Role.SUPERVISOR)
    assert not is_pending("saule")

    added(Role.SUPERVISOR)
    with pytest.raises(ConfirmationNeedsASupervisor):
        confirm_account(SECOND, account().id, Role.SUPERVISOR)


@pytest.mark.parametrize("act", ["disable", "role", "password", "address", "factors"])
def test_administrators_do_not_put_the_last_supervisor_out_of_action(act: str) -> None:
    saule = a_supervisor()
    person = person_named("saule")
    acts: dict[str, Callable[..., object]] = {
        "disable": lambda actor: disable_account(actor, saule),
        "role": lambda actor: change_role(actor, saule, Role.LEADER, None),
        "password": lambda actor: set_password(actor, person.id, OTHER),
        "address": lambda actor: edit_account(actor, saule, {"email": "first.again@example.kz"}),
        "factors": lambda actor: reset_factors(actor, saule),
    }

    with pytest.raises(LastSupervisor):
        acts[act](FIRST)
    db.session.rollback()
    assert (account("saule").status, account("saule").role) == ("active", "supervisor")
    a_supervisor("gulmira")
    acts[act](FIRST)
    with pytest.raises(LastSupervisor):
        disable_account(SECOND, account("gulmira").id)
    db.session.rollback()
    disable_account(LOCAL, account("gulmira").id)
    assert account("gulmira").status == "disabled"
