"""The content of a report as a document: headings, paragraphs and tables, of which HTML and PDF are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from registry.agencies.vocabulary import Region
from registry.cases.vocabulary import DecisionKind
from registry.core.languages import Language
from registry.core.translations import lazy_text, translator
from registry.flags.vocabulary import FlagStatus
from registry.freeze.vocabulary import Severity
from registry.government_reports.vocabulary import Section

NO_BREAK: Final = "\u00a0"
NOTHING: Final = "–"
DAY_FORMAT: Final = "%d.%m.%Y"
TITLE: Final = lazy_text("Report to the Government and the President of the Republic of Kazakhstan")
SUBJECT: Final = lazy_text("Compliance with the moratorium on state digital objects outside QazTech")
NUMBER: Final = lazy_text("No. {number}, version {version}")
PERIOD: Final = lazy_text("Period until {day}. Figures of audit No. {audit} of {on}, policy {policy}.")
UNFROZEN: Final = lazy_text("Period until {day}. The figures are not frozen yet.")
NOT_ISSUED: Final = lazy_text("Draft: this version is not issued.")
ISSUED: Final = lazy_text("Issued on {day}. Approved by {people}.")
RESPONSIBLE: Final = lazy_text("Responsible person: {name}.")
CORRECTION: Final = lazy_text("This version corrects the one before: {reason}")
NOT_WRITTEN: Final = lazy_text("Not written yet.")
DATA: Final = lazy_text("SHA-256 of the data: {digest}")
FIGURES: Final = lazy_text("Figures")
BY_REGION: Final = lazy_text("By region")
BY_AGENCY: Final = lazy_text("By agency")
BY_SEVERITY: Final = lazy_text("Flagged projects by severity")
BY_RULE: Final = lazy_text("Flags by rule")
LISTED: Final = lazy_text("Projects of high severity and the orders in force")
OTHER: Final = lazy_text("Not given")
ALL: Final = lazy_text("All")
COUNT_COLUMNS: Final[Mapping[str, str]] = {
    "projects": lazy_text("Projects"),
    "clear": lazy_text("Clear"),
    "flagged": lazy_text("Flagged"),
    "flagged_high": lazy_text("High"),
    "flagged_medium": lazy_text("Medium"),
    "flagged_low": lazy_text("Low"),
    "clear_percent": lazy_text("Clear, per cent"),
    "budget_kzt": lazy_text("Budget, million ₸"),
    "budget_flagged_kzt": lazy_text("Of it flagged, million ₸"),
}
AGENCY: Final = lazy_text("Agency")
REGION: Final = lazy_text("Region")
SEVERITY: Final = lazy_text("Severity")
RULE: Final = lazy_text("Rule")
PROJECT: Final = lazy_text("Project")
ORDERS: Final = lazy_text("Orders in force")
FLAG_COLUMNS: Final[Mapping[str, str]] = {
    status.value: status.label for status in FlagStatus if status is not FlagStatus.CLEARED
}
UNTIL: Final = lazy_text("{decision} (until {day})")
Cell = str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the title; level 2 or 3."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; line breaks are kept."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table. All columns but the first ``texts`` are numbers; with ``has_totals`` the last row sums up the others."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    texts: int = 1
    has_totals: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A report in one language."""

    language: Language
    title: str
    subtitle: str
    blocks: Sequence[Heading | Paragraph | Table]


@dataclass(frozen=True, slots=True)
class ReportContent:
    """What a document is made of. ``figures`` and ``data_sha256``: as the reader may see them, None before freezing."""

    number: str
    version: int
    period_end: date
    responsible: str
    texts: Mapping[str, str | None]
    figures: Mapping[str, Any] | None
    data_sha256: str | None
    issued_on: date | None
    approved_by: Sequence[str]
    correction_reason: str | None


def document(report: ReportContent, language: Language) -> Document:
    """The report in a language; its sections are written in Kazakh and Russian, in other languages there are none."""
    _ = translator(language)
    number = _(NUMBER).format(number=report.number, version=report.version)
    subject = _(SUBJECT)
    return Document(language, _(TITLE), f"{subject}. {number}", list(_blocks(report, language, _)))


def figure_tables(figures: Mapping[str, Any], language: Language) -> list[Table]:
    """The tables of frozen figures."""
    _ = translator(language)
    totals = [_(ALL), *_counts(figures["totals"], language)]
    regions = [[_region(row["key"], _), *_counts(row, language)] for row in figures["by_region"]]
    agencies = [[_name(row, language), *_counts(row, language)] for row in figures["by_agency"]]
    counts = [_(label) for label in COUNT_COLUMNS.values()]
    severities = [
        [_(Severity(row["key"]).label), number(row["projects"]), _millions(row["budget_flagged_kzt"], language)]
        for row in figures["by_severity"]
    ]
    rules = [
        [_rule(row, language), _(Severity(row["severity"]).label), *(number(row[name]) for name in FLAG_COLUMNS)]
        for row in figures["by_rule"]
    ]
    listed = [
        [_name(row, language), str(row["key"]), _orders(row["orders"], _), _millions(row["budget_kzt"] or 0, language)]
        for row in figures["high_severity"]
    ]
    named = {name: _(label) for name, label in COUNT_COLUMNS.items()}
    return [
        Table(_(BY_SEVERITY), [_(SEVERITY), named["projects"], named["budget_flagged_kzt"]], severities),
        Table(_(BY_RULE), [_(RULE), _(SEVERITY), *map(_, FLAG_COLUMNS.values())], rules, texts=2),
        Table(_(BY_REGION), [_(REGION), *counts], [*regions, totals], has_totals=True),
        Table(_(BY_AGENCY), [_(AGENCY), *counts], [*agencies, totals], has_totals=True),
        Table(_(LISTED), [_(PROJECT), "№", _(ORDERS), named["budget_kzt"]], listed, texts=3),
    ]


def number(value: int) -> str:
    """A whole number in groups of three digits, as in Kazakh and Russian."""
    return f"{value:,}".replace(",", NO_BREAK)


def _blocks(
    report: ReportContent, language: Language, _: Callable[[str], str]
) -> Iterator[Heading | Paragraph | Table]:
    day = report.period_end.strftime(DAY_FORMAT)
    if report.figures is None:
        yield Paragraph(_(UNFROZEN).format(day=day))
    else:
        audit = report.figures["audit"]
        on = date.fromisoformat(audit["on"]).strftime(DAY_FORMAT)
        yield Paragraph(_(PERIOD).format(day=day, audit=audit["id"], on=on, policy=audit["policy_version"]))
    if report.correction_reason:
        yield Paragraph(_(CORRECTION).format(reason=report.correction_reason))
    if report.issued_on is None:
        yield Paragraph(_(NOT_ISSUED))
    for section in Section:
        yield Heading(2, _(section.label))
        yield Paragraph(report.texts.get(f"{section}_{language}") or _(NOT_WRITTEN))
    if report.figures is not None:
        yield Heading(2, _(FIGURES))
        yield from figure_tables(report.figures, language)
        yield Paragraph(_(DATA).format(digest=report.data_sha256))
    yield Paragraph(_(RESPONSIBLE).format(name=report.responsible))
    if report.issued_on is not None:
        people = ", ".join(report.approved_by)
        yield Paragraph(_(ISSUED).format(day=report.issued_on.strftime(DAY_FORMAT), people=people))


def _counts(row: Mapping[str, Any], language: Language) -> list[Cell]:
    cells = []
    for name in COUNT_COLUMNS:
        value = row[name]
        if name == "clear_percent":
            cells.append(NOTHING if value is None else _decimal(value, language))
        else:
            cells.append(_millions(value, language) if name.endswith("_kzt") else number(value))
    return cells


def _millions(value: int, language: Language) -> str:
    whole, tenth = divmod(round(value / 100_000), 10)
    return f"{number(whole)}{'.' if language == 'en' else ','}{tenth}"


def _decimal(value: float, language: Language) -> str:
    return f"{value:.1f}".replace(".", "." if language == "en" else ",")


def _region(key: str | None, _: Callable[[str], str]) -> str:
    return _(OTHER) if key is None else _(Region(key).label)


def _name(row: Mapping[str, Any], language: Language) -> str:
    return str(row.get(f"name_{language}") or row["name_ru"] or row["name_kk"] or row["key"])


def _rule(row: Mapping[str, Any], language: Language) -> str:
    return str(row.get(f"title_{language}") or row["title_ru"] or row["key"])


def _orders(orders: Sequence[Mapping[str, Any]], _: Callable[[str], str]) -> str:
    return "; ".join(_order(order, _) for order in orders) or NOTHING


def _order(order: Mapping[str, Any], _: Callable[[str], str]) -> str:
    decision = _(DecisionKind(order["decision"]).label)
    if order["due_on"] is None:
        return decision
    day = date.fromisoformat(order["due_on"]).strftime(DAY_FORMAT)
    return _(UNTIL).format(decision=decision, day=day)
