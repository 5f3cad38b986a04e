"""Rows that may be another project than the one that they name: asked, and never written without an answer."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.core.lists import Page
from registry.core.spreadsheets.reader import Row
from registry.core.spreadsheets.rows import ImportResult
from registry.imports.models import ImportRun
from registry.imports.projects import ProjectImport
from registry.imports.queries import errors_of, needs_change_reason, previewed_rows
from registry.imports.same_project import AnswersNotPossible, NamedProject, answer_questions, newest_of_name
from registry.imports.service import ImportOptions, import_now, map_columns, run_dry_run_now
from registry.imports.worker import run_next_import
from registry.projects.models import Project
from registry.projects.service import change_project, find_project_to_change, restrict_project
from tests.api.callers import Caller
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal
from tests.statements import statements

NAMES = ("Портал озёр", "Учёт племенного скота", "Электронная очередь в поликлинику", "Реестр лицензий недр")
KEYLESS = ("agency", "name_ru", "object_kind", "work_type", "stage", "placement")


def run(content: bytes, actor: Actor = ADMINISTRATOR, dry_run: bool = False, **options: Any) -> ImportRun:
    done = import_now(actor, "projects", dry_run, "список.csv", content, options=ImportOptions(**options))
    assert (done.state, done.failure) == ("done", None)
    return done


def counts(done: ImportRun) -> tuple[int, int, int, int, int]:
    return done.created, done.updated, done.unchanged, done.rejected, done.unanswered


def questions(done: ImportRun) -> list[tuple[int, str | None, str, dict[str, Any]]]:
    errors = errors_of(ADMINISTRATOR, done, Page(limit=500)).items
    return [(error["row"], error["column"], error["code"], error["params"]) for error in errors]


def errors_at_end(done: ImportRun) -> list[tuple[int, str | None, str, dict[str, Any]]]:
    page = Page(limit=5, sort="-row")
    return [
        (each["row"], each["column"], each["code"], each["params"])
        for each in errors_of(ADMINISTRATOR, done, page).items
    ]


def numbered(agency: Agency, *names: str) -> bytes:
    """A list whose running number was taken for the agency's reference."""
    return csv_of(*(minimal(agency.bin, external_id=str(place), name_ru=name) for place, name in enumerate(names, 1)))


def keyless(agency: Agency, *names: str, **more: str) -> bytes:
    rows = [{**minimal(agency.bin, name_ru=name), **more} for name in names]
    return csv_of(*({name: row[name] for name in (*KEYLESS, *more)} for row in rows))


def names() -> list[tuple[str | None, str | None]]:
    rows = db.session.execute(db.select(Project.external_id, Project.name_ru).order_by(Project.id))
    return [(reference, name) for reference, name in rows]


def test_list_with_shifted_numbers_overwrites_nothing(app: Flask) -> None:
    agency = an_agency()
    assert counts(run(numbered(agency, *NAMES))) == (4, 0, 0, 0, 0)
    before = names()

    shifted = run(numbered(agency, "Новый сервис виз", *NAMES))

    assert counts(shifted) == (0, 0, 0, 5, 5)
    assert [(row, column, asked) for row, column, asked, _ in questions(shifted)] == [
        (2, "name_ru", "row-changes-name"),
        (3, "name_ru", "row-changes-name"),
        (4, "name_ru", "row-changes-name"),
        (5, "name_ru", "row-changes-name"),
        (6, "name_ru", "row-has-name-of-project"),
    ]
    assert names() == before


@pytest.mark.parametrize(
    ("old", "new", "asks"),
    [
        ("Учёт озёр", "Учёт озёр и рек", False),
        ("Информационная система учёта озёр", "ИС «Учёт озёр»", False),
        ("Портал озёр", "Портал дорог", True),
        ("Электронная очередь", "Реестр лицензий", True),
        ("Реестр", "РЕЕСТР.", False),
    ],
)
def test_row_that_gives_another_name_asks(app: Flask, old: str, new: str, asks: bool) -> None:
    agency = an_agency()
    a_project(agency, external_id="А-1", name_ru=old, name_kk="Бірдей атау")
    row = {"agency": agency.bin, "external_id": "А-1", "name_ru": new}

    done = run(csv_of(row))

    assert counts(done) == ((0, 0, 0, 1, 1) if asks else (0, 1, 0, 0, 0))


def test_name_that_moves_to_another_language_asks_when_it_is_another_one(app: Flask) -> None:
    project = a_project(external_id="А-1", name_ru="Портал озёр", name_kk=None)
    row = {"agency": project.agency.bin, "external_id": "А-1", "name_ru": "", "name_kk": "Мал шаруашылығы есебі"}

    assert counts(run(csv_of(row))) == (0, 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"contract_number": "8", "supplier_bin": "960140000061"}, True),
        ({"contract_number": "", "supplier_bin": ""}, True),
        ({"contract_number": "8"}, False),
        ({"supplier_bin": "960140000061"}, False),
    ],
)
def test_another_contract_with_another_supplier_asks(app: Flask, change: dict[str, str], asked: bool) -> None:
    project = a_project(external_id="А-1", contract_number="7", supplier_bin="050340004478")

    done = run(csv_of({"agency": project.agency.bin, "external_id": "А-1", **change}))

    assert counts(done) == ((0, 0, 0, 1, 1) if asked else (0, 1, 0, 0, 0))
    if asked:
        assert questions(done) == [(2, "contract_number", "row-changes-contract", {"number": project.number})]


def test_contract_that_was_missing_is_supplied_without_a_question(app: Flask) -> None:
    project = a_project(external_id="А-1")
    row = {"agency": project.agency.bin, "external_id": "А-1", "contract_number": "8", "supplier_bin": "960140000061"}

    assert counts(run(csv_of(row))) == (0, 1, 0, 0, 0)


def test_dry_run_asks_and_the_answers_decide(app: Flask) -> None:
    agency = an_agency()
    run(numbered(agency, *NAMES[:2]))
    first, second = db.session.scalars(db.select(Project).order_by(Project.id)).all()
    dry = run(numbered(agency, "Портал дорог", "Сервис виз", "Каталог"), dry_run=True)
    assert counts(dry) == (1, 0, 0, 2, 2)
    asked = previewed_rows(ADMINISTRATOR, dry, Page(limit=500), "question").items
    assert [(row["row"], row["record"], row["question"], row["answer"]) for row in asked] == [
        (2, first.number, "row-changes-name", None),
        (3, second.number, "row-changes-name", None),
    ]
    assert {"field": "name_ru", "old": "Портал озёр", "new": "Портал дорог"} in asked[0]["changes"]

    answer_questions(ADMINISTRATOR, dry.id, {2: "same", 3: "new"})
    done = run_dry_run_now(ADMINISTRATOR, dry.id)

    assert counts(done) == (2, 1, 0, 0, 0)
    assert names() == [
        ("1", "Портал дорог"),
        ("2", NAMES[1]),
        (f"IMP-{done.id}-3", "Сервис виз"),
        ("3", "Каталог"),
    ]


def test_answer_counts_only_for_the_project_that_was_asked_for(app: Flask) -> None:
    agency = an_agency()
    run(numbered(agency, "Портал озёр"))
    dry = run(numbered(agency, "Сервис виз"), dry_run=True)
    answer_questions(ADMINISTRATOR, dry.id, {2: "same"})
    with transaction():
        project = find_project_to_change(ADMINISTRATOR, db.session.scalars(db.select(Project.number)).one())
        change_project(ADMINISTRATOR, project, {"external_id": "старый"})
    a_project(agency, external_id="1", name_ru="Каталог")

    done = run_dry_run_now(ADMINISTRATOR, dry.id)

    assert counts(done) == (0, 0, 0, 1, 1)
    assert names() == [("старый", "Портал озёр"), ("1", "Каталог")]


def edit(number: str, **values: Any) -> None:
    with transaction():
        change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, number), values)


def test_row_that_was_said_to_be_a_project_never_becomes_a_new_one(app: Flask) -> None:
    agency = an_agency()
    project = a_project(agency, external_id="А-1", name_ru="Портал озёр")
    dry = run(keyless(agency, "Портал озёр"), dry_run=True)
    answer_questions(ADMINISTRATOR, dry.id, {2: "same"})
    edit(project.number, name_ru="Учёт племенного скота")

    done = run_dry_run_now(ADMINISTRATOR, dry.id)

    assert counts(done) == (0, 0, 0, 1, 0)
    assert questions(done) == [(2, None, "row-answer-outdated", {"number": project.number})]
    assert names() == [("А-1", "Учёт племенного скота")]


def test_answer_given_with_a_dry_run_counts_for_the_project_of_the_dry_run(app: Flask) -> None:
    agency = an_agency()
    first = a_project(agency, external_id="А-1", name_ru="Портал озёр")
    dry = run(keyless(agency, "Портал озёр", purpose="x"), dry_run=True, answers={2: "same"})
    assert counts(dry) == (0, 1, 0, 0, 0)
    edit(first.number, name_ru="Учёт племенного скота")
    second = a_project(agency, external_id="А-2", name_ru="Портал озёр", purpose="Для рыбаков")

    done = run_dry_run_now(ADMINISTRATOR, dry.id)

    assert counts(done) == (0, 0, 0, 1, 1)
    assert questions(done) == [(2, "name_ru", "row-has-name-of-project", {"number": second.number})]
    assert db.session.get_one(Project, second.id).purpose == "Для рыбаков"


def test_new_project_is_not_registered_twice_by_two_dry_runs_of_one_table(app: Flask) -> None:
    agency = an_agency()
    a_project(agency, external_id="А-1", name_ru="Портал озёр")
    dry = [run(keyless(agency, "Портал озёр"), dry_run=True) for _ in range(2)]
    for each in dry:
        answer_questions(ADMINISTRATOR, each.id, {2: "new"})

    done = [counts(run_dry_run_now(ADMINISTRATOR, each.id)) for each in dry]

    assert done == [(1, 0, 0, 0, 0), (0, 0, 0, 1, 1)]


def test_other_columns_take_the_answers_back(app: Flask) -> None:
    agency = an_agency()
    a_project(agency, external_id="1", name_ru="Портал озёр")
    a_project(agency, external_id="2", name_ru="Учёт племенного скота")
    row = {**minimal(agency.bin, external_id="1", name_ru="Портал дорог"), "№ п/п": "2"}
    dry = run(csv_of(row), dry_run=True, answers={2: "same"})
    assert counts(dry) == (0, 1, 0, 0, 0)

    shifted = ["agency", None, "name_ru", "object_kind", "work_type", "stage", "placement", "external_id"]
    map_columns(ADMINISTRATOR, dry.id, shifted)
    run_next_import()

    db.session.expire_all()
    assert counts(dry) == (0, 0, 0, 1, 1)


@pytest.mark.parametrize("became", ["moved", "withdrawn"])
def test_project_that_is_no_more_of_the_agency_during_an_import_is_not_written(app: Flask, became: str) -> None:
    agency, other = an_agency(), an_agency()
    project = a_project(agency, external_id="А-1", name_ru="Портал озёр")
    rows = ProjectImport(ADMINISTRATOR, KEYLESS, dry_run=False, answers={3: "same"})
    values = minimal(agency.bin)

    def written(number: int, name: str) -> ImportResult:
        cells = [{**values, "name_ru": name}[column] for column in KEYLESS]
        (chunk,) = rows.chunks(iter([Row(number, cells)]), 0)
        with transaction():
            return rows.apply(chunk)

    assert written(2, "Каталог товаров").created == 1
    change = {"agency_id": other.id} if became == "moved" else {"withdrawn_at": now()}
    with transaction() as session:
        session.execute(db.update(Project).where(Project.id == project.id).values(change))

    done = written(3, "Портал озёр")

    assert (done.created, done.updated, done.unchanged, done.rejected) == (0, 0, 0, 1)
    assert [error["code"] for error in done.errors] == ["row-project-not-of-agency"]


@pytest.mark.parametrize("purpose", ["Для рыбаков", ""], ids=["updated", "unchanged"])
def test_row_of_a_project_that_passed_to_another_agency_after_the_dry_run_registers_no_second_one(
    app: Flask, purpose: str
) -> None:
    agency = an_agency()
    project = a_project(agency, external_id="А-1", name_ru="Портал озёр", purpose=None)
    row = {"agency": agency.bin, "external_id": "А-1", "purpose": purpose}
    dry = run(csv_of(row), dry_run=True)
    assert (dry.updated, dry.unchanged) == ((1, 0) if purpose else (0, 1))
    with transaction() as session:
        moved = {"agency_id": an_agency(agency).id}
        session.execute(db.update(Project).where(Project.id == project.id).values(moved))

    done = run_dry_run_now(ADMINISTRATOR, dry.id)

    assert counts(done) == (0, 0, 0, 1, 0)
    assert questions(done) == [(2, None, "row-answer-outdated", {"number": project.number})]


def test_thousands_of_projects_of_one_name_are_not_looked_at_for_each_row() -> None:
    def looked_at(count: int) -> int:
        name, asked = 7, list[str | None]()

        def names_of(reference: str | None) -> tuple[int, ...]:
            asked.append(reference)
            return () if reference == "0" else (name,)

        projects = [NamedProject(f"QT-{number}", str(number)) for number in range(count)]
        for _row in range(count):
            newest = newest_of_name(projects, name, names_of)
            assert newest is not None and newest.number == "QT-0"
        return len(asked)

    assert (looked_at(100), looked_at(1000)) == (199, 1999)


def test_import_asks_no_more_of_the_database_for_many_agencies_than_for_one(
    app: Flask, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.imports.projects.CHUNK", 20)

    def asked(agencies: int, mark: str) -> int:
        bins = [an_agency().bin for _ in range(agencies)]
        rows = [
            minimal(bins[place % agencies], external_id=f"{mark}-{place}", name_ru=f"Портал {mark} {place}")
            for place in range(60)
        ]
        with statements(connection) as sent:
            assert counts(run(csv_of(*rows))) == (60, 0, 0, 0, 0)
        return len(sent)

    one = asked(1, "а")

    # The first one registers the first number of the year.
    assert asked(20, "б") <= one


def test_rows_of_two_imports_at_once_are_compared_with_each_other(app: Flask) -> None:
    values = minimal(an_agency().bin)
    first, second = (ProjectImport(ADMINISTRATOR, KEYLESS, dry_run=False, run_id=number) for number in (1, 2))

    def written(rows: ProjectImport, number: int, name: str) -> ImportResult:
        cells = [{**values, "name_ru": name}[column] for column in KEYLESS]
        (chunk,) = rows.chunks(iter([Row(number, cells)]), 0)
        with transaction():
            return rows.apply(chunk)

    assert written(second, 2, "Каталог товаров").created == 1
    assert written(first, 2, "Портал озёр").created == 1

    done = written(second, 3, "Портал озёр")

    assert (done.created, done.unanswered) == (0, 1)
    assert [error["code"] for error in done.errors] == ["row-has-name-of-project"]


@pytest.mark.postgres_only
def test_import_keeps_other_imports_of_its_agencies_waiting(app: Flask) -> None:
    agency = an_agency()
    dry, rows = (ProjectImport(ADMINISTRATOR, KEYLESS, dry_run=is_dry, run_id=1) for is_dry in (True, False))

    def held(rows: ProjectImport) -> list[tuple[int, str]]:
        (chunk,) = rows.chunks(iter([Row(2, [minimal(agency.bin)[name] for name in KEYLESS])]), 0)
        with transaction() as session:
            rows.apply(chunk)
            # Of this database: the server has locks of others too.
            locks = db.text(
                "SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' AND classid = 742005 "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            return [(row.objid, row.mode) for row in session.execute(locks)]

    assert held(dry) == []
    assert held(rows) == [(agency.id, "ExclusiveLock")]


def test_interrupted_import_takes_what_it_has_registered_for_earlier_rows(app: Flask) -> None:
    values = minimal(an_agency().bin)
    names = ("Электронная очередь в поликлинику города", "Электронная очередь в поликлинику", "Электронная очередь")
    table = [
        Row(number, [{**values, "name_ru": name}[column] for column in KEYLESS])
        for number, name in enumerate((*names[:2], names[0]), 2)
    ]
    interrupted = ProjectImport(ADMINISTRATOR, KEYLESS, dry_run=False, run_id=1)
    (chunk,) = interrupted.chunks(iter(table[:1]), 0)
    with transaction():
        assert interrupted.apply(chunk).created == 1

    continued = ProjectImport(ADMINISTRATOR, KEYLESS, dry_run=False, run_id=1)
    (rest,) = continued.chunks(iter(table), 1)
    with transaction():
        done = continued.apply(rest)

    assert (done.created, done.unanswered) == (1, 1)
    assert [(error["row"], error["code"], error["params"]) for error in done.errors] == [
        (4, "row-repeats-row", {"row": 2})
    ]


@pytest.mark.parametrize("between", [0, 999], ids=["in one chunk", "in the next chunk"])
def test_row_that_is_the_same_as_a_rejected_one_is_rejected_too(app: Flask, between: int) -> None:
    agency = an_agency()
    row = {name: minimal(agency.bin, name_ru="Портал озёр")[name] for name in KEYLESS}
    others = [row | {"name_ru": "", "stage": ""}] * between
    table = csv_of(row | {"stage": ""}, *others, row)

    done = run(table, answers={3 + between: "same"})

    assert (done.created, done.unchanged, done.rejected, done.unanswered) == (0, 0, 2 + between, 0)
    assert (3 + between, None, "row-same-as-rejected", {"row": 2}) in errors_at_end(done)


def test_only_questions_of_a_finished_dry_run_can_be_answered(app: Flask) -> None:
    agency = an_agency()
    run(numbered(agency, *NAMES[:2]))
    dry = run(numbered(agency, "Сервис виз", NAMES[1]), dry_run=True)
    with pytest.raises(Invalid) as refused:
        answer_questions(ADMINISTRATOR, dry.id, {2: "same", 3: "same"})
    assert [(problem.code, problem.params) for problem in refused.value.problems] == [("row-asks-nothing", {"row": 3})]
    wet = run(numbered(agency, "Сервис виз"))
    for import_id in (wet.id, run_dry_run_now(ADMINISTRATOR, dry.id).dry_run_id):
        with pytest.raises(AnswersNotPossible):
            answer_questions(ADMINISTRATOR, import_id or 0, {2: "same"})


def test_number_in_the_register_comes_before_the_reference(app: Flask) -> None:
    agency = an_agency()
    first = a_project(agency, external_id="А-1", name_ru="Портал озёр")
    second = a_project(agency, external_id="А-2", name_ru="Учёт скота")
    row = {"agency": agency.bin, "number": first.number, "external_id": "А-9", "name_ru": "Портал озёр и рек"}

    assert counts(run(csv_of(row))) == (0, 1, 0, 0, 0)
    assert names() == [("А-9", "Портал озёр и рек"), ("А-2", "Учёт скота")]

    taken = run(csv_of({**row, "external_id": "А-2"}))
    assert [(row, asked) for row, _, asked, _ in questions(taken)] == [(2, "external-id-taken")]
    twice = run(csv_of({**row, "external_id": ""}, {**row, "number": "", "external_id": "А-9"}))
    assert [(row, asked) for row, _, asked, _ in questions(twice)] == [(3, "project-twice-in-file")]
    assert db.session.get_one(Project, first.id).external_id == "А-9", "an empty cell takes no reference away"
    other = run(csv_of({**row, "agency": an_agency().bin, "number": second.number}))
    assert [(row, column, asked) for row, column, asked, _ in questions(other)] == [
        (2, "number", "row-project-not-of-agency")
    ]
    unknown = run(csv_of({**row, "number": "QT-2026-0000001-9"}))
    assert [(row, column, asked) for row, column, asked, _ in questions(unknown)] == [(2, "number", "project-unknown")]


def test_rows_without_any_key_are_compared_with_the_register_and_the_file(app: Flask) -> None:
    agency = an_agency()
    same = a_project(agency, name_ru="Портал озёр")
    near = a_project(agency, name_ru="Электронная очередь в поликлинику города")
    contract = {"contract_number": "12-К", "supplier_bin": "050340004478"}
    signed = a_project(agency, name_ru="Учёт лесного фонда", **contract)
    a_project(name_ru="Каталог товаров")
    table = keyless(agency, "ПОРТАЛ «ОЗЁР»", "Очередь электронная в поликлинику", "Каталог товаров", "Каталог товаров")

    done = run(table)

    assert counts(done) == (1, 0, 0, 3, 3)
    assert questions(done) == [
        (2, "name_ru", "row-has-name-of-project", {"number": same.number}),
        (3, "name_ru", "row-resembles-project", {"number": near.number}),
        (5, "name_ru", "row-repeats-row", {"row": 4}),
    ]
    on_contract = run(keyless(agency, "Сервис виз", **contract))
    assert questions(on_contract) == [(2, "contract_number", "row-has-contract-of-project", {"number": signed.number})]
    lots = ("Хранилище данных (лот 1)", "Хранилище данных (лот 2)", "Мобильное приложение «Жайылым»")
    of_lots = run(keyless(agency, *lots, **contract | {"contract_number": "13-К"}))
    assert questions(of_lots) == [(3, "contract_number", "row-has-contract-of-row", {"row": 2})]


def test_answers_of_rows_without_any_key_change_or_register(app: Flask) -> None:
    agency = an_agency()
    same = a_project(agency, external_id="А-1", name_ru="Портал озёр", purpose=None)
    table = keyless(agency, "Портал озёр", "Портал озёр", "Каталог", "Каталог", purpose="Для рыбаков")

    done = run(table, answers={2: "same", 3: "new", 5: "same"})

    assert counts(done) == (2, 1, 1, 0, 0)
    assert names() == [("А-1", "Портал озёр"), (f"IMP-{done.id}-3", "Портал озёр"), (f"IMP-{done.id}-4", "Каталог")]
    assert db.session.get_one(Project, same.id).purpose == "Для рыбаков"


def test_restricted_project_is_not_named_to_who_may_not_read_it(app: Flask) -> None:
    agency = an_agency()
    secret = a_project(agency, external_id="А-1", name_ru="Портал озёр")
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        restrict_project(supervisor, find_project_to_change(supervisor, secret.number), True, "приказ")

    assert counts(run(keyless(agency, "Портал озёр"))) == (1, 0, 0, 0, 0)
    row = {"agency": agency.bin, "number": secret.number, "external_id": "", "name_ru": "Портал озёр"}
    assert [asked for _, _, asked, _ in questions(run(csv_of(row)))] == ["row-project-not-of-agency"]


def test_api_takes_answers_with_the_file_and_for_a_dry_run(editor: Caller, agency: Agency) -> None:
    first = a_project(agency, external_id="1", name_ru="Портал озёр")

    def send(**fields: str) -> int:
        file = FileStorage(io.BytesIO(numbered(agency, "Сервис виз")), "список.csv")
        sent = editor.form("/imports", {"file": file, "kind": "projects", **fields})
        assert sent.status_code == 202
        run_next_import()
        return int(sent.get_json()["id"])

    dry = send(dry_run="true")
    shown = editor.get(f"/imports/{dry}").get_json()
    assert (shown["rejected"], shown["unanswered"]) == (1, 1)
    (row,) = editor.get(f"/imports/{dry}/rows?outcome=question").get_json()["items"]
    assert (row["row"], row["record"], row["question"], row["answer"]) == (2, first.number, "row-changes-name", None)
    for wrong in ({"2": "maybe"}, {"3": "same"}, {"two": "same"}, ["same"], None):
        assert editor.post(f"/imports/{dry}/answers", {"answers": wrong}).status_code == 422
    answered = editor.post(f"/imports/{dry}/answers", {"answers": {"2": "same"}})
    assert answered.status_code == 200
    assert editor.get(f"/imports/{dry}/rows?outcome=question").get_json()["items"][0]["answer"] == "same"
    for text in ("{", "[]", '{"x": "same"}', '{"2": "old"}'):
        file = FileStorage(io.BytesIO(numbered(agency, "Сервис виз")), "список.csv")
        assert editor.form("/imports", {"file": file, "kind": "projects", "answers": text}).status_code == 422

    by_form = send(answers='{"2": "new"}')
    done = editor.get(f"/imports/{by_form}").get_json()

    assert (done["created"], done["updated"], done["unanswered"]) == (1, 0, 0)
    assert editor.call("POST", f"/imports/{dry}/run").status_code == 202
    run_next_import()
    assert names() == [("1", "Сервис виз"), (f"IMP-{done['id']}-2", "Сервис виз")]


@pytest.mark.parametrize(("answer", "needs_reason"), [({2: "new", 4: "same"}, False), ({2: "same", 4: "same"}, True)])
def test_only_a_row_that_is_a_registered_project_needs_a_reason(
    app: Flask, answer: dict[int, str], *, needs_reason: bool
) -> None:
    agency = an_agency()
    a_project(agency, name_ru="Портал озёр", stage="creation")
    dry = run(keyless(agency, "Портал озёр", "Каталог", "Каталог", stage="operation"), dry_run=True)
    answer_questions(ADMINISTRATOR, dry.id, answer)
    assert needs_change_reason(dry) == needs_reason


def test_page_asks_and_imports_by_the_answers(signed_in: SignedIn) -> None:
    agency = an_agency()
    for place, name in enumerate(NAMES[:3], 1):
        a_project(agency, external_id=str(place), name_ru=name, name_kk=None, stage="creation")
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    content = io.BytesIO(numbered(agency, "Сервис виз", "Каталог товаров", "Портал дорог"))
    page = visit.send("/imports", kind="projects", dry_run="yes", file=(content, "список.csv"))
    path = page.request.path
    run_next_import()
    shown = visit.get(path).text
    assert "3 rows may be registered projects or new ones." in shown and "Import now" not in shown
    rows = visit.get(f"{path}/rows?outcome=question").text
    assert rows.count("another name. Is it the same project or a new one?") >= 3
    assert 'name="answer_2"' in rows

    visit.send(f"{path}/answers", page=f"{path}/rows?outcome=question", row_2="", answer_2="same", row_3="", row_4="")
    partly = visit.get(path).text
    assert "2 rows may be registered projects or new ones." in partly
    assert partly.count("another name. Is it the same project or a new one?") == 2
    visit.send(f"{path}/answers", page=f"{path}/rows?outcome=question", row_3="", row_4="", every="new")
    answered = visit.get(path).text
    assert "All questions are answered." in answered and "by row" not in answered
    visit.send(f"{path}/run", page=path, change_reason="акт")
    run_next_import()

    assert [name for _, name in names()] == ["Сервис виз", *NAMES[1:3], "Каталог товаров", "Портал дорог"]
