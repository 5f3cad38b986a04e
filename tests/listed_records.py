"""A small register in which every list has something, and values by which its filters find it."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from registry.agencies.models import Agency
from registry.core.database import transaction
from registry.exemptions.service import record_exemption
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.approval_kinds import propose_restriction
from tests.cases.cast import AIGERIM, NO_BREACH, SAULE, act, audit, case_of
from tests.factories import a_project, an_agency


class Listed(NamedTuple):
    """The agency above, which an agency role is bound to, and a value for each filter that takes any text."""

    agency: Agency
    values: dict[str, str]


def listed_records() -> Listed:
    """Projects of two agencies, one restricted, one exempt, audited, with cases of which one waits for approval."""
    ministry = an_agency(region="71")
    committee = an_agency(ministry, kind="state_legal_entity", region="75")
    projects = [a_project(agency, external_id=f"E-{n}") for n, agency in enumerate((ministry, committee) * 2)]
    number = projects[0].number
    exemption = {"decided_on": date(2026, 1, 15), "valid_from": date(2026, 2, 1), "valid_to": date(2026, 7, 1)}
    record_exemption(SAULE, {"project": projects[1].number, "decision_number": "12-ЦК", **exemption})
    with transaction():
        restricted = find_project_to_change(SAULE, projects[2].number)
        restrict_project(SAULE, restricted, True, "State secret")
    propose_restriction(SAULE, number, {"is_restricted": True, "reason": "State secret"})
    a_project(ministry, placement="onboarding", onboarding_due_on="2026-09-01")
    audit()
    case = act(AIGERIM, case_of(projects[0]), "claim")
    act(AIGERIM, case, "propose", NO_BREACH)
    return Listed(ministry, _values(ministry, committee, number, case.id))


def _values(ministry: Agency, committee: Agency, number: str, case_id: Any) -> dict[str, str]:
    return {
        "action": "project.registered",
        "agency": ministry.bin,
        "assignee": "aigerim",
        "bin": f"{ministry.bin},{committee.bin}",
        "contract_number": "ИС-2026/17",
        "customer_bin": ministry.bin,
        "decision_number": "12-ЦК",
        "external_id": "E-0,E-1",
        "id": str(case_id),
        "number": number,
        "parent_bin": ministry.bin,
        "principal": "aigerim,saule",
        "project": number,
        "proposed_by": "saule",
        "q": "система учёта",
        "subject": f"project:{number},case:{case_id}",
        "supplier_bin": committee.bin,
    }
