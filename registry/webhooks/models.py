"""Tables of webhooks and their deliveries, and their closed sets."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model
from registry.core.queues import Retried
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Closed vocabularies of webhooks: states of deliveries, why attempts fail, why webhooks are disabled.


class DeliveryState(Choices, field="delivery_state"):
    """States of a delivery. Of each subject one delivery waits at most; later ones are queued behind it."""

    QUEUED = "queued", lazy_text("Behind an earlier event")
    WAITING = "waiting", lazy_text("Waiting")
    DELIVERED = "delivered", lazy_text("Delivered")
    GIVEN_UP = "given_up", lazy_text("Given up")
    DROPPED = "dropped", lazy_text("No longer visible")


class DeliveryError(Choices, field="delivery_error"):
    """Why an attempt failed."""

    TARGET = "target-not-allowed", lazy_text("The address of the receiver is not allowed")
    NAME = "name-not-resolved", lazy_text("The host name has no address")
    CONNECTION = "connection-failed", lazy_text("No connection")
    CERTIFICATE = "certificate-invalid", lazy_text("The certificate is not valid")
    TIMEOUT = "timeout", lazy_text("No answer within 10 seconds")
    RESPONSE = "response-invalid", lazy_text("The answer is no HTTP")
    STATUS = "status", lazy_text("The answer is no success")
    SECRET = "secret-unreadable", lazy_text("The secret cannot be read: rotate it")


class DisabledReason(Choices, field="disabled_reason"):
    """Why a webhook is disabled."""

    OWNER = "owner", lazy_text("Disabled by its owner")
    FAILURES = "failures", lazy_text("A week without a successful delivery")
    GONE = "gone", lazy_text("The receiver answered that it is gone (410)")
    RIGHTS = "rights", lazy_text("The owner’s account or role has changed")
    RESTORED = "restored", lazy_text("A backup was restored: enable it again after a check")


TEST_EVENT: Final = "webhook.test"


# Tables of webhooks: subscriptions and their deliveries.

MAX_URL_LENGTH: Final = 2_000
# SQLite counts ids by itself in INTEGER columns only.
LONG: Final = BigInteger().with_variant(Integer, "sqlite")


class Webhook(Model):
    """A subscription. It gets what its account may see with ``role``, at the time of each delivery.

    ``role``: that of the session or token that saved it last, as a token may have a narrower role than its account.
    ``agency_id``: events of this agency and those below it only; None for all that the account sees.
    ``events``: codes; empty for all. ``conditions``: on the status before and after, of some events.
    ``seq``: the last change that was looked at. ``previous_secret_until``: how long the former secret signs too.
    ``failing_since``: the first failed attempt after the last success. ``failures``: batches that failed as a whole
    since then. ``next_batch_at``: until then the receiver is left alone. ``lease_until``: of the
    worker that is sending now.
    """

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    url: Mapped[str] = mapped_column(String(MAX_URL_LENGTH))
    events: Mapped[list[str]] = mapped_column(JSON)
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    encrypted_secret: Mapped[str] = mapped_column(Text)
    encrypted_previous_secret: Mapped[str | None] = mapped_column(Text)
    previous_secret_until: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    disabled_reason: Mapped[str | None] = mapped_column(String(20))
    seq: Mapped[int] = mapped_column(BigInteger)
    failing_since: Mapped[datetime | None] = mapped_column(Instant)
    failures: Mapped[int] = mapped_column(default=0)
    next_batch_at: Mapped[datetime] = mapped_column(Instant)
    lease_until: Mapped[datetime | None] = mapped_column(Instant)


class WebhookDelivery(Retried, Model):
    """One event on its way to one receiver. ``message_id``: the header webhook-id, the same at each attempt.

    ``seq``: the change; None for a test. Changes of one subject are delivered in the order of ``seq``: the first waits
    for ``next_try_at``, those behind it are queued. ``status``, ``error`` and ``duration_ms`` are of the last attempt.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[int] = mapped_column(LONG, primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id"))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    message_id: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    tried_at: Mapped[datetime | None] = mapped_column(Instant)
    status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(30))
    duration_ms: Mapped[int | None]

    __table_args__ = (
        Index("uq_webhook_deliveries_webhook_id_seq", "webhook_id", "seq", unique=True),
        Index(
            "ix_webhook_deliveries_waiting",
            "webhook_id",
            "next_try_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_webhook_deliveries_open",
            "webhook_id",
            "subject",
            "seq",
            sqlite_where=text("state IN ('waiting', 'queued')"),
            postgresql_where=text("state IN ('waiting', 'queued')"),
        ),
        Index(None, "webhook_id", "id"),
        Index(None, "ended_at"),
    )
