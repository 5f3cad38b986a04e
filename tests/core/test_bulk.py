"""Bulk inserts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.core.clock import now
from registry.core.database import db, table_of, transaction
from registry.core.dialects import insert_rows
from registry.core.outbox import OutboxMessage

STRANGE = ("NULL", "null", "", " ", "{a,b}", '"', "\\", '\\"', "a,b", "Әділет\nқұқық", "%s", ":x")


@pytest.mark.usefixtures("app")
def test_bulk_insert_stores_any_text_unchanged() -> None:
    payloads = [{"text": text, text: [None, 1, True]} for text in STRANGE]
    with transaction() as session:
        messages = zip(STRANGE, payloads, strict=True)
        rows = [{"topic": topic, "payload": payload, "created_at": now()} for topic, payload in messages]
        insert_rows(session, OutboxMessage, rows)
        outbox = table_of(OutboxMessage).c
        kept = session.execute(select(outbox.topic, outbox.payload).order_by(outbox.id)).all()
    assert [tuple(row) for row in kept] == list(zip(STRANGE, payloads, strict=True))


def made(topics: str) -> Iterator[dict[str, Any]]:
    """Rows that are made while they are inserted; "!" cannot be made."""
    for topic in topics:
        if topic == "!":
            raise ValueError(topic)
        yield {"topic": topic, "payload": {}, "created_at": now()}


@pytest.mark.usefixtures("app")
def test_bulk_insert_takes_rows_that_are_made_meanwhile() -> None:
    with transaction() as session:
        insert_rows(session, OutboxMessage, made(""))
        insert_rows(session, OutboxMessage, made("abc"))
    assert db.session.scalars(select(OutboxMessage.topic).order_by(OutboxMessage.id)).all() == ["a", "b", "c"]


@pytest.mark.usefixtures("app")
def test_row_that_cannot_be_made_leaves_none_of_the_others() -> None:
    with pytest.raises(ValueError, match="!"), transaction() as session:
        insert_rows(session, OutboxMessage, made("ab!c"))
    assert db.session.scalar(select(func.count()).select_from(OutboxMessage)) == 0
