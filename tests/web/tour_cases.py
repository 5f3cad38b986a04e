"""Stops of the tour: cases, audits, reports and the journal."""

from __future__ import annotations

from collections.abc import Mapping

from registry.accounts.roles import Role
from registry.core.clock import today
from tests.web.tour_entries import AGENCY
from tests.web.tour_stop import Stop


def stops_of_cases(known: Mapping[str, object]) -> list[Stop]:
    """Pages of cases and of all oversight."""
    commission = known["case_commission"]
    return [
        Stop("cases", Role.SUPERVISOR, "/cases?status=new,under_review,awaiting_agency,awaiting_approval"),
        Stop("cases-none", Role.REVIEWER, "/cases?agency=930840901354"),
        Stop("cases-confirm", Role.REVIEWER, "/cases?status=awaiting_confirmation"),
        Stop("cases-approval", Role.SUPERVISOR, "/cases?to_approve=true"),
        Stop("team", Role.SUPERVISOR, "/cases/team"),
        Stop("watch-list", Role.REVIEWER, "/cases/watch-list"),
        Stop("watch-list-none", Role.AUDITOR, "/cases/watch-list?q=такогонет"),
        Stop("exemptions-ending", Role.SUPERVISOR, "/cases/exemptions-ending?within=any"),
        Stop("exemptions-none", Role.AGENCY_EDITOR, "/cases/exemptions-ending?within=30"),
        Stop("cases-agency", Role.AGENCY_EDITOR, "/cases?status=awaiting_agency"),
        Stop("case-new", Role.REVIEWER, f"/cases/{known['case_new']}?status=new"),
        Stop("case-review", Role.REVIEWER, f"/cases/{known['case_review']}"),
        Stop("case-review-error", Role.REVIEWER, f"/cases/{known['case_review']}?status=under_review", {}),
        Stop("case-approval", Role.SUPERVISOR, f"/cases/{known['case_approval']}?to_approve=true"),
        Stop("case-asked", Role.AGENCY_EDITOR, f"/cases/{known['case_asked']}"),
        Stop("case-asked-error", Role.AGENCY_EDITOR, f"/cases/{known['case_asked']}", {"answer-comment": ""}),
        Stop("case-asked-viewer", Role.AGENCY_VIEWER, f"/cases/{known['case_asked']}"),
        Stop("case-appealed", Role.SUPERVISOR, f"/cases/{known['case_appealed']}"),
        Stop("case-ordered", Role.REVIEWER, f"/cases/{known['case_ordered']}"),
        Stop("case-commission", Role.AUDITOR, f"/cases/{known['case_commission']}"),
        Stop("case-commission-due", Role.SUPERVISOR, f"/cases/{known['case_commission']}"),
        Stop("case-templates", Role.SUPERVISOR, "/cases/templates?rule=freeze.creation"),
        Stop("case-template", Role.SUPERVISOR, "/cases/templates/1"),
        Stop("case-template-new-error", Role.SUPERVISOR, "/cases/templates/new", {}),
        Stop("commission-decision", Role.SUPERVISOR, f"/cases/{commission}/commission-decision"),
        Stop("commission-decision-error", Role.SUPERVISOR, f"/cases/{commission}/commission-decision", {}),
        Stop("case-closed", Role.AUDITOR, f"/cases/{known['case_closed']}"),
        Stop("letters", Role.SUPERVISOR, "/letters"),
        Stop("letters-none", Role.AGENCY_EDITOR, "/letters?number=QL-2026-999999"),
        Stop("letter", Role.SUPERVISOR, f"/letters/{known['letter']}"),
        Stop("letter-check", None, f"/verify/{known['letter_code']}"),
        Stop("letter-check-unknown", None, "/verify/AAAABBBBCCCCDDDD"),
        Stop("search", Role.SUPERVISOR, "/search?q=система"),
        Stop("search-agency", Role.AGENCY_EDITOR, "/search?q=система"),
        Stop("search-people", Role.ADMINISTRATOR, "/search?q=ай"),
        Stop("search-letters", Role.REVIEWER, "/search?q=QL-2026"),
        Stop("search-none", Role.LEADER, "/search?q=такогонет"),
        Stop("search-error", Role.OPERATOR, "/search?q=a"),
        Stop("inbox", Role.REVIEWER, "/inbox"),
        Stop("inbox-agency", Role.AGENCY_EDITOR, "/inbox"),
        Stop("inbox-none", Role.AUDITOR, "/inbox?unread=true"),
        Stop("audits", Role.OPERATOR, "/audits"),
        Stop("audit", Role.SUPERVISOR, f"/audits/{known['audit']}"),
        Stop("audit-tried", Role.SUPERVISOR, f"/audits/{known['dry_audit']}"),
        Stop("audit-held", Role.SUPERVISOR, f"/audits/{known['held_audit']}"),
        Stop("audit-held-rejection", Role.SUPERVISOR, f"/audits/{known['held_audit']}/rejection"),
        Stop("audit-new", Role.OPERATOR, "/audits/new"),
        Stop("audit-voiding", Role.OPERATOR, f"/audits/{known['audit']}/voiding"),
        Stop("audit-new-error", Role.OPERATOR, "/audits/new", {"on": "01.01.2090"}),
        Stop("inventory", Role.OPERATOR, "/inventory"),
        Stop("compliance-agency", Role.AUDITOR, "/reports/compliance?by=agency"),
        Stop("compliance-former-date", Role.AUDITOR, f"/reports/compliance?by=agency&on={today():%d.%m.%Y}"),
        Stop("compliance-former-date-error", Role.AUDITOR, "/reports/compliance?by=agency&on=1"),
        Stop("compliance-below", Role.AUDITOR, f"/reports/compliance?within={AGENCY}"),
        Stop("compliance-region", Role.AUDITOR, "/reports/compliance?by=region"),
        Stop("compliance-kind", Role.AUDITOR, "/reports/compliance?by=kind"),
        Stop("compliance-sector", Role.AUDITOR, "/reports/compliance?by=sector"),
        Stop("overview", Role.LEADER, "/overview"),
        Stop("overview-supervisor", Role.SUPERVISOR, "/overview"),
        Stop("overview-history", Role.LEADER, "/overview/history"),
        Stop("overview-history-agency", Role.LEADER, f"/overview/history?by=agency&of={AGENCY}"),
        Stop("overview-history-rule", Role.AUDITOR, "/overview/history?by=rule&of=freeze.creation"),
        Stop("journal", Role.AUDITOR, "/journal"),
        Stop("journal-entry", Role.AUDITOR, "/journal/1"),
        Stop("failed-sign-ins", Role.AUDITOR, "/journal/failed-sign-ins"),
        Stop("failed-sign-ins-none", Role.AUDITOR, "/journal/failed-sign-ins?name=такогонет"),
    ]
