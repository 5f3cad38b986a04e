"""Messages of ``registry doctor``: what a check found, and with ``-advice`` what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "doctor-audit-never": lazy_text("No audit has succeeded yet."),
    "doctor-audit-never-advice": lazy_text("Run one: registry audits run."),
    "doctor-audit-held": lazy_text("Audit {id} of {on} is held: it would change too many projects at once."),
    "doctor-audit-held-advice": lazy_text("See why: registry audits show {id}. A supervisor confirms or rejects it."),
    "doctor-audit-ok": lazy_text("The last good audit is of {on} and finished {hours} h ago."),
    "doctor-audit-old": lazy_text("The last good audit is of {on} and finished {hours} h ago."),
    "doctor-audit-old-advice": lazy_text("See what became of the others: registry audits list."),
    "doctor-backup-never": lazy_text("The journal has no entry of a backup."),
    "doctor-backup-never-advice": lazy_text("Take one, and do so every day: registry backup FILE."),
    "doctor-backup-ok": lazy_text("The last backup was started {hours} h ago."),
    "doctor-backup-old": lazy_text("The last backup was started {hours} h ago; expected every {most} h."),
    "doctor-backup-old-advice": lazy_text("Take one now, and find out why the daily one is missing."),
    "doctor-backup-folder-empty": lazy_text("The backup folder {path} has no backup."),
    "doctor-backup-folder-empty-advice": lazy_text(
        "Take one: registry backup. Look whether the folder is the right one."
    ),
    "doctor-backup-folder-missing": lazy_text("The backup folder {path} cannot be read."),
    "doctor-backup-folder-missing-advice": lazy_text("Make it, or mount its disk; REGISTRY_BACKUP_DIR names it."),
    "doctor-backup-folder-ok": lazy_text("Backups in {path}: {count}, the newest is {hours} h old."),
    "doctor-backup-folder-old": lazy_text("The newest backup in {path} is {hours} h old; expected every {most} h."),
    "doctor-backup-folder-old-advice": lazy_text("Take one now: registry backup."),
    "doctor-calendar-estimated": lazy_text("Days off of {year} that are only estimated: {days}."),
    "doctor-calendar-estimated-advice": lazy_text(
        "When the day is announced, write it into days_off of the calendar, and a wrong one into working_days."
    ),
    "doctor-calendar-ok": lazy_text("The calendar of working days is valid."),
    "doctor-calendar-wrong": lazy_text("The calendar of working days is invalid: {reason}"),
    "doctor-calendar-wrong-advice": lazy_text("Correct the file; docs/reference/settings.md describes it."),
    "doctor-clock-audit-ahead": lazy_text("Audit {id} has the date {on}, which is still to come."),
    "doctor-clock-audit-ahead-advice": lazy_text("Correct the clock, then: registry audits void {id} --reason REASON."),
    "doctor-clock-ok": lazy_text("{now} in Almaty, {seconds} s from the database server."),
    "doctor-clock-ok-alone": lazy_text("{now} in Almaty; nothing that was recorded contradicts it."),
    "doctor-clock-record-ahead": lazy_text("The last entry of the journal is of {at}, which is still to come."),
    "doctor-clock-record-ahead-advice": lazy_text("Look at the date of this machine, and correct it."),
    "doctor-clock-skewed": lazy_text("This clock differs from the database server's by {seconds} s."),
    "doctor-clock-skewed-advice": lazy_text("Look at the date of both machines, and at their time synchronisation."),
    "doctor-clock-unconfirmed": lazy_text("Nothing was recorded since {at}: the clock may have jumped ahead."),
    "doctor-clock-unconfirmed-advice": lazy_text(
        "If the date is wrong, correct it. If it is right, confirm it: registry audits run."
    ),
    "doctor-database-busy": lazy_text("The database is busy: {reason}"),
    "doctor-database-busy-advice": lazy_text("Find who holds the lock, and end it when nobody misses it."),
    "doctor-database-damaged": lazy_text("The database file {path} is damaged."),
    "doctor-database-damaged-advice": lazy_text(
        "Stop the service, keep the file, and restore the last backup: registry restore --replace FILE."
    ),
    "doctor-database-missing": lazy_text("There is no database file {path}."),
    "doctor-database-missing-advice": lazy_text(
        "New installation: registry db upgrade. Otherwise look at REGISTRY_DATA_DIR and REGISTRY_DATABASE_URL."
    ),
    "doctor-database-ok": lazy_text("{server}, {place}"),
    "doctor-database-old": lazy_text("{server}, {place}. Version {least} or newer is expected."),
    "doctor-database-old-advice": lazy_text("Upgrade the database server."),
    "doctor-database-password": lazy_text("The database does not accept the password: {reason}"),
    "doctor-database-password-advice": lazy_text(
        "Was it changed? Set the present one in REGISTRY_DATABASE_URL, everywhere, and restart. The server is there."
    ),
    "doctor-database-unavailable": lazy_text("The database cannot be used: {reason}"),
    "doctor-database-unavailable-advice": lazy_text(
        "Is the server running, and can it be written? Look at REGISTRY_DATABASE_URL, network and disk."
    ),
    "doctor-disk-full": lazy_text("{path}: {free} MiB are free."),
    "doctor-disk-full-advice": lazy_text("Make room: old logs and backups first, never files of the database."),
    "doctor-disk-low": lazy_text("{path}: {free} MiB are free, {percent}%."),
    "doctor-disk-low-advice": lazy_text("Make room, or enlarge the disk, before it is full."),
    "doctor-disk-ok": lazy_text("{path}: {free} MiB are free, {percent}%."),
    "doctor-drill-never": lazy_text("No backup was ever restored as a drill."),
    "doctor-drill-never-advice": lazy_text("A backup that nobody restored is a hope: registry restore-drill."),
    "doctor-drill-ok": lazy_text("Days since a backup was restored as a drill: {days}."),
    "doctor-drill-old": lazy_text("Days since a backup was last restored as a drill: {days}."),
    "doctor-drill-old-advice": lazy_text("Restore the newest one: registry restore-drill."),
    "doctor-guards-missing": lazy_text(
        "Triggers are missing or off, without which records could be rewritten or changed unnoticed: {missing}."
    ),
    "doctor-guards-missing-advice": lazy_text(
        "As the owner: registry db upgrade puts them back. Find out who removed them, and verify the journal. After a "
        "demo that was interrupted, load it again."
    ),
    "doctor-guards-ok": lazy_text("The triggers that keep records from being rewritten and note their changes are on."),
    "doctor-indexes-ok": lazy_text("All indexes are there: {count}."),
    "doctor-indexes-wrong": lazy_text("Indexes that are missing or invalid: {names}."),
    "doctor-indexes-wrong-advice": lazy_text(
        "Run as the owner: registry db upgrade. What remains: REINDEX INDEX CONCURRENTLY, or restore a backup."
    ),
    "doctor-journal-broken": lazy_text("The last verification of the journal found a fault: {fault}."),
    "doctor-journal-broken-advice": lazy_text(
        "Keep a copy of the database as it is before anything else, and find out from which entry on it differs."
    ),
    "doctor-journal-unverified": lazy_text("The journal has not been verified since {at}."),
    "doctor-journal-unverified-advice": lazy_text(
        "The scheduler does so every night; is it running? Now: registry journal verify."
    ),
    "doctor-journal-differs": lazy_text("The head of the journal does not match its last entry."),
    "doctor-journal-differs-advice": lazy_text(
        "Keep a copy of the database as it is, and verify: registry journal verify. See docs/operations.md, Back to a "
        "backup."
    ),
    "doctor-journal-ok": lazy_text("Entries: {entries}; head {head}"),
    "doctor-locks-held": lazy_text("Somebody has held the lock of {path} for {seconds} s: no change can be written."),
    "doctor-locks-held-advice": lazy_text(
        "An audit, an import or an upgrade ends by itself. Otherwise find the process: fuser --verbose {path}"
    ),
    "doctor-locks-ok": lazy_text("Nobody waits for a lock."),
    "doctor-locks-waited-for": lazy_text("Sessions that wait for a lock: {count}."),
    "doctor-locks-waited-for-advice": lazy_text("Find who holds the lock, and end it when nobody misses it."),
    "doctor-mail-failed": lazy_text("The mail server {host}:{port} cannot be used: {reason}"),
    "doctor-mail-failed-advice": lazy_text(
        "E-mails wait and are sent later, for three days. Look at REGISTRY_SMTP_URL."
    ),
    "doctor-mail-off": lazy_text("No mail server is set: notifications are discarded."),
    "doctor-mail-off-advice": lazy_text("Set REGISTRY_SMTP_URL, if people shall get e-mails."),
    "doctor-mail-ok": lazy_text("The mail server {host}:{port} answers."),
    "doctor-not-checked": lazy_text("Not checked, because of the failure above."),
    "doctor-policy-file-ok": lazy_text("The policy file is valid: version {version}."),
    "doctor-policy-ok": lazy_text("Policy {version} is in force since {since}."),
    "doctor-policy-wrong": lazy_text("The policy file is invalid: {reason}"),
    "doctor-policy-wrong-advice": lazy_text("Put the last good file back; the service does not start with this one."),
    "doctor-queue-emails": lazy_text("E-mails that wait: {count}, the oldest for {minutes} min."),
    "doctor-queue-emails-advice": lazy_text("See why: registry notices list --state waiting."),
    "doctor-queue-failed": lazy_text("E-mails of the last 30 days that were given up: {count}."),
    "doctor-queue-failed-advice": lazy_text("See why: registry notices list --state failed."),
    "doctor-queue-imports": lazy_text("Imports that wait: {count}, the oldest for {minutes} min."),
    "doctor-queue-imports-advice": lazy_text("Is the scheduler running, and does a long import run?"),
    "doctor-queue-outbox": lazy_text("Messages that wait for delivery: {count}, the oldest for {minutes} min."),
    "doctor-queue-outbox-advice": lazy_text("Is the scheduler running? By hand: registry notices send."),
    "doctor-queue-requests": lazy_text("Confirmed requests that are due: {count}, the oldest for {minutes} min."),
    "doctor-queue-requests-advice": lazy_text("See why: registry requests carry-out."),
    "doctor-queues-ok": lazy_text("Nothing waits longer than it should."),
    "doctor-queue-webhooks": lazy_text("Messages of webhooks that are due: {count}, the oldest for {minutes} min."),
    "doctor-queue-webhooks-advice": lazy_text("Is the scheduler running? By hand: registry webhooks deliver."),
    "doctor-rights-missing": lazy_text("The role {role} has not the rights that the service needs: {missing}."),
    "doctor-rights-missing-advice": lazy_text("As the owner: registry db upgrade grants them."),
    "doctor-rights-ok": lazy_text("The role {role} can read and write records, and can only add to the journal."),
    "doctor-rights-ok-file": lazy_text("The database file can be written."),
    "doctor-rights-read-only": lazy_text("The database file {path} cannot be written by this user."),
    "doctor-rights-read-only-advice": lazy_text("Run the command as the service's user, or give the file back to it."),
    "doctor-rights-too-many": lazy_text(
        "The role {role} has rights that it must not have, with which records could be rewritten: {rights}."
    ),
    "doctor-rights-too-many-advice": lazy_text(
        "As the owner: registry db upgrade takes them away. Find out who granted them, and verify the journal."
    ),
    "doctor-rights-wide": lazy_text("The role {role} owns the schema, so that the service could change the journal."),
    "doctor-rights-wide-advice": lazy_text("Separate the roles: docs/operations.md, Bringing it up."),
    "doctor-scheduler-failing": lazy_text("The job “{job}” fails: {failure}, last at {at}."),
    "doctor-scheduler-failing-advice": lazy_text("The log of the scheduler has the error."),
    "doctor-scheduler-never": lazy_text("No scheduler has run on this database yet."),
    "doctor-scheduler-never-advice": lazy_text("Start one: registry scheduler, or registry serve, which has one."),
    "doctor-scheduler-ok": lazy_text("The scheduler finished a job {seconds} s ago."),
    "doctor-scheduler-quiet": lazy_text("No job of the scheduler has ended for {minutes} min."),
    "doctor-scheduler-quiet-advice": lazy_text("Is the scheduler running? Look at its log, and restart it."),
    "doctor-scheduler-stuck": lazy_text("The job “{job}” last succeeded {minutes} min ago."),
    "doctor-scheduler-stuck-advice": lazy_text("Is the scheduler running? Look at its log, and restart it."),
    "doctor-schema-ok": lazy_text("The schema is current: {revision}."),
    "doctor-schema-old": lazy_text("The schema is of another version: {found}, expected {expected}."),
    "doctor-schema-old-advice": lazy_text(
        "Older: registry db upgrade. Newer: run the release that fits; docs/operations.md, Back to the release before."
    ),
    "doctor-secret-key-differs": lazy_text("This is not the REGISTRY_SECRET_KEY that the registry was used with."),
    "doctor-secret-key-differs-advice": lazy_text(
        "All processes need the same key: set it, and restart. After a change of the key: registry tokens rekey."
    ),
    "doctor-secret-key-ok": lazy_text("REGISTRY_SECRET_KEY is the one that the registry was used with."),
    "doctor-settings-ok": lazy_text("The settings are valid."),
    "doctor-settings-wrong": lazy_text("The settings are invalid: {reason}"),
    "doctor-settings-wrong-advice": lazy_text("Correct the variables; docs/reference/settings.md lists them."),
    "doctor-sign-in-file-ok": lazy_text("The sign-in file is valid."),
    "doctor-sign-in-file-wrong": lazy_text("The sign-in file is invalid: {reason}"),
    "doctor-sign-in-file-wrong-advice": lazy_text(
        "Correct the file; the service and its commands do not start with this one."
    ),
    "doctor-standby-away": lazy_text("The standby {place} cannot be used: {reason}"),
    "doctor-standby-away-advice": lazy_text(
        "Start it again. While the primary waits for it nothing is written; without it a change is on one machine only."
    ),
    "doctor-standby-late": lazy_text("The standby {place} is {seconds} s behind."),
    "doctor-standby-late-advice": lazy_text(
        "Look at its disk and its log. Lists and exports are read from the primary."
    ),
    "doctor-standby-ok": lazy_text("The standby {place} is {seconds} s behind."),
    "doctor-summary": lazy_text("Failures: {failures}, warnings: {warnings}."),
    "doctor-webhooks-failing": lazy_text("Receivers of webhooks that have accepted nothing for an hour: {count}."),
    "doctor-webhooks-failing-advice": lazy_text(
        "The page Webhooks shows which, and what they answered. Tell their operators."
    ),
    "doctor-zone-ok": lazy_text("Asia/Almaty is UTC+5."),
    "doctor-zone-wrong": lazy_text("The time-zone data is older than 2024a: Asia/Almaty is not UTC+5."),
    "doctor-zone-wrong-advice": lazy_text("Unset PYTHONTZPATH, or update the system's tzdata."),
}
