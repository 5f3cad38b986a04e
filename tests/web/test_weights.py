"""Page weights: few kilobytes and a constant number of statements, however many rows exist."""

from __future__ import annotations

from registry.accounts.models import account_named
from registry.accounts.roles import Actor, Role
from registry.audits.service import run_audit
from registry.core.clock import now
from registry.core.database import transaction
from registry.webhooks.models import WebhookDelivery
from registry.webhooks.service import create_webhook
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn

# Of pages in Kazakh, whose texts are the longest.
MAX_BYTES = 60 * 1024
MANY = 55
LONG_RU = "Министерство цифрового развития, инноваций и аэрокосмической промышленности Республики Казахстан"
LONG_KK = "Қазақстан Республикасының Цифрлық даму, инновациялар және аэроғарыш өнеркәсібі министрлігі"


def test_lists_are_at_most_sixty_kilobytes(signed_in: SignedIn) -> None:
    for place in range(MANY):
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
    assert account is not None
    owner = Actor("owner", Role.SUPERVISOR, None, "127.0.0.1", "tests", account.id, is_person=True)
    url = f"https://systems.example.kz/{'qaztech-' * 25}"
    webhooks = [create_webhook(owner, {"url": f"{url}{number}", "events": ["case.opened"]})[0] for number in range(20)]
    last = webhooks[-1].id
    tried = {"state": "given_up", "tries": 12, "tried_at": now(), "ended_at": now(), "status": 500, "error": "status"}
    with transaction() as session:
        for number in range(1, MANY + 1):
            message = {"webhook_id": last, "seq": number, "message_id": f"msg_{last}_{number}", "type": "case.opened"}
            times = {"created_at": now(), "next_try_at": now()}
            session.add(WebhookDelivery(**message, subject=f"case:{number}", **times, **tried))
    pages = ("/webhooks", f"/webhooks/{last}", f"/webhooks/{last}/edit", "/webhooks/new")
    weights = {page: len(visit.get(page).data) for page in pages}
    assert {page: weight for page, weight in weights.items() if weight > MAX_BYTES} == {}
    assert min(weights.values()) > 5_000
