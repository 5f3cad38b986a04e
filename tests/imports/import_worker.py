"""An import worker as a separate process."""

from __future__ import annotations

from datetime import timedelta

from registry.cli.app_context import open_registry
from registry.imports.models import ImportRun
from registry.imports.worker import run_next_import
from registry.settings import read_settings

SECRET = "of-the-tests-and-nobody-else"


def say(run: ImportRun) -> None:
    print(run.processed, flush=True)  # noqa: T201 - its answer to the test


def main(url: str, data_dir: str, lease: timedelta) -> None:
    """Print the number of processed rows after each chunk, then the run's state, or ``none``."""
    settings = {"REGISTRY_DATABASE_URL": url, "REGISTRY_DATA_DIR": data_dir, "REGISTRY_SECRET_KEY": SECRET}
    with open_registry(read_settings(settings)):
        done = run_next_import(lease, say)
        print("none" if done is None else done.state, flush=True)  # noqa: T201
