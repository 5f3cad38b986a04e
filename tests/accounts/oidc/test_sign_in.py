"""Signing in and out at an OpenID Connect provider; wrong answers are in ``test_wrong_answers.py``."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from registry.accounts.account_changes import confirm_account, disable_account
from registry.accounts.models import Account, OidcIdentity, account_named
from registry.accounts.oidc_configuration import ClaimPaths, SignInConfiguration, set_sign_in_configuration
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.accounts.sessions import WebSession
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.oidc.scripted_provider import ScriptedProvider
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.fixtures.web import PASSWORD, Visit

EDITOR = {"name": "Айгүл Сапарова", "roles": ["other", "qaztech-editor"], "organization_bin": "960440000350"}


def start(visit: Visit) -> str:
    """Where the link of the sign-in page leads."""
    answer = visit.client.get("/sign-in/oidc?back=/projects")
    assert answer.status_code == 302
    return answer.headers["Location"]


def come_back(visit: Visit, query: str) -> TestResponse:
    return visit.client.get(f"/sign-in/oidc/callback?{query}")


def sign_in(visit: Visit, provider: ScriptedProvider, **claims: object) -> TestResponse:
    provider.claims = claims
    return come_back(visit, provider.authorize(start(visit)))


def an_editor(visit: Visit, provider: ScriptedProvider) -> Account:
    """An agency editor who came from the provider and is confirmed."""
    agency = an_agency()
    assert sign_in(visit, provider, **{**EDITOR, "organization_bin": agency.bin}).status_code == 403
    account = account_named("Айгүл Сапарова")
    assert account is not None
    assert confirm_account(ADMINISTRATOR, account.id, Role.AGENCY_EDITOR) is None
    return account


def nothing_was_stored() -> bool:
    return all(db.session.scalars(select(table.id)).first() is None for table in (OidcIdentity, WebSession))


def test_sign_in_asks_for_a_code_with_pkce_state_and_nonce(visit: Visit, provider: ScriptedProvider) -> None:
    query = parse_qs(urlsplit(start(visit)).query)
    assert query["response_type"] == ["code"]
    assert query["client_id"] == ["registry"]
    assert query["redirect_uri"] == ["http://localhost/sign-in/oidc/callback"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    assert len(query["state"][0]) >= 20
    assert len(query["nonce"][0]) >= 20


def test_first_sign_in_adds_an_account_that_waits_for_an_administrator(
    visit: Visit, provider: ScriptedProvider
) -> None:
    agency = an_agency()
    answer = sign_in(visit, provider, **{**EDITOR, "organization_bin": agency.bin})
    assert answer.status_code == 403
    assert "Your request is received" in answer.text and "need not report it" in answer.text
    assert "There is a problem" not in answer.text
    account = account_named("Айгүл Сапарова")
    assert account is not None
    assert (account.role, account.agency_id, account.status) == ("agency_editor", agency.id, "pending")
    assert db.session.scalars(select(WebSession.id)).first() is None


def test_confirmed_person_is_signed_in_and_returns_to_the_page(visit: Visit, provider: ScriptedProvider) -> None:
    account = an_editor(visit, provider)
    answer = sign_in(visit, provider, name="Айгүл Ахметова")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/projects")
    assert "Айгүл Сапарова" in visit.get("/account").text
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "person.signed-in")).one()
    assert entry.principal == account.name
    assert json.loads(entry.details)["issuer"] == provider.issuer


def test_code_is_exchanged_with_the_verifier_of_the_challenge(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    assert len(provider.requests[-1]["code_verifier"][0]) >= 43
    assert provider.requests[-1]["code"] == ["a-code"]


def test_oversight_account_from_the_provider_needs_two_people(visit: Visit, provider: ScriptedProvider) -> None:
    sign_in(visit, provider, name="Н. Оспанов", roles="qaztech-reviewer")
    account = account_named("Н. Оспанов")
    assert account is not None
    confirm_account(an_actor(Role.ADMINISTRATOR), account.id, Role.REVIEWER)
    assert account.status == "pending"
    confirm_account(an_actor(Role.SUPERVISOR), account.id, Role.REVIEWER)
    assert account.status == "active"


def test_same_name_at_the_provider_never_leads_to_an_account(visit: Visit, provider: ScriptedProvider) -> None:
    existing = add_person(ADMINISTRATOR, NewPerson("Айгүл Сапарова", Role.REVIEWER), PASSWORD)
    agency = an_agency()
    sign_in(visit, provider, **{**EDITOR, "organization_bin": agency.bin})
    identity = db.session.scalars(select(OidcIdentity)).one()
    assert identity.account_id != existing.account_id
    assert db.session.get_one(Account, identity.account_id).name == "Айгүл Сапарова 2"


def test_name_that_another_person_has_or_had_gets_a_number(visit: Visit, provider: ScriptedProvider) -> None:
    namesake = add_person(ADMINISTRATOR, NewPerson("Н. Оспанов", Role.AUDITOR), PASSWORD).account
    edit_account(ADMINISTRATOR, namesake.id, {"name": "Н. Бекова"})
    for number, name in enumerate(("Н. Оспанов", "Н. Бекова")):
        answer = sign_in(visit, provider, name=name, roles="qaztech-reviewer", sub=f"p-{number}")
        assert (answer.status_code, "Your request is received" in answer.text) == (403, True)
        account = account_named(f"{name} 2")
        assert account is not None and account.status == "pending"


@pytest.mark.parametrize("verified", [False, None, "yes"])
def test_unverified_email_never_leads_to_an_account(visit: Visit, provider: ScriptedProvider, verified: object) -> None:
    set_sign_in_configuration(SignInConfiguration(ClaimPaths(match="email")))
    add_person(ADMINISTRATOR, NewPerson("a", Role.AUDITOR, email="a@ministry.kz"), PASSWORD)
    answer = sign_in(visit, provider, name="A", email="a@ministry.kz", email_verified=verified)
    assert answer.status_code == 403
    assert nothing_was_stored()


def test_verified_email_of_one_person_links_the_account_when_configured(
    visit: Visit, provider: ScriptedProvider
) -> None:
    set_sign_in_configuration(SignInConfiguration(ClaimPaths(match="email")))
    person = add_person(an_actor(Role.ADMINISTRATOR), NewPerson("a", Role.AUDITOR, email="a@ministry.kz"), PASSWORD)
    confirm_account(an_actor(Role.SUPERVISOR), person.account_id, Role.AUDITOR) if person.is_pending else None
    answer = sign_in(visit, provider, name="A", email="A@Ministry.kz", email_verified=True)
    assert answer.status_code == 303
    assert db.session.scalars(select(OidcIdentity.account_id)).one() == person.account_id


def test_email_of_two_people_links_neither(visit: Visit, provider: ScriptedProvider) -> None:
    set_sign_in_configuration(SignInConfiguration(ClaimPaths(match="email")))
    for name in ("a", "b"):
        add_person(ADMINISTRATOR, NewPerson(name, Role.AUDITOR, email="office@ministry.kz"), PASSWORD)
    answer = sign_in(visit, provider, name="A", email="office@ministry.kz", email_verified=True)
    assert answer.status_code == 403
    assert nothing_was_stored()


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"name": "A"}, "gives you no role"),
        ({"name": "A", "roles": ["other"]}, "gives you no role"),
        ({"name": "A", "roles": ["qaztech-viewer"]}, "is not registered"),
        ({"name": "A", "roles": ["qaztech-viewer"], "organization_bin": "260140000604"}, "is not registered"),
        ({"roles": ["qaztech-auditor"]}, "did not send a name"),
        ({"name": "\u202e", "roles": ["qaztech-auditor"]}, "did not send a name"),
        ({"name": 7, "roles": 7}, "gives you no role"),
    ],
)
def test_claims_that_lead_to_no_account_are_explained(
    visit: Visit, provider: ScriptedProvider, claims: dict[str, object], text: str
) -> None:
    answer = sign_in(visit, provider, **claims)
    assert answer.status_code == 403
    assert text in answer.text
    assert nothing_was_stored()


def test_disabled_person_is_not_signed_in(visit: Visit, provider: ScriptedProvider) -> None:
    account = an_editor(visit, provider)
    disable_account(ADMINISTRATOR, account.id)
    answer = sign_in(visit, provider)
    assert answer.status_code == 403
    assert "Your account is disabled" in answer.text


def test_person_from_the_provider_has_no_password(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    for password in ("", PASSWORD):
        assert visit.sign_in("Айгүл Сапарова", password).status_code == 401


def test_passwords_can_be_switched_off_for_all_but_break_glass_accounts(
    visit: Visit, provider: ScriptedProvider
) -> None:
    for name in ("a.person", "emergency"):
        add_person(an_actor(Role.ADMINISTRATOR), NewPerson(name, Role.AGENCY_VIEWER, an_agency().id), PASSWORD)
    set_sign_in_configuration(SignInConfiguration(passwords=False, break_glass=frozenset({"emergency"})))
    assert visit.sign_in("a.person").status_code == 401
    assert visit.sign_in("emergency").status_code == 200


def test_signing_out_leads_to_the_provider(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    sign_in(visit, provider)
    answer = visit.send("/sign-out", "/account", follow=False)
    leads_to = answer.headers["Refresh"].partition("url=")[2]
    query = parse_qs(urlsplit(leads_to).query)
    assert leads_to.startswith(f"{provider.issuer}/logout?")
    assert "You have signed out" in answer.text
    assert "Айгүл Сапарова" not in answer.text and "site-header__out" not in answer.text
    assert query["post_logout_redirect_uri"] == ["http://localhost/"]
    assert query["id_token_hint"][0].count(".") == 2
    assert visit.client.get("/home").status_code == 303


def test_sign_in_page_offers_single_sign_on_only_with_a_provider(visit: Visit) -> None:
    assert "single sign-on" not in visit.get("/sign-in").text
    assert visit.client.get("/sign-in/oidc").status_code == 404
    assert visit.client.post("/sign-in/oidc/back-channel-logout").status_code == 404


def logout_token(provider: ScriptedProvider, **claims: object) -> str:
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    usual = {"iss": provider.issuer, "aud": "registry", "iat": int(time.time()), "jti": "1", "events": event}
    return provider.sign({name: value for name, value in {**usual, **claims}.items() if value is not None})


def test_back_channel_logout_ends_the_session(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    sign_in(visit, provider, sid="s-1")
    other = Visit(visit.client.application.test_client())
    sign_in(other, provider, sid="s-2")

    answer = visit.client.application.test_client().post(
        "/sign-in/oidc/back-channel-logout", data={"logout_token": logout_token(provider, sub="p-1", sid="s-1")}
    )

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert visit.client.get("/home").status_code == 303
    assert other.client.get("/home").status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "p-1", "events": {}},
        {"sub": "p-1", "events": None},
        {"sub": "p-1", "aud": "another"},
        {"sub": "p-1", "iss": "https://elsewhere.example"},
        {"sub": "p-1", "nonce": "n"},
        {"sub": "p-1", "iat": 1_700_000_000},
        {},
    ],
)
def test_logout_token_that_is_not_valid_ends_nothing(
    visit: Visit, provider: ScriptedProvider, claims: dict[str, object]
) -> None:
    an_editor(visit, provider)
    sign_in(visit, provider, sid="s-1")
    answer = visit.client.application.test_client().post(
        "/sign-in/oidc/back-channel-logout", data={"logout_token": logout_token(provider, **claims)}
    )
    assert answer.status_code == 400
    assert visit.client.get("/home").status_code == 200


def test_session_of_single_sign_on_ends_as_others_do(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    sign_in(visit, provider)
    session = db.session.scalars(select(WebSession)).one()
    session.last_used_at -= timedelta(minutes=61)
    db.session.commit()
    assert visit.client.get("/home").status_code == 303
