"""The endpoint of the search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.filter_parameters import NO_CONTROLS
from registry.api.query_schemas import filter_query
from registry.http.locale import request_locale
from registry.http.query_parameters import Parameter
from registry.search.schemas import EXAMPLE, RESULT
from registry.search.service import search

blp = ApiBlueprint("search", __name__, description="Search of the whole register.")
VISIBLE: Final = "[^\\s\\u0000-\\u001f\\u007f-\\u009f\\ufffd]"
TEXT: Final = Parameter(
    "q",
    "Words, or their beginnings, of names, purposes and agencies; or a number, BIN, or part of a person's name.",
    {"type": "string", "minLength": 2, "pattern": f"^{NO_CONTROLS}*{VISIBLE}{NO_CONTROLS}*{VISIBLE}{NO_CONTROLS}*$"},
    required=True,
)


@blp.route("/search")
class Search(MethodView):
    """Everything that matches."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="search")
    @blp.arguments(filter_query([TEXT]), location="query")
    @blp.response(200, RESULT, example=EXAMPLE)
    def get(self, query: Mapping[str, str]) -> Any:
        """Search projects, agencies, cases, letters and people: the first five of each that the caller may list."""
        return search(current_actor(), query.get(TEXT.name, ""), request_locale())
