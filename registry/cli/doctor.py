"""Findings of ``registry doctor``."""

import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import click
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import SQLAlchemyError

from registry.accounts.oidc_configuration import SignInFileInvalid, load_sign_in_file
from registry.audits.schedule import last_recorded_at, unconfirmed_since
from registry.cli.app_context import open_database
from registry.cli.backup import backups_in, taken_at
from registry.cli.output import FAILED, as_json_option, cli_text, print_json, print_message
from registry.cli.scheduler import jobs
from registry.core import database_checks
from registry.core.clock import ALMATY, TimeZoneDataStale, load_calendar, now, require_current_zone, rfc3339, today
from registry.core.database import STANDBY, Base, db
from registry.core.dialects import database_clock, database_file, sessions_waiting_for_locks
from registry.core.errors import CalendarInvalid, DatabaseBusy
from registry.core.installation import ScheduledJob, has_other_key, installed_at, scheduled_jobs
from registry.core.record_guards import missing_guards
from registry.core.schema import RIGHTS, VERSION_TABLE, VERSION_TABLE_EXISTS, newest_revision, revoked_rights
from registry.flags.models import AuditRun, audit_in_future, last_good_audit, unexplained_audit
from registry.freeze.policy import first_policy, policy_in_force, set_policy
from registry.freeze.policy_file import PolicyInvalid, load_policy
from registry.http.error_handlers import error_of
from registry.http.health import MAX_AUDIT_AGE
from registry.http.metrics import queues
from registry.journal.rows import newest_seal
from registry.journal.service import JournalEntry, JournalHead, last_backup_at, last_drill_at
from registry.journal.verification import is_overdue, last_verification
from registry.journal.witnesses import failing_witnesses
from registry.notifications.email import MailServer
from registry.notifications.models import ChannelUnavailable
from registry.notifications.service import failed_emails
from registry.procurement.portal import failing_fetches
from registry.settings import Settings, SettingsInvalid, read_settings
from registry.webhooks.queue import failing_webhooks

RUNBOOKS: Final = "docs/runbooks"
NOT_CHECKED: Final = "doctor-not-checked"


class State(StrEnum):
    """How bad a finding is. A failure keeps the registry from its work, or soon will; a warning can wait for a day."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``advice``: what to do next, ``runbook``: the page that says how; None when all is well.

    ``check``: its name, which ``examine`` gives.
    """

    state: State
    text: str
    advice: str | None = None
    runbook: str | None = None
    check: str = ""


def good(code: str, **params: object) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding(State.OK, cli_text(code, **params))


def warning(code: str, runbook: str | None = None, **params: object) -> Finding:
    """Return a finding that can wait. Its advice is the message ``<code>-advice``."""
    page = None if runbook is None else f"{RUNBOOKS}/{runbook}.md"
    return Finding(State.WARNING, cli_text(code, **params), cli_text(f"{code}-advice", **params), page)


def failure(code: str, runbook: str | None = None, **params: object) -> Finding:
    """Return a finding that cannot wait, with its advice."""
    return replace(warning(code, runbook, **params), state=State.FAILURE)


# Checks of ``registry doctor`` that need no database: files, time zone, disks, mail server, backup folder.

MIB: Final = 1024 * 1024
LOW_BYTES: Final = 1024 * MIB
LOW_PERCENT: Final = 10
HOUR: Final = timedelta(hours=1)


def time_zone() -> Finding:
    """Return the time-zone data."""
    try:
        require_current_zone()
    except TimeZoneDataStale:
        return failure("doctor-zone-wrong")
    return good("doctor-zone-ok")


def policy_file(settings: Settings) -> Finding:
    """Return the policy file, which the other checks then use."""
    try:
        policy = load_policy(settings.policy_file)
    except (PolicyInvalid, OSError) as error:
        return failure("doctor-policy-wrong", reason=_one_line(error))
    set_policy(policy)
    return good("doctor-policy-file-ok", version=policy.version)


def calendar_file(settings: Settings) -> Finding:
    """Return the calendar of working days."""
    try:
        calendar = load_calendar(settings.calendar_file)
    except (CalendarInvalid, OSError) as error:
        return failure("doctor-calendar-wrong", reason=_one_line(error))
    if days := calendar.estimated_next_year(today()):
        listed = ", ".join(day.isoformat() for day in days)
        return warning("doctor-calendar-estimated", year=days[0].year, days=listed)
    return good("doctor-calendar-ok")


def sign_in_file(settings: Settings) -> Finding | None:
    """Return the meaning of the provider's claims, where there is single sign-on."""
    if settings.oidc is None:
        return None
    try:
        load_sign_in_file(settings.sign_in_file)
    except SignInFileInvalid as error:
        return failure("doctor-sign-in-file-wrong", reason=_one_line(error))
    return good("doctor-sign-in-file-ok")


def disks(settings: Settings) -> Iterator[Finding]:
    """Free space of data folder, database file and backup folder, each disk once."""
    folders = [settings.data_dir]
    if settings.embedded:
        folders.append(Path(make_url(settings.database_url).database or "").parent)
    if settings.backup_dir is not None:
        folders.append(settings.backup_dir)
    seen = set()
    for folder in folders:
        if not folder.is_dir() or (device := folder.stat().st_dev) in seen:
            continue
        seen.add(device)
        yield _disk(folder)


def _disk(folder: Path) -> Finding:
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    percent = 100 * disk.f_bavail // max(disk.f_blocks, 1)
    numbers = {"path": folder, "free": free // MIB, "percent": percent}
    if free < database_checks.MIN_FREE_BYTES:
        return failure("doctor-disk-full", "full-disk", **numbers)
    if free < LOW_BYTES or percent < LOW_PERCENT:
        return warning("doctor-disk-low", "full-disk", **numbers)
    return good("doctor-disk-ok", **numbers)


def mail_server(settings: Settings) -> Finding:
    """Return the mail server: connect, encrypt and log in, but send nothing."""
    mail = settings.mail
    if mail is None:
        return warning("doctor-mail-off")
    server = MailServer(mail)
    try:
        server.connect()
    except ChannelUnavailable as error:
        return failure("doctor-mail-failed", "mail-down", host=mail.host, port=mail.port, reason=error)
    finally:
        server.close()
    return good("doctor-mail-ok", host=mail.host, port=mail.port)


def backup_folder(settings: Settings) -> Finding | None:
    """Return the folder of ``REGISTRY_BACKUP_DIR``, where it is set."""
    folder = settings.backup_dir
    if folder is None:
        return None
    try:
        backups = backups_in(folder)
    except OSError:
        return failure("doctor-backup-folder-missing", "backup-too-old", path=folder)
    if not backups:
        return failure("doctor-backup-folder-empty", "backup-too-old", path=folder)
    hours = (now() - taken_at(backups[-1])) // HOUR
    numbers = {"path": folder, "hours": hours, "count": len(backups), "most": settings.backup_max_age}
    if hours >= settings.backup_max_age:
        return failure("doctor-backup-folder-old", "backup-too-old", **numbers)
    return good("doctor-backup-folder-ok", **numbers)


def _one_line(error: Exception) -> str:
    problems = getattr(error, "problems", None)
    return "; ".join(map(str, problems)) if problems else " ".join(str(error).split())


# Checks of ``registry doctor`` in the database: server, schema, rights, journal, policy, clock.

LEAST_POSTGRESQL: Final = 15
# Set by NTP, clocks differ by milliseconds.
SKEW_WARNING_S: Final = 5
SKEW_FAILURE_S: Final = 60
MAX_LAG_S: Final = 60
# Longer than a change takes, or a chunk of an import.
LOCK_WAIT_S: Final = 5
AHEAD: Final = timedelta(minutes=2)
RIGHTS_HELD: Final = text(
    "SELECT relname, r.name FROM pg_class, unnest(CAST(:rights AS text[])) AS r (name)"
    " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(pg_class.oid, r.name)"
)


# Of PostgreSQL in English and Russian, and of its library; a connection that fails has no SQLSTATE.
PASSWORD_REFUSED: Final = (
    "password authentication failed",
    "no password supplied",
    "SASL authentication failed",
    "не прошёл проверку подлинности",
)


def unusable(error: Exception, settings: Settings) -> Finding:
    """Return the finding for an error of the database."""
    original = getattr(error, "orig", error)
    reason = " ".join(str(original).split())
    if database_checks.is_corruption_error(original):
        return _damaged(make_url(settings.database_url).database)
    if isinstance(error_of(error), DatabaseBusy):
        return failure("doctor-database-busy", "lock-held", reason=reason)
    if not settings.embedded and any(words in reason for words in PASSWORD_REFUSED):
        return failure("doctor-database-password", "key-rotation", reason=reason)
    runbook = "failover" if not settings.embedded else None
    if getattr(original, "sqlstate", None) == database_checks.DISK_FULL:
        runbook = "full-disk"
    return failure("doctor-database-unavailable", runbook, reason=reason)


def database() -> Finding:
    """Is the database there, whole, and of a version that is supported?"""
    path = database_file()
    if path is None:
        return _server()
    if not path.is_file():
        return failure("doctor-database-missing", path=path)
    if database_checks.is_damaged():
        return _damaged(path)
    version = db.session.scalar(text("SELECT sqlite_version()"))
    return good("doctor-database-ok", server=f"SQLite {version}", place=path)


def _server() -> Finding:
    connection: Any = db.session.connection().connection.dbapi_connection
    info = connection.info
    description = {
        "server": f"PostgreSQL {info.parameter_status('server_version')}",
        "place": f"{info.user}@{info.host}:{info.port}/{info.dbname}",
    }
    if database_checks.is_disk_full():
        return failure("doctor-database-unavailable", "full-disk", reason="disk-full")
    if info.server_version // 10_000 < LEAST_POSTGRESQL:
        return warning("doctor-database-old", **description, least=LEAST_POSTGRESQL)
    return good("doctor-database-ok", **description)


def _damaged(path: Path | str | None) -> Finding:
    return failure("doctor-database-damaged", "damaged-sqlite", path=path)


def schema() -> Finding:
    """Is the schema the one that this release needs?"""
    revision = ""
    if db.session.scalar(text(VERSION_TABLE_EXISTS[db.engine.dialect.name])):
        revision = ", ".join(db.session.scalars(text(f"SELECT version_num FROM {VERSION_TABLE}")))  # noqa: S608
    if revision != newest_revision():
        return failure("doctor-schema-old", found=revision or "-", expected=newest_revision())
    return good("doctor-schema-ok", revision=revision)


def rights() -> Finding:
    """May the service do its work, and no more?"""
    path = database_file()
    if path is not None:
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            return failure("doctor-rights-read-only", path=path)
        return good("doctor-rights-ok-file")
    role = db.session.scalar(text("SELECT current_user"))
    held = {(table, right) for table, right in db.session.execute(RIGHTS_HELD, {"rights": list(RIGHTS)})}
    tables = {table.name for table in Base.metadata.sorted_tables}
    revoked = revoked_rights()
    missing = {(table, right) for table in tables for right in RIGHTS} - revoked - held
    if missing:
        return failure("doctor-rights-missing", role=role, missing=_listed(missing))
    if db.session.scalar(text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'journal'::regclass")):
        return warning("doctor-rights-wide", role=role)
    if too_many := revoked & held:
        return failure("doctor-rights-too-many", "journal-broken", role=role, rights=_listed(too_many))
    return good("doctor-rights-ok", role=role)


def _listed(rights: set[tuple[str, str]]) -> str:
    return ", ".join(" ".join(pair) for pair in sorted(rights))


def guards() -> Finding:
    """Are the triggers there that keep records from being rewritten?"""
    missing = missing_guards(db.session.connection())
    if missing:
        return failure("doctor-guards-missing", "journal-broken", missing=", ".join(missing))
    return good("doctor-guards-ok")


def indexes() -> Finding:
    """Is every index there and valid? An upgrade that was interrupted leaves some out, or invalid."""
    expected = {str(index.name) for table in Base.metadata.tables.values() for index in table.indexes}
    if database_file() is not None:
        present = set(db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'index'")))
    else:
        valid = (
            "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indisvalid AND indisready"
        )
        present = set(db.session.scalars(text(valid)))
    if wrong := sorted(expected - present):
        return failure("doctor-indexes-wrong", names=", ".join(wrong))
    return good("doctor-indexes-ok", count=len(expected))


def secret_key() -> Finding:
    """Is the secret key the one that the registry was used with?"""
    if has_other_key():
        return failure("doctor-secret-key-differs", "key-rotation")
    return good("doctor-secret-key-ok")


def locks() -> Finding:
    """Can a change be written, or does somebody hold the lock? On PostgreSQL: does a session wait for one?"""
    path = database_file()
    if path is None:
        waiting = sessions_waiting_for_locks()
        return warning("doctor-locks-waited-for", "lock-held", count=waiting) if waiting else good("doctor-locks-ok")
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return failure("doctor-locks-held", "lock-held", path=path, seconds=LOCK_WAIT_S)
    return good("doctor-locks-ok")


def journal() -> Finding:
    """Does the journal end where its head says, and what did the last verification find?"""
    head = db.session.execute(select(JournalHead.seq, JournalHead.hash)).one()
    last = db.session.execute(
        select(JournalEntry.seq, JournalEntry.hash).order_by(JournalEntry.seq.desc()).limit(1)
    ).one_or_none()
    if head.seq if last is None else tuple(head) != tuple(last):
        return failure("doctor-journal-differs", "journal-broken")
    verified = last_verification()
    if verified.fault is not None:
        return failure("doctor-journal-broken", "journal-broken", fault=verified.fault)
    if verified.rows_fault is not None:
        return failure("doctor-rows-differ", "rows-differ", fault=verified.rows_fault)
    if is_overdue(verified):
        since = verified.verified_at or installed_at()
        return warning("doctor-journal-unverified", "journal-broken", at=rfc3339(since))
    if failing := failing_witnesses():
        first = failing[0]
        return warning("doctor-witness-failing", "journal-broken", address=first.address, error=first.error)
    seal = newest_seal()
    if seal is not None and seal.changed != 0:
        return warning("doctor-rows-upgraded", "rows-differ", entry=seal.seq, count=seal.changed or "?")
    return good("doctor-journal-ok", entries=head.seq, head=f"{head.seq}:{head.hash}")


def policy(settings: Settings) -> Finding:
    """Can people do what the policy in force asks, and is it the one that the last audit judged by?

    An activated version may be another one.
    """
    current, last = policy_in_force(), last_good_audit()
    if current.signed and settings.signatures is None:
        return failure("doctor-signatures-off", version=current.version, signed=", ".join(current.signed))
    if last is not None and current is first_policy() and last.policy_digest != current.digest:
        return warning("doctor-policy-differs", version=current.version, former=last.policy_version)
    return good("doctor-policy-ok", version=current.version, since=current.in_force_from.isoformat())


def standby() -> Finding | None:
    """Does the standby follow, where one is named?"""
    state = database_checks.standby_state()
    if state is None:
        return None
    if state.lag_s is None:
        return failure("doctor-standby-away", "standby-lost", place=state.place, reason=state.reason)
    if state.lag_s > MAX_LAG_S:
        return warning("doctor-standby-late", "standby-lost", place=state.place, seconds=round(state.lag_s))
    return good("doctor-standby-ok", place=state.place, seconds=round(state.lag_s, 1))


def clock() -> Finding:
    """Is the time of this machine plausible? Compared with the database server and with what was recorded."""
    ahead = audit_in_future(today())
    if ahead is not None:
        return failure("doctor-clock-audit-ahead", "clock-jumped", id=ahead.id, on=ahead.on.isoformat())
    recorded = last_recorded_at(now())
    if recorded - now() > AHEAD:
        return failure("doctor-clock-record-ahead", "clock-jumped", at=rfc3339(recorded))
    since = unconfirmed_since(now())
    if since is not None:
        return failure("doctor-clock-unconfirmed", "clock-jumped", at=rfc3339(since))
    local = f"{now().astimezone(ALMATY):%Y-%m-%d %H:%M}"
    server = database_clock()
    if server is None:
        return good("doctor-clock-ok-alone", now=local)
    skew = (now() - server).total_seconds()
    if abs(skew) < SKEW_WARNING_S:
        return good("doctor-clock-ok", now=local, seconds=round(skew, 1))
    differs = failure if abs(skew) >= SKEW_FAILURE_S else warning
    return differs("doctor-clock-skewed", "clock-jumped", seconds=round(skew, 1))


# Checks of ``registry doctor`` that ask whether the registry does its work: scheduler, audits, queues, backups.

# Several jobs end each minute.
QUIET_AFTER: Final = timedelta(minutes=3)
STUCK_AFTER: Final = timedelta(minutes=15)
# E-mails that a mail server refuses for a while are tried again after up to an hour.
MAX_WAIT: Final = {
    "outbox": timedelta(minutes=15),
    "imports": timedelta(minutes=15),
    "requests": timedelta(minutes=15),
    "webhooks": timedelta(minutes=15),
    "emails": timedelta(hours=1),
}
MAX_DRILL_AGE: Final = timedelta(days=92)
MINUTE: Final = timedelta(minutes=1)


def scheduler(settings: Settings) -> Finding:
    """Does a scheduler run, and do its jobs succeed?"""
    known = {job.name: job for job in scheduled_jobs()}
    if not known:
        return warning("doctor-scheduler-never", "frozen-scheduler")
    for job in jobs(settings):
        ended = known.get(job.name)
        if ended is None:
            continue
        if _is_failing(ended):
            return failure(
                "doctor-scheduler-failing",
                "frozen-scheduler",
                job=job.name,
                failure=ended.failure,
                at=rfc3339(ended.failed_at or now()),
            )
        if ended.succeeded_at is not None and (age := now() - ended.succeeded_at) > job.every + STUCK_AFTER:
            return failure("doctor-scheduler-stuck", "frozen-scheduler", job=job.name, minutes=age // MINUTE)
    latest = max(job.succeeded_at for job in known.values() if job.succeeded_at is not None)
    age = now() - latest
    if age > QUIET_AFTER:
        return warning("doctor-scheduler-quiet", "frozen-scheduler", minutes=age // MINUTE)
    return good("doctor-scheduler-ok", seconds=int(age.total_seconds()))


def _is_failing(job: ScheduledJob) -> bool:
    if job.failed_at is None:
        return False
    return job.succeeded_at is None or job.failed_at >= job.succeeded_at


def audits() -> Iterator[Finding]:
    """Is the last good audit recent and explained, and is none held?"""
    held = db.session.scalar(select(AuditRun).where(AuditRun.status == "held").order_by(AuditRun.id.desc()).limit(1))
    if held is not None:
        yield warning("doctor-audit-held", "held-audit", id=held.id, on=held.on.isoformat())
    unexplained = unexplained_audit()
    if unexplained is not None:
        yield failure("doctor-audit-unexplained", "audit-unexplained", id=unexplained.id)
    last = last_good_audit()
    if last is None or last.finished_at is None:
        is_due = now() - installed_at() > MAX_AUDIT_AGE
        yield (failure if is_due else warning)("doctor-audit-never", "frozen-scheduler")
        return
    age = now() - last.finished_at
    numbers = {"on": last.on.isoformat(), "hours": age // HOUR}
    if age > MAX_AUDIT_AGE:
        runbook = "frozen-scheduler" if held is None else "held-audit"
        yield failure("doctor-audit-old", runbook, **numbers)
    else:
        yield good("doctor-audit-ok", **numbers)


def waiting() -> Iterator[Finding]:
    """Does anything wait longer than it should?"""
    findings = []
    for name, queue in queues().items():
        if queue.oldest_at is None or now() - queue.oldest_at <= MAX_WAIT[name]:
            continue
        minutes = (now() - queue.oldest_at) // MINUTE
        runbook = "mail-down" if name == "emails" else "queue-stuck"
        findings.append(failure(f"doctor-queue-{name}", runbook, count=queue.waiting, minutes=minutes))
    if failing := failing_webhooks():
        findings.append(warning("doctor-webhooks-failing", "queue-stuck", count=failing))
    if fetches := failing_fetches():
        number, error = fetches[0]
        findings.append(warning("doctor-contracts-failing", "queue-stuck", count=len(fetches), bin=number, error=error))
    failed = failed_emails()
    if failed:
        findings.append(warning("doctor-queue-failed", "mail-down", count=failed))
    yield from findings or [good("doctor-queues-ok")]


def backups(settings: Settings) -> Finding:
    """Is there a recent backup? As the journal knows it."""
    at = last_backup_at()
    most = timedelta(hours=settings.backup_max_age)
    if at is None:
        is_due = now() - installed_at() > most
        return (failure if is_due else warning)("doctor-backup-never", "backup-too-old")
    numbers = {"hours": (now() - at) // HOUR, "most": settings.backup_max_age}
    if now() - at > most:
        return failure("doctor-backup-old", "backup-too-old", **numbers)
    return good("doctor-backup-ok", **numbers)


def restore_drill() -> Finding:
    """Was a backup ever restored?"""
    at = last_drill_at()
    if at is None:
        return warning("doctor-drill-never", "backup-too-old")
    days = (now() - at).days
    if now() - at > MAX_DRILL_AGE:
        return warning("doctor-drill-old", "backup-too-old", days=days)
    return good("doctor-drill-ok", days=days)


# ``registry doctor``: checks the installation, line by line. Works when the database is away or damaged.

# The command is there to say that the database waits, not to wait itself.
MAX_WAIT_S: Final = 10

Found = Finding | Iterable[Finding] | None
Check = Callable[[], Found]


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
        print_json(
            {
                "failures": failures,
                "warnings": warnings,
                "checks": [{"check": each.check, **asdict(each)} for each in findings],
            }
        )
    else:
        _print(findings)
        print_message("doctor-summary", failures=failures, warnings=warnings)
    if failures:
        sys.exit(FAILED)


def examine() -> Iterator[Finding]:
    """Run all checks; those that an earlier failure makes impossible are skipped."""
    yield from _named("time zone", time_zone())
    try:
        settings = read_settings(read_only=True)
    except SettingsInvalid as error:
        yield from _named("settings", failure("doctor-settings-wrong", reason="; ".join(error.problems)))
        return
    yield from _named("settings", good("doctor-settings-ok"))
    [policy] = _named("policy", policy_file(settings))
    yield policy
    yield from _named("calendar", calendar_file(settings))
    yield from _named("sign-in file", sign_in_file(settings))
    yield from _named("disk", disks(settings))
    yield from _stored(settings, has_policy=policy.state is State.OK)
    yield from _named("mail", mail_server(settings))
    yield from _named("backup folder", backup_folder(settings))


def _stored(settings: Settings, *, has_policy: bool) -> Iterator[Finding]:
    limits = replace(settings.database_limits, lock_timeout=MAX_WAIT_S, statement_timeout=MAX_WAIT_S)
    with open_database(replace(settings, database_limits=limits), read_url=settings.database_read_url) as app:
        first: dict[str, Check] = {"database": database, "schema": schema}
        later: dict[str, Check] = {
            "rights": rights,
            "guards": guards,
            "indexes": indexes,
            "secret key": secret_key,
            "locks": locks,
            "journal": journal,
            **({"policy": lambda: policy(settings)} if has_policy else {}),
            "clock": clock,
            **({"standby": standby} if app.extensions[STANDBY] is not None else {}),
            "scheduler": lambda: scheduler(settings),
            "audit": audits,
            "queues": waiting,
            "backup": lambda: backups(settings),
            "restore drill": restore_drill,
        }
        usable = True
        for name, check in (first | later).items():
            if not usable:
                yield Finding(State.SKIPPED, cli_text(NOT_CHECKED), check=name)
                continue
            try:
                findings = _named(name, check())
            except (SQLAlchemyError, sqlite3.Error) as error:
                findings = [replace(unusable(error, settings), check="database")]
            db.session.remove()
            yield from findings
            # Without a database of this version there is nothing to ask.
            failed = {finding.check for finding in findings if finding.state is State.FAILURE}
            usable = failed.isdisjoint({*first})


def _named(check: str, findings: Found) -> list[Finding]:
    listed = [findings] if isinstance(findings, Finding) else findings or ()
    return [replace(finding, check=check) for finding in listed]


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        click.echo(f"{finding.state.upper():8} {finding.check.ljust(width)}  {finding.text}")
        for line in (finding.advice, finding.runbook):
            if line is not None:
                click.echo(f"{'':8} {'':{width}}  {line}")
