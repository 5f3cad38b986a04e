"""Makefile, hooks and the workflow of a hosted forge say what the scripts do and what the project supports."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[2]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
POSTGRESQLS = ["15", "16", "17", "18"]


def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    return loaded


def test_ci_tries_every_supported_python_and_postgresql() -> None:
    jobs = workflow()["jobs"]
    assert jobs["sqlite"]["strategy"]["matrix"]["python"] == PYTHONS
    assert jobs["postgresql"]["strategy"]["matrix"]["postgresql"] == POSTGRESQLS
    environment = (CHECKOUT / "scripts" / "environment").read_text(encoding="utf-8")
    assert "(3, 11) <= sys.version_info[:2] <= (3, 14)" in environment
    setup = ConfigParser()
    setup.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    assert setup["options"]["python_requires"] == ">=3.11"


def test_ci_uses_pinned_actions_and_no_secrets() -> None:
    used = [step["uses"] for job in workflow()["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in used)
    assert workflow()["permissions"] == {"contents": "read"}
    assert "secrets." not in (CHECKOUT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


def test_ci_builds_the_image_and_serves_from_it() -> None:
    steps = [step.get("run", "") for step in workflow()["jobs"]["image"]["steps"]]
    assert "docker build --file config/Containerfile --tag registry ." in steps
    assert any(step.endswith(" registry registry --version") for step in steps)
    served = next(step for step in steps if "/readyz" in step)
    assert "--read-only" in served and "registry db upgrade" in served


def test_ci_calls_targets_that_the_makefile_has() -> None:
    steps = [step.get("run", "") for job in workflow()["jobs"].values() for step in job["steps"]]
    called = {target for step in steps for target in re.findall(r"\bmake (\S+)", step)}
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert called and called <= set(re.findall(r"(?m)^([a-z/-]+):", makefile))


def test_every_make_target_is_described_in_its_help() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z/-]+):", makefile))
    assert targets == set(re.findall(r"(?m)^([a-z/-]+):.* ## ", makefile))
    phony = re.search(r"(?m)^\.PHONY: (.+)$", makefile)
    assert phony and set(phony[1].split()) == targets


def test_hooks_are_local_and_run_the_tools_of_the_environment() -> None:
    config = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = {hook["id"]: hook for hook in config["repos"][0]["hooks"]}
    assert {"ruff", "ruff-format", "mypy", "squawk", "end-of-file", "trailing-whitespace"} <= set(hooks)
    for hook in hooks.values():
        assert hook["language"] == "pygrep" or hook["entry"].startswith(".venv/bin/")
