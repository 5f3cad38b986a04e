"""Signing in and out at an OpenID Connect provider: configuration, second factor, concurrent sign-ins."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from registry.accounts.account_changes import confirm_account, disable_account
from registry.accounts.models import Account, OidcIdentity, account_named
from registry.accounts.oidc_configuration import (
    ClaimPaths,
    SignInConfiguration,
    SignInFileInvalid,
    load_sign_in_file,
    set_sign_in_configuration,
)
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.accounts.sessions import WebSession
from registry.accounts.sign_in import IdentityClaims, SignInRequest, read_claims, sign_in_with_identity
from registry.core.clock import now
from registry.core.database import db
from registry.core.files import CONFIG
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import required
from tests.accounts.factors.test_concurrent_requests import outcomes
from tests.accounts.oidc.scripted_provider import ScriptedProvider
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.fixtures.web import PASSWORD, Visit
from tests.present import Present

__all__ = ["required"]


TOKEN = {"iss": "https://idp.gov.kz", "sub": "p-1"}


def load(folder: Path, text: str) -> SignInConfiguration:
    path = folder / "sign_in.toml"
    path.write_text(text, encoding="utf-8")
    return load_sign_in_file(path)


def test_shipped_file_works_as_it_stands() -> None:
    configuration = load_sign_in_file(CONFIG / "sign_in.toml")
    claims = {**TOKEN, "name": "A", "roles": ["qaztech-auditor"], "amr": ["mfa"]}
    read = read_claims(configuration, claims)
    assert (read.issuer, read.subject, read.name, read.role) == ("https://idp.gov.kz", "p-1", "A", Role.AUDITOR)
    assert read.second_factor is True
    assert configuration.allows_password("anybody") is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[claims]\nmatch = "name"', "claims.match"),
        ('[claims]\nnmae = "name"', "claims.nmae"),
        ('[roles]\nking = ["x"]', "roles.king"),
        ('[roles]\nreviewer = "x"', "roles.reviewer"),
        ('[password]\nenabled = "no"', "password.enabled"),
        ("[password]\nenabled = false", "password.break_glass"),
        ('[second_factor]\namr = "mfa"', "second_factor.amr"),
        ("roles = 1", "roles"),
        ("[unknown]", "unknown"),
        ("[claims", "not valid TOML"),
    ],
)
def test_wrong_file_is_refused_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SignInFileInvalid, match=message):
        load(tmp_path, text)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignInFileInvalid, match="cannot be read"):
        load_sign_in_file(tmp_path / "none.toml")


def test_dotted_paths_descend_into_claims() -> None:
    paths = ClaimPaths(name="profile.full", role="realm_access.roles", agency="https://idp.gov.kz/bin")
    configuration = SignInConfiguration(paths, {Role.REVIEWER: frozenset({"r"})})
    claims = {
        **TOKEN,
        "profile": {"full": " A  B "},
        "realm_access": {"roles": ["x", "r"]},
        "https://idp.gov.kz/bin": "960440000350",
    }
    read = read_claims(configuration, claims)
    assert (read.name, read.role, read.agency) == ("A  B", Role.REVIEWER, "960440000350")


def test_first_role_of_the_file_that_fits_counts() -> None:
    roles = {Role.AGENCY_VIEWER: frozenset({"staff"}), Role.SUPERVISOR: frozenset({"boss"})}
    claims = {**TOKEN, "roles": ["boss", "staff"]}
    assert read_claims(SignInConfiguration(roles=roles), claims).role is Role.AGENCY_VIEWER


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"acr": "urn:high"}, True),
        ({"acr": "urn:low"}, False),
        ({"amr": ["pwd", "hwk"]}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": "hwk"}, False),
        ({"amr": [["hwk"]]}, False),
        ({}, False),
    ],
)
def test_second_factor_is_what_the_file_names(claims: dict[str, object], expected: bool) -> None:
    configuration = SignInConfiguration(acr=("urn:high",), amr=frozenset({"hwk"}))
    assert read_claims(configuration, {**TOKEN, **claims}).second_factor is expected


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
    assert query["max_age"] == ["43200"]


def test_first_sign_in_adds_an_account_that_waits_for_an_administrator(
    visit: Visit, provider: ScriptedProvider
) -> None:
    agency = an_agency()
    answer = sign_in(visit, provider, **{**EDITOR, "organization_bin": agency.bin})
    assert answer.status_code == 403
    assert "Your request is received" in answer.text and "need not report it" in answer.text
    assert "There is a problem" not in answer.text
    account = account_named("Айгүл Сапарова")
    assert (account.role, account.agency_id, account.status) == ("agency_editor", agency.id, "pending")
    assert db.session.scalars(select(WebSession.id)).first() is None


def test_confirmed_person_is_signed_in_and_returns_to_the_page(visit: Visit, provider: ScriptedProvider) -> None:
    account = an_editor(visit, provider)
    assert len(provider.requests[-1]["code_verifier"][0]) >= 43
    assert provider.requests[-1]["code"] == ["a-code"]
    answer = sign_in(visit, provider, name="Айгүл Ахметова")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/projects")
    assert "Айгүл Сапарова" in visit.get("/account").text
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "person.signed-in")).one()
    assert entry.principal == account.name
    assert json.loads(entry.details)["issuer"] == provider.issuer


def test_oversight_account_from_the_provider_needs_two_people(visit: Visit, provider: ScriptedProvider) -> None:
    sign_in(visit, provider, name="Н. Оспанов", roles="qaztech-reviewer")
    account = account_named("Н. Оспанов")
    confirm_account(an_actor(Role.ADMINISTRATOR), account.id, Role.REVIEWER)
    assert account.status == "pending"
    confirm_account(an_actor(Role.SUPERVISOR), account.id, Role.REVIEWER)
    assert account.status == "active"


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


def test_logout_token_that_is_not_valid_ends_nothing(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    sign_in(visit, provider, sid="s-1")
    for claims in (
        {"sub": "p-1", "events": {}},
        {"sub": "p-1", "events": None},
        {"sub": "p-1", "aud": "another"},
        {"sub": "p-1", "iss": "https://elsewhere.example"},
        {"sub": "p-1", "nonce": "n"},
        {"sub": "p-1", "iat": 1_700_000_000},
        {"sub": "p-1", "jti": None},
        {"sub": "p-1", "jti": 7},
        {"sub": 5},
        {"sub": {"a": 1}},
        {"sid": ["s"]},
        {"sid": "s\x00"},
        {},
    ):
        answer = visit.client.application.test_client().post(
            "/sign-in/oidc/back-channel-logout", data={"logout_token": logout_token(provider, **claims)}
        )
        assert answer.status_code == 400, claims
        assert visit.client.get("/home").status_code == 200, claims


def test_session_of_single_sign_on_ends_as_others_do(visit: Visit, provider: ScriptedProvider) -> None:
    an_editor(visit, provider)
    sign_in(visit, provider)
    session = db.session.scalars(select(WebSession)).one()
    session.last_used_at -= timedelta(minutes=61)
    db.session.commit()
    assert visit.client.get("/home").status_code == 303


SUPERVISOR = {"name": "Н. Оспанов", "roles": "qaztech-supervisor"}
VERIFY = "/sign-in/second-factor"


@pytest.fixture
def confirmed(required: None, app: Flask, provider: ScriptedProvider) -> None:
    """A supervisor who comes from the provider, and whom two people have confirmed."""
    sign_in(Visit(app.test_client()), provider, **SUPERVISOR)
    account = account_named("Н. Оспанов")
    for role in (Role.ADMINISTRATOR, Role.SUPERVISOR):
        confirm_account(an_actor(role), account.id, Role.SUPERVISOR)


def test_sign_in_without_a_second_factor_at_the_provider_sets_one_up(
    confirmed: None, visit: Visit, provider: ScriptedProvider
) -> None:
    answer = sign_in(visit, provider, amr=["pwd"])
    assert answer.headers["Location"] == "/sign-in/second-factor?back=/projects"
    page = visit.get(answer.headers["Location"])
    assert page.request.path == "/account/factors/new" and 'name="back" value="/projects"' in page.text
    assert visit.client.get("/home").headers["Location"].startswith(VERIFY)


def test_second_factor_of_the_provider_counts(confirmed: None, visit: Visit, provider: ScriptedProvider) -> None:
    answer = sign_in(visit, provider, amr=["pwd", "otp"])
    assert answer.headers["Location"] == "/projects" and visit.client.get("/home").status_code == 200


def test_step_up_of_a_person_without_an_own_factor_is_a_new_sign_in_at_the_provider(
    confirmed: None, visit: Visit, provider: ScriptedProvider, present: Present
) -> None:
    present.set(now())
    sign_in(visit, provider, amr=["otp"])
    present.move(timedelta(minutes=16))
    page = visit.get("/account/tokens/new")
    assert page.request.path == VERIFY and 'name="password"' not in page.text
    link = "/sign-in/oidc?back=/account/tokens/new&amp;again=yes"
    assert f'href="{link}"' in page.text
    location = visit.client.get(link.replace("&amp;", "&")).headers["Location"]
    query = parse_qs(urlsplit(location).query)
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
    provider.claims = {"amr": ["otp"], "auth_time": int(now().timestamp())}
    answer = visit.client.get(f"/sign-in/oidc/callback?{provider.authorize(location)}")
    assert answer.headers["Location"] == "/account/tokens/new"
    assert visit.client.get("/account/tokens/new").status_code == 200


def test_person_whom_the_provider_did_not_ask_again_has_no_fresh_factor(
    confirmed: None, visit: Visit, provider: ScriptedProvider
) -> None:
    earlier = int((now() - timedelta(minutes=16)).timestamp())
    sign_in(visit, provider, amr=["otp"], auth_time=earlier)
    assert visit.client.get("/home").status_code == 200
    assert visit.get("/account/tokens/new").request.path == VERIFY


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_provider_is_called_with_the_trace_of_the_request(app: Flask, provider: ScriptedProvider) -> None:
    answer = app.test_client().get(
        "/sign-in/oidc", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, follow_redirects=False
    )
    assert answer.status_code in (302, 303)
    assert provider.traces
    assert all(trace is not None and trace.startswith(f"00-{TRACE}-") for trace in provider.traces)


REQUEST = SignInRequest("10.0.0.1", "r")


def claims_of(subject: str) -> IdentityClaims:
    return IdentityClaims("https://login.example.kz", subject, "Saule", None, Role.AUDITOR, None, second_factor=False)


def test_first_sign_ins_of_one_person_in_several_tabs_add_one_account(own_app: Flask) -> None:
    tabs = [lambda: sign_in_with_identity(claims_of("p-1"), "token", REQUEST)] * 4
    assert outcomes(own_app, tabs) == ["account-not-confirmed"] * 4
    with own_app.app_context():
        assert db.session.scalars(select(Account.name)).all() == ["Saule"]
        assert len(db.session.scalars(select(OidcIdentity)).all()) == 1


def test_first_sign_ins_of_two_namesakes_add_two_accounts(own_app: Flask) -> None:
    people = [lambda subject=subject: sign_in_with_identity(claims_of(subject), "token", REQUEST) for subject in "ab"]
    assert outcomes(own_app, people) == ["account-not-confirmed"] * 2
    with own_app.app_context():
        assert sorted(db.session.scalars(select(Account.name))) == ["Saule", "Saule 2"]
