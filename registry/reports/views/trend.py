"""Compliance trend: projects without open flags after each of the last audits."""

from __future__ import annotations

from typing import Any, Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.queries import list_audits
from registry.core.pagination import Page

SHOWN: Final = 12
# Only the last run of a day is displayed, and a day may have several.
LOOKED_AT: Final = 50
GOOD: Final = {"status": "succeeded", "dry_run": "false"}


def over_time(actor: Actor) -> list[dict[str, Any]]:
    """Return the last successfully audited days, newest first; empty for actors who may not read audits.

    Each has ``on``, ``audit``, the counts ``judged``, ``flagged``, ``exempt`` and ``unflagged`` (neither flagged nor
    exempt), and ``percent``, the unflagged share of the judged projects.
    """
    if not actor.may(Permission.AUDITS_READ):
        return []
    days: dict[Any, dict[str, Any]] = {}
    for run in list_audits(actor, GOOD, Page(LOOKED_AT)).items:
        if run["on"] not in days and run["projects_judged"] and len(days) < SHOWN:
            days[run["on"]] = _point(run)
    return sorted(days.values(), key=lambda each: each["on"], reverse=True)


def _point(run: Any) -> dict[str, Any]:
    judged, flagged, exempt = run["projects_judged"], run["projects_flagged"], run["projects_exempt"]
    unflagged = judged - flagged - exempt
    counts = {"judged": judged, "flagged": flagged, "exempt": exempt, "unflagged": unflagged}
    return {"on": run["on"], "audit": run["id"], **counts, "percent": round(100 * unflagged / judged, 1)}
