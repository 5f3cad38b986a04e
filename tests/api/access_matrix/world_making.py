"""Making a world through the services."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from registry.accounts.models import Account, account_named
from registry.accounts.roles import SCHEDULE, Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import add_service_account, issue_service_token
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.cases import service as cases
from registry.cases.commission import propose_exemption
from registry.cases.models import Case
from registry.cases.queries import find_case_to_change
from registry.cases.service import add_case_document
from registry.cases.text_templates import add_template
from registry.core.clock import now, today
from registry.core.database import db, transaction
from registry.exemptions.service import add_exemption_document, record_exemption
from registry.government_reports.service import begin_government_report, freeze_figures
from registry.imports.service import queue_import
from registry.journal.checkpoints import make_checkpoint
from registry.letters.models import Letter
from registry.platform.models import Inventory
from registry.policies.service import draft_policy
from registry.procurement.file_imports import import_contracts
from registry.procurement.models import Contract
from registry.projects.documents import add_document
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.projects.service import find_project
from registry.requests.approval_kinds import propose_agency_change
from registry.requests.models import RequestKind
from registry.requests.service import ask
from registry.saved_views.service import save_view
from registry.webhooks.service import create_webhook
from tests.api.access_matrix.bodies import a_template, a_view, a_webhook
from tests.api.access_matrix.world import World
from tests.factories import ADMINISTRATOR, PASSWORD, a_bin, a_project, an_actor, an_agency, list_key, with_account
from tests.imports.tables import csv_of
from tests.procurement.contract_rows import row_of
from tests.state_systems.signing import an_external_confirmation


def a_world(agency: Agency) -> World:
    project = a_project(agency, placement="on_platform")
    supervisor = an_actor(Role.SUPERVISOR)
    document = add_document(ADMINISTRATOR, project, "a.pdf", "application/pdf", b"%PDF-1.7")
    values = {name: today() for name in ("decided_on", "valid_from", "valid_to")}
    recorded = record_exemption(supervisor, {"project": project.number, "decision_number": "1", **values})
    reviewed = a_project(agency, placement="onboarding")
    audit = run_audit(supervisor)
    case_id = db.session.scalars(select(Case.id).where(Case.project_id == reviewed.id)).one()
    table = b"agency,external_id,name_ru,object_kind,work_type,stage,placement\n"
    queued = queue_import(an_actor(Role.ADMINISTRATOR, name="somebody else"), "projects", True, "projects.csv", table)
    person = NewPerson(f"viewer {agency.bin}", Role.AGENCY_VIEWER, agency.id)
    account_id = add_person(ADMINISTRATOR, person, PASSWORD).account_id
    service = add_service_account(ADMINISTRATOR, f"service {agency.bin}", Role.AGENCY_VIEWER, agency.id)
    key_id = issue_service_token(ADMINISTRATOR, service.id).key_id
    file = ("a.txt", "text/plain", b"x")
    list_key(agency, f"k-{agency.bin}")
    requests = {
        "exemption_document": int(add_exemption_document(supervisor, recorded.id, *file, {})["id"]),
        "case_document": add_case_document(supervisor, case_id, *file, {}, for_agency=True).id,
        "succession": a_request(RequestKind.SUCCESSION, agency.bin),
        "refused_succession": a_request(RequestKind.SUCCESSION, an_agency(parent=agency).bin),
        "transfer": a_request(RequestKind.TRANSFER, project.number),
        "refused_transfer": a_request(RequestKind.TRANSFER, reviewed.number),
        "confirmation_request": a_request(RequestKind.CONFIRMATION, project.number),
        "refused_confirmation_request": a_request(RequestKind.CONFIRMATION, reviewed.number, "onboarding"),
        "withdrawal": a_request(RequestKind.WITHDRAWAL, project.number),
        "refused_withdrawal": a_request(RequestKind.WITHDRAWAL, reviewed.number),
        **a_proposed_exemption(reviewed),
        "approval": an_approval(),
        "rejected_approval": an_approval(),
        "cancelled_approval": an_approval(),
        "view": a_shared_view(),
        "webhook": webhook_of(service),
        "contract": a_contract(agency),
        "inventory": an_applied_inventory(),
        "external_confirmation": an_external_confirmation(agency),
        "draft": a_draft(agency.id * 10),
        "deleted_draft": a_draft(agency.id * 10 + 1),
        "activated_draft": a_draft(agency.id * 10 + 2),
    }
    with transaction():
        link = add_link(supervisor, project.number, {"kind": "exchanges_data_with", "target": reviewed.number})
    reports = {"report": a_frozen_report(), "later_report": a_frozen_report()}
    ids = (document.id, recorded.id, audit.id, queued.id)
    with transaction():
        template_id = add_template(an_actor(Role.SUPERVISOR), a_template()).id
    people = (case_id, account_id, service.id, key_id)
    letter = a_letter(case_id)
    make_checkpoint(SCHEDULE)
    return World(agency, project, *ids, reviewed, *people, requests, link["id"], letter, template_id, reports)


def a_contract(agency: Agency) -> int:
    """The id of a contract of the agency."""
    import_contracts(an_actor(Role.OPERATOR), "contracts.csv", csv_of(row_of(agency)))
    return db.session.scalars(select(Contract.id).where(Contract.agency_id == agency.id)).one()


def an_applied_inventory() -> int:
    """The id of an inventory that changed nothing."""
    with transaction() as session:
        applied = Inventory(at=now(), by="qaztech", file_name="list.csv", sha256="0" * 64, summary={"lost": 0})
        session.add(applied)
        session.flush()
    return applied.id


def a_letter(case_id: int) -> str:
    """The number of the letter of a question that was withdrawn; the case is new again."""
    supervisor = with_account(an_actor(Role.SUPERVISOR, name="writes letters"))
    for act in (cases.claim, cases.ask, cases.withdraw, cases.release):
        with transaction():
            act(supervisor, find_case_to_change(supervisor, case_id))
    return db.session.scalars(select(Letter.number).where(Letter.case_id == case_id)).one()


def a_shared_view() -> int:
    """A view that a reviewer who is none of the callers shares within oversight."""
    name = f"saves views {a_bin()}"
    account_id = add_person(ADMINISTRATOR, NewPerson(name, Role.REVIEWER, None), PASSWORD).account_id
    return save_view(replace(an_actor(Role.REVIEWER, name=name), account_id=account_id), a_view() | {"shared": True}).id


def webhook_of(service: Account) -> int:
    """A webhook of a service account."""
    actor = an_actor(service.role, db.session.get(Agency, service.agency_id), service.name)
    return create_webhook(replace(actor, account_id=service.id, is_person=False), a_webhook())[0].id


def a_draft(version: int) -> int:
    """A draft of the policy by a supervisor who is none of the callers."""
    draft_policy(an_actor(Role.SUPERVISOR, name="somebody else"), {"version": str(version)})
    return version


def a_proposed_exemption(project: Project) -> dict[str, int]:
    """A proposed decision of the Commission with its document."""
    reviewer = an_actor(Role.REVIEWER, name="somebody else")
    scan = add_document(reviewer, project, "decision.pdf", "application/pdf", b"%PDF-1.7")
    days = dict.fromkeys(("decided_on", "valid_from", "valid_to"), today())
    values = {"project": project.number, "decision_number": "1", **days, "documents": [scan.id]}
    return {"scan": scan.id, "scanned_approval": propose_exemption(reviewer, values).id}


def an_approval() -> int:
    """A change of an agency that waits for a supervisor, proposed by an administrator who is none of the callers."""
    proposer = an_actor(Role.ADMINISTRATOR, name="somebody else")
    values = {"kind": "akimat", "act": "No. 1", "reason": "So."}
    return propose_agency_change(proposer, an_agency().bin, values).id


def a_frozen_report() -> str:
    """The number of a draft with figures, of a supervisor who is none of the callers."""
    author, responsible = an_actor(Role.SUPERVISOR, name="writes reports"), "answers for reports"
    if account_named(responsible) is None:
        add_person(ADMINISTRATOR, NewPerson(responsible, Role.SUPERVISOR, None), PASSWORD)
    values = {"period_end": today(), "due_on": today(), "responsible": responsible}
    number = begin_government_report(author, values).number
    return freeze_figures(author, number).number


def a_request(kind: RequestKind, subject: str, confirmed: str = "placement") -> int:
    """A request that waits for a decision, of an administrator who is none of the callers."""
    values: dict[str, Any] = {"reason": "So."}
    if kind is RequestKind.CONFIRMATION:
        placement = {"platform_key": f"k-{find_project(ADMINISTRATOR, subject).agency.bin}", "verified_on": today()}
        facts = placement if confirmed == "placement" else {"due_on": today()}
        values = {"kind": confirmed, "evidence": "List", **facts}
    elif kind is not RequestKind.WITHDRAWAL:
        values["successor" if kind is RequestKind.SUCCESSION else "to"] = an_agency().bin
        values |= {"act": "No. 1", "on": today() + timedelta(days=1)}
    return ask(an_actor(Role.ADMINISTRATOR, name="somebody else"), kind, subject, values).id
