"""The start of the web process, and each page: its server time, and its bytes once a browser has the assets."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from registry.settings import CHECKOUT
from tests.benchmark import web
from tests.benchmark.child import environment, in_child
from tests.benchmark.figures import Figure


def measure_start(url: str, data_dir: Path, rounds: int) -> Iterator[Figure]:
    """From the command to the first answer."""
    taken = []
    for _ in range(rounds):
        port = web.free_port()
        began = time.perf_counter()
        process = subprocess.Popen(
            [Path(sys.executable).with_name("registry"), "serve"],
            cwd=CHECKOUT,
            env=environment(url, data_dir) | {"REGISTRY_PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        web.wait_for(port, "/healthz")
        taken.append(time.perf_counter() - began)
        process.terminate()
        process.wait(60)
    yield Figure("start", "start of the web process", median(taken), "s", None, "< 2 s", median(taken) < 2)


def measure_pages(name: str, url: str, data_dir: Path) -> Iterator[Figure]:
    """Each page as a supervisor sees it."""
    for page, figures in in_child("pages", url, data_dir)["pages"].items():
        yield Figure(
            "pages",
            f"page {page}, {name}",
            figures["milliseconds"],
            "ms",
            None,
            "< 100 ms, < 60 kB the second time",
            figures["milliseconds"] < 100 and figures["bytes"] < 60_000 and figures["status"] == 200,
            {"kB": figures["bytes"] / 1000, "status": figures["status"]},
        )
