"""The report on the team's work, for supervisors."""

from __future__ import annotations

from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.cases.team import OF_OTHERS, team
from registry.core.base_schema import BaseSchema
from registry.core.response_fields import ReadOnly
from registry.freeze.rules import RULES

blp = ApiBlueprint("team", __name__, description="How the reviewers' work stands.")
COUNT: Final = {"type": "integer", "minimum": 0}
FIGURES: Final[dict[str, Any]] = {
    "open": {**COUNT, "description": "Cases that are not closed."},
    "to_act": {
        **COUNT,
        "description": "Of these, the cases in which a reviewer must act next; by rule, a reviewer or a supervisor.",
    },
    "overdue": {**COUNT, "description": "Of these, the cases past their due date."},
    "oldest_opened_at": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "When the oldest of the cases to act on was opened.",
    },
    "decided": {**COUNT, "description": "Decisions approved in the last 90 days."},
    "median_days": {
        "type": ["integer", "null"],
        "description": "Of these decisions, the median of calendar days from the opening of the case to the approval.",
    },
}


# What waits for others is decided by nobody yet.
OF_OTHERS_FIGURES: Final = {
    "to_act": {**COUNT, "description": "Cases in which they must act next."},
    **{name: FIGURES[name] for name in ("overdue", "oldest_opened_at")},
}


def _rows(key: dict[str, Any], figures: dict[str, Any] = FIGURES) -> dict[str, Any]:
    properties = {"key": key, **figures}
    return {"type": "array", "items": {"type": "object", "required": list(properties), "properties": properties}}


class Team(BaseSchema):
    """Open cases and decisions by person, by others and by rule."""

    people = ReadOnly(
        "Everybody to whom cases can be assigned; `key` is null for cases without a reviewer. A decision counts for "
        "its proposer.",
        _rows({"type": ["string", "null"]}),
    )
    others = ReadOnly(
        "What waits for supervisors (approvals) and for agencies (answers and orders). People and others together have "
        "each overdue case once.",
        _rows({"type": "string", "enum": list(OF_OTHERS)}, OF_OTHERS_FIGURES),
    )
    rules = ReadOnly(
        "A case counts under each rule of its active flags.", _rows({"type": "string", "enum": list(RULES)})
    )


FIGURES_EXAMPLE: Final = {
    "open": 14,
    "to_act": 9,
    "overdue": 2,
    "oldest_opened_at": "2026-02-02T21:00:00.000000Z",
    "decided": 31,
    "median_days": 12,
}
EXAMPLE: Final = {
    "people": [{"key": "a.sarsenova", **FIGURES_EXAMPLE}],
    "others": [{"key": "supervisors", **{name: FIGURES_EXAMPLE[name] for name in OF_OTHERS_FIGURES}}],
    "rules": [{"key": "freeze.creation", **FIGURES_EXAMPLE}],
}


@blp.route("/reports/team")
class TeamReport(MethodView):
    """The work of the reviewers."""

    @blp.requires(Permission.TEAM_READ)
    @blp.doc(operationId="read_team")
    @blp.response(200, Team(), example=EXAMPLE)
    def get(self) -> Any:
        """Report load, age, overdue cases and time to decision, by person, by others and by rule."""
        return team(current_actor())
