"""Runs one task in a process of its own, so that its memory is its own: ``python -m tests.benchmark.child …``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from registry.settings import CHECKOUT


def in_child(task: str, url: str, data_dir: Path, **arguments: Any) -> dict[str, Any]:
    """What the task of ``tasks.py`` tells, on the database of that address."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark.child", task, json.dumps(arguments)],
        cwd=CHECKOUT,
        env=environment(url, data_dir),
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def environment(url: str, data_dir: Path) -> dict[str, str]:
    """What a process of the service needs to know."""
    return os.environ | {
        "PYTHONTZPATH": "",
        "REGISTRY_DATABASE_URL": url,
        "REGISTRY_DATA_DIR": str(data_dir),
        "REGISTRY_SECRET_KEY": "of-the-benchmark-and-nobody-else",
        "REGISTRY_AUDIT_AT": "off",
        # Pages are asked for by somebody who has a password alone.
        "REGISTRY_SECOND_FACTOR": "off",
    }


def main() -> None:
    """Run the task that the arguments name."""
    from registry.cli.app_context import open_registry
    from registry.core.clock import CALENDAR_FILE, load_calendar, set_calendar
    from registry.settings import read_settings
    from tests.benchmark import tasks

    with open_registry(read_settings()):
        set_calendar(load_calendar(CALENDAR_FILE))
        result = getattr(tasks, sys.argv[1])(**json.loads(sys.argv[2]))
    print(json.dumps(result))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
