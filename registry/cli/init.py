"""``registry init``: copies the files that an operator edits into a folder."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from registry.cli.output import CONFLICT, FAILED, CommandFailed, UsageError, cli_text, print_message
from registry.core.files import CONFIG, shipped

COPIED: Final = (
    "freeze_policy.toml",
    "calendar.toml",
    "service.env",
    "granian.env",
    "nginx.conf",
    "pgbouncer.ini",
    "monitoring/alerts.yml",
    "monitoring/alerts_test.yml",
    "monitoring/dashboard.json",
    "systemd/registry-web.service",
    "systemd/registry-scheduler.service",
    "systemd/registry-audit.service",
    "systemd/registry-audit.timer",
    "systemd/registry-backup.service",
    "systemd/registry-backup.timer",
)
# What units start, and what lies beside config/ in a checkout too.
BESIDE: Final = ("wsgi.py", "scripts/nightly_audit")
# The paths go unquoted into units and into files that a shell reads.
PLAIN_PATH: Final = re.compile(r"[\w/.,+@:~-]+")
# Operators add passwords to service.env. The service's user, who may be another one, reads the other files.
PRIVATE_FILE: Final = "service.env"


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Copy the configuration into DIR, by default the current folder, and print the files' paths.

    DIR/config gets the freeze policy, the calendar, the settings, and examples for granian, nginx, PgBouncer, systemd
    and Prometheus, with the paths of DIR in them. No file that is there is changed: then nothing is written, and the
    exit code is 4.
    """
    folder = Path(os.path.abspath(folder))
    if not PLAIN_PATH.fullmatch(str(folder)):
        raise UsageError(cli_text("cli-init-path", path=folder))
    contents = configuration(folder)
    present = [path for path in contents if os.path.lexists(path)]
    if present:
        raise CommandFailed([cli_text("cli-init-files-exist"), *(f"  {path}" for path in present)], CONFLICT)
    try:
        for path, content in contents.items():
            _write(path, content)
            click.echo(path)
    except OSError as error:
        raise CommandFailed([cli_text("cli-file-not-writable", reason=error)], FAILED) from error
    print_message("cli-init-done", settings=folder / "config" / "service.env")


def configuration(folder: Path) -> Mapping[Path, str]:
    """Return the files to write, with their content."""
    programs = Path(sys.executable).parent
    texts = {folder / "config" / name: (CONFIG / name).read_text(encoding="utf-8") for name in COPIED}
    for name in BESIDE:
        texts[folder / name] = shipped(name).read_text(encoding="utf-8")
    return {path: _with_paths(text, folder, programs) for path, text in texts.items()}


def _with_paths(text: str, folder: Path, programs: Path) -> str:
    """Return the text with this installation's paths in place of those of docs/operations.md."""
    paths = {
        # By this installation's Python, where the checkout's script looks for its own .venv.
        "/opt/registry/scripts/nightly_audit": f"{programs}/python {folder}/scripts/nightly_audit",
        "/opt/registry/.venv/bin": str(programs),
        "/opt/registry": str(folder),
        "/etc/registry/service.env": f"{folder}/config/service.env",
        "StateDirectory=registry": f"ReadWritePaths={folder}/var",
    }
    return re.sub("|".join(map(re.escape, paths)), lambda match: paths[match[0]], text)


def _write(path: Path, content: str) -> None:
    """Write a new file. Raises FileExistsError for one that appeared meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o600 if path.name == PRIVATE_FILE else 0o644
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(content)
