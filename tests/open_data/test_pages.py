"""The public pages: search, one project, three languages, no session, and hostile queries."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from registry.accounts.roles import Role
from registry.core.database import transaction
from registry.projects.models import Project
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.web.test_page_costs import LONG_KK, LONG_RU, MAX_BYTES

NUMBER = re.compile(r"QT-\d{4}-\d{7}-\d")


def numbers_found(client: FlaskClient, **query: str) -> set[str]:
    return set(NUMBER.findall(client.get("/open-data", query_string=query).text))


def test_search_finds_by_words_agency_region_sector_and_freeze_status(public: FlaskClient) -> None:
    roads = an_agency(name_ru="Комитет автомобильных дорог")
    first = a_project(roads, name_ru="Реестр дорог", region="75", sector="04").number
    second = a_project(name_ru="Реестр школ", region="71", sector="09").number
    assert numbers_found(public) == {first, second}
    assert numbers_found(public, q="дорог") == {first} and numbers_found(public, q=second) == {second}
    assert numbers_found(public, agency="автомоб") == {first} and numbers_found(public, agency=roads.bin) == {first}
    assert numbers_found(public, region="71") == {second} and numbers_found(public, sector="04") == {first}
    assert (
        numbers_found(public, freeze_status="unaudited") == {first, second}
        and numbers_found(public, freeze_status="clear") == set()
    )
    assert numbers_found(public, q="нигде") == set() and numbers_found(public, agency="нигде") == set()


def test_ai_systems_have_a_page_of_their_own(public: FlaskClient) -> None:
    entry = {"ai_notice": "Первой фразой", "ai_overseer": "А. Б. Серикова", "ai_risk_class": "high"}
    first = a_project(is_ai=True, **entry).number
    a_project()
    assert numbers_found(public, is_ai="true") == numbers_found(public, ai_risk_class="high") == {first}
    page = public.get("/open-data?is_ai=true&language=en").text
    assert "AI systems of state bodies</h1>" in page
    assert page.count('name="is_ai"') == 1
    address = f"/open-data/projects/{first}?language=en"
    page = public.get(address).text
    assert "Первой фразой" in page and "Серикова" not in page
    assert "High (claimed, not confirmed)" in page
    with transaction() as session:
        session.execute(update(Project).values(confirmed_facts=["ai_risk_class 2026-05-03"]))
    page = public.get(address).text
    assert "High" in page and "claimed, not confirmed" not in page


@pytest.mark.parametrize(
    ("language", "heading", "title"),
    [
        ("kk", "Ашық деректер: мемлекеттік цифрлық жобалар", "Бюджет"),
        ("ru", "Открытые данные: государственные цифровые проекты", "Бюджет"),
        ("en", "Open data: state digital projects", "Budget"),
    ],
)
def test_pages_are_in_three_languages(public: FlaskClient, language: str, heading: str, title: str) -> None:
    a_project()
    page = public.get(f"/open-data?language={language}")
    assert heading in page.text and title in page.text and f'<html lang="{language}"' in page.text
    assert page.headers["Content-Language"] == language
    others = {other for other in ("kk", "ru", "en") if other != language}
    assert all(f'href="/open-data?language={other}"' in page.text for other in others)
    assert public.get("/open-data", headers={"Accept-Language": language}).headers["Content-Language"] == language


def test_project_has_its_public_fields_and_no_others(public: FlaskClient) -> None:
    agency = an_agency(name_ru="Комитет", name_kk="Комитет")
    number = a_project(agency, purpose="Для учёта", supplier_name="Зергер", responsible_name="А. Б.").number
    page = public.get(f"/open-data/projects/{number}?language=en").text
    for text in ("Информационная система учёта", "Для учёта", "Комитет", agency.bin, "120,000,000", "20 January 2026"):
        assert text in page
    assert "Зергер" not in page and "А. Б." not in page
    assert 'href="/open-data?language=en"' in page


def test_pages_are_the_same_for_everybody_and_may_be_kept(public: FlaskClient, signed_in: SignedIn) -> None:
    number = a_project().number
    visit = signed_in(Role.ADMINISTRATOR)
    for path in ("/open-data?language=en", f"/open-data/projects/{number}?language=en"):
        stranger, person = public.get(path), visit.client.get(path)
        assert stranger.data == person.data
        for answer in (stranger, person):
            assert "Set-Cookie" not in answer.headers and "Cookie" not in answer.headers.get("Vary", "")
            assert answer.headers["Cache-Control"] == "public, no-cache" and "Accept-Language" in answer.headers["Vary"]
        again = public.get(path, headers={"If-None-Match": stranger.headers["ETag"]})
        assert (again.status_code, again.data, again.headers["Cache-Control"]) == (304, b"", "public, no-cache")


def test_list_goes_on_page_by_page_without_gaps(public: FlaskClient) -> None:
    agency = an_agency(name_ru=LONG_RU, name_kk=LONG_KK)
    numbers = {a_project(agency).number for _ in range(30)}
    seen: list[str] = []
    address = "/open-data?language=en"
    while address:
        text = public.get(address).text
        assert "Projects found: 30" in text and len(text.encode()) < MAX_BYTES
        seen += re.findall(r'class="code quiet">(QT-[^<]+)<', text)
        link = re.search(r'href="([^"]+)" rel="next"', text)
        address = link[1].replace("&amp;", "&") if link else ""
    assert seen == sorted(numbers, reverse=True)
