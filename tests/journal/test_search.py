"""Search and export of the journal: names in part, words of projects and agencies, dates, CSV and XLSX."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.core.database import transaction
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, a_token, an_actor, an_agency, bearer, restrict
from tests.fixtures.web import SignedIn

# Words are found by what each database has of its own.
pytestmark = pytest.mark.on_both
ROWS = re.compile(r"(?:No\.|№)\s(\d+)</a>")


def read(client: FlaskClient, query: str, role: Role = Role.AUDITOR) -> list[dict[str, object]]:
    answer = client.get(f"/api/v1/journal?{query}", headers=bearer(a_token(role)))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.get_json()["items"]
    return items


def restricted(project: Project) -> Project:
    restrict(project.number)
    return project


def test_part_of_a_name_finds_what_the_person_did_and_what_was_done_to_them(client: FlaskClient) -> None:
    add_person(ADMINISTRATOR, NewPerson("Жанар Қасымова", Role.REVIEWER), PASSWORD)
    assert {entry["subject"] for entry in read(client, "q=қасым")} == {"account:Жанар Қасымова"}


def test_words_of_a_project_find_its_entries_and_those_of_its_case(client: FlaskClient) -> None:
    project = a_project(an_agency(), name_ru="Реестр мостов")
    a_project(an_agency(), name_ru="Реестр школ")
    audit()
    case = act(AIGERIM, case_of(project), "claim")
    subjects = {entry["subject"] for entry in read(client, "q=мост")}
    assert subjects == {f"project:{project.number}", f"case:{case.id}"}


def test_words_of_an_agency_find_its_entries(client: FlaskClient) -> None:
    agency = an_agency(name_ru="Министерство туманов")
    assert {entry["subject"] for entry in read(client, "q=туман")} == {f"agency:{agency.bin}"}


def test_a_subject_or_a_number_is_found_as_it_is(client: FlaskClient) -> None:
    project = a_project(an_agency())
    audit()
    case = act(AIGERIM, case_of(project), "claim")
    assert {entry["subject"] for entry in read(client, f"q=case:{case.id}")} == {f"case:{case.id}"}
    assert f"project:{project.number}" in {entry["subject"] for entry in read(client, f"q={project.number}")}


def test_a_former_name_is_found(client: FlaskClient) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("Айгүл Ертаева", Role.REVIEWER), PASSWORD)
    edit_account(ADMINISTRATOR, person.account_id, {"name": "Айгүл Сейітова"})
    assert "account.renamed" in {entry["action"] for entry in read(client, "q=ертае")}


def test_restricted_projects_are_not_found_by_those_who_may_not_see_them(client: FlaskClient) -> None:
    project = restricted(a_project(an_agency(), name_ru="Закрытый реестр мостов"))
    assert read(client, "q=мост", Role.ADMINISTRATOR) == []
    assert {entry["subject"] for entry in read(client, "q=мост&action=project.registered")} == {
        f"project:{project.number}"
    }


def test_an_unusable_search_is_a_clear_error(client: FlaskClient) -> None:
    headers = bearer(a_token(Role.AUDITOR))
    for query, code in (("q=%00", "not-usable"), ("q=%20", "value-missing"), (f"q={'x' * 1001}", "not-usable")):
        answer = client.get(f"/api/v1/journal?{query}", headers=headers)
        assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (400, code), query


def test_page_is_searched_and_narrowed_by_dates(signed_in: SignedIn) -> None:
    a_project(an_agency(), name_ru="Реестр мостов")
    visit = signed_in(Role.AUDITOR)
    assert len(ROWS.findall(visit.get("/journal?q=мост").text)) == 1
    assert ROWS.findall(visit.get("/journal?q=мост&at_from=2090-01-01").text) == []
    assert len(ROWS.findall(visit.get("/journal?q=мост&at_from=2020-01-01&at_to=2090-01-01").text)) == 1


def test_csv_has_every_column_of_the_chain(client: FlaskClient) -> None:
    project = a_project(an_agency(), name_ru="Реестр мостов")
    answer = client.get("/api/v1/exports/journal.csv?q=мост", headers=bearer(a_token(Role.AUDITOR)))
    rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    entries = read(client, "q=мост")
    assert (answer.mimetype, len(rows)) == ("text/csv", 1)
    assert rows[0]["subject"] == f"project:{project.number}"
    assert (rows[0]["hash"], rows[0]["previous_hash"]) == (entries[0]["hash"], entries[0]["previous_hash"])
    assert json.loads(rows[0]["details"]) == entries[0]["details"]


def test_csv_goes_on_over_pages_and_journals_restricted_reads(client: FlaskClient) -> None:
    project = restricted(a_project())
    with transaction():
        for _ in range(520):
            journal_restricted_reads(an_actor(Role.SUPERVISOR), [project.number], "test")
    answer = client.get("/api/v1/exports/journal.csv", headers=bearer(a_token(Role.AUDITOR)))
    rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    places = [int(row["seq"]) for row in rows]
    assert len(places) > 520 and places == list(range(places[0], 0, -1))


def test_page_offers_the_listed_entries_as_tables(signed_in: SignedIn) -> None:
    a_project(an_agency(), name_ru="Реестр мостов")
    visit = signed_in(Role.AUDITOR)
    assert "/journal.csv?q=" in visit.get("/journal?q=мост").text
    assert visit.get("/journal.csv?q=мост").text.count("project:QT-") == 1
    assert visit.client.get("/journal.xlsx?q=мост").data.startswith(b"PK")
    assert signed_in(Role.OPERATOR).client.get("/journal.csv").status_code == 403
