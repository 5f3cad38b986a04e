"""``config/systemd``: every service is confined in the same way; ``systemd-analyze``, where installed, judges them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from registry.settings import CHECKOUT

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
