"""Reasons of imports: pages need one where an edit would, API and command line may give one; the history shows it."""

from __future__ import annotations

import io
import json
from datetime import date
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.imports.worker import run_next_import
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.revisions import Revision
from tests.api.callers import Caller
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit

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
