"""Inventory pages: preview, and confirmation of many losses."""

from __future__ import annotations

import io
import re

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.platform.inventory import apply_inventory
from registry.projects.models import Project
from registry.projects.service import find_project
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency, audit_without_findings
from tests.fixtures.web import SignedIn, Visit

HEADER = "platform_key,agency,verified_on\n"


def confirmed(agency: Agency, count: int) -> tuple[list[Project], list[str]]:
    """The given number of confirmed projects, and the inventory rows that confirm them."""
    keys = [f"qt-{place}" for place in range(count)]
    projects = [a_project(agency, placement="on_platform", platform_key=key, name_ru=f"Портал {key}") for key in keys]
    rows = [f"{key},{agency.bin},2026-02-01\n" for key in keys]
    audit_without_findings()
    apply_inventory(an_actor(Role.OPERATOR), "list.csv", (HEADER + "".join(rows)).encode(), dry_run=False)
    return projects, rows


def sent(visit: Visit, rows: list[str]) -> tuple[str, str]:
    """The response to an upload, and the URL that applies it."""
    page = visit.send("/inventory", file=(io.BytesIO((HEADER + "".join(rows)).encode()), "list.csv")).text
    match = re.search(r'action="(/inventory/\d+/apply)"', page)
    return page, match[1]


def is_confirmed(project: Project) -> bool:
    return find_project(ADMINISTRATOR, project.number).placement_verified_on is not None


def test_many_losses_wait_for_a_second_person(signed_in: SignedIn) -> None:
    agency = an_agency(name_ru="Министерство озёр")
    projects, rows = confirmed(agency, 8)
    visit = signed_in(Role.OPERATOR)
    page, address = sent(visit, rows[:1])
    assert "Another person must approve it" in page
    assert "Портал qt-7" in page and "Министерство озёр" in page and 'class="code">qt-7<' in page
    refused = visit.send(address, page="/inventory", reason=" ")
    assert refused.status_code == 422 and 'id="reason-error"' in refused.text and "Портал qt-7" in refused.text

    proposed = visit.send(address, page="/inventory", reason="QazTech removed them")

    assert "Nothing changes until another person approves it." in proposed.text
    assert "list.csv" in proposed.text and "SHA-256" in proposed.text and "file_name" not in proposed.text
    assert "Placements that lose their confirmation" in proposed.text
    assert all(map(is_confirmed, projects))
    supervisor = signed_in(Role.SUPERVISOR)
    path = proposed.request.path
    assert "It has taken effect." in supervisor.send(f"{path}/approval", page=path).text
    assert [is_confirmed(project) for project in projects] == [True, *[False] * 7]


def test_few_losses_are_applied_at_once(signed_in: SignedIn) -> None:
    projects, rows = confirmed(an_agency(), 10)
    visit = signed_in(Role.OPERATOR)
    page, address = sent(visit, rows[:9])
    assert "Another person" not in page and visit.send(address, page="/inventory").status_code == 200
    assert sum(map(is_confirmed, projects)) == 9
