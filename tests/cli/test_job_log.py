"""The log of a job that fails again and again: one traceback, then a line a minute."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from flask import Flask

from registry.cli import scheduler
from registry.cli.scheduler import Job

pytestmark = pytest.mark.on_either


def test_job_that_fails_alike_logs_its_traceback_once_and_then_a_line_a_minute(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    errors: list[Exception | None] = [ConnectionError("away")]

    def work() -> None:
        if errors[0] is not None:
            raise errors[0]

    run = scheduler._guarded(app, Job("imports", timedelta(seconds=1), work))

    def lines(runs: int) -> list[tuple[str, bool]]:
        caplog.clear()
        for _ in range(runs):
            run()
            seconds[0] += 1
        records = [record for record in caplog.records if record.name == scheduler.__name__]
        return [(record.getMessage(), record.exc_info is not None) for record in records]

    assert lines(121) == [
        ("the job imports failed", True),
        ("the job imports still fails: ConnectionError", False),
        ("the job imports still fails: ConnectionError", False),
    ]
    errors[0] = ValueError("another")
    assert lines(5) == [("the job imports failed", True)]
    errors[0] = None
    assert lines(5) == []
    errors[0] = ValueError("another")
    assert lines(5) == [("the job imports failed", True)]
