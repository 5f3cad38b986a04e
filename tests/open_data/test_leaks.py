"""Nothing private leaves: no private value of any table, no restricted project, no withdrawn one."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import JSON, Column, Date, String, Table, Text, UniqueConstraint, update

from registry.core.database import db, transaction
from registry.core.record_guards import FINAL
from registry.core.translations import LANGUAGES
from registry.open_data import service
from registry.open_data.models import PUBLICATION, OpenDataSet
from registry.open_data.queries import AGENCY_PREFIX, PUBLIC_NAMES
from registry.open_data.service import write_when_due
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.access_matrix.world_making import a_world
from tests.factories import a_project, an_actor, an_agency
from tests.open_data.conftest import LICENCE
from tests.present import Present
from tests.requests.test_withdrawal import withdrawn

FILES = (
    *("/open-data/projects.csv", "/open-data/datapackage.json", "/open-data/catalog.jsonld"),
    *("/open-data/coverage.json", "/open-data/checkpoints.json", "/open-data/confirmed.json"),
)
SEARCHES = ("", "?region=71", "?sector=07", "?freeze_status=flagged", "?freeze_status=unaudited", "?agency=Орган")
MARKER = "zzleak"
A_DAY = "1987-06-05"
# What the public fields are stored in, beside themselves; and what nobody may change, the tests neither.
KNOWN = {
    "projects": {*PUBLIC_NAMES, "words", "contract_signed_on", "work_started_on"},
    # Copies of what projects show.
    "project_statuses": PUBLIC_NAMES,
    "checkpoints": {"root", "created_at"},
    "agencies": {"bin", *(name.removeprefix(AGENCY_PREFIX) for name in PUBLIC_NAMES)},
}
LEFT = frozenset(
    {
        *("journal", "journal_head", "letters", "changes", "pending_changes", "change_head"),
        *("open_data_set", "alembic_version"),
    }
)


def private_columns() -> Iterator[tuple[Table, Column[object]]]:
    for table in db.metadata.sorted_tables:
        rules = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
        unique = {column.name for each in (*rules, *(i for i in table.indexes if i.unique)) for column in each.columns}
        for column in table.columns if table.name not in LEFT else ():
            keys = column.primary_key or column.foreign_keys or column.name in unique
            is_final = any(each.table == table.name and column.name in each.columns for each in FINAL)
            if not keys and not is_final and column.name not in KNOWN.get(table.name, ()):
                yield table, column


def mark_every_private_value() -> list[str]:
    """Write a text of its own into every private column of every row, and return the texts."""
    texts = [A_DAY]
    with transaction() as session:
        for number, (table, column) in enumerate(private_columns()):
            text = f"{MARKER}{number}"
            long_enough = (getattr(column.type, "length", None) or 1000) >= len(text)
            if type(column.type) in (String, Text, JSON) and long_enough:
                session.execute(update(table).values({column.name: text}))
                texts.append(text)
            elif isinstance(column.type, Date) and column.nullable and table.name == "projects":
                session.execute(update(table).values({column.name: date.fromisoformat(A_DAY)}))
    return texts


def public_answers(client: FlaskClient, numbers: list[str]) -> Iterator[tuple[str, str]]:
    pages = [f"/open-data{search}" for search in SEARCHES] + [f"/open-data/projects/{number}" for number in numbers]
    for language in LANGUAGES:
        for page in pages:
            address = f"{page}{'&' if '?' in page else '?'}language={language}"
            yield address, client.get(address).text
    for file in FILES:
        yield file, client.get(file).text


@pytest.fixture
def as_owner(own_app: Flask, present: Present) -> Iterator[FlaskClient]:
    """Such a client, in a process that may write into every table; the role of the service may not."""
    present.set(date(2026, 3, 2))
    own_app.config[PUBLICATION] = LICENCE
    with own_app.app_context():
        yield own_app.test_client()


def test_no_private_value_of_any_table_occurs_in_any_public_answer(as_owner: FlaskClient) -> None:
    world = a_world(an_agency(email="secretary@example.kz"))
    number = world.project.number
    marked = mark_every_private_value()
    assert len(marked) > 100
    db.session.expire_all()
    assert write_when_due()
    answers = dict(public_answers(as_owner, [number]))
    assert number in answers["/open-data?language=ru"] and number in answers["/open-data/projects.csv"]
    for address, answer in answers.items():
        # A year may be among the digits of a hash.
        text = re.sub("[0-9a-f]{64}", "", answer)
        assert MARKER not in text and A_DAY not in text and "1987" not in text, address
        assert "secretary@" not in text, address


@pytest.mark.parametrize(
    "values",
    [
        {"supplier_name": "Зергер Иван"},
        {"responsible_name": "Зергер Иван"},
        {"contract_number": "Зергер"},
        {"external_id": "Зергер"},
        {"budget_programme": "Зергер"},
    ],
)
def test_words_of_private_fields_find_nothing(public: FlaskClient, values: dict[str, str]) -> None:
    number = a_project(**values).number
    assert number not in public.get("/open-data?q=зергер").text
    assert number in public.get("/open-data?q=учёта").text


def restrict(project: Project) -> None:
    supervisor = an_actor("supervisor")
    with transaction():
        restrict_project(supervisor, find_project_to_change(supervisor, project.number), True, "Secret")


def test_restricted_project_leaves_every_answer_at_once(public: FlaskClient, present: Present) -> None:
    agency = an_agency(name_ru="Комитет тайн")
    hidden, shown = a_project(agency, name_ru="Тайный реестр"), a_project(name_ru="Открытый реестр")
    assert write_when_due()
    assert hidden.number in public.get(FILES[0]).text
    known = public.get(FILES[0]).headers["ETag"]
    number = hidden.number
    restrict(hidden)
    # At once and without a worker: the other projects stay in the files.
    at_once = public.get(FILES[0], headers={"If-None-Match": known})
    assert at_once.status_code == 200 and number not in at_once.text and shown.number in at_once.text
    resource = public.get(FILES[1]).get_json()["resources"][0]
    assert (resource["bytes"], resource["hash"]) == (
        len(at_once.data),
        f"sha256:{hashlib.sha256(at_once.data).hexdigest()}",
    )
    for address, text in public_answers(public, [number]):
        page = text.replace(f"/open-data/projects/{number}", "")
        assert number not in page and "Тайн" not in page and "тайн" not in page, address
    assert public.get(f"/open-data/projects/{number}").status_code == 404
    assert "Projects found: 1" in public.get("/open-data?language=en").text
    assert number not in public.get("/open-data?agency=Комитет тайн").text
    present.move(timedelta(hours=26))
    assert write_when_due()
    text = public.get(FILES[0]).text
    assert number not in text and shown.number in text and text.count("\n") == 2


def test_project_that_is_restricted_while_the_set_is_made_is_not_in_it(
    public: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = a_project()
    real = service._compressed

    def make_and_restrict(pieces: Iterator[tuple[bytes, int]]) -> tuple[bytes, str, int, int]:
        made = real(pieces)
        restrict(hidden)
        return made

    monkeypatch.setattr(service, "_compressed", make_and_restrict)
    assert not write_when_due()
    assert public.get(FILES[0]).status_code == 503
    monkeypatch.setattr(service, "_compressed", real)
    assert write_when_due()
    assert hidden.number not in public.get(FILES[0]).text


def test_withdrawn_project_leaves_every_answer_at_once(public: FlaskClient) -> None:
    project = a_project()
    number = project.number
    assert write_when_due()
    withdrawn(project)
    assert public.get(FILES[0]).status_code == 200
    for address, text in public_answers(public, [number]):
        assert number not in text.replace(f"/open-data/projects/{number}", ""), address
    for search in ("withdrawn=include", "withdrawn=only", "freeze_status=withdrawn"):
        assert number not in public.get(f"/open-data?{search}").text


def test_rows_of_other_projects_are_not_changed_by_a_restriction(public: FlaskClient) -> None:
    hidden = a_project(purpose='Первая строка,\n"вторая"', name_ru="Тайный реестр")
    a_project(purpose='Учёт,\nи "отчёт"', name_ru="=1+1")
    assert write_when_due()
    before = list(csv.reader(io.StringIO(public.get(FILES[0]).data.decode("utf-8-sig"), newline="")))
    restrict(hidden)
    stored = public.get(FILES[0]).data
    after = list(csv.reader(io.StringIO(stored.decode("utf-8-sig"), newline="")))
    assert len(before) == 3 and after == [before[0], before[2]]
    with transaction() as session:
        session.execute(update(OpenDataSet).values(made_at=None))
    assert write_when_due()
    # The same bytes as of a set that is written again.
    assert public.get(FILES[0]).data == stored


def test_restriction_is_seen_by_caches_that_keep_times(public: FlaskClient) -> None:
    hidden = a_project()
    assert write_when_due()
    known = {"If-Modified-Since": public.get(FILES[0]).headers["Last-Modified"]}
    assert public.get(FILES[0], headers=known).status_code == 304
    restrict(hidden)
    assert public.get(FILES[0], headers=known).status_code == 200


def test_restricted_project_is_answered_as_one_that_does_not_exist(public: FlaskClient) -> None:
    hidden, never = a_project(), a_project()
    number = hidden.number
    unknown = number.replace("2026", "2027")
    restrict(hidden)
    answers = [public.get(f"/open-data/projects/{each}?language=en") for each in (number, unknown, "%00", "ә" * 500)]
    assert {answer.status_code for answer in answers} == {404}
    assert all("There is no public project with this number." in answer.text for answer in answers)
    assert public.get(f"/open-data/projects/{never.number}").status_code == 200


def test_filters_that_pages_do_not_offer_do_not_count(public: FlaskClient) -> None:
    number = a_project(supplier_name="Зергер", contract_number="Ш-17").number
    for query in ("contract_number=Ш-18", "severity=high", "is_restricted=true", "sort=-budget_kzt"):
        assert number in public.get(f"/open-data?{query}").text
