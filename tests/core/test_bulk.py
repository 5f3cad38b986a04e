"""Bulk inserts."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from registry.core.bulk import insert_rows, table_of
from registry.core.clock import now
from registry.core.outbox import OutboxMessage
from registry.core.transactions import transaction

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
