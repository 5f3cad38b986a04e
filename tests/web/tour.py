"""Tour of all pages on the demo's data, for the gallery's screenshots and the accessibility tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from flask import Flask
from sqlalchemy import func, select

from registry.accounts.absences import record_absence
from registry.accounts.attempts import record_failure
from registry.accounts.models import Account, Person
from registry.accounts.passwords import BY_EMAIL, Invitation, invitation_key
from registry.accounts.roles import Actor, Role, local_actor
from registry.accounts.service import NewPerson, add_person, invite_person, person_named, set_password
from registry.accounts.tokens import Token, add_service_account, issue
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.audits.service import run_audit
from registry.core.clock import now, today
from registry.core.database import db, transaction
from registry.demo.records import REVIEWER, SECOND_REVIEWER, demo_actor
from registry.flags.models import AuditRun, Flag
from registry.imports.service import import_now, receive_import
from registry.letters.models import Letter
from registry.notifications.aitu import AITU_BOT_NAME, AituLink
from registry.notifications.immediate import process_outbox
from registry.open_data.models import PUBLICATION, Licence
from registry.open_data.service import write_when_due
from registry.procurement.models import Contract
from registry.projects.drafts import drafts_of, save_draft, start_draft
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.projects.service import register_project
from registry.saved_views.service import save_view
from tests.state_systems.signing import an_external_confirmation
from tests.web.tour_cases import stops_of_cases
from tests.web.tour_entries import AGENCY, BAD_TABLE, CLERKS_TABLE, DRAFT, OTHER_AGENCY, TWIN, UNKNOWN_COLUMNS
from tests.web.tour_held_audit import add_held_audit
from tests.web.tour_people import stops_of_people
from tests.web.tour_policies import add_policy_draft, stops_of_policies
from tests.web.tour_projects import stops_of_projects
from tests.web.tour_reports import add_government_reports, stops_of_reports
from tests.web.tour_requests import add_requests, case_of, project_numbered, stops_of_requests
from tests.web.tour_stop import PASSWORD, Stop, person_name
from tests.web.tour_webhooks import add_webhooks, stops_of_webhooks


def prepare(app: Flask) -> dict[str, object]:
    """Add passwords, a draft, an import with errors and a dry run to the demo. Return the parameters of the paths."""
    with app.app_context():
        for role in Role:
            person = person_named(person_name(role))
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
        app.config[AITU_BOT_NAME] = "qaztech_bot"
        link_aitu(editor)
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
        unmapped = receive_import(editor, "projects", True, "реестр.csv", UNKNOWN_COLUMNS.encode())
        dry = run_audit(local_actor(Role.OPERATOR), dry_run=True)
        flagged = select(Project.number).join(Flag).where(Project.external_id.like("HEALTH-%"), Flag.status == "open")
        own_token = (
            select(Token.key_id).join(Account, Account.id == Token.account_id).where(Account.name == editor.principal)
        )
        audits = select(AuditRun.id).where(AuditRun.status == "succeeded", AuditRun.dry_run.is_(False))
        app.config[PUBLICATION] = Licence("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/")
        requests = add_requests(person_name, REVIEWER, AGENCY)
        letter = db.session.scalars(select(Letter).where(Letter.kind == "order").order_by(-Letter.id)).first()
        reports = add_government_reports()
        process_outbox(with_mail=False)
        # After the withdrawal of a project, which drops the files.
        write_when_due()
        return {
            **requests,
            **reports,
            **add_webhooks(),
            "external_confirmation": add_external_confirmation(project_numbered("HEALTH-007")),
            "contract": db.session.scalars(select(Contract.id).where(Contract.amendments.is_not(None))).first(),
            "letter": letter.number,
            "letter_code": letter.code,
            "number": db.session.scalars(flagged.order_by(Flag.severity, Project.number).limit(1)).one(),
            "onboarding": project_numbered("HEALTH-007"),
            "on_platform": project_numbered("HEALTH-001"),
            "ended": project_numbered("ROADS-002"),
            "audit": db.session.scalars(audits.order_by(-AuditRun.id)).first(),
            "dry_audit": dry.id,
            "held_audit": add_held_audit(AGENCY),
            "policy_draft": add_policy_draft(),
            "view": add_saved_views(),
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
            "person_account": db.session.scalars(select(Person.account_id).order_by(Person.id.desc()).limit(1)).one(),
            "case_new": case_of("HEALTH-006"),
            "case_review": case_of("HEALTH-005"),
            "case_asked": case_of("HEALTH-003"),
            "case_approval": case_of("ARAL-002"),
            "case_appealed": case_of("TAX-005"),
            "case_ordered": case_of("TAX-004"),
            "case_commission": case_of("TRANSPORT-001"),
            "case_closed": case_of("EDU-008"),
        }


def add_external_confirmation(number: str) -> int:
    """The id of a confirmation that may be about a project, whose record differs."""
    project = db.session.scalars(select(Project).where(Project.number == number)).one()
    agency = db.session.get_one(Agency, project.agency_id)
    return an_external_confirmation(agency, project_id=project.id, match_state="to_check")


def link_aitu(actor: Actor) -> None:
    """Link an Aitu account to a person, which the bot of this tour cannot do."""
    person = person_named(actor.principal)
    peer = "c7d01753-8890-4188-a516-adcd2e9a5abe"
    with transaction() as session:
        session.add(AituLink(person_id=person.id, peer_id=peer, channels="both", linked_at=now(), rejected_at=now()))


def add_saved_views() -> int:
    """Save views of the reviewer. Return the id of the shared one."""
    person = person_named(person_name(Role.REVIEWER))
    reviewer = replace(demo_actor(person.name), account_id=person.account_id)
    money = {"status": "new,under_review", "sort": "-budget_kzt"}
    save_view(reviewer, {"name": "Крупные бюджеты", "list": "cases", "query": money, "shared": False})
    region = {"region": "71", "freeze_status": "flagged"}
    save_view(reviewer, {"name": "Астана: с замечаниями", "list": "projects", "query": region, "shared": False})
    overdue = {"overdue": "true", "sector": "07"}
    return save_view(
        reviewer, {"name": "Здравоохранение: просроченные", "list": "cases", "query": overdue, "shared": True}
    ).id


def stops(known: Mapping[str, object]) -> list[Stop]:
    """Return every page, empty, filled and with errors."""
    return [
        *_first_stops(),
        *stops_of_projects(known),
        *stops_of_cases(known),
        *stops_of_policies(known),
        *stops_of_requests(known),
        *stops_of_reports(known),
        *stops_of_people(known),
        *stops_of_webhooks(known),
    ]


def _first_stops() -> list[Stop]:
    """Pages before the sign-in, help and home."""
    return [
        Stop("welcome", None, "/"),
        Stop("sign-in", None, "/sign-in"),
        Stop("sign-in-error", None, "/sign-in", {"name": "nobody", "password": "wrong"}),
        Stop("not-found", None, "/nothing-here"),
        Stop("help", None, "/help"),
        Stop("help-agency", None, "/help/agency"),
        Stop("help-reviewer", Role.REVIEWER, "/help/reviewer"),
        Stop("help-administrator", Role.ADMINISTRATOR, "/help/administrator"),
        Stop("help-operator", Role.OPERATOR, "/help/operator"),
        Stop("help-integrator", None, "/help/integrator"),
        Stop("help-operations", None, "/help/operations"),
        Stop("help-api", None, "/help/api"),
        Stop("help-settings", None, "/help/settings"),
        Stop("help-rules", Role.AUDITOR, "/help/rules"),
        Stop("help-requests", Role.AUDITOR, "/help/requests"),
        Stop("help-index-own", Role.AGENCY_EDITOR, "/help"),
        Stop("help-rules-in-force", Role.AGENCY_EDITOR, "/help/rules-in-force"),
        Stop("help-project-fields", None, "/help/project-fields"),
        Stop("setup", Role.ADMINISTRATOR, "/setup"),
        Stop("home-administrator", Role.ADMINISTRATOR, "/home"),
        Stop("home-agency", Role.AGENCY_EDITOR, "/home"),
        Stop("home-oversight", Role.SUPERVISOR, "/home"),
        Stop("settings", Role.ADMINISTRATOR, "/settings"),
    ]
