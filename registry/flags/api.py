"""The flags endpoint: what the audits found, over all projects that the caller may see."""

from __future__ import annotations

from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import LINK, ApiBlueprint, current_actor
from registry.api.exports import PROJECT, ListExport, add_exports, expand_parameter, split_expand, with_projects
from registry.api.parameters import ListArguments, PageSchema, list_query, negatable, page_response, plain_parameters
from registry.flags.queries import FLAG_FILTERS, SORTS, list_flags
from registry.flags.schemas import FLAG
from registry.http.request_context import request_locale
from registry.journal.read_replica import use_read_replica
from registry.projects import examples

blp = ApiBlueprint(
    "flags", __name__, description="One rule's finding on one project, from the audit that opened it to its end."
)
FILTERS: Final = negatable(plain_parameters(FLAG_FILTERS))
add_exports(
    blp,
    ListExport(
        "flags",
        Permission.PROJECTS_READ,
        FILTERS,
        FLAG,
        lambda actor, filters, page: list_flags(actor, filters, page, request_locale()),
    ),
)


@blp.route("/flags")
class Flags(MethodView):
    """All flags."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="list_all_flags")
    @blp.arguments(list_query((*FILTERS, expand_parameter(PROJECT)), SORTS, counted=True), location="query")
    @blp.response(200, PageSchema(FLAG, counted=True), example={"items": [examples.FLAG], "next": None}, headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List flags, the newest first: active ones and cleared ones, each with its clause and what to do next."""
        use_read_replica()
        filters, expand = split_expand(query.filters, PROJECT)
        listing = list_flags(current_actor(), filters, query.page, request_locale())
        return page_response(with_projects(current_actor(), listing, expand))
