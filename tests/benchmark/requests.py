"""Requests to the running service at 16 connections: what a crowd waits for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from registry.core.lists import cursor_after
from registry.projects.queries import PROJECT_LIST
from tests.benchmark import web
from tests.benchmark.child import environment, in_child
from tests.benchmark.data import FIRST_REGISTERED, NEW_PROJECT, REGISTERED_WITHIN, bins
from tests.benchmark.figures import Figure

ROUNDS: Final = 5
SECONDS: Final = 3
LISTS: Final = (
    "stage=operation&sort=-registered_at",
    "freeze_status=flagged&sort=-registered_at",
    "placement=off_platform&work_type=maintenance,migration&sort=-updated_at",
    "region=75&sector=07&sort=registered_at",
    "severity=high&sort=-registered_at",
    "object_kind=system&sort=number",
    "stage=testing&sort=-budget_kzt",
    "work_type=creation&sort=started_on",
)
# Few projects, or none, are found by these.
RARE_LISTS: Final = (
    "stage=archived&sort=-registered_at",
    "stage=archived&sort=-budget_kzt",
    "stage=pilot&region=75&sector=07&sort=-registered_at",
)
SHAPE: Final = "limit=25"


def measure_requests(name: str, size: int, url: str, folder: Path, only: set[str]) -> Iterator[Figure]:
    """What is asked at 16 connections."""
    token = in_child("token", url, folder)["token"]
    with web.served("wsgi:application", environment(url, folder)) as (port, _pid):
        if "list" in only:
            yield from _lists(port, size, token, name)
        if "registration" in only:
            yield _registration(port, token, name)


def _lists(port: int, size: int, token: str, name: str) -> Iterator[Figure]:
    deep = [f"{LISTS[0]}&cursor={_cursor(size, at)}" for at in (0.975, 0.5, 0.3, 0.1)]
    for what, filters in (("filtered and sorted", LISTS), ("at depth", deep), ("of few projects", RARE_LISTS)):
        lines = [f"/api/v1/projects?{SHAPE}&{each}" for each in filters]
        web.drive(port, lines, token, 2)
        rounds = [web.drive(port, lines, token, SECONDS) for _ in range(ROUNDS)]
        p95, failed = median(each["p95"] for each in rounds), sum(each["failed"] for each in rounds)
        more = {"requests a second": median(each["rate"] for each in rounds), "failed": failed}
        kept = p95 < 50 and not failed
        yield Figure("list", f"list of 25 {what}, {name}", p95, "ms wall", None, "p95 < 50 ms", kept, more)


def _registration(port: int, token: str, name: str) -> Figure:
    agencies = bins()
    bodies = [
        json.dumps(NEW_PROJECT | {"agency": agencies[serial % len(agencies)], "external_id": f"N-{mark}-{serial}"})
        for mark in [time.time_ns()]
        for serial in range(20_000)
    ]
    # One after another, so that no external id comes twice.
    rounds = [web.drive(port, bodies[place * 4000 : place * 4000 + 4000], token) for place in range(ROUNDS)]
    rate = median(each["rate"] for each in rounds)
    failed = sum(each["failed"] for each in rounds)
    more = {"p50 ms": median(each["p50"] for each in rounds), "p95 ms": median(each["p95"] for each in rounds)}
    return Figure(
        "registration",
        f"registration, {name}",
        rate,
        "a second",
        None,
        "≥ 200 a second at 16 connections",
        rate >= 200 and not failed,
        {**more, "failed": failed},
    )


def _cursor(size: int, depth: float) -> str:
    """Behind the row at that depth of the list from the newest on."""
    serial = round(size * (1 - depth))
    instant = (FIRST_REGISTERED + REGISTERED_WITHIN / size * serial).replace(tzinfo=UTC)
    key, descending = PROJECT_LIST.sort_key("-registered_at")
    return cursor_after(key, descending, datetime.fromisoformat(str(instant)), serial)
