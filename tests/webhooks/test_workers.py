"""Workers that are killed or run at the same time: nothing is lost, duplicates have the same id, the order stays."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from flask import Flask

from registry.accounts.roles import Role
from registry.core.clock import now
from registry.webhooks.queue import WebhookRun, deliver, due_webhooks, fan_out, lease_batch, record_batch
from registry.webhooks.sender import Attempt
from tests.factories import a_project
from tests.fixtures.cli import CommandLine
from tests.forked import Forked
from tests.present import Present
from tests.webhooks.receiver import Received, Receiver, receiving
from tests.webhooks.world import (
    LOCAL,
    a_webhook,
    an_owner,
    change_projects,
    deliver_all,
    deliveries,
    forget_leases,
    seqs_by_subject,
)

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
    assert batch is not None
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
