"""What monitoring sees of webhooks: what is pending, and whether anything sends what is due."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from registry.accounts.roles import Role
from registry.core.clock import now
from registry.core.transactions import transaction
from registry.webhooks.backlog import Backlog, webhook_backlog
from registry.webhooks.batches import lease_batch
from registry.webhooks.fan_out import fan_out
from registry.webhooks.service import change_webhook, webhook_to_change
from registry.webhooks.worker import deliver
from tests.factories import a_project
from tests.present import Present
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.world import LOCAL, a_webhook, an_owner, change_projects


def test_messages_are_due_until_a_worker_takes_them_up_and_pending_until_they_are_delivered(
    app: Flask, present: Present
) -> None:
    start = present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    assert webhook_backlog() == Backlog(0, None, 0)
    with receiving(Receiver(answer=lambda _request: 500)) as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=["project.changed"])
        change_projects([a_project()], times=2)
        fan_out()
        present.move(timedelta(minutes=20))
        # One is due, and one is behind it.
        assert webhook_backlog() == Backlog(2, start, 0)
        assert lease_batch(webhook) is not None
        assert webhook_backlog() == Backlog(2, None, 0)
        present.move(timedelta(minutes=2))
        deliver(LOCAL)
        # It is tried again after a minute, as after any second attempt, and not late before.
        assert webhook_backlog() == Backlog(2, None, 0)
        present.move(timedelta(seconds=61))
        assert webhook_backlog() == Backlog(2, now() - timedelta(seconds=1), 0)
        present.move(timedelta(hours=1))
        assert webhook_backlog().failing == 1
        receiver.answer = lambda _request: 204
        deliver(LOCAL)
    assert webhook_backlog() == Backlog(0, None, 0)


def test_disabled_webhook_is_not_waited_for(app: Flask, present: Present) -> None:
    present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    webhook, _ = a_webhook(owner, "http://127.0.0.1:1/hook", events=["project.changed"])
    change_projects([a_project()], times=1)
    fan_out()
    assert webhook_backlog().pending == 1
    with transaction():
        change_webhook(owner, webhook_to_change(owner, webhook), {"enabled": False})
    present.move(timedelta(hours=1))
    assert webhook_backlog() == Backlog(0, None, 0)
