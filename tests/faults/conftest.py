"""What the faults are tried on: the service on a database of the test's own, an agency, and a token to write with."""

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
    """The BIN of the agency whose projects are written."""
    with own_app.app_context():
        yield an_agency().bin


@pytest.fixture
def token(own_app: Flask) -> str:
    """A token of whoever writes."""
    with own_app.app_context():
        return a_token(Role.ADMINISTRATOR)


@pytest.fixture
def registry(own_database: str, tmp_path: Path) -> CommandLine:
    """The command line of the service on the test's own database."""
    return CommandLine(own_database, tmp_path)
