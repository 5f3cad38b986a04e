"""Aims for the hostile cases, made once a worker: what a case writes is undone, and most may write nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Connection

from registry.http.request_log import LOG
from tests.factories import an_agency
from tests.hostile.aims import Aim, aims
from tests.savepoints import rolled_back


@pytest.fixture(scope="package")
def prepared(shared_app: Flask) -> Iterator[tuple[Connection, dict[str, Aim]]]:
    """The one connection of these tests, and the aims that stand in its transaction."""
    # A line for each of nine thousand requests would cost a tenth of the time.
    LOG.setLevel(logging.WARNING)
    with rolled_back(shared_app) as connection:
        with shared_app.app_context():
            made = aims(shared_app.test_client(), an_agency())
        yield connection, made
    LOG.setLevel(logging.INFO)


@pytest.fixture
def connection(prepared: tuple[Connection, dict[str, Aim]]) -> Iterator[Connection]:
    """As everywhere, but the aims stay: a test's own work alone is rolled back."""
    shared, _ = prepared
    nested = shared.begin_nested()
    yield shared
    nested.rollback()


@pytest.fixture
def at(app: Flask, prepared: tuple[Connection, dict[str, Aim]]) -> dict[str, Aim]:
    """An aim for each declared route."""
    return prepared[1]
