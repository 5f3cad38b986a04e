"""Aims for the hostile cases, and what they may not change."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.factories import an_agency
from tests.hostile.aims import Aim, aims


@pytest.fixture
def at(client: FlaskClient) -> dict[str, Aim]:
    """An aim for each declared route."""
    return aims(client, an_agency())
