"""The scheduler: which work is done when, each job in a thread of its own.

Jobs are declared here and kept in memory. What makes a night single is the database's claim, not the schedule, so that
any number of these may run beside cron or a CronJob. The pauses between runs are measured on the monotonic clock: a
scheduler that plans by the wall clock stands still for a year after that clock was a year ahead for a moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread

from flask import Flask

from registry.audits.clock_guard import ClockGuard
from registry.audits.nightly import run_due_night
from registry.http.kept_answers import forget_old_answers
from registry.notices.letters import forget_old_letters
from registry.notices.passes import digest_when_due, tell_what_waits
from registry.records.import_work import work_off_next
from registry.settings import Settings
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


def jobs(settings: Settings) -> tuple[Job, ...]:
    """All that is done by the clock."""
    clock_guard = ClockGuard()
    return (
        # Asks which due date has no audit: so catching up after downtime needs nothing of its own.
        Job("nightly audit", timedelta(minutes=1), lambda: run_due_night(settings.audit_at, None, clock_guard)),
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
        self._stopping = Event()
        self._threads = [
            # A second signal ends the process at once: it does not wait for daemons.
            Thread(target=self._repeat, args=(_guarded(app, job), job.every), name=job.name, daemon=True)
            for job in jobs
        ]

    def start(self) -> None:
        """Begin, with one run of each job at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin no new run, and wait for the runs that go on."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, run: Callable[[], None], every: timedelta) -> None:
        while not self._stopping.is_set():
            run()
            self._stopping.wait(every.total_seconds())


def _guarded(app: Flask, job: Job) -> Callable[[], None]:
    def run() -> None:
        with app.app_context():
            try:
                job.work()
            except Exception:
                # The outermost frame of a job. Whatever it was, the next run tries again and the other jobs go on.
                log.exception("the job %s failed", job.name)
            finally:
                db.session.remove()

    return run
