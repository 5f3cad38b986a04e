"""What monitoring sees of webhooks: what is pending, and whether anything sends what is due."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from registry.accounts.roles import Role
from registry.core.clock import now
from registry.core.database import transaction
from registry.webhooks.queue import deliver, due_deliveries, failing_webhooks, fan_out, pending_deliveries
from registry.webhooks.service import change_webhook, webhook_to_change
from tests.factories import a_project
from tests.present import Present
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.world import LOCAL, a_webhook, an_owner, change_projects


def test_messages_are_pending_until_they_are_delivered_and_a_receiver_fails_after_an_hour(
    app: Flask, present: Present
) -> None:
    start = present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    assert (pending_deliveries(), due_deliveries()) == (0, (0, None))
    with receiving(Receiver(answer=lambda _request: 500)) as receiver:
        a_webhook(owner, receiver.url, events=["project.changed"])
        change_projects([a_project()], times=2)
        fan_out()
        present.move(timedelta(minutes=20))
        # One is due, and one is behind it.
        assert (pending_deliveries(), due_deliveries()) == (2, (1, start))
        deliver(LOCAL)
        # It is tried again later.
        assert (pending_deliveries(), due_deliveries()) == (2, (0, None))
        present.move(timedelta(hours=1))
        assert failing_webhooks() == 0
        present.move(timedelta(seconds=1))
        assert failing_webhooks() == 1
        receiver.answer = lambda _request: 204
        deliver(LOCAL)
    assert (pending_deliveries(), due_deliveries(), failing_webhooks()) == (0, (0, None), 0)


def test_message_to_a_failing_receiver_waits_since_the_receiver_may_be_tried_again(
    app: Flask, present: Present
) -> None:
    start = present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    with receiving(Receiver(answer=lambda _request: 500)) as receiver:
        a_webhook(owner, receiver.url, events=["project.changed"])
        change_projects([a_project(), a_project()], times=1)
        deliver(LOCAL)
        present.move(timedelta(seconds=30))
        # A receiver that failed twice gets one message, and is left alone for a minute.
        deliver(LOCAL)
        present.move(timedelta(seconds=59))
        assert due_deliveries() == (0, None)
        present.move(timedelta(seconds=1))
    assert due_deliveries() == (2, start + timedelta(seconds=90))


def test_disabled_webhook_is_not_waited_for(app: Flask, present: Present) -> None:
    present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    webhook, _ = a_webhook(owner, "http://127.0.0.1:1/hook", events=["project.changed"])
    change_projects([a_project()], times=1)
    fan_out()
    assert (pending_deliveries(), due_deliveries()) == (1, (1, now()))
    with transaction():
        change_webhook(owner, webhook_to_change(owner, webhook), {"enabled": False})
    present.move(timedelta(hours=1))
    assert (pending_deliveries(), due_deliveries(), failing_webhooks()) == (0, (0, None), 0)
