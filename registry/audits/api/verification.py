"""The endpoint that repeats a past audit."""

from __future__ import annotations

from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.operation_docs import ERROR_NAMES
from registry.audits.verification import verify_audit
from registry.audits.verification_schema import VERIFICATION, verification_shown

blp = ApiBlueprint("verification", __name__, description="Past audits, repeated.")
EXAMPLE: Final[dict[str, Any]] = {
    "audit": 7,
    "matches": False,
    "input_digest": {"recorded": "5f" * 32, "repeated": "5f" * 32},
    "counts": [{"name": "projects_flagged", "recorded": 412, "repeated": 412}],
    "differences": [
        {
            "project": "QT-2026-0000001-3",
            "rule": "freeze.creation",
            "what": "flag",
            "recorded": "open high 0a1b2c3d4e5f",
            "repeated": None,
        }
    ],
}


@blp.route("/audits/<row_id:id>/verification")
class AuditVerification(MethodView):
    """A past audit, repeated."""

    @blp.requires(Permission.AUDITS_VERIFY)
    @blp.doc(operationId="verify_audit", responses={409: ERROR_NAMES[409]})
    @blp.response(200, VERIFICATION, example=EXAMPLE)
    def get(self, id: int) -> Any:
        """Repeat a past audit from what was known then and its policy, and list every difference; writes nothing.

        409 for an audit that cannot be repeated. Takes about as long as the audit took.
        """
        return verification_shown(verify_audit(current_actor(), id))
