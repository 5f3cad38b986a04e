"""Reports to the Government: begin, write, freeze, delete, review and correct."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import func, select

from registry.accounts.handover import HandOver
from registry.accounts.models import Account, account_named
from registry.accounts.roles import OVERSIGHT_ROLES, PERMISSIONS, Actor, Permission, Role
from registry.accounts.same_person import is_another_person, require_still_may
from registry.core.clock import now, today
from registry.core.database import db, require_transaction, transaction
from registry.core.dialects import advisory_lock
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem, invalid
from registry.flags.models import last_good_audit, lock_flags_for_review
from registry.freeze.policy import policy_in_force
from registry.government_reports import queries
from registry.government_reports.models import TEXTS, GovernmentReport, GovernmentReportStatus
from registry.journal import service as journal
from registry.signatures.models import SignableAct
from registry.signatures.service import ActToSign, SignedAct, attach

# Held while a number or a version is given or the last one is taken back, so that neither has a gap or is given twice.
NUMBER_LOCK: Final = 742_016
FIELDS: Final = ("period_end", "due_on", *TEXTS)


class GovernmentReportNotChangeable(Conflict):
    """The version is under review or issued."""


class GovernmentReportNotLast(Conflict):
    """Another report of the year has a later number, and deleting this one would leave a gap."""


class GovernmentReportNotDraft(Conflict):
    """Only a draft that was never returned can be deleted."""


class NoAuditToReport(Conflict):
    """No audit has succeeded yet."""


class GovernmentReportNeedsAPerson(NotAllowed):
    """Reports are written and approved by people, never by service accounts."""


def begin_government_report(actor: Actor, values: Mapping[str, Any]) -> GovernmentReport:
    """Begin a report with the next number of this year.

    Raises RoleNotAllowed, GovernmentReportNeedsAPerson, and Invalid for a responsible person who is not active or may
    not read reports.
    """
    require_writer(actor)
    with transaction() as session:
        responsible = _find_reader(values["responsible"])
        advisory_lock(session, NUMBER_LOCK)
        year = today().year
        texts = {name: values.get(name) for name in FIELDS}
        report = _draft(
            actor, responsible.id, responsible.name, year=year, ordinal=_last_ordinal(year) + 1, version=1, **texts
        )
        details = {name: values[name] for name in ("period_end", "due_on", "responsible")}
        journal_report(actor, "begun", report, details)
    return report


def _draft(actor: Actor, responsible_id: int | None, responsible: str, **values: Any) -> GovernmentReport:
    """Add a draft of the actor to the open transaction."""
    written = {"created_by": actor.principal, "created_at": now(), "authors": [actor.principal], "revision": 1}
    report = GovernmentReport(
        status=GovernmentReportStatus.DRAFT.value, author_accounts=[actor.who], **written, **values
    )
    report.make_responsible(responsible_id, responsible)
    session = require_transaction()
    session.add(report)
    session.flush()
    return report


def change_government_report(actor: Actor, report: GovernmentReport, values: Mapping[str, Any]) -> GovernmentReport:
    """Change fields and texts in the open transaction; the same values again change nothing.

    Frozen figures name the period: with another one they stay the same, and get other digests. Raises RoleNotAllowed,
    GovernmentReportNeedsAPerson, GovernmentReportNotChangeable, and Invalid as a new report.
    """
    require_writer(actor)
    require_transaction()
    _require_changeable(report)
    changed = [name for name, value in values.items() if getattr(report, name) != value]
    for name in changed:
        if name == "responsible":
            responsible = _find_reader(values[name])
            report.make_responsible(responsible.id, responsible.name)
        else:
            setattr(report, name, values[name])
    details: dict[str, Any] = {"fields": sorted(changed)}
    if "period_end" in changed and report.figures is not None and report.open_figures is not None:
        _store_figures(report, json.loads(report.figures), json.loads(report.open_figures))
        details |= _digests(report)
    if changed:
        touch(actor, report)
        journal_report(actor, "changed", report, details)
    return report


def freeze_figures(actor: Actor, number: str) -> GovernmentReport:
    """Take the figures as they are now, after the last successful audit; freezing again replaces them.

    Raises RoleNotAllowed, GovernmentReportNeedsAPerson, GovernmentReportNotFound, GovernmentReportNotChangeable and
    NoAuditToReport.
    """
    require_writer(actor)
    with transaction():
        # First: no audit changes flags between the audit that is named and the figures.
        lock_flags_for_review()
        report = queries.find_report_to_change(number)
        _require_changeable(report)
        audit = last_good_audit()
        if audit is None:
            raise NoAuditToReport
        everything, unrestricted = queries.read_figures(audit)
        report.audit_id, report.policy_version, report.frozen_at = audit.id, audit.policy_version, now()
        _store_figures(report, everything, unrestricted)
        touch(actor, report)
        journal_report(actor, "frozen", report, {"audit": audit.id, **_digests(report)})
    return report


def delete_government_report(
    actor: Actor, number: str, require_state: Callable[[GovernmentReport], None] | None = None
) -> None:
    """Delete the draft of the newest version: of version 1 only while no later number of its year is given.

    ``require_state`` is called with the locked report, and may raise.

    Raises RoleNotAllowed, GovernmentReportNotFound, GovernmentReportNotDraft and GovernmentReportNotLast.
    """
    require_writer(actor)
    with transaction() as session:
        advisory_lock(session, NUMBER_LOCK)
        report = queries.find_report_to_change(number)
        if require_state is not None:
            require_state(report)
        if report.status != GovernmentReportStatus.DRAFT:
            raise GovernmentReportNotDraft(number=number, status=report.status)
        if report.version == 1 and report.ordinal != _last_ordinal(report.year):
            raise GovernmentReportNotLast(number=number)
        session.delete(report)
        journal_report(actor, "deleted", report)


def require_writer(actor: Actor) -> None:
    """Raise RoleNotAllowed, and GovernmentReportNeedsAPerson for a service account."""
    actor.require(Permission.GOVERNMENT_REPORTS_WRITE)
    require_a_person(actor)


def require_a_person(actor: Actor) -> None:
    """Raise GovernmentReportNeedsAPerson for a service account."""
    if not actor.is_person:
        raise GovernmentReportNeedsAPerson


def touch(actor: Actor, report: GovernmentReport) -> None:
    """Record a change by an author in the open transaction."""
    if actor.who not in report.author_accounts:
        report.authors = [*report.authors, actor.principal]
        report.author_accounts = [*report.author_accounts, actor.who]
    report.revision += 1


def journal_report(
    actor: Actor, action: str, report: GovernmentReport, details: Mapping[str, Any] | None = None
) -> None:
    """Journal an action on a report in the open transaction."""
    full = {"version": report.version, **(details or {})}
    journal.record(actor, f"government-report.{action}", f"government-report:{report.number}", full)


def _require_changeable(report: GovernmentReport) -> None:
    if not report.is_changeable:
        raise GovernmentReportNotChangeable(number=report.number, status=report.status)


def _find_reader(name: str) -> Account:
    """Return the active person of that name, who may read reports to the Government. Raises Invalid."""
    account = account_named(name)
    usable = account is not None and account.is_person and account.status == "active"
    if (
        account is None
        or not usable
        or Permission.GOVERNMENT_REPORTS_READ_DRAFTS not in PERMISSIONS[Role(account.role)]
    ):
        raise invalid("/responsible", "responsible-not-usable", name=name)
    return account


def _last_ordinal(year: int) -> int:
    newest = select(func.max(GovernmentReport.ordinal)).where(GovernmentReport.year == year)
    return require_transaction().scalar(newest) or 0


def _store_figures(report: GovernmentReport, everything: queries.Figures, unrestricted: queries.Figures) -> None:
    everything, unrestricted = ({**figures, "report": report.number} for figures in (everything, unrestricted))
    open_number = report.number if everything == unrestricted else report.open_number
    report.figures, report.figures_sha256 = _frozen(report, everything, report.number)
    report.open_figures, report.open_figures_sha256 = _frozen(report, unrestricted, open_number)


def _digests(report: GovernmentReport) -> dict[str, str | None]:
    return {"sha256": report.figures_sha256, "open_sha256": report.open_figures_sha256}


def _frozen(report: GovernmentReport, figures: queries.Figures, number: str) -> tuple[str, str]:
    """Canonical JSON and the SHA-256 of its UTF-8 bytes."""
    text = journal.canonical({**figures, "report": number, "period_end": report.period_end.isoformat()})
    return text, hashlib.sha256(text.encode()).hexdigest()


# Hand-over of reports to the Government: those that are not issued get another responsible person.

IS_OPEN = GovernmentReport.status != GovernmentReportStatus.ISSUED.value


def count_open_reports(account_id: int) -> int:
    """For how many reports that are not issued the person is responsible."""
    counted = select(func.count(GovernmentReport.id)).where(
        GovernmentReport.responsible_account_id == account_id, IS_OPEN
    )
    return db.session.execute(counted).scalar_one()


def hand_over_reports(step: HandOver) -> None:
    """Make the receiver responsible for the giver's reports that are not issued; their authors and reviewers stay.

    Raises Invalid at ``/to`` when there are some and the receiver is no oversight staff.
    """
    session = require_transaction()
    owned = select(GovernmentReport).where(GovernmentReport.responsible_account_id == step.giver.id, IS_OPEN)
    reports = session.scalars(owned.order_by(GovernmentReport.id).with_for_update()).all()
    if reports and Role(step.receiver.role) not in OVERSIGHT_ROLES:
        raise invalid("/to", "responsible-not-usable", name=step.receiver.name)
    for report in reports:
        report.make_responsible(step.receiver.id, step.receiver.name)
        report.revision += 1
        journal_report(
            step.actor,
            "handed-over",
            report,
            {"responsible": step.receiver.name, "former_responsible": step.giver.name},
        )
    step.counts["reports"] = len(reports)


# The review of a report by two people, its issue, and corrections of issued reports.

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
        report = queries.find_report_to_change(number)
        _require_changeable(report)
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


def approve_government_report(
    actor: Actor, report: GovernmentReport, revision: int | None = None, *, signed: SignedAct | None = None
) -> GovernmentReport:
    """Approve in the open transaction; the second approval, of a supervisor, issues the version.

    ``revision``: the one that the actor has seen. Raises RoleNotAllowed, StepUpRequired, GovernmentReportNeedsAPerson,
    GovernmentReportNotInReview, GovernmentReportNeedsAnotherPerson, GovernmentReportNotReadable,
    GovernmentReportChanged, and what ``attach`` raises.
    """
    _require_approvable(actor, report, revision)
    attach(actor, _act_to_sign(report), signed, required="reports" in policy_in_force().signed)
    outdated = _outdated(report)
    if report.first_approved_by is None:
        report.first_approved_by, report.first_approved_at = actor.principal, now()
        report.first_approved_account_id = actor.account_id
        action = "approved"
    else:
        first = report.first_approved_account_id
        require_still_may(first, report.first_approved_by, Permission.GOVERNMENT_REPORTS_APPROVE)
        report.second_approved_by, report.issued_at = actor.principal, now()
        report.status, action = GovernmentReportStatus.ISSUED.value, "issued"
        report.responsible_name = report.responsible
    report.revision += 1
    journal_report(actor, action, report, {"sha256": report.figures_sha256, **outdated})
    return report


def read_act_to_sign(actor: Actor, number: str, revision: int | None = None) -> ActToSign:
    """Return what the actor, who may approve the newest version now, signs with it.

    Raises GovernmentReportNotFound, and as ``approve_government_report``.
    """
    with transaction():
        report = queries.find_report_to_change(number)
        _require_approvable(actor, report, revision)
        return _act_to_sign(report)


def _require_approvable(actor: Actor, report: GovernmentReport, revision: int | None) -> None:
    _require_reviewer(actor, report)
    require_another_person(actor, report)
    if not queries.reads_whole_report(actor, report):
        raise GovernmentReportNotReadable(number=report.number)
    if revision is not None and revision != report.revision:
        raise GovernmentReportChanged(number=report.number)
    if report.first_approved_by is not None:
        actor.require(Permission.GOVERNMENT_REPORTS_ISSUE)


def _act_to_sign(report: GovernmentReport) -> ActToSign:
    """The texts and facts as they are stored, the figures by their digest, and who approved it before."""
    values = {
        **{name: getattr(report, name) for name in ("version", "revision", "responsible", *TEXTS)},
        **{name: getattr(report, name).isoformat() for name in ("period_end", "due_on")},
        "figures": report.figures_sha256,
        "approved_by": report.approved_by,
    }
    return ActToSign(SignableAct.REPORT.value, f"government-report:{report.number}", values)


def return_government_report(actor: Actor, number: str, remark: str) -> GovernmentReport:
    """Return a version under review with a remark; a first approval no longer counts.

    Raises RoleNotAllowed, StepUpRequired, GovernmentReportNeedsAPerson, GovernmentReportNotFound and
    GovernmentReportNotInReview.
    """
    with transaction():
        report = queries.find_report_to_change(number)
        _require_reviewer(actor, report)
        report.status = GovernmentReportStatus.RETURNED.value
        report.returned_by, report.returned_at, report.remark = actor.principal, now(), remark
        report.first_approved_by = report.first_approved_account_id = report.first_approved_at = None
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
        issued = queries.find_report_to_change(number)
        if issued.status != GovernmentReportStatus.ISSUED:
            raise GovernmentReportNotIssued(number=number, status=issued.status)
        report = _draft(
            actor,
            issued.responsible_account_id,
            issued.responsible,
            **{name: getattr(issued, name) for name in ("year", "ordinal", *FIELDS, *FROZEN)}
            | {"version": issued.version + 1, "due_on": due_on, "correction_reason": reason},
        )
        journal_report(actor, "corrected", report, {"reason": reason, "due_on": due_on})
    return report


def may_approve(actor: Actor, report: GovernmentReport) -> bool:
    """Return True when the actor may approve the version now, apart from the step-up."""
    in_review = report.status == GovernmentReportStatus.IN_REVIEW
    issues = report.first_approved_by is not None
    needed = Permission.GOVERNMENT_REPORTS_ISSUE if issues else Permission.GOVERNMENT_REPORTS_APPROVE
    allowed = actor.is_person and actor.may(needed) and queries.reads_whole_report(actor, report)
    return in_review and allowed and _is_another_person(actor, report)


def require_another_person(actor: Actor, report: GovernmentReport) -> None:
    """Raise GovernmentReportNeedsAnotherPerson for an author and for who approved first, under any name."""
    if not _is_another_person(actor, report):
        raise GovernmentReportNeedsAnotherPerson(number=report.number)


def _is_another_person(actor: Actor, report: GovernmentReport) -> bool:
    first = report.first_approved_account_id or report.first_approved_by
    earlier = [*report.author_accounts, *([] if first is None else [first])]
    return is_another_person(actor, earlier, report.created_at)


def _outdated(report: GovernmentReport) -> dict[str, int]:
    """For the journal: the last audit, when the figures are of another one."""
    last = queries.last_audit_of(report)
    return {} if last is None else {"last_audit": last["id"]}


def _require_reviewer(actor: Actor, report: GovernmentReport) -> None:
    actor.require(Permission.GOVERNMENT_REPORTS_APPROVE)
    require_a_person(actor)
    if report.status != GovernmentReportStatus.IN_REVIEW:
        raise GovernmentReportNotInReview(number=report.number, status=report.status)
