"""Scheduler of background jobs. The only module that uses APScheduler.

Jobs are declared here and kept in memory. Claims in the database, not the scheduler, make a nightly audit run once, so
any number of schedulers may run beside cron or a CronJob. APScheduler plans by the wall clock: when the clock is set
back, jobs are rescheduled; otherwise a moment one year ahead would delay all of them for a year.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from registry.accounts.attempts import delete_old_failures
from registry.accounts.roles import SCHEDULE
from registry.audits.jobs import run_due_audit
from registry.audits.schedule import ClockGuard
from registry.changes.service import delete_old_changes, number_changes_by_hand
from registry.core.clock import ALMATY, now
from registry.core.database import db
from registry.core.installation import save_job_run
from registry.core.trace_context import trace_of_job
from registry.http.responses import delete_old_responses
from registry.imports.worker import delete_old_files, run_next_import
from registry.journal.jobs import checkpoint_when_due, reconcile_when_due
from registry.journal.verification import verify_when_due
from registry.notifications.digest import write_due_digest
from registry.notifications.jobs import deliver_notifications, follow_acts, read_aitu_updates, usable_channels
from registry.notifications.service import delete_old_emails
from registry.notifications.weekly_overview import write_due_weekly_overview
from registry.open_data.service import write_when_due
from registry.procurement.portal import fetch_due_contracts
from registry.procurement.service import classify_and_match
from registry.projects.fingerprints import refresh_fingerprints
from registry.requests.service import carry_out_due_requests
from registry.settings import Settings
from registry.webhooks.queue import delete_old_deliveries, deliver

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A recurring job."""

    name: str
    every: timedelta
    work: Callable[[], object]


def run_queued_imports() -> None:
    """Run queued imports until none is left."""
    while run_next_import() is not None:
        pass


# Later runs are left to the next one. APScheduler's default is one second, which a busy machine exceeds.
MISFIRE_GRACE: Final = timedelta(minutes=1)
# Interval of the check for jobs that a clock set back has left waiting.
CLOCK_CHECK_SECONDS: Final = 0.5
# Runs of a job that end alike are saved at most this often: that of imports runs each second.
SAVED_EVERY_S: Final = 60
# Failures of a job that are alike: the first has its traceback in the log, then one line in this time. Jobs that run
# each second wrote 2 GB a day while the database was away.
LOGGED_EVERY_S: Final = 60


def jobs(settings: Settings) -> tuple[Job, ...]:
    """Return all recurring jobs."""
    clock_guard, channels, portal = ClockGuard(), usable_channels(settings), settings.procurement
    return (
        # Asks which due date has no audit, and therefore also catches up after downtime.
        Job("nightly audit", timedelta(minutes=1), lambda: run_due_audit(settings.audit_at, None, clock_guard)),
        # A separate job, because the digest waits for a running audit and immediate notifications do not.
        Job("requests", timedelta(minutes=1), lambda: carry_out_due_requests(clock_guard.is_plausible)),
        Job("digest", timedelta(minutes=1), lambda: write_due_digest(settings.digest_at, channels)),
        Job("weekly overview", timedelta(minutes=1), lambda: write_due_weekly_overview(channels)),
        Job("inbox", timedelta(seconds=1), lambda: follow_acts(settings)),
        Job("notices", timedelta(minutes=1), lambda: deliver_notifications(settings)),
        # Whoever sends a code waits for the reply. The bot is asked only while a code is valid.
        Job("codes sent to the Aitu bot", timedelta(seconds=5), lambda: read_aitu_updates(settings.aitu)),
        Job("imports", timedelta(seconds=1), run_queued_imports),
        Job("webhooks", timedelta(seconds=1), deliver),
        Job("old files of imports", timedelta(days=1), delete_old_files),
        Job("idempotent responses", timedelta(days=1), delete_old_responses),
        Job("changes by hand", timedelta(minutes=1), number_changes_by_hand),
        Job("old changes", timedelta(days=1), delete_old_changes),
        Job("old e-mails", timedelta(days=1), delete_old_emails),
        Job("old failed sign-ins", timedelta(days=1), delete_old_failures),
        Job("old webhook deliveries", timedelta(days=1), delete_old_deliveries),
        Job("journal", timedelta(minutes=10), verify_when_due),
        Job("rows", timedelta(minutes=10), reconcile_when_due),
        Job("checkpoints", timedelta(minutes=1), lambda: checkpoint_when_due(settings)),
        *(
            [Job("procurement contracts", timedelta(minutes=1), partial(fetch_due_contracts, portal, SCHEDULE))]
            if portal
            else []
        ),
        # By the list of words and the projects as they are then.
        Job("matches of contracts", timedelta(days=1), classify_and_match),
        # After the nightly audit, and within a minute when there is none yet.
        *([Job("open data", timedelta(minutes=1), write_when_due)] if settings.public else []),
        # After an upgrade from a version without them, or with others; otherwise there is nothing to do.
        Job("fingerprints of projects", timedelta(days=1), refresh_fingerprints),
    )


class PauseTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler is untyped
    """Fires a fixed pause after now. IntervalTrigger iterates over every run since the last: millions when the clock
    was a year ahead.
    """

    def __init__(self, pause: timedelta) -> None:
        self.pause = pause

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002 # APScheduler's signature
        """Return the time one pause from now."""
        return now + self.pause


class Schedule:
    """Runs the jobs in threads from ``start`` to ``stop``."""

    def __init__(self, app: Flask, jobs: Sequence[Job]) -> None:
        self._scheduler = BackgroundScheduler(timezone=ALMATY)
        self._stopping = threading.Event()
        self._clock_watch = threading.Thread(target=self._reschedule_after_jumps, name="clock watch", daemon=True)
        for job in jobs:
            self._scheduler.add_job(
                _guarded(app, job),
                PauseTrigger(job.every),
                id=job.name,
                name=job.name,
                next_run_time=now(),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=int(MISFIRE_GRACE.total_seconds()),
            )

    def start(self) -> None:
        """Start, with an immediate run of each job."""
        # Otherwise it warns of each run skipped while the previous one is running: once a second in a long import.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler.start()
        self._clock_watch.start()

    def stop(self) -> None:
        """Start no new runs, and wait for running ones."""
        self._stopping.set()
        self._clock_watch.join()
        self._scheduler.shutdown(wait=True)

    def _reschedule_after_jumps(self) -> None:
        while not self._stopping.wait(CLOCK_CHECK_SECONDS):
            for job in self._scheduler.get_jobs():
                if job.next_run_time - now() > job.trigger.pause:
                    log.warning("the system clock went back; the job %s is rescheduled", job.name)
                    job.modify(next_run_time=now())


def _guarded(app: Flask, job: Job) -> Callable[[], None]:
    saved: tuple[str | None, float] | None = None
    logged: tuple[str, float] | None = None

    def log_failure(error: Exception, at: float) -> None:
        nonlocal logged
        kind = type(error).__name__
        if logged is None or logged[0] != kind:
            log.error("the job %s failed", job.name, exc_info=error)
        elif at - logged[1] < LOGGED_EVERY_S:
            return
        else:
            log.error("the job %s still fails: %s", job.name, kind)
        logged = kind, at

    def run() -> None:
        nonlocal saved, logged
        failure = None
        began = time.monotonic()
        with app.app_context(), trace_of_job():
            try:
                job.work()
                logged = None
            except Exception as error:  # noqa: BLE001 - it is logged
                # Top level of a job: APScheduler would log the error elsewhere. Whatever it was, the next run tries
                # again and the other jobs continue.
                log_failure(error, began)
                failure = type(error).__name__
            finally:
                db.session.remove()
            ended = time.monotonic()
            if saved is None or saved[0] != failure or ended - saved[1] >= SAVED_EVERY_S:
                _save(job, round((ended - began) * 1000), failure)
                saved = failure, ended

    return run


def _save(job: Job, milliseconds: int, failure: str | None) -> None:
    try:
        save_job_run(job.name, milliseconds, failure)
    except SQLAlchemyError as error:
        # The database may be what failed; the next run saves again. The job's own failure has the traceback.
        log.warning("the end of the job %s could not be saved: %s", job.name, type(error).__name__)
    finally:
        db.session.remove()
