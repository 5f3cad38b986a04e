"""``config/monitoring``: alerts and dashboard name metrics that exist, and each alert a runbook."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.database import transaction
from registry.core.installation import save_job_run
from registry.http.metrics import STORED
from registry.journal import service as journal
from registry.settings import CHECKOUT
from tests.factories import a_project, an_actor, an_agency

MONITORING = CHECKOUT / "config" / "monitoring"
RULES = [
    rule
    for group in yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]
# Of Prometheus; scripts/environment installs it.
PROMTOOL = shutil.which("promtool")
METRIC = re.compile(r"\bregistry_\w+")
# Only PostgreSQL has them.
OF_THE_SERVER = {"registry_clock_skew_seconds", "registry_database_sessions_waiting_for_locks"}
# Only SQLite has it.
OF_THE_FILE = {"registry_database_damaged"}
# tests/journal/test_read_replica.py has one.
OF_A_STANDBY = {"registry_standby_up", "registry_standby_lag_seconds"}


@pytest.fixture
def exported(app: Flask, client: FlaskClient) -> Iterator[set[str]]:
    """The names of the samples of a registry that has everything."""
    operator = an_actor(Role.OPERATOR)
    a_project(an_agency())
    run_audit(operator)
    save_job_run("notices", 1)
    save_job_run("digest", 1, "ValueError")
    with transaction():
        for action in ("database.backup-started", "database.restore-drilled"):
            journal.record(operator, action, "database:registry")
    client.get("/healthz")
    app.extensions[STORED].forget()
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    yield {match[0] for line in lines if (match := METRIC.match(line))}
    app.extensions[STORED].forget()


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])


def test_alerts_and_dashboard_name_metrics_that_are_exported(exported: set[str], database_kind: str) -> None:
    named = set(METRIC.findall(" ".join(expressions())))
    assert len(named) > 15
    of_the_other = OF_THE_SERVER if database_kind == "sqlite" else OF_THE_FILE
    assert named - exported - OF_A_STANDBY - of_the_other == set()


def test_metrics_of_the_service_are_on_the_dashboard(exported: set[str]) -> None:
    shown = set(METRIC.findall(json.dumps(PANELS)))
    parts = ("_created", "_sum", "_count")
    assert {name for name in exported - shown if not name.endswith(parts)} == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_has_a_severity_a_summary_and_a_runbook_that_names_it(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    runbook = CHECKOUT / rule["annotations"]["runbook"]
    assert runbook.is_file()
    assert runbook.name == "README.md" or rule["alert"] in runbook.read_text(encoding="utf-8")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", "alerts.yml"), pytest.param(("test", "rules", "alerts_test.yml"), marks=pytest.mark.nightly)],
)
def test_rules_are_valid_and_fire_when_they_should(arguments: tuple[str, ...]) -> None:
    assert PROMTOOL is not None, "promtool is missing: apt-get install promtool"
    done = subprocess.run([PROMTOOL, *arguments], cwd=Path(MONITORING), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
