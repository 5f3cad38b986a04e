"""AI systems by agency or degree of risk: how many there are, and what is missing of their entries."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import and_, case, func, select, true

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import db, table_of
from registry.core.lists import conditions
from registry.freeze.facts import AI_ENTRY, AI_REVIEW_MONTHS
from registry.freeze.rules import latest_before
from registry.freeze.vocabulary import FINAL_STAGES, AiRisk, Stage
from registry.projects.filters import FILTERS, filter_conditions
from registry.projects.models import Project
from registry.projects.visibility import visible_projects
from registry.reports.compliance import NAMES

GROUPS: Final = ("agency", "ai_risk_class")
# The filters of the list of projects that select what is counted: figures lead to the same projects.
SYSTEMS: Final = {"is_ai": "true", "stage": ",".join(stage for stage in Stage.codes() if stage not in FINAL_STAGES)}
RISKS: Final = tuple(reversed(AiRisk.codes()))


def counted_by() -> dict[str, dict[str, str]]:
    """Return what is counted of AI systems that have not ended, each with the further filters that select it.

    ``missing_`` and the name of a field: without a value of it.
    """
    outdated = latest_before(today(), AI_REVIEW_MONTHS)
    return {
        "systems": {},
        **{f"risk_{risk}": {"ai_risk_class": risk} for risk in RISKS},
        "incomplete": {"ai_incomplete": "true"},
        "outdated": {"ai_reviewed_on_to": outdated.isoformat()},
        **{f"missing_{name}": {"is_null": name} for name in AI_ENTRY},
    }


def ai_systems(actor: Actor, grouped_by: str) -> dict[str, Any]:
    """Return rows of counts by ``agency`` or ``ai_risk_class``, the group with most systems first, and their totals.

    Agencies see themselves and the agencies below them. Raises RoleNotAllowed.
    """
    actor.require(Permission.REPORTS_READ)
    project, agency = table_of(Project), table_of(Agency).c
    keys = (agency.bin, *(agency[name] for name in NAMES)) if grouped_by == "agency" else (project.c.ai_risk_class,)
    counts = {
        name: func.count(case((and_(true(), *conditions(FILTERS, filters)), 1)))
        for name, filters in counted_by().items()
    }
    statement = (
        select(keys[0].label("key"), *keys[1:], *(count.label(name) for name, count in counts.items()))
        .join_from(project, table_of(Agency), agency.id == project.c.agency_id)
        .where(*visible_projects(actor), *filter_conditions(SYSTEMS))
        .group_by(*keys)
    )
    items = [dict(row) for row in db.session.execute(statement).mappings()]
    items.sort(key=lambda row: (-row["systems"], row["key"] or ""))
    return {"by": grouped_by, "items": items, "totals": {name: sum(row[name] for row in items) for name in counts}}
