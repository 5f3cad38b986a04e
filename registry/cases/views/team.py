"""The page on the team's work, for supervisors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import render_template, request

from registry.accounts.absences import substitutions
from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.views.findings import rule_titles
from registry.cases.team import OF_REVIEWERS, team
from registry.cases.views.work_lists import ANY_OPEN, tabs
from registry.core.clock import now
from registry.web.blueprint import Answer, pages

TO_ACT: Final = ",".join(status.value for status in OF_REVIEWERS)


@pages.page("/cases/team", needs=Permission.TEAM_READ)
def team_work(actor: Actor) -> Answer:
    """Show load, age, overdue cases and time to decision, by person and by rule."""
    work = team(actor)
    return render_template(
        "cases/team.html",
        actor=actor,
        tabs=tabs(actor, dict(request.args)),
        people=[_shown(row, _of_person(row["key"])) for row in work["people"]],
        rules=[_shown(row, {"rule": row["key"]}) for row in work["rules"]],
        titles=rule_titles(),
        absent={each.absent: each.deputy for each in substitutions()},
        any_open=ANY_OPEN,
        to_act=TO_ACT,
    )


def _of_person(name: str | None) -> dict[str, str]:
    return {"is_assigned": "false"} if name is None else {"assignee": name}


def _shown(row: Mapping[str, Any], links: Mapping[str, str]) -> dict[str, Any]:
    """Return the row with the age of the oldest case in days, and the filters of the lists that it counts."""
    oldest = row["oldest_opened_at"]
    return {**row, "oldest_days": None if oldest is None else (now() - oldest).days, "links": links}
