"""Targets of the hostile cases, created once per worker; writes of a case are rolled back."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Connection

from registry.http.requests import LOG
from tests.api.access_matrix.routes import TRIES
from tests.factories import an_agency
from tests.hostile.aims import Aim, aims
from tests.hostile.corpus import Case, Share, cases
from tests.savepoints import rolled_back

ROUTES = sorted(TRIES)


@pytest.fixture(scope="package")
def prepared(shared_app: Flask) -> Iterator[tuple[Connection, dict[str, Aim]]]:
    """Yield the shared connection and the targets that exist in its transaction."""
    # Logging each of nine thousand requests would take a tenth of the time.
    LOG.setLevel(logging.WARNING)
    with rolled_back(shared_app) as connection:
        with shared_app.app_context():
            made = aims(shared_app.test_client(), an_agency())
        yield connection, made
    LOG.setLevel(logging.INFO)


@pytest.fixture
def connection(prepared: tuple[Connection, dict[str, Aim]]) -> Iterator[Connection]:
    """Return the connection as elsewhere, but roll back only the test's own writes and keep the targets."""
    shared, _ = prepared
    nested = shared.begin_nested()
    yield shared
    nested.rollback()


@pytest.fixture(scope="session")
def share(nightly: bool) -> Share:
    """The cases of a subject to try at a route: all at night, else a tenth, another one at the next route."""

    def share(subject: str, operation: str) -> list[Case]:
        return cases(subject) if nightly else cases(subject)[ROUTES.index(operation) % 10 :: 10]

    return share


@pytest.fixture
def at(app: Flask, prepared: tuple[Connection, dict[str, Aim]]) -> dict[str, Aim]:
    """Return a target for each declared route."""
    return prepared[1]
