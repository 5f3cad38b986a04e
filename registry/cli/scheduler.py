"""The schedule: which work is done when. The only file that knows APScheduler.

Jobs are declared here and kept in memory. What makes a night single is the database's claim, not the schedule, so that
any number of these may run beside cron or a CronJob. APScheduler plans by the wall clock: when that clock goes
back, jobs are planned anew, or one moment a year ahead would leave all of them waiting for a year.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from flask import Flask

from registry.audits.clock_guard import ClockGuard
from registry.audits.jobs import run_due_audit
from registry.core.clock import ALMATY, now
from registry.core.database import db
from registry.http.idempotency import delete_old_responses
from registry.imports.worker import work_off_next
from registry.notifications.jobs import deliver_notifications, digest_when_due
from registry.notifications.service import delete_old_emails
from registry.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again."""

    name: str
    every: timedelta
    work: Callable[[], object]


def work_off_imports() -> None:
    """Import what is queued, file after file, until nothing is."""
    while work_off_next() is not None:
        pass


# A run later than this is left to the next one: APScheduler's own grace is a second, which a busy machine exceeds.
LATEST: Final = timedelta(minutes=1)
# How often it is looked for jobs that a clock which was ahead has left waiting.
CLOCK_CHECK_SECONDS: Final = 0.5


def jobs(settings: Settings) -> tuple[Job, ...]:
    """All that is done by the clock."""
    clock_guard = ClockGuard()
    return (
        # Asks which due date has no audit: so catching up after downtime needs nothing of its own.
        Job("nightly audit", timedelta(minutes=1), lambda: run_due_audit(settings.audit_at, None, clock_guard)),
        # Apart, as a digest waits for an audit that runs, and what cannot wait does not.
        Job("digest", timedelta(minutes=1), lambda: digest_when_due(settings)),
        Job("notices", timedelta(minutes=1), lambda: deliver_notifications(settings)),
        Job("imports", timedelta(seconds=1), work_off_imports),
        Job("kept answers", timedelta(days=1), delete_old_responses),
        Job("old letters", timedelta(days=1), delete_old_emails),
    )


class PauseTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler is untyped
    """The next run comes a pause after now. IntervalTrigger lists every run since the last: after a clock that was a
    year ahead, millions.
    """

    def __init__(self, pause: timedelta) -> None:
        self.pause = pause

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002 # APScheduler's signature
        """A pause from now."""
        return now + self.pause


class Schedule:
    """The jobs, running in threads of their own from ``start`` to ``stop``."""

    def __init__(self, app: Flask, jobs: Sequence[Job]) -> None:
        self._scheduler = BackgroundScheduler(timezone=ALMATY)
        self._stopping = threading.Event()
        self._clock_watch = threading.Thread(target=self._plan_anew_after_jumps, name="clock watch", daemon=True)
        for job in jobs:
            self._scheduler.add_job(
                _guarded(app, job),
                PauseTrigger(job.every),
                id=job.name,
                name=job.name,
                next_run_time=now(),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=int(LATEST.total_seconds()),
            )

    def start(self) -> None:
        """Begin, with one run of each job at once."""
        # It would warn of each tick that finds the run before it still going, once a second for a long import.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler.start()
        self._clock_watch.start()

    def stop(self) -> None:
        """Begin no new run, and wait for the runs that go on."""
        self._stopping.set()
        self._clock_watch.join()
        self._scheduler.shutdown(wait=True)

    def _plan_anew_after_jumps(self) -> None:
        while not self._stopping.wait(CLOCK_CHECK_SECONDS):
            for job in self._scheduler.get_jobs():
                if job.next_run_time - now() > job.trigger.pause:
                    log.warning("the system clock went back; the job %s is planned anew", job.name)
                    job.modify(next_run_time=now())


def _guarded(app: Flask, job: Job) -> Callable[[], None]:
    def run() -> None:
        with app.app_context():
            try:
                job.work()
            except Exception:
                # The outermost frame of a job: APScheduler would tell of it outside the service's own log. Whatever it
                # was, the next tick tries again and the other jobs go on.
                log.exception("the job %s failed", job.name)
            finally:
                db.session.remove()

    return run
