"""The Commission's decision on a referred case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.uploads import UploadedFile
from registry.cases.api.cases import etag_data, visible
from registry.cases.commission import DecisionFile, record_commission_decision
from registry.cases.schemas import CASE, CommissionDecision
from registry.core.transactions import transaction
from registry.http.request_bodies import SentFile
from registry.projects.api.documents import FILE_TEXT

blp = ApiBlueprint("commission-decisions", __name__, description="What the Commission decided on referred cases.")


class CommissionDecisionForm(CommissionDecision):
    """A decision with its file."""

    file = UploadedFile(FILE_TEXT)


@blp.route("/cases/<row_id:case_id>/commission-decision")
class CaseCommissionDecision(MethodView):
    """The decision on a case."""

    @blp.requires(Permission.EXEMPTIONS_RECORD)
    @blp.doc(operationId="record_commission_decision")
    @blp.arguments(CommissionDecisionForm(), location="multipart")
    @blp.idempotent
    @blp.etag
    @blp.response(200, CASE)
    def post(self, form: Mapping[str, Any], case_id: int) -> Any:
        """Record the Commission's decision on a referred case: an exemption of its project, or back to review."""
        file: SentFile = form["file"]
        values = {name: value for name, value in form.items() if name != "file"}
        with transaction():
            files = [DecisionFile(file.name, file.content_type, file.content)]
            view = visible(record_commission_decision(current_actor(), case_id, values, files))
        blp.set_etag(etag_data(view))
        return view
