"""Events for a receiver that fails for 30 % of them, with workers that are killed: every one arrives."""

from __future__ import annotations

import os
from collections import Counter, defaultdict

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.core.clock import now
from registry.core.database import db
from registry.webhooks.models import WebhookDelivery
from registry.webhooks.queue import deliver
from tests.factories import a_project, an_agency
from tests.fixtures.cli import CommandLine
from tests.present import Present
from tests.webhooks.receiver import Received, Receiver, failing_at_random, receiving
from tests.webhooks.world import LOCAL, a_webhook, an_owner, change_projects, deliver_all, forget_leases

# 100,000 take half an hour on each database.
EVENTS = int(os.environ.get("REGISTRY_WEBHOOK_EVENTS", "5000"))
PROJECTS = 200
KILLS = 20


@pytest.mark.at_length
def test_no_message_is_lost_by_a_flaky_receiver_and_killed_workers(
    own_app: Flask, registry: CommandLine, present: Present
) -> None:
    registry.settings["REGISTRY_SECRET_KEY"] = str(own_app.config["SECRET_KEY"])
    flaky = failing_at_random(0.3)
    kill_at = EVENTS // 100
    arrived: Counter[str] = Counter()
    ids: dict[int, set[str]] = defaultdict(set)
    order: dict[str, list[int]] = defaultdict(list)
    workers = []

    def take(request: Received) -> int:
        # Kept without the bodies: 100,000 of them are 60 MB.
        item = request.json["data"]
        arrived[request.message_id] += 1
        ids[item["seq"]].add(request.message_id)
        if not order[item["subject"]] or item["seq"] > order[item["subject"]][-1]:
            order[item["subject"]].append(item["seq"])
        if workers and sum(arrived.values()) % kill_at == 0:
            workers[-1].kill()
        # After twelve failures it would be given up, which is not what is tried here.
        return flaky(request) if arrived[request.message_id] < 9 else 204

    with own_app.app_context(), receiving(Receiver(answer=take, keeps=False)) as receiver:
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=["project.changed"])
        agency = an_agency()
        projects = [a_project(agency) for _ in range(PROJECTS)]
        # Read, then detached: otherwise each end of a transaction would mark all 200 as unread.
        assert len({each.id for each in projects}) == PROJECTS
        db.session.expunge_all()
        for _ in range(EVENTS // PROJECTS):
            change_projects(projects, times=1)
        for _ in range(KILLS):
            with registry.fork("webhooks", "deliver", REGISTRY_WEBHOOK_NETWORKS="127.0.0.0/8") as worker:
                workers.append(worker)
                worker.communicate()
            forget_leases()
        workers.clear()
        present.set(now())
        deliver_all(present, most=100_000)
        assert deliver(LOCAL).delivered == 0
        by_state = select(WebhookDelivery.state, func.count()).group_by(WebhookDelivery.state)
        states = {str(state): int(count) for state, count in db.session.execute(by_state)}
        seqs = list(db.session.scalars(select(WebhookDelivery.seq).order_by(WebhookDelivery.seq)))
    assert states == {"delivered": EVENTS}
    assert len(ids) == len(arrived) == EVENTS
    assert all(len(each) == 1 for each in ids.values())
    assert sorted(seq for each in order.values() for seq in each) == seqs
    assert all(message.startswith(f"msg_{webhook}_") for message in arrived)
