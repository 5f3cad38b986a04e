"""Likely duplicates over HTTP: of a project, of a draft, and who sees what."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db, table_of, transaction
from registry.imports.same_project import SameProject
from registry.journal.service import JournalEntry
from registry.projects.fingerprints import ProjectFingerprint, refresh_fingerprints
from registry.projects.links import similar_to_values
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.callers import Caller, code
from tests.factories import a_project, an_actor, an_agency, project_values

# Filters, sorts and search hang on the database.
pytestmark = pytest.mark.on_both

QUEUE = {"name_ru": "Электронная очередь в поликлинику", "name_kk": "Емханаға электрондық кезек"}
RENAMED = {"name_ru": "Создание системы электронных очередей поликлиник", "name_kk": None}
FOREST = {"name_ru": "Учёт лесного фонда", "name_kk": "Орман қорын есепке алу"}


def restrict(project: Project) -> None:
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        restrict_project(supervisor, find_project_to_change(supervisor, project.number), True, "Secret")


def named(caller: Caller, number: str) -> list[str]:
    answer = caller.get(f"/projects/{number}/similar")
    assert answer.status_code == 200
    return [item["number"] for item in answer.get_json()["similar"]]


def test_similar_project_of_another_agency_is_named_to_reviewers(reviewer: Caller) -> None:
    agency = an_agency()
    project, other = a_project(**QUEUE), a_project(agency, **RENAMED)
    a_project(**FOREST)

    answer = reviewer.get(f"/projects/{project.number}/similar")

    assert answer.status_code == 200
    (item,) = answer.get_json()["similar"]
    assert item["number"] == other.number
    assert item["agency"] == agency.bin
    assert item["name"] == "Создание системы электронных очередей поликлиник"
    assert item["score"] >= 90
    assert item["reasons"] == ["name"]
    assert named(reviewer, other.number) == [project.number]


@pytest.mark.sqlite_only
def test_stages_and_abbreviations_hide_no_duplicate_and_like_words_make_none(agency: Agency) -> None:
    """``hard_pairs.csv``: names that were registered, the name of a new record, and whether it may be the same."""
    with Path(__file__).with_name("hard_pairs.csv").open(encoding="utf-8", newline="") as file:
        pairs = list(csv.DictReader(file))
    numbers = [a_project(agency, name_ru=pair["registered"], name_kk=None).number for pair in pairs]
    reviewer, imported = an_actor(Role.REVIEWER), SameProject(an_actor(Role.ADMINISTRATOR), 0)
    expected, named_numbers, asked = [], [], []
    for number, pair in zip(numbers, pairs, strict=True):
        values = {"name_ru": pair["asked"]}
        expected.append([number] if pair["named"] == "yes" else [])
        named_numbers.append([item["number"] for item in similar_to_values(reviewer, agency.id, values)])
        question = imported.resembled_project(agency.id, values, lambda _reference: (), has_key=False)
        asked.append([] if question is None else [question.params["number"]])
    assert len(pairs) == 40
    assert named_numbers == expected
    assert asked == expected


def test_agency_sees_its_own_projects_only(editor: Caller, agency: Agency) -> None:
    project, own = a_project(agency, **QUEUE), a_project(an_agency(parent=agency), **RENAMED)
    a_project(**QUEUE)

    assert named(editor, project.number) == [own.number]


def test_restricted_project_is_neither_named_nor_takes_a_place(
    reviewer: Caller, supervisor: Caller, agency: Agency, editor: Caller
) -> None:
    project, secret, open_ = a_project(agency, **QUEUE), a_project(agency, **QUEUE), a_project(**RENAMED)
    restrict(secret)

    assert named(reviewer, project.number) == [open_.number]
    assert named(supervisor, project.number) == [secret.number, open_.number]
    assert named(editor, project.number) == [secret.number]
    assert code(reviewer.get(f"/projects/{secret.number}/similar")) == "project-not-found"


def test_withdrawn_and_ended_projects_are_named_too(reviewer: Caller, agency: Agency, editor: Caller) -> None:
    project, gone, left = a_project(agency, **QUEUE), a_project(agency, **QUEUE), a_project(agency, **RENAMED)
    with transaction() as session:
        session.execute(update(Project).where(Project.id == gone.id).values(withdrawn_at=now()))

        session.execute(update(Project).where(Project.id == left.id).values(stage="terminated"))

    assert named(reviewer, project.number) == [gone.number, left.number]
    assert named(editor, project.number) == [gone.number, left.number]


def test_restricted_projects_that_are_named_are_journalled(supervisor: Caller) -> None:
    project, secret = a_project(**QUEUE), a_project(**QUEUE)
    restrict(secret)

    named(supervisor, project.number)

    read = select(JournalEntry.subject, JournalEntry.details).where(JournalEntry.action == "restricted.read")
    assert [tuple(row) for row in db.session.execute(read)] == [(f"project:{secret.number}", '{"what":"similar"}')]


def test_check_names_similar_projects_and_writes_nothing(editor: Caller, agency: Agency) -> None:
    own = a_project(agency, **QUEUE)
    count = select(func.count()).select_from(Project), select(func.max(JournalEntry.seq))
    before = [db.session.scalar(statement) for statement in count]

    answer = editor.post("/projects/check", {"agency": agency.bin, **project_values(**RENAMED)})

    assert answer.status_code == 200
    assert answer.get_json()["outcome"] == "flagged"
    assert [item["number"] for item in answer.get_json()["similar"]] == [own.number]
    assert [db.session.scalar(statement) for statement in count] == before


def test_of_many_projects_on_one_object_the_nearest_is_named(reviewer: Caller, agency: Agency) -> None:
    works = ("карта скважин", "отчёты недропользователей", "платежи за участки", "реестр лицензий")
    numbers = {
        work: a_project(agency, name_ru=f"Портал недр: {work}", name_kk=None, object_code="NEDRA").number
        for work in works
    }
    other = a_project(name_ru="Портал недр: карты скважин", name_kk=None)

    assert named(reviewer, other.number) == [numbers["карта скважин"]]


def test_fingerprints_that_are_missing_or_old_are_written(reviewer: Caller) -> None:
    project, other = a_project(**QUEUE), a_project(**QUEUE)
    table = table_of(ProjectFingerprint)
    with transaction() as session:
        session.execute(table.delete().where(table.c.project_id == other.id))
        session.execute(table.update().where(table.c.project_id == project.id).values(version=0, name_1=None))
    assert named(reviewer, project.number) == []

    assert refresh_fingerprints() == 2
    assert refresh_fingerprints() == 0
    assert named(reviewer, project.number) == [other.number]


def test_projects_on_one_contract_are_named_under_whichever_names(reviewer: Caller, agency: Agency) -> None:
    contract = {"contract_number": "12-К", "supplier_bin": "050340004478"}
    project, hidden = a_project(agency, **QUEUE, **contract), a_project(agency, **FOREST, **contract)
    elsewhere = a_project(**FOREST, **contract | {"contract_number": "№ 12 К"})
    alike = a_project(**RENAMED)
    for name in ("Реестр дорог", "Учёт племенного скота"):
        a_project(agency, name_ru=name, name_kk=None, supplier_bin=contract["supplier_bin"])

    items = reviewer.get(f"/projects/{project.number}/similar").get_json()["similar"]

    assert [item["number"] for item in items] == [hidden.number, alike.number, elsewhere.number]
    assert items[0]["score"] == 100
    assert items[0]["reasons"] == ["contract_number", "supplier_bin"]
    assert items[2]["score"] == 90
