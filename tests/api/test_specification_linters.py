"""The rules that the linters Redocly and Spectral recommend for OpenAPI: none is broken, and none is switched off."""

from __future__ import annotations

import os
import subprocess

import pytest

from registry.settings import CHECKOUT

# Nothing here hangs on the database.
pytestmark = pytest.mark.sqlite_only

SPECIFICATIONS = [CHECKOUT / "docs" / name for name in ("openapi.json", "openapi-integrator.json")]
TOOLS = CHECKOUT / ".venv" / "linters" / "node_modules" / ".bin"
RULES = CHECKOUT / "tests" / "api" / "linters" / "spectral.yaml"


def lint(name: str, *arguments: object) -> str:
    """The output of a program of the npm packages that ``scripts/test`` installs; it must end with success."""
    tool = TOOLS / name
    if not tool.exists():
        pytest.fail(f"{tool} is missing. Install npm (on Debian: apt-get install npm) and start scripts/test again.")
    # Redocly would report its use to its maker, and ask for a newer release.
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    command = [str(tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | quiet)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_specification_keeps_the_strict_rules_of_redocly() -> None:
    assert "valid" in lint("redocly", "lint", *SPECIFICATIONS, "--extends", "recommended-strict")


@pytest.mark.nightly
def test_specification_keeps_the_rules_of_spectral() -> None:
    printed = lint("spectral", "lint", *SPECIFICATIONS, "--ruleset", RULES, "--fail-severity", "hint")
    assert "No results" in printed
