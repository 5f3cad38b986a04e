"""What becomes of accounts at the upgrade to former names, and at the way down."""

from __future__ import annotations

from flask import Flask

from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from tests.databases import bare_app
from tests.migrations.test_accounts import person, principal, rows, run

BEFORE = "2026_11_26_12"
AFTER = "2026_11_26_13"


def test_accounts_from_before_have_unknown_times_and_survive_both_ways(empty_database: str) -> None:
    app: Flask = bare_app(empty_database)
    with app.app_context():
        upgrade_schema("2026_11_25_1")
        run(principal(1, "aigerim"), person(1, "reviewer"))
        upgrade_schema(AFTER)
        assert rows("SELECT name, changed_at FROM principals") == [("aigerim", None)]
        assert rows("SELECT last_signed_in_at FROM people") == [(None,)]
        assert rows("SELECT count(*) FROM former_names") == [(0,)]
        run(
            "INSERT INTO former_names (account_id, name, name_skeleton, renamed_at)"
            " VALUES (1, 'a', 'a', '2026-03-01 04:05:06.000000')"
        )
        downgrade_schema(BEFORE)
        assert rows("SELECT name FROM principals") == [("aigerim",)]
        upgrade_schema(AFTER)
        assert rows("SELECT count(*) FROM former_names") == [(0,)]
        db.session.remove()
        db.engine.dispose()
