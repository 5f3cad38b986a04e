"""The wheel has every file of the package, and the bill of materials every package."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest

from registry.settings import CHECKOUT
from tests.running import free_port, until

pytestmark = pytest.mark.sqlite_only

BUILT_FROM = ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "wsgi.py")
NO_CACHES = shutil.ignore_patterns("__pycache__", "*.egg-info")
AGENCIES = """\
bin,name_kk,name_ru,name_en,kind
990340900110,Қоғамдық денсаулық министрлігі,Министерство общественного здоровья,Ministry of Public Health,central_body
"""
# New construction outside the platform under a contract signed after the moratorium began.
PROJECTS = """\
agency,external_id,name_ru,object_kind,work_type,stage,placement,contract_signed_on
990340900110,HEALTH-001,Электронный паспорт здоровья,system,creation,creation,off_platform,2026-02-02
"""


class Installation:
    """The programs of an environment that has the wheel, in a working folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.variables: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        """Nothing of the checkout: no PYTHONPATH, no settings but its own."""
        return {"PATH": f"{self.programs}{os.pathsep}{os.defpath}", "LC_ALL": "C.UTF-8", **self.variables}

    def run(self, *command: str) -> bytes:
        """What a command writes to stdout."""
        done = subprocess.run(
            [self.programs / command[0], *command[1:]],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def load_settings(self, file: Path) -> None:
        """As ``set -a; . FILE; set +a`` does it in a shell."""
        shell = ["sh", "-c", f"set -a; . {file}; exec env"]
        lines = subprocess.run(shell, capture_output=True, text=True, check=True).stdout.splitlines()
        self.variables.update(line.split("=", 1) for line in lines if line.startswith(("REGISTRY_", "GRANIAN_")))

    @contextmanager
    def serving(self, *command: str) -> Iterator[None]:
        """A server, ended by SIGTERM, which it obeys."""
        with subprocess.Popen(
            [self.programs / command[0], *command[1:]],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server:
            try:
                yield
                server.send_signal(signal.SIGTERM)
                assert server.wait(30) == 0
            finally:
                server.kill()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the checkout gets no build folder."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in ("registry", "migrations", "config", "docs", "scripts"):
        shutil.copytree(CHECKOUT / folder, source / folder, ignore=NO_CACHES)
    for name in BUILT_FROM:
        shutil.copy(CHECKOUT / name, source)
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(built), str(source))
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel, and the locked dependencies from this environment's folder; the checkout is on no path.

    Its folder was empty; then ``registry init`` was done as it says.
    """
    environment, folder = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("empty")
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    # .pth files of a folder that a .pth file names are not read, so neither is the one of the editable install.
    packages = next(environment.glob("lib/python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip("--python", str(python), "install", "--no-compile", "--no-index", str(wheel))
    shutil.copy(Path(sys.executable).with_name("granian"), python.with_name("granian"))
    program = python.with_name("granian")
    program.write_text(re.sub(r"\A#!.*", f"#!{python}", program.read_text()))
    installed = Installation(python.parent, folder)
    installed.run("registry", "init")
    installed.load_settings(folder / "config" / "service.env")
    installed.run("registry", "db", "upgrade")
    return installed


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments, "--no-deps"]
    subprocess.run(command, check=True, cwd="/")


def test_wheel_has_every_file_of_the_package_and_the_migrations(wheel: Path) -> None:
    packed = set(ZipFile(wheel).namelist())
    package = {str(path.relative_to(CHECKOUT)) for path in files_below(CHECKOUT / "registry")}
    migrations = {f"registry/{path.relative_to(CHECKOUT)}" for path in files_below(CHECKOUT / "migrations")}
    assert len(package) > 300 and len(migrations) > 5
    assert (package | migrations) - packed == set()
    beside = {name for name in packed if not name.startswith("registry/") and ".dist-info/" not in name}
    assert beside == set()


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


@pytest.mark.nightly
def test_installed_wheel_audits_in_an_empty_folder(installation: Installation) -> None:
    folder = installation.folder
    imported_from = installation.run("python", "-c", "import registry; print(registry.__file__)").decode()
    assert imported_from.startswith(str(installation.programs.parent))
    (folder / "agencies.csv").write_text(AGENCIES, encoding="utf-8")
    (folder / "projects.csv").write_text(PROJECTS, encoding="utf-8")
    installation.run("registry", "agencies", "import", "agencies.csv")
    installation.run("registry", "projects", "import", "projects.csv")
    # XLSX is read by a child process, which must find the package too.
    (folder / "projects.xlsx").write_bytes(installation.run("registry", "projects", "export", "--format", "xlsx"))
    installation.run("registry", "projects", "import", "--dry-run", "projects.xlsx")

    audit = json.loads(installation.run("registry", "audits", "run", "--json"))

    assert (audit["status"], audit["projects_judged"], audit["projects_flagged"]) == ("succeeded", 1, 1)
    assert (folder / "var" / "registry.sqlite3").is_file()
    assert not list(installation.programs.parent.rglob("*.sqlite3"))


@pytest.mark.nightly
def test_installed_wheel_serves_pages_with_their_styles(installation: Installation) -> None:
    password = installation.run("registry", "users", "add", "--name", "administrator", "--role", "administrator")
    assert len(password.strip()) > 10
    port = free_port()
    installation.variables.update(REGISTRY_PORT=str(port), REGISTRY_AUDIT_AT="off")
    with installation.serving("registry", "serve"):
        assert until(lambda: ready(port))
        page = get(port, "/sign-in", "kk")
        styles = re.findall(r'href="([^"]+[.]css[^"]*)"', page)
        assert len(styles) > 1 and all("{" in get(port, style) for style in styles)
        assert '<html lang="kk"' in page and "Кіру" in page
        # The message of an API error is in the catalogues, too.
        with pytest.raises(urllib.error.HTTPError) as error:
            get(port, "/api/v1/projects", "ru")
        assert json.load(error.value)["title"] == "Требуется вход"
        assert "swagger-ui-bundle.js" in get(port, "/api/v1/docs")
        assert '<h1 class="govuk-heading-l">Ұйымдарға арналған нұсқаулық</h1>' in get(port, "/help/agency", "kk")
        assert "Which server" in get(port, "/help/operations")


@pytest.mark.nightly
def test_installed_wheel_is_served_by_granian(installation: Installation) -> None:
    port = free_port()
    installation.load_settings(installation.folder / "config" / "granian.env")
    installation.variables.update(GRANIAN_PORT=str(port), GRANIAN_WORKERS="1")
    with installation.serving("granian", "wsgi:application"):
        assert until(lambda: ready(port))


def ready(port: int) -> bool:
    try:
        return bool(json.loads(get(port, "/readyz")) == {"status": "ready", "reasons": []})
    except (urllib.error.URLError, ConnectionError):
        return False


def get(port: int, path: str, language: str = "en") -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept-Language": language})
    with urllib.request.urlopen(request, timeout=10) as response:
        return str(response.read().decode())


LIST = CHECKOUT / "docs" / "bill-of-materials.cdx.json"


def test_the_committed_list_is_what_is_locked() -> None:
    checked = subprocess.run([sys.executable, "scripts/bill_of_materials", "--check"], cwd=CHECKOUT, check=False)
    assert checked.returncode == 0, "run scripts/bill_of_materials"


def test_the_list_names_what_runs_here_with_its_version_and_hashes() -> None:
    components = {component["name"]: component for component in json.loads(LIST.read_text("utf-8"))["components"]}

    for name in ("flask", "sqlalchemy", "marshmallow", "waitress", "argon2-cffi"):
        assert components[name]["version"] == version(name)
        assert components[name]["externalReferences"][0]["hashes"]
    # The web server of production too.
    assert {"granian", "htmx.org", "govuk-frontend", "swagger-ui-dist"} <= set(components)


def test_the_list_names_packages_and_no_place_to_load_them_from() -> None:
    text = LIST.read_text("utf-8")

    assert all(
        files["url"] == component["purl"]
        for component in json.loads(text)["components"]
        for files in component["externalReferences"]
    )
    assert text.count("://") == 1, "the schema's own address alone"
