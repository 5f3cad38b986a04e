"""Checks of ``registry doctor`` that need no database: files, time zone, disks, mail server, backup folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from registry.accounts.oidc_configuration import SignInFileInvalid, load_sign_in_file
from registry.cli.backup_folder import backups_in, taken_at
from registry.cli.doctor.findings import Finding, failure, good, warning
from registry.core.clock import TimeZoneDataStale, now, require_current_zone, today
from registry.core.disk_checks import MIN_FREE_BYTES
from registry.core.errors import CalendarInvalid
from registry.core.working_days import load_calendar
from registry.freeze.current import set_policy
from registry.freeze.policy_file import PolicyInvalid, load_policy
from registry.notifications.email import MailServer, MailServerUnavailable
from registry.settings import Settings

MIB: Final = 1024 * 1024
LOW_BYTES: Final = 1024 * MIB
LOW_PERCENT: Final = 10
HOUR: Final = timedelta(hours=1)


def time_zone() -> Finding:
    """The time-zone data."""
    try:
        require_current_zone()
    except TimeZoneDataStale:
        return failure("time zone", "doctor-zone-wrong")
    return good("time zone", "doctor-zone-ok")


def policy_file(settings: Settings) -> Finding:
    """The policy file, which the other checks then use."""
    try:
        policy = load_policy(settings.policy_file)
    except (PolicyInvalid, OSError) as error:
        return failure("policy", "doctor-policy-wrong", reason=_one_line(error))
    set_policy(policy)
    return good("policy", "doctor-policy-file-ok", version=policy.version)


def calendar_file(settings: Settings) -> Finding:
    """The calendar of working days."""
    try:
        calendar = load_calendar(settings.calendar_file)
    except (CalendarInvalid, OSError) as error:
        return failure("calendar", "doctor-calendar-wrong", reason=_one_line(error))
    if days := calendar.estimated_next_year(today()):
        listed = ", ".join(day.isoformat() for day in days)
        return warning("calendar", "doctor-calendar-estimated", year=days[0].year, days=listed)
    return good("calendar", "doctor-calendar-ok")


def sign_in_file(settings: Settings) -> Iterator[Finding]:
    """The meaning of the provider's claims, where there is single sign-on."""
    if settings.oidc is None:
        return
    try:
        load_sign_in_file(settings.sign_in_file)
    except SignInFileInvalid as error:
        yield failure("sign-in file", "doctor-sign-in-file-wrong", reason=_one_line(error))
        return
    yield good("sign-in file", "doctor-sign-in-file-ok")


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
    if free < MIN_FREE_BYTES:
        return failure("disk", "doctor-disk-full", "full-disk", **numbers)
    if free < LOW_BYTES or percent < LOW_PERCENT:
        return warning("disk", "doctor-disk-low", "full-disk", **numbers)
    return good("disk", "doctor-disk-ok", **numbers)


def mail_server(settings: Settings) -> Finding:
    """The mail server: connect, encrypt and log in, but send nothing."""
    mail = settings.mail
    if mail is None:
        return warning("mail", "doctor-mail-off")
    server = MailServer(mail)
    try:
        server.connect()
    except MailServerUnavailable as error:
        return failure("mail", "doctor-mail-failed", "mail-down", host=mail.host, port=mail.port, reason=error)
    finally:
        server.close()
    return good("mail", "doctor-mail-ok", host=mail.host, port=mail.port)


def backup_folder(settings: Settings) -> Iterator[Finding]:
    """The folder of ``REGISTRY_BACKUP_DIR``, where it is set."""
    folder = settings.backup_dir
    if folder is None:
        return
    try:
        backups = backups_in(folder)
    except OSError:
        yield failure("backup folder", "doctor-backup-folder-missing", "backup-too-old", path=folder)
        return
    if not backups:
        yield failure("backup folder", "doctor-backup-folder-empty", "backup-too-old", path=folder)
        return
    hours = (now() - taken_at(backups[-1])) // HOUR
    numbers = {"path": folder, "hours": hours, "count": len(backups), "most": settings.backup_max_age}
    if hours >= settings.backup_max_age:
        yield failure("backup folder", "doctor-backup-folder-old", "backup-too-old", **numbers)
    else:
        yield good("backup folder", "doctor-backup-folder-ok", **numbers)


def _one_line(error: Exception) -> str:
    problems = getattr(error, "problems", None)
    return "; ".join(map(str, problems)) if problems else " ".join(str(error).split())
