"""A report as PDF/A-2u in one language, from its neutral document."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from registry.core.languages import Language
from registry.core.pdf import make_pdf
from registry.core.translations import lazy_text, translate
from registry.government_reports.document import Heading, Paragraph, ReportContent, Table, document

LAYOUT: Final = Path(__file__).parent / "data" / "report.typ"
ISSUER: Final = lazy_text("QazTech project register")
PAGE: Final = lazy_text("Page {page} of {pages}")


def pdf_of_report(report: ReportContent, language: Language) -> bytes:
    """Return the document of a version in Kazakh or Russian. Raises DocumentNotMade."""
    made = document(report, language)
    data = {
        "language": language,
        "issuer": translate(ISSUER, language),
        "date": (report.issued_on or report.period_end).isoformat(),
        "title": made.title,
        "subtitle": made.subtitle,
        "footer": made.footer,
        "page": translate(PAGE, language),
        "blocks": [_block(block) for block in made.blocks],
    }
    return make_pdf(LAYOUT, report.number, data)


def pdf_name(report: ReportContent, language: Language) -> str:
    """The name of the file, without its ending."""
    return f"government-report-{report.number}-{report.version}-{language}"


def _block(block: Heading | Paragraph | Table) -> dict[str, Any]:
    match block:
        case Heading():
            return {"kind": "heading", "level": block.level, "text": block.text}
        case Paragraph():
            lines = [line for line in block.text.split("\n") if line.strip()]
            return {"kind": "paragraphs", "lines": lines}
    return {
        "kind": "table",
        "caption": block.caption,
        "level": block.caption_level,
        "header": list(block.header),
        "rows": [list(row) for row in block.rows],
        "texts": block.texts,
        "has_totals": block.has_totals,
    }
