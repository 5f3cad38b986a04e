"""Databases for tests: one migrated template for the session, and any number of copies of it."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

import psycopg
from flask import Flask
from sqlalchemy import make_url

from registry.core.database import db, init_database
from registry.core.record_guards import switch_journal_clock
from registry.core.schema import upgrade_schema
from tests.postgres_server import PostgresServer

TEMPLATE = "registry_template"
SERVICE_ROLE = "registry_service"
_serial = itertools.count(1)


class Databases(Protocol):
    """What both kinds offer. ``empty`` copies have no schema yet; ``of`` names what to copy, with nobody connected."""

    kind: str

    def make(self, *, empty: bool = False, of: str | None = None) -> str:
        """A new database's address, for this process to use and drop."""

    def for_service(self, url: str) -> str:
        """The same database for a role that owns nothing, as the service has it in production."""

    def drop(self, url: str) -> None:
        """Remove it, whoever is still connected."""


class SqliteDatabases:
    """SQLite: copies of a migrated file in a folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / f"{TEMPLATE}.sqlite3"

    def make_template(self) -> None:
        """Migrate the file that is copied."""
        _migrate(f"sqlite:///{self._template}")

    def make(self, *, empty: bool = False, of: str | None = None) -> str:
        """A new file's address."""
        path = self._folder / f"{_own_name()}.sqlite3"
        if not empty:
            shutil.copyfile((of and make_url(of).database) or self._template, path)
        return f"sqlite:///{path}"

    def let_tests_set_the_installation(self, url: str) -> None:
        """Nothing: the service owns the file."""

    def for_service(self, url: str) -> str:
        """The same: SQLite has no roles."""
        return url

    def drop(self, url: str) -> None:
        """Delete the file and its companions."""
        path = Path(make_url(url).database or "")
        for part in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            part.unlink(missing_ok=True)


class PostgresDatabases:
    """PostgreSQL: databases cloned from a migrated template on one server."""

    kind = "postgresql"

    def __init__(self, maintenance: str) -> None:
        """``maintenance``: the libpq address of a database to give the orders from."""
        self._maintenance = maintenance

    def make_template(self) -> None:
        """Migrate the database that is cloned."""
        self._order(f"CREATE ROLE {SERVICE_ROLE} LOGIN")
        self._order(f"CREATE DATABASE {TEMPLATE}")
        _migrate(self._url(TEMPLATE), SERVICE_ROLE)

    def make(self, *, empty: bool = False, of: str | None = None) -> str:
        """A new database's address."""
        name = _own_name()
        template = (of and make_url(of).database) or TEMPLATE
        self._order(
            f"CREATE DATABASE {name}" if empty else f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
        )
        return self._url(name)

    def for_service(self, url: str) -> str:
        """The same database for the role that migrations/grants.sql is about."""
        return make_url(url).set(username=SERVICE_ROLE).render_as_string(hide_password=False)

    def let_tests_set_the_installation(self, url: str) -> None:
        """Let the service's role set the time of the installation, which tests move with the clock."""
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"GRANT UPDATE (installed_at) ON installation TO {SERVICE_ROLE}")

    def drop(self, url: str) -> None:
        """Drop the database."""
        self._order(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def _url(self, name: str) -> str:
        url = make_url(self._maintenance).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def _order(self, statement: str) -> None:
        with psycopg.connect(self._maintenance, autocommit=True) as connection:
            connection.execute(statement)


class DatabasesOfSession:
    """What the first process of the session owns: the folder, the server when there is one, the template."""

    def __init__(self, kind: str) -> None:
        # A socket's path has at most 107 bytes, so not below pytest's own long folders.
        self._folder = Path(tempfile.mkdtemp(prefix="qtr-"))
        self._server: PostgresServer | None = None
        try:
            if kind == "sqlite":
                self.address = str(self._folder)
            else:
                self._server = PostgresServer(self._folder)
                self.address = self._server.address("postgres")
            databases_at(kind, self.address).make_template()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the server and delete everything."""
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self._folder)


def databases_at(kind: str, address: str) -> SqliteDatabases | PostgresDatabases:
    """The databases of a session that are reached at ``address``, in any of its processes."""
    return SqliteDatabases(Path(address)) if kind == "sqlite" else PostgresDatabases(address)


def bare_app(url: str) -> Flask:
    """An app that has a database and nothing else."""
    app = Flask("tests")
    # That of the services and commands of the tests, which accept the tokens that are made here.
    app.config["SECRET_KEY"] = "of-the-tests-and-nobody-else"
    init_database(app, url)
    return app


def journal_clock(url: str, *, on: bool) -> None:
    """Let the journal take only entries of now, as in production, or of any time; as the owner of the tables."""
    with bare_app(url).app_context():
        with db.engine.begin() as connection:
            switch_journal_clock(connection, on=on)
        # The last connection to close folds SQLite's log into the file, and lets PostgreSQL clone the template.
        db.engine.dispose()


def _migrate(url: str, service_role: str | None = None) -> None:
    with bare_app(url).app_context():
        upgrade_schema(service_role=service_role)
        db.engine.dispose()
    # Tests move the clock, which the database does not follow.
    journal_clock(url, on=False)


def _own_name() -> str:
    return f"test_{os.getpid()}_{next(_serial)}"
