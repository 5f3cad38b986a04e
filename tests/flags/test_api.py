"""Flags of a project over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.core.database import db
from registry.core.errors import Malformed
from registry.core.lists import Page
from registry.exemptions.service import record_exemption
from registry.flags.queries import list_flags
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from tests.api.callers import Caller, code, codes
from tests.factories import a_project, an_actor, an_agency, list_key, restrict
from tests.present import Present

OPERATOR = an_actor(Role.OPERATOR)


@pytest.fixture
def project(agency: Agency, present: Present) -> Project:
    """A creation of 2026, registered on 2 March and audited on that day."""
    present.set(date(2026, 3, 2))
    project = a_project(agency)
    run_audit(OPERATOR)
    return project


def flags(who: Caller, number: str, query: str = "", **headers: str) -> list[dict[str, Any]]:
    return list(who.get(f"/projects/{number}/flags{query}", **headers).get_json()["items"])


def test_flag_shows_rule_values_remedy_and_clause(editor: Caller, project: Project) -> None:
    items = flags(editor, project.number)

    assert [flag["rule"] for flag in items] == ["freeze.creation"]
    flag = items[0]
    assert set(flag) == {
        "id",
        "project",
        "rule",
        "severity",
        "status",
        "title",
        "reason",
        "observed",
        "required",
        "remedy",
        "clause",
        "opened_on",
        "last_seen_on",
        "cleared_on",
        "exemption",
        "case",
        "changed_at",
    }
    assert (flag["project"], flag["severity"], flag["status"]) == (project.number, "high", "open")
    assert flag["observed"]["started_on"] == "2026-01-20"
    assert flag["reason"] == "Start on 20 January 2026; days after the freeze began: 19."
    assert (flag["opened_on"], flag["last_seen_on"], flag["cleared_on"]) == ("2026-03-02", "2026-03-02", None)
    assert editor.get(f"/projects/{project.number}").get_json()["freeze_status"] == "flagged"
    assert editor.get("/projects?flagged=true&severity=high").get_json()["items"][0]["severity"] == "high"


def test_flag_texts_are_in_requested_language(editor: Caller, project: Project) -> None:
    texts = {
        language: flags(editor, project.number, Accept_Language=language)[0]["remedy"]
        for language in ("kk", "ru", "en")
    }

    assert len(set(texts.values())) == 3


def test_active_flag_was_last_seen_by_last_successful_audit(editor: Caller, project: Project, present: Present) -> None:
    present.set(date(2026, 3, 3))
    run_audit(OPERATOR, dry_run=True)
    assert flags(editor, project.number)[0]["last_seen_on"] == "2026-03-02"
    run_audit(OPERATOR)
    assert flags(editor, project.number)[0]["last_seen_on"] == "2026-03-03"


def test_cleared_flag_stays_listed_with_its_dates(
    editor: Caller, reviewer: Caller, project: Project, present: Present
) -> None:
    editor.change(f"/projects/{project.number}", {"placement": "on_platform"})
    list_key(project.agency, "k")
    sent = {"platform_key": "k", "verified_on": "2026-03-02", "evidence": "List"}
    assert reviewer.post(f"/projects/{project.number}/placement-verification", sent).status_code == 200
    present.set(date(2026, 3, 4))
    run_audit(OPERATOR)

    flag = flags(editor, project.number)[0]

    assert (flag["status"], flag["cleared_on"]) == ("cleared", "2026-03-04")
    assert editor.get(f"/projects/{project.number}").get_json()["freeze_status"] == "clear"


def test_exempt_flag_names_its_exemption(editor: Caller, project: Project) -> None:
    days = {"decided_on": date(2026, 3, 1), "valid_from": date(2026, 3, 1), "valid_to": date(2026, 3, 31)}
    values = {"project": project.number, "decision_number": "5-1", **days}
    made = record_exemption(an_actor(Role.SUPERVISOR), values)
    run_audit(OPERATOR)

    flag = flags(editor, project.number)[0]

    assert (flag["status"], flag["exemption"]) == ("exempt", made.id)


def test_flag_list_is_sorted_and_paginated_and_rejects_other_parameters(editor: Caller, project: Project) -> None:
    path = f"/projects/{project.number}/flags"

    assert editor.get(f"{path}?sort=-severity&limit=1").status_code == 200
    assert codes(editor.get(f"{path}?sort=title")) == {("sort", "not-a-choice")}
    assert codes(editor.get(f"{path}?rule=freeze.creation")) == {("rule", "unknown-parameter")}
    assert code(editor.get("/projects/QT-2026-0000001-4/flags")) == "project-not-found"


def test_flags_of_a_restricted_project_are_hidden_and_each_reading_is_journalled_once(
    supervisor: Caller, reviewer: Caller, as_role: Callable[..., Caller], project: Project
) -> None:
    restrict(project.number)
    read = select(func.count()).select_from(JournalEntry).where(JournalEntry.action == "restricted.read")
    before = db.session.scalar(read) or 0

    assert [flag["rule"] for flag in flags(supervisor, project.number)] == ["freeze.creation"]
    assert db.session.scalar(read) == before + 1
    for other in (reviewer, as_role("agency_viewer", agency=an_agency())):
        assert code(other.get(f"/projects/{project.number}/flags")) == "project-not-found"
    assert db.session.scalar(read) == before + 1


def test_flags_of_a_project_without_any_are_an_empty_page(editor: Caller, agency: Agency, project: Project) -> None:
    assert flags(editor, a_project(agency).number) == []
    assert code(editor.get("/projects/%00/flags")) == "project-not-found"


def test_flag_list_accepts_filters(project: Project, agency: Agency) -> None:
    foreign = a_project(an_agency(), placement="unknown")
    run_audit(OPERATOR)
    viewer = an_actor(Role.AGENCY_VIEWER, agency)

    def listed(actor: Any, **filters: str) -> set[tuple[str, str]]:
        return {(flag["project"], flag["rule"]) for flag in list_flags(actor, filters, Page(), "en").items}

    own, theirs = (project.number, "freeze.creation"), (foreign.number, "freeze.creation")
    gap = (foreign.number, "freeze.data-gap")
    assert listed(OPERATOR) == {own, theirs, gap}
    assert listed(viewer) == {own}
    assert listed(viewer, project=foreign.number) == set()
    assert listed(OPERATOR, rule="freeze.data-gap,platform.unverified") == {gap}
    assert listed(OPERATOR, severity="medium", status="open") == {gap}
    assert listed(OPERATOR, agency=agency.bin, region="71", sector="07", opened_on_from="2026-03-02") == {own}
    assert listed(OPERATOR, opened_on_to="2026-03-01") == set()
    for filters in ({"rule": "nonsense"}, {"status": "closed"}, {"opened_on": "today"}, {"colour": "red"}):
        with pytest.raises(Malformed):
            list_flags(OPERATOR, filters, Page(), "en")


def test_flag_pages_are_complete_in_every_order(project: Project, agency: Agency) -> None:
    for _ in range(3):
        a_project(agency, placement="unknown")
    run_audit(OPERATOR)
    for sort in ("id", "-id", "opened_on", "-opened_on", "severity", "-severity"):
        seen: list[int] = []
        cursor = None
        while True:
            listing = list_flags(OPERATOR, {}, Page(2, cursor, sort), "en")
            seen += [flag["id"] for flag in listing.items]
            cursor = listing.next
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 7, sort
