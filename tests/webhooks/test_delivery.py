"""Deliveries to a real receiver: at least once, in the order of each subject, whatever the receiver does."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

from flask import Flask

from registry.accounts.roles import Role
from registry.core.clock import now
from registry.core.database import transaction
from registry.core.trace_context import outgoing_headers, trace_of_job
from registry.projects.service import change_project, find_project_to_change
from registry.webhooks.jobs import delete_old_deliveries
from registry.webhooks.queue import WebhookRun, deliver
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.present import Present
from tests.webhooks.receiver import Received, Receiver, failing_at_random, receiving
from tests.webhooks.world import (
    LOCAL,
    a_webhook,
    an_owner,
    change_projects,
    deliver_all,
    deliveries,
    seqs_by_subject,
    states,
    webhook_now,
)


def test_change_is_sent_once_with_a_signature_that_verifies(app: Flask) -> None:
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


def test_changed_field_is_sent_with_its_value(app: Flask) -> None:
    agency = an_agency()
    project = a_project(agency)
    with receiving() as receiver:
        a_webhook(an_owner(Role.AGENCY_EDITOR, agency), receiver.url, events=["project.changed"])
        with transaction():
            change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, project.number), {"stage": "pilot"})
        deliver(LOCAL)
    (message,) = receiver.messages
    assert message["data"]["data"]["after"]["stage"] == "pilot"
