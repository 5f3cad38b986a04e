"""Working off imports in the background: one run at a time, chunk by chunk, so that a killed worker loses nothing."""

from __future__ import annotations

from datetime import timedelta

from registry.records.import_runs import ImportRun

LEASE = timedelta(seconds=120)


def work_off_next(lease: timedelta = LEASE) -> ImportRun | None:
    """Claim a run that waits, or one whose worker died, and work it off; None when there is none."""
    raise NotImplementedError
