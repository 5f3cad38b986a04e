"""The page on the team's work, for supervisors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import render_template, request

from registry.accounts.absences import substitutions
from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.pages import rule_titles
from registry.cases.team import OF_OTHERS, OF_OVERSIGHT, OF_REVIEWERS, team
from registry.cases.views.work_lists import ANY_OPEN, tabs
from registry.cases.vocabulary import Status
from registry.core.clock import now
from registry.core.translations import lazy_text
from registry.web.blueprint import Answer, pages
from registry.web.formats import gettext

OTHERS: Final[Mapping[str, str]] = {"supervisors": lazy_text("Supervisors"), "agencies": lazy_text("Agencies")}


@pages.page("/cases/team", needs=Permission.TEAM_READ)
def team_work(actor: Actor) -> Answer:
    """Show load, age, overdue cases and time to decision, by person, by others and by rule."""
    work = team(actor)
    return render_template(
        "cases/team.html",
        actor=actor,
        tabs=tabs(actor, dict(request.args)),
        people=[_shown(row, _of_person(row["key"]), OF_REVIEWERS) for row in work["people"]],
        others=[_shown(row, {}, OF_OTHERS[row["key"]]) for row in work["others"]],
        names_of_others={key: gettext(name) for key, name in OTHERS.items()},
        rules=[_shown(row, {"rule": row["key"]}, OF_OVERSIGHT) for row in work["rules"]],
        titles=rule_titles(),
        absent={each.absent: each.deputy for each in substitutions()},
        any_open=ANY_OPEN,
    )


def _of_person(name: str | None) -> dict[str, str]:
    return {"is_assigned": "false"} if name is None else {"assignee": name}


def _shown(row: Mapping[str, Any], links: Mapping[str, str], waiting: Sequence[Status]) -> dict[str, Any]:
    """Return the row with the age of the oldest case in days, and the filters of the lists that it counts."""
    oldest = row["oldest_opened_at"]
    statuses = ",".join(status.value for status in waiting)
    return {
        **row,
        "oldest_days": None if oldest is None else (now() - oldest).days,
        "links": links,
        "waiting": statuses,
    }
