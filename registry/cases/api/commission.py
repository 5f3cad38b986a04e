"""The Commission's decision on a referred case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.operation_docs import LOCATION
from registry.api.uploads import UploadedFile
from registry.approvals.api import proposed
from registry.approvals.fields import APPROVAL
from registry.cases.commission import DecisionFile, propose_commission_decision
from registry.cases.schemas import CommissionDecision
from registry.http.request_bodies import SentFile
from registry.projects.api.documents import FILE_TEXT

blp = ApiBlueprint("commission-decisions", __name__, description="What the Commission decided on referred cases.")


class CommissionDecisionForm(CommissionDecision):
    """A decision with its file."""

    file = UploadedFile(f"The decision, a PDF or an image. {FILE_TEXT}")


@blp.route("/cases/<row_id:case_id>/commission-decision")
class CaseCommissionDecision(MethodView):
    """The decision on a case."""

    @blp.requires(Permission.EXEMPTIONS_PROPOSE)
    @blp.doc(operationId="record_commission_decision")
    @blp.arguments(CommissionDecisionForm(), location="multipart")
    @blp.idempotent
    @blp.response(202, APPROVAL, description="It waits for a supervisor.", headers=LOCATION)
    def post(self, form: Mapping[str, Any], case_id: int) -> Any:
        """Propose to record the Commission's decision on a referred case: an exemption, or back to review.

        Another person, a supervisor, approves it.
        """
        file: SentFile = form["file"]
        values = {name: value for name, value in form.items() if name != "file"}
        files = [DecisionFile(file.name, file.content_type, file.content)]
        return proposed(propose_commission_decision(current_actor(), case_id, values, files))
