"""The commands of a Debian machine with PostgreSQL, in a folder: what docs/operations.md and the runbooks call.

Clusters are real, with Debian's layout and its rules of pg_hba.conf; users, packages and units are not made. Paths of a
page are moved into the folder, and its ports to free ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from registry.settings import CHECKOUT
from tests.postgres_server import UNPRIVILEGED, binaries
from tests.running import free_port

PORTS = ("5432", "5433", "5434")
# Longer ones first: /etc/postgresql is below none of them, and /var/lib/registry is not /var/lib/postgresql.
PLACES = {
    "/var/lib/postgresql": "data",
    "/etc/postgresql": "clusters",
    "/etc/registry": "settings",
    "/etc/systemd/system": "units",
    "/var/backups": "backups",
    "/var/lib/registry": "var",
    "/var/log": "log",
    "/usr/local/bin": "bin",
    "/opt/registry": "checkout",
}
# Users of a page that are not made here. Only PostgreSQL must not run as root.
AS_POSTGRES = f"{shutil.which('runuser')} -u {UNPRIVILEGED} --" if os.geteuid() == 0 else ""
OWNED = f"{shutil.which('chown')} -R {UNPRIVILEGED}" if os.geteuid() == 0 else "true"
HBA = """local all all trust
local replication all trust
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""
COMMON = """
set -eu
cluster() { version=$1 name=$2 data={root}/data/$1/$2 conf={root}/clusters/$1/$2; }
port() { sed -n "s/^port = '*\\([0-9]*\\).*/\\1/p" "$conf/postgresql.conf" | tail -1; }
"""
COMMANDS = {
    "apt-get": "exit 0",
    "useradd": "exit 0",
    "git": "exit 0",
    "systemctl": 'echo "$@" >>{root}/units/asked',
    "journalctl": "exit 0",
    "runuser": 'user=$2; shift 3; case "$user $1" in "postgres tar"|"postgres touch") exec {as_postgres} "$@";; esac\n'
    'exec "$@"',
    "chown": 'for each; do :; done; case "$1" in postgres:*) exec {owned} "$each";; esac',
    "install": """
        words=; owned=
        while [ $# -gt 0 ]; do
            case "$1" in
                -g) shift;;
                -o) owned=yes; shift;;
                *) words="$words $1"; last=$1;;
            esac
            shift
        done
        /usr/bin/install $words
        [ -z "$owned" ] || {owned} "$last" """,
    "pg_lsclusters": "for each in {root}/clusters/*/*; do"
    ' set -- $(echo "$each" | tr / " "); shift $(($# - 2)); echo "$1 $2 online"; done',
    "pg_conftool": 'cluster "$1" "$2"; echo "$4 = \'$5\'" >>"$conf/postgresql.conf"',
    "pg_createcluster": """
        cluster "$1" "$2"; mkdir -p "$data" "$conf"; {owned} "${data%/*}"; chmod 700 "$data"
        {as_postgres} {binaries}/initdb -D "$data" --username=postgres --auth=trust --no-sync --encoding=UTF8 \
            --locale=C.UTF-8 >/dev/null
        printf '%s' "{hba}" >"$conf/pg_hba.conf"
        cat >"$conf/postgresql.conf" <<CONF
port = $4
listen_addresses = '127.0.0.1'
unix_socket_directories = '{root}/sockets'
hba_file = '$conf/pg_hba.conf'
fsync = off
CONF
        chmod 644 "$conf"/*""",
    "pg_ctlcluster": """
        cluster "$1" "$2"; action=$3; shift 3
        log={root}/log/postgresql/postgresql-$version-$name.log
        case "$action" in
            start|restart) set -- -w -l "$log" -o "-c config_file=$conf/postgresql.conf";;
            promote) set -- -w;;
        esac
        exec {as_postgres} {binaries}/pg_ctl "$action" -D "$data" "$@" >/dev/null""",
    "psql": 'cluster ${2%/*} ${2#*/}; shift 2; exec {binaries}/psql -X -h {root}/sockets -p "$(port)" -U postgres "$@"',
    "pg_basebackup": """
        if [ "$1" = --cluster ]; then
            cluster ${2%/*} ${2#*/}; shift 2
            set -- -h {root}/sockets -p "$(port)" -U postgres "$@"
        fi
        exec {as_postgres} {binaries}/pg_basebackup "$@" """,
}


class DebianMachine:
    """A folder with the cluster ``main``, as the package makes it, and the commands. Stop it at the end."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is short, because sockets are in it, and can be entered by everybody."""
        self.folder = folder
        self._ports = {given: str(free_port()) for given in PORTS}
        for place in (*PLACES.values(), "sockets", "log/postgresql"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        for open_to_all in ("sockets", "log/postgresql", "data"):
            (folder / open_to_all).chmod(0o777)
        programs = binaries(folder)
        replaced = {"{root}": folder, "{binaries}": programs, "{as_postgres}": AS_POSTGRES, "{owned}": OWNED}
        replaced["{hba}"] = HBA
        for name, body in COMMANDS.items():
            text = f"#!/bin/sh{COMMON}{body}\n"
            for word, value in replaced.items():
                text = text.replace(word, str(value))
            self._script(folder / "bin" / name, text)
        (folder / "checkout" / "config").symlink_to(CHECKOUT / "config")
        (folder / "checkout" / ".venv" / "bin").mkdir(parents=True)
        (folder / "checkout" / ".venv" / "bin" / "python").symlink_to(sys.executable)
        main = "import sys; from registry.cli.main import main; sys.argv[0] = 'registry'; main()"
        run = f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} -c "{main}" "$@"\n'
        self._script(folder / "checkout" / ".venv" / "bin" / "registry", run)
        self._script(folder / "checkout" / ".venv" / "bin" / "pip", "#!/bin/sh\nexit 0\n")
        # pg_dump and pg_restore, of the servers' version.
        for name in ("pg_dump", "pg_restore"):
            (folder / "bin" / name).symlink_to(programs / name)
        self.version = "1"
        self.run("pg_createcluster 1 main --port 5432\npg_ctlcluster 1 main start")

    def run(self, script: str) -> str:
        """Run the commands of a page in one shell that ends at the first failure. Returns what they print."""
        for given, own in PLACES.items():
            script = script.replace(given, str(self.folder / own))
        for given, own in self._ports.items():
            script = script.replace(given, own)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "PG"))}
        done = subprocess.run(
            ["bash", "-eu", "-c", script],
            env={**kept, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
            cwd=self.folder / "checkout",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        """The last lines of the servers' logs."""
        return "\n".join(path.read_text()[-1500:] for path in sorted((self.folder / "log/postgresql").glob("*.log")))

    def stop(self) -> None:
        """Stop all clusters at once."""
        for data in (self.folder / "data" / self.version).iterdir():
            if (data / "postmaster.pid").exists():
                self.run(f"pg_ctlcluster {self.version} {data.name} stop --mode immediate")

    @staticmethod
    def _script(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)
