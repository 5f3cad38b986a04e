"""Fixtures of the fault tests: the service on a database of its own, an agency and a token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from registry.accounts.roles import Role
from tests.factories import a_token, an_agency
from tests.fixtures.cli import CommandLine


@pytest.fixture
def agency(own_app: Flask) -> Iterator[str]:
    """Return the BIN of the agency whose projects are written."""
    with own_app.app_context():
        yield an_agency().bin


@pytest.fixture
def token(own_app: Flask) -> str:
    """Return a token for writing."""
    with own_app.app_context():
        return a_token(Role.ADMINISTRATOR)


@pytest.fixture
def registry(own_database: str, tmp_path: Path) -> CommandLine:
    """Return the command line on the test's database."""
    return CommandLine(own_database, tmp_path)
