"""Long polls: requests that wait for the next change, as few as leave threads for everybody else.

A web process has 8 threads, under waitress as under granian. At most three of its requests wait, of one principal one
at a time; further ones are answered at once. While a request waits it holds no connection to the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from registry.accounts.actors import Actor
from registry.changes.queries import Change, ChangesRead, newest_seq, read_changes
from registry.core.database import db

MAX_WAIT_S: Final = 30
MAX_WAITING: Final = 3
POLL_INTERVAL_S: Final = 0.5


class Waiting:
    """Who waits in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._principals: set[str] = set()
        self._stopping = threading.Event()

    def stop_with(self, stopping: threading.Event) -> None:
        """End all waits when the event is set, so that the server stops soon."""
        self._stopping = stopping

    @contextmanager
    def place(self, principal: str) -> Iterator[bool]:
        """Take a place; False when there is none, or the principal has one."""
        with self._lock:
            has_place = len(self._principals) < MAX_WAITING and principal not in self._principals
            if has_place:
                self._principals.add(principal)
        try:
            yield has_place
        finally:
            if has_place:
                with self._lock:
                    self._principals.discard(principal)

    def pause(self) -> bool:
        """Wait a moment; False when the server stops."""
        return not self._stopping.wait(POLL_INTERVAL_S)


WAITING: Final = Waiting()


def wait_for_changes(
    actor: Actor,
    after: int,
    limit: int,
    seconds: int,
    clock: Callable[[], float] = time.monotonic,
    *,
    renewed: Callable[[], Actor] | None = None,
    fits: Callable[[Change], bool] = lambda _change: True,
) -> ChangesRead:
    """Changes after a number as ``read_changes`` reads them; without any, wait so many seconds for the next ones.

    ``renewed``: the reader as they are after a wait, in which a token may be revoked or a role changed; what it raises
    ends the request. ``fits``: those that the reader asks for. The others are skipped, at first without waiting: the
    reader goes on after them. Raises ChangesExpired and ChangesNotReached.
    """

    def narrowed(page: ChangesRead) -> ChangesRead:
        return replace(page, changes=[change for change in page.changes if fits(change)])

    read = read_changes(actor, after, limit)
    if read.changes or read.has_more or not seconds:
        return narrowed(read)
    until = clock() + seconds
    with WAITING.place(actor.principal) as has_place:
        while has_place and not read.changes and clock() < until:
            # Give back the connection: others need it while this request waits.
            db.session.rollback()
            if not WAITING.pause():
                break
            if newest_seq() > read.read_up_to:
                reader = actor if renewed is None else renewed()
                read = narrowed(read_changes(reader, read.read_up_to, limit))
    return read
