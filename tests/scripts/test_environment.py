"""The environment that the scripts of a checkout install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from registry.settings import CHECKOUT

# Without packages, which would come from the network.
INSTALL = """
set -eu
. scripts/environment
install_locked() { :; }
pip_install() { :; }
install "$1"
"""


def test_what_the_tests_need_is_added_to_the_environment_of_a_running_service(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "environment").write_bytes((CHECKOUT / "scripts" / "environment").read_bytes())
    (tmp_path / "config" / "locked").mkdir(parents=True)
    (tmp_path / "setup.cfg").write_text("[metadata]\n")
    lists = {name: tmp_path / "config" / "locked" / f"{name}.txt" for name in ("run", "test")}
    for name, path in lists.items():
        path.write_text(f"{name}==1\n")

    def install(name: str) -> str:
        command = ["sh", "-c", INSTALL, "sh", name]
        environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stderr

    install("run")
    package = tmp_path / ".venv" / "package-of-the-service"
    package.touch()
    assert "Installing packages into .venv (config/locked/test.txt" in install("test")
    assert package.exists()
    assert install("run") == install("test") == ""
    # Of another version what is left of the former one is removed.
    lists["test"].write_text("test==2\n")
    install("test")
    assert not package.exists()
