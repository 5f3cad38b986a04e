"""The command blocks of docs/operations.md and of the runbooks run as they stand, on clusters laid out as Debian's."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.settings import CHECKOUT
from tests.scripts.debian_machine import DebianMachine

pytestmark = [pytest.mark.postgres_only, pytest.mark.at_length]
OPERATIONS = CHECKOUT / "docs/operations.md"
RUNBOOKS = CHECKOUT / "docs/runbooks"
# Blocks that are not run here, by their beginning, and why.
NOT_RUN = {
    "useradd --system": "makes the environment; tests/scripts/test_wheel.py does",
    "(set -a; . config/granian.env": "starts servers; tests/faults does",
    "curl -s http://127.0.0.1:8000/readyz": "asks them",
    "apt-get install --yes nginx-light": "tests/faults runs config/nginx.conf",
    "pip wheel": "tests/scripts/test_wheel.py",
    "python3 -m venv /opt/registry/.venv": "likewise",
    "apt-get install --yes pgbouncer": "tests/core/test_postgresql.py",
    "systemctl edit": "opens an editor",
    "apiVersion:": "tests/scripts/test_deployment.py",
    "systemctl stop registry-web registry-scheduler\nregistry backup --force /var/backups/registry/before-downgrade": (
        "names a revision; tests/migrations goes back"
    ),
    "curl --silent http://127.0.0.1:8000/metrics": "tests/scripts/test_deployment.py",
    "registry audits reject ID": "needs a held audit; tests/audits",
    "registry audits void 5": "needs an audit of a day to come; tests/audits",
    "systemctl restart registry-web registry-scheduler\nregistry audits run": "restarts services",
    "date\nregistry audits run": "shows the date",
    "git -C /opt/registry checkout --quiet config/freeze_policy.toml": "tests/audits runs dry runs",
}


def blocks(page: Path) -> list[str]:
    """The command blocks of a page: lines that are indented by four spaces, below an item of a list by more."""
    read: list[list[str]] = []
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        code = re.match(r" {4,}(\S.*)$", line)
        if code:
            if not inside:
                read.append([])
            read[-1].append(line)
        inside = bool(code)
    return ["\n".join(_dedented(lines)) for lines in read]


def _dedented(lines: list[str]) -> list[str]:
    depth = len(lines[0]) - len(lines[0].lstrip())
    return [line[depth:] for line in lines]


class Page:
    """Blocks of a page, taken by their beginning."""

    def __init__(self, page: Path) -> None:
        self.blocks = blocks(page)
        self.taken: set[str] = set()

    def __getitem__(self, beginning: str) -> str:
        block = next(block for block in self.blocks if block.startswith(beginning) and block not in self.taken)
        self.taken.add(block)
        return block

    def left(self) -> list[str]:
        return [
            block
            for block in self.blocks
            if block not in self.taken and not any(block.startswith(beginning) for beginning in NOT_RUN)
        ]


@pytest.fixture
def machine() -> Iterator[DebianMachine]:
    folder = Path(tempfile.mkdtemp(prefix="qtr-d-"))
    folder.chmod(0o755)
    machine = DebianMachine(folder)
    yield machine
    machine.stop()
    shutil.rmtree(folder)


def test_every_block_for_postgresql_works_in_its_order(machine: DebianMachine) -> None:
    page = Page(OPERATIONS)
    variables = "PG OWNER_PASSWORD SERVICE_PASSWORD STANDBY_PASSWORD HOSTS"

    def run(*scripts: str) -> str:
        return machine.run("\n".join((f". {machine.folder}/variables", *scripts)))

    shown = machine.run(
        "\n".join(
            (
                page["apt-get install --yes postgresql"],
                page["OWNER_PASSWORD="],
                page["pg_createcluster $PG standby"],
                page["mkdir -p /etc/registry\nHOSTS"],
                page["SETTINGS=/etc/registry/owner.env registry db upgrade"],
                page["cp config/systemd/registry-web.service"],
                page["mkdir -p /var/backups/registry"],
                f"declare -p {variables} >{machine.folder}/variables",
            )
        )
    )
    assert re.search(r"standby *\| streaming *\| sync", shown)
    run(page['echo "REGISTRY_DATABASE_READ_URL='])
    run(page["git -C /opt/registry pull"])
    run(page['runuser -u postgres -- psql --cluster $PG/main --command="ALTER ROLE registry_owner CREATEDB'])
    assert "seconds" in run(page["registry backup --keep 14\nSETTINGS"])
    standby = run("registry doctor --json || true")
    assert '"check": "standby", "state": "ok"' in " ".join(standby.split())
    # A moment before a mistake, to which the recovery goes back.
    run(page["mkdir -p /var/backups/wal"])
    run(page["mkdir -p /var/backups/base"])
    before = run("registry journal head; sleep 1; date --utc '+%F %T+00'; sleep 1").split("\n")
    run("registry tokens issue --name mistake --role auditor --expires-in 9d >/dev/null")
    run('psql --cluster $PG/main --command="SELECT pg_switch_wal()" >/dev/null; sleep 2')
    recover = re.sub(r"20[0-9-]+ [0-9:]+\+00", before[1], page["systemctl stop registry-web registry-scheduler\npg_c"])
    run(recover)
    # "It says f when it is there."
    asked = 'psql --cluster $PG/recovered --tuples-only --command="SELECT pg_is_in_recovery()"'
    run(f"for _ in $(seq 100); do {asked} | grep --quiet f && exit 0; sleep 0.2; done; exit 1")
    recovered = run(
        "SETTINGS=/etc/registry/owner.env sed -i s/5432/5434/ /etc/registry/service.env", "registry journal head"
    )
    assert recovered.strip() == before[0]
    run("sed -i s/5434/5432/ /etc/registry/service.env; pg_ctlcluster $PG recovered stop")
    # What the pages ask of a running installation.
    run(page[".venv/bin/pip install"], page["registry audits run --dry-run"])
    run(
        page["registry audits list\nregistry audits list --json"],
        page["registry audits run"],
        page["registry doctor\n"],
    )
    run(page['runuser -u postgres -- psql --cluster $PG/main --dbname=registry --command="SELECT pid, state'])
    run("registry users add --name second --role administrator >/dev/null")
    run(page["registry tokens list"], page["registry journal verify\nregistry journal export"])
    follow_runbooks(run)
    # Back to a backup.
    run(page["systemctl stop registry-web registry-scheduler\nregistry backup --force /var/backups/registry/before-r"])
    run(page["FILE=$(ls"])
    run(page["HEAD=$(registry"], page["systemctl start"])
    # The primary is lost.
    run(page["pg_ctlcluster $PG main stop --mode immediate"])
    run(page["pg_ctlcluster $PG standby promote"])
    run(page["curl -s http://127.0.0.1:8000/readyz\nregistry journal verify"].partition("\n")[2])
    again = run(page['runuser -u postgres -- psql --cluster $PG/standby --command="SELECT pg_create_physical'])
    assert re.search(r"main *\| streaming *\| sync", again)
    run(page['runuser -u postgres -- psql --cluster $PG/standby --command="ALTER SYSTEM RESET'])
    assert page.left() == []


def follow_runbooks(run: Callable[..., str]) -> None:
    """Those whose commands are not also in docs/operations.md."""
    rotation = Page(RUNBOOKS / "key-rotation.md")
    run(rotation["registry tokens list"])
    run(rotation["PASSWORD="])
    # Each command needs the new password from here on.
    run(rotation["PREVIOUS="].splitlines()[1], "registry journal head")
    lock = Page(RUNBOOKS / "lock-held.md")
    assert "blocked_by" in run(lock["runuser"])
    assert "kept" in run(Page(RUNBOOKS / "full-disk.md")["runuser"])
    run(Page(RUNBOOKS / "backup-too-old.md")["runuser"])
    standby = Page(RUNBOOKS / "standby-lost.md")
    shown = run(standby["registry doctor"].replace("doctor", "doctor || true"))
    assert re.search(r"standby *\| streaming *\| sync", shown)
    run("pg_ctlcluster $PG standby stop --mode immediate")
    away = run("registry doctor || true")
    assert "docs/runbooks/standby-lost.md" in away
    start, alone = standby["pg_ctlcluster $PG standby start"], standby["runuser -u postgres -- psql --cluster $PG/main"]
    run(alone, "registry tokens issue --name alone --role auditor --expires-in 9d >/dev/null")
    run(start, standby["runuser -u postgres -- psql --cluster $PG/standby"].partition("\n")[0])
    afterwards = standby.blocks[-1]
    assert "SET synchronous_standby_names" in afterwards
    run(afterwards, "sleep 2", standby["registry doctor\nrunuser"].replace("doctor", "doctor || true"))
