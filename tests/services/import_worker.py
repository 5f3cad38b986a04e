"""A worker as a process of its own: ``python -m tests.services.import_worker URL DATA_DIR LEASE_SECONDS``.

Prints how many rows are worked off after each chunk, at the end the run's state, or ``none``.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from registry.cli.opening import registry_open
from registry.records.import_runs import ImportRun
from registry.records.import_work import work_off_next
from registry.settings import read_settings

SECRET = "of-the-tests-and-nobody-else"


def say(run: ImportRun) -> None:
    print(run.processed, flush=True)  # noqa: T201 - its answer to the test


if __name__ == "__main__":
    url, data_dir, seconds = sys.argv[1:]
    settings = {"REGISTRY_DATABASE_URL": url, "REGISTRY_DATA_DIR": data_dir, "REGISTRY_SECRET_KEY": SECRET}
    with registry_open(read_settings(settings)):
        done = work_off_next(timedelta(seconds=float(seconds)), say)
        print("none" if done is None else done.state, flush=True)  # noqa: T201
