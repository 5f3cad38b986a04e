"""The overview of the week: on Mondays, one e-mail with its main figures to each person who subscribed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Final

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Region
from registry.core.clock import ALMATY, now
from registry.core.database import db, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.pdf import make_pdf
from registry.core.translations import Language, lazy_text, message, translator
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import Severity, Translate
from registry.government_reports.document import (
    DAY_FORMAT,
    LAYOUT,
    NOTHING,
    Block,
    decimal,
    millions,
    name_in,
    number,
    page_data,
    table,
)
from registry.notifications.models import EMAIL_ONLY, Channel, WeeklyOverview
from registry.notifications.recipients import load_directory
from registry.notifications.service import queue_notice
from registry.procurement.coverage import ContractSums
from registry.projects.vocabulary import FlagAge, FreezeStatus, Sector
from registry.reports import overview

# The overview of the week as an accessible PDF: its data are stored with the notice, the file is made at delivery.

SHARE: Final = lazy_text("Confirmed on QazTech, percent")
CLAIMED: Final = lazy_text("Claimed, percent")
MONEY: Final = lazy_text("At risk, million ₸")
# The rows of the summary, in its order.
SUMMARY: Final = {
    "platform_percent": SHARE,
    "platform_claimed_percent": CLAIMED,
    **{f"flagged_{severity.value}": severity.flagged_label for severity in Severity.worst_first()},
    "to_migrate": FreezeStatus.TO_MIGRATE.label,
    "at_risk_kzt": MONEY,
}


def overview_data(known: overview.Overview, language: Language, *, with_restricted: bool) -> dict[str, Any]:
    """Return the overview in a language as the layout reads it, to be stored with the notice.

    ``with_restricted``: whether its figures include restricted projects; every page says so when they do not.
    """
    _ = translator(language)
    return _document(known.on, _("Overview"), _tables(known, language, _), language, with_restricted)


def summary_data(
    known: overview.Overview,
    compared: overview.Comparison,
    changed: Sequence[overview.AtRisk],
    points: Sequence[overview.Point],
    language: Language,
    *,
    with_restricted: bool,
) -> dict[str, Any]:
    """Return the summary of the figures in a language as the layout reads it; it fits one sheet."""
    _ = translator(language)
    on = known.on if compared.until is None else compared.until.on
    blocks = (
        *_compared(known, compared, language, _),
        *_charts(points, language, _),
        *_changes(changed, language, _),
        _next(known, _),
    )
    return _document(on, _("Figures"), blocks, language, with_restricted)


def _document(
    on: date, title: str, blocks: Iterable[Block], language: Language, with_restricted: bool
) -> dict[str, Any]:
    _ = translator(language)
    as_of = _("After the audit for {day}").format(day=on.strftime(DAY_FORMAT))
    if not with_restricted:
        as_of = ". ".join((as_of, _("Without restricted projects.")))
    return page_data(language, on, title, as_of, f"{title}. {as_of}", blocks)


def _compared(
    known: overview.Overview, compared: overview.Comparison, language: Language, _: Translate
) -> Iterator[Block]:
    (row,) = compared.rows
    days = [each.on.strftime(DAY_FORMAT) if each else NOTHING for each in (compared.since, compared.until)]
    yield _table(_("The country"), [_("Audit for"), *days, _("Difference")], [*_changes_of(row, language, _)])
    goal, ahead = known.target, known.forecast
    target = _("Target: {percent} percent confirmed on QazTech by {day}.")
    lines = [target.format(percent=number(goal.percent), day=goal.on.strftime(DAY_FORMAT))]
    if ahead is not None and ahead.complete_on is not None:
        complete = _("At this pace, everything is on QazTech on {day}.")
        lines.append(complete.format(day=ahead.complete_on.strftime(DAY_FORMAT)))
    sums = ContractSums() if known.contracts is None else known.contracts.every
    if (share := sums.percent) is not None:
        covered = _("IT contracts on the procurement portal: {percent} percent of {sum} million ₸ is in the register.")
        lines.append(covered.format(percent=decimal(share, language), sum=millions(sums.total_kzt, language)))
    yield {"kind": "paragraphs", "lines": lines}


def _charts(points: Sequence[overview.Point], language: Language, _: Translate) -> Iterator[Block]:
    shares = [(each.on, each.figures.platform_percent) for each in points]
    money = [(each.on, float(each.figures.at_risk_kzt)) for each in points]
    policies = overview.policy_changes(points[0].on, points[-1].on) if points else []
    drawn = [
        _chart(_(SHARE), shares, lambda value: decimal(value, language), policies),
        _chart(_(MONEY), money, lambda value: millions(int(value), language), policies),
    ]
    if all(drawn):
        yield {"kind": "charts", "charts": drawn}
        text = _("Policy %(version)s, from the audit for %(day)s")
        texts = [text % {"version": each.version, "day": each.on.strftime(DAY_FORMAT)} for each in policies]
        numbered = [f"{number}. {text}" for number, text in enumerate(texts, 1)]
        yield {"kind": "paragraphs", "lines": ["; ".join(numbered)] if texts else []}


def _changes(changed: Sequence[overview.AtRisk], language: Language, _: Translate) -> Iterator[Block]:
    captions = (_("Got worse: most money more at risk"), _("Got better: most money less at risk"))
    header = [_("Agency"), _("Flagged"), _(MONEY), _("Difference")]
    for caption, agencies in zip(captions, overview.worse_and_better(changed), strict=True):
        less = [each.less_kzt or 0 for each in agencies]
        more = [_signed(-each, millions(abs(each), language)) for each in less]
        cells = [[*_at_risk(each, language), change] for each, change in zip(agencies, more, strict=True)]
        yield _table(caption, header, cells)


def _next(known: overview.Overview, _: Translate) -> Block:
    ends = known.ends
    rows = [
        (_("Orders, with what is overdue"), ends.orders.values()),
        (_("Flagged soon if nothing changes"), known.coming),
        (_("Decisions of the Commission"), ends.exemptions.values()),
        (_("Onboarding, with what is overdue"), ends.onboarding.values()),
    ]
    header = [_("Within days"), *map(str, ends.orders)]
    return _table(
        _("What happens next, today’s figures"), header, [[name, *map(number, counts)] for name, counts in rows]
    )


def _changes_of(row: overview.Compared, language: Language, _: Translate) -> Iterator[list[str]]:
    for name, label in SUMMARY.items():
        values = [None if each is None else getattr(each, name) for each in (row.before, row.after)]
        before, after = values
        change = NOTHING
        if before is not None and after is not None:
            change = _signed(after - before, _cell(name, abs(after - before), language))
        yield [_(label), *(NOTHING if each is None else _cell(name, each, language) for each in values), change]


def _cell(name: str, value: float, language: Language) -> str:
    if name == "at_risk_kzt":
        return millions(int(value), language)
    return decimal(value, language) if name.endswith("_percent") else number(int(value))


def _signed(value: float, text: str) -> str:
    return f"+{text}" if value > 0 else f"−{text}" if value < 0 else text


def _chart(
    caption: str,
    series: Sequence[tuple[date, float | None]],
    shown: Callable[[float], str],
    policies: Sequence[overview.PolicyChange],
) -> dict[str, Any] | None:
    """Return a line from 0 to its largest value, with the changes of the policy; places are from 0 to 1. None with
    fewer than two points.
    """
    known = [(on, value) for on, value in series if value is not None]
    if len(known) < 2:
        return None
    (first, _value), (last, newest) = known[0], known[-1]
    most = max(max(value for _on, value in known), 1)
    whole = (last - first).days
    return {
        "caption": caption,
        "places": [((on - first).days / whole, value / most) for on, value in known],
        "most": shown(most),
        "last": shown(newest),
        "ends": [each.strftime(DAY_FORMAT) for each in (first, last)],
        # The first known value may be later than a change.
        "policies": {
            str(number): (each.on - first).days / whole for number, each in enumerate(policies, 1) if each.on > first
        },
    }


def overview_pdf(data: Mapping[str, Any]) -> bytes:
    """Return the document as PDF. Raises DocumentNotMade."""
    return make_pdf(LAYOUT, f"overview {data['date']}", data)


def _tables(known: overview.Overview, language: Language, _: Translate) -> Iterator[Block]:
    counts = [_("In scope"), _(SHARE), _(CLAIMED), _("Flagged"), _(MONEY)]
    days = [(known.on, known.now), *((each.on, each.figures) for each in known.earlier.values() if each is not None)]
    rows = [[on.strftime(DAY_FORMAT), *_counts(row, language)] for on, row in days]
    yield _table(_("The country"), [_("Audit for"), *counts], rows)
    for caption, name, labels, members in (
        (_("By region"), _("Region"), Region, known.regions),
        (_("By sector"), _("Sector"), Sector, known.sectors),
    ):
        groups = [(_(labels(key).label) if key else _("Not given"), row) for key, row in members.items()]
        yield _table(caption, [name, *counts], [[each, *_counts(row, language)] for each, row in groups])
    agencies = [_at_risk(row, language) for row in known.at_risk]
    yield _table(_("Agencies with most money at risk"), [_("Agency"), _("Flagged"), _(MONEY)], agencies)
    rules = policy_in_force().rules
    titles = {key: rules[key].title[language] if key in rules else key for key in known.rules}
    rows = [[titles[key], number(row.flagged), millions(row.at_risk_kzt, language)] for key, row in known.rules.items()]
    yield _table(_("Open flags by rule"), [_("Rule"), _("Open flags"), _(MONEY)], rows)
    severities = [_(severity.label) for severity in Severity.worst_first()]
    rows = [
        [_(FlagAge(key).label), *map(number, (row.flagged_high, row.flagged_medium, row.flagged_low, row.flagged))]
        for key, row in known.ages.items()
    ]
    yield _table(_("Age of open flags"), [_("Open for"), *severities, _("All")], rows)


_table: Final = partial(table, level=2)


def _counts(row: overview.Figures, language: Language) -> list[str]:
    shares = [
        NOTHING if share is None else decimal(share, language)
        for share in (row.platform_percent, row.platform_claimed_percent)
    ]
    return [number(row.in_scope), *shares, number(row.flagged), millions(row.at_risk_kzt, language)]


def _at_risk(row: overview.AtRisk, language: Language) -> list[str]:
    name = name_in({**row.agency, "key": row.agency["bin"]}, language)
    return [
        f"{name}, {row.agency['email']}" if row.less_kzt and row.agency["email"] else name,
        number(row.flagged),
        millions(row.at_risk_kzt, language),
    ]


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
    "to_migrate",
    "at_risk_kzt",
)
TENTH_OF_A_MILLION: Final = 100_000


def write_due_weekly_overview(channels: frozenset[Channel] = EMAIL_ONLY) -> int | None:
    """Queue the notices of this week from Monday at eight on. Return the number of readers; None when not due or
    without a channel.
    """
    monday = due_monday(now()) if channels else None
    db.session.rollback()
    if monday is None or db.session.get(WeeklyOverview, monday, populate_existing=True) is not None:
        return None
    with transaction() as session:
        claim = insert_or_ignore(WeeklyOverview).values(monday=monday).on_conflict_do_nothing()
        if session.scalar(claim.returning(WeeklyOverview.monday)) is None:
            return None
        # Readers with the same rights see the same figures.
        shown: dict[bool, overview.Overview | None] = {}
        sent = 0
        for to in load_directory(channels).who_may(Permission.OVERVIEW_READ):
            sees_restricted = to.actor.may(Permission.RESTRICTED_READ)
            if not to.weekly_overview:
                continue
            if sees_restricted not in shown:
                shown[sees_restricted] = overview.overview(to.actor)
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


def _figures(known: overview.Overview) -> dict[str, Any]:
    """Return the main figures of an overview, as they are stored with the notice."""
    earlier = known.earlier[BACK]
    return {
        "on": known.on.isoformat(),
        "now": {name: getattr(known.now, name) for name in FIGURES},
        "before": {} if earlier is None else {name: getattr(earlier.figures, name) for name in FIGURES},
    }


def _shown(name: str, value: float, language: Language) -> str:
    """Return a count, a share with one decimal, or an amount in millions with one decimal."""
    if name == "at_risk_kzt":
        # Rounded as in the attached document: to whole tenths, not as the nearest fraction.
        text = f"{round(value / TENTH_OF_A_MILLION) / 10:,.1f}"
    else:
        text = f"{value:,.1f}" if name.endswith("_percent") else f"{value:,}"
    if language == "en":
        return text
    return text.replace(",", "\u00a0").replace(".", ",")
