"""What becomes of tokens and roles at the upgrade to scopes and owners, and at the way down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from tests.databases import bare_app
from tests.migrations.test_accounts import person, principal, rows, run, token

BEFORE = "2026_11_26_7"
AFTER = "2026_11_26_11"


@pytest.fixture
def old_app(empty_database: str) -> Iterator[Flask]:
    app = bare_app(empty_database)
    with app.app_context():
        upgrade_schema("2026_11_25_1")
        run(principal(1, "robot"), token(1, 1, "supervisor"))
        upgrade_schema(BEFORE)
        yield app
        db.session.remove()
        db.engine.dispose()


def test_tokens_from_before_keep_every_scope_address_and_expiry(old_app: Flask) -> None:
    upgrade_schema(AFTER)
    assert rows("SELECT scopes, addresses, expires_at, revoked_at FROM tokens") == [(None, None, None, None)]
    assert rows("SELECT owner_account_id FROM principals") == [(None,)]


def test_way_down_revokes_limited_tokens_only(old_app: Flask) -> None:
    upgrade_schema(AFTER)
    whole = '["read", "projects:write", "cases:write", "audits:run", "exemptions:write", "decisions:approve"]'
    run(
        *(token(number, 1, "supervisor") for number in (2, 3, 4)),
        f"UPDATE tokens SET scopes = '{whole}' WHERE id IN (2, 4)",
        "UPDATE tokens SET scopes = '[\"read\"]' WHERE id = 3",
        "UPDATE tokens SET addresses = '[\"10.0.0.0/8\"]' WHERE id = 4",
    )
    downgrade_schema(BEFORE)
    assert rows("SELECT id FROM tokens WHERE revoked_at IS NULL ORDER BY id") == [(1,), (2,)]


def test_way_down_makes_agency_administrators_editors(old_app: Flask) -> None:
    upgrade_schema(AFTER)
    run(person(1, "agency_administrator"), "UPDATE principals SET role = 'agency_administrator'")
    downgrade_schema(BEFORE)
    assert rows("SELECT role FROM principals") == [("agency_editor",)] == rows("SELECT role FROM people")
