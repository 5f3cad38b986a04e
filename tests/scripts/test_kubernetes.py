"""``config/kubernetes``: what it names exists, and every pod has the least rights.

Where ``kubectl`` or ``kustomize`` is installed, it also builds the whole.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from flask import Flask

from registry.settings import CHECKOUT

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
