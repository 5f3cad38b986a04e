"""The schema: brought up or down by the migrations in ``migrations/``, in one transaction.

On PostgreSQL it can belong to a role of its own: the service's role then gets what ``migrations/grants.sql`` gives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from registry.core.database import SQLITE_BEGIN, db
from registry.core.postgresql import allow_long_work
from registry.core.shipped_files import MIGRATIONS

if TYPE_CHECKING:
    from alembic.config import Config

GRANTS = MIGRATIONS / "grants.sql"
SERVICE_ROLE = ':"service"'  # a variable as psql has them, so that the file can be run by hand
STANDS_AT = "alembic_version"
# Asked in the database's own words: to inspect it by SQLAlchemy takes as long as all else that a short command does.
IS_STAMPED = {
    "sqlite": f"SELECT count(*) FROM sqlite_master WHERE name = '{STANDS_AT}'",  # noqa: S608
    "postgresql": f"SELECT count(to_regclass('{STANDS_AT}'))",
}
ONE_AT_A_TIME = 742_001


class SchemaNotCurrent(RuntimeError):
    """The database's schema is not the one that this code needs: run ``registry db upgrade``."""


class ServiceRoleMissing(RuntimeError):
    """The role that the service connects as does not exist in the database's server."""


def upgrade_schema(revision: str = "head", service_role: str | None = None) -> None:
    """Bring the schema up to a revision. Two processes at once: the second waits and finds it done.

    ``service_role``, on PostgreSQL: the role, other than the present one, that may use the schema and not change it.
    Raises ServiceRoleMissing.
    """
    _run("upgrade", revision, service_role)


def grant_to_service(service_role: str) -> None:
    """Give the role what an upgrade would; done again it changes nothing. Raises ServiceRoleMissing."""
    with db.engine.begin() as connection:
        _grant(connection, service_role)


def downgrade_schema(revision: str) -> None:
    """Take the schema down to a revision."""
    _run("downgrade", revision)


def schema_is_current() -> bool:
    """True when the database stands at the newest migration."""
    with db.engine.connect() as connection:
        if not connection.scalar(text(IS_STAMPED[connection.dialect.name])):
            return False
        return connection.scalars(text(f"SELECT version_num FROM {STANDS_AT}")).all() == [newest_revision()]  # noqa: S608


def schema_is_known() -> bool:
    """True when the database stands at a migration that this code has: at an older one, or the newest."""
    known = {"_".join(path.stem.split("_")[:4]) for path in (MIGRATIONS / "versions").glob("*.py")}
    with db.engine.connect() as connection:
        if not connection.scalar(text(IS_STAMPED[connection.dialect.name])):
            return False
        return set(connection.scalars(text(f"SELECT version_num FROM {STANDS_AT}"))) <= known  # noqa: S608


def is_new_file() -> bool:
    """True when nothing at all was laid out in an SQLite file yet."""
    with db.engine.connect() as connection:
        return not connection.scalar(text("SELECT count(*) FROM sqlite_master"))


def newest_revision() -> str:
    """The revision of the newest migration, which its file's name begins with: a date and that day's number."""
    names = (path.stem.split("_")[:4] for path in (MIGRATIONS / "versions").glob("*.py"))
    return "_".join(max(names, key=lambda parts: [int(part) for part in parts]))


def require_current_schema() -> None:
    """Raise SchemaNotCurrent unless the schema is the one that this code needs."""
    if not schema_is_current():
        raise SchemaNotCurrent("the database's schema is not current; run: registry db upgrade")


def _run(direction: str, revision: str, service_role: str | None = None) -> None:
    # Loaded here, because it takes a tenth of a second and a command that changes no schema needs none of it.
    from alembic import command

    with db.engine.connect() as connection:
        foreign_keys(connection, on=False)
        connection.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"})
        with connection.begin():
            allow_long_work(connection)
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})"))
            config = _config()
            config.attributes["connection"] = connection
            getattr(command, direction)(config, revision)
            if service_role is not None:
                _grant(connection, service_role)
        foreign_keys(connection, on=True)


def _grant(connection: Connection, service_role: str) -> None:
    there = connection.scalar(text("SELECT true FROM pg_roles WHERE rolname = :name"), {"name": service_role})
    if not there:
        raise ServiceRoleMissing(service_role)
    quoted = connection.dialect.identifier_preparer.quote_identifier(service_role)
    connection.exec_driver_sql(GRANTS.read_text(encoding="utf-8").replace(SERVICE_ROLE, quoted))


def foreign_keys(connection: Connection, *, on: bool) -> None:
    """SQLite rebuilds a table to change it, which foreign keys would follow; void in a transaction."""
    if connection.dialect.name == "sqlite":
        raw = connection.connection.driver_connection
        if raw is not None:
            raw.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
