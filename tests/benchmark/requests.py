"""Requests to the running service, against bare Flask under the same server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import quote

from registry.core.lists import cursor_after
from tests.benchmark import web
from tests.benchmark.child import environment, in_child
from tests.benchmark.data import FIRST_REGISTERED, REGISTERED_WITHIN, bins
from tests.benchmark.figures import Figure
from tests.benchmark.stopwatch import tree_seconds

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
CASE_LISTS: Final = (
    "status=new&sort=due_on",
    "status=new&sort=-budget_kzt",
    "status=new&sort=assignee",
    "status=new&sort=-opened_at",
    "status=closed&sort=-closed_at",
)
SEARCHES: Final = {
    "common ru": "информационная система",
    "common kk": "жүйесі",
    "rare": "алдаржанзере",
    "prefix, common": "сист",
    "prefix, rare": "алдаржан",
    "kk and ru": "облысы портал",
    "nothing": "бұндайсөзжоқ",
}
SHAPE: Final = "limit=25"


class Beside:
    """The service and its floor beside each other: (port, pid) of each, and the pid of the database server."""

    def __init__(self, service: tuple[int, int], bare: tuple[int, int], database: int, token: str) -> None:
        self.service, self.bare, self.database, self.token = service, bare, database, token

    def measure(self, lines: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The median round of the service and of its floor, taken in turns; ``cpu`` is milliseconds a request."""
        web.drive(self.service[0], lines, self.token, 2)
        web.drive(self.bare[0], ["/"], "", 1)
        ours, hello = [], []
        for _ in range(ROUNDS):
            ours.append(self._round(self.service, lines))
            hello.append(self._round(self.bare, ["/"]))
        middle = sorted(ours, key=_rate)[ROUNDS // 2] | {"failed": sum(each["failed"] for each in ours)}
        return middle, sorted(hello, key=_rate)[ROUNDS // 2]

    def _round(self, served: tuple[int, int], lines: Sequence[str]) -> dict[str, Any]:
        before, of_database = tree_seconds(served[1]), tree_seconds(self.database)
        measured = web.drive(served[0], lines, self.token, SECONDS)
        each = 1000 / measured["requests"]
        cpu, database = (tree_seconds(served[1]) - before) * each, (tree_seconds(self.database) - of_database) * each
        return measured | {"cpu": cpu, "database": database}


def _rate(measured: dict[str, Any]) -> float:
    return float(measured["rate"])


def measure_requests(name: str, size: int, url: str, data_dir: Path, only: set[str], database: int) -> Iterator[Figure]:
    """Everything that is asked over HTTP. ``database``: the pid of the database server."""
    token = in_child("token", url, data_dir)["token"]
    environ = environment(url, data_dir)
    with (
        web.served("tests.benchmark.hello:application", environ) as bare,
        web.served("wsgi:application", environ) as service,
    ):
        port = service[0]
        beside = Beside(service, bare, database, token)
        if "list" in only:
            yield from _lists(beside, size, name)
        if "project" in only:
            yield from _project(beside, name)
        if "registration" in only:
            yield _registration(port, size, token, name)
        if "search" in only:
            yield from _search(port, token, name)


def _lists(beside: Beside, size: int, name: str) -> Iterator[Figure]:
    first = [f"/api/v1/projects?{SHAPE}&{each}" for each in LISTS]
    deep = [f"/api/v1/projects?{SHAPE}&{LISTS[0]}&cursor={_cursor(size, at)}" for at in (0.975, 0.5, 0.3, 0.1)]
    for what, lines in (("list of 25, filtered and sorted", first), ("list of 25 at depth", deep)):
        ours, hello = beside.measure(lines)
        ratio = ours["rate"] / hello["rate"]
        yield Figure(
            "list",
            f"{what}, {name}",
            ours["rate"],
            "req/s",
            hello["rate"],
            "≥ 0.10 of bare hello, p95 < 50 ms",
            ratio >= 0.10 and ours["p95"] < 50 and not ours["failed"],
            _besides(ours, hello),
        )
    rare = [f"/api/v1/projects?{SHAPE}&{each}" for each in RARE_LISTS]
    cases = [f"/api/v1/cases?{SHAPE}&{each}" for each in CASE_LISTS]
    for line in (*first, *rare, *cases):
        taken = sorted(_milliseconds(beside.service[0], line, beside.token) for _ in range(9))
        figure = f"alone: {line.removeprefix('/api/v1').replace(f'{SHAPE}&', '')}, {name}"
        promise = "" if line in first else "< 50 ms"
        yield Figure("list", figure, median(taken), "ms", None, promise, median(taken) < 50 if promise else None)


def _project(beside: Beside, name: str) -> Iterator[Figure]:
    line, authorization = "/api/v1/projects?limit=100&flagged=true", f"Bearer {beside.token}"
    flagged = json.loads(web.ask(beside.service[0], line, authorization)[1])["items"]
    paths = [f"/api/v1/projects/{each['number']}" for each in flagged]
    for what, lines in (("one project", paths), ("its flags", [f"{path}/flags" for path in paths])):
        ours, hello = beside.measure(lines)
        ratio = ours["rate"] / hello["rate"]
        kept, more = ratio >= 0.12 and not ours["failed"], _besides(ours, hello)
        promise = "≥ 0.12 of bare hello"
        yield Figure("project", f"{what}, {name}", ours["rate"], "req/s", hello["rate"], promise, kept, more)


def _registration(port: int, size: int, token: str, name: str) -> Figure:
    agencies = bins()
    bodies = []
    for serial in range(20_000):
        values = {
            "agency": agencies[serial % len(agencies)],
            "external_id": f"N-{size}-{time.time_ns()}-{serial}",
            "name_ru": "Информационная система учёта медицинского оборудования",
            "name_kk": "Медициналық жабдықты есепке алу ақпараттық жүйесі",
            "object_kind": "system",
            "work_type": "creation",
            "stage": "creation",
            "placement": "off_platform",
            "contract_signed_on": "2026-01-20",
            "budget_kzt": 120_000_000,
        }
        bodies.append(json.dumps(values))
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


def _search(port: int, token: str, name: str) -> Iterator[Figure]:
    lines = {what: f"/api/v1/projects?{SHAPE}&q={quote(words)}" for what, words in SEARCHES.items()}
    lines |= {f"{what}, whole register": f"/api/v1/search?q={quote(SEARCHES[what])}" for what in ("common ru", "rare")}
    for what, line in lines.items():
        taken = sorted(_milliseconds(port, line, token) for _ in range(15))
        answer = json.loads(web.ask(port, line, f"Bearer {token}")[1])
        lists = [answer] if "items" in answer else answer.values()
        count = sum(len(each["items"]) for each in lists)
        more = {"slowest ms": taken[-1], "found on the page": count}
        kept = median(taken) < 30
        yield Figure("search", f"search, {what}, {name}", median(taken), "ms", None, "first page < 30 ms", kept, more)


def _besides(ours: dict[str, Any], hello: dict[str, Any]) -> dict[str, Any]:
    return {
        "p50 ms": ours["p50"],
        "p95 ms": ours["p95"],
        "failed": ours["failed"],
        "cpu ms a request": ours["cpu"],
        "database's": ours["database"],
        "hello's": hello["cpu"],
        "ratio by cpu": hello["cpu"] / (ours["cpu"] + ours["database"]),
    }


def _milliseconds(port: int, line: str, token: str) -> float:
    began = time.perf_counter()
    status, body = web.ask(port, line, f"Bearer {token}")
    if status != 200:
        raise RuntimeError(f"{line}: {status} {body[:300]!r}")
    return (time.perf_counter() - began) * 1000


def _cursor(size: int, depth: float) -> str:
    """Behind the row at that depth of the list from the newest on."""
    from registry.projects.queries import sort_key

    serial = round(size * (1 - depth))
    instant = (FIRST_REGISTERED + REGISTERED_WITHIN / size * serial).replace(tzinfo=UTC)
    key, descending = sort_key("-registered_at")
    return cursor_after(key, descending, datetime.fromisoformat(str(instant)), serial)
