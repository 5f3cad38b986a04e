"""The second factor of people who sign in at an OpenID Connect provider."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from registry.accounts.account_changes import confirm_account
from registry.accounts.models import account_named
from registry.accounts.roles import Role
from registry.core.clock import now
from tests.accounts.factors.steps import required
from tests.accounts.oidc.scripted_provider import ScriptedProvider
from tests.accounts.oidc.test_sign_in import sign_in
from tests.factories import an_actor
from tests.fixtures.web import Visit
from tests.present import Present

__all__ = ["required"]
SUPERVISOR = {"name": "Н. Оспанов", "roles": "qaztech-supervisor"}
VERIFY = "/sign-in/second-factor"


@pytest.fixture
def confirmed(required: None, app: Flask, provider: ScriptedProvider) -> None:
    """A supervisor who comes from the provider, and whom two people have confirmed."""
    sign_in(Visit(app.test_client()), provider, **SUPERVISOR)
    account = account_named("Н. Оспанов")
    assert account is not None
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
