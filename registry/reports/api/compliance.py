"""The reports endpoint: where projects stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.parameters import QueryParameter, QuerySchema
from registry.core.base_schema import BaseSchema
from registry.core.errors import Malformed, Problem
from registry.core.fields import DAY_SCHEMA, Choice, Day
from registry.core.response_fields import ReadOnly
from registry.freeze.vocabulary import Severity
from registry.http.query_parameters import Parameter
from registry.projects.schemas import without_restricted_field
from registry.projects.visibility import leaves_out_restricted
from registry.projects.vocabulary import FreezeStatus
from registry.reports.compliance import COUNTED, GROUPS, compliance, compliance_on

blp = ApiBlueprint("reports", __name__, description="Where projects stand after the last audit.")
BY_DEFAULT: Final = "agency"
BY: Final = Parameter("by", "What the rows are of.", {"type": "string", "enum": list(GROUPS), "default": BY_DEFAULT})
ON: Final = Parameter(
    "on", "As the last audit of this date, or an earlier one, left it; by agency only.", dict(DAY_SCHEMA)
)
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
MEANINGS: Final[dict[str, str]] = {
    "projects": "All of them.",
    FreezeStatus.CLEAR: "In scope and without an active flag.",
    FreezeStatus.FLAGGED: "With an open flag.",
    **{f"flagged_{severity}": f"Of these, the highest active flag is {severity}." for severity in Severity},
    FreezeStatus.EXEMPT: "No flag open, some exempt; never counted as clear.",
    FreezeStatus.ACCEPTED: "No flag open or exempt, some accepted by decision.",
    FreezeStatus.OUT_OF_SCOPE: "The freeze does not bind their agency.",
    FreezeStatus.UNAUDITED: "Registered after the last audit.",
    "budget_kzt": "Budgets of all, in whole tenge.",
    "budget_flagged_kzt": "Budgets of the flagged, in whole tenge.",
}
COUNTS: Final[dict[str, Any]] = {
    **{name: {"type": "integer", "description": MEANINGS[name]} for name in COUNTED},
    "clear_percent": {
        "type": ["number", "null"],
        "description": "Clear projects of those in scope and audited; null when there are none.",
    },
}
ROW: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["key", *COUNTS],
    "properties": {
        "key": {**TEXT_OR_NULL, "description": "BIN, region, kind or sector; null where none is given."},
        **COUNTS,
        **{name: {**TEXT_OR_NULL, "description": "By agency only."} for name in ("name_kk", "name_ru", "name_en")},
    },
}


class Compliance(BaseSchema):
    """Counts of projects and whole tenge."""

    by = ReadOnly("What the rows are of.", {"type": "string", "enum": list(GROUPS)})
    items = ReadOnly("One a group, ordered by key.", {"type": "array", "items": ROW})
    totals = ReadOnly("Of all rows.", {"type": "object", "required": list(COUNTS), "properties": COUNTS})
    without_restricted = without_restricted_field()


COUNTS_EXAMPLE: Final[dict[str, Any]] = {
    **dict.fromkeys(COUNTED, 0),
    "projects": 14,
    FreezeStatus.CLEAR: 9,
    FreezeStatus.FLAGGED: 4,
    "flagged_high": 1,
    "flagged_low": 3,
    FreezeStatus.EXEMPT: 1,
    "budget_kzt": 1_240_000_000,
    "budget_flagged_kzt": 310_000_000,
    "clear_percent": 64.3,
}
EXAMPLE: Final[dict[str, Any]] = {
    "by": "region",
    "items": [{"key": "71", **COUNTS_EXAMPLE}],
    "totals": COUNTS_EXAMPLE,
    "without_restricted": False,
}


class ComplianceQuery(QuerySchema):
    """What the report is of."""

    by = QueryParameter(BY, Choice(tuple(GROUPS)))
    on = QueryParameter(ON, Day())


@blp.route("/reports/compliance")
class ComplianceReport(MethodView):
    """Compliance by groups."""

    @blp.requires(Permission.REPORTS_READ)
    @blp.doc(operationId="read_compliance")
    @blp.arguments(ComplianceQuery(), location="query")
    @blp.response(200, Compliance(), example=EXAMPLE)
    def get(self, query: Mapping[str, Any]) -> Any:
        """Report compliance by agency, region, kind of agency or sector. Agencies see themselves and those below
        them.
        """
        grouped = query.get("by", BY_DEFAULT)
        left_out = leaves_out_restricted(current_actor())
        if query.get("on") is None:
            return {**compliance(current_actor(), grouped), "without_restricted": left_out}
        if grouped != BY_DEFAULT:
            raise Malformed([Problem("by", "not-a-choice", {"options": BY_DEFAULT})])
        return {**compliance_on(current_actor(), query["on"]), "without_restricted": left_out}
