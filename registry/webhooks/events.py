"""Events of webhooks: changes of the feed as their owners may see them, who gets which, and their messages."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update

from registry.accounts.agency_tree import subtree
from registry.accounts.models import Account, person_actor, public_url
from registry.accounts.roles import Actor, Role, is_within
from registry.accounts.vocabulary import AccountStatus
from registry.agencies.models import Agency
from registry.changes.models import ChangeKind, RecordedChange
from registry.changes.service import newest_seq
from registry.core.clock import rfc3339
from registry.core.database import db, require_transaction
from registry.feed.queries import Change, changes_at
from registry.feed.schemas import CHANGE
from registry.webhooks.models import TEST_EVENT, Webhook

# Whose eyes a webhook reads with: its account as it is at that moment, with the role that saved the webhook.

WEBHOOK_PREFIX: Final = "webhook:"


def owner_of(webhook: Webhook) -> Actor | None:
    """Return the actor that reads for a webhook; None when the account is not active or no longer has the role."""
    account = db.session.get(Account, webhook.account_id, populate_existing=True)
    if account is None or account.status != AccountStatus.ACTIVE:
        return None
    role, account_role = Role(webhook.role), Role(account.role)
    if not is_within(role, account.agency_id, account_role, account.agency_id):
        return None
    actor = person_actor(account, f"{WEBHOOK_PREFIX}{webhook.id}", "webhook", "")
    narrower = None if role is account_role else account_role
    return replace(actor, role=role, is_person=account.is_person, account_role=narrower)


def people_of(webhook_id: int) -> list[int]:
    """Return the account of the person whose webhook it is, or who answers for the service account that has it."""
    statement = select(Account).join(Webhook, Webhook.account_id == Account.id).where(Webhook.id == webhook_id)
    account = db.session.scalar(statement.execution_options(populate_existing=True))
    person = None if account is None else account.id if account.is_person else account.owner_account_id
    return [] if person is None else [person]


def pass_on_webhooks(former_id: int, successor_id: int) -> None:
    """Let webhooks of an agency be of its successor, in the open transaction."""
    of_former = update(Webhook).where(Webhook.agency_id == former_id).values(agency_id=successor_id)
    require_transaction().execute(of_former, execution_options={"synchronize_session": False})


def is_wanted(webhook: Webhook, change: Change, numbers: Collection[str] | None) -> bool:
    """Return True when the webhook gets the change.

    ``numbers``: BINs of its agency and those below it, None without an agency. That a project came into view or left
    it does not depend on the agency: who follows the projects of one has to know that one was passed on.
    """
    if webhook.events and change.type.value not in webhook.events:
        return False
    if numbers is not None and change.kind is not ChangeKind.VIEW and _agency(change) not in numbers:
        return False
    of_event = [each for each in webhook.conditions if each["event"] == change.type.value]
    return not of_event or any(_holds(each, change) for each in of_event)


def agency_numbers(webhook: Webhook) -> frozenset[str] | None:
    """Return the BINs of the agency of a webhook and of those below it; None for a webhook of all agencies."""
    if webhook.agency_id is None:
        return None
    below = select(Agency.bin).where(Agency.id.in_(select(subtree(webhook.agency_id).c.id)))
    return frozenset(db.session.scalars(below))


def message_body(change: Change) -> str:
    """Return the body of the message about a change; ``data`` is the item of ``GET /changes``."""
    return _encoded(change.type.value, change.at, CHANGE.dump(change))


def test_body(webhook_id: int, at: datetime) -> str:
    """Return the body of a test message."""
    return _encoded(TEST_EVENT, at, {"subject": f"webhook:{webhook_id}"})


def seq_before(since: datetime) -> int:
    """Return the number before that of the first change since an instant; that of the last change when there is
    none.
    """
    first = select(RecordedChange.seq).where(RecordedChange.at >= since).order_by(RecordedChange.seq).limit(1)
    seq = db.session.scalar(first)
    return newest_seq() if seq is None else seq - 1


def visible_seqs(actor: Actor, seqs: Sequence[int]) -> frozenset[int]:
    """Return those of the changes that the actor may see now."""
    return frozenset(change.seq for change in changes_at(actor, seqs))


def _agency(change: Change) -> Any:
    if change.kind is ChangeKind.AGENCY:
        return change.subject.partition(":")[2]
    return change.data.get("agency")


def _holds(condition: dict[str, list[str]], change: Change) -> bool:
    return all(
        not condition.get(name) or (change.data.get(name) or {}).get("status") in condition[name]
        for name in ("before", "after")
    )


def _encoded(event: str, at: datetime, data: dict[str, Any]) -> str:
    message = {"type": event, "timestamp": rfc3339(at), "source": public_url(), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), default=str)
