"""Tour of all pages on the demo's data, for the gallery's screenshots and the accessibility tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from flask import Flask
from sqlalchemy import func, select

from registry.accounts.absences import record_absence
from registry.accounts.actors import local_actor
from registry.accounts.failed_sign_ins import record_failure
from registry.accounts.invitations import BY_EMAIL, Invitation, invitation_key
from registry.accounts.invited_people import invite_person
from registry.accounts.models import Account
from registry.accounts.people import NewPerson, Person, add_person, person_named, set_password
from registry.accounts.roles import Role
from registry.accounts.service_accounts import add_service_account
from registry.accounts.token_models import Token
from registry.accounts.tokens import issue
from registry.agencies.service import agency_by_bin
from registry.audits.service import run_audit
from registry.core.clock import today
from registry.core.database import db
from registry.core.transactions import transaction
from registry.demo.people import REVIEWER, SECOND_REVIEWER, demo_actor, first_of_each_role
from registry.flags.audit_runs import AuditRun
from registry.flags.models import Flag
from registry.imports.hand_mapping import hold_import
from registry.imports.service import import_now
from registry.projects.drafts import drafts_of, save_draft, start_draft
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.projects.service import register_project
from tests.web.tour_held_audit import add_held_audit
from tests.web.tour_requests import add_requests, case_of, project_numbered

PASSWORD: Final = "Besköpir-2026-tau"
AGENCY: Final = "990340900110"
BAD_TABLE: Final = (
    "agency,external_id,name_ru,object_kind,work_type,stage,placement,budget_kzt\n"
    f"{AGENCY},GAL-1,Проба,system,creation,planning,nowhere,много\n"
    f"{AGENCY},,Без номера,system,creation,planning,unknown,1\n"
)
DRAFT: Final = {
    "agency": AGENCY,
    "name_ru": "Электронная система лекарственного обеспечения",
    "name_kk": "Дәрі-дәрмекпен қамтамасыз етудің электрондық жүйесі",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "creation",
    "placement": "off_platform",
    "contract_signed_on": "02.03.2026",
    "budget_kzt": "48500000",
    "region": "71",
    "sector": "07",
}

# Of another agency, and like HEALTH-003.
OTHER_AGENCY: Final = "110240901232"
TWIN: Final = {
    "name_ru": "Создание системы обеспечения лекарствами",
    "name_kk": "Дәрі-дәрмекпен қамтамасыз ету жүйесін құру",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "planning",
    "placement": "on_platform",
    "supplier_bin": "130740910411",
}
CLERKS_TABLE: Final = (
    "Реестр проектов;;;;;;;;;\n"
    "№ п/п;БИН;Внутренний номер;Название;Вид объекта;Вид работ;Стадия;Размещение;Дата договора;Сумма, ₸\n"
    f"1;{AGENCY};HEALTH-003;Портал озёр;сайт;Развитие;ОЭ;вне QazTech;02.11.2026;1 200 000,00 ₸\n"
    f"2;{AGENCY};А-2;Учёт рек;ИС;Создание;Планирование;Пока неизвестно;03.11.2026;5 000 000\n"
    f"3;{AGENCY};А-3;Реестр болот;ИС;Создание;Планирование;Пока неизвестно;скоро;1.2 млн\n"
    "Итого;;;;;;;;;6 200 000\n"
)
UNKNOWN_COLUMNS: Final = (
    "Реестр проектов;;;;;\n№;Шифр;Что это;Вид работ;Бюджет, тенге;Примечание\n"
    "1;А-1;Портал озёр;Создание;1 200 000;срочно\n2;А-2;Учёт рек;Развитие;5 000 000;\n"
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A page: its viewer (None: signed out), its URL, and the form submitted on it, if any."""

    name: str
    role: Role | None
    path: str
    sends: Mapping[str, str] | None = None


def person_name(role: Role) -> str:
    """Return the user name of the person of the role."""
    return first_of_each_role()[role]


def prepare(app: Flask) -> dict[str, object]:
    """Add passwords, a draft, an import with errors and a dry run to the demo. Return the parameters of the paths."""
    with app.app_context():
        for role in Role:
            person = person_named(person_name(role))
            assert person is not None
            set_password(local_actor(Role.ADMINISTRATOR), person.id, PASSWORD)
            issue(local_actor(Role.ADMINISTRATOR), person.name, None, None, timedelta(days=90))
        by_administrator = replace(demo_actor(person_name(Role.ADMINISTRATOR)), credential="session:of-the-tour")
        add_person(by_administrator, NewPerson("Ержан Сейітқали", Role.REVIEWER), PASSWORD)
        by_another = replace(by_administrator, principal="Another administrator")
        pending = add_service_account(by_another, "Decision support", Role.SUPERVISOR, None)
        issue(local_actor(Role.ADMINISTRATOR), "Nightly proposals", Role.REVIEWER, None, None)
        issue(by_another, "Nightly proposals", None, None, timedelta(days=90))
        absent, deputy = person_named(REVIEWER), person_named(SECOND_REVIEWER)
        assert absent is not None and deputy is not None
        record_absence(by_administrator, absent.account_id, deputy.account_id, today(), today() + timedelta(days=14))
        app.config[BY_EMAIL] = True
        invited = NewPerson("Гүлназ Ахметова", Role.AGENCY_VIEWER, agency_by_bin(AGENCY).id, "g.akhmetova@example.kz")
        invite_person(by_administrator, invited)
        app.config[BY_EMAIL] = False
        for name in (REVIEWER, "такого имени нет"):
            record_failure(name, "10.1.4.22", "tour", "password-not-accepted")
        editor = demo_actor(person_name(Role.AGENCY_EDITOR))
        draft = start_draft(editor)
        save_draft(editor, draft.id, DRAFT)
        run = import_now(editor, "projects", True, "проекты.csv", BAD_TABLE.encode())
        register_project(by_administrator, OTHER_AGENCY, TWIN)
        with transaction():
            target = {
                "kind": "part_of",
                "target": project_numbered("HEALTH-007"),
                "note": "Одна информационная система",
            }
            add_link(demo_actor(REVIEWER), project_numbered("HEALTH-001"), target)
        previewed = import_now(editor, "projects", True, "реестр.csv", CLERKS_TABLE.encode())
        unmapped = hold_import(editor, "projects", True, "реестр.csv", UNKNOWN_COLUMNS.encode())
        dry = run_audit(local_actor(Role.OPERATOR), dry_run=True)
        flagged = select(Project.number).join(Flag).where(Project.external_id.like("HEALTH-%"), Flag.status == "open")
        own_token = (
            select(Token.key_id).join(Account, Account.id == Token.account_id).where(Account.name == editor.principal)
        )
        audits = select(AuditRun.id).where(AuditRun.status == "succeeded", AuditRun.dry_run.is_(False))
        requests = add_requests(person_name, REVIEWER, AGENCY)
        return {
            **requests,
            "number": db.session.scalars(flagged.order_by(Flag.severity, Project.number).limit(1)).one(),
            "onboarding": project_numbered("HEALTH-007"),
            "on_platform": project_numbered("HEALTH-001"),
            "ended": project_numbered("ROADS-002"),
            "audit": db.session.scalars(audits.order_by(-AuditRun.id)).first(),
            "dry_audit": dry.id,
            "held_audit": add_held_audit(AGENCY),
            "draft": drafts_of(editor)[0].id,
            "import": run.id,
            "unmapped": unmapped.id,
            "previewed": previewed.id,
            "account": pending.id,
            "own_key": db.session.scalars(own_token.order_by(-Token.id)).first(),
            "absent": absent.id,
            "account_of_absent": absent.account_id,
            "invitation": invitation_key(db.session.scalars(select(func.max(Invitation.id))).one()),
            "person": db.session.scalars(select(func.max(Person.id))).one(),
            "case_new": case_of("HEALTH-006"),
            "case_review": case_of("HEALTH-005"),
            "case_asked": case_of("HEALTH-003"),
            "case_approval": case_of("ARAL-002"),
            "case_appealed": case_of("TAX-005"),
            "case_ordered": case_of("TAX-004"),
            "case_commission": case_of("TRANSPORT-001"),
            "case_closed": case_of("EDU-008"),
        }


def stops(known: Mapping[str, object]) -> list[Stop]:
    """Return every page, empty, filled and with errors."""
    editor, viewer, reviewer, supervisor, operator, administrator, auditor = (
        Role.AGENCY_EDITOR,
        Role.AGENCY_VIEWER,
        Role.REVIEWER,
        Role.SUPERVISOR,
        Role.OPERATOR,
        Role.ADMINISTRATOR,
        Role.AUDITOR,
    )
    number, draft = known["number"], known["draft"]
    return [
        Stop("welcome", None, "/"),
        Stop("sign-in", None, "/sign-in"),
        Stop("sign-in-error", None, "/sign-in", {"name": "nobody", "password": "wrong"}),
        Stop("not-found", None, "/nothing-here"),
        Stop("help", None, "/help"),
        Stop("help-agency", None, "/help/agency"),
        Stop("help-reviewer", reviewer, "/help/reviewer"),
        Stop("help-administrator", administrator, "/help/administrator"),
        Stop("help-operator", operator, "/help/operator"),
        Stop("help-integrator", None, "/help/integrator"),
        Stop("help-operations", None, "/help/operations"),
        Stop("help-api", None, "/help/api"),
        Stop("help-settings", None, "/help/settings"),
        Stop("help-rules", auditor, "/help/rules"),
        Stop("help-index-own", editor, "/help"),
        Stop("setup", administrator, "/setup"),
        Stop("home-administrator", administrator, "/home"),
        Stop("home-agency", editor, "/home"),
        Stop("home-oversight", supervisor, "/home"),
        Stop("projects", supervisor, "/projects"),
        Stop("projects-none", editor, "/projects?q=такогонет"),
        Stop("project-agency", editor, f"/projects/{number}"),
        Stop("project-viewer", viewer, f"/projects/{number}"),
        Stop("project-oversight", supervisor, f"/projects/{known['on_platform']}"),
        Stop("project-similar", reviewer, f"/projects/{known['number']}"),
        Stop("project-link", reviewer, f"/projects/{known['on_platform']}/links"),
        Stop("project-link-error", reviewer, f"/projects/{known['on_platform']}/links", {"target": "1"}),
        Stop("project-history", auditor, f"/projects/{number}/history"),
        Stop("project-edit", editor, f"/projects/{number}/edit"),
        Stop("project-edit-section", editor, f"/projects/{number}/edit/work"),
        Stop("project-edit-money", editor, f"/projects/{number}/edit/money"),
        Stop("project-edit-check", editor, f"/projects/{number}/edit/dates", {"contract_signed_on": "16.12.2025"}),
        Stop("signed-in-again", editor, "/sign-in/again"),
        Stop("project-edit-error", editor, f"/projects/{number}/edit", {"budget_kzt": "много", "supplier_bin": "12"}),
        Stop("cases", supervisor, "/cases?status=new,under_review,awaiting_agency,awaiting_approval"),
        Stop("cases-none", reviewer, "/cases?agency=930840901354"),
        Stop("cases-confirm", reviewer, "/cases?status=awaiting_confirmation"),
        Stop("cases-approval", supervisor, "/cases?to_approve=true"),
        Stop("watch-list", reviewer, "/cases/watch-list"),
        Stop("watch-list-none", auditor, "/cases/watch-list?q=такогонет"),
        Stop("exemptions-ending", supervisor, "/cases/exemptions-ending?within=any"),
        Stop("exemptions-none", editor, "/cases/exemptions-ending?within=30"),
        Stop("cases-agency", editor, "/cases?status=awaiting_agency"),
        Stop("case-new", reviewer, f"/cases/{known['case_new']}?status=new"),
        Stop("case-review", reviewer, f"/cases/{known['case_review']}"),
        Stop("case-review-error", reviewer, f"/cases/{known['case_review']}?status=under_review", {}),
        Stop("case-approval", supervisor, f"/cases/{known['case_approval']}?to_approve=true"),
        Stop("case-asked", editor, f"/cases/{known['case_asked']}"),
        Stop("case-asked-error", editor, f"/cases/{known['case_asked']}", {"answer-comment": ""}),
        Stop("case-asked-viewer", viewer, f"/cases/{known['case_asked']}"),
        Stop("case-appealed", supervisor, f"/cases/{known['case_appealed']}"),
        Stop("case-ordered", reviewer, f"/cases/{known['case_ordered']}"),
        Stop("case-commission", auditor, f"/cases/{known['case_commission']}"),
        Stop("case-closed", auditor, f"/cases/{known['case_closed']}"),
        Stop("attestations", editor, "/attestations"),
        Stop("register", editor, "/register"),
        Stop("register-what", editor, f"/register/{draft}/what"),
        Stop("register-work", editor, f"/register/{draft}/work"),
        Stop("register-object", editor, f"/register/{draft}/object"),
        Stop("register-dates", editor, f"/register/{draft}/dates"),
        Stop("register-money", editor, f"/register/{draft}/money"),
        Stop("register-people", editor, f"/register/{draft}/people"),
        Stop("register-check", editor, f"/register/{draft}/check"),
        Stop("imports", editor, "/imports"),
        Stop("imports-error", editor, "/imports", {}),
        Stop("import", editor, f"/imports/{known['import']}"),
        Stop("import-rows", editor, f"/imports/{known['previewed']}/rows"),
        Stop("import-preview", editor, f"/imports/{known['previewed']}"),
        Stop("import-columns", editor, f"/imports/{known['unmapped']}/columns"),
        Stop("import-columns-error", editor, f"/imports/{known['unmapped']}/columns", {}),
        Stop("team", supervisor, "/cases/team"),
        Stop("audits", operator, "/audits"),
        Stop("audit", supervisor, f"/audits/{known['audit']}"),
        Stop("audit-tried", supervisor, f"/audits/{known['dry_audit']}"),
        Stop("audit-held", supervisor, f"/audits/{known['held_audit']}"),
        Stop("audit-held-rejection", supervisor, f"/audits/{known['held_audit']}/rejection"),
        Stop("audit-new", operator, "/audits/new"),
        Stop("audit-voiding", operator, f"/audits/{known['audit']}/voiding"),
        Stop("audit-new-error", operator, "/audits/new", {"on": "01.01.2090"}),
        Stop("inventory", operator, "/inventory"),
        Stop("compliance-agency", auditor, "/reports/compliance?by=agency"),
        Stop("compliance-former-date", auditor, f"/reports/compliance?by=agency&on={today():%d.%m.%Y}"),
        Stop("compliance-former-date-error", auditor, "/reports/compliance?by=agency&on=1"),
        Stop("compliance-below", auditor, f"/reports/compliance?within={AGENCY}"),
        Stop("compliance-region", auditor, "/reports/compliance?by=region"),
        Stop("compliance-kind", auditor, "/reports/compliance?by=kind"),
        Stop("compliance-sector", auditor, "/reports/compliance?by=sector"),
        Stop("confirm-placement", operator, f"/projects/{known['on_platform']}/confirm-placement"),
        Stop("confirm-onboarding", operator, f"/projects/{known['onboarding']}/confirm-onboarding"),
        Stop("confirm-ending", operator, f"/projects/{known['ended']}/confirm-ending"),
        Stop("restrict", supervisor, f"/projects/{number}/restrict"),
        Stop("exemption", supervisor, f"/projects/{number}/exemption"),
        Stop("exemption-error", supervisor, f"/projects/{number}/exemption", {"decided_on": ""}),
        Stop("journal", auditor, "/journal"),
        Stop("journal-entry", auditor, "/journal/1"),
        Stop("failed-sign-ins", auditor, "/journal/failed-sign-ins"),
        Stop("failed-sign-ins-none", auditor, "/journal/failed-sign-ins?name=такогонет"),
        Stop("agencies", administrator, "/agencies"),
        Stop("agency-new", administrator, "/agencies/new"),
        Stop("agency-new-error", administrator, "/agencies/new", {"bin": "123"}),
        Stop("agency-edit", administrator, f"/agencies/{AGENCY}/edit"),
        Stop("agencies-tree", auditor, "/agencies/tree"),
        Stop("agency-page", administrator, f"/agencies/{AGENCY}"),
        Stop("agency-page-closed", auditor, f"/agencies/{known['former_agency']}"),
        Stop("agency-page-successor", supervisor, f"/agencies/{known['successor']}"),
        Stop("succession-new", administrator, f"/agencies/{known['successor']}/succession"),
        Stop("succession-new-error", administrator, f"/agencies/{known['successor']}/succession", {"on": "1"}),
        Stop("transfer-new", administrator, f"/projects/{known['passing']}/transfer"),
        Stop("transfer-new-error", administrator, f"/projects/{known['passing']}/transfer", {"to": "1"}),
        Stop("requests", supervisor, "/requests"),
        Stop("requests-none", editor, "/requests?state=refused"),
        Stop("request-waiting", supervisor, f"/requests/{known['merger']}"),
        Stop("request-own", administrator, f"/requests/{known['merger']}"),
        Stop("request-failed", supervisor, f"/requests/{known['failing']}"),
        Stop("request-done", auditor, f"/requests/{known['merged']}"),
        Stop("withdrawal-new", editor, f"/projects/{number}/withdrawal"),
        Stop("withdrawal-new-error", editor, f"/projects/{number}/withdrawal", {"reason": ""}),
        Stop("withdrawal-waiting", supervisor, f"/requests/{known['withdrawal']}"),
        Stop("withdrawal-done", supervisor, f"/requests/{known['withdrawn_by']}"),
        Stop("project-withdrawn", reviewer, f"/projects/{known['withdrawn']}"),
        Stop("projects-withdrawn", reviewer, "/projects?withdrawn=only"),
        Stop("confirmation-request-new", editor, f"/projects/{known['onboarding']}/confirmation-request/onboarding"),
        Stop(
            "confirmation-request-error",
            editor,
            f"/projects/{known['onboarding']}/confirmation-request/ending",
            {"ended_on": "1", "evidence": ""},
        ),
        Stop("confirmation-request-waiting", reviewer, f"/requests/{known['confirmation_request']}"),
        Stop("case-documents-new", reviewer, f"/cases/{known['case_asked']}/documents/new"),
        Stop("case-documents-error", editor, f"/cases/{known['case_asked']}/documents/new", {"description": "Письмо"}),
        Stop("exemption-documents-new", supervisor, f"/exemptions/{known['exemption']}/documents/new"),
        Stop("project-exempted", supervisor, f"/projects/{known['exempted']}"),
        Stop("request-transfer", administrator, f"/requests/{known['transfer']}"),
        Stop("people", administrator, "/people"),
        Stop("people-none", administrator, "/people?q=такогонет"),
        Stop("people-move", administrator, f"/people/agency?person={known['person']}"),
        Stop("people-move-error", administrator, f"/people/agency?person={known['person']}", {}),
        Stop("people-import", administrator, "/people/import"),
        Stop("people-import-error", administrator, "/people/import", {}),
        Stop("person", administrator, f"/people/{known['absent']}"),
        Stop("person-handover", administrator, f"/people/{known['person']}/handover"),
        Stop("person-handover-error", administrator, f"/people/{known['person']}/handover", {}),
        Stop("person-second-factor", administrator, f"/people/{known['person']}/second-factor"),
        Stop("absence-new", administrator, f"/absences/{known['account_of_absent']}/new"),
        Stop("absence-new-error", administrator, f"/absences/{known['account_of_absent']}/new", {"first_day": "x"}),
        Stop("invitation", None, f"/invitation?key={known['invitation']}"),
        Stop("invitation-error", None, f"/invitation?key={known['invitation']}", {"password": ""}),
        Stop("invitation-used", None, "/invitation?key=used"),
        Stop("person-new", administrator, "/people/new"),
        Stop("person-new-error", administrator, "/people/new", {"name": "a:b"}),
        Stop("person-edit", administrator, f"/people/{known['person']}/edit"),
        Stop("person-disable", administrator, f"/people/{known['person']}/disabled"),
        Stop("person-enable", administrator, f"/people/{known['person']}/enabled"),
        Stop("person-password", administrator, f"/people/{known['person']}/password"),
        Stop("tokens", administrator, "/tokens"),
        Stop("tokens-inactive", administrator, "/tokens?show=inactive"),
        Stop("service-account-owner", administrator, f"/tokens/accounts/{known['account']}/owner"),
        Stop("service-account-new", administrator, "/tokens/accounts/new"),
        Stop("service-account-new-error", administrator, "/tokens/accounts/new", {"name": ""}),
        Stop("service-account-disable", administrator, f"/tokens/accounts/{known['account']}/disabled"),
        Stop("service-account-enable", administrator, f"/tokens/accounts/{known['account']}/enabled"),
        Stop("token-new", administrator, f"/tokens/accounts/{known['account']}/token"),
        Stop("token-revoke", administrator, f"/tokens/{known['own_key']}/revocation"),
        Stop("pending-accounts", administrator, "/people/pending"),
        Stop("pending-accounts-supervisor", supervisor, "/people/pending"),
        Stop("my-account", editor, "/account"),
        Stop("my-account-none", viewer, "/account"),
        Stop("own-password", editor, "/account/password"),
        Stop("own-password-error", editor, "/account/password", {"old_password": "wrong", "new_password": "short"}),
        Stop("own-language", editor, "/account/language"),
        Stop("factor-new", editor, "/account/factors/new"),
        Stop("step-up", editor, "/sign-in/second-factor?unsaved=yes"),
        Stop("step-up-error", editor, "/sign-in/second-factor", {"password": ""}),
        Stop("step-up-done", editor, "/sign-in/second-factor/done"),
        Stop("own-token-new-error", editor, "/account/tokens/new", {"addresses": "nowhere"}),
        Stop("own-token-new", editor, "/account/tokens/new"),
        Stop("own-token-revoke", editor, f"/account/tokens/{known['own_key']}/revocation"),
        Stop("forbidden", editor, "/people"),
    ]
