"""The flags endpoint: what the audits found, over all projects that the caller may see."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.filter_parameters import plain_parameters
from registry.api.operation_docs import LINK
from registry.api.pages import PageSchema, page_response
from registry.api.query_schemas import ListArguments, list_query
from registry.flags.queries import FLAG_FILTERS, SORTS, list_flags
from registry.flags.schemas import FLAG
from registry.http.locale import request_locale
from registry.projects.api import examples

blp = ApiBlueprint(
    "flags", __name__, description="One rule's finding on one project, from the audit that opened it to its end."
)


@blp.route("/flags")
class Flags(MethodView):
    """All flags."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="list_all_flags")
    @blp.arguments(list_query(plain_parameters(FLAG_FILTERS), SORTS), location="query")
    @blp.response(200, PageSchema(FLAG), example={"items": [examples.FLAG], "next": None}, headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List flags, the newest first: standing ones and cleared ones, each with its clause and what to do next."""
        return page_response(list_flags(current_actor(), *query, request_locale()))
