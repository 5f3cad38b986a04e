"""Pages of pending accounts, their confirmation, and passwords that are displayed once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.models import account_named
from registry.accounts.oidc_configuration import SignInConfiguration, set_sign_in_configuration
from registry.accounts.people_import import import_people
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import required
from tests.accounts.test_views_sign_in import VERIFY, a_newcomer, enrolled, start
from tests.factories import an_actor, an_agency, bearer
from tests.fixtures.web import PASSWORD, SignedIn, Visit
from tests.present import Present

__all__ = ["required", "start"]

LIST = "/people/pending"


def confirm(visit: Visit, name: str, role: str = "reviewer") -> Any:
    """Press the button of one account on the list."""
    account = account_named(name)
    return visit.send(f"{LIST}/confirmation", page=LIST, account=account.id, **{f"role-{account.id}": role})


def ask_for(administrator: Visit, name: str = "zhanna", role: str = "reviewer") -> None:
    """Add a person as an administrator, who is shown no password."""
    page = administrator.send("/people/new", name=name, role=role, language="en").text
    assert 'id="secret"' not in page and "Whoever confirms it is shown the second half of a new password" in page


def secret_of(page: str) -> str:
    return page.split('id="secret">')[1].split("<")[0]


def is_pending(name: str = "zhanna") -> bool:
    account = account_named(name)
    return account.pending_since is not None


@pytest.mark.parametrize("second", [Role.SUPERVISOR, Role.ADMINISTRATOR])
def test_second_person_confirms_the_account(signed_in: SignedIn, visit: Visit, second: Role) -> None:
    requesting = signed_in(Role.ADMINISTRATOR)
    ask_for(requesting)
    confirming = signed_in(second, name="second")
    assert "Confirm the account" in confirming.get("/home").text
    page = confirming.get(LIST).text
    assert "zhanna" in page and "administrator.web" in page and "Reviewer" in page and "Confirm account" in page
    page = confirm(confirming, "zhanna").text
    assert "The account zhanna is confirmed." in page
    assert "Second half of the password" in page
    person = person_named("zhanna")
    path = f"/people/{person.id}"
    assert "Show the first half" in requesting.get(path).text
    shown = requesting.send(f"{path}/first-half", page=path).text
    assert "First half of the password" in shown
    [second_half] = re.findall(r'<span class="code">(\w+)</span>', page)
    password = secret_of(shown) + second_half
    # Once, and never to whoever confirmed it.
    assert "Show the first half" not in requesting.get(path).text
    assert requesting.send(f"{path}/first-half", page=path).status_code == 404
    assert confirming.send(f"{path}/first-half", page="/account/password").status_code in (403, 404)
    assert "There are no accounts to confirm." in confirming.get(LIST).text
    assert visit.sign_in("zhanna", password).request.path == "/account/password"
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.confirmed")).one()
    assert entry.principal == "second" and '"asked_by":"administrator.web"' in entry.details


def test_chosen_accounts_are_confirmed_together_and_who_is_refused_is_named(signed_in: SignedIn) -> None:
    requesting = signed_in(Role.ADMINISTRATOR)
    for name in ("zhanna", "bota", "dana", "aigul"):
        ask_for(requesting, name)
    confirming = signed_in(Role.SUPERVISOR)
    ids = {name: account_named(name).id for name in ("zhanna", "bota", "dana")}
    query = "&".join(f"account={each}" for each in ids.values())
    listed = confirming.get(f"{LIST}/confirmation?{query}").text
    assert "Confirm 3 accounts" in listed and "aigul" not in listed
    # Since they were listed one got another role, and somebody else confirmed another.
    requesting.send(f"/people/{person_named('bota').id}/edit", role="auditor", name="bota", language="en")
    confirm(confirming, "dana")
    roles = {f"role-{each}": "reviewer" for each in ids.values()}
    page = confirming.send(f"{LIST}/confirmation?{query}", account=list(ids.values()), **roles).text
    assert "The account zhanna is confirmed." in page and page.count('<span class="code">') == 1
    assert "The account dana does not wait for a confirmation." in page
    assert [name for name in ("aigul", "bota", "dana", "zhanna") if is_pending(name)] == ["aigul", "bota"]
    assert "Confirm 2 accounts" in confirming.get(f"{LIST}/confirmation?account=all").text
    assert "Choose at least one account." in confirming.get(f"{LIST}/confirmation?account=x").text
    assert "Choose at least one account." in requesting.get(f"{LIST}/confirmation?account=all").text


def test_one_confirmation_of_the_second_factor_is_enough_for_all_chosen_accounts(visit: Visit, start: Present) -> None:
    a_newcomer("saule", Role.SUPERVISOR)
    totp, _codes = enrolled(visit, "saule")
    for name in ("zhanna", "bota"):
        add_person(an_actor(Role.ADMINISTRATOR), NewPerson(name, Role.AUDITOR), PASSWORD)
    start.move(timedelta(minutes=16))
    chosen = f"{LIST}/confirmation?account=all"
    assert visit.get(chosen).request.path == VERIFY
    listed = visit.send(VERIFY, kind="totp", code=totp.at(now()), back=chosen)
    ids = re.findall(r'name="account" value="(\d+)"', listed.text)
    assert listed.request.full_path == chosen and len(ids) == 2
    visit.send(chosen, account=ids, **{f"role-{each}": "auditor" for each in ids})
    assert not is_pending("zhanna") and not is_pending("bota")


def test_confirmation_without_a_known_role_is_rejected(signed_in: SignedIn) -> None:
    ask_for(signed_in(Role.ADMINISTRATOR))
    supervisor = signed_in(Role.SUPERVISOR)
    for role in ("", "emperor", "\x00"):
        assert confirm(supervisor, "zhanna", role).status_code == 422
    unknown = supervisor.send(f"{LIST}/confirmation", page=LIST, account=999999, **{"role-999999": "reviewer"})
    assert unknown.status_code == 422 and is_pending()


def test_pending_service_account_is_confirmed_on_the_same_page(app: Flask, signed_in: SignedIn) -> None:
    administrator = signed_in(Role.ADMINISTRATOR)
    page = administrator.send("/tokens/accounts/new", name="robot", role="reviewer").text
    assert "The account works when a supervisor has confirmed it; without one, another administrator." in page
    account = account_named("robot")
    page = administrator.send(f"/tokens/accounts/{account.id}/token", expires_in="30", scopes="read").text
    token = re.search(r"qtr_\w+", page)
    assert app.test_client().get("/api/v1/projects", headers=bearer(token[0])).status_code == 401
    supervisor = signed_in(Role.SUPERVISOR)
    assert "The token works when a supervisor has confirmed it; without one, another administrator." in page
    assert "Service account" in supervisor.get(LIST).text
    confirm(supervisor, "robot")
    assert app.test_client().get("/api/v1/projects", headers=bearer(token[0])).status_code == 401
    path = f"{LIST}/tokens/{token[0].split('_')[1]}/confirmation"
    assert "You issued this token" in administrator.get(LIST).text
    assert "Waiting for confirmation" in administrator.get("/tokens").text
    assert administrator.send(path, page="/account/password").status_code == 403
    assert "Confirm token" in supervisor.get(LIST).text and "Confirm the token" in supervisor.get("/home").text
    assert "Confirm the token" not in administrator.get("/home").text
    confirmed = supervisor.send(path, page=LIST).text
    assert "is confirmed." in confirmed and "Tokens to confirm" not in confirmed
    assert "does not wait for a confirmation" in supervisor.send(path, page="/account/password").text
    assert app.test_client().get("/api/v1/projects", headers=bearer(token[0])).status_code == 200


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency()


@pytest.fixture
def without_passwords() -> Iterator[None]:
    set_sign_in_configuration(SignInConfiguration(passwords=False, break_glass=frozenset({"administrator.web"})))
    yield
    set_sign_in_configuration(SignInConfiguration())


@pytest.mark.usefixtures("without_passwords")
def test_no_password_is_displayed_where_passwords_are_off(signed_in: SignedIn, ministry: Agency) -> None:
    sent = {"name": "dana", "role": "agency_editor", "agency": ministry.bin, "language": "en"}
    visit = signed_in(Role.ADMINISTRATOR)
    page = visit.send("/people/new", **sent).text
    assert 'id="secret"' not in page and "sign-in with a password is switched off" in page
    dana = person_named("dana")
    assert dana is not None and "Set a new password" not in visit.get(f"/people/{dana.id}").text


@pytest.mark.usefixtures("without_passwords")
def test_table_gives_no_passwords_where_passwords_are_off(ministry: Agency) -> None:
    content = f"name,role,agency\ndana,agency_editor,{ministry.bin}".encode()
    (created,) = import_people(an_actor(Role.ADMINISTRATOR), content, dry_run=False).created
    assert (created.outcome, created.password) == ("provider", None)
