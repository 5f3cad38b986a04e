"""A worker as a process of its own: ``python -m tests.services.import_worker URL DATA_DIR LEASE_SECONDS``.

Prints how many rows are worked off after each chunk, at the end the run's state, or ``none``.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from registry.records.import_runs import ImportRun
from registry.records.import_work import work_off_next
from tests.conftest import service_app


def say(run: ImportRun) -> None:
    print(run.processed, flush=True)  # noqa: T201 - its answer to the test


if __name__ == "__main__":
    url, data_dir, seconds = sys.argv[1:]
    with service_app(url, Path(data_dir)).app_context():
        done = work_off_next(timedelta(seconds=float(seconds)), say)
        print("none" if done is None else done.state, flush=True)  # noqa: T201
