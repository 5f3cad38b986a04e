"""A wrong setting is refused by every command, and by the same words as by ``registry serve``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from registry.cli.main import main
from registry.cli.output import Day
from tests.fixtures.cli import CommandLine

pytestmark = pytest.mark.sqlite_only

# It writes the file of settings, and reads none.
WITHOUT_SETTINGS = ("init",)
WRONG_ROLE = "REGISTRY_SECOND_FACTOR: there is no role emperor"


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is no group, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif (*path, name) != WITHOUT_SETTINGS:
            yield (*path, name), command


def arguments(command: click.Command, file: Path) -> Iterator[str]:
    """Something for each parameter that the command demands."""
    for parameter in command.params:
        if "--yes" in parameter.opts:
            yield "--yes"
        if not parameter.required:
            continue
        if isinstance(parameter, click.Option):
            yield parameter.opts[0]
        if isinstance(parameter.type, click.Choice):
            yield str(parameter.type.choices[0])
        elif isinstance(parameter.type, click.Path | click.File):
            yield str(file)
        elif isinstance(parameter.type, Day):
            yield "2026-11-01"
        else:
            yield "2"


COMMANDS = {" ".join(words): command for words, command in commands()}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_a_role_that_does_not_exist(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    file.write_text("{}")
    registry = CommandLine(f"sqlite:///{tmp_path}/registry.sqlite3", tmp_path)
    ran = registry(*name.split(), *arguments(COMMANDS[name], file), REGISTRY_SECOND_FACTOR="emperor")
    if name == "doctor":
        assert (ran.code, WRONG_ROLE in ran.out) == (1, True)
    else:
        assert (ran.code, ran.raw) == (2, b""), ran.err
        assert WRONG_ROLE in ran.err


@pytest.mark.parametrize("command", ["serve", "audits list"])
@pytest.mark.parametrize(
    ("variable", "content", "text"),
    [
        ("REGISTRY_CALENDAR_FILE", 'days_off = ["2026-01-05"]\n', "The calendar file is invalid"),
        ("REGISTRY_POLICY_FILE", "version = 1\n", "The policy file cannot be used"),
        ("REGISTRY_SIGN_IN_FILE", "[roles]\nemperor = ['x']\n", "The sign-in file is invalid"),
    ],
)
def test_commands_refuse_the_files_that_the_service_refuses(
    registry: CommandLine, tmp_path: Path, command: str, variable: str, content: str, text: str
) -> None:
    (tmp_path / "wrong.toml").write_text(content)
    provider = {
        "REGISTRY_PUBLIC_URL": "https://registry.example.kz",
        "REGISTRY_OIDC_ISSUER": "https://idp.example.kz",
        "REGISTRY_OIDC_CLIENT_ID": "registry",
        "REGISTRY_OIDC_CLIENT_SECRET": "secret",
    }
    ran = registry(*command.split(), **provider, **{variable: str(tmp_path / "wrong.toml")})
    assert (ran.code, ran.raw) == (5, b""), ran.err
    assert text in ran.err and "wrong.toml" in ran.err
