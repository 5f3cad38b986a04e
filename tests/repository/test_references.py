"""The references list every setting, policy key, rule, field, endpoint, role and command that the code has."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from registry.accounts.roles import Role
from registry.agencies.fields import AGENCY_FIELDS
from registry.cases.vocabulary import DecisionKind, Status
from registry.cases.workflow import ACTIONS
from registry.cli.main import main
from registry.freeze.rules import RULES
from registry.projects.fields import FIELDS, READ_ONLY

CHECKOUT = Path(__file__).parents[2]
REFERENCE = CHECKOUT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def commands(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, f"{path} {name}")
    else:
        yield path


def test_settings_page_lists_the_variables_that_the_code_reads() -> None:
    code = "".join(
        (CHECKOUT / "registry" / name).read_text(encoding="utf-8")
        for name in (
            "settings.py",
            "core/settings.py",
            "accounts/oidc_configuration.py",
            "notifications/settings.py",
        )
    )
    read = set(re.findall(r"\"(REGISTRY_[A-Z_]+[A-Z])\"", code))
    assert len(read) >= 20
    assert set(re.findall(r"REGISTRY_[A-Z_]+[A-Z]", page("settings"))) == read


def test_settings_page_lists_the_keys_of_the_policy() -> None:
    policy = tomllib.loads((CHECKOUT / "config" / "freeze_policy.toml").read_text(encoding="utf-8"))
    keys = {*policy, *policy["deadlines"]} - {"deadlines", "rules"}
    assert sorted(key for key in keys if f"`{key}`" not in page("settings")) == []


def test_rules_page_lists_the_rules() -> None:
    assert [rule for rule in RULES if f"`{rule}`" not in page("rules")] == []


def test_fields_page_lists_the_fields() -> None:
    names = {*FIELDS, *READ_ONLY, *AGENCY_FIELDS}
    assert sorted(name for name in names if f"`{name}`" not in page("fields")) == []


def test_workflow_page_lists_statuses_actions_and_decisions() -> None:
    names = [*Status, *ACTIONS, *DecisionKind]
    assert [name for name in names if f"`{name}`" not in page("workflow")] == []


def test_api_page_lists_endpoints_and_roles() -> None:
    text = page("api")
    specification = json.loads((CHECKOUT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    paths = {path.removeprefix("/api/v1").replace("{case_id}", "{id}") for path in specification["paths"]}
    actions = {f"/cases/{{id}}/{action}" for action in ACTIONS}
    assert len(paths) > 40
    assert sorted(path for path in paths - actions if path not in text) == []
    assert [role for role in Role if f"`{role}`" not in text] == []


def test_cli_page_lists_the_commands() -> None:
    known = list(commands(main, "registry"))
    assert len(known) > 20
    assert [command for command in known if command not in page("cli")] == []
