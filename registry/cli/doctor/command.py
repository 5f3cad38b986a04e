"""``registry doctor``: checks the installation, line by line. Works when the database is away or damaged."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from typing import Final

import click
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from registry.cli.app_context import connected
from registry.cli.doctor import machine, stored, work
from registry.cli.doctor.findings import Finding, State, failure, good, skipped
from registry.cli.exit_codes import FAILED
from registry.cli.output import as_json_option, print_json, print_message
from registry.core.database import STANDBY, db, init_database
from registry.settings import Settings, SettingsInvalid, read_settings

# The command is there to say that the database waits, not to wait itself.
MAX_WAIT_S: Final = 10

Check = Callable[[], Finding | Iterable[Finding]]


@click.command()
@as_json_option
def doctor(as_json: bool) -> None:
    """Check configuration, database, clock, disk, mail, backups, scheduler and audits, and say what to do.

    Changes nothing. Each line is ok, warning or failure, with advice and the runbook to follow. Exits with 1 when
    there is a failure, also when the database cannot be used.
    """
    findings = list(examine())
    failures = sum(finding.state is State.FAILURE for finding in findings)
    warnings = sum(finding.state is State.WARNING for finding in findings)
    if as_json:
        print_json({"failures": failures, "warnings": warnings, "checks": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
        print_message("doctor-summary", failures=failures, warnings=warnings)
    if failures:
        sys.exit(FAILED)


def examine() -> Iterator[Finding]:
    """Run all checks; those that an earlier failure makes impossible are skipped."""
    yield machine.time_zone()
    try:
        settings = read_settings(read_only=True)
    except SettingsInvalid as error:
        yield failure("settings", "doctor-settings-wrong", reason="; ".join(error.problems))
        return
    yield good("settings", "doctor-settings-ok")
    policy = machine.policy_file(settings)
    yield policy
    yield machine.calendar_file(settings)
    yield from machine.sign_in_file(settings)
    yield from machine.disks(settings)
    yield from _stored(settings, has_policy=policy.state is State.OK)
    yield machine.mail_server(settings)
    yield from machine.backup_folder(settings)


def _stored(settings: Settings, *, has_policy: bool) -> Iterator[Finding]:
    app = Flask("registry")
    app.config["SECRET_KEY"] = settings.secret_key
    limits = replace(settings.database_limits, lock_timeout=MAX_WAIT_S, statement_timeout=MAX_WAIT_S)
    init_database(app, settings.database_url, limits, read_url=settings.database_read_url)
    with connected(app):
        first: dict[str, Check] = {"database": stored.database, "schema": stored.schema}
        later: dict[str, Check] = {
            "rights": stored.rights,
            "guards": stored.guards,
            "indexes": stored.indexes,
            "secret key": stored.secret_key,
            "locks": stored.locks,
            "journal": stored.journal,
            **({"policy": stored.policy} if has_policy else {}),
            "clock": stored.clock,
            **({"standby": stored.standby} if app.extensions[STANDBY] is not None else {}),
            "scheduler": lambda: work.scheduler(settings),
            "audit": work.audits,
            "queues": work.waiting,
            "backup": lambda: work.backups(settings),
            "restore drill": work.restore_drill,
        }
        usable = True
        for name, check in (first | later).items():
            if not usable:
                yield skipped(name)
                continue
            for finding in _run(check, settings):
                yield finding
                # Without a database of this version there is nothing to ask.
                if finding.state is State.FAILURE and (name in first or finding.check == "database"):
                    usable = False


def _run(check: Check, settings: Settings) -> list[Finding]:
    try:
        result = check()
        return [result] if isinstance(result, Finding) else list(result)
    except (SQLAlchemyError, sqlite3.Error) as error:
        return [stored.unusable(error, settings)]
    finally:
        db.session.remove()


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        click.echo(f"{finding.state.upper():8} {finding.check.ljust(width)}  {finding.text}")
        for line in (finding.advice, finding.runbook):
            if line is not None:
                click.echo(f"{'':8} {'':{width}}  {line}")
