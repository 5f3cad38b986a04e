"""Events: a slice publishes what happened, slices above it subscribe, so that imports point down.

Handlers run at once, in the publisher's transaction and in the order in which they were connected, so that rows are
always locked in one order. An exception in a handler rolls all of it back. ``registry/hooks.py`` connects them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Event(Generic[P]):
    """Something that happens, and who handles it. The type parameter states the handlers' arguments."""

    def __init__(self, name: str) -> None:
        """``name``: what happened, for messages."""
        self.name = name
        self._handlers: list[Callable[P, None]] = []

    @property
    def handlers(self) -> tuple[Callable[P, None], ...]:
        """Those connected, in the order in which they run."""
        return tuple(self._handlers)

    def connect(self, handler: Callable[P, None]) -> Callable[P, None]:
        """Let the handler run whenever the event is published; usable as a decorator."""
        self._handlers.append(handler)
        return handler

    def publish(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Run every handler."""
        for handler in self._handlers:
            handler(*args, **kwargs)
