"""Concurrent changes of accounts over real connections: an administrator stays, and no name is anybody else's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from registry.accounts.account_changes import AccountChanged, confirm_account, disable_account
from registry.accounts.factors import reset_factors
from registry.accounts.models import Account, AccountNameTaken
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person, edit_account, invite_person, person_named, set_password
from registry.accounts.tokens import add_service_account
from registry.core.database import db, transaction
from tests.accounts.factors.test_concurrent_requests import outcomes
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor

PEOPLE = 4


def test_administrators_who_disable_each_other_at_once_leave_one(own_app: Flask) -> None:
    with own_app.app_context():
        ids = [
            add_person(ADMINISTRATOR, NewPerson(f"admin {number}", Role.ADMINISTRATOR), PASSWORD).account_id
            for number in range(PEOPLE)
        ]
        db.session.rollback()
    actors = [
        replace(an_actor(Role.ADMINISTRATOR, name=f"admin {number}"), account_id=account_id)
        for number, account_id in enumerate(ids)
    ]
    # Each disables the next one, and the command line all of them.
    actions = [
        *(
            lambda actor=actor, place=place: disable_account(actor, ids[(place + 1) % PEOPLE])
            for place, actor in enumerate(actors)
        ),
        *(lambda account_id=account_id: disable_account(ADMINISTRATOR, account_id) for account_id in ids),
    ]

    results = outcomes(own_app, actions)

    with own_app.app_context():
        active = db.session.scalar(select(func.count(Account.id)).where(Account.disabled_at.is_(None)))
    assert active == 1
    assert set(results) <= {"done", "last-administrator", "rights-changed"}


def test_name_that_is_given_up_at_the_same_time_goes_to_nobody_else(own_app: Flask) -> None:
    with own_app.app_context():
        ids = [
            add_person(ADMINISTRATOR, NewPerson(f"name {number}", Role.AUDITOR), PASSWORD).account_id
            for number in range(PEOPLE)
        ]
        db.session.rollback()

    # Each takes the name that the next one gives up, and services want all of them.
    actions = [
        *(
            lambda place=place, account_id=account_id: edit_account(
                ADMINISTRATOR, account_id, {"name": f"name {place + 1}" if place < PEOPLE - 1 else "name x"}
            )
            for place, account_id in enumerate(ids)
        ),
        *(
            lambda place=place: add_service_account(ADMINISTRATOR, f"NAME {place}", Role.AUDITOR, None)
            for place in range(PEOPLE)
        ),
    ]

    results = outcomes(own_app, actions)

    with own_app.app_context():
        named = {row.id: row.name for row in db.session.execute(select(Account.id, Account.name))}
    assert results == ["account-name-taken"] * (2 * PEOPLE - 1) + ["done"]
    assert sorted(named.values()) == ["name 0", "name 1", "name 2", "name x"]


@pytest.mark.parametrize("change", ["password", "factors"])
def test_administrators_who_make_each_other_pending_at_once_leave_one(own_app: Flask, change: str) -> None:
    with own_app.app_context():
        people = [
            (person.id, person.account_id)
            for person in (
                add_person(ADMINISTRATOR, NewPerson(f"admin {number}", Role.ADMINISTRATOR), PASSWORD)
                for number in range(PEOPLE)
            )
        ]
        db.session.rollback()
    actors = [
        replace(an_actor(Role.ADMINISTRATOR, name=f"admin {number}"), account_id=account_id)
        for number, (_, account_id) in enumerate(people)
    ]

    def act(actor: Actor, person_id: int, account_id: int) -> None:
        if change == "password":
            set_password(actor, person_id, PASSWORD)
        else:
            reset_factors(actor, account_id)

    actions = [
        lambda actor=actor, target=people[(place + 1) % PEOPLE]: act(actor, *target)
        for place, actor in enumerate(actors)
    ]

    results = outcomes(own_app, actions)

    with own_app.app_context():
        assert db.session.scalar(select(func.count(Account.id)).where(Account.pending_since.is_(None))) >= 1
    assert set(results) == {"done", "rights-changed"}


def test_password_that_is_set_while_somebody_confirms_an_invited_account_is_not_confirmed(
    own_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(own_app.config, "INVITATIONS_BY_EMAIL", True)
    adil, bota = an_actor(Role.ADMINISTRATOR, name="adil"), an_actor(Role.ADMINISTRATOR, name="bota")
    looked = Event()

    def notice(*arguments: object) -> None:
        if "people.password_hash" in str(arguments[2]):
            looked.set()

    with own_app.app_context():
        person = invite_person(adil, NewPerson("saule", Role.REVIEWER, email="saule@gov.kz"))
        person_id, account_id = person.id, person.account_id
        db.session.rollback()

    def confirm() -> None:
        with own_app.app_context():
            event.listen(db.engine, "after_cursor_execute", notice)
            try:
                confirm_account(bota, account_id, Role.REVIEWER)
            finally:
                event.remove(db.engine, "after_cursor_execute", notice)

    with ThreadPoolExecutor(1) as pool, own_app.app_context():
        with transaction():
            set_password(adil, person_id, PASSWORD)
            confirmed = pool.submit(confirm)
            assert looked.wait(60)
        with pytest.raises(AccountChanged):
            confirmed.result(60)
        saule = person_named("saule")
        assert saule.is_pending


def _rename_aigul(account_id: int) -> object:
    return edit_account(ADMINISTRATOR, account_id, {"name": "name x"})


def _add_service(_account_id: int) -> object:
    return add_service_account(ADMINISTRATOR, "NAME X", Role.AUDITOR, None)


@pytest.mark.postgres_only  # SQLite has one writer at a time.
@pytest.mark.parametrize("take", [_rename_aigul, _add_service])
def test_name_that_another_took_and_gave_up_since_the_check_stays_reserved(
    own_app: Flask, take: Callable[[int], object]
) -> None:
    with own_app.app_context():
        aigul, bota = (
            add_person(ADMINISTRATOR, NewPerson(name, Role.AUDITOR), PASSWORD).account_id for name in ("aigul", "bota")
        )

    def bota_takes_and_gives_up_the_name() -> None:
        with own_app.app_context():
            edit_account(ADMINISTRATOR, bota, {"name": "name x"})
            edit_account(ADMINISTRATOR, bota, {"name": "bota.new"})

    def meanwhile(*_args: object) -> None:
        other = Thread(target=bota_takes_and_gives_up_the_name)
        other.start()
        other.join(60)

    with own_app.app_context():
        event.listen(db.session, "before_flush", meanwhile, once=True)
        with pytest.raises(AccountNameTaken):
            take(aigul)

    with own_app.app_context():
        names = set(db.session.scalars(select(Account.name)))
    assert names == {"aigul", "bota.new"}
