"""Pages of oversight and administration: audits, platform inventory, imports, accounts and tokens."""

from __future__ import annotations

import io
import re
from datetime import date

from flask import Flask
from sqlalchemy import func, select

from registry.accounts.roles import SCHEDULE, Role
from registry.audits.execution import new_run
from registry.audits.service import run_audit
from registry.core.clock import now, today
from registry.core.database import db, transaction
from registry.exemptions.models import Exemption
from registry.freeze.policy import policy_in_force
from registry.imports.worker import run_next_import
from registry.platform.models import PendingUpload
from registry.projects.service import find_project
from tests.audits.steps import audit, create_projects, set_verified
from tests.factories import (
    ADMINISTRATOR,
    a_project,
    an_actor,
    an_agency,
    approve_waiting,
    audit_without_findings,
    restrict,
)
from tests.fixtures.web import SignedIn
from tests.present import Present


def test_supervisor_confirms_held_run_and_operator_cannot(signed_in: SignedIn) -> None:
    a_project()
    with transaction() as session:
        run = new_run(SCHEDULE, today(), "schedule", policy_in_force(), dry_run=False)
        run.status, run.finished_at = "held", now()
        run.held_because = {"newly_flagged": 60, "newly_clear": 0, "judged_by_last_audit": 100}
        session.add(run)
    held = f"/audits/{run.id}"
    operator = signed_in(Role.OPERATOR)
    assert "Confirm the audit" not in operator.get(held).text
    assert operator.send(f"{held}/confirmation", page=held, reason="checked").status_code == 403
    supervisor = signed_in(Role.SUPERVISOR)
    assert "is held" in supervisor.get("/home").text and "newly flag 60 projects" in supervisor.get(held).text
    assert ", Schedule; policy" in supervisor.get(held).text
    assert supervisor.send(f"{held}/confirmation").status_code == 422
    assert "confirmed and done" in supervisor.send(f"{held}/confirmation", reason="60 systems moved.").text
    assert "60 systems moved." in supervisor.get(held).text
    again = supervisor.send(f"{held}/confirmation", page="/home", reason="again")
    assert again.status_code == 422 and "not waiting for a decision" in again.text


def test_page_of_a_held_audit_names_cause_rule_with_examples_and_agency(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 10, 5))
    agency = an_agency(name_en="Ministry of Bridges")
    ids = create_projects(60, agency, placement="on_platform", name_en="Register of bridges")
    set_verified(ids, date(2026, 10, 1))
    audit()
    present.set(date(2026, 10, 6))
    set_verified(ids, None)
    held = f"/audits/{audit().id}"
    page = signed_in(Role.SUPERVISOR).get(held).text
    for text in ("A date was reached, nothing else", "Ministry of Bridges", "Placement on the platform not confirmed"):
        assert text in page
    assert "For example:" in page and "Register of bridges" in page


def test_supervisor_rejects_held_run_with_a_reason(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 10, 5))
    ids = create_projects(60, placement="on_platform")
    set_verified(ids, date(2026, 10, 1))
    audit()
    present.set(date(2026, 10, 6))
    set_verified(ids, None)
    held = f"/audits/{audit().id}"
    supervisor = signed_in(Role.SUPERVISOR)
    assert supervisor.send(f"{held}/rejection").status_code == 422
    assert "Nothing has changed." in supervisor.send(f"{held}/rejection", reason="The list was empty.").text
    page = supervisor.get(held).text
    assert "rejected it on" in page and "The list was empty." in page and "Confirm the audit" not in page


def test_inventory_is_previewed_before_it_is_applied(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency, placement="on_platform", platform_key="qt-1")
    table = f"platform_key,agency,verified_on\nqt-1,{agency.bin},2026-02-01\nqt-2,{agency.bin},2026-02-01\n"
    audit_without_findings()
    visit = signed_in(Role.OPERATOR)
    page = visit.send("/inventory", file=(io.BytesIO(table.encode()), "list.csv")).text
    assert "Nothing is saved yet." in page and "qt-2" in page
    assert find_project(ADMINISTRATOR, project.number).placement_verified_on is None
    waiting = db.session.scalars(select(PendingUpload.id)).one()
    stranger = signed_in(Role.REVIEWER)
    assert stranger.send(f"/inventory/{waiting}/apply", page="/inventory").status_code == 404
    done = visit.send(f"/inventory/{waiting}/apply", page="/inventory").text
    assert "1 confirmed" in done
    assert str(find_project(ADMINISTRATOR, project.number).placement_verified_on) == "2026-02-01"
    assert db.session.execute(select(func.count(PendingUpload.id))).scalar_one() == 0


def test_import_page_shows_row_errors(signed_in: SignedIn) -> None:
    agency = an_agency()
    table = (
        "agency,external_id,name_ru,object_kind,work_type,stage,placement\n"
        f"{agency.bin},A-1,Имя,system,creation,planning,unknown\n{agency.bin},A-2,Имя,system,creation,planning,\n"
    )
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    page = visit.send("/imports", kind="projects", file=(io.BytesIO(table.encode()), "проекты.csv"))
    assert "Queued" in page.text and 'hx-trigger="every 2s"' in page.text
    run_next_import()
    assert "проекты.csv" in visit.get("/imports").text
    text = visit.get(page.request.path).text
    assert "2 of 2 rows" in text and "Row 3" in text and "Hosting" in text
    assert "hx-get" not in text
    other = signed_in(Role.AGENCY_EDITOR, agency, name="other")
    assert other.client.get(page.request.path).status_code == 404


def test_disabling_and_password_reset_need_confirmation(app: Flask, signed_in: SignedIn) -> None:
    administrator = signed_in(Role.ADMINISTRATOR)
    person = signed_in(Role.AGENCY_VIEWER, name="e.bek")
    page = re.search(r'href="(/people/\d+)">e\.bek', administrator.get("/people").text)
    shown = administrator.get(page[1]).text
    link = re.search(r'href="(/people/\d+/disabled)"[^>]*>Disable account<span[^>]*> e\.bek', shown)
    asked = administrator.get(link[1])
    assert asked.status_code == 200 and "e.bek" in asked.text and person.get("/home").status_code == 200
    again = administrator.get(link[1].replace("disabled", "password"))
    assert "The current password and all sessions" in again.text and person.client.get("/home").status_code == 200
    assert (
        "The account is disabled" in administrator.send(link[1]).text and person.client.get("/home").status_code == 303
    )
    assert 'secret">' in administrator.send(link[1].replace("disabled", "password")).text


def test_journal_entry_has_its_own_page(signed_in: SignedIn) -> None:
    project = a_project(purpose="Учёт аппаратов")
    visit = signed_in(Role.SUPERVISOR)
    path = f"/journal?subject=project:{project.number}"
    link = re.search(r'href="(/journal/\d+)"', visit.get(path).text)
    entry = visit.get(link[1]).text
    assert "Учёт аппаратов" in entry and "project.registered" in entry and re.search(r">[0-9a-f]{64}<", entry)
    restrict(project.number)
    assert visit.get(link[1]).status_code == 200
    assert signed_in(Role.ADMINISTRATOR).get(link[1]).status_code == 404
    assert signed_in(Role.REVIEWER).get(link[1]).status_code == 403
    assert visit.get("/journal/99999999999999999999").status_code == 404


def test_confirmations_and_decisions_by_page_are_recorded(signed_in: SignedIn) -> None:
    project = a_project(placement="on_platform")
    operator, supervisor = signed_in(Role.OPERATOR), signed_in(Role.SUPERVISOR)
    path = f"/projects/{project.number}"
    wrong = operator.send(f"{path}/confirm-placement", platform_key="qt-9", verified_on="01.01.2090", evidence="Акт")
    assert wrong.status_code == 422 and 'id="verified_on-error"' in wrong.text
    supervisor.send(
        f"{path}/exemption",
        decision_number="12-3",
        decided_on="01.02.2026",
        valid_from="01.02.2026",
        valid_to="31.12.2026",
        file=(io.BytesIO(b"%PDF-1.7"), "decision.pdf"),
    )
    approve_waiting()
    assert db.session.scalars(select(Exemption.decision_number)).one() == "12-3"


def test_document_is_stored_and_served_as_download(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    path = f"/projects/{project.number}"
    page = visit.send(f"{path}/documents", page=path, file=(io.BytesIO(b"Contract <b>1</b>"), "договор.txt"))
    link = re.search(rf"{path}/documents/\d+", page.text)
    assert "договор.txt" in page.text and link
    answer = visit.get(link[0])
    assert answer.data == b"Contract <b>1</b>"
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_audit_changes_name_projects_and_distinguish_runs_of_a_day(signed_in: SignedIn) -> None:
    project = a_project(name_ru="Портал озёр", name_kk="Көлдер порталы")
    operator = an_actor(Role.OPERATOR)
    first = run_audit(operator)
    visit = signed_in(Role.AUDITOR, language="kk")
    page = visit.get(f"/audits/{first.id}").text
    assert "Көлдер порталы" in page and project.number in page
    second = visit.get(f"/audits/{run_audit(operator).id}").text
    assert re.search(rf'href="/audits/{first.id}">[^<]+, \d\d:\d\d</a>', second)
