"""What owners and receivers do with a webhook: conditions, replay, tests, rotation, rights, and how it is disabled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from standardwebhooks.webhooks import WebhookVerificationError

from registry.accounts.account_changes import disable_account
from registry.accounts.roles import Actor, Role
from registry.accounts.service import AccountChanges, edit_account, person_named
from registry.changes.service import RETENTION, delete_old_changes, newest_seq
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.journal.service import JournalEntry
from registry.webhooks.models import Webhook, WebhookDelivery
from registry.webhooks.queries import WebhookNotFound, list_deliveries
from registry.webhooks.queue import WebhookRun, deliver, fan_out, lease_batch, record_batch
from registry.webhooks.sender import Attempt
from registry.webhooks.service import (
    TooManyWebhooks,
    WebhookDisabled,
    change_webhook,
    create_webhook,
    delete_webhook,
    queue_test,
    replay,
    rotate_secret,
    webhook_to_change,
)
from tests.factories import ADMINISTRATOR, a_project, an_account, an_agency, restrict
from tests.notifications.readers import queued_emails
from tests.present import Present
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.world import (
    LOCAL,
    a_webhook,
    an_owner,
    change_projects,
    deliver_all,
    deliveries,
    record_rows,
    states,
    webhook_now,
)

CHANGED = ["project.changed"]


def types(receiver: Receiver) -> list[str]:
    return [message["type"] for message in receiver.messages]


def test_events_and_conditions_choose_what_is_sent(app: Flask) -> None:
    project = a_project()

    def change(before: str, after: str) -> None:
        row = {"kind": "project", "record_id": project.id, "project_id": project.id, "version": 1}
        record_rows([{**row, "old_status": before, "new_status": after}])

    conditions: list[dict[str, Any]] = [
        {"event": "project.changed", "before": ["clear"], "after": ["flagged"]},
        {"event": "project.changed", "after": ["exempt"]},
    ]
    with receiving() as receiver:
        a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=CHANGED, conditions=conditions)
        for before, after in (("clear", "flagged"), ("flagged", "clear"), ("flagged", "exempt"), ("clear", "clear")):
            change(before, after)
        a_project()
        deliver(LOCAL)
    changes = [each["data"]["data"] for each in receiver.messages]
    sent = [(each["before"]["status"], each["after"]["status"]) for each in changes]
    assert sent == [("clear", "flagged"), ("flagged", "exempt")]


def test_condition_on_one_event_leaves_others_alone(app: Flask) -> None:
    conditions = [{"event": "project.changed", "after": ["exempt"]}]
    with receiving() as receiver:
        a_webhook(an_owner(Role.SUPERVISOR), receiver.url, conditions=conditions)
        a_project()
        deliver(LOCAL)
    assert "project.registered" in types(receiver)


def test_both_secrets_sign_for_24_hours_after_a_rotation(app: Flask, present: Present) -> None:
    present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    with receiving() as receiver:
        webhook, former = a_webhook(owner, receiver.url, events=CHANGED)
        _, current = rotate_secret(owner, webhook)
        assert current != former
        change_projects([a_project()], times=1)
        deliver(LOCAL)
        receiver.accepted[0].verify(former)
        receiver.accepted[0].verify(current)
        assert receiver.accepted[0].headers["webhook-signature"].count("v1,") == 2
        present.move(timedelta(hours=24))
        change_projects([a_project()], times=1)
        deliver(LOCAL)
    receiver.accepted[1].verify(current)
    with pytest.raises(WebhookVerificationError):
        receiver.accepted[1].verify(former)


def test_secret_of_another_key_of_the_service_is_a_failure_until_it_is_rotated(
    app: Flask, monkeypatch: pytest.MonkeyPatch, present: Present
) -> None:
    present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=CHANGED)
        change_projects([a_project()], times=1)
        monkeypatch.setitem(app.config, "SECRET_KEY", "another key of the service")
        assert deliver(LOCAL) == WebhookRun(failed=1)
        assert states(webhook) == [("waiting", 1, "secret-unreadable")]
        _, secret = rotate_secret(owner, webhook)
        deliver_all(present)
    assert len(receiver.arrived) == 1
    receiver.accepted[0].verify(secret)


def test_replay_sends_again_with_the_same_ids(app: Flask, present: Present) -> None:
    start = present.set(now())
    owner, projects = an_owner(Role.SUPERVISOR), [a_project(), a_project()]
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=CHANGED)
        change_projects(projects, times=2)
        present.set(start + timedelta(hours=1))
        change_projects(projects, times=1)
        deliver_all(present)
        first = [request.message_id for request in receiver.accepted]
        assert len(first) == 6
        replay(owner, webhook, start + timedelta(minutes=30))
        deliver_all(present)
        assert sorted(request.message_id for request in receiver.accepted[6:]) == sorted(first[4:])
        # Also of what is no longer in the log.
        with transaction() as session:
            session.execute(delete(WebhookDelivery))
        replay(owner, webhook, start)
        deliver_all(present)
    assert sorted(request.message_id for request in receiver.accepted[8:]) == sorted(first)
    assert {each.state for each in deliveries(webhook)} == {"delivered"}


def test_replay_during_a_batch_keeps_the_order(app: Flask, present: Present) -> None:
    start = present.set(now())
    owner, project = an_owner(Role.SUPERVISOR), a_project()
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=CHANGED)
        present.move(timedelta(seconds=1))
        change_projects([project], times=3)
        fan_out()
        batch = lease_batch(webhook)
        assert batch is not None
        replay(owner, webhook, start)
        fan_out()
        # Its result does not count: the message comes again, before those behind it.
        record_batch(batch, [Attempt(None, 204, 1)])
        assert [state for state, _, _ in states(webhook)] == ["waiting", "queued", "queued"]
        deliver_all(present)
    seqs = [message["data"]["seq"] for message in receiver.messages]
    assert seqs == [each.seq for each in deliveries(webhook)]


def test_test_message_is_sent_and_logged(app: Flask) -> None:
    owner = an_owner(Role.AGENCY_VIEWER, a_project().agency)
    with receiving() as receiver:
        webhook, secret = a_webhook(owner, receiver.url)
        queue_test(owner, webhook)
        deliver(LOCAL)
    (request,) = receiver.accepted
    request.verify(secret)
    assert request.json["type"] == "webhook.test"
    assert request.json["data"] == {"subject": f"webhook:{webhook}"}
    assert states(webhook) == [("delivered", 1, None)]


def test_test_message_does_not_wait_for_the_pause_of_a_dead_receiver(app: Flask, present: Present) -> None:
    present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    with receiving(Receiver(answer=lambda _request: 500)) as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=CHANGED)
        change_projects([a_project() for _ in range(12)], times=1)
        deliver(LOCAL)
        queue_test(owner, webhook)
        assert deliver(LOCAL) == WebhookRun(failed=1)
    assert receiver.arrived[-1].json["type"] == "webhook.test"


def test_webhook_is_disabled_after_a_week_of_failures_and_its_owner_notified(app: Flask, present: Present) -> None:
    start = present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    with receiving(Receiver(answer=lambda _request: 500)) as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=CHANGED)
        change_projects([a_project()], times=4)
        while webhook_now(webhook).disabled_at is None:
            deliver(LOCAL)
            present.move(timedelta(hours=1))
        assert timedelta(days=7) <= now() - start < timedelta(days=8)
        attempts = len(receiver.arrived)
        present.move(timedelta(days=1))
        assert deliver(LOCAL) == WebhookRun()
        assert webhook_now(webhook).disabled_reason == "failures"
        address = f"{owner.principal}@owners.kz"
        assert queued_emails() == [(address, "webhook-added", [webhook]), (address, "webhook-disabled", [webhook])]
        # Enabled again, it goes on where it stopped.
        receiver.answer = lambda _request: 204
        with transaction():
            assert change_webhook(owner, webhook_to_change(owner, webhook), {"enabled": True}) == ["enabled"]
        deliver_all(present)
    assert len(receiver.arrived) > attempts
    assert len(receiver.accepted) == len([state for state, _, _ in states(webhook) if state == "delivered"]) > 0
    assert {state for state, _, _ in states(webhook)} == {"delivered", "given_up"}


def test_receiver_that_is_gone_disables_the_webhook(app: Flask) -> None:
    with receiving(Receiver(answer=lambda _request: 410)) as receiver:
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=CHANGED)
        change_projects([a_project()], times=1)
        deliver(LOCAL)
    assert webhook_now(webhook).disabled_reason == "gone"


def test_disabled_webhook_sends_nothing_and_takes_no_test(app: Flask) -> None:
    owner = an_owner(Role.SUPERVISOR)
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=CHANGED)
        with transaction():
            change_webhook(owner, webhook_to_change(owner, webhook), {"enabled": False})
        change_projects([a_project()], times=1)
        assert deliver(LOCAL) == WebhookRun()
        for ask in (lambda: queue_test(owner, webhook), lambda: replay(owner, webhook, now())):
            with pytest.raises(WebhookDisabled):
                ask()
    assert receiver.arrived == []


def test_webhook_that_was_disabled_for_longer_than_changes_are_kept_gets_those_that_are_left(
    app: Flask, present: Present
) -> None:
    present.set(now())
    owner = an_owner(Role.SUPERVISOR)
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=CHANGED)
        with transaction():
            change_webhook(owner, webhook_to_change(owner, webhook), {"enabled": False})
        expired, left = a_project(), a_project()
        change_projects([expired], times=1)
        present.move(RETENTION + timedelta(seconds=1))
        change_projects([left], times=1)
        delete_old_changes()
        with transaction():
            change_webhook(owner, webhook_to_change(owner, webhook), {"enabled": True})
        deliver(LOCAL)
    assert [message["data"]["subject"] for message in receiver.messages] == [f"project:{left.number}"]


def test_webhook_ahead_of_a_feed_that_was_restored_by_hand_goes_on_with_the_next_change(app: Flask) -> None:
    with receiving() as receiver:
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=CHANGED)
        project = a_project()
        with transaction() as session:
            session.execute(update(Webhook).values(seq=newest_seq() + 1000))
        deliver(LOCAL)
        assert webhook_now(webhook).seq == newest_seq()
        change_projects([project], times=1)
        deliver(LOCAL)
    assert types(receiver) == CHANGED


def test_lease_of_a_killed_worker_ends_after_a_minute(app: Flask, present: Present) -> None:
    present.set(now())
    with receiving() as receiver:
        webhook, _ = a_webhook(an_owner(Role.SUPERVISOR), receiver.url, events=CHANGED)
        change_projects([a_project()], times=1)
        fan_out()
        lost = lease_batch(webhook)
        assert lost is not None
        # While the lease lasts, nobody else sends.
        present.move(timedelta(seconds=59))
        assert lease_batch(webhook) is None
        assert deliver(LOCAL) == WebhookRun()
        present.move(timedelta(seconds=1))
        assert deliver(LOCAL) == WebhookRun(delivered=1)
        # Who lost the lease records nothing.
        record_batch(lost, [Attempt(None, 204, 1)])
    assert [request.message_id for request in receiver.accepted] == [
        message.headers["webhook-id"] for message in lost.messages if message.headers
    ]
    assert states(webhook) == [("delivered", 2, None)]


def test_deleted_webhook_is_gone_with_its_log(app: Flask) -> None:
    owner = an_owner(Role.SUPERVISOR)
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=CHANGED)
        change_projects([a_project()], times=1)
        deliver(LOCAL)
        delete_webhook(owner, webhook)
    assert deliveries(webhook) == []


def test_account_has_at_most_20_webhooks(app: Flask) -> None:
    owner = an_owner(Role.SUPERVISOR)
    for number in range(20):
        create_webhook(owner, {"url": f"https://receiver.example.kz/{number}"})
    with pytest.raises(TooManyWebhooks):
        create_webhook(owner, {"url": "https://receiver.example.kz/20"})


def test_owner_is_notified_of_a_new_webhook_without_its_address(app: Flask) -> None:
    owner = an_owner(Role.SUPERVISOR)
    webhook, _ = a_webhook(owner, "https://receiver.example.kz/secret-path")
    address = f"{owner.principal}@owners.kz"
    assert queued_emails() == [(address, "webhook-added", [webhook])]


def test_person_who_answers_for_a_service_account_is_notified_of_its_webhook(app: Flask) -> None:
    person = an_owner(Role.SUPERVISOR)
    with transaction():
        service = an_account("warehouse", Role.AUDITOR)
        service.owner_account_id = person.account_id
    actor = Actor("warehouse", Role.AUDITOR, None, "127.0.0.1", "tests", service.id)
    webhook, _ = a_webhook(actor, "https://receiver.example.kz/hook")
    assert queued_emails() == [(f"{person.principal}@owners.kz", "webhook-added", [webhook])]


def subjects(receiver: Receiver) -> list[str]:
    return [message["data"]["subject"] for message in receiver.messages]


def test_restricted_project_does_not_reach_oversight_without_the_right(app: Flask) -> None:
    agency = an_agency()
    with receiving() as reviewer, receiving() as supervisor, receiving() as own, receiving() as other:
        secret, public = a_project(agency), a_project(agency)
        restrict(secret.number)
        events = ["project.changed"]
        a_webhook(an_owner(Role.REVIEWER), reviewer.url, events=events)
        a_webhook(an_owner(Role.SUPERVISOR), supervisor.url, events=events)
        a_webhook(an_owner(Role.AGENCY_EDITOR, agency), own.url, events=events)
        a_webhook(an_owner(Role.AGENCY_EDITOR, an_agency()), other.url, events=events)
        change_projects([secret, public], times=1)
        deliver(LOCAL)
    both = {f"project:{secret.number}", f"project:{public.number}"}
    assert subjects(reviewer) == [f"project:{public.number}"]
    assert set(subjects(supervisor)) == both
    assert set(subjects(own)) == both
    assert subjects(other) == []
    reads = select(JournalEntry.principal, JournalEntry.credential).where(
        JournalEntry.action == "restricted.read", JournalEntry.subject == f"project:{secret.number}"
    )
    assert {credential.partition(":")[0] for _, credential in db.session.execute(reads)} == {"webhook"}


def test_project_restricted_after_queueing_is_dropped_and_withdrawn_from_view(app: Flask) -> None:
    project = a_project()
    owner = an_owner(Role.REVIEWER)
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url)
        change_projects([project], times=2)
        fan_out()
        assert [each.state for each in deliveries(webhook)] == ["waiting", "queued"]
        restrict(project.number)
        deliver(LOCAL)
    assert [message["type"] for message in receiver.messages] == ["project.withdrawn-from-view"]
    log = list_deliveries(owner, webhook, {}, Page()).items
    assert [(each["type"], each["state"]) for each in log] == [
        ("project.withdrawn-from-view", "delivered"),
        ("project.changed", "dropped"),
        ("project.changed", "dropped"),
    ]
    # The log does not name what the owner may no longer see, but for the event that says so.
    assert [each["subject"] for each in log] == [f"project:{project.number}", None, None]


def test_agency_narrows_what_oversight_gets(app: Flask) -> None:
    agency = an_agency()
    below = an_agency(parent=agency)
    inside, outside = [a_project(agency), a_project(below)], a_project()
    with receiving() as receiver:
        a_webhook(an_owner(Role.SUPERVISOR), receiver.url, agency=agency.bin, events=["project.changed"])
        change_projects([outside, *inside], times=1)
        deliver(LOCAL)
    assert sorted(subjects(receiver)) == sorted(f"project:{each.number}" for each in inside)


@pytest.mark.parametrize("end", ["disabled", "other-role"])
def test_webhook_ends_with_the_rights_of_its_owner(app: Flask, end: str) -> None:
    owner = an_owner(Role.SUPERVISOR)
    person = person_named(owner.principal)
    assert person is not None and owner.account_id is not None
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=["project.changed"])
        change_projects([a_project()], times=2)
        fan_out()
        if end == "disabled":
            disable_account(ADMINISTRATOR, person.account_id)
        else:
            edit_account(ADMINISTRATOR, owner.account_id, AccountChanges(role=Role.OPERATOR))
        assert deliver(LOCAL) == WebhookRun()
    assert receiver.arrived == []
    assert (webhook_now(webhook).disabled_reason, states(webhook)[0][0]) == ("rights", "waiting")


def test_owner_with_another_role_goes_on_with_it_when_enabling_again(app: Flask) -> None:
    owner = an_owner(Role.SUPERVISOR)
    assert owner.account_id is not None
    secret, public = a_project(), a_project()
    restrict(secret.number)
    with receiving() as receiver:
        webhook, _ = a_webhook(owner, receiver.url, events=["project.changed"])
        edit_account(ADMINISTRATOR, owner.account_id, AccountChanges(role=Role.REVIEWER))
        change_projects([secret, public], times=1)
        deliver(LOCAL)
        assert webhook_now(webhook).disabled_reason == "rights"
        reviewer = replace(owner, role=Role.REVIEWER)
        with transaction():
            change_webhook(reviewer, webhook_to_change(reviewer, webhook), {"enabled": True})
        deliver(LOCAL)
    assert subjects(receiver) == [f"project:{public.number}"]
    assert webhook_now(webhook).role == "reviewer"


def test_narrower_token_does_not_see_the_webhook_of_the_whole_account(app: Flask) -> None:
    owner = an_owner(Role.SUPERVISOR)
    narrow = replace(owner, role=Role.REVIEWER, account_role=Role.SUPERVISOR, credential="token:of-tests")
    with receiving() as receiver:
        wide, _ = a_webhook(owner, receiver.url)
        with pytest.raises(WebhookNotFound):
            webhook_to_change(narrow, wide)
        of_token, _ = a_webhook(narrow, receiver.url, events=["project.changed"])
        secret = a_project()
        restrict(secret.number)
        change_projects([secret], times=1)
        deliver(LOCAL)
    assert [message for message in receiver.messages if message["type"] == "project.changed"] != []
    assert deliveries(of_token) == []
