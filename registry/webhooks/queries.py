"""The webhooks that an actor sees, and the log of their deliveries."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from registry.accounts.account_management import visible_accounts
from registry.accounts.models import Account
from registry.accounts.roles import Actor, Permission, roles_within
from registry.agencies.models import Agency
from registry.core import lists
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import NotAllowed, NotFound
from registry.core.lists import Listing, Page, read_cursor
from registry.webhooks.models import TEST_EVENT, DeliveryState, Webhook, WebhookDelivery
from registry.webhooks.queue import visible_seqs
from registry.webhooks.schemas import EVENTS

OPEN_STATES: Final = (DeliveryState.QUEUED.value, DeliveryState.WAITING.value)


class WebhookNotFound(NotFound):
    """No webhook has this id, or the actor may not see it."""


class WebhookNotYours(NotAllowed):
    """The actor sees the webhook, but it is of another account."""


def webhook_row(actor: Actor, webhook_id: int) -> dict[str, Any]:
    """Return the webhook with that id, as the actor sees it. Raises RoleNotAllowed and WebhookNotFound."""
    webhook, account = find_visible(actor, webhook_id)
    return _row(actor, webhook, account, _bins([webhook]))


def find_visible(actor: Actor, webhook_id: int, *, lock: bool = False) -> tuple[Webhook, Account]:
    """Return a webhook and its account; the webhook is locked on request. Raises RoleNotAllowed and WebhookNotFound."""
    actor.require(Permission.OWN_ACCOUNT_READ)
    statement = _visible(actor).where(Webhook.id == webhook_id)
    if lock:
        statement = statement.with_for_update(of=Webhook)
    row = db.session.execute(statement.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise WebhookNotFound(id=webhook_id)
    return row[0], row[1]


def find_own(actor: Actor, webhook_id: int, *, lock: bool = False) -> Webhook:
    """Return a webhook of the actor. Raises RoleNotAllowed, WebhookNotFound, and WebhookNotYours for another one."""
    webhook, _ = find_visible(actor, webhook_id, lock=lock)
    require_own(actor, webhook)
    return webhook


def require_own(actor: Actor, webhook: Webhook) -> None:
    """Raise WebhookNotYours for the webhook of another account."""
    if webhook.account_id != actor.account_id:
        raise WebhookNotYours(id=webhook.id)


def list_deliveries(actor: Actor, webhook_id: int, filters: Mapping[str, str], page: Page) -> Listing:
    """Return a page of the deliveries of an own webhook, the newest first.

    Raises RoleNotAllowed, WebhookNotFound, WebhookNotYours and Malformed.
    """
    actor.require(Permission.OWN_ACCOUNT_READ)
    # Wrong parameters are reported before what the path names.
    DELIVERY_LIST.criteria(actor, filters)
    if page.cursor is not None:
        read_cursor(page.cursor)
    of_webhook = WebhookDelivery.webhook_id == find_own(actor, webhook_id).id
    return DELIVERY_LIST.read(actor, filters, page, only=(of_webhook,))


def visible_webhooks(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on webhooks, joined with their accounts, that the actor sees.

    Own ones, with a narrower token only those of its roles: it must not redirect what it may not read. Those of service
    accounts that the actor answers for, and those of the accounts whose tokens the actor lists.
    """
    # No account has the id 0.
    account_id = actor.account_id or 0
    own = Webhook.account_id == account_id
    if actor.account_role is not None:
        own = and_(own, Webhook.role.in_([role.value for role in roles_within(actor.role)]))
    listed = visible_accounts(actor) if actor.may(Permission.TOKENS_READ) else false()
    return or_(own, Account.owner_account_id == account_id, and_(Webhook.account_id != account_id, listed))


def _visible(actor: Actor) -> Select[Webhook, Account]:
    return select(Webhook, Account).join(Account, Account.id == Webhook.account_id).where(visible_webhooks(actor))


def _shown(actor: Actor, rows: Sequence[Any]) -> list[dict[str, Any]]:
    bins = _bins([each["Webhook"] for each in rows])
    return [_row(actor, each["Webhook"], each["Account"], bins) for each in rows]


WEBHOOK_LIST: Final = lists.RecordList[Actor](
    name="webhooks",
    permission=Permission.OWN_ACCOUNT_READ,
    rows=_visible,
    unique=Webhook.id.expression,
    shown=_shown,
    default_sort="id",
)


def _bins(webhooks: Sequence[Webhook]) -> dict[int, str]:
    """Return the BINs of the agencies of webhooks, by id."""
    ids = {each.agency_id for each in webhooks if each.agency_id is not None}
    rows = db.session.execute(select(Agency.id, Agency.bin).where(Agency.id.in_(ids))) if ids else ()
    return {row.id: row.bin for row in rows}


def _row(actor: Actor, webhook: Webhook, account: Account, bins: Mapping[int, str]) -> dict[str, Any]:
    is_own = webhook.account_id == actor.account_id
    until = webhook.previous_secret_until
    names = ("id", "events", "conditions", "disabled_reason", "disabled_at", "failing_since", "role")
    return {
        **{name: getattr(webhook, name) for name in (*names, "created_at", "changed_at")},
        # The path or the query may be a secret of the receiver.
        "url": webhook.url if is_own else origin(webhook.url),
        "agency": None if webhook.agency_id is None else bins[webhook.agency_id],
        "enabled": webhook.disabled_at is None,
        "previous_secret_until": until if until is not None and until > now() else None,
        "owner": account.name,
        "is_own": is_own,
    }


def origin(url: str) -> str:
    """Scheme and host of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def delivery_row(delivery: WebhookDelivery, visible: Container[int] = ()) -> dict[str, Any]:
    """Return a delivery as it is shown; the subject of a change only if it is among the visible ones."""
    names = ("id", "message_id", "type", "state", "tries", "status", "error", "duration_ms", "created_at", "tried_at")
    return {
        **{name: getattr(delivery, name) for name in names},
        "subject": delivery.subject if delivery.seq is None or delivery.seq in visible else None,
        "next_try_at": delivery.next_try_at if delivery.state in OPEN_STATES else None,
        "ended_at": delivery.ended_at,
    }


def _shown_deliveries(actor: Actor, deliveries: Sequence[WebhookDelivery]) -> list[dict[str, Any]]:
    visible = visible_seqs(actor, [each.seq for each in deliveries if each.seq is not None])
    return [delivery_row(each, visible) for each in deliveries]


DELIVERY_LIST: Final = lists.RecordList[Actor](
    name="deliveries",
    permission=Permission.OWN_ACCOUNT_READ,
    rows=lambda _actor: select(WebhookDelivery),
    unique=WebhookDelivery.id.expression,
    shown=_shown_deliveries,
    filters={
        "state": lists.ChoiceFilter(WebhookDelivery.state.expression, DeliveryState.codes()),
        "type": lists.ChoiceFilter(WebhookDelivery.type.expression, (*EVENTS, TEST_EVENT)),
        **lists.instant_filters("created_at", WebhookDelivery.created_at.expression),
    },
)
