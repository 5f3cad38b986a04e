"""Page weights: few kilobytes and a constant number of statements, however many rows exist."""

from __future__ import annotations

import pytest

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.languages import LANGUAGES, Language
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn

MAX_BYTES = 60_000
MANY = 55
LONG_RU = "Министерство цифрового развития, инноваций и аэрокосмической промышленности Республики Казахстан"
LONG_KK = "Қазақстан Республикасының Цифрлық даму, инновациялар және аэроғарыш өнеркәсібі министрлігі"


@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_are_at_most_sixty_kilobytes(signed_in: SignedIn, language: Language) -> None:
    for place in range(MANY):
        agency = an_agency(name_ru=f"{LONG_RU} {place}", name_kk=f"{place} {LONG_KK}")
        a_project(agency, purpose="Учёт медицинского оборудования. " * 100)
    run = run_audit(an_actor(Role.OPERATOR))
    visit = signed_in(Role.SUPERVISOR, language=language)
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
