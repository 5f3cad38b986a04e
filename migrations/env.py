"""Alembic's entry: the service gives it a connection; it never opens one of its own."""

from __future__ import annotations

from alembic import context

import registry.models  # noqa: F401 - every table is then in the metadata
from registry.core.database import Base


def run() -> None:
    """Run the migrations on the connection in the configuration.

    On SQLite they join the transaction that is open there; on PostgreSQL each is a transaction of its own.
    """
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        transaction_per_migration=connection.dialect.name == "postgresql",
    )
    with context.begin_transaction():
        context.run_migrations()


run()
