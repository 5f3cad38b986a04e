"""``registry doctor``: locks that somebody holds, and webhooks that wait or fail."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import update

from registry.core.clock import now
from registry.core.database import transaction
from registry.core.postgresql import libpq_address
from registry.settings import CHECKOUT
from registry.webhooks.models import Webhook, WebhookDelivery
from tests.cli.test_doctor import found, states
from tests.fixtures.cli import CommandLine
from tests.present import Present
from tests.running import until
from tests.webhooks.world import an_owner

Services = Callable[[], Any]


@pytest.mark.sqlite_only
def test_lock_that_somebody_holds_leads_to_its_runbook(registry: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.cli.doctor.LOCK_WAIT_S", 0.1)
    with closing(sqlite3.connect(registry.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ran = registry("doctor", "--json")
    assert (ran.code, found(ran)["locks"]["runbook"]) == (1, "docs/runbooks/lock-held.md")
    assert states(ran)["journal"] == "ok"


@pytest.mark.postgres_only
def test_session_that_waits_for_a_lock_leads_to_its_runbook(registry: CommandLine) -> None:
    address = libpq_address(registry.url)
    with psycopg.connect(address) as holder, psycopg.connect(address) as waiter, ThreadPoolExecutor(1) as thread:
        holder.execute("LOCK TABLE webhooks IN ACCESS EXCLUSIVE MODE")
        asked = thread.submit(waiter.execute, "LOCK TABLE webhooks IN SHARE MODE")
        until(lambda: holder.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
        finding = found(registry("doctor", "--json"))["locks"]
        to_end = [row[0] for row in holder.execute(runbook_query("cardinality(pg_blocking_pids(pid)) = 0"))]
        holder_pid = holder.info.backend_pid
        holder.rollback()
        asked.result()
        waiter.rollback()
    assert (finding["state"], finding["runbook"]) == ("warning", "docs/runbooks/lock-held.md")
    assert to_end == [holder_pid]


def runbook_query(part: str) -> str:
    """Return the query of the runbook that contains ``part``."""
    text = (CHECKOUT / "docs/runbooks/lock-held.md").read_text(encoding="utf-8")
    (query,) = [each for each in re.findall(r'--command="(SELECT [^"]+)"', text) if part in each]
    return query


def test_webhook_whose_messages_nobody_sends_or_accepts_is_named(
    registry: CommandLine, services: Services, present: Present
) -> None:
    present.set(date(2026, 3, 1))
    with services():
        webhook = a_waiting_webhook()
    assert states(registry("doctor", "--json"))["queues"] == "ok"
    present.move(timedelta(minutes=20))
    finding = found(registry("doctor", "--json"))["queues"]
    assert (finding["state"], finding["runbook"]) == ("failure", "docs/runbooks/queue-stuck.md")
    assert "Messages of webhooks that are due: 1, the oldest for 20 min" in finding["text"]
    with services(), transaction() as session:
        # It was tried just now, and its receiver has accepted nothing for two hours.
        failing = {"next_batch_at": now(), "failing_since": now() - timedelta(hours=2)}
        session.execute(update(Webhook).where(Webhook.id == webhook).values(**failing))
    finding = found(registry("doctor", "--json"))["queues"]
    assert (finding["state"], finding["text"]) == (
        "warning",
        "Receivers of webhooks that have accepted nothing for an hour: 1.",
    )


def a_waiting_webhook() -> int:
    account = an_owner("administrator").account_id
    webhook = Webhook(
        account_id=account,
        role="administrator",
        url="https://example.kz/hook",
        events=[],
        conditions=[],
        encrypted_secret="none",
        created_at=now(),
        changed_at=now(),
        seq=0,
        next_batch_at=now(),
    )
    with transaction() as session:
        session.add(webhook)
        session.flush()
        session.add(
            WebhookDelivery(
                webhook_id=webhook.id,
                seq=1,
                message_id="msg_1_1",
                type="project.registered",
                subject="project:1",
                state="waiting",
                tries=0,
                created_at=now(),
                next_try_at=now(),
            )
        )
    return webhook.id
