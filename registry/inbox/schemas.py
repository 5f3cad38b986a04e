"""An entry of the inbox as it is shown, and what marks entries as read."""

from __future__ import annotations

from typing import Any, Final

from registry.cases.vocabulary import Status
from registry.core.fields import DAY_SCHEMA, BaseSchema, Boolean, Ids, ReadOnly, Timestamp, WholeNumber, nullable
from registry.inbox.models import EntryKind

MAX_ENTRIES: Final = 500
TEXT: Final[dict[str, Any]] = {"type": "string"}


class InboxEntryShown(BaseSchema):
    """What the inbox shows of an entry."""

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("What it is about.", {"type": "string", "enum": list(EntryKind.codes())})
    case = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT)
    by = ReadOnly("Who acted; an audit as `audit:<id>`.", TEXT)
    at = Timestamp("When it happened.")
    due_on = ReadOnly(
        "The last day, inclusive, for what the case waits for; null when it no longer does.", nullable(dict(DAY_SCHEMA))
    )
    read_at = Timestamp("When it was read, or when somebody else did what it asks for; null: unread.", nullable=True)


class InboxReading(BaseSchema):
    """Which entries are read."""

    entries = Ids(MAX_ENTRIES, description="Ids of entries, at most 500.", nullable=False)
    all = Boolean(description="All entries, in place of `entries`.", nullable=False)
    up_to = WholeNumber(description="With `all`: only entries up to this id; newer ones stay unread.", nullable=False)


class InboxRead(BaseSchema):
    """What marking has done."""

    marked = ReadOnly("How many entries were unread until now.", {"type": "integer"})
    unread = ReadOnly("How many are still unread, at most 100.", {"type": "integer"})


class DueSoonShown(BaseSchema):
    """What the inbox shows of a case that is due in three days."""

    case = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT)
    status = ReadOnly("Its status.", {"type": "string", "enum": list(Status.codes())})
    due_on = ReadOnly("The due date.", dict(DAY_SCHEMA))


INBOX_ENTRY: Final = InboxEntryShown()
DUE_SOON: Final = DueSoonShown()
INBOX_READING: Final = InboxReading()
INBOX_READ: Final = InboxRead()
