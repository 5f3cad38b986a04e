"""What the page of a project shows beside its record: what time changes, similar and linked projects."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.database import db
from registry.projects.links import ProjectLink
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

QUEUE = {"name_ru": "Электронная очередь в поликлинику", "name_kk": "Емханаға электрондық кезек"}
RENAMED = {"name_ru": "Создание системы электронных очередей поликлиник", "name_kk": None}


def test_page_says_what_time_alone_changes(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 3, 2))
    pilot = a_project(stage="pilot", pilot_started_on="2026-02-14")
    page = " ".join(signed_in(Role.REVIEWER).get(f"/projects/{pilot.number}").text.split())
    assert "From 15 February 2027, if nothing changes" in page
    assert "<li>Pilot beyond its limit" in page


def test_similar_projects_show_to_reviewers_and_the_own_agency(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, own, foreign = a_project(agency, **QUEUE), a_project(agency, **RENAMED), a_project(**RENAMED)
    path = f"/projects/{project.number}"

    reviewer = signed_in(Role.REVIEWER).get(path).text
    editor = signed_in(Role.AGENCY_EDITOR, agency).get(path).text
    operator = signed_in(Role.OPERATOR).get(path).text

    assert own.number in reviewer and foreign.number in reviewer
    assert "In common: Project name" in reviewer and f"/projects/{project.number}/links?target={own.number}" in reviewer
    assert own.number in editor and foreign.number not in editor and "/links?target=" not in editor
    assert "Similar projects" not in operator and own.number not in operator


def test_reviewer_links_projects_and_removes_the_link(signed_in: SignedIn) -> None:
    project, other = a_project(**QUEUE), a_project(**RENAMED)
    path = f"/projects/{project.number}"
    visit = signed_in(Role.REVIEWER)
    form = visit.get(f"{path}/links?target={other.number}").text
    assert f'value="{other.number}"' in form

    linked = visit.send(f"{path}/links", kind="duplicate_of", target=other.number, note="The same").text

    assert "Link added." in linked and "Duplicate of: " in linked and "<span>The same</span>" in linked
    assert "Has the duplicate: " in visit.get(f"/projects/{other.number}").text
    link = db.session.scalars(select(ProjectLink.id)).one()
    removed = visit.send(f"{path}/links/{link}/removal", page=path).text
    assert "Link removed." in removed and "Duplicate of: " not in removed
