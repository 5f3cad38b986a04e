"""The content of a report as a document: headings, paragraphs and tables, of which HTML and PDF are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from registry.core.languages import Language
from registry.core.translations import lazy_text, translator
from registry.freeze.texts import Translate
from registry.freeze.vocabulary import Severity
from registry.government_reports.change_rows import CAPTION, HEADER, change_rows
from registry.government_reports.changes import Change
from registry.government_reports.vocabulary import Section
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
    ORDERS,
    SEVERITY,
    measure,
    millions,
    name_in,
    number,
    orders_text,
    region_name,
    rule_title,
)

TITLE: Final = lazy_text("Report to the Government and the President of the Republic of Kazakhstan")
SUBJECT: Final = lazy_text("Compliance with the moratorium on state digital objects outside QazTech")
NUMBER_COLUMN: Final = lazy_text("No.")
NUMBER: Final = lazy_text("No. {number}, version {version}")
PERIOD: Final = lazy_text(
    "Period until {day}. Figures as of {frozen}, after audit No. {audit} of {on}, policy {policy}."
)
UNFROZEN: Final = lazy_text("Period until {day}. The figures are not frozen yet.")
NOT_ISSUED: Final = lazy_text("Draft: this version is not issued.")
ISSUED: Final = lazy_text("Issued on {day}. Approved by {people}.")
OPEN_VERSION: Final = lazy_text("Version for readers without restricted records: restricted projects are left out")
RESPONSIBLE: Final = lazy_text("Responsible person: {name}.")
CORRECTION: Final = lazy_text("This version corrects the one before: {reason}")
NOT_WRITTEN: Final = lazy_text("Not written yet.")
DATA: Final = lazy_text("SHA-256 of the data: {digest}")
FIGURES: Final = lazy_text("Figures")
AGENCY: Final = lazy_text("Agency")
REGION: Final = lazy_text("Region")
RULE: Final = lazy_text("Rule")
PROJECT: Final = lazy_text("Project")
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
    """A table. All columns but the first ``texts`` are numbers; with ``has_totals`` the last row sums up the others.

    ``caption_level``: the caption is a heading in the PDF.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    texts: int = 1
    has_totals: bool = False
    caption_level: int = 3


@dataclass(frozen=True, slots=True)
class Document:
    """A report in one language. ``footer``: what stands on every page."""

    language: Language
    title: str
    subtitle: str
    footer: str
    blocks: Sequence[Heading | Paragraph | Table]


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


def document(report: ReportContent, language: Language) -> Document:
    """The report in a language; its sections are written in Kazakh and Russian, in other languages there are none."""
    _ = translator(language)
    number = _(NUMBER).format(number=report.number, version=report.version)
    subject = _(SUBJECT)
    digest = [] if report.data_sha256 is None else [_(DATA).format(digest=report.data_sha256)]
    # On every page, so that a single sheet is not taken for one of the report.
    version = [] if report.is_whole else [_(OPEN_VERSION)]
    footer = ". ".join([number, *version, *digest])
    subtitle = ". ".join([subject, number, *version])
    return Document(language, _(TITLE), subtitle, footer, list(_blocks(report, language, _)))


def figure_tables(figures: Mapping[str, Any], language: Language) -> list[Table]:
    """The tables of frozen figures."""
    _ = translator(language)
    totals = [_(ALL), *_counts(figures["totals"], language)]
    regions = [[region_name(row["key"], _), *_counts(row, language)] for row in figures["by_region"]]
    agencies = [[name_in(row, language), *_counts(row, language)] for row in figures["by_agency"]]
    counts = [_(label) for label in COUNT_COLUMNS.values()]
    severities = [
        [_(Severity(row["key"]).label), number(row["projects"]), millions(row["budget_flagged_kzt"], language)]
        for row in figures["by_severity"]
    ]
    rules = [
        [rule_title(row, language), _(Severity(row["severity"]).label), *(number(row[name]) for name in FLAG_COLUMNS)]
        for row in figures["by_rule"]
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
    named = {name: _(label) for name, label in COUNT_COLUMNS.items()}
    return [
        Table(_(BY_SEVERITY), [_(SEVERITY), named["projects"], named["budget_flagged_kzt"]], severities),
        Table(_(BY_RULE), [_(RULE), _(SEVERITY), *map(_, FLAG_COLUMNS.values())], rules, texts=2),
        Table(_(BY_REGION), [_(REGION), *counts], [*regions, totals], has_totals=True),
        Table(_(BY_AGENCY), [_(AGENCY), *counts], [*agencies, totals], has_totals=True),
        Table(_(LISTED), [_(PROJECT), _(NUMBER_COLUMN), _(ORDERS), named["budget_kzt"]], listed, texts=3),
    ]


def _blocks(report: ReportContent, language: Language, _: Translate) -> Iterator[Heading | Paragraph | Table]:
    day = report.period_end.strftime(DAY_FORMAT)
    if report.figures is None or report.frozen_on is None:
        yield Paragraph(_(UNFROZEN).format(day=day))
    else:
        audit = report.figures["audit"]
        frozen, on = (each.strftime(DAY_FORMAT) for each in (report.frozen_on, date.fromisoformat(audit["on"])))
        about = {"frozen": frozen, "audit": audit["id"], "on": on, "policy": audit["policy_version"]}
        yield Paragraph(_(PERIOD).format(day=day, **about))
    if report.correction_reason:
        yield Paragraph(_(CORRECTION).format(reason=report.correction_reason))
        if rows := change_rows(report.changes, report.figures or {}, language):
            yield Table(_(CAPTION), [_(name) for name in HEADER], rows, texts=3, caption_level=2)
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
    return [measure(name, row[name], language) for name in COUNT_COLUMNS]
