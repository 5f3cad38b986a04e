"""What becomes of people's notification preferences at the upgrade, and at the way down."""

from __future__ import annotations

from flask import Flask

from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from tests.databases import bare_app
from tests.migrations.test_accounts import person, principal, rows, run


def test_people_from_before_get_all_emails_and_keep_their_data_both_ways(empty_database: str) -> None:
    app: Flask = bare_app(empty_database)
    with app.app_context():
        upgrade_schema("2026_11_25_1")
        run(principal(1, "aigerim"), person(1, "reviewer"))
        upgrade_schema("2026_11_26_15")
        assert rows("SELECT count(*) FROM people WHERE immediate_emails AND digest_emails") == [(1,)]
        run("UPDATE people SET digest_emails = NOT digest_emails")
        downgrade_schema("2026_11_26_14")
        assert rows("SELECT count(*) FROM people") == [(1,)]
        upgrade_schema("2026_11_26_15")
        assert rows("SELECT count(*) FROM people WHERE digest_emails") == [(1,)]
        db.session.remove()
        db.engine.dispose()
