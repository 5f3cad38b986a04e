"""The overview: where the country stands after the last audit, how it changed, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.daily_counts import COUNTRY, Dimension
from registry.audits.restricted_counts import visible_run
from registry.core.clock import today
from registry.flags.audit_runs import AuditRun, last_good_audit
from registry.freeze.current import policy_in_force
from registry.freeze.policy import Policy
from registry.reports.overview.agencies import AtRisk, most_at_risk, most_improved
from registry.reports.overview.ends import Ends, ends
from registry.reports.overview.figures import Figures
from registry.reports.overview.forecast import WEEKS, Forecast, forecast
from registry.reports.overview.history import weekly
from registry.reports.overview.snapshots import audited_days, by_audit, by_member

BACK: Final = (7, 30, 90)
# The earlier audit that the improvement of agencies is measured against.
IMPROVED_SINCE: Final = 30
# An audit that is this much older than asked still stands for the day: audits may be missed.
SLACK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The figures of the last audit on a day, or at most a week earlier."""

    on: date
    audit: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Target:
    """The share that should be on the platform ``on`` a date, in percent."""

    on: date
    percent: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures after the last audit. ``earlier``: by days back, None where no audit is known.

    ``forecast``: None when there are too few audits. ``regions``, ``sectors``, ``rules`` and ``ages`` are empty until
    the first audit that stored them. ``improved`` is None without an audit to compare with.
    """

    on: date
    audit: int
    now: Figures
    earlier: Mapping[int, Earlier | None]
    target: Target
    forecast: Forecast | None
    regions: Mapping[str, Figures]
    sectors: Mapping[str, Figures]
    rules: Mapping[str, Figures]
    ages: Mapping[str, Figures]
    at_risk: Sequence[AtRisk]
    improved: Sequence[AtRisk] | None
    ends: Ends


def overview(actor: Actor) -> Overview | None:
    """The overview as the last audit left it; None before the first audit that stored counts. Raises RoleNotAllowed."""
    actor.require(Permission.OVERVIEW_READ)
    last = last_good_audit()
    if last is None:
        return None
    days = audited_days(last.on - timedelta(days=BACK[-1]) - SLACK, last.on)
    back = {each: _audited(days, last.on - timedelta(days=each)) for each in BACK}
    weeks = weekly(days, last.on, WEEKS)
    stored = by_audit(
        actor, Dimension.COUNTRY, COUNTRY, {last.id, *weeks.values(), *(days[day] for day in back.values() if day)}
    )
    if last.id not in stored and _counted(actor, last):
        return None
    since = back[IMPROVED_SINCE]
    target = _target(policy_in_force(), last.on)
    shares = [(day, stored[audit_id].platform_percent) for day, audit_id in weeks.items() if audit_id in stored]
    return Overview(
        on=last.on,
        audit=last.id,
        now=stored.get(last.id, Figures()),
        earlier={each: _earlier(days, day, stored) for each, day in back.items()},
        target=target,
        forecast=forecast([(day, share) for day, share in shares if share is not None], max(target.on, last.on)),
        regions=by_member(actor, Dimension.REGION, last.id),
        sectors=by_member(actor, Dimension.SECTOR, last.id),
        rules=by_member(actor, Dimension.RULE, last.id),
        ages=by_member(actor, Dimension.AGE, last.id),
        at_risk=most_at_risk(actor, last.id),
        improved=None if since is None else most_improved(actor, last.id, days[since]),
        ends=ends(actor, today()),
    )


def _counted(actor: Actor, run: AuditRun) -> int:
    """How many projects the audit counted that the actor may see, from its own counts."""
    shown = visible_run(actor, run)
    return int(shown["projects_judged"] + shown["projects_out_of_scope"])


def _audited(days: Mapping[date, int], day: date) -> date | None:
    return max((each for each in days if day - SLACK < each <= day), default=None)


def _earlier(days: Mapping[date, int], day: date | None, stored: Mapping[int, Figures]) -> Earlier | None:
    if day is None or days[day] not in stored:
        return None
    return Earlier(day, days[day], stored[days[day]])


def _target(policy: Policy, on: date) -> Target:
    """The next target, or the last one when all have passed."""
    targets = policy.targets or ((policy.migration_deadline, 100),)
    return Target(*next((target for target in targets if target[0] >= on), targets[-1]))
