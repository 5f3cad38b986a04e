"""People: tables of them, moves to another agency, new names, invitations."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import func, select

from registry.accounts.account_changes import (
    AccountChanged,
    change_role,
    confirm_account,
    disable_account,
    enable_account,
)
from registry.accounts.handover import move_people
from registry.accounts.models import Person, account_named
from registry.accounts.passwords import Invitation, InvitationNotFound, invitation_key
from registry.accounts.people_import import import_people
from registry.accounts.roles import Actor, Role, RoleNotAllowed
from registry.accounts.service import (
    AccountNotInvited,
    NewPerson,
    NoMailServer,
    accept_invitation,
    add_person,
    edit_account,
    invite_again,
    invite_person,
    person_named,
    set_password,
)
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.agencies.models import Agency
from registry.cases.transitions import DecisionNeedsAnotherPerson
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.core.outbox import OutboxMessage
from registry.journal.service import JournalEntry
from registry.notifications.email import render_email
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import recipient_now
from registry.projects.drafts import drafts_of, save_draft, start_draft
from tests.accounts.test_accounts import a_persons_account, session_of
from tests.cases.cast import AIGERIM, NO_BREACH, act, under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn, Visit
from tests.notifications.readers import queued_emails
from tests.notifications.test_email_texts import MAIL, text_of
from tests.present import Present

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
        ("Имя;ФИО;Роль\n".encode(), "column-twice"),
        (b"\x89PNG", "file-not-a-table"),
        (b"name,role" + b"\nx,auditor" * 201, "too-many-people"),
    ],
)
def test_file_that_is_no_table_of_people_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as error:
        import_people(MANAGER, content, dry_run=True)
    assert [(problem.pointer, problem.code) for problem in error.value.problems] == [("/file", code)]


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
    assert "The column &#34;Role&#34; is missing." in upload(visit, xlsx([["name", "email"], ["x", "y"]]))
    sent = re.search(r'name="table" value="([^"]+)"', page)
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


@pytest.mark.parametrize(
    "table",
    [
        "name;email;role;agency;language\nИван Петров;i@x.kz;agency_editor;{bin};ru\n",
        "Имя;Электронная почта;Роль;Организация;Язык\nИван Петров;i@x.kz;Редактор организации;{bin};Русский\n",
        "Сотрудники министерства;;;;;\n;;;;;\n№ п/п;ФИО;E-mail;РОЛЬ;БИН;Язык\n"
        "1;Иван Петров;i@x.kz;редактор организации;{bin};русский\n",
        "Аты-жөні;Электрондық пошта;Рөлі;Ұйым;Тілі;Ескерту\nИван Петров;i@x.kz;Ұйым редакторы;{bin};Русский;жаңа\n",
    ],
    ids=["codes", "Russian labels", "title and numbers", "Kazakh labels and notes"],
)
def test_table_is_read_with_codes_or_labels(app: Flask, table: str) -> None:
    agency = an_agency()
    result = import_people(ADMINISTRATOR, table.format(bin=agency.bin).encode(), dry_run=True)
    assert result.errors == []
    [person] = result.created
    assert (person.name, person.email, person.role) == ("Иван Петров", "i@x.kz", "agency_editor")
    assert (person.agency, person.language) == (agency.bin, "ru")


def test_template_has_labels_of_the_page_and_lists_and_can_be_uploaded_again(signed_in: SignedIn) -> None:
    agency = an_agency()
    answer = signed_in(Role.AGENCY_ADMINISTRATOR, agency, language="ru").get("/people/import.xlsx")
    book = load_workbook(io.BytesIO(answer.data))
    sheet = book.active
    assert [cell.value for cell in sheet[1]] == ["Имя", "Электронная почта", "Роль", "Организация", "Язык"]
    roles, languages = (each.formula1 for each in sheet.data_validations.dataValidation)
    assert roles == '"Наблюдатель организации,Редактор организации"' and languages == '"Қазақша,Русский,English"'
    for place, value in enumerate(("Иван Петров", "i@x.kz", "Редактор организации", agency.bin, "Русский"), 1):
        sheet.cell(2, place, value)
    filled = io.BytesIO()
    book.save(filled)
    result = import_people(ADMINISTRATOR, filled.getvalue(), dry_run=True)
    assert [(person.name, person.role) for person in result.created] == [("Иван Петров", "agency_editor")]


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency(name_ru="Министерство озёр", name_en="Ministry of Lakes")


@pytest.fixture
def other(app: Flask) -> Agency:
    return an_agency(name_ru="Министерство рек", name_en="Ministry of Rivers")


def person(name: str, agency: Agency, role: Role = Role.AGENCY_EDITOR) -> Person:
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency.id), PASSWORD)


def actor(of: Person) -> Actor:
    return Actor(of.name, Role(of.role), of.agency_id, account_id=of.account_id, is_person=True)


def a_draft(of: Person, agency: Agency) -> None:
    draft = start_draft(actor(of))
    save_draft(actor(of), draft.id, {"agency": agency.bin, "name_ru": "Реестр озёр"})


def test_draft_that_a_moved_person_keeps_asks_for_the_agency_again(ministry: Agency, other: Agency) -> None:
    mover = person("mover", ministry)
    a_draft(mover, ministry)
    change_role(MANAGER, mover.account_id, Role.AGENCY_EDITOR, other.id)
    (draft,) = drafts_of(actor(mover))
    assert draft.values == {"agency": "", "name_ru": "Реестр озёр"}


def test_draft_of_an_agency_that_stays_within_reach_is_unchanged(ministry: Agency) -> None:
    committee = an_agency(parent=ministry)
    mover = person("mover", committee)
    a_draft(mover, committee)
    change_role(MANAGER, mover.account_id, Role.AGENCY_EDITOR, ministry.id)
    assert drafts_of(actor(mover))[0].values["agency"] == committee.bin


def test_nobody_moves_whose_drafts_nobody_can_take(ministry: Agency, other: Agency) -> None:
    mover, viewer = person("mover", ministry), person("viewer", ministry, Role.AGENCY_VIEWER)
    a_draft(mover, ministry)
    moves = move_people(MANAGER, [mover.id], other.id, viewer.account_id)
    assert moves.moved == [] and [name for name, _error in moves.failed] == ["mover"]
    assert mover.agency_id == ministry.id and len(drafts_of(actor(mover))) == 1


def test_people_who_are_already_there_are_not_counted_as_moved(
    signed_in: SignedIn, ministry: Agency, other: Agency
) -> None:
    mover, resident = person("mover", ministry), person("resident", other)
    visit = signed_in(Role.ADMINISTRATOR)
    sent = {"page": "/people/new", "person": [str(mover.id), str(resident.id)], "agency": other.bin}
    page = visit.send("/people/agency", **sent).text
    assert "1 person has moved." in page and "Already in this agency: resident." in page
    page = visit.send("/people/agency", **sent).text
    assert "moved." not in page and "Already in this agency: mover, resident." in page


def test_renamed_person_cannot_approve_the_own_proposal(app: Flask) -> None:
    saule = a_persons_account("saule", Role.SUPERVISOR)
    before = session_of(saule)
    case = under_review(a_project())
    act(before, case, "propose", NO_BREACH)
    edit_account(ADMINISTRATOR, saule.id, {"name": "s.bekova"})
    after = session_of(saule)

    # Also a request that began before the rename.
    for actor in (before, after):
        with pytest.raises(DecisionNeedsAnotherPerson):
            act(actor, case, "approve")


def test_renamed_person_keeps_cases_and_drafts(app: Flask) -> None:
    agency = an_agency()
    reviewer, editor = (
        a_persons_account("aigerim", Role.REVIEWER),
        a_persons_account("e.ditor", Role.AGENCY_EDITOR, agency.id),
    )
    case = under_review(a_project())
    assert case.assignee == AIGERIM.principal == "aigerim"
    changed_at = case.changed_at
    draft = start_draft(session_of(editor))

    edit_account(ADMINISTRATOR, reviewer.id, {"name": "a.new"})
    edit_account(ADMINISTRATOR, editor.id, {"name": "e.new"})

    db.session.refresh(case)
    assert case.assignee == "a.new" and case.changed_at >= changed_at
    assert [each.id for each in drafts_of(session_of(editor))] == [draft.id]
    act(session_of(reviewer), case, "propose", NO_BREACH)


NEW_PASSWORD = "the password of her own choice"


@pytest.fixture
def _with_mail_server(app: Flask, present: Present, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "INVITATIONS_BY_EMAIL", True)
    present.set(date(2026, 11, 26))


@pytest.fixture
def administrator(_with_mail_server: None) -> Actor:
    return an_actor(Role.ADMINISTRATOR)


def invite(administrator: Actor, role: Role = Role.AGENCY_EDITOR, name: str = "zhanna") -> Person:
    agency = an_agency().id if role is Role.AGENCY_EDITOR else None
    return invite_person(administrator, NewPerson(name, role, agency, f"{name}@readers.kz", "en"))


def key() -> str:
    return invitation_key(db.session.scalars(select(Invitation.id)).one())


def status(name: str = "zhanna") -> str:
    account = account_named(name)
    return account.status


def test_invited_person_sets_the_password_and_signs_in(administrator: Actor) -> None:
    invite(administrator)
    assert status() == "invited"
    for password in ("", NEW_PASSWORD):
        with pytest.raises(PasswordNotAccepted):
            sign_in("zhanna", password, "10.0.0.1", "r")
    assert accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r") == "zhanna"
    assert status() == "active" and sign_in("zhanna", NEW_PASSWORD, "10.0.0.1", "r").secret
    person = person_named("zhanna")
    assert person is not None and person.password_must_change is False


def test_invitation_expires_after_72_hours(administrator: Actor, present: Present) -> None:
    invite(administrator)
    present.move(timedelta(hours=72))
    with pytest.raises(InvitationNotFound):
        accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r")
    assert status() == "invited"
    present.move(-timedelta(seconds=1))
    accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r")
    assert status() == "active"


def test_another_invitation_replaces_the_first(administrator: Actor) -> None:
    person = invite(administrator)
    first = key()
    invite_again(administrator, person.account_id)
    assert key() != first
    with pytest.raises(InvitationNotFound):
        accept_invitation(first, NEW_PASSWORD, "10.0.0.1", "r")
    accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r")
    with pytest.raises(AccountNotInvited):
        invite_again(administrator, person.account_id)


def test_invitation_ends_when_the_address_changes(administrator: Actor) -> None:
    person = invite(administrator)
    with transaction():
        person.email = "another@readers.kz"
    with pytest.raises(InvitationNotFound):
        accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r")


def test_disabling_ends_the_invitation_for_good(administrator: Actor) -> None:
    person = invite(administrator)
    used = key()
    disable_account(administrator, person.account_id)
    enable_account(administrator, person.account_id)
    assert status() == "invited"
    with pytest.raises(InvitationNotFound):
        accept_invitation(used, NEW_PASSWORD, "10.0.0.1", "r")


def test_account_for_two_people_is_invited_when_it_is_confirmed(administrator: Actor) -> None:
    person = invite(administrator, Role.REVIEWER)
    assert status() == "pending" and queued_emails() == []
    second = replace(administrator, principal="second")
    assert confirm_account(second, person.account_id, Role.REVIEWER, "zhanna@readers.kz") is None
    assert status() == "invited" and [kind for _, kind, _ in queued_emails()] == ["invitation"]
    accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r")
    assert status() == "active"


def test_account_is_not_confirmed_with_another_address_than_displayed(administrator: Actor) -> None:
    person = invite(administrator, Role.REVIEWER)
    second = replace(administrator, principal="second")
    with pytest.raises(AccountChanged):
        confirm_account(second, person.account_id, Role.REVIEWER, "before@readers.kz")
    assert status() == "pending"


def test_without_a_mail_server_the_confirming_person_gets_a_password(app: Flask, administrator: Actor) -> None:
    person = invite(administrator, Role.REVIEWER)
    app.config["INVITATIONS_BY_EMAIL"] = False
    password = confirm_account(replace(administrator, principal="second"), person.account_id, Role.REVIEWER)
    assert password is not None and status() == "active"
    with pytest.raises(NoMailServer):
        invite(administrator, name="bota")


def test_email_leads_to_the_page_and_no_table_holds_the_key(administrator: Actor) -> None:
    invite(administrator)
    [(address, kind, references)] = queued_emails()
    assert (address, kind) == ("zhanna@readers.kz", "invitation")
    letter = db.session.scalars(select(OutboundEmail)).one()
    to = recipient_now(letter.person_id, None)
    assert to is not None
    text = text_of(render_email(MAIL, "k", to, letter.events, letter.created_at, is_digest=False))
    assert f"https://registry.tests/invitation?key={key()}" in text and "Hello zhanna," in text
    row = db.session.scalars(select(Invitation)).one()
    assert row.key_hash == hashlib.sha256(key().encode()).hexdigest() and references == [row.id]
    kept = [str(message.payload) for message in db.session.scalars(select(OutboxMessage))]
    kept += [entry.details for entry in db.session.scalars(select(JournalEntry))] + [str(letter.events), row.salt]
    assert not any(key() in each for each in kept)


def test_page_of_the_link_sets_the_password(app: Flask, administrator: Actor, visit: Visit) -> None:
    invite(administrator)
    path = f"/invitation?key={key()}"
    assert "Choose a password" in visit.get(path).text
    differing = visit.send(path, password=NEW_PASSWORD, password_again="another password")
    assert differing.status_code == 422 and "The two passwords differ" in differing.text
    assert visit.send(path, password="short", password_again="short").status_code == 422
    page = visit.send(path, password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    assert page.request.path == "/sign-in" and "Your password is set. Sign in with the name zhanna." in page.text
    assert visit.sign_in("zhanna", NEW_PASSWORD).request.path == "/home"
    assert Visit(app.test_client()).get(path).status_code == 404


def test_password_of_an_administrator_ends_the_invitation(administrator: Actor) -> None:
    person = invite(administrator)
    used = key()
    set_password(administrator, person.id, PASSWORD)
    assert status() == "active"
    with pytest.raises(InvitationNotFound):
        accept_invitation(used, NEW_PASSWORD, "10.0.0.1", "r")
