"""One object: the projects on it that the caller may read, where it is hosted and what it costs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import transaction
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.projects.service import find_project, find_project_to_change, restrict_project
from tests.api.callers import Caller, caller, code
from tests.audits.steps import SUPERVISOR, edit
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency()


@pytest.fixture
def reviewer(client: FlaskClient, ministry: Agency) -> Caller:
    return caller(client, Role.REVIEWER)


def link(first: Project, second: Project, kind: str) -> None:
    with transaction():
        add_link(SUPERVISOR, first.number, {"kind": kind, "target": second.number})


def numbers(shown: Any) -> list[str]:
    return [each["number"] for each in shown.get_json()["projects"]]


def test_object_has_the_projects_of_one_code_one_key_and_links(reviewer: Caller, ministry: Agency) -> None:
    first = a_project(ministry, object_code="IS/7", budget_kzt=100, platform_key="qt-1", integrations=["eGov"])
    below = a_project(
        an_agency(ministry),
        object_code="is 7",
        work_type="modification",
        contract_signed_on="2026-03-01",
        object_original_cost_kzt=500,
        budget_kzt=20,
    )
    keyed = a_project(an_agency(ministry), placement="on_platform", platform_key="QT 1", budget_kzt=0)
    part, peer = a_project(an_agency(), budget_kzt=0), a_project(an_agency())
    link(part, keyed, "part_of")
    link(peer, first, "exchanges_data_with")
    a_project(an_agency(), object_code="IS/7", platform_key="qt-1")
    shown = reviewer.get(f"/objects/{below.number}").get_json()
    assert [each["number"] for each in shown["projects"]] == [each.number for each in (first, below, keyed, part)]
    assert shown["object_codes"] == ["IS/7", "is 7"]
    assert shown["platform_keys"] == ["QT 1", "qt-1"]
    assert shown["placements"] == ["off_platform", "on_platform"]
    assert (shown["budget_kzt"], shown["modifications_kzt"], shown["least_cost_kzt"]) == (120, 20, 500)
    assert shown["exchanges_data_with"] == sorted([peer.number, "eGov"])


@pytest.mark.parametrize("name", ["object_code", "platform_key", "name_ru"])
def test_project_stays_on_the_object_that_an_edit_took_it_from(reviewer: Caller, ministry: Agency, name: str) -> None:
    names = {"name_kk": None, "name_ru": "Водный кадастр"}
    first = a_project(ministry, **{**names, name: "Реестр плотин, этап 1"})
    second = a_project(ministry, **{**names, "name_ru": "Учёт каналов", name: "Реестр плотин, этап 1"})
    edit(find_project(SUPERVISOR, second.number), **{name: "Учёт лесов"})
    assert numbers(reviewer.get(f"/objects/{second.number}")) == [first.number, second.number]


def test_object_is_found_by_its_code_with_a_slash(reviewer: Caller, ministry: Agency) -> None:
    project = a_project(ministry, object_code="IS/7")
    assert numbers(reviewer.get("/objects/IS/7")) == [project.number]


def test_restricted_projects_and_those_of_others_are_neither_named_nor_counted(
    client: FlaskClient, reviewer: Caller, ministry: Agency
) -> None:
    own, hidden = (a_project(ministry, object_code="IS-7", budget_kzt=100) for _ in range(2))
    below = an_agency(ministry)
    sister = a_project(below, object_code="IS-7", budget_kzt=20)
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, hidden.number), True, "Secret")
    shown = reviewer.get("/objects/IS-7")
    assert (numbers(shown), shown.get_json()["budget_kzt"]) == ([own.number, sister.number], 120)
    of_sister = caller(client, Role.AGENCY_EDITOR, below).get(f"/objects/{sister.number}")
    assert (numbers(of_sister), of_sister.get_json()["budget_kzt"]) == ([sister.number], 20)
    assert code(reviewer.get(f"/objects/{hidden.number}")) == "object-not-found"
    assert code(reviewer.get("/objects/unknown")) == "object-not-found"


def test_page_of_an_object_names_its_projects(signed_in: SignedIn, ministry: Agency) -> None:
    began = {"work_type": "modification", "contract_signed_on": date(2026, 3, 1), "object_original_cost_kzt": 980}
    first, second = (
        a_project(ministry, object_code="IS-7", name_ru=name, budget_kzt=130, **began)
        for name in ("Кадастр", "Плотины")
    )
    visit = signed_in(Role.REVIEWER)
    page = visit.get(f"/projects/{first.number}")
    assert f'/objects/{first.number}"' in page.text
    shown = visit.get(f"/objects/{first.number}").text
    assert first.number in shown and second.number in shown
    assert str(ministry.name_ru) in shown and "260 ₸ (26.6%)" in shown.replace("\xa0", " ")
