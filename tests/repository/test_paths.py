"""Every path and module of this repository that a page or a configuration file names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
# Decision records and the changelog speak of the tree as it was.
PAGES = sorted(
    page
    for page in [
        *CHECKOUT.glob("*.md"),
        *(CHECKOUT / "docs").rglob("*.md"),
        *(CHECKOUT / "tests" / "data").glob("*.md"),
        *(CHECKOUT / ".github").rglob("*.*"),
        CHECKOUT / ".github" / "CODEOWNERS",
    ]
    if page.is_file() and page.parent.name != "adr" and page.name != "CHANGELOG.md"
)
NAMED = re.compile(r"(?<![\w/.-])/?((?:registry|tests|scripts|config|migrations|docs)/[\w./*-]*)")
# A module as `registry.api.specification`, to be distinguished from the command `registry` at the end of a sentence.
FILE = re.compile(r"`([a-z_]+\.(?:py|html|toml))`")
# In docstrings and comments, with or without its folders.
NAMED_BY_CODE = re.compile(r"``([a-z_/]+\.(?:py|html|toml))``")
MODULE = re.compile(r"(?<![\w/.-])(registry(?:\.[a-z_]+)+)\b(?![/(])")


def missing_paths(text: str) -> list[str]:
    """The paths in the text that lead nowhere; ``*`` stands for any name, and a folder may end with a slash."""
    named = {path.rstrip(".").rstrip("/") for path in NAMED.findall(text)}
    return sorted(path for path in named if not any(CHECKOUT.glob(path)))


def missing_modules(text: str) -> list[str]:
    named = {module.replace(".", "/") for module in MODULE.findall(text)}
    return sorted(path for path in named if not any((CHECKOUT / f"{path}{end}").exists() for end in ("", ".py")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_named_paths_exist(page: Path) -> None:
    assert missing_paths(page.read_text(encoding="utf-8")) == []


def test_named_files_exist() -> None:
    folders = [CHECKOUT / name for name in ("registry", "tests", "config")]
    known = {file.name for folder in folders for file in folder.rglob("*.*")} | {"wsgi.py"}
    for page in PAGES:
        assert set(FILE.findall(page.read_text(encoding="utf-8"))) - known == set(), page.name


def test_files_that_docstrings_name_exist() -> None:
    folders = [CHECKOUT / name for name in ("registry", "tests", "config", "migrations")]
    known = {file.name for folder in folders for file in folder.rglob("*.*")} | {"wsgi.py"}
    code = [file for name in ("registry", "tests") for file in (CHECKOUT / name).rglob("*.py")]
    named = {each for file in code for each in NAMED_BY_CODE.findall(file.read_text(encoding="utf-8"))}
    assert sorted(each for each in named if each.rpartition("/")[2] not in known) == []


def test_named_tests_exist() -> None:
    tests = "".join(file.read_text(encoding="utf-8") for file in (CHECKOUT / "tests").rglob("test_*.py"))
    for page in PAGES:
        named = re.findall(r"`(test_[a-z0-9_]+)`", page.read_text(encoding="utf-8"))
        assert [name for name in named if f"def {name}(" not in tests] == [], page.name


@pytest.mark.parametrize("name", ["Makefile", ".pre-commit-config.yaml", "CONTRIBUTING.md", ".github/workflows/ci.yml"])
def test_named_modules_exist(name: str) -> None:
    assert missing_modules((CHECKOUT / name).read_text(encoding="utf-8")) == []


def test_missing_path_is_found() -> None:
    assert missing_paths("See `registry/nowhere.py` and `tests/freeze/`.") == ["registry/nowhere.py"]
    assert missing_modules("Run registry.nowhere.openapi.") == ["registry/nowhere/openapi"]


def test_every_slice_and_kit_is_described_in_contributing() -> None:
    packages = {folder.parent.name for folder in (CHECKOUT / "registry").glob("*/__init__.py")}
    layout = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    assert packages - set(re.findall(r"\b([a-z_]+)/", layout)) == set()
