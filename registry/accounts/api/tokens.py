"""The tokens endpoints. A token is shown once, when it is created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission, Role
from registry.accounts.schemas import NEW_TOKEN, NEW_TOKEN_EXAMPLE, TOKEN, TOKEN_BODY, TOKEN_EXAMPLE, TOKEN_SENT
from registry.accounts.service_accounts import issue_service_token
from registry.accounts.token_queries import TOKEN_SORTS, list_tokens, token_filters, token_row
from registry.accounts.tokens import IssuedToken, TokenNotFound, issue_own_token, revoke, revoke_own_token
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.operation_docs import LINK
from registry.api.pages import PageSchema, page_response
from registry.api.parameters import ListArguments, list_query, plain_parameters

blp = ApiBlueprint("tokens", __name__, description="Bearer tokens. A token never may more than its account.")
SECRET: Final = "token"  # noqa: S105 - the name of a property
SERVICE_EXAMPLE: Final = {**NEW_TOKEN_EXAMPLE, "account": "e-queue", "kind": "service", "owner": "a.serikova"}


@blp.route("/tokens")
class Tokens(MethodView):
    """The own tokens, and those that the role lists."""

    @blp.requires(Permission.OWN_ACCOUNT_READ)
    @blp.doc(operationId="list_all_tokens")
    @blp.arguments(list_query(plain_parameters(token_filters()), tuple(TOKEN_SORTS)), location="query")
    @blp.response(200, PageSchema(TOKEN), example={"items": [TOKEN_EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List the own tokens and, for account administrators and auditors, others; by default the newest first."""
        return page_response(list_tokens(current_actor(), *query))

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE)
    @blp.doc(operationId="create_token")
    @blp.arguments(TOKEN_BODY, example=TOKEN_SENT)
    @blp.idempotent(secret=SECRET)
    @blp.response(201, NEW_TOKEN, description="Created.", example=NEW_TOKEN_EXAMPLE)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Create a token of the own account, never wider than the token of this request."""
        return _shown_once(issue_own_token(current_actor(), *_role_and_lifetime(values), **_limits(values)))


@blp.route("/tokens/<key_id>")
class TokenByKeyId(MethodView):
    """One token."""

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE)
    @blp.doc(operationId="revoke_token")
    @blp.response(204, description="Revoked.")
    def delete(self, key_id: str) -> None:
        """Revoke a token. It and the own tokens that it created stop working at once; again changes nothing."""
        _revoke(current_actor(), key_id)


@blp.route("/accounts/<row_id:id>/tokens")
class TokensOfService(MethodView):
    """The tokens of a service account."""

    @blp.requires(Permission.TOKENS_MANAGE, Permission.TOKENS_READ)
    @blp.doc(operationId="create_service_token")
    @blp.arguments(TOKEN_BODY, example=TOKEN_SENT)
    @blp.idempotent(secret=SECRET)
    @blp.response(201, NEW_TOKEN, description="Created.", example=SERVICE_EXAMPLE)
    def post(self, values: Mapping[str, Any], id: int) -> Any:
        """Create a token of a service account; with an oversight role it waits for a second person's confirmation."""
        return _shown_once(issue_service_token(current_actor(), id, *_role_and_lifetime(values), **_limits(values)))


def _revoke(actor: Actor, key_id: str) -> None:
    try:
        revoke_own_token(actor, key_id)
    except TokenNotFound:
        # Who sees others' tokens and may not revoke them learns that; to everybody else they are not there.
        if not actor.may(Permission.TOKENS_READ):
            raise
        revoke(actor, key_id)


def _role_and_lifetime(values: Mapping[str, Any]) -> tuple[Any, Role | None]:
    role = values.get("role")
    return values.get("expires_in"), None if role is None else Role(role)


def _limits(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "scopes": values.get("scopes"),
        "addresses": values.get("addresses") or (),
        "purpose": values.get("purpose"),
    }


def _shown_once(issued: IssuedToken) -> tuple[dict[str, Any], dict[str, str]]:
    return {**token_row(issued.key_id), SECRET: issued.text}, {"Cache-Control": "no-store"}
