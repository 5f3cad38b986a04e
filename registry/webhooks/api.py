"""The endpoints of webhooks. A secret is in the response to the creation and to the rotation only."""

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, LOCATION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments
from registry.core.database import transaction
from registry.core.fields import BaseSchema
from registry.http.responses import make_tag, require_fresh_if_named
from registry.webhooks import queries, schemas
from registry.webhooks.service import change_webhook, create_webhook, delete_webhook, queue_test, replay, rotate_secret

blp = ApiBlueprint("webhooks", __name__, description="Messages about changes, sent to other systems.", integrator=True)
SECRET: Final = "secret"  # noqa: S105 - the name of a property
NO_STORE: Final = {"Cache-Control": "no-store"}
NOTHING: Final = BaseSchema()


def etag_data(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what the entity tag is made from: everything that a webhook shows."""
    return "webhook", *row.values()


@blp.route("/webhooks")
class Webhooks(MethodView):
    """The webhooks that the caller sees."""

    @blp.listing(queries.WEBHOOK_LIST, schemas.WebhookShown, operation="list_webhooks")
    def get(self, query: ListArguments) -> Any:
        """List the own webhooks, those of service accounts that one answers for and, as with tokens, others."""
        return queries.WEBHOOK_LIST.read(current_actor(), *query)

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="create_webhook")
    @blp.arguments(schemas.WEBHOOK_BODY)
    @blp.idempotent(secret=SECRET)
    @blp.etag
    @blp.response(201, schemas.WebhookWithSecret, description="Created.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Create a webhook. It gets what the account may see, from the next change on."""
        actor = current_actor()
        webhook, secret = create_webhook(actor, values)
        row = queries.webhook_row(actor, webhook.id)
        blp.set_etag(etag_data(row))
        return {**row, SECRET: secret}, {"Location": f"{API_PREFIX}/webhooks/{webhook.id}", **NO_STORE}


@blp.route("/webhooks/<row_id:id>")
class WebhookById(MethodView):
    """One webhook."""

    @blp.requires(Permission.OWN_ACCOUNT_READ, operation="read_webhook")
    @blp.etag
    @blp.response(200, schemas.WebhookShown)
    def get(self, id: int) -> Any:
        """Read a webhook."""
        row = queries.webhook_row(current_actor(), id)
        return blp.tagged(row, etag_data(row))

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="patch_webhook")
    @blp.etag
    @blp.arguments(schemas.WEBHOOK_PATCH, location="merge_patch")
    @blp.response(200, schemas.WebhookShown)
    def patch(self, values: Mapping[str, Any], id: int) -> Any:
        """Change an own webhook. Enabled again, it goes on where it stopped."""
        actor = current_actor()
        with transaction():
            webhook, _account = queries.find_visible(actor, id, lock=True)
            blp.check_etag(etag_data(queries.webhook_row(actor, id)))
            change_webhook(actor, webhook, values)
            row = queries.webhook_row(actor, id)
        return blp.tagged(row, etag_data(row))

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="delete_webhook")
    @blp.honours("IfMatch")
    @blp.response(204, description="Deleted.")
    def delete(self, id: int) -> None:
        """Delete a webhook with its log: an own one, or one of an account that the caller manages.

        With `If-Match`, only in the state that was read.
        """
        actor = current_actor()
        with transaction():
            queries.find_visible(actor, id, lock=True)
            require_fresh_if_named(make_tag(*etag_data(queries.webhook_row(actor, id))))
            delete_webhook(actor, id)


@blp.route("/webhooks/<row_id:id>/secret-rotation", methods=["POST"])
@blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="rotate_webhook_secret")
@blp.arguments(NOTHING, required=False)
@blp.idempotent(secret=SECRET)
@blp.response(200, schemas.WebhookWithSecret, description="Rotated.")
def rotate_webhook_secret(_values: Mapping[str, Any], id: int) -> Any:
    """Give an own webhook another secret. For 24 hours messages have two signatures, by both secrets."""
    actor = current_actor()
    webhook, secret = rotate_secret(actor, id)
    return {**queries.webhook_row(actor, webhook.id), SECRET: secret}, NO_STORE


@blp.route("/webhooks/<row_id:id>/replay", methods=["POST"])
@blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="replay_webhook")
@blp.arguments(schemas.REPLAY_BODY)
@blp.response(202, schemas.WebhookShown, description="Accepted.")
def replay_webhook(values: Mapping[str, Any], id: int) -> Any:
    """Deliver again what an own webhook gets of all changes since an instant, with the same message ids."""
    actor = current_actor()
    replay(actor, id, values["since"])
    return queries.webhook_row(actor, id)


@blp.route("/webhooks/<row_id:id>/test", methods=["POST"])
@blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="test_webhook")
@blp.arguments(NOTHING, required=False)
@blp.response(202, schemas.DeliveryShown, description="Accepted.")
def send_test_message(_values: Mapping[str, Any], id: int) -> Any:
    """Send a message of the type `webhook.test` to the receiver of an own webhook; its result is in the log."""
    return queries.delivery_row(queue_test(current_actor(), id))


@blp.route("/webhooks/<row_id:id>/deliveries", methods=["GET"])
@blp.listing(queries.DELIVERY_LIST, schemas.DeliveryShown, operation="list_webhook_deliveries")
def list_webhook_deliveries(query: ListArguments, id: int) -> Any:
    """List the deliveries of an own webhook, the newest first. Ended ones are kept for 30 days."""
    return queries.list_deliveries(current_actor(), id, query.filters, query.page)
