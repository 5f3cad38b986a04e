"""What becomes of sessions when second factors come, and when they go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from tests.databases import bare_app
from tests.migrations.test_accounts import person, rows, run

BEFORE = "2026_11_26_7"
AFTER = "2026_11_26_10"
PRINCIPAL = (
    "INSERT INTO principals (id, name, name_skeleton, kind, role, created_at) "
    "VALUES (1, 'zhanna', 'zhanna', 'person', 'auditor', {at})"
)
SESSION = (
    "INSERT INTO web_sessions (id, secret_hash, person_id, source, started_at, last_used_at) "
    "VALUES ({id}, 'hash{id}', 1, '10.0.0.1', {at}, {at})"
)


@pytest.fixture
def old_app(empty_database: str) -> Iterator[Flask]:
    app = bare_app(empty_database)
    with app.app_context():
        upgrade_schema(BEFORE)
        yield app
        db.session.remove()
        db.engine.dispose()


def test_sessions_go_on_without_a_verified_factor(old_app: Flask) -> None:
    run(PRINCIPAL, person(1, "auditor"), SESSION.replace("{id}", "1"))
    upgrade_schema()
    # As a process of the version before starts one.
    run(SESSION.replace("{id}", "2"))
    stored = rows("SELECT id, public_id, device, password_at, factor_at, factor_kind FROM web_sessions ORDER BY id")
    assert stored == [(1, None, None, None, None, None), (2, None, None, None, None, None)]


def test_way_down_ends_sessions_that_await_a_factor_and_deletes_the_factors(old_app: Flask) -> None:
    upgrade_schema(AFTER)
    ceremony = (
        "INSERT INTO factor_ceremonies (id, session_id, kind, value, created_at) VALUES (1, 1, 'totp', 'x', {at})"
    )
    totp = (
        "INSERT INTO totp_factors (id, person_id, encrypted_secret, last_used_step, created_at, last_used_at) "
        "VALUES (1, 1, 'x', 1, {at}, {at})"
    )
    verified = "UPDATE web_sessions SET factor_at = {at} WHERE id = 2"
    sessions = [SESSION.replace("{id}", number) for number in "12"]
    run(PRINCIPAL, person(1, "auditor"), *sessions, verified, ceremony, totp)
    downgrade_schema(BEFORE)
    assert rows("SELECT id FROM web_sessions") == [(2,)]
    assert rows("SELECT id FROM people") == [(1,)]
    run(SESSION.replace("{id}", "1"))
    upgrade_schema()
    assert rows("SELECT id FROM totp_factors") == []
