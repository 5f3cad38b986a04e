"""Compliance over time: how many projects each of the last audits left without open flags, by the runs' own counts."""

from __future__ import annotations

from typing import Any, Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.queries import list_audits
from registry.core.pagination import Page

SHOWN: Final = 12
# Of one day only the last counts, and some days had several.
LOOKED_AT: Final = 50
GOOD: Final = {"status": "succeeded", "dry_run": "false"}


def over_time(actor: Actor) -> list[dict[str, Any]]:
    """The last days that were audited for good, the newest first; nothing for who may not read audits.

    Each with ``on``, ``audit``, the counts ``judged``, ``flagged``, ``exempt`` and ``unflagged`` (neither of the two),
    the last as ``percent`` of the judged too.
    """
    if not actor.may(Permission.AUDITS_READ):
        return []
    days: dict[Any, dict[str, Any]] = {}
    for run in list_audits(actor, GOOD, Page(LOOKED_AT)).items:
        if run["on"] not in days and run["projects_judged"] and len(days) < SHOWN:
            days[run["on"]] = _told(run)
    return sorted(days.values(), key=lambda told: told["on"], reverse=True)


def _told(run: Any) -> dict[str, Any]:
    judged, flagged, exempt = run["projects_judged"], run["projects_flagged"], run["projects_exempt"]
    unflagged = judged - flagged - exempt
    counts = {"judged": judged, "flagged": flagged, "exempt": exempt, "unflagged": unflagged}
    return {"on": run["on"], "audit": run["id"], **counts, "percent": round(100 * unflagged / judged, 1)}
