"""After an error of a standby the primary is read for some seconds, so that a request that is sent again succeeds."""

from __future__ import annotations

import time
from typing import Final

from flask import current_app
from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import OperationalError

# Longer than Retry-After. Reaching a standby that is away may take two seconds each time, and a query that it cancelled
# because the primary has removed what it reads may be cancelled again.
PAUSE_S: Final = 10
AWAY_UNTIL: Final = "registry.replica_away_until"


def pause_replica() -> None:
    """Leave the standby alone for a while."""
    current_app.extensions[AWAY_UNTIL] = time.monotonic() + PAUSE_S


def is_replica_paused() -> bool:
    """True while the standby is left alone."""
    until: float = current_app.extensions.get(AWAY_UNTIL, 0.0)
    return time.monotonic() < until


def pause_after_errors(engine: Engine) -> None:
    """Pause the standby of this engine after each error that is its own, and not one of the statement."""

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        if context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError):
            pause_replica()
