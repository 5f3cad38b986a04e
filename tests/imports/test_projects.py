"""Import of projects and agencies: each row works like an API request, and an invalid row stops no other."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.core.outbox import OutboxMessage
from registry.core.translations import LANGUAGES, message
from registry.imports.models import ImportRun
from registry.imports.queries import ImportNotFound, errors_of, find_import
from registry.imports.service import ImportOptions, import_now, queue_import
from registry.imports.worker import run_next_import
from registry.journal.service import JournalEntry
from registry.platform.confirmations import verify_placement
from registry.projects.models import CHANGEABLE, Project
from registry.projects.revisions import Revision, history
from registry.projects.service import restrict_project
from tests.api.callers import Caller
from tests.factories import ADMINISTRATOR, a_bin, a_project, an_actor, an_agency, project_values
from tests.fixtures.web import SignedIn, Visit
from tests.imports.tables import DATA, csv_of, xlsx_of
from tests.imports.test_files import HEADER, minimal


def run_import(
    content: bytes,
    actor: Actor = ADMINISTRATOR,
    kind: str = "projects",
    dry_run: bool = False,
    answers: Mapping[int, str] | None = None,
    change_reason: str | None = None,
) -> ImportRun:
    """Import a file. Its counts add up, and its errors have messages in every language."""
    run = import_now(
        actor,
        kind,
        dry_run,
        "file.csv",
        content,
        options=ImportOptions(change_reason=change_reason, answers=answers or {}),
    )
    assert (run.state, run.failure) == ("done", None)
    assert run.created + run.updated + run.unchanged + run.rejected == run.processed == run.total
    for error in errors(run):
        assert all(message(error["code"], language, error["params"]) for language in LANGUAGES)
    return run


def errors(run: ImportRun) -> list[Any]:
    return errors_of(replace(ADMINISTRATOR, principal=run.principal), run, Page(limit=500)).items


def codes(run: ImportRun) -> list[tuple[int, str | None, str]]:
    return [(error["row"], error["column"], error["code"]) for error in errors(run)]


def counts(run: ImportRun) -> tuple[int, int, int, int]:
    return run.created, run.updated, run.unchanged, run.rejected


def stored() -> tuple[int, ...]:
    """Count all rows that an import may write, except its own."""
    tables = (Project, Revision, JournalEntry, OutboxMessage)
    return tuple(db.session.execute(db.select(db.func.count()).select_from(table)).scalar_one() for table in tables)


def test_real_records_are_imported_and_second_import_changes_nothing(app: Flask) -> None:
    run_import((DATA / "agencies.csv").read_bytes(), kind="agencies")
    content = (DATA / "projects.csv").read_bytes()
    assert counts(run_import(content)) == (1050, 0, 0, 0)
    before = stored()
    assert counts(run_import(content)) == (0, 0, 1050, 0)
    assert stored()[:2] == before[:2]


def test_import_registers_like_the_api(app: Flask) -> None:
    agency = an_agency()
    more: dict[str, Any] = {"is_ai": False, "purpose": 'Учёт "скота" \\ №1'}
    by_api = a_project(agency, external_id="A-1", **more)
    values = project_values(external_id="A-2", **more)
    content = csv_of({"agency": agency.bin, **{name: str(value) for name, value in values.items()}})
    run_import(content, answers={2: "new"})
    imported = db.session.scalars(db.select(Project).where(Project.external_id == "A-2")).one()
    same = [name for name in (*CHANGEABLE, "version", "agency_id") if name != "external_id"]
    assert [getattr(imported, name) for name in same] == [getattr(by_api, name) for name in same]
    first, second = (history(project.id)[0]["changes"] for project in (by_api, imported))
    assert [change["field"] for change in first] == [change["field"] for change in second]
    entries = db.session.scalars(
        db.select(JournalEntry).where(JournalEntry.action == "project.registered").order_by(JournalEntry.seq)
    ).all()
    assert [entry.subject for entry in entries] == [f"project:{by_api.number}", f"project:{imported.number}"]
    # To the byte, but for the digest of what each transaction wrote.
    of_api, of_file = (entry.details.partition(',"written_rows":')[0] for entry in entries)
    assert '"new":false' in of_file and of_file == of_api.replace('"A-1"', '"A-2"')


def test_empty_cell_clears_field_and_absent_column_keeps_it(app: Flask) -> None:
    project = a_project(external_id="A-1", purpose="Учёт", url="https://example.kz")
    row = {"agency": project.agency.bin, "external_id": "A-1", "purpose": "", "name_ru": "Система учёта озёр"}
    assert counts(run_import(csv_of(row))) == (0, 1, 0, 0)
    db.session.refresh(project)
    assert (project.purpose, project.url, project.name_ru, project.version) == (
        None,
        "https://example.kz",
        "Система учёта озёр",
        2,
    )
    changed = history(project.id)[-1]
    assert [change["field"] for change in changed["changes"]] == ["name_ru", "purpose"]
    entry = db.session.scalars(db.select(JournalEntry).where(JournalEntry.action == "project.changed")).one()
    assert entry.subject == f"project:{project.number}"


def test_imported_edit_of_confirmed_field_ends_confirmation(app: Flask) -> None:
    project = a_project(external_id="A-1", placement="on_platform", platform_key="qt-1")
    with transaction():
        verify_placement(an_actor(Role.OPERATOR), project, "qt-1", date(2026, 10, 1), "акт")
    key = {"agency": project.agency.bin, "external_id": "A-1"}
    run_import(csv_of({**key, "budget_kzt": "5"}))
    db.session.refresh(project)
    assert project.placement_verified_on == date(2026, 10, 1)
    run_import(csv_of({**key, "platform_key": "qt-2"}))
    db.session.refresh(project)
    assert (project.placement_verified_on, project.version) == (None, 4)


def test_row_cannot_write_read_only_fields(app: Flask) -> None:
    project = a_project(external_id="A-1", placement="on_platform", platform_key="qt-1")
    row = {"agency": project.agency.bin, "external_id": "A-1", "placement_verified_on": "2026-01-01", "version": "9"}
    assert counts(run_import(csv_of({**row, "is_restricted": "true", "number": "7"}))) == (0, 0, 1, 0)


def test_invalid_row_is_reported_and_others_are_imported(app: Flask) -> None:
    good = an_agency().bin
    rows = [
        minimal(good, external_id="1", budget_kzt="", work_started_on="", is_ai="", supplier_bin="", ai_model=""),
        minimal(good, external_id="1" * 201),
        minimal(good, external_id="1"),
        minimal("", external_id="4"),
        minimal("960140000062", external_id="5"),
        minimal("960140000061", external_id="6"),
        minimal(good, external_id="7", work_type="новое", budget_kzt="1e3"),
        minimal(good, external_id="8", name_ru="x" * 501),
        minimal(good, external_id="9", stage="", work_started_on="2026-1-1"),
        minimal(good, external_id="10", work_started_on="01.02.2026", is_ai="возможно"),
        minimal(good, external_id="11", work_started_on="20260101", supplier_bin="96014000006\uff11"),
        minimal(good, external_id="12", budget_kzt="12,500", work_started_on="2026-02-30"),
        minimal(good, external_id="13", budget_kzt="\uff11\uff12", work_started_on="\uff12026-01-01"),
        minimal(good, external_id="14", budget_kzt="-1"),
        minimal(good, external_id="15", budget_kzt="9" * 5000),
        minimal(good, external_id="16", name_ru="a\x00b"),
        minimal(good, external_id="17", stage=""),
        minimal(good, external_id="18"),
        minimal(good, external_id="19", is_ai="нет", ai_model="М-1"),
        minimal(good, external_id="20", is_ai="да", ai_model="М-1"),
    ]
    run = run_import(csv_of(*rows))
    assert counts(run) == (3, 0, 0, 17)
    assert codes(run) == [
        (3, "external_id", "too-long"),
        (4, "external_id", "external-id-twice"),
        (5, "agency", "required"),
        (6, "agency", "bin-invalid"),
        (7, "agency", "agency-unknown"),
        (8, "work_type", "not-a-choice"),
        (8, "budget_kzt", "number-shortened"),
        (9, "name_ru", "too-long"),
        (10, "stage", "required"),
        (11, "is_ai", "expected-true-or-false"),
        (12, "work_started_on", "expected-date"),
        (12, "supplier_bin", "bin-invalid"),
        (13, "budget_kzt", "number-ambiguous"),
        (13, "work_started_on", "no-such-date"),
        (14, "budget_kzt", "expected-whole-number"),
        (14, "work_started_on", "expected-date"),
        (15, "budget_kzt", "number-out-of-range"),
        (16, "budget_kzt", "number-out-of-range"),
        (17, "name_ru", "control-character"),
        (18, "stage", "required"),
        (20, "ai_model", "only-of-ai"),
    ]


def test_equal_cells_have_the_same_value_or_error_in_every_row(app: Flask) -> None:
    cells = [("2026-02-30", "нет"), ("01.02.2026", "да"), ("2026-02-30", "да"), ("01.02.2026", "нет")]
    good = an_agency().bin
    run = run_import(
        csv_of(
            *(
                minimal(good, external_id=str(number), work_started_on=day, is_ai=answer)
                for number, (day, answer) in enumerate(cells)
            )
        )
    )
    assert codes(run) == [(2, "work_started_on", "no-such-date"), (4, "work_started_on", "no-such-date")]
    kept = db.session.execute(db.select(Project.work_started_on, Project.is_ai).order_by(Project.id)).all()
    assert [tuple(row) for row in kept] == [(date(2026, 2, 1), True), (date(2026, 2, 1), False)]


def test_row_with_huge_cell_or_too_many_cells_is_rejected(app: Flask) -> None:
    good = an_agency().bin
    content = csv_of(minimal(good, external_id="1"), minimal(good, external_id="2", name_ru="я" * 300_000))
    content += csv_of(minimal(good, external_id="3")).split(b"\r\n")[1] + b",,surplus\r\n"
    run = run_import(content)
    assert (counts(run), codes(run)) == ((1, 0, 0, 2), [(3, "name_ru", "cell-too-long"), (4, None, "row-too-long")])


def test_formulas_without_value_and_error_cells_are_invalid(app: Flask) -> None:
    values = ("Система", "system", "creation", "creation", "off_platform")
    good = an_agency().bin
    run = run_import(
        xlsx_of(HEADER, (good, "1", *values), (good, "2", "=1+1", *values[1:]), (good, "3", "#N/A", *values[1:]))
    )
    assert codes(run) == [(3, "name_ru", "cell-without-value"), (4, "name_ru", "cell-without-value")]


def test_administrator_cannot_change_restricted_project_by_import(app: Flask) -> None:
    agency = an_agency()
    project = a_project(agency, external_id="A-1", name_ru="Системы")
    with transaction():
        restrict_project(an_actor(Role.SUPERVISOR), project, True, "решение")
    content = csv_of(minimal(agency.bin, external_id="A-1"))
    assert codes(run_import(content)) == [(2, "external_id", "external-id-taken")]
    own = run_import(content, actor=an_actor(Role.AGENCY_EDITOR, agency))
    assert counts(own) == (0, 1, 0, 0)


def test_dry_run_reports_everything_and_writes_only_its_run(app: Flask) -> None:
    project = a_project(external_id="A-1", name_ru="Системы")
    rows = [minimal(project.agency.bin, external_id=name) for name in ("A-1", "A-2", "A-2", "x" * 201)]
    before = stored()
    dry = run_import(csv_of(*rows), dry_run=True)
    assert stored() == before
    wet = run_import(csv_of(*rows))
    assert counts(dry) == counts(wet) == (1, 1, 0, 2)
    assert codes(dry) == codes(wet)


def test_queued_import_acts_as_its_owner(app: Flask) -> None:
    own = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, own)
    content = csv_of(minimal(own.bin, external_id="1"), minimal(an_agency().bin, external_id="1"))
    queued = queue_import(editor, "projects", False, "мой\x00 файл.csv", content)
    assert (queued.state, queued.total, queued.processed, queued.file_name) == ("queued", 2, 0, "мой файл.csv")
    done = run_next_import()
    assert (done.id, done.state, counts(done)) == (queued.id, "done", (1, 0, 0, 1))
    assert run_next_import() is None
    entry = db.session.scalars(db.select(JournalEntry).where(JournalEntry.action == "project.registered")).one()
    assert (entry.principal, entry.role) == (editor.principal, "agency_editor")


def test_import_is_visible_to_owner_and_administrators(app: Flask) -> None:
    agency = an_agency()
    owner = an_actor(Role.AGENCY_EDITOR, agency, "mine")
    run = queue_import(owner, "projects", True, "x", csv_of(minimal(agency.bin)))
    assert find_import(owner, run.id).id == find_import(ADMINISTRATOR, run.id).id == run.id
    for other in (an_actor(Role.AGENCY_EDITOR, agency, "other"), an_actor(Role.SUPERVISOR), an_actor(Role.AUDITOR)):
        with pytest.raises(ImportNotFound):
            find_import(other, run.id)
        with pytest.raises(ImportNotFound):
            errors_of(other, run, Page())


def test_editor_imports_only_for_own_agency_and_subordinates(app: Flask) -> None:
    own, foreign = an_agency(), an_agency()
    below = an_agency(own)
    rows = [minimal(agency.bin, external_id="1") for agency in (own, below, foreign)]
    run = run_import(csv_of(*rows), actor=an_actor(Role.AGENCY_EDITOR, own))
    assert (counts(run), codes(run)) == ((2, 0, 0, 1), [(4, "agency", "agency-not-yours")])


def row(number: str, parent: str = "", **more: str) -> dict[str, str]:
    return {"bin": number, "name_ru": f"Орган {number}", "kind": "central_body", "parent_bin": parent, **more}


def test_children_may_precede_their_parents(app: Flask) -> None:
    top, middle, leaf = a_bin(), a_bin(), a_bin()
    content = csv_of(row(leaf, middle), row(middle, top), row(top))
    dry = run_import(content, kind="agencies", dry_run=True)
    wet = run_import(content, kind="agencies")
    assert counts(dry) == counts(wet) == (3, 0, 0, 0)
    assert (agency_by_bin(leaf).parent_bin, agency_by_bin(middle).parent_bin) == (middle, top)
    assert counts(run_import(content, kind="agencies")) == (0, 0, 3, 0)


@pytest.mark.parametrize("dry_run", [True, False])
def test_cycles_are_rejected_and_other_rows_imported(app: Flask, dry_run: bool) -> None:
    one, two, three, four = a_bin(), a_bin(), a_bin(), a_bin()
    content = csv_of(row(one, two), row(two, one), row(three, three), row(four))
    run = run_import(content, kind="agencies", dry_run=dry_run)
    assert counts(run) == (1, 0, 0, 3)
    assert codes(run) == [(number, "parent_bin", "parent-below-itself") for number in (2, 3, 4)]


def test_cycle_with_registered_agency_is_rejected(app: Flask) -> None:
    top = an_agency()
    below = an_agency(top)
    content = csv_of({"bin": top.bin, "parent_bin": below.bin})
    for dry_run in (True, False):
        run = run_import(content, kind="agencies", dry_run=dry_run)
        assert codes(run) == [(2, "parent_bin", "parent-below-itself")]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_changes_neither_kind_nor_parent_of_a_registered_agency(app: Flask, dry_run: bool) -> None:
    top = an_agency()
    below = an_agency(top)
    content = csv_of(row(top.bin, kind="private"), row(below.bin))

    run = run_import(content, kind="agencies", dry_run=dry_run)

    assert codes(run) == [
        (2, "kind", "agency-change-needs-approval"),
        (3, "parent_bin", "agency-change-needs-approval"),
    ]
    assert (agency_by_bin(top.bin).kind, agency_by_bin(below.bin).parent_bin) == ("central_body", top.bin)


@pytest.mark.parametrize("dry_run", [True, False])
def test_invalid_rows_and_their_children_are_reported(app: Flask, dry_run: bool) -> None:
    good, bad, child = a_bin(), a_bin(), a_bin()
    content = csv_of(
        row(good, email="a@b.kz"),
        row(good),
        row(bad, kind="ministry"),
        row(child, bad),
        row(""),
        row("123"),
        {**row(a_bin()), "name_ru": " "},
        row(a_bin(), email="nobody"),
    )
    run = run_import(content, kind="agencies", dry_run=dry_run)
    assert counts(run) == (1, 0, 0, 7)
    assert codes(run) == [
        (3, "bin", "bin-twice"),
        (4, "kind", "not-a-choice"),
        (5, "parent_bin", "agency-unknown"),
        (6, "bin", "required"),
        (7, "bin", "bin-invalid"),
        (8, "name_kk", "name-required"),
        (8, "name_ru", "name-required"),
        (9, "email", "email-invalid"),
    ]


def test_empty_cell_clears_field_and_change_is_journalled(app: Flask) -> None:
    agency = an_agency(email="a@b.kz", region="71")
    assert counts(run_import(csv_of({"bin": agency.bin, "email": ""}), kind="agencies")) == (0, 1, 0, 0)
    changed = agency_by_bin(agency.bin)
    assert (changed.email, changed.region, changed.version) == (None, "71", 2)
    entry = db.session.scalars(db.select(JournalEntry).where(JournalEntry.action == "agency.changed")).one()
    assert entry.subject == f"agency:{agency.bin}"


ACT = "Акт сверки № 12 от 28.02.2026"


def table(agency: Agency, header: str, value: str) -> bytes:
    return f"БИН;Код проекта;{header}\n{agency.bin};А-1;{value}\n".encode()


def upload(visit: Visit, content: bytes, **fields: Any) -> str:
    page = visit.send("/imports", kind="projects", file=(io.BytesIO(content), "таблица.csv"), **fields)
    run_next_import()
    return page.request.path


def reasons() -> list[str | None]:
    return list(db.session.scalars(db.select(Revision.reason).order_by(Revision.id)))


@pytest.fixture
def agency(app: Flask) -> Agency:
    agency = an_agency()
    a_project(agency=agency, external_id="А-1", stage="planning", work_type="creation")
    return agency


def test_page_asks_for_a_reason_before_a_dry_run_is_imported(signed_in: SignedIn, agency: Agency) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    path = upload(visit, table(agency, "Стадия", "Создание"), dry_run="yes")
    assert "Reason for the changes" in visit.get(path).text
    refused = visit.send(f"{path}/run", page=path, change_reason=" ")
    assert refused.status_code == 422 and '<a href="#change_reason">Reason: Say why the value changes' in refused.text
    too_long = visit.send(f"{path}/run", page=path, change_reason="x" * 1001)
    assert too_long.status_code == 422 and reasons() == [None]
    visit.send(f"{path}/run", page=path, change_reason=ACT)
    run_next_import()
    assert (db.session.scalars(db.select(Project.stage)).all(), reasons()) == (["creation"], [None, ACT])
    entry = db.session.scalars(db.select(JournalEntry).where(JournalEntry.action == "project.changed")).one()
    assert ACT in str(json.loads(entry.details)["reason"])


def test_upload_on_a_page_without_a_reason_rejects_the_rows_that_need_one(signed_in: SignedIn, agency: Agency) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    path = upload(visit, table(agency, "Дата договора", "02.03.2026"), dry_run="")
    assert "Import the file again and give the reason for the changes." in visit.get(path).text
    assert db.session.scalars(db.select(Project.contract_signed_on)).all() == [date(2026, 1, 20)]
    upload(visit, table(agency, "Дата договора", "02.03.2026"), dry_run="", change_reason=ACT)
    assert reasons() == [None, ACT]


def test_change_of_other_fields_needs_no_reason(signed_in: SignedIn, agency: Agency) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    path = upload(visit, table(agency, "Телефон", "+7 701 111 22 33"), dry_run="yes")
    visit.send(f"{path}/run", page=path, change_reason="")
    run_next_import()
    assert reasons() == [None, None]


def test_api_may_give_a_reason_and_the_run_of_a_dry_run_keeps_it(editor: Caller, agency: Agency) -> None:
    file = FileStorage(io.BytesIO("external_id,stage\nА-1,testing\n".encode()), "x.csv")
    form = {"file": file, "kind": "projects", "dry_run": "true", "change_reason": ACT}
    dry = editor.form("/imports", form).get_json()
    assert dry["change_reason"] == ACT
    run_next_import()
    run = editor.post(f"/imports/{dry['id']}/run", {}).get_json()
    assert run["change_reason"] == ACT
    run_next_import()
    number = db.session.scalars(db.select(Project.number)).one()
    history = editor.get(f"/projects/{number}/history").get_json()["items"]
    assert [entry["reason"] for entry in history] == [None, ACT]
    form = {
        "file": FileStorage(io.BytesIO(b"external_id\nx\n"), "x.csv"),
        "kind": "projects",
        "change_reason": "x" * 1001,
    }
    assert editor.form("/imports", form).status_code == 422
