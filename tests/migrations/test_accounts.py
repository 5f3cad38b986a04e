"""What becomes of the principals, people and tokens of the version before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from registry.accounts.account_names import skeleton
from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from tests.databases import bare_app

BEFORE = "2026_11_25_1"
AT = "'2026-01-01 00:00:00+00:00'"


@pytest.fixture
def old_app(empty_database: str) -> Iterator[Flask]:
    app = bare_app(empty_database)
    with app.app_context():
        upgrade_schema(BEFORE)
        yield app
        db.session.remove()
        db.engine.dispose()


def run(*statements: str) -> None:
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement.replace("{at}", AT)))


def rows(statement: str) -> list[tuple[object, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def principal(number: int, name: str) -> str:
    return f"INSERT INTO principals (id, name, created_at) VALUES ({number}, '{name}', {{at}})"


def person(number: int, role: str) -> str:
    return (
        "INSERT INTO people (id, principal_id, role, language, password_hash, created_at, password_set_at) "
        f"VALUES ({number}, {number}, '{role}', 'kk', 'x', {{at}}, {{at}})"
    )


def token(number: int, principal_id: int, role: str, revoked: str = "NULL") -> str:
    return (
        "INSERT INTO tokens (id, key_id, secret_hash, principal_id, role, created_at, revoked_at) "
        f"VALUES ({number}, 'key{number}', 'x', {principal_id}, '{role}', {{at}}, {revoked})"
    )


def test_principals_become_accounts_and_wider_tokens_are_revoked(old_app: Flask) -> None:
    run(
        principal(1, "Saule"),
        person(1, "reviewer"),
        token(1, 1, "reviewer"),
        token(2, 1, "supervisor"),
        principal(2, "robot"),
        token(3, 2, "reviewer"),
        token(4, 2, "supervisor"),
        token(5, 2, "administrator", "{at}"),
        principal(3, "unused"),
        principal(4, "Bolat"),
        person(4, "auditor"),
        token(6, 4, "auditor"),
    )
    upgrade_schema()
    assert rows("SELECT name, kind, role, disabled_at FROM accounts ORDER BY id") == [
        ("Saule", "person", "reviewer", None),
        ("robot", "service", "supervisor", None),
        ("unused", "service", "agency_viewer", None),
        ("Bolat", "person", "auditor", None),
    ]
    # The token of a reviewer, which an administrator issued, is revoked too.
    assert rows("SELECT id FROM tokens WHERE revoked_at IS NULL ORDER BY id") == [(3,), (4,), (6,)]


@pytest.mark.parametrize("role", ["reviewer", "supervisor", "administrator"])
def test_tokens_of_people_who_decide_are_revoked(old_app: Flask, role: str) -> None:
    run(principal(1, "Saule"), person(1, role), token(1, 1, role))
    upgrade_schema()
    assert rows("SELECT id FROM tokens WHERE revoked_at IS NULL") == []


def test_skeletons_of_names_are_those_that_new_names_are_compared_with(old_app: Flask) -> None:
    names = ["\u018f\u0441\u0435\u043b", "O\u2019Neil", "\u01a6ustem"]
    run(*(principal(number, name) for number, name in enumerate(names, 1)))
    upgrade_schema()
    assert rows("SELECT name, name_skeleton FROM accounts ORDER BY id") == [(name, skeleton(name)) for name in names]


def test_names_that_look_the_same_stay_and_no_further_one_is_made(old_app: Flask) -> None:
    run(principal(1, "Saule"), principal(2, "S\u0430ule"), principal(3, "saule"))
    upgrade_schema()
    names = rows("SELECT name, name_skeleton FROM accounts ORDER BY id")
    assert [name for name, _ in names] == ["Saule", "S\u0430ule", "saule"]
    first = str(names[0][1])
    assert [alike for _, alike in names] == [first, f"{first}:2", f"{first}:3"]


def test_accounts_with_the_machines_names_are_disabled(old_app: Flask) -> None:
    run(principal(1, "local:root"), token(1, 1, "administrator"), principal(2, "service:schedule"), principal(3, "a"))
    upgrade_schema()
    assert rows("SELECT name FROM accounts WHERE disabled_at IS NULL") == [("a",)]


def test_way_down_keeps_people_with_their_roles(old_app: Flask) -> None:
    run(principal(1, "Saule"), person(1, "reviewer"))
    upgrade_schema()
    downgrade_schema(BEFORE)
    assert rows("SELECT role FROM people") == [("reviewer",)]
