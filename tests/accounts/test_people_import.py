"""Bulk creation of people from a table, by service, page and command."""

from __future__ import annotations

import base64
import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
import xlsxwriter
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.models import Person, account_named
from registry.accounts.people_import import import_people
from registry.accounts.roles import Role, RoleNotAllowed
from registry.accounts.service import NewPerson, add_person, edit_account, person_named
from registry.accounts.sign_in import sign_in
from registry.core.database import db
from registry.core.errors import Invalid
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn, Visit

MANAGER = an_actor(Role.ADMINISTRATOR, name="adil")


@pytest.fixture(autouse=True)
def _in_app(app: Flask) -> None:
    """Every test needs the database."""


@pytest.fixture
def with_mail(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "INVITATIONS_BY_EMAIL", True)


def table(*rows: str) -> bytes:
    return "\n".join(("name,email,role,agency,language", *rows)).encode()


def people() -> int:
    return db.session.scalars(select(func.count(Person.id))).one()


def test_each_valid_row_becomes_a_person_with_a_password_that_works() -> None:
    agency = an_agency()
    rows = (f"e.bek,e@x.kz,agency_editor,{agency.bin},ru", f"f.bek,,agency_viewer,{agency.bin},")
    result = import_people(MANAGER, table(*rows), dry_run=False)
    assert result.refused == 0 and [person.outcome for person in result.created] == ["password", "password"]
    first, second = person_named("e.bek"), person_named("f.bek")
    assert first is not None and second is not None
    assert (first.email, first.role, first.agency_id, first.language) == ("e@x.kz", "agency_editor", agency.id, "ru")
    assert second.language == "kk" and first.password_must_change
    password = result.created[0].password
    assert password is not None and sign_in("e.bek", password, "10.0.0.1", "r").secret


@pytest.mark.usefixtures("with_mail")
def test_people_with_an_address_are_invited_and_oversight_roles_wait() -> None:
    agency = an_agency()
    rows = (
        f"e.bek,e@x.kz,agency_editor,{agency.bin},ru",
        "a.rev,a@x.kz,reviewer,,kk",
        f"g,,agency_viewer,{agency.bin},",
    )
    result = import_people(MANAGER, table(*rows), dry_run=False)
    assert [person.outcome for person in result.created] == ["invited", "pending", "password"]
    statuses = [account.status for name in ("e.bek", "a.rev", "g") if (account := account_named(name))]
    assert statuses == ["invited", "pending", "active"]
    assert [person.password is None for person in result.created] == [True, True, False]


def test_dry_run_reports_the_same_and_writes_nothing() -> None:
    agency = an_agency()
    content = table(f"e.bek,e@x.kz,agency_editor,{agency.bin},ru", "x,wrong,agency_editor,,xx")
    before = people()
    tried = import_people(MANAGER, content, dry_run=True)
    assert people() == before and tried.created[0].password is None
    done = import_people(MANAGER, content, dry_run=False)
    assert people() == before + 1
    assert tried.errors == done.errors and len(tried.created) == len(done.created) == 1


def test_wrong_rows_are_refused_with_their_reasons() -> None:
    agency = an_agency()
    add_person(ADMINISTRATOR, NewPerson("taken", Role.AUDITOR), PASSWORD)
    renamed = add_person(ADMINISTRATOR, NewPerson("former", Role.AUDITOR), PASSWORD)
    edit_account(ADMINISTRATOR, renamed.account_id, {"name": "renamed"})
    rows = (
        f"ok,,agency_viewer,{agency.bin},kk",
        f"ok,,agency_viewer,{agency.bin},kk",
        "taken,,operator,,kk",
        "no.agency,,agency_viewer,,kk",
        "with.agency,,auditor," + agency.bin + ",kk",
        "unknown.agency,,agency_viewer,990340900110,kk",
        "wrong.email,nobody,auditor,,kk",
        "wrong.role,,emperor,,kk",
        ",,auditor,,kk",
        "a:b,,auditor,,kk",
        "FORMER,,auditor,,kk",
    )
    result = import_people(MANAGER, table(*rows), dry_run=True)
    assert [person.name for person in result.created] == ["ok"] and result.refused == 10
    assert [(error["row"], error["column"], error["code"]) for error in result.errors] == [
        (3, "name", "name-twice"),
        (4, "name", "account-name-taken"),
        (5, "agency", "role-needs-agency"),
        (6, "agency", "role-takes-no-agency"),
        (7, "agency", "agency-unknown"),
        (8, "email", "email-invalid"),
        (9, "role", "not-a-choice"),
        (10, "name", "required"),
        (11, "name", "name-not-usable"),
        (12, "name", "account-name-taken"),
    ]


def test_agency_administrator_adds_only_own_viewers_and_editors() -> None:
    ministry, other = an_agency(), an_agency()
    committee = an_agency(parent=ministry)
    actor = an_actor(Role.AGENCY_ADMINISTRATOR, ministry)
    rows = (
        f"own,,agency_viewer,{committee.bin},kk",
        f"foreign,,agency_viewer,{other.bin},kk",
        f"boss,,agency_administrator,{ministry.bin},kk",
        "rev,,reviewer,,kk",
    )
    result = import_people(actor, table(*rows), dry_run=False)
    assert [person.name for person in result.created] == ["own"]
    assert {error["code"] for error in result.errors} == {"role-not-yours-to-give"} and result.refused == 3


def test_who_manages_no_accounts_imports_none() -> None:
    for role in (Role.SUPERVISOR, Role.AUDITOR, Role.REVIEWER, Role.OPERATOR):
        with pytest.raises(RoleNotAllowed):
            import_people(an_actor(role), table("a,,auditor,,kk"), dry_run=True)
    service = replace(MANAGER, is_person=False, credential="token:x")
    with pytest.raises(Exception):  # noqa: B017 - AccountsNeedAPerson or ScopeNotGranted
        import_people(service, table("a,,auditor,,kk"), dry_run=True)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (b"name,role", "file-empty"),
        (b"name,email\nx,y", "column-missing"),
        (b"name,role,rank\nx,auditor,1", "column-unknown"),
        (b"\x89PNG", "file-not-a-table"),
        (b"name,role" + b"\nx,auditor" * 201, "too-many-people"),
    ],
)
def test_file_that_is_no_table_of_people_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as error:
        import_people(MANAGER, content, dry_run=True)
    assert [problem.code for problem in error.value.problems] == [code]


def xlsx(rows: list[list[str]]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    return buffer.getvalue()


def test_workbook_is_checked_then_added_on_pages_and_passwords_are_displayed_once(signed_in: SignedIn) -> None:
    agency, visit = an_agency(), signed_in(Role.ADMINISTRATOR)
    rows = [["name", "role", "agency"], ["e.bek", "agency_editor", agency.bin], ["x", "emperor", ""]]
    page = upload(visit, xlsx(rows))
    assert "Check of the table" in page and "e.bek" in page and "Row 3" in page and person_named("e.bek") is None
    sent = re.search(r'name="table" value="([^"]+)"', page)
    assert sent
    answer = visit.send("/people/import/apply", page="/people/import", table=sent[1])
    link = re.search(r'href="data:text/csv;base64,([^"]+)"', answer.text)
    assert link and answer.headers["Cache-Control"] == "no-store"
    [header, [name, password]] = list(csv.reader(base64.b64decode(link[1]).decode("utf-8-sig").splitlines()))
    assert header == ["name", "password"] and name == "e.bek"
    assert sign_in("e.bek", password, "10.0.0.1", "r").secret
    assert password not in visit.get("/people").text


def upload(visit: Visit, content: bytes) -> str:
    """The page that displays what the table would add."""
    data = {"csrf_token": visit.token("/people/import"), "file": (io.BytesIO(content), "people.xlsx")}
    return visit.client.post("/people/import", data=data, content_type="multipart/form-data").text


def test_command_adds_people_and_prints_passwords_as_csv(registry: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(table("a.aud,,auditor,,kk", "x,,emperor,,kk"))
    tried = registry("users", "import", str(file), "--dry-run")
    assert (tried.code, tried.out) == (5, "") and "People to add: 1" in tried.err
    done = registry("users", "import", str(file))
    rows = list(csv.reader(done.out.splitlines()))
    assert done.code == 5 and rows[0] == ["name", "password"] and rows[1][0] == "a.aud"
    assert "row 3" in done.err.lower()


def test_people_who_are_already_added_are_unchanged_and_no_errors(signed_in: SignedIn) -> None:
    agency, other = an_agency(), an_agency()
    rows = [f"e.bek,e@x.kz,agency_editor,{agency.bin},ru", f"f.bek,,agency_viewer,{agency.bin},"]
    import_people(MANAGER, table(*rows), dry_run=False)
    again = import_people(MANAGER, table(*rows, f"g.bek,,agency_viewer,{agency.bin},"), dry_run=True)
    assert (again.unchanged, [each.name for each in again.created], again.errors) == (["e.bek", "f.bek"], ["g.bek"], [])
    moved = import_people(MANAGER, table(f"e.bek,e@x.kz,agency_editor,{other.bin},ru"), dry_run=True)
    assert (moved.unchanged, moved.refused) == ([], 1)
    twice = import_people(MANAGER, table(rows[0], rows[0]), dry_run=True)
    assert (twice.unchanged, [error["code"] for error in twice.errors]) == (["e.bek"], ["name-twice"])
    encoded = base64.b64encode(table(*rows)).decode()
    page = signed_in(Role.ADMINISTRATOR).send("/people/import/apply", page="/people/import", table=encoded).text
    assert "Nobody is added" in page and "Errors by row" not in page
    assert "Already added, with the same address, role and agency: 2" in page
