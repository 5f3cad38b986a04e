"""Alembic's entry: the service gives it a connection; it never opens one of its own."""

from __future__ import annotations

from alembic import context

from registry.core.database import Base
from registry.models import TABLES

LOCK_WAIT = "2s"


def run() -> None:
    """Run the migrations on the connection in the configuration, each in the transaction that is open there."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
    with context.begin_transaction():
        context.run_migrations()


if TABLES:
    run()
