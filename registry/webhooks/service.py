"""Creating, changing and deleting webhooks, and what their owners ask for: another secret, a replay, a test."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select

from registry.accounts.account_management import find_managed_account
from registry.accounts.models import Account
from registry.accounts.roles import Actor, Permission
from registry.agencies.service import AgencyNotFound, agency_by_bin, may_act_for
from registry.changes.service import newest_seq
from registry.core.clock import now
from registry.core.database import transaction
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.core.installation import encrypt
from registry.journal import service as journal
from registry.webhooks.models import TEST_EVENT, DeliveryState, DisabledReason, Webhook, WebhookDelivery
from registry.webhooks.queries import find_own, find_visible, origin, require_own
from registry.webhooks.queue import seq_before
from registry.webhooks.sender import WEBHOOK_SECRETS, TargetNotAllowed, allowed_targets, new_secret

MAX_WEBHOOKS: Final = 20
# After a rotation both secrets sign, so that receivers can change theirs without losing a message.
OVERLAP: Final = timedelta(hours=24)


class TooManyWebhooks(Conflict):
    """The account has ``MAX_WEBHOOKS`` webhooks."""


class WebhooksNeedAnAccount(NotAllowed):
    """The actor has no account to which a webhook could belong: a command on the server."""


class WebhookDisabled(Conflict):
    """The webhook sends nothing; its owner enables it first."""


def create_webhook(actor: Actor, values: Mapping[str, Any]) -> tuple[Webhook, str]:
    """Create a webhook of the actor from validated values; it begins with the next change. Returns its secret too.

    The owner is notified, of a service account the person who answers for it: whoever took over an account could let
    everything that it sees be sent to an address of their own.

    Raises RoleNotAllowed, WebhooksNeedAnAccount, Invalid and TooManyWebhooks.
    """
    _require_manager(actor)
    with transaction() as session:
        # Locks out another webhook of the same account until their number is checked.
        session.execute(select(Account.id).where(Account.id == actor.account_id).with_for_update())
        checked = _checked(actor, {"events": [], "conditions": [], "agency": None, **values})
        own = select(func.count(Webhook.id)).where(Webhook.account_id == actor.account_id)
        if (session.scalar(own) or 0) >= MAX_WEBHOOKS:
            raise TooManyWebhooks(most=MAX_WEBHOOKS)
        at, secret = now(), new_secret()
        webhook = Webhook(
            account_id=actor.account_id,
            role=actor.role.value,
            **checked,
            encrypted_secret=encrypt(WEBHOOK_SECRETS, secret),
            created_at=at,
            changed_at=at,
            seq=newest_seq(),
            failures=0,
            next_batch_at=at,
        )
        session.add(webhook)
        session.flush()
        journal.record(actor, "webhook.added", f"webhook:{webhook.id}", _details(webhook))
    return webhook, secret


def webhook_to_change(actor: Actor, webhook_id: int) -> Webhook:
    """Return a webhook of the actor, locked until the open transaction ends.

    Raises RoleNotAllowed, WebhookNotFound and WebhookNotYours.
    """
    _require_manager(actor)
    return find_own(actor, webhook_id, lock=True)


def change_webhook(actor: Actor, webhook: Webhook, values: Mapping[str, Any]) -> list[str]:
    """Change a locked webhook from validated values. Returns the names of the changed fields.

    From then on it reads with the role of the actor. Enabled again, it goes on where it stopped. Raises RoleNotAllowed,
    WebhookNotYours and Invalid.
    """
    _require_manager(actor)
    require_own(actor, webhook)
    enabled = values.get("enabled")
    checked = _checked(actor, {name: value for name, value in values.items() if name != "enabled"})
    changed = {name: value for name, value in checked.items() if value != getattr(webhook, name)}
    at = now()
    with transaction() as session:
        for name, value in changed.items():
            setattr(webhook, name, value)
        fields = ["agency" if name == "agency_id" else name for name in changed]
        if enabled is not None and enabled is not (webhook.disabled_at is None):
            fields.append("enabled")
            webhook.disabled_at = None if enabled else at
            webhook.disabled_reason = None if enabled else DisabledReason.OWNER.value
        if not fields:
            return []
        webhook.role, webhook.changed_at = actor.role.value, at
        if enabled or "url" in changed:
            webhook.failing_since, webhook.failures, webhook.next_batch_at = None, 0, at
        session.flush()
        journal.record(actor, "webhook.changed", f"webhook:{webhook.id}", _details(webhook) | {"fields": fields})
    return fields


def delete_webhook(actor: Actor, webhook_id: int) -> None:
    """Delete an own webhook, or one of an account that the actor manages, with its log.

    Raises RoleNotAllowed, WebhookNotFound, and what ``find_managed_account`` raises.
    """
    _require_manager(actor)
    with transaction() as session:
        webhook, account = find_visible(actor, webhook_id, lock=True)
        if webhook.account_id != actor.account_id and account.owner_account_id != actor.account_id:
            actor.require(Permission.PEOPLE_MANAGE)
            find_managed_account(actor, webhook.account_id)
        journal.record(actor, "webhook.deleted", f"webhook:{webhook.id}", _details(webhook))
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.id))
        session.delete(webhook)


def rotate_secret(actor: Actor, webhook_id: int) -> tuple[Webhook, str]:
    """Give an own webhook another secret; the former one signs too for 24 hours. Returns the new secret.

    Raises RoleNotAllowed, WebhookNotFound and WebhookNotYours.
    """
    with transaction():
        webhook, secret, at = webhook_to_change(actor, webhook_id), new_secret(), now()
        webhook.encrypted_previous_secret, webhook.previous_secret_until = webhook.encrypted_secret, at + OVERLAP
        webhook.encrypted_secret, webhook.changed_at = encrypt(WEBHOOK_SECRETS, secret), at
        journal.record(actor, "webhook.secret-rotated", f"webhook:{webhook.id}", _details(webhook))
    return webhook, secret


def replay(actor: Actor, webhook_id: int, since: datetime) -> None:
    """Deliver again all changes since an instant that the webhook gets today, with the same message ids.

    Raises RoleNotAllowed, WebhookNotFound, WebhookNotYours and WebhookDisabled.
    """
    with transaction():
        webhook = _enabled(webhook_to_change(actor, webhook_id))
        # The events come again from there; those that are in the log are waiting again.
        webhook.seq = min(webhook.seq, seq_before(since))
        details = {**_details(webhook), "since": since}
        journal.record(actor, "webhook.replayed", f"webhook:{webhook.id}", details)


def queue_test(actor: Actor, webhook_id: int) -> WebhookDelivery:
    """Queue a test message. Raises RoleNotAllowed, WebhookNotFound, WebhookNotYours and WebhookDisabled."""
    with transaction() as session:
        webhook, at = _enabled(webhook_to_change(actor, webhook_id)), now()
        delivery = WebhookDelivery(
            webhook_id=webhook.id,
            message_id=f"msg_{webhook.id}_test_{secrets.token_hex(8)}",
            type=TEST_EVENT,
            subject=f"webhook:{webhook.id}",
            state=DeliveryState.WAITING.value,
            tries=0,
            created_at=at,
            next_try_at=at,
        )
        session.add(delivery)
        # A receiver that is being left alone is asked at once.
        webhook.next_batch_at = at
        session.flush()
        journal.record(actor, "webhook.tested", f"webhook:{webhook.id}", _details(webhook))
    return delivery


def url_problems(url: str) -> list[Problem]:
    """Return the problem of an address to which no webhook may lead, at ``/url``."""
    try:
        allowed_targets().target(url)
    except TargetNotAllowed:
        return [Problem("/url", "webhook-target-not-allowed")]
    return []


def _require_manager(actor: Actor) -> None:
    actor.require(Permission.OWN_ACCOUNT_MANAGE)
    # A token that may not read must not get what it would read in another way.
    actor.require(Permission.PROJECTS_READ)
    if actor.account_id is None:
        raise WebhooksNeedAnAccount


def _checked(actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as columns. Raises Invalid."""
    checked, problems = dict(values), url_problems(values["url"]) if "url" in values else []
    if "agency" in values:
        number = checked.pop("agency")
        try:
            agency = None if number is None else agency_by_bin(number)
        except AgencyNotFound:
            problems.append(Problem("/agency", "agency-unknown", {"bin": number}))
        else:
            if agency is not None and not may_act_for(actor, agency.id):
                problems.append(Problem("/agency", "webhook-agency-outside"))
            checked["agency_id"] = None if agency is None else agency.id
    if problems:
        raise Invalid(problems)
    return checked


def _enabled(webhook: Webhook) -> Webhook:
    if webhook.disabled_at is not None:
        raise WebhookDisabled(id=webhook.id)
    return webhook


def _details(webhook: Webhook) -> dict[str, Any]:
    # Not the whole URL: its path or query may be a secret of the receiver.
    return {"target": origin(webhook.url), "role": webhook.role}
