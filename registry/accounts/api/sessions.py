"""The sessions endpoints: the browser sessions of the caller's own account.

Reading them needs the scope ``accounts:write`` too: where and when a person works is not for every program that has a
token to read the register.
"""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from registry.accounts.own_sessions import end_own_session, list_sessions
from registry.accounts.roles import Permission
from registry.accounts.schemas import SESSION, SESSION_EXAMPLE
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.pages import PageSchema
from registry.core.lists import Listing

blp = ApiBlueprint("sessions", __name__, description="The open browser sessions of one's own account.")


@blp.route("/sessions")
class Sessions(MethodView):
    """The own sessions."""

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE)
    @blp.doc(operationId="list_own_sessions")
    @blp.response(200, PageSchema(SESSION), example={"items": [SESSION_EXAMPLE], "next": None})
    def get(self) -> Any:
        """List the own open sessions, the last used first, all on one page. Service accounts have none."""
        shown = [
            {
                "id": session.public_id,
                "device": session.device,
                "address": session.address,
                "started_at": session.started_at,
                "last_used_at": session.last_used_at,
                "factor_kind": session.factor_kind,
            }
            for session in list_sessions(current_actor())
        ]
        return Listing(shown, None)


@blp.route("/sessions/<id>")
class SessionById(MethodView):
    """One session."""

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE)
    @blp.doc(operationId="end_own_session")
    @blp.response(204, description="Ended.")
    def delete(self, id: str) -> None:
        """End an own session."""
        end_own_session(current_actor(), id)
