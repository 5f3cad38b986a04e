"""File permissions of the database and the secret key."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.core.database import db
from registry.core.schema import upgrade_schema
from registry.settings import read_settings
from tests.conftest import service_app

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """Set the usual umask."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_database_files_and_secret_key_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    settings = read_settings({"REGISTRY_DATA_DIR": str(folder)})
    app = service_app(settings.database_url, folder)
    with app.app_context():
        upgrade_schema()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        db.engine.dispose()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {"registry.sqlite3", "registry.sqlite3-wal", "registry.sqlite3-shm", "secret_key"} <= set(modes)
    assert set(modes.values()) == {0o600}
