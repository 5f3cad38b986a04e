"""The content of a report as a document: headings, paragraphs and tables, of which HTML and PDF are made."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from registry.agencies.models import Region
from registry.cases.vocabulary import DecisionKind
from registry.core.pdf import make_pdf
from registry.core.translations import LANGUAGE_NAMES, Language, lazy_text, translate, translator
from registry.flags.models import FlagStatus
from registry.freeze.vocabulary import Severity, Translate
from registry.government_reports.models import TEXTS, GovernmentReport, Section
from registry.journal.service import canonical
from registry.projects.vocabulary import FreezeStatus

# Names of tables and figures, and how a report writes numbers, amounts, names and orders.

NO_BREAK: Final = "\u00a0"
NOTHING: Final = "–"
DAY_FORMAT: Final = "%d.%m.%Y"
COUNT_COLUMNS: Final[Mapping[str, str]] = {
    "projects": lazy_text("Projects"),
    "clear": FreezeStatus.CLEAR.label,
    "flagged": FreezeStatus.FLAGGED.label,
    **{f"flagged_{severity}": severity.label for severity in Severity.worst_first()},
    FreezeStatus.TO_MIGRATE.value: FreezeStatus.TO_MIGRATE.label,
    "clear_percent": lazy_text("Clear, per cent"),
    "budget_kzt": lazy_text("Budget, million ₸"),
    "budget_flagged_kzt": lazy_text("Budget of flagged projects, million ₸"),
}
FLAG_COLUMNS: Final[Mapping[str, str]] = {
    status.value: status.label for status in (FlagStatus.OPEN, FlagStatus.EXEMPT, FlagStatus.ACCEPTED)
}
CAPTIONS: Final[Mapping[str, str]] = {
    "totals": lazy_text("All"),
    "by_severity": lazy_text("Flagged projects by severity"),
    "by_rule": lazy_text("Flags by rule"),
    "by_region": lazy_text("By region"),
    "by_agency": lazy_text("By agency"),
    "high_severity": lazy_text("Projects of high severity and the orders in force"),
}
MEASURES: Final[Mapping[str, str]] = {
    **COUNT_COLUMNS,
    **FLAG_COLUMNS,
    "out_of_scope": FreezeStatus.OUT_OF_SCOPE.label,
    "unaudited": FreezeStatus.UNAUDITED.label,
    "severity": lazy_text("Severity"),
    "orders": lazy_text("Orders in force"),
    "rules": lazy_text("Rules"),
    "agency": lazy_text("Agency"),
}


def number(value: int) -> str:
    """Return a whole number in groups of three digits, as in Kazakh and Russian."""
    return f"{value:,}".replace(",", NO_BREAK)


def millions(value: int, language: Language) -> str:
    """Return an amount of tenge in millions with one decimal."""
    whole, tenth = divmod(round(value / 100_000), 10)
    return f"{number(whole)}{_point(language)}{tenth}"


def decimal(value: float, language: Language) -> str:
    """Return a number with one decimal."""
    return f"{value:.1f}".replace(".", _point(language))


def measure(name: str, value: Any, language: Language) -> str:
    """Return a count, a percentage or an amount, by the name of the figure."""
    if value is None:
        return NOTHING
    if name == "clear_percent":
        return decimal(value, language)
    return millions(value, language) if name.endswith("_kzt") else number(value)


def name_in(row: Mapping[str, Any], language: Language) -> str:
    """Return the name of an agency or project in the language, in the other official one, or its key."""
    return str(row.get(f"name_{language}") or row.get("name_ru") or row.get("name_kk") or row["key"])


def orders_text(orders: Sequence[Mapping[str, Any]], language: Language) -> str:
    """Return the orders in force on a project, each with its day."""
    return "; ".join(_order(order, translator(language)) for order in orders) or NOTHING


def _order(order: Mapping[str, Any], _: Translate) -> str:
    decision = _(DecisionKind(order["decision"]).label)
    if order["due_on"] is None:
        return decision
    day = date.fromisoformat(order["due_on"]).strftime(DAY_FORMAT)
    return _("{decision} (until {day})").format(decision=decision, day=day)


def _point(language: Language) -> str:
    return "." if language == "en" else ","


# What a correction changes: fields, texts and single figures of two versions of a report.

COMPARED: Final = ("period_end", "responsible", "audit_id", "policy_version", *TEXTS)
TABLES: Final = ("by_agency", "by_region", "by_severity", "by_rule", "high_severity")
Change = dict[str, str | None]


def changes_between(former: GovernmentReport, report: GovernmentReport, *, with_restricted: bool) -> list[Change]:
    """Return every field that differs: ``field``, ``before`` and ``after``, as texts; figures as
    ``by_region/71/projects``.

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
    """Return a value as text; lists as JSON, None for none."""
    if value is None or isinstance(value, str):
        return value
    return canonical(value) if isinstance(value, list | dict) else str(value)


# What a correction changed, as rows of its document: what, before, after, in the words of the report.

Values = dict[str, tuple[str | None, str | None]]
CHANGES_HEADER: Final = (lazy_text("Figure or text"), lazy_text("Before"), lazy_text("After"))
LISTED_NOW: Final = lazy_text("listed")
FIELDS: Final[Mapping[str, str]] = {
    "period_end": lazy_text("End of the period"),
    "responsible": lazy_text("Responsible person"),
    "audit_id": lazy_text("Audit"),
    "policy_version": lazy_text("Policy version"),
}


def change_rows(
    changes: Sequence[Change], figures: Mapping[str, Any], language: Language, texts_in: Sequence[str] = ()
) -> list[list[str]]:
    """Return one row for each change of a field, of a text and of a figure; a record that is only in one of the
    versions has one row. ``texts_in``: the languages of the texts, else only the one of the rows.
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
            return _(Region(row["key"]).label) if row["key"] else _("Not given")
        case "by_severity":
            return _(Severity(row["key"]).label)
        case "by_rule":
            return str(row.get(f"title_{language}") or row.get("title_ru") or row["key"])
        case "high_severity":
            return f"{name_in(row, language)}, {row['key']}"
    return name_in(row, language)


DATA: Final = lazy_text("SHA-256 of the data: {digest}")
Block = dict[str, Any]


def heading(text: str) -> Block:
    """Return a heading below the title."""
    return {"kind": "heading", "level": 2, "text": text}


def paragraphs(text: str) -> Block:
    """Return plain text, one paragraph a line."""
    return {"kind": "paragraphs", "lines": [line for line in text.split("\n") if line.strip()]}


def table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    level: int = 3,
    texts: int = 1,
    has_totals: bool = False,
) -> Block:
    """Return a table. All columns but the first ``texts`` are numbers; with ``has_totals`` the last row sums up the
    others. ``level``: of the caption, which is a heading in the PDF.
    """
    shown = {"caption": caption, "level": level, "header": [*header], "rows": [[*row] for row in rows]}
    return {"kind": "table", **shown, "texts": texts, "has_totals": has_totals}


def page_data(
    language: Language, day: date, title: str, subtitle: str, footer: str, blocks: Iterable[Block]
) -> dict[str, Any]:
    """Return a document as ``LAYOUT`` reads it. ``footer``: what stands on every page."""
    issuer, page = translate(ISSUER, language), translate(PAGE, language)
    texts = {"issuer": issuer, "title": title, "subtitle": subtitle, "footer": footer, "page": page}
    return {"language": language, "date": day.isoformat(), **texts, "blocks": [*blocks]}


@dataclass(frozen=True, slots=True)
class ReportContent:
    """What a document is made of. ``figures`` and ``data_sha256``: as the reader may see them, None before freezing.

    ``number``: of what the reader gets; with ``is_whole`` false it is the version without restricted records.
    ``frozen_on``: when they were frozen: what was registered and decided since the audit counts in them.
    ``changes``: of a correction, what differs from the version before.
    """

    number: str
    version: int
    period_end: date
    responsible: str
    texts: Mapping[str, str | None]
    figures: Mapping[str, Any] | None
    data_sha256: str | None
    frozen_on: date | None
    issued_on: date | None
    approved_by: Sequence[str]
    correction_reason: str | None
    changes: Sequence[Change] = ()
    is_whole: bool = True


def document(report: ReportContent, language: Language) -> dict[str, Any]:
    """Return the report in a language; its sections are written in Kazakh and Russian, in other languages there are
    none.
    """
    _ = translator(language)
    named = _("No. {number}, version {version}").format(number=report.number, version=report.version)
    # On every page, so that a single sheet is not taken for one of the report.
    version = (
        []
        if report.is_whole
        else [_("Version for readers without restricted records: restricted projects are left out")]
    )
    digest = [] if report.data_sha256 is None else [_(DATA).format(digest=report.data_sha256)]
    subject = _("Compliance with the moratorium on state digital objects outside QazTech")
    return page_data(
        language,
        report.issued_on or report.period_end,
        _("Report to the Government and the President of the Republic of Kazakhstan"),
        ". ".join([subject, named, *version]),
        ". ".join([named, *version, *digest]),
        _blocks(report, language, _),
    )


def figure_tables(figures: Mapping[str, Any], language: Language) -> list[Block]:
    """Return the tables of frozen figures."""
    _ = translator(language)
    rows = {of: [(_name(of, row, language), row) for row in figures[of]] for of in TABLES}
    captions, heads = ({name: _(label) for name, label in labels.items()} for labels in (CAPTIONS, MEASURES))
    totals = [captions["totals"], *_counts(figures["totals"], language)]
    by_region, by_agency = rows["by_region"], rows["by_agency"]
    regions, agencies = ([[name, *_counts(row, language)] for name, row in of] for of in (by_region, by_agency))
    severities = [
        [name, *(measure(each, row[each], language) for each in ("projects", "budget_flagged_kzt"))]
        for name, row in rows["by_severity"]
    ]
    rules = [
        [name, _(Severity(row["severity"]).label), *(number(row[each]) for each in FLAG_COLUMNS)]
        for name, row in rows["by_rule"]
    ]
    listed = [
        [
            name_in(row, language),
            str(row["key"]),
            orders_text(row["orders"], language),
            millions(row["budget_kzt"] or 0, language),
        ]
        for row in figures["high_severity"]
    ]
    counts = [_(label) for name, label in COUNT_COLUMNS.items() if name in figures["totals"]]
    of_flags, severity = [heads[each] for each in FLAG_COLUMNS], heads["severity"]
    return [
        table(captions["by_severity"], [severity, heads["projects"], heads["budget_flagged_kzt"]], severities),
        table(captions["by_rule"], [_("Rule"), severity, *of_flags], rules, texts=2),
        table(captions["by_region"], [_("Region"), *counts], [*regions, totals], has_totals=True),
        table(captions["by_agency"], [heads["agency"], *counts], [*agencies, totals], has_totals=True),
        table(
            captions["high_severity"], [_("Project"), _("No."), heads["orders"], heads["budget_kzt"]], listed, texts=3
        ),
    ]


def _blocks(report: ReportContent, language: Language, _: Translate) -> Iterator[Block]:
    day = report.period_end.strftime(DAY_FORMAT)
    if report.figures is None or report.frozen_on is None:
        yield paragraphs(_("Period until {day}. The figures are not frozen yet.").format(day=day))
    else:
        audit = report.figures["audit"]
        frozen, on = (each.strftime(DAY_FORMAT) for each in (report.frozen_on, date.fromisoformat(audit["on"])))
        about = {"frozen": frozen, "audit": audit["id"], "on": on, "policy": audit["policy_version"]}
        yield paragraphs(
            _("Period until {day}. Figures as of {frozen}, after audit No. {audit} of {on}, policy {policy}.").format(
                day=day, **about
            )
        )
    if report.correction_reason:
        yield paragraphs(_("This version corrects the one before: {reason}").format(reason=report.correction_reason))
        if rows := change_rows(report.changes, report.figures or {}, language):
            yield table(_("What this version changes"), [_(name) for name in CHANGES_HEADER], rows, texts=3, level=2)
    if report.issued_on is None:
        yield paragraphs(_("Draft: this version is not issued."))
    for section in Section:
        yield heading(_(section.label))
        yield paragraphs(report.texts.get(f"{section}_{language}") or _("Not written yet."))
    if report.figures is not None:
        yield heading(_("Figures"))
        yield from figure_tables(report.figures, language)
        yield paragraphs(_(DATA).format(digest=report.data_sha256))
    yield paragraphs(_("Responsible person: {name}.").format(name=report.responsible))
    if report.issued_on is not None:
        people = ", ".join(report.approved_by)
        yield paragraphs(
            _("Issued on {day}. Approved by {people}.").format(day=report.issued_on.strftime(DAY_FORMAT), people=people)
        )


def _counts(row: Mapping[str, Any], language: Language) -> list[str]:
    # Figures that were frozen before a measure existed are shown without it.
    return [measure(name, row[name], language) for name in COUNT_COLUMNS if name in row]


# A report as PDF/A-2u in one language, from its neutral document.

LAYOUT: Final = Path(__file__).parent / "data" / "report.typ"
ISSUER: Final = lazy_text("QazTech project register")
PAGE: Final = lazy_text("Page {page} of {pages}")


def pdf_of_report(report: ReportContent, language: Language) -> bytes:
    """Return the document of a version in Kazakh or Russian. Raises DocumentNotMade."""
    return make_pdf(LAYOUT, report.number, document(report, language))


def pdf_name(report: ReportContent, language: Language) -> str:
    """Return the name of the file, without its ending."""
    return f"government-report-{report.number}-{report.version}-{language}"
