"""What config/ ships for a deployment: the web server starts with it, and the examples name what is there."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from registry.settings import CHECKOUT
from tests.fixtures.cli import CommandLine
from tests.granian_server import granian, shipped_settings
from tests.running import free_port, until

CONFIG = CHECKOUT / "config"


@pytest.mark.postgres_only
def test_the_server_of_the_documentation_serves_by_two_processes_and_ends_cleanly(
    own_database: str, tmp_path: Path
) -> None:
    port = free_port()
    with granian(CommandLine(own_database, tmp_path), port) as server:
        assert until(lambda: status(port, "/readyz")) == 200
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait(30) == 0


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def test_the_containers_settings_of_the_server_are_those_of_the_machines() -> None:
    containerfile = (CONFIG / "Containerfile").read_text()
    differs = {name for name, value in shipped_settings().items() if f"{name}={value}" not in containerfile}
    assert differs == {"GRANIAN_HOST"}


def test_the_proxy_lets_through_what_the_service_takes() -> None:
    nginx = (CONFIG / "nginx.conf").read_text()
    # 20 MiB of a file and its envelope: tests/http/test_upload_sizes.py.
    assert "client_max_body_size 21m;" in nginx
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in nginx and "X-Forwarded-Proto $scheme;" in nginx


def test_health_of_the_container_is_asked_of_the_health_port() -> None:
    containerfile = (CONFIG / "Containerfile").read_text()
    assert "REGISTRY_HEALTH_PORT=8081" in containerfile and ":8081/healthz" in containerfile


def test_the_example_of_containers_can_be_read_and_runs_commands_that_exist() -> None:
    compose = yaml.safe_load((CONFIG / "compose.yaml").read_text())["services"]
    assert compose["web"]["deploy"]["replicas"] == 2
    commands = {tuple(service["command"]) for service in compose.values() if "command" in service}
    assert commands == {("registry", "db", "upgrade"), ("registry", "scheduler")}


def test_the_units_start_what_is_there() -> None:
    started = {}
    for unit in CONFIG.glob("systemd/*.service"):
        line = next(line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
        started[unit.name] = line.removeprefix("ExecStart=/opt/registry/")
    assert started == {
        "registry-web.service": ".venv/bin/granian wsgi:application",
        "registry-scheduler.service": ".venv/bin/registry scheduler",
        "registry-audit.service": "scripts/nightly_audit",
        "registry-backup.service": ".venv/bin/registry backup --keep 14",
    }
