"""Stops of the tour: projects, registration, imports, confirmations and exemptions."""

from __future__ import annotations

from collections.abc import Mapping

from registry.accounts.roles import Role
from registry.core.clock import today
from tests.web.tour_stop import Stop


def stops_of_projects(known: Mapping[str, object]) -> list[Stop]:
    """Pages of projects and of what is done with one."""
    return [
        Stop("open-data", None, "/open-data"),
        Stop("open-data-none", None, "/open-data?q=нигде&region=71"),
        Stop("open-data-project", None, f"/open-data/projects/{known['number']}"),
        Stop("projects", Role.SUPERVISOR, "/projects"),
        Stop("projects-none", Role.AGENCY_EDITOR, "/projects?q=такогонет"),
        Stop("project-agency", Role.AGENCY_EDITOR, f"/projects/{known['number']}"),
        Stop("project-viewer", Role.AGENCY_VIEWER, f"/projects/{known['number']}"),
        Stop("project-oversight", Role.SUPERVISOR, f"/projects/{known['on_platform']}"),
        Stop("project-similar", Role.REVIEWER, f"/projects/{known['number']}"),
        Stop("project-object", Role.REVIEWER, f"/objects/{known['number']}"),
        Stop("migration-plan", Role.AGENCY_EDITOR, f"/projects/{known['number']}/migration-plan"),
        Stop("project-link", Role.REVIEWER, f"/projects/{known['on_platform']}/links"),
        Stop("project-link-error", Role.REVIEWER, f"/projects/{known['on_platform']}/links", {"target": "1"}),
        Stop("project-history", Role.AUDITOR, f"/projects/{known['number']}/history"),
        Stop("project-past", Role.AUDITOR, f"/projects/{known['number']}/history?known_at={today()}"),
        Stop("project-past-error", Role.AGENCY_VIEWER, f"/projects/{known['number']}/history?known_at=2090"),
        Stop("project-edit", Role.AGENCY_EDITOR, f"/projects/{known['number']}/edit"),
        Stop("project-edit-section", Role.AGENCY_EDITOR, f"/projects/{known['number']}/edit/work"),
        Stop("project-edit-money", Role.AGENCY_EDITOR, f"/projects/{known['number']}/edit/money"),
        Stop(
            "project-edit-check",
            Role.AGENCY_EDITOR,
            f"/projects/{known['number']}/edit/dates",
            {"contract_signed_on": "16.12.2025"},
        ),
        Stop("signed-in-again", Role.AGENCY_EDITOR, "/sign-in/again"),
        Stop(
            "project-edit-error",
            Role.AGENCY_EDITOR,
            f"/projects/{known['number']}/edit",
            {"budget_kzt": "много", "supplier_bin": "12"},
        ),
        Stop("attestations", Role.AGENCY_EDITOR, "/attestations"),
        Stop("register", Role.AGENCY_EDITOR, "/register"),
        Stop("register-what", Role.AGENCY_EDITOR, f"/register/{known['draft']}/what"),
        Stop("register-work", Role.AGENCY_EDITOR, f"/register/{known['draft']}/work"),
        Stop("register-object", Role.AGENCY_EDITOR, f"/register/{known['draft']}/object"),
        Stop("register-dates", Role.AGENCY_EDITOR, f"/register/{known['draft']}/dates"),
        Stop("register-money", Role.AGENCY_EDITOR, f"/register/{known['draft']}/money"),
        Stop("register-people", Role.AGENCY_EDITOR, f"/register/{known['draft']}/people"),
        Stop("register-check", Role.AGENCY_EDITOR, f"/register/{known['draft']}/check"),
        Stop("imports", Role.AGENCY_EDITOR, "/imports"),
        Stop("imports-error", Role.AGENCY_EDITOR, "/imports", {}),
        Stop("import", Role.AGENCY_EDITOR, f"/imports/{known['import']}"),
        Stop("import-rows", Role.AGENCY_EDITOR, f"/imports/{known['previewed']}/rows"),
        Stop("import-preview", Role.AGENCY_EDITOR, f"/imports/{known['previewed']}"),
        Stop("import-columns", Role.AGENCY_EDITOR, f"/imports/{known['unmapped']}/columns"),
        Stop("confirm-placement", Role.OPERATOR, f"/projects/{known['on_platform']}/confirm-placement"),
        Stop("confirm-onboarding", Role.OPERATOR, f"/projects/{known['onboarding']}/confirm-onboarding"),
        Stop("confirm-ending", Role.OPERATOR, f"/projects/{known['ended']}/confirm-ending"),
        Stop("restrict", Role.SUPERVISOR, f"/projects/{known['number']}/restrict"),
        Stop("exemption", Role.SUPERVISOR, f"/projects/{known['number']}/exemption"),
        Stop("exemption-error", Role.SUPERVISOR, f"/projects/{known['number']}/exemption", {"decided_on": ""}),
    ]
