"""What becomes of imports at the upgrades to layouts, previews and reasons, and at the ways down."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import inspect

from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from tests.databases import bare_app
from tests.migrations.rows import fill_every_table
from tests.migrations.test_accounts import rows, run

BEFORE_LAYOUTS, BEFORE_PREVIEWS = "2026_11_26_20", "2026_11_26_21"
LAYOUT = '{"header": 1, "columns": ["bin"], "headers": ["БИН"], "key": 0, "skips_notes": true}'


def filled(database: str, state: str) -> Flask:
    """Return an application with a row in every table, and the import in a state."""
    app: Flask = bare_app(database)
    with app.app_context():
        upgrade_schema()
        with db.engine.begin() as connection:
            fill_every_table(connection)
        run(f"UPDATE imports SET state = '{state}', layout = '{LAYOUT}', warnings = '[]', total = 7")
        run("UPDATE import_errors SET value = 'где-то'")
    return app


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names())


def test_finished_import_loses_its_preview_and_its_kept_file_on_the_way_down(empty_database: str) -> None:
    with filled(empty_database, "done").app_context():
        downgrade_schema(BEFORE_PREVIEWS)
        assert "import_rows" not in tables() and "import_columns" in tables()
        assert rows("SELECT state, total FROM imports") == [("done", 7)]
        assert rows("SELECT count(*) FROM import_files") == [(0,)], "the former version would never delete it"
        assert rows("SELECT value FROM import_errors") == [("где-то",)]
        upgrade_schema()
        assert rows("SELECT would_flag, dry_run_id, change_reason, total FROM imports") == [(None, None, None, 7)]
        assert rows("SELECT count(*) FROM import_rows") == [(0,)]
        db.session.remove()
        db.engine.dispose()


def test_queued_import_keeps_its_file_and_loses_its_layout_on_the_way_down(empty_database: str) -> None:
    with filled(empty_database, "queued").app_context():
        before = rows("SELECT sha256, principal, kind FROM imports")
        downgrade_schema(BEFORE_LAYOUTS)
        assert tables().isdisjoint({"import_rows", "import_columns"})
        assert rows("SELECT count(*) FROM import_files") == [(1,)]
        assert rows("SELECT sha256, principal, kind FROM imports") == before
        assert rows("SELECT count(*) FROM import_errors") == [(1,)]
        upgrade_schema()
        assert rows("SELECT layout, warnings, change_reason FROM imports") == [(None, None, None)]
        assert rows("SELECT value FROM import_errors") == [(None,)]
        assert rows("SELECT count(*) FROM import_mappings") == [(0,)]
        assert rows("SELECT state, total FROM imports") == [("queued", 7)]
        db.session.remove()
        db.engine.dispose()
