"""Electronic signatures that a register verifies itself, by a centre of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from registry.signatures.service import SIGNATURES
from tests.signatures.certificates import Centre, settings_for


@pytest.fixture(scope="module")
def centre() -> Centre:
    return Centre()


@pytest.fixture
def signatures(app: Flask, centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is trusted."""
    folder = centre.trust(tmp_path)
    monkeypatch.setitem(app.config, SIGNATURES, settings_for(folder))
    return folder
