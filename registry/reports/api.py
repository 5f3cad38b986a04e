"""The reports endpoints: where projects stand, and where the country stands, how that changed, and where it leads."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.parameters import QueryParameter, QuerySchema
from registry.core.errors import Malformed, Problem
from registry.core.fields import DAY_SCHEMA, BaseSchema, Choice, Day, ReadOnly, Text, nullable, object_of
from registry.flags.models import AuditRun
from registry.freeze.vocabulary import Severity
from registry.http.requests import Parameter
from registry.procurement.schemas import COVERAGE
from registry.projects.schemas import without_restricted_field
from registry.projects.visibility import leaves_out_restricted
from registry.projects.vocabulary import FreezeStatus
from registry.reports.compliance import AI_GROUPS, COUNTED, GROUPS, ai_systems, compliance, compliance_on, counted_by
from registry.reports.overview import (
    BY_COUNTRY,
    COUNTED as FIGURES_COUNTED,
    DAYS,
    GROUPS as HISTORY_GROUPS,
    NAMES,
    AtRisk,
    Compared,
    Figures,
    Overview,
    Point,
    compared_dates,
    comparison,
    history,
    overview,
)

# The reports endpoint: where projects stand.

blp = ApiBlueprint("reports", __name__, description="Where projects stand after the last audit.")
BY_DEFAULT: Final = "agency"
BY: Final = Parameter("by", "What the rows are of.", {"type": "string", "enum": list(GROUPS), "default": BY_DEFAULT})
ON: Final = Parameter(
    "on", "As the last audit of this date, or an earlier one, left it; by agency only.", dict(DAY_SCHEMA)
)
UNTIL: Final = Parameter(
    "until",
    "As it would be on this later date if nothing changes but the date, by what the last audit saw ahead, a year; "
    "not with `on`.",
    dict(DAY_SCHEMA),
)
TEXT_OR_NULL: Final[dict[str, Any]] = {"type": ["string", "null"]}
MEANINGS: Final[dict[str, str]] = {
    "projects": "All of them.",
    FreezeStatus.CLEAR: "In scope and without an active flag.",
    FreezeStatus.FLAGGED: "With an open flag, not counting those of the plan.",
    **{f"flagged_{severity}": f"Of these, the highest active flag is {severity}." for severity in Severity},
    FreezeStatus.TO_MIGRATE: "With open flags of the severity `plan` only.",
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
    "contracts": COVERAGE,
}


def _row(key: str, counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a row of counts; ``key``: what it is by."""
    names = {name: {**TEXT_OR_NULL, "description": "By agency only."} for name in NAMES[1:]}
    properties = {"key": {**TEXT_OR_NULL, "description": key}, **counts, **names}
    return {"type": "object", "required": ["key", *counts], "properties": properties}


ROW: Final = _row("BIN, region, kind or sector; null where none is given.", COUNTS)


class Compliance(BaseSchema):
    """Counts of projects and whole tenge."""

    by = ReadOnly("What the rows are of.", {"type": "string", "enum": list(GROUPS)})
    items = ReadOnly("One a group, ordered by key.", {"type": "array", "items": ROW})
    totals = ReadOnly("Of all rows.", {"type": "object", "required": list(COUNTS), "properties": COUNTS})
    without_restricted = without_restricted_field()


class ComplianceQuery(QuerySchema):
    """What the report is of."""

    by = QueryParameter(BY, Choice(tuple(GROUPS)))
    on = QueryParameter(ON, Day())
    until = QueryParameter(UNTIL, Day())


@blp.route("/reports/compliance", methods=["GET"])
@blp.requires(Permission.REPORTS_READ, operation="read_compliance")
@blp.arguments(ComplianceQuery(), location="query")
@blp.response(200, Compliance())
def read_compliance(query: Mapping[str, Any]) -> Any:
    """Report compliance by agency, region, kind of agency or sector. Agencies see themselves and those below
    them.
    """
    grouped = query.get("by", BY_DEFAULT)
    left_out = leaves_out_restricted(current_actor())
    if query.get("on") is None:
        shown = compliance(current_actor(), grouped, until=query.get("until"))
    elif grouped == BY_DEFAULT:
        shown = compliance_on(current_actor(), query["on"])
    else:
        raise Malformed([Problem("by", "not-a-choice", {"options": BY_DEFAULT})])
    rows = {"items": [*map(_covered, shown["items"])], "totals": _covered(shown["totals"])}
    return {**shown, **rows, "without_restricted": left_out}


def _covered(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "contracts": row["contracts"] and row["contracts"].shown()}


# AI systems: how many there are, and what is missing of their entries.

AI_BY: Final = Parameter(
    "by", "What the rows are of.", {"type": "string", "enum": list(AI_GROUPS), "default": BY_DEFAULT}
)
AI_COUNTS: Final[dict[str, Any]] = {name: {"type": "integer"} for name in counted_by()}
AI_ROW: Final = _row("BIN or degree of risk; null without one.", AI_COUNTS)


class AiSystemsShown(BaseSchema):
    """Counts of AI systems that have not ended; ``missing_…``: without a value of this field."""

    by = ReadOnly("What the rows are of.", {"type": "string", "enum": list(AI_GROUPS)})
    items = ReadOnly("One a group, most systems first.", {"type": "array", "items": AI_ROW})
    totals = ReadOnly("Of all rows.", {"type": "object", "required": list(AI_COUNTS), "properties": AI_COUNTS})
    without_restricted = without_restricted_field()


class AiSystemsQuery(QuerySchema):
    """What the rows are of."""

    by = QueryParameter(AI_BY, Choice(AI_GROUPS))


@blp.route("/reports/ai-systems", methods=["GET"])
@blp.requires(Permission.REPORTS_READ, operation="read_ai_systems")
@blp.arguments(AiSystemsQuery(), location="query")
@blp.response(200, AiSystemsShown())
def read_ai_systems(query: Mapping[str, Any]) -> Any:
    """Count AI systems by agency or degree of risk, and what is missing of their entries. Agencies see themselves and
    those below them.
    """
    shown = ai_systems(current_actor(), query.get("by", BY_DEFAULT))
    return {**shown, "without_restricted": leaves_out_restricted(current_actor())}


# Overview endpoints: where the country stands, how it changed, and twelve months of a group.

overview_blp = ApiBlueprint("overview", __name__, description="Where the country stands after the last audit.")
HISTORY_BY: Final = Parameter(
    "by", "What is counted.", {"type": "string", "enum": list(HISTORY_GROUPS), "default": BY_COUNTRY}
)
OF: Final = Parameter(
    "of", "The BIN, the code of the region or sector, or the rule; not for the country.", {"type": "string"}
)
WHOLE: Final[dict[str, Any]] = {"type": "integer"}
SHARE: Final[dict[str, Any]] = {"type": ["number", "null"]}
TEXT: Final[dict[str, Any]] = {"type": "string"}
SHARES: Final = ("platform_percent", "platform_claimed_percent", "flagged_percent")


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


FIGURE_SCHEMAS: Final[dict[str, Any]] = {
    **dict.fromkeys(FIGURES_COUNTED, WHOLE),
    "on_platform": {
        "type": ["integer", "null"],
        "description": "Of those in scope, confirmed to be on QazTech; null of audits that stored claims alone.",
    },
    "on_platform_claimed": {
        "type": ["integer", "null"],
        "description": "Of those in scope, said to be on QazTech, confirmed or not; null where it was not stored.",
    },
    **dict.fromkeys(SHARES, SHARE),
}
FIGURES: Final = object_of(**FIGURE_SCHEMAS)
MEMBERS: Final = _list(object_of(key=TEXT_OR_NULL, **FIGURE_SCHEMAS))
AGENCY: Final = {"bin": TEXT, **dict.fromkeys(NAMES[1:], TEXT_OR_NULL)}
AT_RISK: Final = _list(object_of(**AGENCY, flagged=WHOLE, at_risk_kzt=WHOLE, less_kzt=nullable(WHOLE)))
EARLIER: Final = _list(object_of(days=WHOLE, on=nullable(DAY_SCHEMA), figures={"anyOf": [FIGURES, {"type": "null"}]}))
WITHIN: Final = _list(object_of(days=WHOLE, count=WHOLE))
FORECAST: Final = object_of(
    on=dict(DAY_SCHEMA),
    percent={"type": "number"},
    low={"type": "number"},
    high={"type": "number"},
    a_week={"type": "number"},
    complete_on=nullable(DAY_SCHEMA),
    points=WHOLE,
)


class OverviewShown(BaseSchema):
    """Figures as the last audit left them; null or empty before the first audit that stored them."""

    on = ReadOnly("The date of the audit.", nullable(DAY_SCHEMA))
    audit = ReadOnly("The audit.", nullable(WHOLE))
    now = ReadOnly("The country.", {"anyOf": [FIGURES, {"type": "null"}]})
    earlier = ReadOnly("7, 30 and 90 days earlier, at most a week before; null without an audit.", EARLIER)
    target = ReadOnly(
        "The next target of the policy, or the last.",
        {"anyOf": [object_of(on=dict(DAY_SCHEMA), percent=WHOLE), {"type": "null"}]},
    )
    forecast = ReadOnly(
        "A line through the last eight weeks, with its 95 % prediction interval; null with too little history.",
        {"anyOf": [FORECAST, {"type": "null"}]},
    )
    regions = ReadOnly("One a region; null where none is given.", MEMBERS)
    sectors = ReadOnly("One a sector; null where none is given.", MEMBERS)
    rules = ReadOnly("One a rule: its flags; the open ones are `flagged`.", MEMBERS)
    ages = ReadOnly("Flags by the least number of days that they are active.", MEMBERS)
    at_risk = ReadOnly("The agencies with most money at risk.", AT_RISK)
    improved = ReadOnly("Those whose money at risk fell most in 30 days, by `less_kzt`.", AT_RISK)
    onboarding_ends = ReadOnly("Onboarding that ends within so many days, or has ended.", WITHIN)
    exemptions_end = ReadOnly("Exemptions in force that end within so many days.", WITHIN)
    orders_end = ReadOnly("Orders due within so many days, or overdue.", WITHIN)
    coming_rules = ReadOnly(
        "By rule, how many projects it flags within so many days if nothing changes.",
        _list(object_of(key=TEXT, within=WITHIN)),
    )
    coming_agencies = ReadOnly("The ten agencies with most of them.", _list(object_of(**AGENCY, within=WITHIN)))
    planned = ReadOnly(
        "By month, how many projects agencies plan to migrate, of how many that is confirmed, and the share on QazTech "
        "at its end if all plans hold.",
        _list(object_of(month=dict(DAY_SCHEMA), projects=WHOLE, confirmed=WHOLE, percent=SHARE)),
    )
    contracts = ReadOnly("IT contracts of the procurement portal at present, of the country.", COVERAGE)
    without_restricted = without_restricted_field()


class HistoryShown(BaseSchema):
    """Twelve months of a group, one audit a week, oldest first."""

    by = ReadOnly("What is counted.", {"type": "string", "enum": list(HISTORY_GROUPS)})
    of = ReadOnly("Which one; null for the country.", TEXT_OR_NULL)
    items = ReadOnly(
        "The points; `flagged` of a rule are its open flags.", _list(object_of(on=dict(DAY_SCHEMA), **FIGURE_SCHEMAS))
    )
    without_restricted = without_restricted_field()


class HistoryQuery(QuerySchema):
    """What the history is of."""

    by = QueryParameter(HISTORY_BY, Choice(HISTORY_GROUPS))
    of = QueryParameter(OF, Text())


FROM: Final = Parameter("from", "The earlier date; 30 days before the later one by default.", dict(DAY_SCHEMA))
TO: Final = Parameter("to", "The later date; that of the last audit by default.", dict(DAY_SCHEMA))
ONE_OR_ALL: Final = Parameter(
    "of",
    "The BIN, the code of the region or sector, or the rule; all regions, sectors or rules without it; not for the "
    "country.",
    {"type": "string"},
)
AUDIT: Final = {"anyOf": [object_of(id=WHOLE, on=dict(DAY_SCHEMA), policy_version=TEXT), {"type": "null"}]}
FIGURES_OR_NULL: Final = {"anyOf": [FIGURES, {"type": "null"}]}
# ``from`` cannot be the name of an attribute of a class.
OverviewComparison: Final[Any] = BaseSchema.from_dict(
    {
        "by": ReadOnly("What is counted.", {"type": "string", "enum": list(HISTORY_GROUPS)}),
        "of": ReadOnly("Which one; null for the country and for all of a group.", TEXT_OR_NULL),
        "from": ReadOnly("The last audit of the earlier date, or at most a week before; null without one.", AUDIT),
        "to": ReadOnly("The same of the later date.", AUDIT),
        "items": ReadOnly(
            "One a member; figures are null where no audit is or it stored none; `flagged` of a rule: open flags.",
            _list(object_of(key=TEXT_OR_NULL, before=FIGURES_OR_NULL, after=FIGURES_OR_NULL)),
        ),
        "policy_changes": ReadOnly(
            "The first audits with another version of the policy between the dates.",
            _list(object_of(on=dict(DAY_SCHEMA), version=TEXT)),
        ),
        "without_restricted": without_restricted_field(),
    },
    name="OverviewComparison",
)
ComparisonQuery: Final[Any] = QuerySchema.from_dict(
    {
        "by": QueryParameter(HISTORY_BY, Choice(HISTORY_GROUPS)),
        "of": QueryParameter(ONE_OR_ALL, Text()),
        "from": QueryParameter(FROM, Day()),
        "to": QueryParameter(TO, Day()),
    },
    name="ComparisonQuery",
)


@overview_blp.route("/overview", methods=["GET"])
@overview_blp.requires(Permission.OVERVIEW_READ, operation="read_overview")
@overview_blp.response(200, OverviewShown())
def read_overview() -> Any:
    """Show where the country stands after the last audit, how it changed, and where it leads."""
    return {**_shown(overview(current_actor())), "without_restricted": leaves_out_restricted(current_actor())}


@overview_blp.route("/overview/history", methods=["GET"])
@overview_blp.requires(Permission.OVERVIEW_READ, operation="read_overview_history")
@overview_blp.arguments(HistoryQuery(), location="query")
@overview_blp.response(200, HistoryShown())
def read_overview_history(query: Mapping[str, Any]) -> Any:
    """Show twelve months of the country, an agency with those below it, a region, a sector or a rule."""
    group, of = query.get("by", BY_COUNTRY), query.get("of")
    points = history(current_actor(), group, of)
    return {
        "by": group,
        "of": of,
        "items": [{"on": point.on.isoformat(), **_figures(point.figures)} for point in points],
        "without_restricted": leaves_out_restricted(current_actor()),
    }


@overview_blp.route("/overview/comparison", methods=["GET"])
@overview_blp.requires(Permission.OVERVIEW_READ, operation="read_overview_comparison")
@overview_blp.arguments(ComparisonQuery(), location="query")
@overview_blp.response(200, OverviewComparison())
def read_overview_comparison(query: Mapping[str, Any]) -> Any:
    """Compare the figures of the country, an agency, regions, sectors or rules after the audits of two dates."""
    group, of = query.get("by", BY_COUNTRY), query.get("of")
    shown = comparison(current_actor(), group, of, *compared_dates(query.get("from"), query.get("to")))
    audits = {"from": shown.since, "to": shown.until}
    return {
        "by": group,
        "of": of,
        **{name: None if audit is None else _audit(audit) for name, audit in audits.items()},
        "items": [{"key": None if group == BY_COUNTRY else row.key or None, **_sides(row)} for row in shown.rows],
        "policy_changes": [_days_as_text(asdict(each)) for each in shown.policies],
        "without_restricted": leaves_out_restricted(current_actor()),
    }


def _audit(audit: AuditRun) -> dict[str, Any]:
    return {"id": audit.id, "on": audit.on.isoformat(), "policy_version": audit.policy_version}


def _sides(row: Compared) -> dict[str, Any]:
    sides = {"before": row.before, "after": row.after}
    return {name: None if figures is None else _figures(figures) for name, figures in sides.items()}


def _shown(shown: Overview | None) -> dict[str, Any]:
    if shown is None:
        schemas = {name: getattr(field, "json_schema", {}) for name, field in OverviewShown().fields.items()}
        return {name: [] if schema.get("type") == "array" else None for name, schema in schemas.items()}
    return {
        "on": shown.on.isoformat(),
        "audit": shown.audit,
        "now": _figures(shown.now),
        "earlier": [_earlier(days, earlier) for days, earlier in shown.earlier.items()],
        "target": {"on": shown.target.on.isoformat(), "percent": shown.target.percent},
        "forecast": None if shown.forecast is None else _days_as_text(asdict(shown.forecast)),
        **{name: _members(getattr(shown, name)) for name in ("regions", "sectors", "rules", "ages")},
        "at_risk": [_agency(row) for row in shown.at_risk],
        "improved": [_agency(row) for row in shown.improved or ()],
        "onboarding_ends": _within(shown.ends.onboarding),
        "exemptions_end": _within(shown.ends.exemptions),
        "orders_end": _within(shown.ends.orders),
        "coming_rules": [{"key": rule, "within": _ahead(counts)} for rule, counts in shown.coming_rules.items()],
        "coming_agencies": [
            {**{name: agency[name] for name in NAMES}, "within": _ahead(counts)}
            for agency, counts in shown.coming_agencies
        ],
        "planned": [_days_as_text(asdict(each)) for each in shown.planned],
        "contracts": shown.contracts and shown.contracts.shown(),
    }


def _ahead(counts: Sequence[int]) -> list[dict[str, int]]:
    return _within(dict(zip(DAYS, counts, strict=True)))


def _figures(figures: Figures) -> dict[str, Any]:
    return {**asdict(figures), **{name: getattr(figures, name) for name in SHARES}}


def _members(members: Mapping[str, Figures]) -> list[dict[str, Any]]:
    return [{"key": key or None, **_figures(figures)} for key, figures in members.items()]


def _earlier(days: int, earlier: Point | None) -> dict[str, Any]:
    if earlier is None:
        return {"days": days, "on": None, "figures": None}
    return {"days": days, "on": earlier.on.isoformat(), "figures": _figures(earlier.figures)}


def _agency(row: AtRisk) -> dict[str, Any]:
    names = {name: row.agency[name] for name in NAMES}
    return {**names, "flagged": row.flagged, "at_risk_kzt": row.at_risk_kzt, "less_kzt": row.less_kzt}


def _within(counts: Mapping[int, int]) -> list[dict[str, int]]:
    return [{"days": days, "count": count} for days, count in counts.items()]


def _days_as_text(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}
