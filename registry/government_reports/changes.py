"""What a correction changes: fields, texts and single figures of two versions of a report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.government_reports.models import GovernmentReport
from registry.government_reports.vocabulary import TEXTS
from registry.journal.service import canonical

COMPARED: Final = ("period_end", "responsible", "audit_id", "policy_version", *TEXTS)
TABLES: Final = ("by_agency", "by_region", "by_severity", "by_rule", "high_severity")
Change = dict[str, str | None]


def changes_between(former: GovernmentReport, report: GovernmentReport, *, with_restricted: bool) -> list[Change]:
    """Every field that differs: ``field``, ``before`` and ``after``, as texts; figures as ``by_region/71/projects``.

    ``with_restricted``: compare the figures over all projects, else those without restricted ones.
    """
    fields = [_change(name, getattr(former, name), getattr(report, name)) for name in COMPARED]
    before, after = (_measures(each, with_restricted) for each in (former, report))
    names = sorted(before.keys() | after.keys())
    figures = [_change(name, before.get(name), after.get(name)) for name in names]
    return [change for change in (*fields, *figures) if change["before"] != change["after"]]


def measures(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """Every figure as ``(table, key, measure, value)``, in the order of the report; the totals have no key."""
    for measure, value in figures["totals"].items():
        yield "totals", "", measure, value
    for table in TABLES:
        for row in figures[table]:
            for measure, value in row.items():
                if measure != "key":
                    yield table, row["key"] or "", measure, value


def _measures(report: GovernmentReport, with_restricted: bool) -> dict[str, Any]:
    frozen = report.figures if with_restricted else report.open_figures
    if frozen is None:
        return {}
    return {f"{table}/{key}/{measure}": value for table, key, measure, value in measures(json.loads(frozen))}


def _change(name: str, before: Any, after: Any) -> Change:
    return {"field": name, "before": text_of(before), "after": text_of(after)}


def text_of(value: Any) -> str | None:
    """A value as text; lists as JSON, None for none."""
    if value is None or isinstance(value, str):
        return value
    return canonical(value) if isinstance(value, list | dict) else str(value)
