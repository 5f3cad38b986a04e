"""What a correction changed, as rows of its document: what, before, after, in the words of the report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from registry.core.languages import LANGUAGE_NAMES, Language
from registry.core.translations import lazy_text, translator
from registry.freeze.vocabulary import Severity
from registry.government_reports.changes import TABLES, Change
from registry.government_reports.vocabulary import TEXTS, Section
from registry.government_reports.wording import (
    ALL,
    BY_AGENCY,
    BY_REGION,
    BY_RULE,
    BY_SEVERITY,
    COUNT_COLUMNS,
    DAY_FORMAT,
    FLAG_COLUMNS,
    LISTED,
    NOTHING,
    ORDERS,
    SEVERITY,
    measure,
    name_in,
    orders_text,
    region_name,
    rule_title,
)
from registry.projects.vocabulary import FreezeStatus

Values = dict[str, tuple[str | None, str | None]]
CAPTION: Final = lazy_text("What this version changes")
HEADER: Final = (lazy_text("Figure or text"), lazy_text("Before"), lazy_text("After"))
LISTED_NOW: Final = lazy_text("listed")
FIELDS: Final[Mapping[str, str]] = {
    "period_end": lazy_text("End of the period"),
    "responsible": lazy_text("Responsible person"),
    "audit_id": lazy_text("Audit"),
    "policy_version": lazy_text("Policy version"),
}
CAPTIONS: Final[Mapping[str, str]] = {
    "totals": ALL,
    "by_severity": BY_SEVERITY,
    "by_rule": BY_RULE,
    "by_region": BY_REGION,
    "by_agency": BY_AGENCY,
    "high_severity": LISTED,
}
MEASURES: Final[Mapping[str, str]] = {
    **COUNT_COLUMNS,
    **FLAG_COLUMNS,
    "out_of_scope": FreezeStatus.OUT_OF_SCOPE.label,
    "unaudited": FreezeStatus.UNAUDITED.label,
    "severity": SEVERITY,
    "orders": ORDERS,
    "rules": lazy_text("Rules"),
    "agency": lazy_text("Agency"),
}


def change_rows(
    changes: Sequence[Change], figures: Mapping[str, Any], language: Language, texts_in: Sequence[str] = ()
) -> list[list[str]]:
    """One row for each change of a field, of a text and of a figure; a record that is only in one of the versions has
    one row. ``texts_in``: the languages of the texts, else only the one of the rows.
    """
    _ = translator(language)
    rows = [row for change in changes if not _is_figure(change) for row in _field(change, language, texts_in)]
    records: dict[tuple[str, str], Values] = {}
    for change in filter(_is_figure, changes):
        table, key, name = str(change["field"]).split("/", 2)
        records.setdefault((table, key), {})[name] = (change["before"], change["after"])
    order, names = list(CAPTIONS), _names(figures, language)
    for table, key in sorted(records, key=lambda record: (order.index(record[0]), record[1])):
        values = records[table, key]
        former = {name: before for name, (before, _after) in values.items()}
        record = names.get((table, key)) or _name(table, {**former, "key": key}, language)
        label = ". ".join(text for text in (_(CAPTIONS[table]), record) if text)
        rows += _record(label, table, values, language)
    return rows


def _is_figure(change: Change) -> bool:
    return "/" in str(change["field"])


def _field(change: Change, language: Language, texts_in: Sequence[str]) -> Iterator[list[str]]:
    _ = translator(language)
    name, values = str(change["field"]), (change["before"], change["after"])
    if name in TEXTS:
        section, written_in = name.rsplit("_", 1)
        label = _(Section(section).label)
        if written_in in texts_in:
            yield [f"{label}: {LANGUAGE_NAMES[written_in]}", *(value or NOTHING for value in values)]
        elif not texts_in and written_in == language:
            yield [label, *(value or NOTHING for value in values)]
    elif name == "period_end":
        yield [_(FIELDS[name]), *(date.fromisoformat(str(value)).strftime(DAY_FORMAT) for value in values)]
    else:
        yield [_(FIELDS[name]), *(value or NOTHING for value in values)]


def _record(label: str, table: str, values: Values, language: Language) -> Iterator[list[str]]:
    _ = translator(language)
    if table != "totals" and all(before is None for before, _after in values.values()):
        yield [label, NOTHING, _(LISTED_NOW)]
    elif table != "totals" and all(after is None for _before, after in values.values()):
        yield [label, _(LISTED_NOW), NOTHING]
    else:
        for name, pair in values.items():
            if name in MEASURES:
                measured = _(MEASURES[name])
                yield [f"{label}: {measured}", *(_value(name, value, language) for value in pair)]
            elif name.endswith(f"_{language}"):
                yield [label, *(value or NOTHING for value in pair)]


def _value(name: str, value: str | None, language: Language) -> str:
    if value is None:
        return NOTHING
    if name == "orders":
        return orders_text(json.loads(value), language)
    if name == "rules":
        return ", ".join(json.loads(value)) or NOTHING
    if name == "severity":
        return translator(language)(Severity(value).label)
    return value if name == "agency" else measure(name, json.loads(value), language)


def _names(figures: Mapping[str, Any], language: Language) -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    for table in TABLES:
        for row in figures.get(table, ()):
            key = row["key"] or ""
            names[table, key] = _name(table, {**row, "key": key}, language)
    return names


def _name(table: str, row: Mapping[str, Any], language: Language) -> str:
    _ = translator(language)
    match table:
        case "totals":
            return ""
        case "by_region":
            return region_name(row["key"], _)
        case "by_severity":
            return _(Severity(row["key"]).label)
        case "by_rule":
            return rule_title(row, language)
        case "high_severity":
            return f"{name_in(row, language)}, {row['key']}"
    return name_in(row, language)
