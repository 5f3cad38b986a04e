"""A webhook and its deliveries in requests and responses."""

import re
from datetime import datetime
from typing import Any, ClassVar, Final

from registry.accounts.roles import Role
from registry.changes.models import ChangeType
from registry.core import fields
from registry.core.fields import BaseSchema, InputField, ReadOnly, Timestamp
from registry.core.lists import parse_range_edge
from registry.core.translations import lazy_text
from registry.core.values import InvalidValue, is_blank, read_day
from registry.feed.schemas import SOURCE_TEXT
from registry.webhooks.models import MAX_URL_LENGTH, DeliveryError, DeliveryState, DisabledReason

MAX_CONDITIONS: Final = 20
MAX_STATUSES: Final = 20
EVENTS: Final = ChangeType.codes()
STATUS: Final = re.compile(r"[a-z_-]{1,24}")
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
SIDES: Final = ("before", "after")


class Events(InputField):
    """Codes of events, each once."""

    json_schema: ClassVar[dict[str, Any]] = {"type": "array", "items": {"type": "string", "enum": list(EVENTS)}}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or any(each not in EVENTS for each in value):
            raise InvalidValue("not-a-choice", options=", ".join(EVENTS))
        return [each for each in EVENTS if each in value]

    def from_text(self, text: str) -> object:
        """Return the ticked codes; none for all."""
        return text.split()


class Conditions(InputField):
    """Conditions on the status before and after: ``{event, before, after}``.

    A text has one a line: the event, the statuses before, ``>`` and those after: ``case.changed: new > under_review``.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[dict[str, Any]]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or len(value) > MAX_CONDITIONS or not all(map(_is_condition, value)):
            raise InvalidValue("webhook-conditions-invalid", largest=MAX_CONDITIONS)
        return [
            {"event": each["event"], **{name: list(dict.fromkeys(each.get(name, ()))) for name in SIDES}}
            for each in value
        ]

    def from_text(self, text: str) -> object:
        """Return the conditions; a line that is none stays text: invalid."""
        return [_condition_of(line.strip()) for line in text.splitlines() if line.strip()]

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of conditions."""
        condition = {**_condition_schema(), "required": ["event"], "additionalProperties": False}
        return {"type": "array", "items": condition, "maxItems": MAX_CONDITIONS}


def conditions_text(conditions: list[dict[str, Any]]) -> str:
    """Return the conditions as ``Conditions`` reads them."""
    return "\n".join(
        f"{each['event']}: {', '.join(each.get('before', ()))} > {', '.join(each.get('after', ()))}"
        for each in conditions
    )


def _condition_schema() -> dict[str, Any]:
    status = {"type": "string", "pattern": f"^{STATUS.pattern}$"}
    statuses = {"type": "array", "items": status, "maxItems": MAX_STATUSES}
    event = {"type": "string", "enum": list(EVENTS)}
    return {"type": "object", "properties": {"event": event, **dict.fromkeys(SIDES, statuses)}}


def _is_condition(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("event") not in EVENTS or not set(value) <= {"event", *SIDES}:
        return False
    lists = [value.get(name, []) for name in SIDES]
    return any(lists) and all(
        isinstance(each, list)
        and len(each) <= MAX_STATUSES
        and all(isinstance(status, str) and STATUS.fullmatch(status) for status in each)
        for each in lists
    )


def _condition_of(line: str) -> object:
    event, colon, statuses = line.partition(":")
    before, arrow, after = statuses.partition(">")
    if not colon or not arrow:
        return line
    lists = {side: text.replace(",", " ").split() for side, text in zip(SIDES, (before, after), strict=True)}
    return {"event": event.strip(), **lists}


class WebhookBody(BaseSchema):
    """A webhook to create."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset(
        {
            *("id", "owner", "role", "is_own", "disabled_reason", "disabled_at", "failing_since"),
            *("previous_secret_until", "created_at", "changed_at"),
        }
    )

    url = fields.Url(
        MAX_URL_LENGTH,
        required=True,
        label=lazy_text("Address of the receiver"),
        description="Where messages are sent, by POST over https; of others’ webhooks only scheme and host.",
    )
    events = Events(nullable=False, label=lazy_text("Events"), description="Types of changes; empty for all.")
    conditions = Conditions(
        nullable=False,
        label=lazy_text("Conditions on statuses"),
        description="Of these events only those with one of the statuses before and one of those after.",
    )
    agency = fields.Bin(
        label=lazy_text("Agency"),
        description="BIN: only what concerns this agency and those below it; null for all that the account sees.",
    )


class WebhookPatch(WebhookBody):
    """Changes of a webhook."""

    enabled = fields.Boolean(
        nullable=False,
        label=lazy_text("Enabled"),
        description="False stops deliveries; true goes on where they stopped.",
    )


class Moment(InputField):
    """A day in Almaty, which stands for its beginning, or an instant (RFC 3339)."""

    json_schema: ClassVar[dict[str, Any]] = dict(fields.DAY_OR_INSTANT_SCHEMA)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        return parse_range_edge(value, "from")[0]

    def from_text(self, text: str) -> object:
        """Return the instant as it is written, or the day as ``YYYY-MM-DD``."""
        return None if is_blank(text) else text.strip() if "T" in text else read_day(text)


class ReplayBody(BaseSchema):
    """Which events to deliver again."""

    since = Moment(
        required=True,
        label=lazy_text("First day"),
        description="Day in Almaty, or instant (RFC 3339): all that changed since then is delivered again.",
    )


class WebhookShown(BaseSchema):
    """A webhook in responses."""

    id = ReadOnly("Its id.", {"type": "integer"})
    url = ReadOnly("Where messages are sent; of others’ webhooks only scheme and host.", {"type": "string"})
    events = ReadOnly(
        "Types of changes; empty for all.", {"type": "array", "items": {"type": "string", "enum": list(EVENTS)}}
    )
    conditions = ReadOnly(
        "Conditions on the status before and after; an empty list is any.",
        {"type": "array", "items": {**_condition_schema(), "required": ["event", *SIDES]}},
    )
    agency = ReadOnly("BIN of the agency; null for all that the account sees.", TEXT_OR_NULL)
    enabled = ReadOnly("Whether messages are sent.", {"type": "boolean"})
    disabled_reason = ReadOnly(
        "Why not; null when they are.", fields.nullable({"type": "string", "enum": list(DisabledReason.codes())})
    )
    disabled_at = Timestamp("Since when not.", nullable=True)
    failing_since = Timestamp("The first failed attempt after the last success; null after a success.", nullable=True)
    previous_secret_until = Timestamp("How long the former secret signs too; null without one.", nullable=True)
    owner = ReadOnly("Name of the account whose rights count.", {"type": "string"})
    role = ReadOnly("The role with which the account reads.", {"type": "string", "enum": list(Role.codes())})
    is_own = ReadOnly("Whether it is the caller’s.", {"type": "boolean"})
    created_at = Timestamp("When it was created.")
    changed_at = Timestamp("When its owner last changed it.")


class WebhookWithSecret(WebhookShown):
    """A webhook with its new secret."""

    secret = ReadOnly(
        "The key of the signatures, in this response only; null in a response that is repeated for its "
        "`Idempotency-Key`.",
        TEXT_OR_NULL,
    )


class DeliveryShown(BaseSchema):
    """A delivery in responses."""

    id = ReadOnly("Its id.", {"type": "integer"})
    message_id = ReadOnly("The header `webhook-id`.", {"type": "string"})
    type = ReadOnly("What happened; `webhook.test` for a test.", {"type": "string"})
    subject = ReadOnly("The record; null when the caller may no longer see it.", TEXT_OR_NULL)
    state = ReadOnly("Where it stands.", {"type": "string", "enum": list(DeliveryState.codes())})
    tries = ReadOnly("How often it was tried.", {"type": "integer", "minimum": 0})
    status = ReadOnly("Status of the last response; null without one.", {"type": ["integer", "null"]})
    error = ReadOnly(
        "Why the last attempt failed.", fields.nullable({"type": "string", "enum": list(DeliveryError.codes())})
    )
    duration_ms = ReadOnly("How long the last attempt took.", {"type": ["integer", "null"], "minimum": 0})
    created_at = Timestamp("When it was queued.")
    tried_at = Timestamp("When it was last tried.", nullable=True)
    next_try_at = Timestamp("When it is due; null when it has ended.", nullable=True)
    ended_at = Timestamp("When it was delivered or given up.", nullable=True)


class WebhookMessage(BaseSchema):
    """A message about a change, by the Standard Webhooks specification."""

    type = ReadOnly("What happened.", {"type": "string", "enum": list(EVENTS)})
    timestamp = Timestamp("When it happened.")
    source = ReadOnly(SOURCE_TEXT, TEXT_OR_NULL)
    data = ReadOnly("The item of `GET /changes`.", {"$ref": "#/components/schemas/ChangeShown"})


MESSAGE: Final = WebhookMessage()
WEBHOOK_BODY: Final = WebhookBody()
WEBHOOK_PATCH: Final = WebhookPatch(partial=True)
REPLAY_BODY: Final = ReplayBody()
