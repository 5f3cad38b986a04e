"""Deliveries to a real receiver: at least once, in the order of each subject, retried, by workers that are killed."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.core.clock import now
from registry.core.database import transaction
from registry.core.queues import wait_after
from registry.core.trace_context import outgoing_headers, trace_of_job
from registry.webhooks.queue import (
    WAITS,
    WebhookRun,
    delete_old_deliveries,
    deliver,
    due_deliveries,
    due_webhooks,
    failing_webhooks,
    fan_out,
    lease_batch,
    pause_after,
    pending_deliveries,
    record_batch,
)
from registry.webhooks.sender import Attempt, asked_delay
from registry.webhooks.service import change_webhook, webhook_to_change
from tests.factories import a_project
from tests.fixtures.cli import CommandLine
from tests.forked import Forked
from tests.present import Present
from tests.webhooks.receiver import Received, Receiver, failing_at_random, receiving
from tests.webhooks.world import (
    LOCAL,
    a_webhook,
    an_owner,
    change_projects,
    deliver_all,
    deliveries,
    forget_leases,
    seqs_by_subject,
    states,
    webhook_now,
)


def test_change_is_sent_once_with_a_signature_that_verifies(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://registry.example.kz")
    with receiving() as receiver:
        webhook, secret = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.registered"])
        project = a_project()
        assert deliver(LOCAL) == WebhookRun(delivered=1)
        assert deliver(LOCAL) == WebhookRun()
    (request,) = receiver.accepted
    request.verify(secret)
    (delivery,) = deliveries(webhook)
    assert request.message_id == delivery.message_id == f"msg_{webhook}_{delivery.seq}"
    message = request.json
    assert message["type"] == message["data"]["type"] == "project.registered"
    assert message["data"]["subject"] == f"project:{project.number}"
    assert message["data"]["seq"] == delivery.seq
    assert message["timestamp"] == message["data"]["at"]
    assert message["source"] == message["data"]["source"] == "https://registry.example.kz"
    assert (delivery.state, delivery.tries, delivery.status, delivery.error) == ("delivered", 1, 204, None)


def test_message_has_the_trace_of_the_job_that_sends_it(app: Flask) -> None:
    with receiving() as receiver:
        a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.registered"])
        a_project()
        with trace_of_job():
            deliver(LOCAL)
            expected = outgoing_headers()["traceparent"]
    assert [request.headers["traceparent"] for request in receiver.accepted] == [expected]


def test_webhook_begins_with_the_next_change(app: Flask) -> None:
    a_project()
    with receiving() as receiver:
        a_webhook(an_owner(Role.SUPERVISOR), receiver.url)
        assert deliver(LOCAL) == WebhookRun()
    assert receiver.arrived == []


def test_flaky_receiver_gets_everything_in_the_order_of_each_subject(app: Flask, present: Present) -> None:
    present.set(now())
    projects = [a_project() for _ in range(10)]
    flaky = failing_at_random(0.3)
    with receiving() as receiver:
        webhook, secret = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.changed"])

        def take(request: Received) -> int:
            # Of each attempt, with the time of the attempt; an error here leaves the request without an answer.
            request.verify(secret)
            return flaky(request)

        receiver.answer = take
        change_projects(projects, times=5)
        deliver_all(present)
    log = deliveries(webhook)
    assert len(log) == 50
    assert {each.state for each in log} == {"delivered"}
    assert len({each.tries for each in log}) > 2
    # Each message has one id, at every attempt.
    ids = {request.json["data"]["seq"]: set[str]() for request in receiver.arrived}
    for request in receiver.arrived:
        ids[request.json["data"]["seq"]].add(request.message_id)
    assert ids == {each.seq: {each.message_id} for each in log}
    assert len({each.message_id for each in log}) == 50
    assert Counter(request.message_id for request in receiver.accepted) == {each.message_id: 1 for each in log}
    in_order = {f"project:{each.number}": [] for each in projects}
    for each in log:
        in_order[each.subject].append(each.seq)
    assert seqs_by_subject(receiver.accepted) == in_order
    # Also of what was refused: nothing overtakes a message that is tried again.
    assert seqs_by_subject(receiver.arrived) == in_order


def test_delivery_is_retried_after_5_seconds_1_and_5_minutes_and_given_up_after_three_days(
    app: Flask, present: Present
) -> None:
    start = present.set(now())
    tried = []

    def refuse(_request: object) -> int:
        tried.append(now() - start)
        return 503

    with receiving(Receiver(answer=refuse)) as receiver:
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.registered"])
        a_project()
        deliver_all(present)
    assert [round(each.total_seconds()) for each in tried[:4]] == [0, 5, 65, 365]
    assert len(tried) == 12
    assert timedelta(days=2, hours=20) < tried[-1] <= timedelta(days=3)
    assert states(webhook) == [("given_up", 12, "status")]


def test_later_change_of_a_subject_waits_for_the_first_and_others_do_not(app: Flask, present: Present) -> None:
    present.set(now())
    stuck, other = a_project(), a_project()
    subject = f"project:{stuck.number}"
    with receiving() as receiver:
        receiver.answer = lambda request: 500 if request.json["data"]["subject"] == subject else 204
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.changed"])
        change_projects([stuck, other], times=3)
        deliver(LOCAL)
        assert [state for state, _, _ in states(webhook)] == ["waiting", "delivered"] + ["queued", "delivered"] * 2
        receiver.answer = lambda _request: 204
        deliver_all(present)
    assert {state for state, _, _ in states(webhook)} == {"delivered"}
    of_stuck = [each.seq for each in deliveries(webhook) if each.subject == subject]
    assert seqs_by_subject(receiver.accepted)[subject] == of_stuck


def test_receiver_that_does_not_answer_does_not_delay_others(app: Flask) -> None:
    served = threading.Event()
    with receiving() as silent, receiving() as quick:
        # It answers only when the other one has everything.
        silent.answer = lambda _request: 204 if served.wait(8) else 500

        def take(_request: object) -> int:
            if len(quick.accepted) == 29:
                served.set()
            return 204

        quick.answer = take
        owner = an_owner(Role.SUPERVISOR)
        a_webhook(owner, silent.url, events=["project.changed"])
        a_webhook(owner, quick.url, events=["project.changed"])
        change_projects([a_project() for _ in range(10)], times=3)
        run = deliver(LOCAL)
    assert run.failed == 0
    assert len(quick.accepted) == 30


def test_dead_receiver_gets_one_message_to_try_after_a_pause(app: Flask, present: Present) -> None:
    present.set(now())
    with receiving(Receiver(answer=lambda _request: 500)) as receiver:
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.changed"])
        change_projects([a_project() for _ in range(15)], times=1)
        assert deliver(LOCAL) == WebhookRun(failed=10)
        assert deliver(LOCAL) == WebhookRun()
        for seconds in (5, 60, 300, 300):
            present.move(timedelta(seconds=seconds))
            assert deliver(LOCAL) == WebhookRun(failed=1)
        receiver.answer = lambda _request: 204
        present.move(timedelta(seconds=300))
        assert deliver(LOCAL).delivered == 15
    assert webhook_now(webhook).failing_since is None


def test_receiver_that_is_too_busy_is_asked_again_when_it_says(app: Flask, present: Present) -> None:
    start = present.set(now())
    with receiving(Receiver(answer=lambda _request: 503, extra_headers={"Retry-After": "600"})) as receiver:
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.changed"])
        change_projects([a_project(), a_project()], times=1)
        assert deliver(LOCAL) == WebhookRun(failed=2)
        assert [each.next_try_at - start for each in deliveries(webhook)] == [timedelta(minutes=10)] * 2
        receiver.answer = lambda _request: 204
        change_projects([a_project()], times=1)
        present.move(timedelta(minutes=9))
        # Neither what failed nor what is new.
        assert deliver(LOCAL) == WebhookRun()
        present.move(timedelta(minutes=1))
        assert deliver(LOCAL) == WebhookRun(delivered=3)


def test_busy_receiver_of_which_one_message_was_taken_is_left_alone_too(app: Flask, present: Present) -> None:
    present.set(now())
    taken, refused = a_project(), a_project()
    subject = f"project:{refused.number}"
    with receiving(Receiver(extra_headers={"Retry-After": "60"})) as receiver:
        receiver.answer = lambda request: 429 if request.json["data"]["subject"] == subject else 204
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.changed"])
        change_projects([taken, refused], times=1)
        assert deliver(LOCAL) == WebhookRun(delivered=1, failed=1)
        assert webhook_now(webhook).failures == 0
        change_projects([taken], times=1)
        present.move(timedelta(seconds=59))
        assert deliver(LOCAL) == WebhookRun()
        present.move(timedelta(seconds=1))
        assert deliver(LOCAL) == WebhookRun(delivered=1, failed=1)


def test_old_deliveries_are_deleted_after_30_days(app: Flask, present: Present) -> None:
    present.set(now())
    with receiving() as receiver:
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.registered"])
        a_project()
        deliver(LOCAL)
    present.move(timedelta(days=29))
    delete_old_deliveries()
    assert len(deliveries(webhook)) == 1
    present.move(timedelta(days=2))
    delete_old_deliveries()
    assert deliveries(webhook) == []


START = datetime(2026, 11, 26, 9, tzinfo=UTC)


def test_delivery_is_retried_with_growing_delays_for_three_days() -> None:
    assert [wait_after(WAITS, tries) for tries in (1, 2, 3)] == [
        timedelta(seconds=5),
        timedelta(minutes=1),
        timedelta(minutes=5),
    ]
    assert list(WAITS) == sorted(WAITS)
    assert timedelta(days=2, hours=20) < sum(WAITS, timedelta()) <= timedelta(days=3)
    assert [wait_after(WAITS, tries) for tries in (11, 12, 13)] == [timedelta(hours=24), None, None]


def test_receiver_is_left_alone_for_five_minutes_at_most() -> None:
    pauses = [timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=5)]
    assert [pause_after(failures) for failures in (1, 2, 3, 1000)] == pauses


def test_receiver_that_asks_for_it_is_left_alone_for_an_hour_at_most() -> None:
    asked = [timedelta(seconds=1), timedelta(minutes=10), timedelta(days=30)]
    assert [pause_after(1, each) for each in asked] == [timedelta(seconds=5), timedelta(minutes=10), timedelta(hours=1)]
    # After a batch of which something was delivered.
    assert [pause_after(0, each) for each in asked] == [timedelta(seconds=1), timedelta(minutes=10), timedelta(hours=1)]
    assert pause_after(0) == timedelta(0)


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (429, "120", timedelta(minutes=2)),
        (503, " 120 ", timedelta(minutes=2)),
        (503, "Thu, 26 Nov 2026 09:02:00 GMT", timedelta(minutes=2)),
        (503, "Thu, 26 Nov 2026 09:02:00 -0000", timedelta(minutes=2)),
        (503, "Thu, 26 Nov 2026 08:00:00 GMT", timedelta(0)),
        (429, "9" * 5_000, timedelta(seconds=999_999_999)),
        (500, "120", timedelta(0)),
        (204, "120", timedelta(0)),
        (429, None, timedelta(0)),
        (429, "-5", timedelta(0)),
        (429, "1.5", timedelta(0)),
        (429, "٣", timedelta(0)),
        (429, "soon", timedelta(0)),
        (503, "Thu, 99 Nov 99999 09:02:00 GMT", timedelta(0)),
        (503, "Thu, 26 Nov 2026 09:02:00 +9999999999", timedelta(0)),
        (429, "Thu, 26 Nov 2026 09:00:00 +99999999999999999999", timedelta()),
        (503, "Thu, 26 Nov 99999999999999999999 09:00:00 GMT", timedelta()),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(status: int, header: str | None, expected: timedelta) -> None:
    assert asked_delay(status, header, START) == expected


KILLS = 2
WORKERS = 3


class Killer:
    """Kills the worker while so many of its messages are being received."""

    def __init__(self) -> None:
        self.worker: Forked | None = None
        self.after = 0
        self._arrived = 0

    def aim(self, worker: Forked, after: int) -> None:
        self.worker, self.after, self._arrived = worker, after, 0

    def __call__(self, _request: Received) -> int:
        self._arrived += 1
        if self.worker is not None and self._arrived == self.after:
            self.worker.kill()
        return 204


def test_killed_worker_loses_nothing_and_duplicates_have_the_same_id(own_app: Flask, registry: CommandLine) -> None:
    # The secrets of webhooks are encrypted with the key of the service.
    registry.settings["REGISTRY_SECRET_KEY"] = str(own_app.config["SECRET_KEY"])
    killer = Killer()
    with own_app.app_context(), receiving(Receiver(answer=killer)) as receiver:
        webhook, secret = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.changed"])
        change_projects([a_project() for _ in range(5)], times=10)
        for number in range(KILLS):
            with registry.fork("webhooks", "deliver", REGISTRY_WEBHOOK_NETWORKS="127.0.0.0/8") as worker:
                killer.aim(worker, 7 + 3 * number)
                worker.communicate()
            assert worker.returncode == -9
            forget_leases()
        killer.worker = None
        while deliver(LOCAL) != WebhookRun():
            pass
        log = deliveries(webhook)
    assert len(log) == 50
    assert {each.state for each in log} == {"delivered"}
    arrived = Counter(request.message_id for request in receiver.accepted)
    assert set(arrived) == {each.message_id for each in log}
    assert 50 < sum(arrived.values()) <= 50 + 10 * KILLS
    of_subject: dict[str, list[int]] = {each.subject: [] for each in log}
    for each in log:
        assert each.seq is not None
        of_subject[each.subject].append(each.seq)
    assert seqs_by_subject(receiver.accepted) == of_subject
    for request in receiver.accepted[::20]:
        request.verify(secret)


def test_workers_at_the_same_time_send_each_message_once(own_app: Flask) -> None:
    start = threading.Barrier(WORKERS)

    def work(_: int) -> int:
        with own_app.app_context():
            start.wait()
            return deliver(LOCAL).delivered

    with receiving() as receiver:
        with own_app.app_context():
            owner = an_owner(Role.SUPERVISOR)
            for number in range(4):
                a_webhook(owner, f"{receiver.url}/{number}", events=["project.changed"])
            change_projects([a_project() for _ in range(4)], times=10)
        with ThreadPoolExecutor(WORKERS) as threads:
            delivered = sum(threads.map(work, range(WORKERS)))
        with own_app.app_context():
            while (run := deliver(LOCAL)) != WebhookRun():
                delivered += run.delivered
    assert delivered == 160
    assert len({request.message_id for request in receiver.accepted}) == len(receiver.accepted) == 160
    for number in range(4):
        of_one = [request for request in receiver.accepted if request.path == f"/hook/{number}"]
        for seqs in seqs_by_subject(of_one).values():
            assert seqs == sorted(seqs)


def test_batches_of_webhooks_are_sent_in_turn(app: Flask, present: Present) -> None:
    """Receivers that are slow at each message and have many of them do not keep the threads from the others."""
    present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    slow, other = (a_webhook(owner, f"http://127.0.0.1:1/{name}", events=["project.changed"])[0] for name in "ab")
    change_projects([a_project() for _ in range(12)], times=1)
    fan_out()
    present.move(timedelta(seconds=1))
    batch = lease_batch(slow)
    record_batch(batch, [Attempt(None, 204, 9_000) for _ in batch.messages])

    assert len(batch.messages) == 10
    assert due_webhooks(2) == [other, slow]


def test_command_prints_what_it_sent(own_app: Flask, registry: CommandLine, present: Present) -> None:
    registry.settings["REGISTRY_SECRET_KEY"] = str(own_app.config["SECRET_KEY"])
    present.set(now())
    with own_app.app_context(), receiving() as receiver:
        a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.changed"])
        change_projects([a_project()], times=3)
        ran = registry("webhooks", "deliver", "--json", REGISTRY_WEBHOOK_NETWORKS="127.0.0.0/8")
        assert (ran.code, ran.json) == (0, {"delivered": 3, "failed": 0})
        present.move(timedelta(seconds=1))
        deliver_all(present)
    assert len(receiver.accepted) == 3


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
