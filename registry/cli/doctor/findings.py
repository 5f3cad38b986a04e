"""Findings of ``registry doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.cli.output import cli_text

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
    """What a check found. ``advice``: what to do next, ``runbook``: the page that says how; None when all is well."""

    check: str
    state: State
    text: str
    advice: str | None = None
    runbook: str | None = None


def good(check: str, code: str, **params: object) -> Finding:
    """A check that found nothing wrong."""
    return Finding(check, State.OK, cli_text(code, **params))


def warning(check: str, code: str, runbook: str | None = None, **params: object) -> Finding:
    """A finding that can wait. Its advice is the message ``<code>-advice``."""
    return _problem(State.WARNING, check, code, runbook, params)


def failure(check: str, code: str, runbook: str | None = None, **params: object) -> Finding:
    """A finding that cannot wait. Its advice is the message ``<code>-advice``."""
    return _problem(State.FAILURE, check, code, runbook, params)


def skipped(check: str) -> Finding:
    """A check that another failure made impossible."""
    return Finding(check, State.SKIPPED, cli_text(NOT_CHECKED))


def _problem(state: State, check: str, code: str, runbook: str | None, params: dict[str, object]) -> Finding:
    page = None if runbook is None else f"{RUNBOOKS}/{runbook}.md"
    return Finding(check, state, cli_text(code, **params), cli_text(f"{code}-advice", **params), page)
