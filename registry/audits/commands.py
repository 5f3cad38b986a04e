"""``registry audits`` and ``registry explain``: run audits, and explain the verdict on a project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click

from registry.accounts.roles import Role, local_actor
from registry.audits import service
from registry.audits.past import verdict_known_at, verify_audit
from registry.audits.queries import AUDIT_LIST, all_changes_of, unexplained_projects, visible_run
from registry.audits.schemas import verification_shown
from registry.audits.verdicts import later_changes, verdict_of
from registry.cli import output
from registry.cli.app_context import RegistryCommand, RegistryCommands
from registry.cli.output import CONFLICT, FAILED, FLAGS_FOUND, REASON, UsageError
from registry.core.lists import MAX_LIMIT, Page, parse_known_at
from registry.flags.models import AuditRun, failure_text
from registry.freeze.policy_file import load_policy
from registry.projects.models import Project
from registry.projects.service import find_project
from registry.projects.visibility import journal_restricted_reads

# ``registry explain``: the verdict on one project and its reasons.


@click.command(cls=RegistryCommand)
@click.argument("number")
@click.option("--on", type=output.DAY, metavar="DATE", help="The date to judge, as 2026-11-24; default: today.")
@click.option("--known-at", "known_at_text", metavar="TIME", help="A past moment or date: judge what was known then.")
@output.fail_on_flags_option
@output.as_json_option
def explain(number: str, on: date | None, known_at_text: str | None, fail_on_flags: bool, as_json: bool) -> None:
    """Explain the verdict on the project NUMBER, as QT-2026-0000001-3: each rule that matches, with observed values,
    required values, remedy and clause, and until when this holds if nothing changes.

    Judges the facts as they are now, or with --known-at as they were known then, and writes nothing.
    """
    actor = local_actor(Role.AUDITOR)
    project = find_project(actor, number)
    if known_at_text is None:
        verdict = verdict_of(project, on, output.language())
    else:
        verdict = verdict_known_at(project, on, parse_known_at(known_at_text), output.language())
    if project.is_restricted:
        journal_restricted_reads(actor, [project.number], "verdict")
    if as_json:
        output.print_json(verdict)
    else:
        _print(project, verdict)
    if fail_on_flags and verdict["outcome"] == "flagged":
        raise click.exceptions.Exit(FLAGS_FOUND)


def _print(project: Project, verdict: dict[str, Any]) -> None:
    locale = output.language()
    name = getattr(project, f"name_{locale}", None) or project.name_ru or project.name_kk
    click.echo(f"{project.number}  {name}")
    outcome = output.cli_text(f"cli-outcome-{verdict['outcome'].replace('_', '-')}")
    click.echo(output.cli_text("cli-verdict", on=verdict["on"], outcome=outcome, policy=verdict["policy_version"]))
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
            click.echo(f"  {output.cli_text(code)}: {text}")
    if verdict["valid_until"]:
        changed = later_changes(verdict)
        click.echo()
        click.echo(output.cli_text("cli-if-nothing-changes", on=verdict["valid_until"]))
        for begun in changed.opened:
            click.echo(f"  {begun['rule']} ({begun['severity']}): {begun['title']}")
        for ended in changed.ended:
            click.echo(f"  {ended['rule']}: {output.cli_text('cli-no-longer')}")


def _value(value: Any) -> str:
    return "–" if value is None else str(value)


# ``registry audits``: run audits and display their results.

SHOWN = (
    "id",
    "on",
    "trigger",
    "status",
    "dry_run",
    "policy_version",
    "started_at",
    "finished_at",
    "projects_judged",
    "projects_out_of_scope",
    "projects_flagged",
    "projects_to_migrate",
    "projects_exempt",
    "flags_opened",
    "flags_kept",
    "flags_reopened",
    "flags_cleared",
    "severity_raised",
    "severity_lowered",
    "cases_opened",
    "input_digest",
    "continues",
    "unexplained",
    "held_because",
    "held_causes",
    "held_decision",
    "failure",
    "voiding",
)
IN_A_LIST = (
    "id",
    "on",
    "trigger",
    "status",
    "dry_run",
    "projects_judged",
    "projects_flagged",
    "projects_to_migrate",
    "flags_opened",
    "flags_cleared",
    "severity_raised",
    "severity_lowered",
    "cases_opened",
)
COMPARED_SHOWN = ("name", "recorded", "repeated")
DIFFERENCE_SHOWN = ("project", "rule", "what", "recorded", "repeated")
CHANGE_SHOWN = ("project", "rule", "severity", "change")
MAX_PRINTED_CHANGES = 20
CAUSE_LISTS = (("causes", "cause"), ("rules", "rule"), ("agencies", "agency"))


@click.group(cls=RegistryCommands)
def audits() -> None:
    """Run audits and read them."""


@audits.command()
@click.option("--on", type=output.DAY, metavar="DATE", help="The business date, as 2026-11-24; default: today.")
@click.option("--dry-run", is_flag=True, help="Write nothing and report what would change; accepts any date.")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Judge by another policy file; only with --dry-run.",
)
@click.option("--full", is_flag=True, help="Judge also the projects of which nothing has changed since the last audit.")
@click.option("--confirm-held", is_flag=True, help="Confirm the latest held audit, or that of --on; needs --reason.")
@click.option("--reason", type=REASON, help="Why the held audit is right; only with --confirm-held.")
@output.fail_on_flags_option
@output.as_json_option
def run(
    on: date | None,
    dry_run: bool,
    policy_file: Path | None,
    full: bool,
    confirm_held: bool,
    reason: str | None,
    fail_on_flags: bool,
    as_json: bool,
) -> None:
    """Audit every project now.

    Exits with 4 when another audit runs, when the date lies before the last audited one, when the change threshold
    holds the audit, or when there is none to confirm; with --fail-on-flags with 6 when a project has an open flag.
    """
    if policy_file is not None and not dry_run:
        raise UsageError(output.cli_text("cli-policy-only-dry"))
    if confirm_held and dry_run:
        raise UsageError(output.cli_text("cli-confirm-not-dry"))
    if confirm_held != (reason is not None):
        raise UsageError(output.cli_text("cli-confirm-needs-reason"))
    policy = None if policy_file is None else load_policy(policy_file)
    if reason is not None:
        supervisor = local_actor(Role.SUPERVISOR)
        audit = service.confirm_held_audit(supervisor, service.latest_held(supervisor, on), reason)
    else:
        audit = service.run_audit(local_actor(Role.OPERATOR), on, dry_run=dry_run, policy=policy, full=full)
    show(audit, as_json, MAX_PRINTED_CHANGES)
    if audit.status == "held":
        output.print_message("cli-audit-held", id=audit.id)
        raise click.exceptions.Exit(CONFLICT)
    if fail_on_flags and audit.projects_flagged:
        raise click.exceptions.Exit(FLAGS_FOUND)


@audits.command("list")
@click.option("--limit", type=click.IntRange(1, MAX_LIMIT), default=20, show_default=True, help="Maximum number.")
@output.as_json_option
def list_(limit: int, as_json: bool) -> None:
    """List the latest audits, newest first."""
    listing = AUDIT_LIST.read(local_actor(Role.AUDITOR), {}, Page(limit=limit))
    if as_json:
        output.print_json({"items": [_row(SHOWN, audit) for audit in listing.items], "next": listing.next})
    else:
        output.print_table(IN_A_LIST, [_row(IN_A_LIST, audit) for audit in listing.items])


@audits.command("show")
@click.argument("audit_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@output.as_json_option
def show_one(audit_id: int, as_json: bool) -> None:
    """Show one audit with what it changed."""
    show(service.find_audit(local_actor(Role.AUDITOR), audit_id), as_json)


@audits.command("verify")
@click.argument("audit_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@output.as_json_option
def verify_one(audit_id: int, as_json: bool) -> None:
    """Repeat a past audit from what was known then and its policy, and list every difference. Writes nothing.

    Exits with 1 when something differs, and with 7 for an audit that cannot be repeated.
    """
    verification = verify_audit(local_actor(Role.AUDITOR), audit_id)
    if as_json:
        output.print_json(verification_shown(verification))
    else:
        compared = [each._asdict() for each in (verification.digest, *verification.counts)]
        output.print_table(COMPARED_SHOWN, compared)
        if verification.differences:
            click.echo()
            output.print_table(DIFFERENCE_SHOWN, [each._asdict() for each in verification.differences])
        output.print_message("cli-audit-matches" if verification.matches else "cli-audit-differs", id=audit_id)
    if not verification.matches:
        raise click.exceptions.Exit(FAILED)


@audits.command("reject")
@click.argument("audit_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option("--reason", type=REASON, required=True, help="Reason: the mistake behind the changes of the audit.")
@output.as_json_option
def reject_one(audit_id: int, reason: str, as_json: bool) -> None:
    """Reject a held audit: it changes nothing, does not count, and the next audit judges every project again.

    Correct the mistake before the next night. Exits with 4 for an audit that is not held.
    """
    show(service.reject_held_audit(local_actor(Role.SUPERVISOR), audit_id, reason), as_json, MAX_PRINTED_CHANGES)


@audits.command("void")
@click.argument("audit_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option("--reason", type=REASON, required=True, help="Reason, such as what was wrong with the clock.")
@output.as_json_option
def void_one(audit_id: int, reason: str, as_json: bool) -> None:
    """Void an audit that a wrong clock dated in the future, so that nightly audits run again.

    It no longer counts as the last audited date. The dates from today on that it listed as missed are voided too, and
    its changes to flags are undone. Exits with 4 for an audit that cannot be voided.
    """
    audit = service.void_audit(local_actor(Role.OPERATOR), audit_id, reason)
    show(audit, as_json, MAX_PRINTED_CHANGES)
    output.print_message("cli-audit-voided", id=audit.id)


def show(audit: AuditRun, as_json: bool, most_changes: int | None = None) -> None:
    """Print an audit with its changes. The readable form has the first ``most_changes``, all when None."""
    changes = all_changes_of(local_actor(Role.AUDITOR), audit)
    row = _row(SHOWN, visible_run(local_actor(Role.AUDITOR), audit))
    unexplained = unexplained_projects(local_actor(Role.AUDITOR), audit)
    if as_json:
        output.print_json(row | {"changes": changes, "unexplained_projects": unexplained})
        return
    held = row["held_because"] or {}
    voiding = row["voiding"] or {}
    decision = row["held_decision"] or {}
    output.print_pairs(
        {
            **row,
            **({"unexplained_projects": ", ".join(unexplained)} if unexplained else {}),
            "held_because": ", ".join(f"{name} {number}" for name, number in held.items()),
            "held_causes": _causes(row["held_causes"]),
            "held_decision": ", ".join(f"{name} {value}" for name, value in decision.items()),
            "voiding": ", ".join(f"{name} {value}" for name, value in voiding.items() if value is not None),
        }
    )
    if changes:
        click.echo()
        output.print_table(CHANGE_SHOWN, changes[:most_changes])
    if most_changes is not None and len(changes) > most_changes:
        output.print_message("cli-more-changes", count=len(changes) - most_changes, id=audit.id)


def _causes(causes: Mapping[str, Any] | None) -> str:
    """Return ``cause +newly flagged -newly clear raised … lowered …`` of each cause, rule and agency."""
    if causes is None:
        return ""
    rows = [(row[key], row) for name, key in CAUSE_LISTS for row in causes[name]]
    return ", ".join(f"{code} {_turns(row)}" for code, row in rows)


def _turns(row: Mapping[str, Any]) -> str:
    severities = f" raised {row['severity_raised']} lowered {row['severity_lowered']}"
    changed = row["severity_raised"] or row["severity_lowered"]
    return f"+{row['newly_flagged']} -{row['newly_clear']}{severities if changed else ''}"


def _row(names: tuple[str, ...], row: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: row[name] for name in names}
    return {**values, "failure": failure_text(values["failure"])} if "failure" in values else values
