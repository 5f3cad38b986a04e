"""The schema: brought up or down by the migrations in ``migrations/``, in one transaction."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from registry.settings import CHECKOUT
from registry.store.database import SQLITE_BEGIN, db

MIGRATIONS = CHECKOUT / "migrations"
ONE_AT_A_TIME = 742_001


class SchemaNotCurrent(RuntimeError):
    """The database's schema is not the one that this code needs: run ``registry db upgrade``."""


def upgrade_schema(revision: str = "head") -> None:
    """Bring the schema up to a revision. Two processes at once: the second waits and finds it done."""
    _run(command.upgrade, revision)


def downgrade_schema(revision: str) -> None:
    """Take the schema down to a revision."""
    _run(command.downgrade, revision)


def schema_is_current() -> bool:
    """True when the database stands at the newest migration."""
    heads = set(ScriptDirectory.from_config(_config()).get_heads())
    with db.engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == heads


def require_current_schema() -> None:
    """Raise SchemaNotCurrent unless the schema is the one that this code needs."""
    if not schema_is_current():
        raise SchemaNotCurrent("the database's schema is not current; run: registry db upgrade")


def _run(direction: object, revision: str) -> None:
    with db.engine.connect() as connection:
        foreign_keys(connection, on=False)
        connection.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"})
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})"))
            config = _config()
            config.attributes["connection"] = connection
            direction(config, revision)  # type: ignore[operator] # alembic's commands share this shape
        foreign_keys(connection, on=True)


def foreign_keys(connection: Connection, *, on: bool) -> None:
    """SQLite rebuilds a table to change it, which foreign keys would follow; void in a transaction."""
    if connection.dialect.name == "sqlite":
        raw = connection.connection.driver_connection
        if raw is not None:
            raw.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
