"""Imports: taking a file in, finding its run again, and what was wrong in its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from registry.access.actors import Actor
from registry.records.import_runs import ImportRun
from registry.store.errors import NotFound
from registry.store.paging import Listing, Page

Kind = Literal["projects", "agencies"]
Progress = Callable[[ImportRun], None]


class ImportNotFound(NotFound):
    """There is no import of that id, or it is another's."""


def queue_import(by: Actor, kind: Kind, dry_run: bool, file_name: str, content: bytes) -> ImportRun:
    """Take a file in for the background worker; reads it through once, so that one that cannot be read is refused now.

    Raises RoleNotAllowed and Invalid (pointer /file: not a table, wrong columns, over 20 MiB; pointer /kind).
    """
    raise NotImplementedError


def import_now(
    by: Actor, kind: Kind, dry_run: bool, file_name: str, content: bytes, on_progress: Progress
) -> ImportRun:
    """Take a file in and work it off at once, for the command line. Raises what queue_import raises."""
    raise NotImplementedError


def find_import(by: Actor, import_id: int) -> ImportRun:
    """The run, for its principal and for administrators. Raises ImportNotFound."""
    raise NotImplementedError


def errors_of(by: Actor, run: ImportRun, page: Page) -> Listing:
    """A page of ``{row, column, code, params}`` in the order of the rows; ``column`` is None for a wrong row."""
    raise NotImplementedError
