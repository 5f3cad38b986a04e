"""The endpoint of projects by the agency's own reference: read, and registered or replaced."""

from __future__ import annotations

from typing import Any, Final

from flask.views import MethodView
from werkzeug.http import quote_etag

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ETAG, LOCATION, ApiBlueprint, current_actor
from registry.core.fields import Loaded
from registry.core.transactions import repeated, transaction
from registry.http.etag import make_tag, require_state_if_named
from registry.projects.api import examples
from registry.projects.api.representations import etag_data, project_row
from registry.projects.batch import number_of, put_project
from registry.projects.details import read_whole
from registry.projects.models import Project
from registry.projects.registration_checks import ExternalIdTaken
from registry.projects.schemas import PROJECT, PROJECT_REPLACEMENT

blp = ApiBlueprint("projects-by-reference", __name__, description="Projects by the external id of their agency.")
REPLACEMENT_EXAMPLE: Final[dict[str, Any]] = {
    **{name: value for name, value in examples.SENT.items() if name not in ("agency", "external_id")},
    "change_reason": "Act 12 of 28 February 2026",
}


@blp.route("/agencies/<bin>/projects/<external_id:external_id>")
class ProjectByExternalId(MethodView):
    """One project."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="read_project_by_external_id")
    @blp.etag
    @blp.response(200, PROJECT, example=examples.PROJECT)
    def get(self, bin: str, external_id: str) -> Any:
        """Read a project by its external id, which is percent-encoded and may hold `/`."""
        row = read_whole(current_actor(), number_of(current_actor(), bin, external_id), "project")
        blp.set_etag(etag_data(row))
        return row

    # Without ``etag``: it needs no If-Match, because whoever replaces everything need not have read it.
    @blp.requires(Permission.PROJECTS_WRITE)
    @blp.doc(operationId="put_project")
    @blp.honours("IfMatch", "IfNoneMatchAny")
    @blp.arguments(PROJECT_REPLACEMENT, example=REPLACEMENT_EXAMPLE)
    @blp.response(200, PROJECT, description="Replaced.", example=examples.PROJECT, headers={"ETag": ETAG})
    @blp.alt_response(
        201, schema=PROJECT, description="Registered.", example=examples.PROJECT, headers={"ETag": ETAG, **LOCATION}
    )
    def put(self, sent: Loaded, bin: str, external_id: str) -> Any:
        """Register a project, or replace all its fields, by its external id.

        A field that is absent is cleared. Sent again, it changes nothing. `If-Match` and `If-None-Match: *` are
        honoured, and not required.
        """
        reason = sent.values.pop("change_reason", None)

        def put_once() -> tuple[dict[str, Any], bool]:
            with transaction():
                project, is_new = put_project(
                    current_actor(), bin, external_id, sent.values, sent.problems, reason, _require_state
                )
                return project_row(project), is_new

        row, is_new = repeated(put_once, ExternalIdTaken)
        headers = {"ETag": quote_etag(make_tag(*etag_data(row)))}
        if is_new:
            return row, 201, {**headers, "Location": f"{API_PREFIX}/projects/{row['number']}"}
        return row, headers


def _require_state(project: Project | None) -> None:
    require_state_if_named(None if project is None else make_tag(*etag_data(project_row(project))))
