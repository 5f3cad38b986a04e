"""Pages and requests of the API, each by its processor time: in one process, without a server or a network."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from flask.testing import FlaskClient
from sqlalchemy import text

from registry.core.database import db
from tests.benchmark.child import in_child
from tests.benchmark.figures import Figure
from tests.benchmark.stopwatch import exact_seconds

TIMES: Final = 12
COUNTING: Final = ("/home", "/reports/compliance", "/overview")
PAGES: Final = (
    *COUNTING,
    "/projects",
    "/projects?q=система",
    "/projects?freeze_status=flagged&sort=-budget_kzt",
    "/projects/{number}",
    "/projects/{number}/history",
    "/cases",
    "/cases/{case}",
    "/audits",
    "/audits/{audit}",
    "/agencies",
    "/journal",
)
LISTS: Final = (
    "/api/v1/projects?limit=25&stage=archived&sort=-budget_kzt",
    "/api/v1/projects?limit=25&stage=pilot&region=75&sector=07&sort=-registered_at",
    "/api/v1/cases?limit=25&status=new&sort=-budget_kzt",
    "/api/v1/cases?limit=25&status=new&sort=assignee",
)
SEARCHES: Final = ("информационная система", "жүйесі", "алдаржан", "облысы портал", "бұндайсөзжоқ")


class Kind(NamedTuple):
    """What is read, and the most milliseconds and kilobytes that it may take."""

    row: str
    paths: tuple[str, ...]
    most: float
    kilobytes: float = 60


KINDS: Final = (
    Kind("pages", COUNTING, 40),
    Kind("pages", PAGES[len(COUNTING) :], 100),
    Kind("list", LISTS, 50),
    Kind("search", tuple(f"/api/v1/projects?limit=25&q={quote(words)}" for words in SEARCHES), 30),
    Kind("search", tuple(f"/api/v1/search?q={quote(words)}" for words in SEARCHES), 25),
)


def measure_reads(name: str, url: str, folder: Path, only: set[str]) -> Iterator[Figure]:
    """Each read as a supervisor has it."""
    kinds = [kind for kind in KINDS if kind.row in only]
    taken = in_child("reads", url, folder, paths=[path for kind in kinds for path in kind.paths])["reads"]
    for kind in kinds:
        for path in kind.paths:
            read = taken[path]
            cost, kilobytes = read["python"] + read["database"], read["bytes"] / 1000
            kept = cost < kind.most and kilobytes < kind.kilobytes and read["status"] == 200
            more = {"python": read["python"], "database": read["database"], "kB": kilobytes}
            promise = f"< {kind.most} ms, < {kind.kilobytes} kB"
            yield Figure(kind.row, f"{unquote(path)}, {name}", cost, "ms", None, promise, kept, more)


def processor_times(client: FlaskClient, paths: Mapping[str, str], token: str) -> dict[str, dict[str, Any]]:
    """Milliseconds of processor of each path here and in the database, the median of several times, and its bytes."""
    return {name: _processor_time(client, path, token) for name, path in paths.items()}


def _processor_time(client: FlaskClient, path: str, token: str) -> dict[str, Any]:
    own, of_database = [], []
    headers = {"Accept-Encoding": "gzip"} | ({"Authorization": f"Bearer {token}"} if path.startswith("/api") else {})
    for _ in range(TIMES):
        before, began = _of_database(), time.process_time()
        answer = client.get(path, headers=headers, follow_redirects=True)
        body = answer.get_data()
        own.append((time.process_time() - began) * 1000)
        of_database.append((_of_database() - before) * 1000)
    # The first time compiles templates and statements.
    measured = {"python": median(own[1:]), "database": median(of_database[1:])}
    return measured | {"bytes": len(body), "status": answer.status_code}


def _of_database() -> float:
    """What the other backends of the database have used."""
    # A transaction sees the backends of its first look.
    db.session.rollback()
    pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return sum(exact_seconds(pid) for pid in db.session.scalars(text(pids)))
