"""``registry explain``: the verdict on one project and its reasons."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from registry.accounts.actors import local_actor
from registry.accounts.roles import Role
from registry.audits.known_verdicts import verdict_known_at
from registry.audits.verdicts import verdict_of
from registry.cli.app_context import in_registry
from registry.cli.exit_codes import FLAGS_FOUND
from registry.cli.options import DAY, as_json_option, fail_on_flags_option
from registry.cli.output import cli_text, language, print_json
from registry.core.known_at import parse_known_at
from registry.projects.models import Project
from registry.projects.service import find_project
from registry.projects.visibility import journal_restricted_reads


@click.command()
@click.argument("number")
@click.option("--on", type=DAY, metavar="DATE", help="The date to judge, as 2026-11-24; default: today.")
@click.option("--known-at", "known_at_text", metavar="TIME", help="A past moment or date: judge what was known then.")
@fail_on_flags_option
@as_json_option
@in_registry
def explain(number: str, on: date | None, known_at_text: str | None, fail_on_flags: bool, as_json: bool) -> None:
    """Explain the verdict on the project NUMBER, as QT-2026-0000001-3: each rule that matches, with observed values,
    required values, remedy and clause.

    Judges the facts as they are now, or with --known-at as they were known then, and writes nothing.
    """
    actor = local_actor(Role.AUDITOR)
    project = find_project(actor, number)
    if known_at_text is None:
        verdict = verdict_of(project, on, language())
    else:
        verdict = verdict_known_at(project, on, parse_known_at(known_at_text), language())
    if project.is_restricted:
        journal_restricted_reads(actor, [project.number], "verdict")
    if as_json:
        print_json(verdict)
    else:
        _print(project, verdict)
    if fail_on_flags and verdict["outcome"] == "flagged":
        raise click.exceptions.Exit(FLAGS_FOUND)


def _print(project: Project, verdict: dict[str, Any]) -> None:
    locale = language()
    name = getattr(project, f"name_{locale}", None) or project.name_ru or project.name_kk
    click.echo(f"{project.number}  {name}")
    outcome = cli_text(f"cli-outcome-{verdict['outcome'].replace('_', '-')}")
    click.echo(cli_text("cli-verdict", on=verdict["on"], outcome=outcome, policy=verdict["policy_version"]))
    for finding in verdict["findings"]:
        observed = ", ".join(f"{name}: {_value(value)}" for name, value in finding["observed"].items())
        click.echo()
        click.echo(f"{finding['rule']} ({finding['severity']}): {finding['title']}")
        for code, text in (
            ("cli-observed", observed),
            ("cli-required", finding["required"]),
            ("cli-remedy", finding["remedy"]),
            ("cli-clause", finding["clause"]),
        ):
            click.echo(f"  {cli_text(code)}: {text}")


def _value(value: Any) -> str:
    return "–" if value is None else str(value)
