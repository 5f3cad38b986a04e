"""The overview of the week: on Mondays, one e-mail with its main figures to each person who subscribed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.clock import ALMATY, now
from registry.core.database import db
from registry.core.dialects import insert_or_ignore
from registry.core.languages import Language
from registry.core.messages import message
from registry.core.transactions import transaction
from registry.government_reports.wording import DAY_FORMAT
from registry.notifications.channels import EMAIL_ONLY, Channel
from registry.notifications.models import WeeklyOverview
from registry.notifications.overview_document import overview_data
from registry.notifications.recipients import load_directory
from registry.notifications.service import queue_notice
from registry.reports.overview.service import Overview, overview

KIND: Final = "weekly-overview"
# In Asia/Almaty; a service that was down on Monday catches up in the same week.
SENT_AT: Final = time(8)
BACK: Final = 7
# The figures of an e-mail, in its order.
FIGURES: Final = (
    "platform_percent",
    "platform_claimed_percent",
    "flagged",
    "flagged_high",
    "flagged_medium",
    "flagged_low",
    "at_risk_kzt",
)
TENTH_OF_A_MILLION: Final = 100_000


def write_due_weekly_overview(channels: frozenset[Channel] = EMAIL_ONLY) -> int | None:
    """Queue the notices of this week from Monday at eight on. Return the number of readers; None when not due."""
    monday = due_monday(now())
    db.session.rollback()
    if monday is None or db.session.get(WeeklyOverview, monday, populate_existing=True) is not None:
        return None
    with transaction() as session:
        claim = insert_or_ignore(WeeklyOverview).values(monday=monday).on_conflict_do_nothing()
        if session.scalar(claim.returning(WeeklyOverview.monday)) is None:
            return None
        # Readers with the same rights see the same figures.
        shown: dict[bool, Overview | None] = {}
        sent = 0
        for to in load_directory(channels).who_may(Permission.OVERVIEW_READ):
            sees_restricted = to.actor.may(Permission.RESTRICTED_READ)
            if not to.weekly_overview:
                continue
            if sees_restricted not in shown:
                shown[sees_restricted] = overview(to.actor)
            known = shown[sees_restricted]
            if known is not None:
                counted = _figures(known) | {"with_restricted": sees_restricted}
                counted["document"] = overview_data(known, to.languages[0], with_restricted=sees_restricted)
                day = known.on.strftime(DAY_FORMAT)
                queue_notice(to, {KIND: [day]}, now(), channels=channels, figures=counted)
                sent += 1
    return sent


def due_monday(timestamp: datetime) -> date | None:
    """Return the Monday of the local week, once it is past eight on that day."""
    local = timestamp.astimezone(ALMATY)
    monday = local.date() - timedelta(days=local.weekday())
    return monday if local >= datetime.combine(monday, SENT_AT, ALMATY) else None


def may_still_see(actor: Actor, figures: Mapping[str, Any]) -> bool:
    """True while the reader has the rights with which the figures were counted."""
    return actor.may(Permission.OVERVIEW_READ) and (
        not figures["with_restricted"] or actor.may(Permission.RESTRICTED_READ)
    )


def figure_lines(figures: Mapping[str, Any], language: Language) -> list[str]:
    """Return one line for each figure, with its change since a week before where it is known.

    The last one says when restricted projects are left out.
    """
    lines = []
    for name in FIGURES:
        value, before = figures["now"].get(name), figures["before"].get(name)
        if value is None:
            continue
        line = message(f"notice-figure-{name.replace('_', '-')}", language, {"value": _shown(name, value, language)})
        if before is not None:
            change = _shown(name, abs(value - before), language)
            sign = "+" if value > before else "−" if value < before else "±"
            line += " " + message("notice-figure-change", language, {"change": sign + change})
        lines.append(line)
    if not figures["with_restricted"]:
        lines.append(message("notice-without-restricted", language))
    return lines


def _figures(known: Overview) -> dict[str, Any]:
    """The main figures of an overview, as they are stored with the notice."""
    earlier = known.earlier[BACK]
    return {
        "on": known.on.isoformat(),
        "now": {name: getattr(known.now, name) for name in FIGURES},
        "before": {} if earlier is None else {name: getattr(earlier.figures, name) for name in FIGURES},
    }


def _shown(name: str, value: float, language: Language) -> str:
    """A count, a share with one decimal, or an amount in millions with one decimal."""
    if name == "at_risk_kzt":
        # Rounded as in the attached document: to whole tenths, not as the nearest fraction.
        text = f"{round(value / TENTH_OF_A_MILLION) / 10:,.1f}"
    else:
        text = f"{value:,.1f}" if name.endswith("_percent") else f"{value:,}"
    if language == "en":
        return text
    return text.replace(",", "\u00a0").replace(".", ",")
