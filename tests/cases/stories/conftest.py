"""The day on which the stories of cases begin."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask

from tests.present import Present

MONDAY = date(2026, 2, 16)


@pytest.fixture(autouse=True)
def monday(present: Present, app: Flask) -> None:
    """Start all tests on Monday 16 February 2026."""
    present.set(MONDAY)
