"""Closed vocabularies of reports to the Government, and the names of their text sections."""

from __future__ import annotations

from typing import Final

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class GovernmentReportStatus(Choices):
    """Statuses of one version of a report."""

    DRAFT = "draft", lazy_text("Being prepared")
    IN_REVIEW = "in_review", lazy_text("Under review")
    RETURNED = "returned", lazy_text("Returned for changes")
    ISSUED = "issued", lazy_text("Issued")


class Section(Choices):
    """The sections that people write, in the order of the document."""

    INTRODUCTION = "introduction", lazy_text("Introduction")
    FINDINGS = "findings", lazy_text("Findings")
    MEASURES = "measures", lazy_text("Measures")
    CONCLUSIONS = "conclusions", lazy_text("Conclusions")


# The languages in which a report is written and issued.
WRITTEN_IN: Final = ("kk", "ru")
TEXTS: Final = tuple(f"{section}_{language}" for section in Section for language in WRITTEN_IN)
# Ends the number of what readers without restricted records get, where it differs from the report.
OPEN_SUFFIX: Final = "-open"
CHANGEABLE: Final = (GovernmentReportStatus.DRAFT.value, GovernmentReportStatus.RETURNED.value)
