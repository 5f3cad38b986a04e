"""An impact as it is shown, and an activation as it is asked for."""

from __future__ import annotations

from typing import Any, Final

from registry.audits.impact_report import ALL_KINDS
from registry.core.base_schema import BaseSchema
from registry.core.fields import AnyDay, Text
from registry.core.json_schemas import DAY_SCHEMA, nullable, shown_object
from registry.core.response_fields import ReadOnly
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import Severity

TEXT: Final = {"type": "string"}
COUNT: Final = {"type": "integer", "minimum": 0}
SEVERITY: Final = nullable({"type": "string", "enum": list(Severity.codes())})
PROJECT: Final[dict[str, Any]] = {
    "project": TEXT,
    "agency": {**TEXT, "description": "BIN of the agency."},
    "region": nullable(TEXT),
    "budget_kzt": nullable(COUNT),
}
CHANGE: Final[dict[str, Any]] = {
    **PROJECT,
    "severity_before": SEVERITY,
    "severity": SEVERITY,
    "rules": {"type": "array", "items": {"type": "string", "enum": list(RULES)}},
    "because": {
        "type": "string",
        "enum": ["policy", "facts"],
        "description": "`facts`: the policy in force has the same verdict, so the next audit changes this anyway.",
    },
}
COUNTS: Final[dict[str, Any]] = dict.fromkeys(ALL_KINDS, COUNT)


def _list(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": shown_object(properties)}


class ImpactShown(BaseSchema):
    """What an audit of today by a policy would change."""

    version = ReadOnly("The version.", TEXT)
    compared_with = ReadOnly("The version in force, by which `because` is told.", TEXT)
    as_of = ReadOnly("The day on which projects are judged.", dict(DAY_SCHEMA))
    digest = ReadOnly("SHA-256 of what the policy asks, the day, and exactly these changes.", TEXT)
    newly_flagged = ReadOnly("Projects without a flag that get one.", _list(CHANGE))
    cleared = ReadOnly("Projects that lose their last flag.", _list(CHANGE))
    changed_severity = ReadOnly("Projects with flags of another highest severity.", _list(CHANGE))
    changed_rules = ReadOnly("Projects with flags of other rules, of the same highest severity.", _list(CHANGE))
    cases_opened = ReadOnly("Projects for which a case opens.", _list(PROJECT))
    by_agency = ReadOnly("Numbers of projects by agency.", _list({"agency": TEXT, **COUNTS}))
    by_region = ReadOnly("The same by region; null for none.", _list({"region": nullable(TEXT), **COUNTS}))
    sums = ReadOnly(
        "Budgets of the projects of each list, in whole tenge.",
        shown_object({f"{kind}_kzt": COUNT for kind in ALL_KINDS}),
    )
    restricted = ReadOnly("Numbers of restricted projects, which no list, group or sum has.", shown_object(COUNTS))


class Activation(BaseSchema):
    """An activation to ask for."""

    impact_digest = Text(64, required=True, description="`digest` of the impact that was read.")
    on = AnyDay(required=True, description="The first day, today or later.")


IMPACT: Final = ImpactShown()
ACTIVATION: Final = Activation()
_DIGEST: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ACTIVATION_EXAMPLE: Final[dict[str, Any]] = {"impact_digest": _DIGEST, "on": "2026-12-01"}
_PROJECT_EXAMPLE: Final[dict[str, Any]] = {
    "project": "QT-2026-0000001-5",
    "agency": "000740000728",
    "region": "71",
    "budget_kzt": 120_000_000,
}
_COUNTS_EXAMPLE: Final[dict[str, Any]] = {**dict.fromkeys(ALL_KINDS, 0), "newly_flagged": 1}
IMPACT_EXAMPLE: Final[dict[str, Any]] = {
    "version": "2026.2",
    "compared_with": "2026.1",
    "as_of": "2026-11-26",
    "digest": _DIGEST,
    **{kind: [] for kind in ALL_KINDS},
    "newly_flagged": [
        {
            **_PROJECT_EXAMPLE,
            "severity_before": None,
            "severity": "low",
            "rules": ["platform.unverified"],
            "because": "policy",
        }
    ],
    "by_agency": [{"agency": "000740000728", **_COUNTS_EXAMPLE}],
    "by_region": [{"region": "71", **_COUNTS_EXAMPLE}],
    "sums": {**{f"{kind}_kzt": 0 for kind in ALL_KINDS}, "newly_flagged_kzt": 120_000_000},
    "restricted": dict.fromkeys(ALL_KINDS, 0),
}
