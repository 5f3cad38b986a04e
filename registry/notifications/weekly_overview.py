"""The overview of the week: on Mondays, one e-mail with its main figures to each person who subscribed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from registry.accounts.roles import Actor, Permission
from registry.agencies.vocabulary import Region
from registry.core.clock import ALMATY, now
from registry.core.database import db, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.messages import message
from registry.core.pdf import make_pdf
from registry.core.translations import Language, lazy_text, translator
from registry.freeze.current import policy_in_force
from registry.freeze.vocabulary import Severity, Translate
from registry.government_reports.document import (
    DAY_FORMAT,
    ISSUER,
    LAYOUT,
    NOTHING,
    PAGE,
    decimal,
    millions,
    name_in,
    number,
)
from registry.notifications.models import EMAIL_ONLY, Channel, WeeklyOverview
from registry.notifications.recipients import load_directory
from registry.notifications.service import queue_notice
from registry.projects.vocabulary import FlagAge, FreezeStatus, Sector
from registry.reports.overview import (
    AtRisk,
    Compared,
    Comparison,
    Figures,
    Overview,
    Point,
    PolicyChange,
    overview,
    policy_changes,
)

# The overview of the week as an accessible PDF: its data are stored with the notice, the file is made at delivery.

TITLE: Final = lazy_text("Overview")
AS_OF: Final = lazy_text("After the audit for {day}")
THE_COUNTRY: Final = lazy_text("The country")
AUDIT_FOR: Final = lazy_text("Audit for")
BY_REGION: Final = lazy_text("By region")
BY_SECTOR: Final = lazy_text("By sector")
REGION: Final = lazy_text("Region")
SECTOR: Final = lazy_text("Sector")
AT_RISK: Final = lazy_text("Agencies with most money at risk")
BY_RULE: Final = lazy_text("Open flags by rule")
BY_AGE: Final = lazy_text("Age of open flags")
AGENCY: Final = lazy_text("Agency")
RULE: Final = lazy_text("Rule")
OPEN_FOR: Final = lazy_text("Open for")
OPEN_FLAGS: Final = lazy_text("Open flags")
FLAGGED: Final = lazy_text("Flagged")
IN_SCOPE: Final = lazy_text("In scope")
SHARE: Final = lazy_text("Confirmed on QazTech, percent")
CLAIMED: Final = lazy_text("Claimed, percent")
WITHOUT_RESTRICTED: Final = lazy_text("Without restricted projects.")
MONEY: Final = lazy_text("At risk, million ₸")
NOT_GIVEN: Final = lazy_text("Not given")
ALL: Final = lazy_text("All")
FIGURES_TITLE: Final = lazy_text("Figures")
CHANGE: Final = lazy_text("Difference")
TARGET: Final = lazy_text("Target: {percent} percent confirmed on QazTech by {day}.")
COMPLETE: Final = lazy_text("At this pace, everything is on QazTech on {day}.")
POLICY: Final = lazy_text("Policy %(version)s, from the audit for %(day)s")
WORSE: Final = lazy_text("Got worse: most money more at risk")
BETTER: Final = lazy_text("Got better: most money less at risk")
NEXT: Final = lazy_text("What happens next, today’s figures")
WITHIN: Final = lazy_text("Within days")
ORDERS: Final = lazy_text("Orders, with what is overdue")
SOON: Final = lazy_text("Flagged soon if nothing changes")
EXEMPTIONS: Final = lazy_text("Decisions of the Commission")
ONBOARDING: Final = lazy_text("Onboarding, with what is overdue")
# The rows of the summary, in its order.
SUMMARY: Final = {
    "platform_percent": SHARE,
    "platform_claimed_percent": CLAIMED,
    **{f"flagged_{severity.value}": severity.flagged_label for severity in Severity.worst_first()},
    "to_migrate": FreezeStatus.TO_MIGRATE.label,
    "at_risk_kzt": MONEY,
}


def overview_data(known: Overview, language: Language, *, with_restricted: bool) -> dict[str, Any]:
    """Return the overview in a language as the layout reads it, to be stored with the notice.

    ``with_restricted``: whether its figures include restricted projects; every page says so when they do not.
    """
    return _document(known.on, TITLE, [*_tables(known, language, translator(language))], language, with_restricted)


def summary_data(
    known: Overview,
    compared: Comparison,
    changed: Sequence[AtRisk],
    points: Sequence[Point],
    language: Language,
    *,
    with_restricted: bool,
) -> dict[str, Any]:
    """Return the summary of the figures in a language as the layout reads it; it fits one sheet."""
    on = known.on if compared.until is None else compared.until.on
    blocks = [*_summary(known, compared, changed, points, language, translator(language))]
    return _document(on, FIGURES_TITLE, blocks, language, with_restricted)


def _document(
    on: date, name: str, blocks: Sequence[Mapping[str, Any]], language: Language, with_restricted: bool
) -> dict[str, Any]:
    _ = translator(language)
    title, as_of = _(name), _(AS_OF).format(day=on.strftime(DAY_FORMAT))
    if not with_restricted:
        as_of = ". ".join((as_of, _(WITHOUT_RESTRICTED)))
    return {
        "language": language,
        "issuer": _(ISSUER),
        "date": on.isoformat(),
        "title": title,
        "subtitle": as_of,
        "footer": f"{title}. {as_of}",
        "page": _(PAGE),
        "blocks": blocks,
    }


def _summary(
    known: Overview,
    compared: Comparison,
    changed: Sequence[AtRisk],
    points: Sequence[Point],
    language: Language,
    _: Translate,
) -> Iterator[dict[str, Any]]:
    (row,) = compared.rows
    days = [each.on.strftime(DAY_FORMAT) if each else NOTHING for each in (compared.since, compared.until)]
    yield _table(_(THE_COUNTRY), [_(AUDIT_FOR), *days, _(CHANGE)], [*_changes_of(row, language, _)])
    target = _(TARGET).format(percent=number(known.target.percent), day=known.target.on.strftime(DAY_FORMAT))
    ahead = known.forecast
    complete = "" if ahead is None or ahead.complete_on is None else ahead.complete_on.strftime(DAY_FORMAT)
    yield {"kind": "paragraphs", "lines": [target, *([_(COMPLETE).format(day=complete)] if complete else [])]}
    shares = [(each.on, each.figures.platform_percent) for each in points]
    money = [(each.on, float(each.figures.at_risk_kzt)) for each in points]
    charts = ((SHARE, shares, lambda value: decimal(value, language)), (MONEY, money, _in_millions(language)))
    policies = policy_changes(points[0].on, points[-1].on) if points else []
    drawn = [_chart(_(caption), series, shown, policies) for caption, series, shown in charts]
    if all(drawn):
        yield {"kind": "charts", "charts": drawn}
        texts = [_(POLICY) % {"version": each.version, "day": each.on.strftime(DAY_FORMAT)} for each in policies]
        numbered = [f"{number}. {text}" for number, text in enumerate(texts, 1)]
        yield {"kind": "paragraphs", "lines": ["; ".join(numbered)] if texts else []}
    worse, better = [each for each in changed[::-1] if _less(each) < 0], [each for each in changed if _less(each) > 0]
    for caption, agencies in ((WORSE, worse), (BETTER, better)):
        more = [_signed(-_less(each), millions(abs(_less(each)), language)) for each in agencies]
        cells = [[*_at_risk(each, language), change] for each, change in zip(agencies, more, strict=True)]
        yield _table(_(caption), [_(AGENCY), _(FLAGGED), _(MONEY), _(CHANGE)], cells)
    ends = known.ends
    coming = dict(zip(ends.orders, known.coming, strict=True))
    nexts = ((ORDERS, ends.orders), (SOON, coming), (EXEMPTIONS, ends.exemptions), (ONBOARDING, ends.onboarding))
    cells = [[_(name), *map(number, counts.values())] for name, counts in nexts]
    yield _table(_(NEXT), [_(WITHIN), *map(str, ends.orders)], cells)


def _changes_of(row: Compared, language: Language, _: Translate) -> Iterator[list[str]]:
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


def _less(row: AtRisk) -> int:
    return row.less_kzt or 0


def _in_millions(language: Language) -> Callable[[float], str]:
    return lambda value: millions(int(value), language)


def _chart(
    caption: str,
    series: Sequence[tuple[date, float | None]],
    shown: Callable[[float], str],
    policies: Sequence[PolicyChange],
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
    places = [((on - first).days / whole, value / most) for on, value in known]
    # The first known value may be later than a change.
    changed = {
        str(number): (each.on - first).days / whole for number, each in enumerate(policies, 1) if each.on > first
    }
    ends = [each.strftime(DAY_FORMAT) for each in (first, last)]
    return {
        "caption": caption,
        "places": places,
        "most": shown(most),
        "last": shown(newest),
        "ends": ends,
        "policies": changed,
    }


def overview_pdf(data: Mapping[str, Any]) -> bytes:
    """Return the document as PDF. Raises DocumentNotMade."""
    return make_pdf(LAYOUT, f"overview {data['date']}", data)


def _tables(known: Overview, language: Language, _: Translate) -> Iterator[dict[str, Any]]:
    counts = [_(IN_SCOPE), _(SHARE), _(CLAIMED), _(FLAGGED), _(MONEY)]
    earlier = [each for each in known.earlier.values() if each is not None]
    days = [(known.on, known.now), *((each.on, each.figures) for each in earlier)]
    rows = [[on.strftime(DAY_FORMAT), *_counts(row, language)] for on, row in days]
    yield _table(_(THE_COUNTRY), [_(AUDIT_FOR), *counts], rows)
    regions = {_(Region(key).label) if key else _(NOT_GIVEN): row for key, row in known.regions.items()}
    sectors = {_(Sector(key).label) if key else _(NOT_GIVEN): row for key, row in known.sectors.items()}
    for caption, name, groups in ((BY_REGION, REGION, regions), (BY_SECTOR, SECTOR, sectors)):
        rows = [[each, *_counts(row, language)] for each, row in groups.items()]
        yield _table(_(caption), [_(name), *counts], rows)
    yield _table(_(AT_RISK), [_(AGENCY), _(FLAGGED), _(MONEY)], [_at_risk(row, language) for row in known.at_risk])
    rules = policy_in_force().rules
    titles = {key: rules[key].title[language] if key in rules else key for key in known.rules}
    rows = [[titles[key], number(row.flagged), millions(row.at_risk_kzt, language)] for key, row in known.rules.items()]
    yield _table(_(BY_RULE), [_(RULE), _(OPEN_FLAGS), _(MONEY)], rows)
    severities = [_(severity.label) for severity in Severity.worst_first()]
    rows = [
        [_(FlagAge(key).label), *map(number, (row.flagged_high, row.flagged_medium, row.flagged_low, row.flagged))]
        for key, row in known.ages.items()
    ]
    yield _table(_(BY_AGE), [_(OPEN_FOR), *severities, _(ALL)], rows)


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    named = {"caption": caption, "level": 2, "header": [*header], "rows": [list(row) for row in rows]}
    return {"kind": "table", "texts": 1, "has_totals": False, **named}


def _counts(row: Figures, language: Language) -> list[str]:
    shares = [
        NOTHING if share is None else decimal(share, language)
        for share in (row.platform_percent, row.platform_claimed_percent)
    ]
    return [number(row.in_scope), *shares, number(row.flagged), millions(row.at_risk_kzt, language)]


def _at_risk(row: AtRisk, language: Language) -> list[str]:
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
