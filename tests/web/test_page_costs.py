"""Statements and kilobytes of pages: as many for many rows as for few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection, func, select

from registry.accounts.models import Account, account_named
from registry.accounts.roles import AGENCY_ROLES, Actor, Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import add_service_account
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.audits.service import run_audit
from registry.cases.models import Case
from registry.cases.service import add_case_document
from registry.core.clock import now, today
from registry.core.database import db, transaction
from registry.imports.service import import_now
from registry.projects.documents import add_document
from registry.projects.links import add_link
from registry.requests.approval_kinds import propose_restriction
from registry.requests.models import RequestKind
from registry.requests.service import ask
from registry.webhooks.models import WebhookDelivery
from registry.webhooks.service import create_webhook
from tests.audits.steps import audit
from tests.cases.casework import GAP
from tests.cases.cast import AIGERIM, act, migrate_by, under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal
from tests.present import Present
from tests.statements import statements

FEW, MANY = 2, 4
DAY = date(2026, 7, 15)
LETTER = {"kind": "letter", "description": "A letter"}
Grow = Callable[[Agency, int], str]


def agencies_below(agency: Agency, count: int) -> str:
    for _ in range(count):
        below = an_agency(agency)
        a_project(below)
        values = {"successor": an_agency().bin, "on": today(), "act": "Decree No. 17", "reason": "They merge."}
        ask(ADMINISTRATOR, RequestKind.SUCCESSION, below.bin, values)
    return f"/agencies/{agency.bin}"


def tree(agency: Agency, count: int) -> str:
    agencies_below(agency, count)
    return f"/agencies/tree?within={agency.bin}"


def records_to_attest(agency: Agency, count: int) -> str:
    for _ in range(count):
        a_project(an_agency(agency))
    return "/attestations"


def requests(agency: Agency, count: int) -> str:
    for _ in range(count):
        project = a_project(an_agency(agency))
        ask(ADMINISTRATOR, RequestKind.WITHDRAWAL, project.number, {"reason": "Registered twice."})
        values = {"to": an_agency().bin, "on": today(), "act": "Order No. 5", "reason": "Another one runs it."}
        ask(ADMINISTRATOR, RequestKind.TRANSFER, project.number, values)
    return "/requests"


def division(agency: Agency, count: int) -> str:
    agency, successor = an_agency(agency), an_agency()
    own = [a_project(agency) for _ in range(count)]
    for project in own:
        a_project(successor, external_id=project.external_id)
    values = {"successor": successor.bin, "on": today(), "act": "Decree No. 17", "reason": "They divide."}
    numbers = [project.number for project in own]
    return f"/requests/{ask(ADMINISTRATOR, RequestKind.SUCCESSION, agency.bin, {**values, 'projects': numbers}).id}"


def import_rows(agency: Agency, count: int) -> str:
    actor = replace(ADMINISTRATOR, principal="administrator.web")
    content = csv_of(*(minimal(agency.bin, external_id=f"R-{place}") for place in range(count)))
    run = import_now(actor, "projects", True, "rows.csv", content)
    return f"/imports/{run.id}/rows"


def imports(agency: Agency, count: int) -> str:
    for _ in range(count):
        import_rows(agency, 1)
    return "/imports"


def case_documents(agency: Agency, count: int) -> str:
    a_project(agency)
    audit()
    case_id = db.session.query(Case.id).order_by(Case.id.desc()).limit(1).scalar()
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    for _ in range(count):
        add_case_document(editor, case_id, "a.pdf", "application/pdf", b"%PDF-1.7", LETTER)
    return f"/cases/{case_id}"


def approvals(agency: Agency, count: int) -> str:
    for _ in range(count):
        project = a_project(an_agency(agency))
        propose_restriction(an_actor(Role.SUPERVISOR), project.number, {"is_restricted": True, "reason": "Secret"})
    return "/approvals"


def linked_project(agency: Agency, count: int) -> str:
    shown = a_project(agency)
    for _ in range(count):
        other = a_project(an_agency(agency))
        with transaction():
            add_link(an_actor(Role.REVIEWER), shown.number, {"kind": "part_of", "target": other.number})
        add_document(ADMINISTRATOR, shown, "a.pdf", "application/pdf", b"%PDF-1.7")
    return f"/projects/{shown.number}"


def cases(agency: Agency, count: int) -> str:
    for _ in range(count):
        act(AIGERIM, under_review(a_project(an_agency(agency))), "propose", migrate_by(date(2026, 9, 30)))
        a_project(an_agency(agency))
    audit()
    return "/cases?status=new,awaiting_approval&group=agency"


def tasks(agency: Agency, count: int) -> str:
    cases(agency, count)
    return "/home"


def proposals(agency: Agency, count: int) -> str:
    cases(agency, count)
    proposed = db.session.scalars(select(Case.id).where(Case.status == "awaiting_approval").order_by(-Case.id))
    return f"/cases/approval?id={','.join(map(str, proposed.all()[:count]))}"


def watch_list(agency: Agency, count: int) -> str:
    for _ in range(count):
        a_project(an_agency(agency), **GAP, object_commissioned_on="2020-01-01", placement="onboarding")
    audit()
    return "/cases/watch-list"


def accounts(agency: Agency, count: int) -> None:
    """People and service accounts of an agency, each of these with an owner of its own, and pending accounts."""
    asking, start = an_actor(Role.ADMINISTRATOR, name="asking"), db.session.scalar(select(func.count(Account.id)))
    for number in range(start, start + count):
        person = add_person(ADMINISTRATOR, NewPerson(f"person {number}", Role.AGENCY_EDITOR, agency.id), PASSWORD)
        add_service_account(ADMINISTRATOR, f"robot {number}", Role.AGENCY_EDITOR, agency.id, person.account_id)
        add_person(asking, NewPerson(f"pending {number}", Role.AUDITOR), PASSWORD)


def accounts_on(path: str) -> Grow:
    return lambda agency, count: accounts(agency, count) or path


PAGES: dict[str, tuple[Grow, Role]] = {
    "cases": (cases, Role.SUPERVISOR),
    "tasks": (tasks, Role.SUPERVISOR),
    "proposals": (proposals, Role.SUPERVISOR),
    "watch list": (watch_list, Role.REVIEWER),
    "agency": (agencies_below, Role.ADMINISTRATOR),
    "tree": (tree, Role.ADMINISTRATOR),
    "attestations": (records_to_attest, Role.AGENCY_EDITOR),
    "requests": (requests, Role.ADMINISTRATOR),
    "approvals": (approvals, Role.SUPERVISOR),
    "division": (division, Role.ADMINISTRATOR),
    "import rows": (import_rows, Role.ADMINISTRATOR),
    "imports": (imports, Role.ADMINISTRATOR),
    "case documents": (case_documents, Role.SUPERVISOR),
    "project": (linked_project, Role.SUPERVISOR),
    **{
        f"{path} of {role}": (accounts_on(path), role)
        for role in (Role.ADMINISTRATOR, Role.AGENCY_ADMINISTRATOR)
        for path in ("/home", "/people", "/tokens")
    },
    "pending accounts": (accounts_on("/people/pending"), Role.ADMINISTRATOR),
}


@pytest.mark.parametrize("page", PAGES)
def test_page_takes_as_many_statements_for_many_rows_as_for_few(
    connection: Connection, signed_in: SignedIn, present: Present, page: str
) -> None:
    present.set(DAY)
    grow, role = PAGES[page]
    number = an_agency().bin
    visit = signed_in(role, agency_by_bin(number) if role in AGENCY_ROLES else None)
    counts = []
    for count in (FEW, MANY):
        path = grow(agency_by_bin(number), count)
        visit.get(path)  # the first visit fills caches
        db.session.expunge_all()
        with statements(connection) as sent:
            assert visit.get(path).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1], counts


# Of pages in Kazakh, whose texts are the longest.
MAX_BYTES = 60 * 1024
MANY_ROWS = 55
LONG_RU = "Министерство цифрового развития, инноваций и аэрокосмической промышленности Республики Казахстан"
LONG_KK = "Қазақстан Республикасының Цифрлық даму, инновациялар және аэроғарыш өнеркәсібі министрлігі"


def test_lists_are_at_most_sixty_kilobytes(signed_in: SignedIn) -> None:
    for place in range(MANY_ROWS):
        agency = an_agency(name_ru=f"{LONG_RU} {place}", name_kk=f"{place} {LONG_KK}")
        a_project(agency, purpose="Учёт медицинского оборудования. " * 100)
    run = run_audit(an_actor(Role.OPERATOR))
    visit = signed_in(Role.SUPERVISOR, language="kk")
    pages = (
        "/home",
        "/projects",
        "/cases",
        f"/audits/{run.id}",
        "/agencies",
        "/reports/compliance",
        "/journal",
        "/overview",
    )
    weights = {page: len(visit.get(page).data) for page in pages}
    assert {page: weight for page, weight in weights.items() if weight > MAX_BYTES} == {}
    assert min(weights.values()) > 5_000


def test_pages_of_webhooks_are_at_most_sixty_kilobytes(signed_in: SignedIn) -> None:
    visit = signed_in(Role.SUPERVISOR, language="kk", name="owner")
    account = account_named("owner")
    owner = Actor("owner", Role.SUPERVISOR, None, "127.0.0.1", "tests", account.id, is_person=True)
    url = f"https://systems.example.kz/{'qaztech-' * 25}"
    webhooks = [create_webhook(owner, {"url": f"{url}{number}", "events": ["case.opened"]})[0] for number in range(20)]
    last = webhooks[-1].id
    tried = {"state": "given_up", "tries": 12, "tried_at": now(), "ended_at": now(), "status": 500, "error": "status"}
    with transaction() as session:
        for number in range(1, MANY_ROWS + 1):
            message = {"webhook_id": last, "seq": number, "message_id": f"msg_{last}_{number}", "type": "case.opened"}
            times = {"created_at": now(), "next_try_at": now()}
            session.add(WebhookDelivery(**message, subject=f"case:{number}", **times, **tried))
    pages = ("/webhooks", f"/webhooks/{last}", f"/webhooks/{last}/edit", "/webhooks/new")
    weights = {page: len(visit.get(page).data) for page in pages}
    assert {page: weight for page, weight in weights.items() if weight > MAX_BYTES} == {}
    assert min(weights.values()) > 5_000
