"""The endpoint of batches: many projects are registered with one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.core.errors import RegistryError
from registry.http.error_handlers import problem_body, status_of
from registry.projects.api import examples
from registry.projects.batch import ExternalIdsCollided, register_batch
from registry.projects.schemas import PROJECT_BATCH, PROJECT_BATCH_RESULT, PROJECT_BODY

blp = ApiBlueprint("projects-batch", __name__, description="Up to 1,000 projects with one request.")
EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {"status": 201, "number": examples.NUMBER},
        {
            "status": 409,
            "problem": {
                "type": "urn:qaztech-registry:problem:external-id-taken",
                "title": "Conflict",
                "status": 409,
                "detail": "Agency 050340004478 already has a project with the external id MZ-2026-014.",
                "instance": "/api/v1/projects/batch",
                "trace_id": "5f0c7c1e7a1d4c0f8a6f5b0f7f1f0e6d",
            },
        },
    ]
}


@blp.route("/projects/batch")
class ProjectBatch(MethodView):
    """Several projects."""

    @blp.requires(Permission.PROJECTS_WRITE)
    @blp.doc(operationId="create_many_projects")
    @blp.arguments(PROJECT_BATCH, location="batch_json", example={"items": [examples.SENT], "atomic": False})
    @blp.idempotent(collision=ExternalIdsCollided)
    @blp.response(200, PROJECT_BATCH_RESULT, example=EXAMPLE)
    def post(self, sent: Mapping[str, Any]) -> Any:
        """Register up to 1,000 projects.

        Each is checked as alone, and the others are registered when one cannot be; with `atomic`, all or none
        (`424` for what could have been). Pointers
        of a problem lead into its item. An interrupted request has registered nothing.
        """
        items = [PROJECT_BODY.load(item) for item in sent["items"]]
        results = register_batch(current_actor(), items, atomic=sent.get("atomic") is True)
        return {"items": [_shown(result) for result in results]}


def _shown(result: str | RegistryError) -> dict[str, Any]:
    if isinstance(result, str):
        return {"status": 201, "number": result}
    return {"status": status_of(result), "problem": problem_body(result)}
