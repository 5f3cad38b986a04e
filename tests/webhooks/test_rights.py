"""Nobody gets what they may not see: rights are those of the owner when a message is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import disable_account
from registry.accounts.roles import Role
from registry.accounts.service import AccountChanges, edit_account, person_named
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.journal.service import JournalEntry
from registry.webhooks.queries import WebhookNotFound, list_deliveries
from registry.webhooks.queue import WebhookRun, deliver, fan_out
from registry.webhooks.service import change_webhook, webhook_to_change
from tests.factories import ADMINISTRATOR, a_project, an_agency, restrict
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.world import LOCAL, a_webhook, an_owner, change_projects, deliveries, states, webhook_now


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
