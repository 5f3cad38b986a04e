"""Owners of webhooks, webhooks that lead to a receiver, and changes for them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import insert, select, update

from registry.accounts.models import account_named
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.changes.models import ChangeHead, RecordedChange
from registry.changes.service import newest_seq
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.projects.models import Project
from registry.webhooks.models import Webhook, WebhookDelivery
from registry.webhooks.queue import deliver
from registry.webhooks.sender import WEBHOOK_NETWORKS, AllowedTargets
from registry.webhooks.service import create_webhook
from tests.factories import ADMINISTRATOR, PASSWORD
from tests.present import Present
from tests.webhooks.receiver import Received

LOCAL = AllowedTargets(("127.0.0.0/8",))
OPEN = ("queued", "waiting")
_serial = itertools.count(1)


def an_owner(role: Role | str, agency: Agency | None = None) -> Actor:
    """A person with an account and an address for e-mails."""
    name = f"owner-{next(_serial)}"
    agency_id = agency.id if agency else None
    add_person(ADMINISTRATOR, NewPerson(name, Role(role), agency_id, f"{name}@owners.kz", "en"), PASSWORD)
    account = account_named(name)
    return Actor(name, Role(role), agency_id, "127.0.0.1", "tests", account.id, is_person=True)


def a_webhook(owner: Actor, url: str, **values: Any) -> tuple[int, str]:
    """The id of a new webhook that may lead to this machine, and its secret."""
    current_app.config[WEBHOOK_NETWORKS] = LOCAL.networks
    webhook, secret = create_webhook(owner, {"url": url, **values})
    return webhook.id, secret


def change_projects(projects: Sequence[Project], times: int) -> None:
    """Record so many changes of each project, in turn."""
    row = {"kind": "project", "version": 1, "old_status": "clear", "new_status": "clear", "fields": "stage"}
    record_rows([{**row, "record_id": each.id, "project_id": each.id} for each in projects] * times)


def record_rows(rows: list[dict[str, Any]]) -> None:
    """Put changes into the feed that nothing has made."""
    with transaction() as session:
        numbered = enumerate(rows, newest_seq() + 1)
        session.execute(insert(RecordedChange), [{**row, "seq": seq, "at": now()} for seq, row in numbered])
        session.execute(update(ChangeHead).values(seq=ChangeHead.seq + len(rows)))


def webhook_now(webhook_id: int) -> Webhook:
    """The webhook, read again."""
    db.session.rollback()
    return db.session.execute(
        select(Webhook).where(Webhook.id == webhook_id).execution_options(populate_existing=True)
    ).scalar_one()


def deliveries(webhook_id: int) -> list[WebhookDelivery]:
    """The log, the oldest change first."""
    db.session.rollback()
    statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id).order_by(WebhookDelivery.seq)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def states(webhook_id: int) -> list[tuple[str, int, str | None]]:
    """State, attempts and error of each delivery."""
    return [(each.state, each.tries, each.error) for each in deliveries(webhook_id)]


def deliver_all(present: Present, most: int = 200) -> None:
    """Deliver until nothing is open, moving the clock to when something is due."""
    for _ in range(most):
        deliver(LOCAL)
        db.session.rollback()
        waiting = select(WebhookDelivery.next_try_at).where(WebhookDelivery.state.in_(OPEN))
        pauses = select(Webhook.next_batch_at).where(Webhook.disabled_at.is_(None))
        due = sorted(db.session.scalars(waiting.where(WebhookDelivery.state == "waiting")))
        if not due:
            assert db.session.scalar(waiting.limit(1)) is None
            return
        present.set(max(due[0], *db.session.scalars(pauses), now() + timedelta(milliseconds=1)))
    raise AssertionError("some deliveries are still open")


def forget_leases() -> None:
    """As if the lease of a killed worker had ended."""
    with transaction() as session:
        session.execute(update(Webhook).values(lease_until=now()))


def seqs_by_subject(requests: Sequence[Received]) -> dict[str, list[int]]:
    """The numbers of the changes, by subject, each once, in the order in which they were accepted first."""
    seqs_of: dict[str, dict[int, None]] = defaultdict(dict)
    for request in requests:
        item = request.json["data"]
        seqs_of[item["subject"]].setdefault(item["seq"])
    return {subject: list(seqs) for subject, seqs in seqs_of.items()}
