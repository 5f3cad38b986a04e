"""The review of a report by two people, its issue, and corrections of issued reports."""

from __future__ import annotations

from datetime import date

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.accounts.same_person import is_another_person, require_still_may
from registry.core.clock import now
from registry.core.dialects import advisory_lock
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.core.transactions import transaction
from registry.government_reports.models import GovernmentReport
from registry.government_reports.queries import find_report_to_change, last_audit_of, reads_whole_report
from registry.government_reports.service import (
    FIELDS,
    NUMBER_LOCK,
    GovernmentReportNotChangeable,
    journal_report,
    require_a_person,
    require_writer,
    touch,
)
from registry.government_reports.vocabulary import TEXTS, GovernmentReportStatus

FROZEN = (
    *("audit_id", "policy_version", "frozen_at"),
    *("figures", "figures_sha256", "open_figures", "open_figures_sha256"),
)


class GovernmentReportNotInReview(Conflict):
    """The version does not wait for approval."""


class GovernmentReportChanged(Conflict):
    """The version is no longer in the state that the actor saw."""


class GovernmentReportNotIssued(Conflict):
    """Only an issued report is corrected; an open version is changed instead."""


class GovernmentReportNotReadable(NotAllowed):
    """Restricted projects count in the report and the actor may not see them; nobody approves what they cannot read."""


class GovernmentReportNeedsAnotherPerson(NotAllowed):
    """Who wrote the report, or approved it first, does not approve it."""


def submit_government_report(actor: Actor, number: str) -> GovernmentReport:
    """Submit the newest version for review: every section is written in both languages, and the figures are frozen.

    Raises RoleNotAllowed, GovernmentReportNeedsAPerson, GovernmentReportNotFound, GovernmentReportNotChangeable and
    Invalid.
    """
    require_writer(actor)
    with transaction():
        report = find_report_to_change(number)
        if not report.is_changeable:
            raise GovernmentReportNotChangeable(number=number, status=report.status)
        problems = [Problem(f"/{name}", "required") for name in TEXTS if not getattr(report, name)]
        if report.frozen_at is None:
            problems.append(Problem("/data_sha256", "figures-to-freeze"))
        if problems:
            raise Invalid(problems)
        report.status = GovernmentReportStatus.IN_REVIEW.value
        report.submitted_by, report.submitted_at = actor.principal, now()
        touch(actor, report)
        journal_report(actor, "submitted", report, {"sha256": report.figures_sha256, **_outdated(report)})
    return report


def approve_government_report(actor: Actor, report: GovernmentReport, revision: int | None = None) -> GovernmentReport:
    """Approve in the open transaction; the second approval, of a supervisor, issues the version.

    ``revision``: the one that the actor has seen. Raises RoleNotAllowed, StepUpRequired, GovernmentReportNeedsAPerson,
    GovernmentReportNotInReview, GovernmentReportNeedsAnotherPerson, GovernmentReportNotReadable and
    GovernmentReportChanged.
    """
    _require_reviewer(actor, report)
    require_another_person(actor, report)
    if not reads_whole_report(actor, report):
        raise GovernmentReportNotReadable(number=report.number)
    if revision is not None and revision != report.revision:
        raise GovernmentReportChanged(number=report.number)
    outdated = _outdated(report)
    if report.first_approved_by is None:
        report.first_approved_by, report.first_approved_at = actor.principal, now()
        action = "approved"
    else:
        actor.require(Permission.GOVERNMENT_REPORTS_ISSUE)
        require_still_may(report.first_approved_by, Permission.GOVERNMENT_REPORTS_APPROVE)
        report.second_approved_by, report.issued_at = actor.principal, now()
        report.status, action = GovernmentReportStatus.ISSUED.value, "issued"
    report.revision += 1
    journal_report(actor, action, report, {"sha256": report.figures_sha256, **outdated})
    return report


def return_government_report(actor: Actor, number: str, remark: str) -> GovernmentReport:
    """Return a version under review with a remark; a first approval no longer counts.

    Raises RoleNotAllowed, StepUpRequired, GovernmentReportNeedsAPerson, GovernmentReportNotFound and
    GovernmentReportNotInReview.
    """
    with transaction():
        report = find_report_to_change(number)
        _require_reviewer(actor, report)
        report.status = GovernmentReportStatus.RETURNED.value
        report.returned_by, report.returned_at, report.remark = actor.principal, now(), remark
        report.first_approved_by, report.first_approved_at = None, None
        report.revision += 1
        journal_report(actor, "returned", report, {"remark": remark})
    return report


def correct_government_report(actor: Actor, number: str, reason: str, due_on: date) -> GovernmentReport:
    """Begin the next version of an issued report, with its texts and figures; the issued version stays as it is.

    Raises RoleNotAllowed, GovernmentReportNeedsAPerson, GovernmentReportNotFound and GovernmentReportNotIssued.
    """
    require_writer(actor)
    with transaction() as session:
        # Two corrections begun at once: the second reads the version that the first has begun.
        advisory_lock(session, NUMBER_LOCK)
        issued = find_report_to_change(number)
        if issued.status != GovernmentReportStatus.ISSUED:
            raise GovernmentReportNotIssued(number=number, status=issued.status)
        report = GovernmentReport(
            year=issued.year,
            ordinal=issued.ordinal,
            version=issued.version + 1,
            status=GovernmentReportStatus.DRAFT.value,
            **{name: getattr(issued, name) for name in (*FIELDS, *FROZEN)} | {"due_on": due_on},
            correction_reason=reason,
            created_by=actor.principal,
            created_at=now(),
            authors=[actor.principal],
            revision=1,
        )
        session.add(report)
        session.flush()
        journal_report(actor, "corrected", report, {"reason": reason, "due_on": due_on})
    return report


def may_approve(actor: Actor, report: GovernmentReport) -> bool:
    """True when the actor may approve the version now, apart from the step-up."""
    in_review = report.status == GovernmentReportStatus.IN_REVIEW
    issues = report.first_approved_by is not None
    needed = Permission.GOVERNMENT_REPORTS_ISSUE if issues else Permission.GOVERNMENT_REPORTS_APPROVE
    allowed = actor.is_person and actor.may(needed) and reads_whole_report(actor, report)
    return in_review and allowed and _is_another_person(actor, report)


def require_another_person(actor: Actor, report: GovernmentReport) -> None:
    """Raise GovernmentReportNeedsAnotherPerson for an author and for who approved first, under any name."""
    if not _is_another_person(actor, report):
        raise GovernmentReportNeedsAnotherPerson(number=report.number)


def _is_another_person(actor: Actor, report: GovernmentReport) -> bool:
    earlier = [*report.authors, *([report.first_approved_by] if report.first_approved_by else [])]
    return is_another_person(actor, earlier, report.created_at)


def _outdated(report: GovernmentReport) -> dict[str, int]:
    """For the journal: the last audit, when the figures are of another one."""
    last = last_audit_of(report)
    return {} if last is None else {"last_audit": last["id"]}


def _require_reviewer(actor: Actor, report: GovernmentReport) -> None:
    actor.require(Permission.GOVERNMENT_REPORTS_APPROVE)
    require_a_person(actor)
    if report.status != GovernmentReportStatus.IN_REVIEW:
        raise GovernmentReportNotInReview(number=report.number, status=report.status)
