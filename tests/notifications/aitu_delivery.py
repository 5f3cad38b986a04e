"""A notice queued for delivery through Aitu, sent, and what is stored of it."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.models import Person
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.notifications.delivery import AituTransport, DeliveryResult, send_due
from registry.notifications.models import Channel, OutboundEmail
from registry.notifications.recipients import recipient_now
from registry.notifications.service import queue_notice
from tests.notifications.aitu_server import TOKEN, AituApi

BOTH = frozenset({Channel.EMAIL, Channel.AITU})
AITU_ONLY = frozenset({Channel.AITU})


def queue(kind: str = "audit-held", reference: int | str = 1, channels: frozenset[Channel] = BOTH) -> None:
    """Queue a notice to the person who was created last."""
    person = db.session.scalars(select(Person.id).order_by(Person.id.desc())).first()
    to = recipient_now(person, None)
    assert to is not None
    with transaction():
        queue_notice(to, {kind: [reference]}, now(), channels=channels)


def rows() -> list[tuple[str, str, int, str | None]]:
    """Return (channel, state, tries, error) of every notice, sorted."""
    columns = (OutboundEmail.channel, OutboundEmail.state, OutboundEmail.tries, OutboundEmail.error)
    return sorted(tuple(row) for row in db.session.execute(select(*columns)))


def send(aitu: AituApi, *, falls_back: bool = True) -> DeliveryResult:
    """Send what is due through Aitu."""
    return send_due(AituTransport(aitu.bot), falls_back=falls_back)


def variables(aitu: AituApi, port: int | None) -> dict[str, str]:
    """The environment variables of a service with Aitu, and with e-mail when there is a port."""
    return {
        "REGISTRY_AITU_BOT_TOKEN": TOKEN,
        "REGISTRY_AITU_BOT_NAME": "qaztech_bot",
        "REGISTRY_AITU_BOT_URL": aitu.url,
        "REGISTRY_PUBLIC_URL": "https://registry.tests",
        "REGISTRY_DIGEST_AT": "off",
        **({} if port is None else {"REGISTRY_SMTP_URL": f"smtp://127.0.0.1:{port}"}),
    }
