"""What config/ ships for a deployment: the web server starts with it, and the examples name what is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
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


UNITS = CHECKOUT / "config" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
CONFINED = {
    "CapabilityBoundingSet=",
    "LockPersonality=true",
    "NoNewPrivileges=true",
    "PrivateDevices=true",
    "PrivateTmp=true",
    "ProtectClock=true",
    "ProtectControlGroups=true",
    "ProtectHome=true",
    "ProtectHostname=true",
    "ProtectKernelLogs=true",
    "ProtectKernelModules=true",
    "ProtectKernelTunables=true",
    "ProtectProc=invisible",
    "ProtectSystem=strict",
    "RemoveIPC=true",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces=true",
    "RestrictRealtime=true",
    "RestrictSUIDSGID=true",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged",
    "UMask=0027",
}


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_confined_and_runs_without_root(name: str) -> None:
    lines = (UNITS / name).read_text().splitlines()
    assert CONFINED - set(lines) == set()
    assert "User=registry" in lines
    assert [line for line in lines if line.startswith("ReadWritePaths=")] == (
        ["ReadWritePaths=/var/backups/registry"] if name == "registry-backup.service" else []
    )


if ANALYZE is not None:  # a machine without systemd checks the rest

    @pytest.mark.sqlite_only
    def test_systemd_finds_no_error_in_the_units(tmp_path: Path) -> None:
        installed = tmp_path / "etc" / "systemd" / "system"
        shutil.copytree(UNITS, installed)
        # What they start and wait for.
        shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr" / "lib" / "systemd" / "system", symlinks=True)
        programs = ("opt/registry/.venv/bin/granian", "opt/registry/.venv/bin/registry", "bin/kill")
        for program in (*programs, "opt/registry/scripts/nightly_audit"):
            path = tmp_path / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)
        units = sorted(path.name for path in installed.iterdir())
        done = analyze("verify", f"--root={tmp_path}", "--man=no", *units)
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.sqlite_only
    @pytest.mark.parametrize("name", SERVICES)
    def test_systemd_calls_the_exposure_low(name: str) -> None:
        # From 0 to 10, here in tenths. 36 and 58 before the services were confined as they are now.
        done = analyze("security", "--offline=true", "--threshold=15", "--no-pager", str(UNITS / name))
        assert done.returncode == 0, done.stdout


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=False)


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


BASE = CHECKOUT / "config" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((BASE / "kustomization.yaml").read_text(encoding="utf-8"))
CONTAINERFILE = (CHECKOUT / "config" / "Containerfile").read_text(encoding="utf-8")
BUILDERS = [each for each in (["kubectl", "kustomize"], ["kustomize", "build"]) if shutil.which(each[0])]
COMMANDS = {
    "web": None,
    "scheduler": ["registry", "scheduler"],
    "upgrade": ["registry", "db", "upgrade"],
    "audit": ["scripts/nightly_audit"],
    "backup": ["registry", "backup", "--keep", "14"],
}
SETTING = re.compile(r"\bREGISTRY_[A-Z_]+[A-Z]\b")


def objects() -> Iterator[dict[str, Any]]:
    for name in [*KUSTOMIZATION["resources"], "service-monitor.yaml"]:
        yield from yaml.safe_load_all((BASE / name).read_text(encoding="utf-8"))


def pods() -> Iterator[dict[str, Any]]:
    for item in objects():
        spec = item["spec"].get("jobTemplate", item)["spec"]
        if "template" in spec:
            yield spec["template"]["spec"]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [item for item in objects() if item["kind"] == kind]


PODS = {pod["containers"][0]["name"]: pod for pod in pods()}
each_pod = pytest.mark.parametrize("pod", PODS.values(), ids=PODS)


def test_pods_run_commands_of_the_image() -> None:
    assert {name: pod["containers"][0].get("command") for name, pod in PODS.items()} == COMMANDS
    assert 'CMD ["granian", "wsgi:application"]' in CONTAINERFILE
    assert (CHECKOUT / "scripts" / "nightly_audit").exists()
    assert {pod["containers"][0]["image"] for pod in PODS.values()} == {
        image["name"] for image in KUSTOMIZATION["images"]
    }


def test_every_setting_is_one_of_the_service() -> None:
    named = {match for file in BASE.glob("*.yaml") for match in SETTING.findall(file.read_text(encoding="utf-8"))}
    documented = (CHECKOUT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert {"REGISTRY_DATABASE_URL", "REGISTRY_DATABASE_OWNER_URL", "REGISTRY_SECRET_KEY"} < named
    assert named - set(SETTING.findall(documented)) == set()


def test_probes_and_metrics_are_routes_on_ports_of_the_image(app: Flask) -> None:
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    web = PODS["web"]["containers"][0]
    assert web["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": 8000}
    assert web["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 8081}
    [endpoint] = of_kind("ServiceMonitor")[0]["spec"]["endpoints"]
    assert {"/healthz", endpoint["path"]} <= routes
    [service] = of_kind("Service")
    assert [(port["name"], port["targetPort"]) for port in service["spec"]["ports"]] == [(endpoint["port"], 8000)]
    assert "GRANIAN_PORT=8000" in CONTAINERFILE and "REGISTRY_HEALTH_PORT=8081" in CONTAINERFILE


@each_pod
def test_pod_has_the_least_rights_and_limits(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    user = int(re.findall(r"(?m)^USER (\d+)$", CONTAINERFILE)[0])
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == user
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted.items() >= {"data": "/var/lib/registry", "tmp": "/tmp"}.items()
    assert set(mounted) == {volume["name"] for volume in pod["volumes"]}


def test_only_the_upgrade_knows_the_owner_of_the_schema() -> None:
    secrets = {
        name: [source["secretRef"]["name"] for source in pod["containers"][0]["envFrom"] if "secretRef" in source]
        for name, pod in PODS.items()
    }
    assert secrets == {
        "web": ["registry"],
        "scheduler": ["registry"],
        "audit": ["registry"],
        "upgrade": ["registry", "registry-owner"],
        "backup": ["registry", "registry-direct"],
    }


def test_one_scheduler_runs_and_a_web_pod_is_always_left() -> None:
    assert {item["metadata"]["name"]: item["spec"]["replicas"] for item in of_kind("Deployment")} == {
        "registry-web": 2,
        "registry-scheduler": 1,
    }
    [budget] = of_kind("PodDisruptionBudget")
    assert budget["spec"] == {"minAvailable": 1, "selector": {"matchLabels": {"app": "registry-web"}}}


def test_network_policy_selects_every_pod_and_allows_the_web_port_only() -> None:
    everything, web = of_kind("NetworkPolicy")
    [labels] = KUSTOMIZATION["labels"]
    assert everything["spec"]["podSelector"]["matchLabels"] == labels["pairs"]
    assert labels["includeTemplates"] is True
    assert everything["spec"]["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in everything["spec"]
    assert [port for rule in web["spec"]["ingress"] for port in rule["ports"]] == [{"port": 8000}]


if BUILDERS:  # a machine without them checks the rest

    @pytest.mark.sqlite_only
    @pytest.mark.parametrize("builder", BUILDERS, ids=" ".join)
    def test_base_is_built(builder: list[str]) -> None:
        done = subprocess.run([*builder, str(BASE)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        built = list(yaml.safe_load_all(done.stdout))
        assert len([item for item in built if item["kind"] != "ConfigMap"]) == len(list(objects())) - 1
