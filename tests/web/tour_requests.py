"""Stops of the tour: agencies, requests, documents of cases and exemptions, with what they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.cases.service import add_case_document
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.demo.records import SECOND_SUPERVISOR, demo_actor
from registry.exemptions.models import Exemption
from registry.exemptions.service import add_exemption_document
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.requests.approval_kinds import propose_restriction
from registry.requests.kinds import save_failure
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, confirm
from tests.web.tour_entries import AGENCY
from tests.web.tour_stop import Stop


def add_requests(person_name: Callable[[Role], str], reviewer_name: str, agency: str) -> dict[str, object]:
    """A merger that took effect, one that waits and shows equal external ids, and a transfer for a later day."""
    first, second = demo_actor(person_name(Role.ADMINISTRATOR)), demo_actor(person_name(Role.SUPERVISOR))
    values = {"act": "Указ № 17 от 1 декабря 2026 года", "reason": "Объединение министерств."}
    former, successor = sorted(db.session.scalars(select(Agency.bin).where(Agency.bin != agency)).all())[:2]
    numbers = list(db.session.scalars(select(Project.number).join(Project.agency).where(Agency.bin == agency)))
    done = ask(first, RequestKind.SUCCESSION, former, {"successor": successor, "on": today(), **values})
    confirm(second, RequestKind.SUCCESSION, done.id, "Указ подписан.")
    later = {"on": today() + timedelta(days=30), **values}
    waiting = ask(first, RequestKind.SUCCESSION, agency, {"successor": successor, "projects": numbers[:3], **later})
    transfer = ask(first, RequestKind.TRANSFER, numbers[3], {"to": successor, **later})
    confirm(second, RequestKind.TRANSFER, transfer.id)
    failing = ask(first, RequestKind.TRANSFER, numbers[4], {"to": successor, **later})
    confirm(second, RequestKind.TRANSFER, failing.id)
    with transaction():
        db.session.get_one(Request, failing.id).on = today()
    save_failure(failing.id)
    editor, reviewer = demo_actor(person_name(Role.AGENCY_EDITOR)), demo_actor(reviewer_name)
    twice = ask(
        editor, RequestKind.WITHDRAWAL, project_numbered("HEALTH-006"), {"reason": "Зарегистрирован двумя отделами."}
    )
    confirm(reviewer, RequestKind.WITHDRAWAL, twice.id)
    error = {"reason": "Ошибка в номере договора.", "duplicate_of": project_numbered("ROADS-003")}
    gone = ask(first, RequestKind.WITHDRAWAL, project_numbered("ROADS-001"), error)
    for each in (reviewer, second):
        if confirm(each, RequestKind.WITHDRAWAL, gone.id).carried_out_at is not None:
            break
    move = {"kind": "onboarding", "due_on": today() + timedelta(days=60), "evidence": "План переноса № 12, этап 3."}
    document = add_document(editor, _of(project_numbered("HEALTH-007")), "план.pdf", "application/pdf", b"%PDF-1.7")
    onboarding = ask(
        editor, RequestKind.CONFIRMATION, project_numbered("HEALTH-007"), {**move, "documents": [document.id]}
    )
    letter = {"kind": "letter", "description": "Письмо министерства", "outgoing_number": "17-3/45"}
    asked = case_of("HEALTH-003")
    add_case_document(editor, asked, "письмо.pdf", "application/pdf", b"%PDF-1.7", letter)
    exemption = db.session.scalars(select(Exemption.id).order_by(Exemption.id)).first()
    add_exemption_document(second, int(exemption or 0), "решение.pdf", "application/pdf", b"%PDF-1.7", letter)
    restriction = {"is_restricted": True, "reason": "Гриф секретности, письмо № 17-3/45."}
    approval = propose_restriction(demo_actor(SECOND_SUPERVISOR), project_numbered("HEALTH-002"), restriction)
    with transaction() as session:
        overdue = select(Project).where(Project.external_id.in_(("HEALTH-004", "HEALTH-005")))
        for project in session.scalars(overdue):
            project.attested_on, project.attested_by = today() - timedelta(days=200), editor.principal
    return {
        "merged": done.id,
        "merger": waiting.id,
        "transfer": transfer.id,
        "failing": failing.id,
        "former_agency": former,
        "successor": successor,
        "passing": numbers[4],
        "withdrawal": twice.id,
        "confirmation_request": onboarding.id,
        "exemption": exemption,
        "approval": approval.id,
        "exempted": db.session.get_one(Exemption, exemption).project,
        "withdrawn_by": gone.id,
        "withdrawn": project_numbered("ROADS-001"),
    }


def stops_of_requests(known: Mapping[str, object]) -> list[Stop]:
    """Pages of agencies, of requests, and of documents of cases and exemptions."""
    return [
        Stop("agencies", Role.ADMINISTRATOR, "/agencies"),
        Stop("agency-new", Role.ADMINISTRATOR, "/agencies/new"),
        Stop("agency-new-error", Role.ADMINISTRATOR, "/agencies/new", {"bin": "123"}),
        Stop("agency-edit", Role.ADMINISTRATOR, f"/agencies/{AGENCY}/edit"),
        Stop("agencies-tree", Role.AUDITOR, "/agencies/tree"),
        Stop("agency-page", Role.ADMINISTRATOR, f"/agencies/{AGENCY}"),
        Stop("agency-page-closed", Role.AUDITOR, f"/agencies/{known['former_agency']}"),
        Stop("agency-page-successor", Role.SUPERVISOR, f"/agencies/{known['successor']}"),
        Stop("succession-new", Role.ADMINISTRATOR, f"/agencies/{known['successor']}/succession"),
        Stop("succession-new-error", Role.ADMINISTRATOR, f"/agencies/{known['successor']}/succession", {"on": "1"}),
        Stop("transfer-new", Role.ADMINISTRATOR, f"/projects/{known['passing']}/transfer"),
        Stop("transfer-new-error", Role.ADMINISTRATOR, f"/projects/{known['passing']}/transfer", {"to": "1"}),
        Stop("requests", Role.SUPERVISOR, "/requests"),
        Stop("requests-none", Role.AGENCY_EDITOR, "/requests?state=refused"),
        Stop("request-waiting", Role.SUPERVISOR, f"/requests/{known['merger']}"),
        Stop("request-own", Role.ADMINISTRATOR, f"/requests/{known['merger']}"),
        Stop("request-failed", Role.SUPERVISOR, f"/requests/{known['failing']}"),
        Stop("request-done", Role.AUDITOR, f"/requests/{known['merged']}"),
        Stop("approvals", Role.SUPERVISOR, "/approvals"),
        Stop("approvals-none", Role.OPERATOR, "/approvals?state=rejected"),
        Stop("approval-waiting", Role.SUPERVISOR, f"/approvals/{known['approval']}"),
        Stop("withdrawal-new", Role.AGENCY_EDITOR, f"/projects/{known['number']}/withdrawal"),
        Stop("withdrawal-new-error", Role.AGENCY_EDITOR, f"/projects/{known['number']}/withdrawal", {"reason": ""}),
        Stop("withdrawal-waiting", Role.SUPERVISOR, f"/requests/{known['withdrawal']}"),
        Stop("withdrawal-done", Role.SUPERVISOR, f"/requests/{known['withdrawn_by']}"),
        Stop("project-withdrawn", Role.REVIEWER, f"/projects/{known['withdrawn']}"),
        Stop("projects-withdrawn", Role.REVIEWER, "/projects?withdrawn=only"),
        Stop(
            "confirmation-request-new",
            Role.AGENCY_EDITOR,
            f"/projects/{known['onboarding']}/confirmation-request/onboarding",
        ),
        Stop(
            "confirmation-request-error",
            Role.AGENCY_EDITOR,
            f"/projects/{known['onboarding']}/confirmation-request/ending",
            {"ended_on": "1", "evidence": ""},
        ),
        Stop("confirmation-request-waiting", Role.REVIEWER, f"/requests/{known['confirmation_request']}"),
        Stop("case-documents-new", Role.REVIEWER, f"/cases/{known['case_asked']}/documents/new"),
        Stop(
            "case-documents-error",
            Role.AGENCY_EDITOR,
            f"/cases/{known['case_asked']}/documents/new",
            {"description": "Письмо"},
        ),
        Stop("exemption-documents-new", Role.SUPERVISOR, f"/exemptions/{known['exemption']}/documents/new"),
        Stop("project-exempted", Role.SUPERVISOR, f"/projects/{known['exempted']}"),
        Stop("request-transfer", Role.ADMINISTRATOR, f"/requests/{known['transfer']}"),
    ]


def _of(number: str) -> Project:
    return db.session.scalars(select(Project).where(Project.number == number)).one()


def project_numbered(external_id: str) -> str:
    """The number of the project with that external id."""
    return db.session.scalars(select(Project.number).where(Project.external_id == external_id)).one()


def case_of(external_id: str) -> int:
    """The id of the case of the project with that external id."""
    statement = select(Case.id).join(Case.project_record).where(Project.external_id == external_id)
    return db.session.scalars(statement).one()
