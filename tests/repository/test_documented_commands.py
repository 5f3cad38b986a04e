"""Commands in the documentation exist, with their options; those of runbooks that only read are run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from registry.cli.main import main
from registry.settings import CHECKOUT
from tests.databases import journal_clock
from tests.fixtures.cli import CommandLine

RUNBOOKS = sorted((CHECKOUT / "docs/runbooks").glob("*.md"))
PAGES = [
    *RUNBOOKS,
    CHECKOUT / "README.md",
    CHECKOUT / "docs/operations.md",
    CHECKOUT / "docs/tutorial.md",
    CHECKOUT / "docs/how-to/operator.md",
    CHECKOUT / "docs/how-to/administrator.md",
]
SECTIONS = ["How it shows", "Check", "Fix", "Verify", "Afterwards"]
# A code block is indented by four spaces, below an item of a list by more.
CODE = re.compile(r"(?m)^ {4,}(\S.*)$")
INLINE = re.compile(r"`(registry [^`]+)`")
# At the beginning of a command, also after a path, a pipe, an assignment or in $(…).
COMMAND = re.compile(r"(?:^|[;&|(\s]|bin/)registry (?=[a-z])([^;|&)#<>$]+)")
PLACEHOLDER = re.compile(r"\b[A-Z_]{2,}\b|…|\$")
WRITES = {"restore", "run", "send", "carry-out", "backup", "restore-drill", "void", "reject", "downgrade"}


def commands_of(page: Path) -> list[str]:
    """Every `registry …` of a page, without the name."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    code = [match[1] for line in CODE.findall(text) for match in COMMAND.finditer(line.partition(" # ")[0])]
    return [*code, *(line.removeprefix("registry ") for line in INLINE.findall(" ".join(text.split("\n"))))]


def problem_of(text: str) -> str | None:
    """Why the command line cannot be used; None for a good one."""
    command: click.Command = main
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    for word in words:
        if isinstance(command, click.Group):
            if word.startswith("-"):
                continue
            child = command.get_command(click.Context(command), word)
            if child is None:
                return f"no command {word}"
            command = child
        elif word.startswith("--"):
            known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
            if word.partition("=")[0] not in known:
                return f"no option {word}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    problems = {text: problem_of(text) for text in commands_of(page)}
    assert {text: problem for text, problem in problems.items() if problem} == {}


def test_commands_are_found_in_blocks_and_in_sentences() -> None:
    assert sum(len(commands_of(page)) for page in PAGES) > 150
    assert problem_of("audits list --jsn") == "no option --jsn"
    assert problem_of("audit list") == "no command audit"
    assert COMMAND.findall("HEAD=$(registry journal head) && ./.venv/bin/registry doctor --json | head") == [
        "journal head",
        "doctor --json ",
    ]


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_runbook_has_the_sections_of_all_runbooks_and_is_short(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.stem == "README":
        linked = set(re.findall(r"\]\(([a-z-]+\.md)\)", text))
        assert linked == {other.name for other in RUNBOOKS if other.stem != "README"}
        return
    assert re.findall(r"(?m)^## (.+)$", text) == SECTIONS
    assert len(text.splitlines()) <= 70


def reading_commands() -> Iterator[str]:
    """Commands of the sections Check and Verify that need nothing filled in and change nothing."""
    for page in RUNBOOKS:
        for title, section in re.findall(r"(?ms)^## (Check|Verify)\n(.*?)(?=^## |\Z)", page.read_text("utf-8")):
            assert title in SECTIONS
            for line in CODE.findall(section):
                for match in COMMAND.finditer(line.partition(" # ")[0]):
                    if not PLACEHOLDER.search(match[1]) and not WRITES & set(match[1].split()):
                        yield match[1].strip()


@pytest.mark.sqlite_only
def test_commands_that_check_and_verify_work_on_a_new_registry(registry: CommandLine) -> None:
    journal_clock(registry.url, on=True)
    commands = sorted(set(reading_commands()))
    assert {"doctor", "audits list", "journal verify", "notices list --state waiting"} <= set(commands)
    ended = {command: registry(*shlex.split(command)).code for command in commands}
    assert {command: code for command, code in ended.items() if code != 0} == {}
