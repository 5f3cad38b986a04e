"""What becomes of projects at the upgrade to attestation, and at the way down."""

from __future__ import annotations

from flask import Flask

from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from tests.databases import bare_app
from tests.migrations.rows import fill_every_table
from tests.migrations.test_accounts import rows, run


def test_projects_from_before_are_unattested_and_survive_both_ways(empty_database: str) -> None:
    app: Flask = bare_app(empty_database)
    with app.app_context():
        upgrade_schema()
        with db.engine.begin() as connection:
            fill_every_table(connection)
        run("UPDATE projects SET attested_by = 'dana'")
        downgrade_schema("2026_11_26_17")
        assert rows("SELECT count(*) FROM projects") == [(1,)]
        upgrade_schema("2026_11_26_18")
        assert rows("SELECT attested_on, attested_by FROM projects") == [(None, None)]
        db.session.remove()
        db.engine.dispose()
