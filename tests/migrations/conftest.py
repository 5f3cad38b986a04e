"""Fixtures of the tests of migrations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory


@pytest.fixture(autouse=True, scope="package")
def _migrations_read_once() -> Iterator[None]:
    """Alembic reads the files of all migrations for each step, which takes longer than the step."""
    read = ScriptDirectory.from_config

    @cache
    def read_once(location: str | None) -> ScriptDirectory:
        config = Config()
        if location is not None:
            config.set_main_option("script_location", location)
        return read(config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ScriptDirectory, "from_config", lambda config: read_once(config.get_main_option("script_location"))
        )
        yield
