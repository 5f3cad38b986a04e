"""The service against its peers, Django REST framework and FastAPI: the same work in turns, by processor time.

Each is called within a process of its own, without a server or a network, one request after another, on a database of
its own that is a copy of the same data. Nothing is measured before their answers are the same.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from registry.settings import CHECKOUT
from tests.benchmark.child import environment, in_child
from tests.benchmark.data import NEW_PROJECT, bins
from tests.benchmark.figures import Figure, median_of_pairs, middle
from tests.benchmark.requests import LISTS
from tests.benchmark.server import Databases
from tests.benchmark.stopwatch import exact_seconds

# scripts/benchmark installs it, from config/locked/peers.txt.
PYTHON: Final = Path(sys.prefix) / "peers" / "bin" / "python"
OURS: Final = "ours"
SERVICES: Final = {
    OURS: ("wsgi", "wsgi:application"),
    "DRF": ("wsgi", "tests.benchmark.peers.drf:application"),
    "FastAPI": ("asgi", "tests.benchmark.peers.fastapi:application"),
}
# The peers' tokens; JSON as their frameworks store it; one table of projects; and no triggers, which the journal needs.
AS_PEERS_HAVE_THEM: Final = """
    CREATE TABLE peer_tokens (hash varchar(64) PRIMARY KEY, name text NOT NULL);
    ALTER TABLE flags ALTER observed TYPE jsonb;
    ALTER TABLE revisions DISABLE TRIGGER USER, ALTER changes TYPE jsonb;
    ALTER TABLE projects DISABLE TRIGGER USER, ADD freeze_status varchar(12), ADD severity varchar(10),
        ADD changed_at timestamptz, ALTER cost_by_year TYPE jsonb USING cost_by_year::jsonb,
        ALTER integrations TYPE jsonb USING integrations::jsonb,
        ALTER confirmed_facts TYPE jsonb USING confirmed_facts::jsonb;
    UPDATE projects SET freeze_status = status.freeze_status, severity = status.severity, changed_at = status.changed_at
        FROM project_statuses AS status WHERE status.project_id = projects.id;
    CREATE INDEX ON projects (changed_at, id);
    CREATE INDEX ON projects (freeze_status) WHERE freeze_status IN ('unaudited', 'exempt', 'accepted');
"""
REQUESTS_A_ROUND: Final = 200
WRITES_A_ROUND: Final = 100
LIST: Final = "list of 25, filtered and sorted"
PARTS: Final = ("python", "database", "wall")
# The work: by which peer's processor time ours is divided, and the most that the ratio may be.
PROMISES: Final[Mapping[str, Mapping[str, float]]] = {
    LIST: {"FastAPI": 0.4, "DRF": 1 / 3},
    "one project": {"FastAPI": 0.3},
    "its flags": {"FastAPI": 0.3},
    "registration": {"DRF": 0.6},
}
# Of registrations the answers differ in time, and only ours has the law's verdict, and the reason of a flag in words.
NOT_COMPARED: Final = {"next", "verdict", "reason"}
OF_THE_MOMENT: Final = {*NOT_COMPARED, "registered_at", "updated_at", "changed_at"}
Request = tuple[str, str, str, str]


class AnswersDiffer(RuntimeError):
    """A peer does not do the same work."""


class Service:
    """One of the services, running."""

    def __init__(self, name: str, address: str, environ: Mapping[str, str], log: Path) -> None:
        kind, application = SERVICES[name]
        self.name, self.address, self.log = name, address, log
        python = sys.executable if name == OURS else str(PYTHON)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [python, "-m", "tests.benchmark.peers.worker", kind, application],
                cwd=CHECKOUT,
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
            )

    def close(self) -> None:
        """Stop it."""
        self._process.communicate()

    def ask(self, requests: Sequence[Request]) -> dict[str, Any]:
        """Seconds of processor and the answers. Raises RuntimeError when it has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError(self.name)
        stdin.write(json.dumps(requests) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: {self.log.read_text(errors='replace')[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def round(self, requests: Sequence[Request]) -> dict[str, float]:
        """Milliseconds a request: processor of Python and of the database, and on the wall."""
        before = self._of_database()
        measured = self.ask(requests)
        bad = [answer for answer in measured["answers"] if answer[0] not in (200, 201)]
        if bad:
            raise RuntimeError(f"{self.name}: {bad[0]}")
        each = 1000 / len(requests)
        python, database = measured["cpu"] * each, (self._of_database() - before) * each
        return {"python": python, "database": database, "both": python + database, "wall": measured["seconds"] * each}

    def _of_database(self) -> float:
        pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with psycopg.connect(self.address) as connection:
            return sum(exact_seconds(pid) for (pid,) in connection.execute(pids + " AND client_port = -1"))


def measure_peers(name: str, url: str, databases: Databases, folder: Path, rounds: int) -> Iterator[Figure]:
    """The ratios that were promised. Raises AnswersDiffer before anything is measured."""
    token = in_child("token", url, folder)["token"]
    rules = folder / "rules.json"
    names = {OURS: f"benchmark_{name}", **{peer: f"peer_{peer.lower()}_{name}" for peer in SERVICES if peer != OURS}}
    for service, database in names.items():
        if service != OURS:
            _copy(databases, names[OURS], database, token)
        # So that all of a statement runs in the process that is measured.
        with psycopg.connect(databases.plain("postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {database} SET max_parallel_workers_per_gather = 0")
    with ExitStack() as stack:

        def start(service: str) -> Service:
            environ = environment(url, folder)
            if service != OURS:
                # Only the service has the package tzdata; peers use the system's.
                del environ["PYTHONTZPATH"]
                environ |= {"PEER_DATABASE": databases.plain(names[service]), "PEER_RULES": str(rules)}
            started = Service(service, databases.plain(names[service]), environ, folder / f"{service}.log")
            stack.callback(started.close)
            return started

        ours = start(OURS)
        works = _works(ours, token, rules, rounds)
        services = {name: ours if name == OURS else start(name) for name in names}
        _compare(services, works, token)
        for what, requests in works.items():
            for figure in _figures(what, services, requests, rounds):
                yield replace(figure, what=f"{figure.what}, {name}")


def _copy(databases: Databases, source: str, name: str, token: str) -> None:
    with psycopg.connect(databases.plain("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
    with psycopg.connect(databases.plain(name), autocommit=True) as connection:
        connection.execute(AS_PEERS_HAVE_THEM)
        hashed = hashlib.sha256(token.encode()).hexdigest()
        connection.execute("INSERT INTO peer_tokens VALUES (%s, 'benchmark')", (hashed,))
        connection.execute("VACUUM (ANALYZE)")


def _works(ours: Service, token: str, rules: Path, rounds: int) -> dict[str, list[Request]]:
    """The requests of each kind of work. Writes the texts of the rules, which peers show with flags."""
    flagged: Request = ("GET", "/api/v1/projects?limit=100&freeze_status=flagged", token, "")
    [[_, body]] = ours.ask([flagged])["answers"]
    paths = [f"/api/v1/projects/{each['number']}" for each in json.loads(body)["items"]]
    flags: list[Request] = [("GET", f"{path}/flags", token, "") for path in paths]
    texts = {}
    for _, body in ours.ask(flags)["answers"]:
        for flag in json.loads(body)["items"]:
            texts[flag["rule"]] = {text: flag[text] for text in ("title", "required", "remedy", "clause")}
    rules.write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
    agencies, count = bins(), WRITES_A_ROUND * (rounds + 1) + 1
    bodies = [
        NEW_PROJECT | {"agency": agencies[place], "external_id": f"N-{time.time_ns()}-{place}"}
        for place in range(count)
    ]
    return {
        LIST: [("GET", f"/api/v1/projects?limit=25&{each}", token, "") for each in LISTS],
        "one project": [("GET", path, token, "") for path in paths],
        "its flags": flags,
        "registration": [("POST", "/api/v1/projects", token, json.dumps(body)) for body in bodies],
    }


def _compare(services: Mapping[str, Service], works: Mapping[str, list[Request]], token: str) -> None:
    """Every kind of request, and wrong ones, have the same answers. Raises AnswersDiffer."""
    body = json.loads(works["registration"].pop()[3])
    wrong = [
        body | change for change in ({"stage": "begun"}, {"budget_kzt": -1}, {"agency": "1"}, {"name_ru": "я" * 501})
    ]
    wrong.append({**body, "contract_signed_on": "20.01.2026"})
    # The second time the external id is taken.
    writes = [("POST", "/api/v1/projects", token, json.dumps(each)) for each in (*wrong, body, body)]
    wrong_lists: list[Request] = [
        ("GET", "/api/v1/projects?stage=begun", token, ""),
        ("GET", "/api/v1/projects", "unknown", ""),
    ]
    unknown: Request = ("GET", "/api/v1/projects/QT-2026-9999999-1", token, "")
    more = {LIST: wrong_lists, "one project": [unknown]}
    for what, of_work in works.items():
        requests = writes if what == "registration" else [*of_work[:20], *more.get(what, ())]
        left_out = OF_THE_MOMENT if requests is writes else NOT_COMPARED
        shown = {
            name: [_comparable(*answer, left_out) for answer in services[name].ask(requests)["answers"]]
            for name in (OURS, *PROMISES[what])
        }
        right = sum(kind in ("200", "201") for kind, *_ in shown[OURS])
        if right != (1 if requests is writes else len(of_work[:20])):
            raise AnswersDiffer(f"{OURS}, {what}: {right} of {len(requests)}")
        for name, theirs in shown.items():
            for request, expected, answer in zip(requests, shown[OURS], theirs, strict=True):
                if answer != expected:
                    raise AnswersDiffer(f"{name}, {request[1]}: {answer!r}\n{OURS}: {expected!r}")


def _comparable(status: int, body: str, left_out: set[str]) -> tuple[str, Any]:
    # Frameworks differ in which 4xx an invalid value is, and in the bodies of errors.
    if status >= 400:
        return (str(status) if status in (401, 404) or status >= 500 else "invalid"), None
    return str(status), _plain(json.loads(body), left_out)


def _plain(value: Any, left_out: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each, left_out) for name, each in value.items() if name not in left_out}
    if isinstance(value, list):
        return [_plain(each, left_out) for each in value]
    if isinstance(value, str) and len(value) > 18 and value[10:11] == "T" and value.endswith(("Z", "+00:00")):
        return str(datetime.fromisoformat(value))
    return value


def _figures(what: str, services: Mapping[str, Service], requests: list[Request], rounds: int) -> Iterator[Figure]:
    """Each round: every service in turn. Registrations are sent once each."""
    is_write = requests[0][0] == "POST"
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in (OURS, *PROMISES[what])}
    for turn in range(rounds + 1):
        of_turn = [requests[place % len(requests)] for place in range(REQUESTS_A_ROUND)]
        if is_write:
            of_turn = requests[turn * WRITES_A_ROUND : (turn + 1) * WRITES_A_ROUND]
        for name, taken in rows.items():
            taken.append(services[name].round(of_turn))
    # The first turn warmed them up.
    rows = {name: taken[1:] for name, taken in rows.items()}
    for peer, most in PROMISES[what].items():
        cost, ratio = median_of_pairs([each["both"] for each in rows[OURS]], [each["both"] for each in rows[peer]])
        more = {f"{part} ms": middle(rows[OURS], part) for part in PARTS}
        more |= {f"{peer}'s {part}": middle(rows[peer], part) for part in PARTS}
        promise = f"≤ {most:.2g} of {peer}'s processor time"
        floor = middle(rows[peer], "both")
        yield Figure("peers", f"{what}, against {peer}", cost, "ms", floor, promise, ratio <= most, more, ratio)
