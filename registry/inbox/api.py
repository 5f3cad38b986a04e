"""The endpoints of the inbox, and of following cases and projects."""

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import LINK, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, PageSchema, list_query, page_response, parameters_of
from registry.cases.vocabulary import Status
from registry.core.fields import DAY_SCHEMA, BaseSchema, Boolean, Ids, ReadOnly, Timestamp, WholeNumber, nullable
from registry.http.requests import request_locale
from registry.inbox import service
from registry.inbox.models import EntryKind
from registry.inbox.queries import INBOX, InboxListing, cases_due_soon, count_unread

blp = ApiBlueprint("inbox", __name__, description="What is new for a person, and what a person follows.")
MAX_ENTRIES: Final = 500
TEXT: Final[dict[str, Any]] = {"type": "string"}


class InboxEntryShown(BaseSchema):
    """What the inbox shows of an entry."""

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("What it is about.", {"type": "string", "enum": list(EntryKind.codes())})
    case = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT)
    by = ReadOnly("Who acted; an audit as `audit:<id>`.", TEXT)
    at = Timestamp("When it happened.")
    due_on = ReadOnly(
        "The last day, inclusive, for what the case waits for; null when it no longer does.", nullable(dict(DAY_SCHEMA))
    )
    read_at = Timestamp("When it was read, or when somebody else did what it asks for; null: unread.", nullable=True)


class InboxReading(BaseSchema):
    """Which entries are read."""

    entries = Ids(MAX_ENTRIES, description="Ids of entries, at most 500.", nullable=False)
    all = Boolean(description="All entries, in place of `entries`.", nullable=False)
    up_to = WholeNumber(description="With `all`: only entries up to this id; newer ones stay unread.", nullable=False)


class InboxRead(BaseSchema):
    """What marking has done."""

    marked = ReadOnly("How many entries were unread until now.", {"type": "integer"})
    unread = ReadOnly("How many are still unread, at most 100.", {"type": "integer"})


class DueSoonShown(BaseSchema):
    """What the inbox shows of a case that is due in three days."""

    case = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT)
    status = ReadOnly("Its status.", {"type": "string", "enum": list(Status.codes())})
    due_on = ReadOnly("The due date.", dict(DAY_SCHEMA))


INBOX_ENTRY: Final = InboxEntryShown()
DUE_SOON: Final = DueSoonShown()


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


@blp.route("/inbox", methods=["GET"])
@blp.requires(Permission.CASES_READ, operation="list_inbox")
@blp.arguments(list_query(parameters_of(INBOX), INBOX.sorts), location="query")
@blp.response(200, InboxPage(INBOX_ENTRY), headers=LINK)
def list_inbox(query: ListArguments) -> Any:
    """List what happened to the caller's cases, questions and orders, newest first. A service account has none.

    ``due_soon`` are the cases that wait for the caller and are due in three days.
    """
    actor = current_actor()
    listing, headers = page_response(INBOX.read(actor, *query))
    due = cases_due_soon(actor, request_locale())
    return InboxListing(listing.items, listing.next, listing.count, due_soon=due), headers


@blp.route("/inbox/read", methods=["POST"])
@blp.requires(Permission.OWN_ACCOUNT_MANAGE, operation="read_inbox")
@blp.arguments(InboxReading)
@blp.response(200, InboxRead)
def read_inbox(values: Mapping[str, Any]) -> Any:
    """Mark entries as read: some, or all up to one of them. Ids of entries of others are ignored."""
    actor, entries, every = current_actor(), values.get("entries"), values.get("all") is True
    marked = service.mark_read(actor, entries=entries, all_entries=every, up_to=values.get("up_to"))
    return {"marked": marked, "unread": count_unread(actor)}


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
        service.watch_case(current_actor(), case_id, follow=False)


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
        service.watch_project(current_actor(), number, follow=False)
