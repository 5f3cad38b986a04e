"""``registry policies``: versions of the policy, their comparison, impact and activation."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import click

from registry.accounts.roles import Role, local_actor
from registry.audits.policy_activation import ALL_KINDS, activate_policy, impact_of, impact_report
from registry.cli.app_context import RegistryCommands
from registry.cli.output import DAY, as_json_option, print_json, print_message, print_pairs, print_table
from registry.policies.queries import PolicyRecord, compare, find_policy, list_policies, record_of
from registry.policies.schemas import comparison_shown, policy_shown

IN_A_LIST = ("version", "state", "in_force_from", "based_on", "drafted_by", "activated_by")
CHANGE_SHOWN = ("change", "project", "severity_before", "severity", "rules", "because")
# As a plan is written: what is added, what goes, what is changed.
SIGNS: Mapping[str, str] = {"newly_flagged": "+", "cleared": "-", "changed_severity": "~", "changed_rules": "~"}


@click.group(cls=RegistryCommands)
def policies() -> None:
    """Read versions of the policy, calculate their impact, activate one."""


@policies.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """List all versions, newest first."""
    rows = [_row(record) for record in list_policies(local_actor(Role.SUPERVISOR))]
    if as_json:
        print_json({"items": rows})
    else:
        print_table(IN_A_LIST, rows)


@policies.command("show")
@click.argument("version")
@as_json_option
def show_one(version: str, as_json: bool) -> None:
    """Show one version with every setting."""
    shown = policy_shown(find_policy(local_actor(Role.SUPERVISOR), version))
    if as_json:
        print_json(shown)
        return
    rules = shown.pop("rules")
    cases = shown.pop("verdict_cases")
    print_pairs({**shown, "verdict_cases": f"{sum(case['passes'] for case in cases)} / {len(cases)}"})
    click.echo()
    print_table(("rule", "enabled", "severity"), [{"rule": name, **rule} for name, rule in rules.items()])


@policies.command()
@click.argument("version")
@click.option("--with", "earlier", metavar="VERSION", help="The version to compare with; default: its base.")
@as_json_option
def comparison(version: str, earlier: str | None, as_json: bool) -> None:
    """Compare a version with another one, setting by setting."""
    shown = comparison_shown(compare(local_actor(Role.SUPERVISOR), version, earlier))
    if as_json:
        print_json(shown)
    else:
        print_table(("setting", "before", "after"), shown["differences"])


@policies.command()
@click.argument("version")
def export(version: str) -> None:
    """Print a version in the format of the policy file."""
    click.echo(find_policy(local_actor(Role.SUPERVISOR), version).text, nl=False)


@policies.command()
@click.argument("version")
@as_json_option
def impact(version: str, as_json: bool) -> None:
    """Calculate what an audit of today by a version would change. Writes nothing."""
    shown = impact_report(impact_of(local_actor(Role.SUPERVISOR), version))
    if as_json:
        print_json(shown)
        return
    rows = [_change(sign, each) for kind, sign in SIGNS.items() for each in shown[kind]]
    if rows:
        print_table(CHANGE_SHOWN, rows)
        click.echo()
    print_pairs({"as_of": shown["as_of"], "compared_with": shown["compared_with"], "digest": shown["digest"]})
    print_table(
        ("change", "projects", "restricted", "kzt"),
        [
            {
                "change": kind,
                "projects": len(shown[kind]),
                "restricted": shown["restricted"][kind],
                "kzt": shown["sums"][f"{kind}_kzt"],
            }
            for kind in ALL_KINDS
        ],
    )


@policies.command()
@click.argument("version")
@click.option("--impact-digest", required=True, help="The digest of the impact that was shown today.")
@click.option("--on", type=DAY, metavar="DATE", required=True, help="The first day, today or later.")
def activate(version: str, impact_digest: str, on: date) -> None:
    """Put a draft in force from a day, as another person than those who wrote it.

    Exits with 4 when the impact is no longer the one with that digest, or an expected verdict does not hold.
    """
    record = record_of(activate_policy(local_actor(Role.SUPERVISOR), version, impact_digest, on))
    print_message("cli-policy-activated", version=record.version, on=on.isoformat())


def _row(record: PolicyRecord) -> dict[str, Any]:
    shown = policy_shown(record)
    day = record.in_force_from
    return {**{name: shown[name] for name in IN_A_LIST}, "in_force_from": None if day is None else day.isoformat()}


def _change(sign: str, each: Mapping[str, Any]) -> dict[str, Any]:
    return {**each, "change": sign, "rules": ", ".join(each["rules"])}
