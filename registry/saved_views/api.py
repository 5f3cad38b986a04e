"""The endpoints of saved views."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.parameters import ListArguments
from registry.core.translations import message
from registry.http.requests import request_locale
from registry.saved_views.queries import MAX_COUNTED, VIEW_LIST, ShownView, with_count
from registry.saved_views.schemas import VIEW_BODY, View
from registry.saved_views.service import delete_view, save_view

blp = ApiBlueprint("saved-views", __name__, description="Named filters and sorts of a list, own and shared ones.")


def visible(shown: ShownView) -> dict[str, Any]:
    """Return the view as the caller sees it."""
    view, problem, language = shown.view, shown.problem, request_locale()
    return {
        **{name: getattr(view, name) for name in ("id", "name", "list", "query", "shared", "created_at")},
        "owner": shown.owner,
        "is_own": shown.is_own,
        "count": (MAX_COUNTED + 1 if shown.count is None else shown.count) if shown.is_counted else None,
        "problem": problem
        and {
            "pointer": problem.pointer,
            "code": problem.code,
            "message": message(problem.code, language, problem.params),
        },
    }


@blp.route("/views")
class Views(MethodView):
    """The views that the caller sees."""

    @blp.listing(VIEW_LIST, View, operation="list_views")
    def get(self, query: ListArguments) -> Any:
        """List the own views and those shared with the caller's side, the oldest first."""
        listing = VIEW_LIST.read(current_actor(), *query)
        return replace(listing, items=[visible(each) for each in listing.items])

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="create_view")
    @blp.arguments(VIEW_BODY)
    @blp.response(201, View, description="Saved.")
    def post(self, values: Mapping[str, Any]) -> Any:
        """Save a view of a list; a person has at most 50."""
        return visible(with_count(current_actor(), save_view(current_actor(), values).id))


@blp.route("/views/<row_id:id>", methods=["DELETE"])
@blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="delete_view")
@blp.response(204, description="Deleted.")
def delete_own_view(id: int) -> None:
    """Delete an own view; supervisors and administrators of agencies also those shared on their side."""
    delete_view(current_actor(), id)
