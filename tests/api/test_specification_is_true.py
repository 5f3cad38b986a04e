"""schemathesis tries the running service with its own specification: all checks, no operation left out.

``REGISTRY_TRY_EXAMPLES=100`` tries longer: that many requests an operation, every boundary, and chains of calls.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.settings import CHECKOUT
from tests.api.live_server import ROLES, served

FEW = ("--phases", "examples,fuzzing", "--max-examples", "2", "--seed", "1")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


# Who may register and who may decide: one on each database in a short run, both on both in a long one.
BRIEFLY = {Role.ADMINISTRATOR: pytest.mark.sqlite_only, Role.SUPERVISOR: pytest.mark.postgres_only}


# On every day Python's generated client calls every operation and reads what it returns: test_generated_clients.py.
@pytest.mark.nightly
@pytest.mark.parametrize(
    "role", [pytest.param(role, marks=() if "REGISTRY_TRY_EXAMPLES" in os.environ else BRIEFLY[role]) for role in ROLES]
)
def test_the_service_does_what_its_specification_says(own_app: Flask, role: Role) -> None:
    examples = os.environ.get("REGISTRY_TRY_EXAMPLES")
    how = FEW if examples is None else ("--max-examples", examples)
    with served(own_app) as service:
        tried = subprocess.run(
            [
                SCHEMATHESIS,
                *("--config-file", Path(__file__).with_name("schemathesis.toml")),
                "run",
                f"{service.url}/api/v1/openapi.json",
                *("--header", f"Authorization: Bearer {service.tokens[role]}"),
                *("--checks", "all", "--continue-on-failure", "--warnings", "off"),
                *how,
            ],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PYTHONPATH": str(CHECKOUT),
                "REGISTRY_TRY_BINS": ",".join(service.bins),
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "No issues found" in tried.stdout
