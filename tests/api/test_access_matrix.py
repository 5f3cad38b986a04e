"""Every declared route × every role × own, child and foreign agency, tried with requests that are otherwise right.

What a role may do is written out here, from docs/reference/api.md, and not read from the table that it tests.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select
from werkzeug.datastructures import FileStorage

from registry.accounts.actors import Actor
from registry.accounts.models import Account, account_named
from registry.accounts.people import NewPerson, add_person
from registry.accounts.roles import Role
from registry.accounts.service_accounts import add_service_account, issue_service_token
from registry.agencies.models import Agency
from registry.api.blueprint import API_PREFIX
from registry.api.declared_routes import declared_routes
from registry.audits.service import run_audit
from registry.cases import service as cases
from registry.cases.documents import add_case_document
from registry.cases.models import Case
from registry.cases.queries import find_case_to_change
from registry.cases.text_templates import add_template
from registry.core.clock import today
from registry.core.database import db
from registry.core.transactions import transaction
from registry.exemptions.documents import add_exemption_document
from registry.exemptions.service import record_exemption
from registry.government_reports.service import begin_government_report, freeze_figures
from registry.imports.service import queue_import
from registry.letters.models import Letter
from registry.policies.service import draft_policy
from registry.projects.documents import add_document
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.service import ask
from registry.requests.vocabulary import RequestKind
from registry.saved_views.service import save_view
from registry.webhooks.service import create_webhook
from tests.api.callers import MERGE_PATCH, Caller, caller
from tests.factories import ADMINISTRATOR, PASSWORD, a_bin, a_project, an_actor, an_agency, project_values
from tests.savepoints import rolled_back

ALL = set(Role)
AGENCY = {Role.AGENCY_VIEWER, Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR}
OVERSIGHT = ALL - AGENCY
# Leaders read figures and records only.
CASE_READERS = ALL - {Role.LEADER}
AUDIT_READERS = OVERSIGHT - {Role.LEADER}
EDITORS = {Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR}
WRITERS = {*EDITORS, Role.ADMINISTRATOR}
CONFIRMERS = {Role.REVIEWER, Role.SUPERVISOR, Role.OPERATOR}
REVIEWERS = {Role.REVIEWER, Role.SUPERVISOR}
VERIFIERS = {Role.AUDITOR, Role.OPERATOR}
MANAGERS = {Role.AGENCY_ADMINISTRATOR, Role.ADMINISTRATOR}
TOKEN_READERS = {*MANAGERS, Role.AUDITOR}
ORGANISERS = {Role.SUPERVISOR, Role.ADMINISTRATOR}
REPORT_READERS = {Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR}
SEE_RESTRICTED = {Role.SUPERVISOR, Role.AUDITOR, *AGENCY}


@dataclass
class World:
    """What a request is made about: an agency, a project of it, and what hangs on that."""

    agency: Agency
    project: Project
    document_id: int
    exemption_id: int
    audit_id: int
    import_id: int
    reviewed: Project
    case_id: int
    account_id: int
    service_id: int
    key_id: str
    requests: dict[str, int]
    link_id: int
    letter: str
    template_id: int
    reports: dict[str, str]


@dataclass(frozen=True)
class Try:
    """How a route is called rightly, who may, who may but does not see it, and whether its subject is an agency's.

    ``of_project``: its subject is hidden with a restricted project.
    """

    path: str
    allowed: set[Role]
    good: int = 200
    body: Callable[[World], dict[str, Any]] | None = None
    owned: bool = True
    form: Callable[[World], dict[str, Any]] | None = None
    unseen: frozenset[Role] | set[Role] = frozenset()
    of_project: bool = True


def succession(_world: World) -> dict[str, Any]:
    return {"successor": an_agency().bin, **an_act()}


def transfer(_world: World) -> dict[str, Any]:
    return {"to": an_agency().bin, **an_act()}


def a_confirmation(_world: World) -> dict[str, Any]:
    return {"kind": "placement", **verification(_world)}


def a_webhook(_world: World | None = None) -> dict[str, Any]:
    return {"url": "https://receiver.example.kz/qaztech"}


def an_act() -> dict[str, Any]:
    return {"on": str(today() + timedelta(days=1)), "act": "No. 1", "reason": "They merge."}


def new_project(world: World) -> dict[str, Any]:
    return {"agency": world.agency.bin, **project_values()}


def a_whole_project(_world: World) -> dict[str, Any]:
    return {name: value for name, value in project_values(placement="on_platform").items() if name != "external_id"}


def verification(_world: World) -> dict[str, Any]:
    return {"platform_key": "k", "verified_on": str(today()), "evidence": "List"}


def exemption(world: World) -> dict[str, Any]:
    day = str(today())
    return {
        "project": world.project.number,
        "decision_number": "1",
        "decided_on": day,
        "valid_from": day,
        "valid_to": day,
    }


def proposal(_world: World) -> dict[str, Any]:
    due = str(today() + timedelta(days=30))
    return {"decision": "stop", "reason": "New work", "legal_basis": "Decree, clause 1", "due_on": due}


def a_new_report(_world: World) -> dict[str, Any]:
    return {"period_end": str(today()), "due_on": str(today()), "responsible": "answers for reports"}


def a_link(world: World) -> dict[str, Any]:
    return {"kind": "part_of", "target": world.reviewed.number}


def a_document(_world: World) -> dict[str, Any]:
    return {"file": FileStorage(io.BytesIO(b"x"), "b.txt")}


def a_template(_world: World | None = None) -> dict[str, Any]:
    return {"kind": "question", "language": "ru", "title": "Начало", "text": "Когда начаты работы?"}


def a_view(_world: World | None = None) -> dict[str, Any]:
    return {"name": f"Сохранённая {a_bin()}", "list": "projects", "query": {"stage": "creation", "sort": "number"}}


def a_commission_decision(world: World) -> dict[str, Any]:
    decided = {"outcome": "granted", "decision_number": "5-1", "decided_on": str(today()), "valid_to": str(today())}
    return {**a_document(world), **decided}


def an_import(world: World) -> dict[str, Any]:
    file = f"agency,external_id,name_ru,object_kind,work_type,stage,placement\n{world.agency.bin},A-1,Система,,,,\n"
    return {"file": FileStorage(io.BytesIO(file.encode()), "projects.csv"), "kind": "projects"}


def an_inventory(world: World) -> dict[str, Any]:
    file = f"platform_key,agency,verified_on\nk-1,{world.agency.bin},{today()}\n"
    return {"file": FileStorage(io.BytesIO(file.encode()), "list.csv"), "dry_run": "true"}


def a_person(world: World) -> dict[str, Any]:
    return {"kind": "person", "name": f"person {a_bin()}", "role": "agency_viewer", "agency": world.agency.bin}


TRIES: dict[str, Try] = {
    "list_all_agencies": Try("/agencies", ALL, owned=False),
    "read_agency": Try("/agencies/{bin}", ALL, owned=False),
    "create_agency": Try(
        "/agencies",
        {Role.ADMINISTRATOR},
        201,
        lambda world: {"bin": a_bin(), "name_ru": "Орган", "kind": "private"},
        owned=False,
    ),
    "patch_agency": Try("/agencies/{bin}", {Role.ADMINISTRATOR}, 200, lambda world: {"name_en": "Body"}, owned=False),
    "list_all_projects": Try("/projects", ALL, owned=False),
    "create_project": Try("/projects", WRITERS, 201, new_project, owned=False),
    "create_many_projects": Try(
        "/projects/batch", WRITERS, 200, lambda world: {"items": [new_project(world)]}, owned=False
    ),
    "check_before_registering": Try("/projects/check", WRITERS, 200, new_project, owned=False),
    "read_one_project": Try("/projects/{number}", ALL),
    "patch_project": Try("/projects/{number}", WRITERS, 200, lambda world: {"budget_kzt": 7}),
    "read_project_by_external_id": Try("/agencies/{bin}/projects/{external_id}", ALL),
    "put_project": Try("/agencies/{bin}/projects/{external_id}", WRITERS, 200, a_whole_project),
    "check_before_changing": Try("/projects/{number}/check", WRITERS, 200, lambda world: {"budget_kzt": 7}),
    "attest_project": Try(
        "/projects/{number}/attestation", {Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR}, 200, lambda world: {}
    ),
    "read_history": Try("/projects/{number}/history", ALL),
    "read_verdict": Try("/projects/{number}/verdict", ALL),
    "read_similar_projects": Try("/projects/{number}/similar", ALL),
    "list_links": Try("/projects/{number}/links", ALL),
    "create_link": Try("/projects/{number}/links", REVIEWERS, 201, a_link),
    "delete_link": Try("/projects/{number}/links/{link}", REVIEWERS, 204),
    "list_flags_of_project": Try("/projects/{number}/flags", ALL),
    "confirm_placement": Try("/projects/{number}/placement-verification", CONFIRMERS, 200, verification),
    "confirm_move": Try(
        "/projects/{number}/onboarding-confirmation", CONFIRMERS, 409, lambda world: {"due_on": str(today())}
    ),
    "confirm_end": Try(
        "/projects/{number}/ending-confirmation",
        CONFIRMERS,
        409,
        lambda world: {"ended_on": str(today()), "consent_number": "1", "evidence": "Act"},
    ),
    "restrict": Try(
        "/projects/{number}/restriction",
        {Role.SUPERVISOR},
        200,
        lambda world: {"is_restricted": False, "reason": "None"},
    ),
    "list_documents": Try("/projects/{number}/documents", ALL),
    "create_document": Try("/projects/{number}/documents", WRITERS | CONFIRMERS, 201, form=a_document),
    "download_document": Try("/projects/{number}/documents/{document}", ALL),
    "list_all_exemptions": Try("/exemptions", ALL, owned=False),
    "create_exemption": Try("/exemptions", {Role.SUPERVISOR}, 201, exemption, owned=False),
    "read_one_exemption": Try("/exemptions/{exemption}", ALL),
    "revoke_one_exemption": Try("/exemptions/{exemption}/revocation", {Role.SUPERVISOR}, 200, lambda world: {}),
    "list_exemption_documents": Try("/exemptions/{exemption}/documents", ALL),
    "create_exemption_document": Try("/exemptions/{exemption}/documents", {Role.SUPERVISOR}, 201, form=a_document),
    "download_exemption_document": Try("/exemptions/{exemption}/documents/{exemption_document}", ALL),
    "create_platform_inventory": Try("/platform-inventories", CONFIRMERS, owned=False, form=an_inventory),
    "create_import": Try("/imports", WRITERS, 202, owned=False, form=an_import),
    # An editor imports, and sees no import of another.
    "read_one_import": Try("/imports/{import_run}", {Role.ADMINISTRATOR}, owned=False, unseen=EDITORS),
    "list_import_errors": Try("/imports/{import_run}/errors", {Role.ADMINISTRATOR}, owned=False, unseen=EDITORS),
    "list_all_imports": Try("/imports", WRITERS, owned=False),
    "list_import_rows": Try("/imports/{import_run}/rows", {Role.ADMINISTRATOR}, owned=False, unseen=EDITORS),
    "run_import": Try("/imports/{import_run}/run", {Role.ADMINISTRATOR}, 409, owned=False, unseen=EDITORS),
    "download_marked_import": Try(
        "/imports/{import_run}/errors.xlsx", {Role.ADMINISTRATOR}, 409, owned=False, unseen=EDITORS
    ),
    "download_import_template": Try("/imports/template.xlsx", WRITERS, owned=False),
    "export_journal_as_csv": Try(
        "/exports/journal.csv", {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}, owned=False
    ),
    **{
        f"export_{name}_as_{ending}": Try(f"/exports/{name}.{ending}", readers, owned=False)
        for name, readers in {
            "agencies": ALL,
            "flags": ALL,
            "cases": CASE_READERS,
            "exemptions": ALL,
            "audits": AUDIT_READERS,
        }.items()
        for ending in ("csv", "xlsx", "ndjson")
    },
    "export_projects_as_ndjson": Try("/exports/projects.ndjson", ALL, owned=False),
    "export_projects_as_csv": Try("/exports/projects.csv", ALL, owned=False),
    "export_projects_as_xlsx": Try("/exports/projects.xlsx", ALL, owned=False),
    "create_audit": Try("/audits", {Role.OPERATOR, Role.SUPERVISOR}, 201, lambda world: {}, owned=False),
    "confirm_audit": Try(
        "/audits/{audit}/confirmation", {Role.SUPERVISOR}, 409, lambda world: {"reason": "checked"}, owned=False
    ),
    "reject_audit": Try(
        "/audits/{audit}/rejection", {Role.SUPERVISOR}, 409, lambda world: {"reason": "checked"}, owned=False
    ),
    "propose_to_void_audit": Try(
        "/audits/{audit}/voiding",
        {Role.OPERATOR, Role.SUPERVISOR},
        409,
        lambda world: {"reason": "The clock was ahead."},
        owned=False,
    ),
    "void_proposed_audit": Try(
        "/audits/{audit}/voiding-confirmation",
        {Role.OPERATOR, Role.SUPERVISOR},
        409,
        lambda world: {"proposed_at": "2026-03-03T05:10:00.000000Z"},
        owned=False,
    ),
    "list_all_audits": Try("/audits", AUDIT_READERS, owned=False),
    "read_one_audit": Try("/audits/{audit}", AUDIT_READERS, owned=False),
    "verify_audit": Try("/audits/{audit}/verification", VERIFIERS, owned=False),
    "list_changes": Try("/audits/{audit}/changes", AUDIT_READERS, owned=False),
    "follow_changes": Try("/changes?after=0", ALL, owned=False),
    "list_all_flags": Try("/flags", ALL, owned=False),
    "list_policies": Try("/policies", OVERSIGHT, owned=False),
    "read_one_policy": Try("/policies/2026.1", OVERSIGHT, owned=False),
    "read_overview": Try("/overview", OVERSIGHT, owned=False),
    "read_overview_history": Try("/overview/history?by=region&of=71", OVERSIGHT, owned=False),
    "create_policy": Try(
        "/policies", {Role.SUPERVISOR}, 201, lambda world: {"version": f"v{a_bin()}", "scope": ["private"]}, owned=False
    ),
    "patch_policy": Try(
        "/policies/{draft}", {Role.SUPERVISOR}, 200, lambda world: {"pilot_limit_months": 6}, owned=False
    ),
    "delete_policy": Try("/policies/{deleted_draft}", {Role.SUPERVISOR}, 204, owned=False),
    "compare_policies": Try("/policies/2026.1/comparison", OVERSIGHT, owned=False),
    "export_policy": Try("/policies/2026.1/file", OVERSIGHT, owned=False),
    "calculate_policy_impact": Try("/policies/{draft}/impact", {Role.SUPERVISOR}, 200, lambda world: {}, owned=False),
    "activate_policy": Try(
        "/policies/{activated_draft}/activation",
        {Role.SUPERVISOR},
        409,
        lambda world: {"impact_digest": "0" * 64, "on": str(today())},
        owned=False,
    ),
    "withdraw_policy_activation": Try("/policies/{activated_draft}/activation", {Role.SUPERVISOR}, 409, owned=False),
    "read_compliance": Try("/reports/compliance", ALL, owned=False),
    "list_all_cases": Try("/cases", CASE_READERS, owned=False),
    "read_case": Try("/cases/{case}", CASE_READERS),
    "list_all_government_reports": Try("/government-reports", REPORT_READERS, owned=False),
    "create_government_report": Try("/government-reports", REVIEWERS, 201, a_new_report, owned=False),
    "read_government_report": Try("/government-reports/{report}", REPORT_READERS, owned=False),
    "patch_government_report": Try(
        "/government-reports/{report}", REVIEWERS, 200, lambda world: {"findings_ru": "Меньше."}, owned=False
    ),
    # A later number was given.
    "delete_government_report": Try("/government-reports/{report}", REVIEWERS, 409, owned=False),
    "freeze_government_report": Try(
        "/government-reports/{report}/freeze", REVIEWERS, 200, lambda world: {}, owned=False
    ),
    # Its sections are not written.
    "submit_government_report": Try(
        "/government-reports/{report}/submission", REVIEWERS, 422, lambda world: {}, owned=False
    ),
    "approve_government_report": Try(
        "/government-reports/{report}/approval", REVIEWERS, 409, lambda world: {}, owned=False
    ),
    "return_government_report": Try(
        "/government-reports/{report}/return", REVIEWERS, 409, lambda world: {"remark": "Why?"}, owned=False
    ),
    "correct_government_report": Try(
        "/government-reports/{report}/corrections",
        REVIEWERS,
        409,
        lambda world: {"reason": "Wrong.", "due_on": str(today())},
        owned=False,
    ),
    "download_government_report_as_pdf": Try("/government-reports/{report}.pdf", REPORT_READERS, owned=False),
    "download_government_report_data": Try("/government-reports/{report}/data.json", REPORT_READERS, owned=False),
    "export_government_report_as_csv": Try("/exports/government-reports/{report}.csv", REPORT_READERS, owned=False),
    "create_case": Try("/cases", REVIEWERS, 409, lambda world: {"project": world.reviewed.number}, owned=False),
    "claim_case": Try("/cases/{case}/claim", REVIEWERS, 200, lambda world: {}),
    "assign_case": Try("/cases/{case}/assign", REVIEWERS, 422, lambda world: {"assignee": "nobody"}),
    "release_case": Try("/cases/{case}/release", REVIEWERS, 200, lambda world: {}),
    # Given back, the case is new again: nothing more than a claim or a comment fits it.
    "ask_case": Try("/cases/{case}/ask", REVIEWERS, 409, lambda world: {"comment": "Why?"}),
    "answer_case": Try("/cases/{case}/answer", EDITORS, 409, lambda world: {"comment": "So."}),
    "propose_case": Try("/cases/{case}/propose", REVIEWERS, 409, proposal),
    "approve_case": Try("/cases/{case}/approve", {Role.SUPERVISOR}, 409, lambda world: {}),
    "return_case": Try("/cases/{case}/return", REVIEWERS, 409, lambda world: {}),
    "refer_case": Try("/cases/{case}/refer", REVIEWERS, 409, lambda world: {}),
    "confirm_case": Try("/cases/{case}/confirm", REVIEWERS, 409, lambda world: {}),
    "withdraw_case": Try("/cases/{case}/withdraw", REVIEWERS, 409, lambda world: {}),
    "appeal_case": Try("/cases/{case}/appeal", EDITORS, 409, lambda world: {"comment": "No."}),
    "comment_case": Try("/cases/{case}/comment", REVIEWERS | EDITORS, 200, lambda world: {"comment": "Seen."}),
    "list_case_templates": Try("/case-templates", REVIEWERS, owned=False),
    "create_case_template": Try("/case-templates", {Role.SUPERVISOR}, 201, a_template, owned=False),
    "read_case_template": Try("/case-templates/{template}", REVIEWERS, owned=False),
    "patch_case_template": Try(
        "/case-templates/{template}", {Role.SUPERVISOR}, 200, lambda world: {"title": "Начало работ"}, owned=False
    ),
    "delete_case_template": Try("/case-templates/{template}", {Role.SUPERVISOR}, 204, owned=False),
    "record_commission_decision": Try(
        "/cases/{case}/commission-decision", {Role.SUPERVISOR}, 409, form=a_commission_decision
    ),
    "list_case_documents": Try("/cases/{case}/documents", CASE_READERS),
    "create_case_document": Try("/cases/{case}/documents", REVIEWERS | EDITORS, 201, form=a_document),
    "download_case_document": Try("/cases/{case}/documents/{case_document}", CASE_READERS),
    "list_letters_of_case": Try("/cases/{case}/letters", CASE_READERS),
    "list_all_letters": Try("/letters", CASE_READERS, owned=False),
    "read_letter": Try("/letters/{letter}", CASE_READERS),
    "download_letter_as_pdf": Try("/letters/{letter}.pdf", CASE_READERS),
    "download_letter_as_html": Try("/letters/{letter}.html", CASE_READERS),
    "export_letters_as_csv": Try("/exports/letters.csv", CASE_READERS, owned=False),
    "claim_many_cases": Try("/cases/claim", REVIEWERS, 200, lambda world: {"cases": [world.case_id]}, owned=False),
    "assign_many_cases": Try(
        "/cases/assign", REVIEWERS, 200, lambda world: {"cases": [world.case_id], "assignee": "nobody"}, owned=False
    ),
    "ask_many_cases": Try("/cases/ask", REVIEWERS, 200, lambda world: {"cases": [world.case_id]}, owned=False),
    "open_many_cases": Try(
        "/cases/open", REVIEWERS, 200, lambda world: {"projects": [world.reviewed.number]}, owned=False
    ),
    "search": Try("/search?q=qaztech", ALL, owned=False),
    "list_inbox": Try("/inbox", CASE_READERS, owned=False),
    "read_inbox": Try("/inbox/read", ALL, 200, lambda world: {"all": True}, owned=False),
    "list_views": Try("/views", ALL, owned=False),
    "create_view": Try("/views", ALL, 201, a_view, owned=False),
    # Another person's, shared within oversight.
    "delete_view": Try("/views/{view}", {Role.SUPERVISOR}, 204, owned=False, unseen=AGENCY),
    "watch_case": Try("/cases/{case}/watch", CASE_READERS, 204),
    "unwatch_case": Try("/cases/{case}/watch", CASE_READERS, 204),
    "watch_project": Try("/projects/{number}/watch", CASE_READERS, 204),
    "unwatch_project": Try("/projects/{number}/watch", CASE_READERS, 204),
    "confirm_many_cases": Try("/cases/confirm", REVIEWERS, 200, lambda world: {"cases": [world.case_id]}, owned=False),
    # One waits for a decision already, and everybody who may ask has permission.
    "ask_succession": Try("/agencies/{bin}/succession", {Role.ADMINISTRATOR}, 409, succession, owned=False),
    "list_all_successions": Try("/successions", CASE_READERS, owned=False),
    "read_succession": Try("/successions/{succession}", CASE_READERS, of_project=False),
    "refuse_succession": Try(
        "/successions/{refused_succession}/refusal", ORGANISERS, 200, lambda world: {"reason": "No."}, owned=False
    ),
    "confirm_succession": Try("/successions/{succession}/confirmation", ORGANISERS, 200, lambda world: {}, owned=False),
    "cancel_succession": Try(
        "/successions/{succession}/cancellation", {Role.ADMINISTRATOR}, 200, lambda world: {}, owned=False
    ),
    "ask_transfer": Try("/projects/{number}/transfer", {Role.ADMINISTRATOR}, 409, transfer),
    "list_all_transfers": Try("/transfers", CASE_READERS, owned=False),
    "read_transfer": Try("/transfers/{transfer}", CASE_READERS),
    "refuse_transfer": Try(
        "/transfers/{refused_transfer}/refusal", ORGANISERS, 200, lambda world: {"reason": "No."}, owned=False
    ),
    "confirm_transfer": Try("/transfers/{transfer}/confirmation", ORGANISERS, 200, lambda world: {}, owned=False),
    "cancel_transfer": Try(
        "/transfers/{transfer}/cancellation", {Role.ADMINISTRATOR}, 200, lambda world: {}, owned=False
    ),
    "ask_confirmation": Try("/projects/{number}/confirmation-requests", WRITERS, 409, a_confirmation),
    "list_all_confirmation_requests": Try("/confirmation-requests", CASE_READERS, owned=False),
    "read_confirmation_request": Try("/confirmation-requests/{confirmation_request}", CASE_READERS),
    "refuse_confirmation_request": Try(
        "/confirmation-requests/{refused_confirmation_request}/refusal",
        CONFIRMERS,
        200,
        lambda world: {"reason": "No."},
        owned=False,
    ),
    "confirm_confirmation_request": Try(
        "/confirmation-requests/{confirmation_request}/confirmation", CONFIRMERS, 200, lambda world: {}, owned=False
    ),
    "cancel_confirmation_request": Try(
        "/confirmation-requests/{confirmation_request}/cancellation", WRITERS, 200, lambda world: {}
    ),
    "ask_withdrawal": Try("/projects/{number}/withdrawal", WRITERS, 409, lambda world: {"reason": "Twice."}),
    "list_all_withdrawals": Try("/withdrawals", CASE_READERS, owned=False),
    "read_withdrawal": Try("/withdrawals/{withdrawal}", CASE_READERS),
    "refuse_withdrawal": Try(
        "/withdrawals/{refused_withdrawal}/refusal", REVIEWERS, 200, lambda world: {"reason": "No."}, owned=False
    ),
    # A project of a serious flag waits for a second person, who is a supervisor.
    "confirm_withdrawal": Try("/withdrawals/{withdrawal}/confirmation", REVIEWERS, 200, lambda world: {}, owned=False),
    "cancel_withdrawal": Try("/withdrawals/{withdrawal}/cancellation", WRITERS, 200, lambda world: {}),
    "restore_withdrawn_project": Try(
        "/withdrawals/{withdrawal}/restoration", {Role.SUPERVISOR}, 200, lambda world: {"reason": "It exists."}
    ),
    "read_own_account": Try("/me", ALL, owned=False),
    "list_all_accounts": Try("/accounts", {*MANAGERS, Role.AUDITOR}, owned=False),
    "create_account": Try("/accounts", MANAGERS, 201, a_person, owned=False),
    "read_account": Try("/accounts/{account}", ALL, unseen=ALL - MANAGERS - {Role.AUDITOR}, of_project=False),
    "patch_account": Try("/accounts/{account}", MANAGERS, 200, lambda world: {"email": "a@example.kz"}),
    # It waits for no confirmation. Supervisors see only accounts that do.
    "confirm_account": Try(
        "/accounts/{account}/confirmation",
        {Role.ADMINISTRATOR, Role.SUPERVISOR},
        409,
        lambda world: {"role": "agency_viewer"},
        owned=False,
        unseen={Role.SUPERVISOR},
    ),
    "disable_account": Try("/accounts/{account}/disabling", MANAGERS, 200, lambda world: {}),
    "enable_account": Try("/accounts/{account}/enabling", MANAGERS, 200, lambda world: {}),
    # The receiver is nobody that exists.
    "hand_over_work": Try("/accounts/{account}/handover", MANAGERS, 422, lambda world: {"to": "nobody"}),
    "list_all_tokens": Try("/tokens", ALL, owned=False),
    "create_token": Try("/tokens", ALL, 201, lambda world: {}, owned=False),
    "revoke_token": Try("/tokens/{key}", ALL - {Role.AUDITOR}, 204, unseen=ALL - MANAGERS - {Role.AUDITOR}),
    "create_service_token": Try("/accounts/{service}/tokens", MANAGERS, 201, lambda world: {}),
    "list_own_sessions": Try("/sessions", ALL, owned=False),
    # A session of somebody else is none.
    "end_own_session": Try("/sessions/q4CkGZbYx1kS0w2e", ALL, 404, owned=False),
    # The webhook of another account, which those see who list its tokens.
    "list_webhooks": Try("/webhooks", ALL, owned=False),
    "create_webhook": Try("/webhooks", ALL, 201, a_webhook, owned=False),
    "read_webhook": Try("/webhooks/{webhook}", TOKEN_READERS, unseen=ALL - TOKEN_READERS, of_project=False),
    "patch_webhook": Try(
        "/webhooks/{webhook}", TOKEN_READERS, 403, lambda world: {"enabled": False}, unseen=ALL - TOKEN_READERS
    ),
    "rotate_webhook_secret": Try(
        "/webhooks/{webhook}/secret-rotation", TOKEN_READERS, 403, lambda world: {}, unseen=ALL - TOKEN_READERS
    ),
    "replay_webhook": Try(
        "/webhooks/{webhook}/replay",
        TOKEN_READERS,
        403,
        lambda world: {"since": str(today())},
        unseen=ALL - TOKEN_READERS,
    ),
    "test_webhook": Try("/webhooks/{webhook}/test", TOKEN_READERS, 403, lambda world: {}, unseen=ALL - TOKEN_READERS),
    "list_webhook_deliveries": Try(
        "/webhooks/{webhook}/deliveries", TOKEN_READERS, 403, unseen=ALL - TOKEN_READERS, of_project=False
    ),
    "delete_webhook": Try("/webhooks/{webhook}", MANAGERS, 204, unseen=ALL - TOKEN_READERS),
    "read_team": Try("/reports/team", {Role.SUPERVISOR}, owned=False),
    "read_journal": Try("/journal", {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}, owned=False),
}


def a_world(agency: Agency) -> World:
    project = a_project(agency, placement="on_platform")
    supervisor = an_actor(Role.SUPERVISOR)
    document = add_document(ADMINISTRATOR, project, "a.txt", "text/plain", b"x")
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
        "view": a_shared_view(),
        "webhook": webhook_of(service),
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
    letter = a_letter(supervisor, case_id)
    return World(agency, project, *ids, reviewed, *people, requests, link["id"], letter, template_id, reports)


def a_letter(supervisor: Actor, case_id: int) -> str:
    """The number of the letter of a question that was withdrawn; the case is new again."""
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
        placement = {"platform_key": "k", "verified_on": today()}
        facts = placement if confirmed == "placement" else {"due_on": today()}
        values = {"kind": confirmed, "evidence": "List", **facts}
    elif kind is not RequestKind.WITHDRAWAL:
        values["successor" if kind is RequestKind.SUCCESSION else "to"] = an_agency().bin
        values |= {"act": "No. 1", "on": today() + timedelta(days=1)}
    return ask(an_actor(Role.ADMINISTRATOR, name="somebody else"), kind, subject, values).id


@dataclass(frozen=True)
class Prepared:
    """What all tests of this module begin with; each is rolled back to it."""

    connection: Connection
    home: Agency
    worlds: dict[str, World]


@pytest.fixture(scope="module")
def prepared(shared_app: Flask) -> Iterator[Prepared]:
    """Make the worlds once: for each test, it would take longer than most tests."""
    with rolled_back(shared_app) as connection:
        with shared_app.app_context():
            home = an_agency()
            worlds = {
                "own": a_world(home),
                "child": a_world(an_agency(parent=an_agency(parent=home))),
                "foreign": a_world(an_agency()),
            }
        yield Prepared(connection, home, worlds)


@pytest.fixture
def connection(prepared: Prepared) -> Iterator[Connection]:
    """The connection as elsewhere, rolled back to the worlds."""
    nested = prepared.connection.begin_nested()
    yield prepared.connection
    nested.rollback()


@pytest.fixture
def home(app: Flask, prepared: Prepared) -> Agency:
    """The agency that the agency roles are bound to."""
    return db.session.merge(prepared.home)


@pytest.fixture
def worlds(app: Flask, prepared: Prepared) -> dict[str, World]:
    """The callers' own agency, one far below it, and a foreign one."""
    merge = db.session.merge
    return {
        where: replace(world, agency=merge(world.agency), project=merge(world.project), reviewed=merge(world.reviewed))
        for where, world in prepared.worlds.items()
    }


def send(who: Caller, operation: str, method: str, world: World) -> Any:
    tried = TRIES[operation]
    path = tried.path.format(
        bin=world.agency.bin,
        number=world.project.number,
        external_id=world.project.external_id,
        document=world.document_id,
        exemption=world.exemption_id,
        audit=world.audit_id,
        import_run=world.import_id,
        case=world.case_id,
        account=world.account_id,
        service=world.service_id,
        key=world.key_id,
        **world.requests,
        link=world.link_id,
        letter=world.letter,
        template=world.template_id,
        **world.reports,
    )
    if tried.form is not None:
        return who.form(path, tried.form(world))
    if tried.body is None:
        return who.call(method, path)
    if method == "PATCH":
        return who.call(method, path, json=tried.body(world), content_type=MERGE_PATCH, headers={"If-Match": "*"})
    return who.call(method, path, json=tried.body(world))


def expected(role: Role, operation: str, where: str) -> int:
    tried = TRIES[operation]
    foreign = where == "foreign" and role in AGENCY
    if role in tried.unseen:
        return 404
    if role not in tried.allowed:
        return 403
    if foreign and operation in ("create_project", "put_project", "check_before_registering", "create_account"):
        return 403
    if foreign and tried.owned:
        return 404
    return tried.good


def test_every_declared_route_is_tried(app: Flask) -> None:
    assert {operation.name for operation in declared_routes(app)} == set(TRIES)


# Rights do not depend on the database; the tests of what is visible run on both.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_the_contract_gives_it_and_nothing_else(
    client: FlaskClient, home: Agency, worlds: dict[str, World], role: Role
) -> None:
    who = caller(client, role, home if role in AGENCY else None)
    methods = {operation.name: operation.method for operation in declared_routes(client.application)}
    wrong = []
    # Who is bound to no agency has no child of it.
    tried = worlds if role in AGENCY else {where: worlds[where] for where in ("own", "foreign")}
    for operation, (where, world) in itertools.product(TRIES, tried.items()):
        status = expected(role, operation, where)
        with send(who, operation, methods[operation], world) as answer:
            if answer.status_code != status:
                wrong.append(f"{operation} on {where}: {answer.status_code}, expected {status}: {answer.data[:200]!r}")
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_a_list_shows_own_and_child_and_never_foreign(
    client: FlaskClient, home: Agency, worlds: dict[str, World], role: Role
) -> None:
    who = caller(client, role, home if role in AGENCY else None)
    seen = {"own", "child"} if role in AGENCY else set(worlds)

    projects = {item["number"] for item in who.get("/projects").get_json()["items"]}
    numbers = {item["number"] for item in who.get("/projects?q=учёта").get_json()["items"]}
    exemptions = {item["id"] for item in who.get("/exemptions").get_json()["items"]}

    cases = {item["id"] for item in who.get("/cases").get_json().get("items", ())}
    flagged = {item["project"] for item in who.get("/flags?status=open").get_json()["items"]}

    assert (
        projects == numbers == {of.number for where in seen for of in (worlds[where].project, worlds[where].reviewed)}
    )
    assert cases == {worlds[where].case_id for where in seen if role in CASE_READERS}
    assert flagged == {worlds[where].reviewed.number for where in seen}
    assert exemptions == {worlds[where].exemption_id for where in seen}


@pytest.mark.parametrize("role", list(Role))
def test_a_restricted_project_is_nowhere_for_who_may_not_see_it(
    client: FlaskClient, home: Agency, worlds: dict[str, World], role: Role
) -> None:
    world = worlds["child"]
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        for secret in (world.project, world.reviewed):
            restrict_project(supervisor, find_project_to_change(supervisor, secret.number), True, "Secret")
    who = caller(client, role, home if role in AGENCY else None)
    methods = {operation.name: operation.method for operation in declared_routes(client.application)}
    sees = role in SEE_RESTRICTED

    for operation, tried in TRIES.items():
        if tried.owned and tried.of_project and methods[operation] == "GET":
            status = send(who, operation, "GET", world).status_code
            assert status == (403 if role not in tried.allowed else 200 if sees else 404), operation
    numbers = {item["number"] for item in who.get("/projects").get_json()["items"]}
    assert (world.project.number in numbers) == sees
    exempt = {item["id"] for item in who.get("/exemptions").get_json()["items"]}
    assert (world.exemption_id in exempt) == sees
    assert (world.reviewed.number in {item["project"] for item in who.get("/flags").get_json()["items"]}) == sees
    assert (world.case_id in {item["id"] for item in who.get("/cases").get_json().get("items", ())}) == sees


def test_nothing_answers_without_a_token(client: FlaskClient, worlds: dict[str, World]) -> None:
    nobody = Caller(client, None)
    for operation in declared_routes(client.application):
        answer = send(nobody, operation.name, operation.method, worlds["own"])
        assert operation.rule.startswith(API_PREFIX)
        assert answer.status_code == 401, operation.name
