"""Stops of the tour: webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from registry.accounts.roles import Role
from registry.accounts.service import person_named
from registry.core.clock import now
from registry.core.database import transaction
from registry.demo.records import demo_actor
from registry.webhooks.models import DisabledReason, Webhook, WebhookDelivery
from registry.webhooks.queue import disable
from registry.webhooks.service import create_webhook, rotate_secret
from tests.web.tour_stop import Stop, person_name

CONDITIONS = [{"event": "case.changed", "before": ["new", "under_review"], "after": ["remediation"]}]


def add_webhooks() -> dict[str, object]:
    """A webhook of the supervisor with deliveries of every state, and a disabled one."""
    person = person_named(person_name(Role.SUPERVISOR))
    owner = replace(demo_actor(person.name), account_id=person.account_id)
    values = {"url": "https://systems.example.kz/qaztech", "events": ["case.changed", "flag.opened"]}
    webhook = create_webhook(owner, {**values, "conditions": CONDITIONS})[0].id
    rotate_secret(owner, webhook)
    disabled = create_webhook(owner, {"url": "https://archive.example.kz/qaztech"})[0].id
    at = now()
    tried: dict[str, Any] = {"tries": 2, "tried_at": at, "duration_ms": 48}
    rows: tuple[dict[str, Any], ...] = (
        {"state": "delivered", "status": 204, "ended_at": at, **tried},
        {"state": "given_up", "status": 500, "error": "status", "ended_at": at, **tried},
        {"state": "dropped", "ended_at": at},
        {"state": "waiting", "error": "timeout", **tried, "duration_ms": 10_000},
        {"state": "queued"},
    )
    with transaction() as session:
        for number, row in enumerate(rows, 1):
            given = {
                "webhook_id": webhook,
                "message_id": f"msg_{webhook}_test_{number}",
                "type": "webhook.test",
                "subject": f"webhook:{webhook}",
                "tries": 0,
                "created_at": at,
                "next_try_at": at + timedelta(minutes=5),
            }
            session.add(WebhookDelivery(**given | row))
        other = session.get(Webhook, disabled)
        assert other is not None
        disable(other, DisabledReason.FAILURES)
    return {"webhook": webhook, "webhook_disabled": disabled}


def stops_of_webhooks(known: Mapping[str, object]) -> list[Stop]:
    """Pages of webhooks."""
    here, disabled = (f"/webhooks/{known[name]}" for name in ("webhook", "webhook_disabled"))
    return [
        Stop("webhooks", Role.SUPERVISOR, "/webhooks"),
        Stop("webhooks-none", Role.AGENCY_EDITOR, "/webhooks"),
        Stop("webhooks-of-others", Role.ADMINISTRATOR, "/webhooks"),
        Stop("webhook", Role.SUPERVISOR, here),
        Stop("webhook-none-waiting", Role.SUPERVISOR, f"{disabled}?state=waiting"),
        Stop("webhook-of-another", Role.ADMINISTRATOR, here),
        Stop("webhook-new", Role.SUPERVISOR, "/webhooks/new"),
        Stop(
            "webhook-new-error",
            Role.SUPERVISOR,
            "/webhooks/new",
            {"url": "https://10.1.0.7/", "conditions": "", "agency": ""},
        ),
        Stop("webhook-edit", Role.SUPERVISOR, f"{here}/edit"),
        Stop("webhook-rotation", Role.SUPERVISOR, f"{here}/secret-rotation"),
        Stop("webhook-replay", Role.SUPERVISOR, f"{here}/replay"),
        Stop("webhook-replay-error", Role.SUPERVISOR, f"{here}/replay", {"since": "1"}),
        Stop("webhook-deletion", Role.SUPERVISOR, f"{here}/deletion"),
    ]
