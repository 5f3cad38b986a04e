"""Dry runs: what becomes of each row, the forecast of flags, and the import without a second upload."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role, RoleNotAllowed
from registry.accounts.service import AccountChanges, edit_account
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.imports.files import marked_import
from registry.imports.models import FilePiece, ImportRun
from registry.imports.queries import errors_of, find_import, previewed_rows
from registry.imports.service import DryRunNotUsable, import_now, queue_import, run_dry_run
from registry.imports.worker import delete_old_files, run_next_import
from registry.projects.models import Project
from registry.projects.service import restrict_project
from tests.accounts.test_accounts import a_persons_account, session_of
from tests.api.callers import Caller
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.sheets import RUSSIAN, register, workbook
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal
from tests.present import Present


def rows(run: ImportRun, outcome: str | None = None) -> list[tuple[int, str, list[str]]]:
    listing = previewed_rows(ADMINISTRATOR, run, Page(500), outcome)
    return [(row["row"], row["outcome"], [change["field"] for change in row["changes"]]) for row in listing.items]


def four_rows() -> bytes:
    """A row of each outcome: created, updated, unchanged, rejected."""
    project = a_project(external_id="A-1", name_ru="Портал озёр", stage="creation")
    kept = a_project(project.agency, external_id="A-2", name_ru="Прежнее")
    number = project.agency.bin
    return csv_of(
        minimal(number, external_id="A-3"),
        {**minimal(number, external_id="A-1", name_ru="Портал озёр и рек"), **same(project)},
        {**minimal(number, external_id="A-2", name_ru="Прежнее"), **same(kept)},
        minimal(number, external_id="A-4", stage="скоро"),
    )


def same(project: Project) -> dict[str, str]:
    return {name: getattr(project, name) for name in ("object_kind", "work_type", "stage", "placement")}


def test_dry_run_shows_each_row_as_it_would_be(app: Flask) -> None:
    run = import_now(ADMINISTRATOR, "projects", True, "x.csv", four_rows())
    created = ["name_ru", "external_id", "object_kind", "work_type", "stage", "placement"]
    assert [(row, outcome, sorted(fields)) for row, outcome, fields in rows(run)] == [
        (2, "created", sorted(created)),
        (3, "updated", ["name_ru"]),
        (4, "unchanged", []),
        (5, "rejected", []),
    ]
    assert rows(run, "updated") == [(3, "updated", ["name_ru"])]
    (changed,) = previewed_rows(ADMINISTRATOR, run, Page(500), "updated").items
    assert changed["changes"] == [{"field": "name_ru", "old": "Портал озёр", "new": "Портал озёр и рек"}]
    assert db.session.scalar(db.select(Project.name_ru).where(Project.external_id == "A-1")) == "Портал озёр"


def test_forecast_counts_the_rules_that_would_flag(app: Flask) -> None:
    agency = an_agency()
    new = minimal(agency.bin, contract_signed_on="2026-11-01", external_id="A-1")
    on_platform = minimal(agency.bin, contract_signed_on="2026-11-01", external_id="A-2", placement="unknown")
    run = import_now(ADMINISTRATOR, "projects", True, "x.csv", csv_of(new, on_platform))
    (first, _second) = previewed_rows(ADMINISTRATOR, run, Page(500)).items
    assert run.would_flag is not None
    assert first["would_flag"] and set(first["would_flag"]) <= set(run.would_flag)
    assert sum(run.would_flag.values()) >= 1
    wet = import_now(ADMINISTRATOR, "projects", False, "x.csv", csv_of(new))
    assert (wet.would_flag, rows(wet)) == (None, [])


def test_dry_run_is_imported_without_a_second_upload(app: Flask) -> None:
    agency = an_agency()
    owner = an_actor(Role.AGENCY_EDITOR, agency, "owner")
    content = workbook(register(agency.bin, RUSSIAN))
    queue_import(owner, "projects", True, "Реестр.xlsx", content)
    dry = run_next_import()
    assert dry is not None and db.session.scalar(db.select(Project.id)) is None
    run = run_dry_run(owner, dry.id)
    assert (run.dry_run_id, run.sha256, run.total, run.state) == (dry.id, dry.sha256, 40, "queued")
    done = run_next_import()
    assert done is not None and (done.id, done.created, done.rejected) == (run.id, 36, 4)
    for import_id in (dry.id, run.id):
        with pytest.raises(DryRunNotUsable):
            run_dry_run(owner, import_id)


def test_file_of_a_dry_run_is_kept_for_seven_days(app: Flask, present: Present) -> None:
    present.set(date(2026, 11, 1))
    agency = an_agency()
    dry = import_now(ADMINISTRATOR, "projects", True, "x.csv", csv_of(minimal(agency.bin)))
    import_now(ADMINISTRATOR, "projects", False, "x.csv", csv_of(minimal(agency.bin)))
    present.move(timedelta(days=6, hours=23))
    delete_old_files()
    assert set(db.session.scalars(db.select(FilePiece.import_id))) == {dry.id}
    present.move(timedelta(hours=2))
    delete_old_files()
    with pytest.raises(DryRunNotUsable):
        run_dry_run(ADMINISTRATOR, dry.id)


def test_api_lists_imports_rows_and_runs_a_dry_run(editor: Caller, agency: Agency) -> None:
    file = FileStorage(io.BytesIO(workbook(register(agency.bin, RUSSIAN))), "Реестр.xlsx")
    dry = editor.form("/imports", {"file": file, "kind": "projects", "dry_run": "true"}).get_json()["id"]
    run_next_import()
    listed = editor.get(f"/imports/{dry}/rows?limit=2&outcome=rejected").get_json()
    assert [row["row"] for row in listed["items"]] == [10, 14] and listed["next"]
    assert editor.get(f"/imports/{dry}/rows?outcome=lost").status_code == 400
    assert editor.get(f"/imports/{dry}").get_json()["would_flag"] is not None
    sent = editor.call("POST", f"/imports/{dry}/run")
    assert sent.status_code == 202 and sent.get_json()["dry_run_id"] == dry
    run_next_import()
    assert editor.call("POST", f"/imports/{dry}/run").status_code == 409
    first = editor.get("/imports?limit=1").get_json()
    rest = editor.get(f"/imports?limit=1&cursor={first['next']}").get_json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == [sent.get_json()["id"], dry]
    assert first["items"][0]["created"] == 36


def test_rows_of_an_agencys_file_are_not_shown_to_who_reads_no_restricted_projects(app: Flask) -> None:
    agency = an_agency()
    project = a_project(agency, external_id="A-1", name_ru="Система")
    with transaction():
        restrict_project(an_actor(Role.SUPERVISOR), project, True, "secret")
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    content = csv_of(minimal(agency.bin, external_id="A-1", budget_kzt="5"))
    queued = queue_import(editor, "projects", True, "a.csv", content)
    run_next_import()
    run = find_import(ADMINISTRATOR, queued.id)
    not_admitted = replace(an_actor(Role.AGENCY_ADMINISTRATOR, agency), is_admitted=False)
    run.dry_run = False

    for reader in (ADMINISTRATOR, not_admitted):
        assert find_import(reader, run.id).updated == 1
        for read in (previewed_rows, errors_of):
            with pytest.raises(RoleNotAllowed):
                read(reader, run, Page())
        with pytest.raises(RoleNotAllowed):
            marked_import(reader, run.id)
    assert [row["record"] for row in previewed_rows(editor, run, Page()).items] == [project.number]
    admitted = an_actor(Role.AGENCY_ADMINISTRATOR, agency)
    assert errors_of(admitted, run, Page()).items == []


@pytest.mark.parametrize("change", [{"email": "other@example.kz"}, {"role": Role.AGENCY_EDITOR, "agency_id": 0}])
def test_who_ran_an_import_reads_no_rows_of_it_after_the_account_lost_its_admission(
    app: Flask, change: AccountChanges
) -> None:
    agency, other = an_agency(), an_agency()
    account = a_persons_account("aizhan", Role.AGENCY_EDITOR, agency.id)
    project = a_project(agency, external_id="A-1", name_ru="Система")
    with transaction():
        restrict_project(an_actor(Role.SUPERVISOR), project, True, "secret")
    content = csv_of(minimal(agency.bin, external_id="A-1", budget_kzt="5"))
    queued = queue_import(session_of(account), "projects", True, "a.csv", content)
    run_next_import()
    if "agency_id" in change:
        change["agency_id"] = other.id
    edit_account(an_actor(Role.ADMINISTRATOR), account.id, change)
    not_admitted = replace(session_of(account), is_admitted=False)
    run = find_import(not_admitted, queued.id)

    for read in (previewed_rows, errors_of):
        with pytest.raises(RoleNotAllowed):
            read(not_admitted, run, Page())
    with pytest.raises(RoleNotAllowed):
        marked_import(not_admitted, run.id)
    later = queue_import(not_admitted, "projects", True, "a.csv", csv_of(minimal(agency.bin, external_id="B-1")))
    run_next_import()
    assert len(previewed_rows(not_admitted, find_import(not_admitted, later.id), Page()).items) == 1


def test_page_of_an_agencys_import_has_no_rows_for_administrators(signed_in: SignedIn, agency: Agency) -> None:
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    run = queue_import(editor, "projects", True, "a.csv", csv_of(minimal(agency.bin), minimal(agency.bin)))
    run_next_import()

    page = signed_in(Role.ADMINISTRATOR).get(f"/imports/{run.id}").text

    assert "The rows may be about restricted projects." in page
    assert f"/imports/{run.id}/rows" not in page and "errors.xlsx" not in page
