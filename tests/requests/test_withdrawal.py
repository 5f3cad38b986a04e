"""Withdrawal: who decides, what ends with it, how the record comes back; it is read-only and no way out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, strategies as st
from sqlalchemy import select, update

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.audits.queries import COUNTS, visible_run
from registry.cases.models import Case, CaseEvent, Order
from registry.cases.service import open_case
from registry.cases.sync import revoke_exemption
from registry.core.database import db, transaction
from registry.core.errors import Conflict, NotAllowed, RegistryError
from registry.core.lists import Page
from registry.flags.models import Flag, last_good_audit
from registry.imports.queries import errors_of
from registry.imports.service import import_now
from registry.platform.inventory import apply_inventory
from registry.projects.documents import Document
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, cancel, confirm, refuse, restore_project
from tests.api.callers import Caller, caller, code, codes
from tests.audits.steps import exempt
from tests.cases.cast import (
    ADMINISTRATOR,
    AIGERIM,
    BOLAT,
    OPERATOR,
    SAULE,
    TIMUR,
    act,
    audit,
    case_of,
    edit,
    editor_of,
    flags_of,
    migrate_by,
)
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 9, 30)


W = RequestKind.WITHDRAWAL


@pytest.fixture(autouse=True)
def day(app: Flask, present: Present) -> None:
    present.set(DAY)


def clean(**values: object) -> Project:
    """A project that no rule flags."""
    kept = {"work_type": "maintenance", "stage": "operation", "placement": "on_platform", "contract_signed_on": None}
    return a_project(**{**kept, "work_started_on": None, **values})  # type: ignore[arg-type]


def asked(project: Project, **values: object) -> Request:
    """A withdrawal that the project's agency asks for."""
    body = {"reason": "Registered twice.", "duplicate_of": None, **values}
    return ask(editor_of(agency_of(project)), W, project.number, body)


def agency_of(project: Project) -> Agency:
    return db.session.get_one(Agency, again(project).agency_id)


def withdrawn(project: Project, **values: object) -> Request:
    request = asked(project, **values)
    request = confirm(AIGERIM, W, request.id)
    return request if request.carried_out_at else confirm(SAULE, W, request.id)


def again(project: Project) -> Project:
    return db.session.get_one(Project, project.id, populate_existing=True)


def flags(project: Project) -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(db.select(Flag.status).where(Flag.project_id == project.id).order_by(Flag.id)))


def test_one_reviewer_withdraws_a_project_without_flags() -> None:
    project = clean()
    audit()

    request = confirm(AIGERIM, W, asked(project).id, "Seen.")

    assert (request.state, request.decided_by, request.first_decided_by) == ("confirmed", "aigerim", None)
    assert (again(project).freeze_status, again(project).withdrawn_at is not None) == ("withdrawn", True)


def test_a_flagged_project_takes_two_people_and_the_second_is_a_supervisor() -> None:
    project = a_project()
    audit()
    request = asked(project)

    first = confirm(AIGERIM, W, request.id)
    assert (first.state, first.first_decided_by) == ("waiting", "aigerim")
    with pytest.raises(NotAllowed) as same:
        confirm(AIGERIM, W, request.id)
    with pytest.raises(NotAllowed) as reviewer:
        confirm(BOLAT, W, request.id)
    assert (same.value.code, reviewer.value.code) == ("request-needs-another-person", "withdrawal-needs-a-supervisor")
    assert flags(project) == ["open"]
    done = confirm(SAULE, W, request.id)

    assert (done.state, done.decided_by) == ("confirmed", "saule")
    assert flags(project) == ["cleared"]


def test_a_project_whose_flag_an_edit_and_an_audit_ended_still_takes_two_people() -> None:
    project = a_project(stage="planning", contract_signed_on=None, work_started_on=None)
    audit()
    assert flags(project) == ["open"]
    # As an audit leaves it that believed an edit.
    with transaction() as session:
        session.execute(update(Flag).where(Flag.project_id == project.id).values(status="cleared", cleared_on=DAY))
        session.execute(update(Case).where(Case.project_id == project.id).values(status="closed", outcome="resolved"))
    request = asked(project)

    first = confirm(AIGERIM, W, request.id)
    with pytest.raises(NotAllowed) as reviewer:
        confirm(BOLAT, W, request.id)
    assert (first.state, reviewer.value.code) == ("waiting", "withdrawal-needs-a-supervisor")
    assert confirm(SAULE, W, request.id).state == "confirmed"


def test_a_flag_that_was_medium_once_takes_two_people() -> None:
    project = clean()
    audit()
    (flag_id,) = db.session.scalars(select(Flag.id).where(Flag.project_id == project.id))
    with transaction() as session:
        for severity in ("medium", "low"):
            session.execute(update(Flag).where(Flag.id == flag_id).values(severity=severity))

    assert confirm(AIGERIM, W, asked(project).id).state == "waiting"


def test_an_open_case_takes_two_people() -> None:
    project = clean()
    audit()
    open_case(AIGERIM, project.number)

    assert confirm(AIGERIM, W, asked(project).id).state == "waiting"


def test_case_orders_and_flags_end_with_the_withdrawal() -> None:
    project = a_project()
    audit()
    case = case_of(project)
    act(AIGERIM, case, "claim")
    act(AIGERIM, case, "propose", migrate_by(DAY + timedelta(days=30)))
    act(SAULE, case, "approve")

    withdrawn(project)

    closed = db.session.get_one(Case, case.id, populate_existing=True)
    assert (closed.status, closed.outcome, closed.due_on) == ("closed", "withdrawn", None)
    assert [each.ended_because for each in db.session.query(Order)] == ["withdrawn"]
    last = db.session.query(CaseEvent).order_by(CaseEvent.id.desc()).first()
    assert (last.action, last.comment, last.visible_to_agency) == ("project_withdrawn", "Registered twice.", True)
    cleared = db.session.query(Flag).one()
    assert (cleared.status, cleared.cleared_on, cleared.cleared_by_audit) == ("cleared", DAY, None)


def test_audits_lists_reports_and_exports_leave_it_out(client: FlaskClient) -> None:
    project, other = a_project(), clean()
    audit()
    withdrawn(project)
    run = audit()
    auditor = caller(client, Role.AUDITOR)

    def numbers(query: str) -> list[str]:
        return sorted(item["number"] for item in auditor.get(f"/projects?{query}").get_json()["items"])

    both = sorted([project.number, other.number])
    assert (run.projects_judged, run.flags_opened, run.flags_cleared) == (1, 0, 0)
    assert numbers("") == numbers("withdrawn=exclude") == [other.number]
    assert numbers("withdrawn=only") == numbers("freeze_status=withdrawn") == [project.number]
    assert numbers("withdrawn=include") == both
    assert auditor.get("/projects?withdrawn=maybe").status_code == 400
    totals = auditor.get("/reports/compliance?by=kind").get_json()["totals"]
    assert (totals["projects"], totals["flagged_high"]) == (1, 0)
    export = auditor.get("/exports/projects.csv").get_data(as_text=True)
    assert other.number in export and project.number not in export
    assert project.number in auditor.get("/exports/projects.csv?withdrawn=include").get_data(as_text=True)


def test_it_is_readable_with_its_number_and_history(client: FlaskClient) -> None:
    agency = an_agency()
    project, remaining = clean(agency=agency), clean(agency=agency)
    request = withdrawn(project, duplicate_of=remaining.number)
    editor = caller(client, Role.AGENCY_EDITOR, agency)

    shown = editor.get(f"/projects/{project.number}").get_json()
    history = editor.get(f"/projects/{project.number}/history").get_json()["items"]
    asked_for = editor.get(f"/withdrawals/{request.id}").get_json()

    assert (shown["number"], shown["freeze_status"]) == (project.number, "withdrawn")
    assert shown["withdrawn_at"] is not None
    assert history[-1]["changes"] == [{"field": "freeze_status", "old": "unaudited", "new": "withdrawn"}]
    assert (asked_for["duplicate_of"], asked_for["people_needed"]) == (remaining.number, None)
    links = editor.get(f"/projects/{remaining.number}/links").get_json()["items"]
    assert [(each["kind"], each["project"], each["target"]) for each in links] == [
        ("duplicate_of", project.number, remaining.number)
    ]


def test_a_restored_project_is_not_exempt_when_its_exemption_was_revoked_meanwhile() -> None:
    project = a_project()
    exemption = exempt(project, DAY, DAY)
    audit()
    request = withdrawn(project)
    revoke_exemption(SAULE, exemption.id, None)

    restore_project(TIMUR, request.id, "It exists.")

    db.session.refresh(project)
    assert (set(flags_of(project).values()), project.freeze_status) == ({"open"}, "flagged")


def test_a_restored_project_is_flagged_again_at_once_and_its_case_with_the_next_audit() -> None:
    project = a_project()
    audit()
    case = case_of(project)
    request = withdrawn(project)

    with pytest.raises(NotAllowed):
        restore_project(AIGERIM, request.id, "It exists.")
    with pytest.raises(NotAllowed) as service:
        restore_project(replace(TIMUR, is_person=False), request.id, "It exists.")
    assert service.value.code == "request-needs-a-person"
    restored = restore_project(TIMUR, request.id, "It exists.")

    assert (again(project).freeze_status, again(project).withdrawn_at) == ("flagged", None)
    assert flags(project) == ["open"]
    assert (restored.details["restored_by"], restored.details["restoration_reason"]) == ("timur", "It exists.")
    audit()
    assert flags(project) == ["open"]
    assert db.session.get_one(Case, case.id, populate_existing=True).status == "new"
    with pytest.raises(Conflict) as twice:
        restore_project(TIMUR, request.id, "Again.")
    assert twice.value.code == "withdrawal-not-in-effect"
    edit(editor_of(agency_of(project)), project, budget_kzt=5)


def test_two_that_are_each_others_duplicate_are_not_both_withdrawn(client: FlaskClient) -> None:
    agency = an_agency()
    first, second = clean(agency=agency), clean(agency=agency)
    one, other = asked(first, duplicate_of=second.number), asked(second, duplicate_of=first.number)
    confirm(AIGERIM, W, one.id)

    with pytest.raises(Conflict) as error:
        confirm(AIGERIM, W, other.id)

    assert error.value.code == "duplicate-withdrawn"
    refuse(AIGERIM, W, other.id, "The other one is withdrawn.")
    own = caller(client, Role.AGENCY_EDITOR, agency)
    body = {"reason": "Twice.", "duplicate_of": first.number}
    assert codes(own.post(f"/projects/{second.number}/withdrawal", body)) == {("/duplicate_of", "project-withdrawn")}


def test_a_duplicate_that_is_none_or_that_would_be_read_though_it_is_restricted_is_an_error(
    client: FlaskClient,
) -> None:
    agency = an_agency()
    project, secret, foreign = clean(agency=agency), clean(agency=agency), clean()
    again(secret).is_restricted = True
    db.session.commit()
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    for duplicate, problem in (
        (project.number, "duplicate-is-itself"),
        (secret.number, "duplicate-is-restricted"),
        (foreign.number, "project-unknown"),
        ("x", "project-unknown"),
    ):
        answer = editor.post(f"/projects/{project.number}/withdrawal", {"reason": "Twice.", "duplicate_of": duplicate})

        assert (answer.status_code, codes(answer)) == (422, {("/duplicate_of", problem)})


def test_waiting_requests_about_the_project_are_cancelled() -> None:
    project, agency = clean(), an_agency()
    values = {"to": agency.bin, "on": DAY + timedelta(days=3), "act": "No. 1", "reason": "So."}
    transfer = ask(ADMINISTRATOR, RequestKind.TRANSFER, project.number, values)

    withdrawn(project)

    assert db.session.get_one(Request, transfer.id, populate_existing=True).state == "cancelled"


def test_an_agency_that_has_passed_the_project_on_reads_its_request_and_does_not_cancel_it(client: FlaskClient) -> None:
    former, to = an_agency(), an_agency()
    project = clean(agency=former)
    request = asked(project)
    values = {"to": to.bin, "on": DAY, "act": "No. 1", "reason": "So."}
    transfer = ask(an_actor(Role.ADMINISTRATOR, name="first"), RequestKind.TRANSFER, project.number, values)
    confirm(SAULE, RequestKind.TRANSFER, transfer.id)
    own, new = (caller(client, Role.AGENCY_EDITOR, agency) for agency in (former, to))

    answer = own.post(f"/withdrawals/{request.id}/cancellation", {})

    assert (answer.status_code, own.get(f"/withdrawals/{request.id}").get_json()["state"]) == (404, "waiting")
    assert new.post(f"/withdrawals/{request.id}/cancellation", {}).get_json()["state"] == "cancelled"


def withdrawn_by_two(project: Project) -> Request:
    agency = db.session.get_one(Agency, project.agency_id)
    request = ask(editor_of(agency), RequestKind.WITHDRAWAL, project.number, {"reason": "Twice."})
    confirm(TIMUR, RequestKind.WITHDRAWAL, request.id)
    return confirm(SAULE, RequestKind.WITHDRAWAL, request.id)


def restricted(project: Project, is_restricted: bool) -> None:
    with transaction():
        locked = find_project_to_change(SAULE, project.number, even_withdrawn=True)
        restrict_project(SAULE, locked, is_restricted, "State secret")


def seen_without_restricted() -> dict[str, int]:
    """What the last audit counted, for readers who may not see restricted projects."""
    db.session.rollback()
    run = last_good_audit()
    assert run is not None
    shown = visible_run(OPERATOR, run)
    return {name: shown[name] for name in COUNTS if shown[name]}


def test_restricting_a_withdrawn_project_takes_all_of_it_out_of_the_last_audit(present: Present) -> None:
    project = a_project()
    a_project()
    audit()
    present.move(timedelta(minutes=1))
    withdrawn_by_two(project)
    assert seen_without_restricted() == {"projects_judged": 2, "projects_flagged": 2, "flags_opened": 2}

    restricted(project, True)
    assert seen_without_restricted() == {"projects_judged": 1, "projects_flagged": 1, "flags_opened": 1}

    restricted(project, False)
    assert seen_without_restricted() == {"projects_judged": 2, "projects_flagged": 2, "flags_opened": 2}


def test_a_restricted_project_that_was_withdrawn_comes_back_into_the_last_audit(present: Present) -> None:
    project = a_project()
    a_project()
    audit()
    present.set(DAY + timedelta(days=1))
    restricted(project, True)
    audit()
    present.move(timedelta(minutes=1))
    assert seen_without_restricted() == {"projects_judged": 1, "projects_flagged": 1, "flags_kept": 1}

    withdrawn_by_two(project)
    restricted(project, False)
    assert seen_without_restricted() == {"projects_judged": 2, "projects_flagged": 2, "flags_kept": 2}


def test_a_project_restored_since_the_last_audit_is_not_in_its_counts(present: Present) -> None:
    project = a_project()
    a_project()
    audit()
    present.move(timedelta(minutes=1))
    request = withdrawn_by_two(project)
    present.set(DAY + timedelta(days=1))
    audit()
    present.move(timedelta(minutes=1))
    restore_project(TIMUR, request.id, "It exists.")

    restricted(project, True)

    assert seen_without_restricted() == {"projects_judged": 1, "projects_flagged": 1, "flags_kept": 1}


def test_a_project_restricted_after_its_exemption_was_revoked_leaves_the_last_audit_as_exempt(present: Present) -> None:
    project = a_project()
    exemption = exempt(project, DAY, DAY)
    audit()
    present.move(timedelta(minutes=1))
    revoke_exemption(SAULE, exemption.id, None)

    restricted(project, True)

    assert seen_without_restricted() == {}


@pytest.fixture
def agency(client: FlaskClient, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def project(agency: Agency) -> Project:
    """A withdrawn project that claims to be on the platform."""
    project = a_project(agency, placement="on_platform", platform_key="k-1", external_id="A-1")
    request = ask(editor_of(agency), RequestKind.WITHDRAWAL, project.number, {"reason": "Twice."})
    confirm(AIGERIM, RequestKind.WITHDRAWAL, request.id)
    return project


def number_of_changes() -> tuple[int, int]:
    db.session.rollback()
    return db.session.query(Revision).count(), db.session.query(Document).count()


Sent = Callable[[Caller, str], object]
CONFIRMED = {"platform_key": "k-1", "verified_on": "2026-09-30", "evidence": "List"}
ENDED = {"ended_on": "2026-09-30", "consent_number": "1", "evidence": "Act"}
EXEMPT = dict.fromkeys(("decided_on", "valid_from", "valid_to"), "2026-09-30")
TRIES: dict[str, tuple[Role, Sent]] = {
    "edit": (Role.AGENCY_EDITOR, lambda who, number: who.change(f"/projects/{number}", {"budget_kzt": 1})),
    "check of an edit": (
        Role.AGENCY_EDITOR,
        lambda who, number: who.post(f"/projects/{number}/check", {"budget_kzt": 1}),
    ),
    "attestation": (Role.AGENCY_EDITOR, lambda who, number: who.post(f"/projects/{number}/attestation", {})),
    "document": (Role.AGENCY_EDITOR, lambda who, number: who.upload(f"/projects/{number}/documents", b"x")),
    "withdrawal": (Role.AGENCY_EDITOR, lambda who, number: who.post(f"/projects/{number}/withdrawal", {"reason": "."})),
    "placement": (
        Role.OPERATOR,
        lambda who, number: who.post(f"/projects/{number}/placement-verification", CONFIRMED),
    ),
    "onboarding": (
        Role.REVIEWER,
        lambda who, number: who.post(f"/projects/{number}/onboarding-confirmation", {"due_on": "2026-10-30"}),
    ),
    "ending": (Role.REVIEWER, lambda who, number: who.post(f"/projects/{number}/ending-confirmation", ENDED)),
    "transfer": (
        Role.ADMINISTRATOR,
        lambda who, number: who.post(
            f"/projects/{number}/transfer", {"to": "990340900110", "on": "2026-10-01", "act": "1", "reason": "."}
        ),
    ),
}


def test_a_change_is_refused_with_a_clear_error(client: FlaskClient, agency: Agency, project: Project) -> None:
    before = number_of_changes()
    for what, (role, send) in TRIES.items():
        answer: Any = send(caller(client, role, agency if role is Role.AGENCY_EDITOR else None), project.number)

        assert (answer.status_code, code(answer)) == (409, "project-withdrawn"), what
        assert project.number in answer.get_json()["detail"], what
    assert number_of_changes() == before


def test_an_exemption_of_it_is_an_error(client: FlaskClient, project: Project) -> None:
    answer = caller(client, Role.SUPERVISOR).post(
        "/exemptions", {"project": project.number, "decision_number": "1", "documents": [1], **EXEMPT}
    )

    assert (answer.status_code, codes(answer)) == (422, {("/project", "project-withdrawn")})


def test_an_import_rejects_its_row(agency: Agency, project: Project) -> None:
    file = f"agency,external_id,budget_kzt\n{agency.bin},A-1,7\n"
    before = number_of_changes()

    run = import_now(ADMINISTRATOR, "projects", False, "p.csv", file.encode())

    assert (run.updated, run.rejected) == (0, 1)
    assert number_of_changes() == before
    (error,) = errors_of(ADMINISTRATOR, run, Page(10)).items
    assert (error["column"], error["code"], error["value"]) == ("external_id", "project-withdrawn", "A-1")


def test_an_inventory_leaves_it_as_it_is(agency: Agency, project: Project) -> None:
    file = f"platform_key,agency,verified_on\nk-1,{agency.bin},2026-09-30\n"

    summary = apply_inventory(OPERATOR, "list.csv", file.encode(), False)

    assert (summary["matched"], summary["unregistered"]) == (0, 1)
    assert db.session.get_one(Project, project.id, populate_existing=True).placement_verified_on is None


def test_who_may_see_it_can_still_be_restricted(client: FlaskClient, project: Project) -> None:
    asked = caller(client, Role.SUPERVISOR, name="dana").put(
        f"/projects/{project.number}/restriction", {"is_restricted": True, "reason": "State secrets"}
    )
    saule = caller(client, Role.SUPERVISOR, name="saule")

    saule.post(f"/approvals/{asked.get_json()['id']}/approval", {})

    assert saule.get(f"/projects/{project.number}").get_json()["is_restricted"] is True


def test_its_page_offers_no_change(agency: Agency, project: Project, signed_in: SignedIn) -> None:
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    page = editor.get(f"/projects/{project.number}").text

    assert "is withdrawn since" in page and "Who asked, who confirmed, and why" in page
    assert "Change the facts" not in page and "Add a document" not in page and "registered in error</a>" not in page
    assert project.number not in editor.get("/projects").text
    assert project.number in editor.get("/projects?withdrawn=include").text


def test_a_form_by_its_address_is_not_offered(agency: Agency, project: Project, signed_in: SignedIn) -> None:
    for form, role in (("edit", Role.AGENCY_EDITOR), ("transfer", Role.ADMINISTRATOR), ("exemption", Role.SUPERVISOR)):
        visit = signed_in(role, agency if role is Role.AGENCY_EDITOR else None)

        page = visit.get(f"/projects/{project.number}/{form}")

        assert page.status_code == 409, form
        assert f"Project {project.number} is withdrawn because it was registered in error." in page.text
        assert "<textarea" not in page.text


Undone = Callable[[], AbstractContextManager[None]]
STEPS = ("ask", "confirm", "refuse", "cancel", "restore", "audit")
# Who takes a step: people of the agency, then of oversight.
AGENCY_PEOPLE = ("editor", "administrator of the agency", "viewer")
OVERSIGHT_PEOPLE = ("reviewer", "other reviewer", "supervisor", "other supervisor", "administrator", "operator")
EVERYBODY = (*AGENCY_PEOPLE, *OVERSIGHT_PEOPLE)
# Who has the permission to confirm, each as often as the others, so that examples get as far as a withdrawal; one of
# them is a reviewer who has a supervisor's token too, and one a service account.
DECIDERS = ("reviewer", "other reviewer", "supervisor", "other supervisor", "reviewer's other token", "service account")
ASKED = st.sampled_from([("ask", "editor"), ("ask", "administrator of the agency"), ("ask", "administrator")])
ANY_STEP = st.tuples(st.sampled_from(STEPS), st.sampled_from((*EVERYBODY, *DECIDERS)))
CONFIRMATIONS = st.tuples(st.just("confirm"), st.sampled_from(DECIDERS))


def people(project: Project) -> dict[str, Actor]:
    agency = db.session.get_one(Agency, project.agency_id)
    return {
        "editor": an_actor(Role.AGENCY_EDITOR, agency, "editor"),
        "administrator of the agency": an_actor(Role.AGENCY_ADMINISTRATOR, agency, "administrator of the agency"),
        "viewer": an_actor(Role.AGENCY_VIEWER, agency, "viewer"),
        "reviewer": an_actor(Role.REVIEWER, name="reviewer"),
        "other reviewer": an_actor(Role.REVIEWER, name="other reviewer"),
        "supervisor": an_actor(Role.SUPERVISOR, name="supervisor"),
        "other supervisor": an_actor(Role.SUPERVISOR, name="other supervisor"),
        "administrator": an_actor(Role.ADMINISTRATOR, name="administrator"),
        "operator": an_actor(Role.OPERATOR, name="operator"),
        "reviewer's other token": an_actor(Role.SUPERVISOR, name="reviewer"),
        "service account": replace(an_actor(Role.SUPERVISOR, name="service account"), is_person=False),
    }


def take(step: str, actor: Actor, number: str) -> bool:
    """Take a step of the newest request; True when it was allowed."""
    newest = db.session.query(Request).order_by(Request.id.desc()).first()
    request_id = 0 if newest is None else newest.id
    try:
        match step:
            case "ask":
                ask(actor, W, number, {"reason": "Registered in error."})
            case "confirm":
                confirm(actor, W, request_id, "Yes.")
            case "refuse":
                refuse(actor, W, request_id, "No.")
            case "cancel":
                cancel(actor, W, request_id)
            case "restore":
                restore_project(actor, request_id, "It exists.")
            case "audit":
                audit()
    except RegistryError:
        db.session.rollback()
        return False
    return True


def active_flags(project: Project) -> set[str]:
    db.session.rollback()
    rows = db.session.query(Flag).where(Flag.project_id == project.id, Flag.status != "cleared")
    return {flag.rule for flag in rows}


# The rules are the same on both databases; each step is tried on both by test_withdrawal.py.
@pytest.mark.sqlite_only
def test_a_flag_ends_only_when_two_people_of_oversight_confirmed_and_one_leads(
    app: Flask, present: Present, each_example: Undone
) -> None:
    present.set(date(2026, 9, 30))
    project = a_project(an_agency())
    audit()
    actors, flags = people(db.session.get_one(Project, project.id)), active_flags(project)

    ended = 0

    @given(ASKED, st.lists(CONFIRMATIONS | CONFIRMATIONS | ANY_STEP, max_size=10))
    def check(asked: tuple[str, str], steps: list[tuple[str, str]]) -> None:
        nonlocal ended
        with each_example():
            confirmed: list[str] = []
            asked_by = ""
            for step, who in [asked, *steps]:
                name = actors[who].principal
                allowed = take(step, actors[who], project.number)
                if allowed and step in ("ask", "refuse", "cancel", "restore"):
                    confirmed, asked_by = [], name if step == "ask" else asked_by
                elif allowed and step == "confirm":
                    confirmed.append(name)
                    last = actors[who]
                if active_flags(project) != flags:
                    ended += 1
                    assert len(set(confirmed) - {asked_by}) == 2, (confirmed, asked_by)
                    assert (last.role, last.is_person) == ("supervisor", True)
                    assert not set(confirmed) & set(AGENCY_PEOPLE)

    check()
    # Otherwise the examples have shown nothing: of 30 by day a third end one.
    assert ended > 3
