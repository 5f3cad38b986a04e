"""An installation that publishes, and the day on which it does."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.open_data.models import PUBLICATION, Licence
from tests.present import Present

LICENCE = Licence("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/")


@pytest.fixture
def public(app: Flask, present: Present, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Anybody's client of a register that publishes its open data, on 2 March 2026."""
    present.set(date(2026, 3, 2))
    monkeypatch.setitem(app.config, PUBLICATION, LICENCE)
    return app.test_client()
