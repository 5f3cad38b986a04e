"""The endpoints of related projects: likely duplicates, and links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, LINK, LOCATION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, PageSchema, list_query, page_response
from registry.core.transactions import transaction
from registry.http.request_context import request_locale
from registry.projects.api import examples
from registry.projects.details import read_id
from registry.projects.links import add_link, links_page, remove_link
from registry.projects.schemas import LINK_BODY, PROJECT_LINK, SIMILAR_PROJECTS
from registry.projects.similarity.queries import similar_items, similar_to_project

blp = ApiBlueprint("related projects", __name__, description="Likely duplicates, and links that reviewers set.")
LINK_EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "kind": "duplicate_of",
    "project": "QT-2026-0000007-4",
    "target": examples.NUMBER,
    "note": "The same queue, registered by the subordinate body.",
    "added_at": "2026-03-04T05:00:00.000000Z",
    "added_by": "d.omarov",
}


@blp.route("/projects/<number>/similar")
class SimilarProjects(MethodView):
    """The likely duplicates of a project."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="read_similar_projects")
    @blp.response(200, SIMILAR_PROJECTS, example={"similar": [examples.SIMILAR]})
    def get(self, number: str) -> Any:
        """List the likely duplicates of a project, the most similar first, ten at most.

        Only projects that the caller may read are compared.
        """
        return {"similar": similar_items(similar_to_project(current_actor(), number), request_locale())}


@blp.route("/projects/<number>/links")
class ProjectLinks(MethodView):
    """The links of a project."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="list_links")
    @blp.arguments(list_query(), location="query")
    @blp.response(200, PageSchema(PROJECT_LINK), example={"items": [LINK_EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments, number: str) -> Any:
        """List the links from and to a project, the oldest first.

        Links with a project that the caller may not read are left out.
        """
        project_id = read_id(current_actor(), number, "links")
        return page_response(links_page(current_actor(), project_id, query.page))

    @blp.requires(Permission.PROJECTS_LINK)
    @blp.doc(operationId="create_link")
    @blp.arguments(LINK_BODY, example={"kind": "duplicate_of", "target": examples.NUMBER})
    @blp.idempotent
    @blp.response(201, PROJECT_LINK, description="Linked.", example=LINK_EXAMPLE, headers=LOCATION)
    def post(self, values: Mapping[str, Any], number: str) -> Any:
        """Link a project to another. A link that exists already is returned as it is."""
        with transaction():
            link = add_link(current_actor(), number, values)
        return link, {"Location": f"{API_PREFIX}/projects/{number}/links/{link['id']}"}


@blp.route("/projects/<number>/links/<row_id:id>")
class ProjectLinkById(MethodView):
    """One link."""

    @blp.requires(Permission.PROJECTS_LINK)
    @blp.doc(operationId="delete_link")
    @blp.response(204, description="Removed.")
    def delete(self, number: str, id: int) -> None:
        """Remove a link of a project; the journal keeps it."""
        with transaction():
            remove_link(current_actor(), number, id)
