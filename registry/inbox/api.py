"""The endpoints of the inbox, and of following cases and projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import LINK, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, PageSchema, list_query, page_response, parameters_of
from registry.http.requests import request_locale
from registry.inbox import service
from registry.inbox.queries import INBOX, InboxListing, cases_due_soon, count_unread
from registry.inbox.schemas import DUE_SOON, INBOX_ENTRY, INBOX_READ, INBOX_READING

blp = ApiBlueprint("inbox", __name__, description="What is new for a person, and what a person follows.")


class InboxPage(PageSchema):
    """A page of entries, and what is due soon."""

    def dump(self, obj: Any, **kwargs: Any) -> Any:
        """Return the page; ``due_soon`` is the same on every page."""
        return {**super().dump(obj, **kwargs), "due_soon": [DUE_SOON.dump(each) for each in obj.due_soon]}

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of a page with one list more."""
        schema = super().json_schema()
        due: dict[str, Any] = {
            "type": "array",
            "description": "Cases that wait for the caller and are due in three days, earliest first.",
            "items": DUE_SOON,
        }
        return {
            **schema,
            "properties": {**schema["properties"], "due_soon": due},
            "required": [*schema["required"], "due_soon"],
        }


@blp.route("/inbox")
class Inbox(MethodView):
    """The caller's inbox."""

    @blp.requires(Permission.CASES_READ, operation="list_inbox")
    @blp.arguments(list_query(parameters_of(INBOX), INBOX.sorts), location="query")
    @blp.response(200, InboxPage(INBOX_ENTRY), headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List what happened to the caller's cases, questions and orders, newest first. A service account has none.

        ``due_soon`` are the cases that wait for the caller and are due in three days.
        """
        actor = current_actor()
        listing, headers = page_response(INBOX.read(actor, *query))
        due = cases_due_soon(actor, request_locale())
        return InboxListing(listing.items, listing.next, listing.count, due_soon=due), headers


@blp.route("/inbox/read")
class InboxReading(MethodView):
    """Marks of the caller's entries."""

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, operation="read_inbox")
    @blp.arguments(INBOX_READING)
    @blp.idempotent
    @blp.response(200, INBOX_READ)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Mark entries as read: some, or all up to one of them. Ids of entries of others are ignored."""
        marked = service.mark_read(
            current_actor(),
            entries=values.get("entries"),
            all_entries=values.get("all") is True,
            up_to=values.get("up_to"),
        )
        return {"marked": marked, "unread": count_unread(current_actor())}


@blp.route("/cases/<row_id:case_id>/watch")
class CaseWatch(MethodView):
    """Whether the caller follows a case."""

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.CASES_READ, operation="watch_case")
    @blp.response(204, description="Followed.")
    def put(self, case_id: int) -> None:
        """Follow a case: its comments and changes of its status come to the inbox."""
        service.watch_case(current_actor(), case_id)

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.CASES_READ, operation="unwatch_case")
    @blp.response(204, description="Not followed any more.")
    def delete(self, case_id: int) -> None:
        """Stop following a case."""
        service.unwatch_case(current_actor(), case_id)


@blp.route("/projects/<number>/watch")
class ProjectWatch(MethodView):
    """Whether the caller follows a project."""

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="watch_project")
    @blp.response(204, description="Followed.")
    def put(self, number: str) -> None:
        """Follow a project: comments on its cases and changes of their status come to the inbox."""
        service.watch_project(current_actor(), number)

    @blp.requires(Permission.OWN_ACCOUNT_MANAGE, Permission.PROJECTS_READ, operation="unwatch_project")
    @blp.response(204, description="Not followed any more.")
    def delete(self, number: str) -> None:
        """Stop following a project."""
        service.unwatch_project(current_actor(), number)
