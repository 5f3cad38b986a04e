"""Schemas of reports to the Government in requests and responses."""

from typing import ClassVar, Final

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.core.fields import DAY_SCHEMA, BaseSchema, Day, ReadOnly, Text, Timestamp, nullable, shown_object
from registry.core.translations import lazy_text
from registry.government_reports.models import GovernmentReportStatus
from registry.signatures.fields import Signable

MAX_TEXT_LENGTH: Final = 5000
TEXT: Final = {"type": "string"}
TEXT_OR_NULL: Final = nullable(dict(TEXT))
INTEGER: Final = {"type": "integer"}


class SectionTexts(BaseSchema):
    """The sections of a report, in both languages of the state."""

    introduction_kk = Text(
        MAX_TEXT_LENGTH, description="Introduction in Kazakh.", label=lazy_text("Introduction in Kazakh")
    )
    introduction_ru = Text(
        MAX_TEXT_LENGTH, description="Introduction in Russian.", label=lazy_text("Introduction in Russian")
    )
    findings_kk = Text(MAX_TEXT_LENGTH, description="Findings in Kazakh.", label=lazy_text("Findings in Kazakh"))
    findings_ru = Text(MAX_TEXT_LENGTH, description="Findings in Russian.", label=lazy_text("Findings in Russian"))
    measures_kk = Text(MAX_TEXT_LENGTH, description="Measures in Kazakh.", label=lazy_text("Measures in Kazakh"))
    measures_ru = Text(MAX_TEXT_LENGTH, description="Measures in Russian.", label=lazy_text("Measures in Russian"))
    conclusions_kk = Text(
        MAX_TEXT_LENGTH, description="Conclusions in Kazakh.", label=lazy_text("Conclusions in Kazakh")
    )
    conclusions_ru = Text(
        MAX_TEXT_LENGTH, description="Conclusions in Russian.", label=lazy_text("Conclusions in Russian")
    )


class ReportTexts(SectionTexts):
    """What people write of a report."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"number", "version", "status", "created_by", "issued_at"})

    period_end = Day(description="The last day of the period.", required=True, label=lazy_text("End of the period"))
    due_on = Day(description="By when it must be issued.", required=True, label=lazy_text("Report due on"))
    responsible = Text(
        MAX_NAME_LENGTH,
        description="The person of oversight staff who answers for it.",
        required=True,
        label=lazy_text("Responsible person"),
        hint=lazy_text("The user name of a member of oversight staff."),
    )


class GovernmentReportSummary(BaseSchema):
    """A report in the list: its newest version."""

    number = ReadOnly("Its number, the same for all versions.", TEXT)
    document_number = ReadOnly(
        "The number of what the caller reads: `2026-1`, or `2026-1-open` where restricted projects are left out.", TEXT
    )
    is_whole = ReadOnly("False when the caller reads the version without restricted records.", {"type": "boolean"})
    version = ReadOnly("The version: 1, then one more for each correction.", INTEGER)
    status = ReadOnly("Where this version stands.", {"type": "string", "enum": list(GovernmentReportStatus.codes())})
    period_end = Day(description="The last day of the period.", required=True)
    due_on = Day(description="By when it must be issued.", required=True)
    is_overdue = ReadOnly("True when it was to be issued before today and is not.", {"type": "boolean"})
    responsible = Text(MAX_NAME_LENGTH, description="Who answers for it.", required=True)
    audit = ReadOnly("The id of the audit of which the figures are; null before freezing.", nullable(dict(INTEGER)))
    policy_version = ReadOnly("The policy of that audit.", TEXT_OR_NULL)
    frozen_at = Timestamp("When the figures were frozen.", nullable=True)
    data_sha256 = ReadOnly("SHA-256 (hex) of the bytes of `data.json` as the caller gets them.", TEXT_OR_NULL)
    created_by = ReadOnly("Who began it.", TEXT)
    created_at = Timestamp("When.")
    issued_at = Timestamp("When the second person approved it.", nullable=True)


class GovernmentReportShown(GovernmentReportSummary, SectionTexts):
    """One version of a report."""

    last_audit = ReadOnly(
        "Of a version that is not issued: the last audit, when the figures are of another one. Freeze them again.",
        nullable(shown_object({"id": INTEGER, "on": dict(DAY_SCHEMA)})),
    )
    versions = ReadOnly("All versions that the caller may read.", {"type": "array", "items": INTEGER})
    authors = ReadOnly("Who wrote, froze or submitted it; none of them approves it.", {"type": "array", "items": TEXT})
    submitted_by = ReadOnly("Who submitted it for review.", TEXT_OR_NULL)
    submitted_at = Timestamp("When.", nullable=True)
    approved_by = ReadOnly("The people who approved it, at most two.", {"type": "array", "items": TEXT})
    returned_by = ReadOnly("Who returned it last.", TEXT_OR_NULL)
    returned_at = Timestamp("When.", nullable=True)
    remark = ReadOnly("What was to be changed.", TEXT_OR_NULL)
    correction_reason = ReadOnly("Why this version corrects the one before; null in version 1.", TEXT_OR_NULL)
    changes = ReadOnly(
        "What differs from the version before, field by field.",
        {"type": "array", "items": shown_object({"field": TEXT, "before": TEXT_OR_NULL, "after": TEXT_OR_NULL})},
    )


class NewGovernmentReport(ReportTexts):
    """A report to begin."""


class ReturnRemark(BaseSchema):
    """What must be changed before the report can be issued."""

    remark = Text(MAX_TEXT_LENGTH, description="What must be changed.", label=lazy_text("Remark"), required=True)


class Correction(BaseSchema):
    """Why an issued report is corrected."""

    reason = Text(MAX_TEXT_LENGTH, description="Why.", label=lazy_text("Reason for the correction"), required=True)
    due_on = Day(description="By when the correction must be issued.", label=lazy_text("Report due on"), required=True)


class NoDetails(BaseSchema):
    """An action that takes nothing."""


class SignedApproval(Signable):
    """An approval, which can be signed."""


SUMMARY: Final = GovernmentReportSummary()
REPORT: Final = GovernmentReportShown()
REPORT_BODY: Final = NewGovernmentReport()
# Partial: a field that is required of a report may be absent, but not null.
REPORT_PATCH: Final = ReportTexts(partial=True)
RETURN: Final = ReturnRemark()
CORRECTION: Final = Correction()
