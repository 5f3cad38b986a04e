"""The schedule: which work is done when. The only file that knows APScheduler.

Jobs are declared here and kept in memory. What makes a night single is the database's claim, not the schedule, so that
any number of these may run beside cron or a CronJob.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from registry.audits.nightly import run_due_night
from registry.http.kept_answers import forget_old_answers
from registry.notices.letters import forget_old_letters
from registry.notices.passes import digest_when_due, tell_what_waits
from registry.records.import_work import work_off_next
from registry.settings import Settings
from registry.store.clock import ALMATY, now
from registry.store.database import db

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
LATEST = timedelta(minutes=1)


def jobs(settings: Settings) -> tuple[Job, ...]:
    """All that is done by the clock."""
    return (
        # Asks which due date has no audit: so catching up after downtime needs nothing of its own.
        Job("nightly audit", timedelta(minutes=1), lambda: run_due_night(settings.audit_at)),
        # Apart, as a digest waits for an audit that runs, and what cannot wait does not.
        Job("digest", timedelta(minutes=1), lambda: digest_when_due(settings)),
        Job("notices", timedelta(minutes=1), lambda: tell_what_waits(settings)),
        Job("imports", timedelta(seconds=1), work_off_imports),
        Job("kept answers", timedelta(days=1), forget_old_answers),
        Job("old letters", timedelta(days=1), forget_old_letters),
    )


class Schedule:
    """The jobs, running in threads of their own from ``start`` to ``stop``."""

    def __init__(self, app: Flask, jobs: Sequence[Job]) -> None:
        self._scheduler = BackgroundScheduler(timezone=ALMATY)
        for job in jobs:
            self._scheduler.add_job(
                _guarded(app, job),
                "interval",
                seconds=job.every.total_seconds(),
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

    def stop(self) -> None:
        """Begin no new run, and wait for the runs that go on."""
        self._scheduler.shutdown(wait=True)


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
