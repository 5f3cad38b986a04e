"""Pages of people and of the own account: lists, history, bulk moves, pending accounts, tokens and sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import AccountNotPending, disable_account, reject_account
from registry.accounts.account_management import NotYourself
from registry.accounts.factors import begin_totp_enrolment, finish_totp_enrolment
from registry.accounts.models import Account, AccountsNeedAPerson, Person, account_named
from registry.accounts.oidc_configuration import SignInConfiguration, set_sign_in_configuration
from registry.accounts.people_import import import_people
from registry.accounts.queries import all_tokens, similar_accounts
from registry.accounts.roles import Actor, Role, RoleNotAllowed, local_actor
from registry.accounts.service import NewPerson, add_person, edit_account, person_named
from registry.accounts.sessions import find_factor_session
from registry.accounts.sign_in import sign_in
from registry.accounts.tokens import issue
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import required
from tests.accounts.test_views_sign_in import VERIFY, a_newcomer, enrolled, start
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency, bearer
from tests.fixtures.web import SignedIn, Visit
from tests.present import Present


def person(
    name: str, agency: Agency | None = None, role: Role = Role.AGENCY_EDITOR, email: str | None = None
) -> Person:
    agency_id = None if agency is None else agency.id
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency_id, email), PASSWORD)


def names(visit: Visit, query: str) -> list[str]:
    return re.findall(r'<a class="govuk-link" href="/people/\d+">([^<]+)<', visit.get(f"/people?{query}").text)


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency(name_ru="Министерство озёр")


def test_people_are_searched_and_filtered(signed_in: SignedIn, ministry: Agency) -> None:
    committee = an_agency(parent=ministry)
    person("Айгүл Серікова", ministry, email="a.serikova@lakes.kz")
    person("b.omarov", committee, Role.AGENCY_VIEWER)
    gone = person("c.gone", role=Role.AUDITOR)
    disable_account(ADMINISTRATOR, gone.account_id)
    visit = signed_in(Role.ADMINISTRATOR)
    for query, expected in (
        ("q=серік", ["Айгүл Серікова"]),
        ("q=Сериков", ["Айгүл Серікова"]),
        ("q=LAKES.kz", ["Айгүл Серікова"]),
        ("role=agency_viewer", ["b.omarov"]),
        ("status=disabled", ["c.gone"]),
        (f"agency={ministry.bin}", ["Айгүл Серікова"]),
        (f"agency={ministry.bin}&below=true", ["Айгүл Серікова", "b.omarov"]),
        (f"agency={ministry.bin}&below=true&status=active&role=agency_viewer", ["b.omarov"]),
        ("q=nobody", []),
    ):
        assert sorted(names(visit, query)) == sorted(expected), query
    for wrong in ("status=odd", "role=emperor", "cursor=x"):
        assert visit.get(f"/people?{wrong}").status_code == 400, wrong


def test_page_of_a_person_displays_data_and_history(signed_in: SignedIn, ministry: Agency) -> None:
    shown = person("e.bek", ministry, email="e@x.kz")
    visit = signed_in(Role.ADMINISTRATOR)
    visit.send(f"/people/{shown.id}/edit", email="f@x.kz", role="agency_viewer")
    page = visit.get(f"/people/{shown.id}").text
    for text in ("Министерство озёр", "f@x.kz", "Agency viewer", "Account added", "Role of an account changed"):
        assert text in page, text
    assert "e@x.kz → f@x.kz" in page and "administrator.web" in page
    auditor = signed_in(Role.AUDITOR).get(f"/people/{shown.id}").text
    assert "Account added" in auditor and "Change account" not in auditor and "Disable account" not in auditor


def test_only_questions_that_end_something_have_a_red_button(signed_in: SignedIn, ministry: Agency) -> None:
    path = f"/people/{person('b.omarov', ministry).id}"
    visit = signed_in(Role.ADMINISTRATOR)
    assert "govuk-button--warning" in visit.get(f"{path}/disabled").text
    assert "govuk-button--warning" not in visit.get(f"{path}/enabled").text


def test_chosen_people_move_to_another_agency(signed_in: SignedIn, ministry: Agency) -> None:
    other = an_agency(name_ru="Министерство рек")
    movers = [person(f"p{number}", ministry) for number in range(3)]
    auditor = person("auditor", role=Role.AUDITOR)
    visit = signed_in(Role.ADMINISTRATOR)
    chosen = [str(each.id) for each in (*movers, auditor)]
    page = "/people/agency?" + "&".join(f"person={each}" for each in chosen)
    assert 'action="/people/agency" id="moving"' in visit.get("/people").text
    asked = visit.get(page).text
    assert "p0" in asked and "Министерство рек" in asked
    assert visit.send("/people/agency", page=page, person=chosen, agency="").status_code == 422
    answer = visit.send("/people/agency", page=page, person=chosen, agency=other.bin).text
    assert "3 people have moved." in answer
    assert "auditor: The role “Auditor” cannot have an agency." in answer
    moved = [person_named(f"p{number}") for number in range(3)]
    assert [each.agency_id for each in moved if each] == [other.id] * 3


def test_all_people_of_a_filtered_list_move_from_all_its_pages(signed_in: SignedIn, ministry: Agency) -> None:
    other = an_agency()
    for number in range(30):
        person(f"p{number:02}", ministry)
    visit = signed_in(Role.ADMINISTRATOR)
    assert "Move all people of this list" not in visit.get("/people").text
    listed = visit.get(f"/people?agency={ministry.bin}").text
    assert "Move all people of this list (30)" in listed and "People in this list: 30" in listed
    page = f"/people/agency?all=yes&agency={ministry.bin}"
    chosen = re.findall(r'name="person" value="(\d+)"', visit.get(page).text)
    assert len(chosen) == 30
    assert "30 people have moved." in visit.send("/people/agency", page=page, person=chosen, agency=other.bin).text
    moved = person_named("p29")
    assert moved is not None and moved.agency_id == other.id


def test_all_people_of_a_list_are_only_those_whom_the_user_manages(signed_in: SignedIn, ministry: Agency) -> None:
    person("editor", ministry)
    person("head", ministry, Role.AGENCY_ADMINISTRATOR)
    visit = signed_in(Role.AGENCY_ADMINISTRATOR, ministry)
    page = visit.get(f"/people/agency?all=yes&agency={ministry.bin}").text
    assert "<li>editor</li>" in page and "<li>head</li>" not in page


def history(visit: Visit, person_id: int) -> str:
    page = visit.get(f"/people/{person_id}").text.split("History of the account</h2>")[1]
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("</table>")[0]).split())


def test_history_names_the_second_factor_and_the_command_line(signed_in: SignedIn) -> None:
    person = add_person(local_actor(Role.ADMINISTRATOR), NewPerson("zhanna", Role.AUDITOR), PASSWORD)
    session = find_factor_session(sign_in("zhanna", PASSWORD, "10.0.0.1", "r").secret, "", "")
    assert session is not None
    finish_totp_enrolment(session, pyotp.TOTP(begin_totp_enrolment(session).secret).at(now()))
    shown = history(signed_in(Role.ADMINISTRATOR), person.id)
    assert "Second factor: Authenticator app" in shown and "totp" not in shown
    assert "Command line, " in shown and "local:" not in shown


__all__ = ["required", "start"]


TOKEN = re.compile(r"qtr_(\w{10})_\w+")


def account_id(name: str) -> int:
    account = account_named(name)
    return account.id


def entries(action: str) -> list[tuple[str, str]]:
    statement = select(JournalEntry.principal, JournalEntry.subject).where(JournalEntry.action == action)
    return [(row.principal, row.subject) for row in db.session.execute(statement.order_by(JournalEntry.seq))]


def test_my_account_shows_name_role_agency_and_language(signed_in: SignedIn) -> None:
    agency = an_agency(name_ru="Министерство озёр")
    visit = signed_in(Role.AGENCY_EDITOR, agency, language="ru")
    assert 'href="/account">agency_editor.web' in visit.get("/home").text
    page = visit.get("/account").text
    assert "–" in page.partition(">Электронная почта<")[2][:300]
    person = person_named("agency_editor.web")
    edit_account(ADMINISTRATOR, person.account_id, {"email": "e.bek@lakes.kz"})
    page = visit.get("/account").text
    assert "e.bek@lakes.kz" in page.partition(">Электронная почта<")[2][:300]
    for text in ("agency_editor.web", "Редактор организации", "Министерство озёр", "Русский", "У вас нет токенов."):
        assert text in page


def test_person_creates_a_token_that_is_displayed_once_and_revokes_it(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    page = visit.send("/account/tokens/new", expires_in="30", scopes="read").text
    token = TOKEN.search(page)
    assert token and "Authorization: Bearer" in page
    client = app.test_client()
    assert client.get("/api/v1/projects", headers=bearer(token[0])).status_code == 200
    page = visit.get("/account").text
    assert token[0] not in page and token[1] in page and "Valid" in page
    path = f"/account/tokens/{token[1]}/revocation"
    assert f'href="{path}"' in page and visit.get(path).status_code == 200
    assert client.get("/api/v1/projects", headers=bearer(token[0])).status_code == 200
    page = visit.send(path).text
    assert "The token no longer works." in page and "Revoked" in page
    assert client.get("/api/v1/projects", headers=bearer(token[0])).status_code == 401
    subject = f"token:{token[1]}"
    assert entries("token.issued") == [("auditor.web", subject)] == entries("token.revoked")


def test_service_account_is_added_and_its_token_displayed_once(app: Flask, signed_in: SignedIn) -> None:
    agency = an_agency(name_ru="Министерство озёр")
    visit = signed_in(Role.ADMINISTRATOR)
    page = visit.send("/tokens/accounts/new", name="Lake system", role="agency_editor", agency=agency.bin).text
    assert "The service account Lake system is added." in page and "Министерство озёр" in page
    assert "Waiting for confirmation" not in page
    path = f"/tokens/accounts/{account_id('Lake system')}/token"
    page = visit.send(path, expires_in="90", scopes="read", role="agency_viewer").text
    token = TOKEN.search(page)
    assert token and "Lake system" in page
    assert app.test_client().get("/api/v1/projects", headers=bearer(token[0])).status_code == 200
    assert token[0] not in visit.get("/tokens").text
    assert [(kept["account"], kept["role"]) for kept in all_tokens(ADMINISTRATOR)] == [("Lake system", "agency_viewer")]
    assert entries("account.added")[-1] == ("administrator.web", "account:Lake system")


def test_first_sign_in_with_a_generated_password_redirects_to_its_change(app: Flask, signed_in: SignedIn) -> None:
    administrator = signed_in(Role.ADMINISTRATOR)
    person = {"name": "zhanna", "role": "agency_editor", "agency": an_agency().bin}
    shown = administrator.send("/people/new", language="en", **person).text
    password = shown.split('id="secret">')[1].split("<")[0]
    visit = Visit(app.test_client())
    page = visit.sign_in("zhanna", password)
    assert page.request.path == "/account/password" and "An administrator knows your password." in page.text
    assert 'aria-label="Menu"' not in page.text and 'href="/account"' not in page.text
    for path in ("/account", "/account/tokens/new", "/people/pending", "/projects.csv", "/home"):
        assert visit.client.get(path).headers["Location"] == "/account/password"
    again = visit.send("/account/password", old_password=password, new_password=password)
    assert "The new password must differ from the current one." in again.text
    visit.send("/account/password", old_password=password, new_password="quite another password")
    assert visit.client.get("/account").status_code == 200


PATH = "/account/password"


def test_person_who_must_change_the_password_can_sign_out(visit: Visit) -> None:
    add_person(ADMINISTRATOR, NewPerson("zhanna", Role.OPERATOR), PASSWORD, must_change=True)
    visit.sign_in("zhanna")
    assert visit.send("/sign-out", page=PATH, follow=False).headers["Location"] == "/"


def test_password_fields_are_masked_and_take_pasted_and_long_passwords(visit: Visit, signed_in: SignedIn) -> None:
    fields = re.compile(r"<input[^>]*password[^>]*>")
    for page, count in ((visit.get("/sign-in").text, 1), (signed_in(Role.AUDITOR).get("/account/password").text, 2)):
        inputs = fields.findall(page)
        assert len(inputs) == count
        for each in inputs:
            assert 'type="password"' in each and "autocomplete=" in each
            assert not re.search("onpaste|maxlength|pattern|autocomplete=.off", each)


def test_pending_account_is_only_revealed_with_the_correct_password(visit: Visit, signed_in: SignedIn) -> None:
    administrator = signed_in(Role.ADMINISTRATOR)
    person = add_person(ADMINISTRATOR, NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    administrator.send(f"/people/{person.id}/edit", role="supervisor")
    assert "has to confirm your account" in visit.sign_in("zhanna").text
    assert "The name, the e-mail address or the password is wrong" in visit.sign_in("zhanna", "not this one").text
    assert "Waiting for confirmation" in administrator.get("/people").text


END = re.compile(r'action="(/account/sessions/[\w-]+/end)"')
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def test_sessions_are_listed_with_device_and_address_and_ended(app: Flask, visit: Visit, start: Present) -> None:
    a_newcomer("zhanna")
    totp, _codes = enrolled(visit, "zhanna")
    assert "End all other sessions" not in visit.get("/account").text
    others = []
    for _ in range(3):
        start.move(timedelta(minutes=1))
        other = Visit(app.test_client())
        headers = {"User-Agent": FIREFOX}
        data = {"csrf_token": other.token(), "name": "zhanna", "password": PASSWORD}
        other.client.post("/sign-in", data=data, headers=headers)
        other.send(VERIFY, kind="totp", code=totp.at(now()))
        others.append(other)
    page = visit.get("/account").text
    assert page.count("Firefox") == 6 and "127.0.0.1" in page and page.count("This session") == 1
    assert len(END.findall(page)) == 3
    page = visit.send(END.findall(page)[0], page="/account").text
    assert "The session is ended." in page and len(END.findall(page)) == 2
    assert [other.client.get("/home").status_code for other in others] == [200, 200, 303]
    page = visit.send("/account/sessions/end-others", page="/account").text
    assert "2 sessions are ended." in page
    assert [other.client.get("/home").status_code for other in others] == [303, 303, 303]
    assert "You have no other sessions." in visit.send("/account/sessions/end-others", page="/account").text


def test_language_of_the_header_is_that_of_the_account_and_stays_after_signing_out(
    app: Flask, signed_in: SignedIn
) -> None:
    visit = signed_in(Role.AUDITOR, language="kk")
    page = visit.send("/language/ru?back=/account", page="/account").text
    assert '<html lang="ru"' in page and "Язык страниц и уведомлений" in page
    person = person_named("auditor.web")
    assert person is not None and person.language == "ru"
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.language-changed")).one()
    assert json.loads(entry.details) == {"changes": [{"field": "language", "old": "kk", "new": "ru"}]}
    # A link changes the pages of the browser alone: another site may lead here.
    assert "Use the language of this page" in visit.get("/language/en?back=/account").text
    db.session.refresh(person)
    assert person.language == "ru"
    elsewhere = Visit(app.test_client())
    elsewhere.sign_in("auditor.web")
    elsewhere.client.delete_cookie("registry_language")
    assert '<html lang="ru"' in elsewhere.send("/sign-out", page="/account").text
    assert '<html lang="ru"' in elsewhere.get("/sign-in").text
    assert visit.client.post("/language/kk").status_code == 403


def test_token_that_may_do_more_needs_a_fresh_factor_and_keeps_the_form(visit: Visit, start: Present) -> None:
    a_newcomer("zhanna", Role.SUPERVISOR)
    enrolled(visit, "zhanna")
    token = visit.token("/account/tokens/new")
    start.move(timedelta(minutes=16))
    data = {"csrf_token": token, "expires_in": "180", "role": "supervisor", "scopes": "decisions:approve"}
    answer = visit.client.post("/account/tokens/new", data=data)
    assert answer.status_code == 422 and "second factor that was verified in the last 15 minutes" in answer.text
    assert 'value="decisions:approve" checked>' in answer.text
    assert visit.client.post("/account/tokens/new", data={**data, "scopes": "read"}).status_code == 200
    assert visit.get("/account/tokens/new").request.path == VERIFY


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


def test_second_person_confirms_the_account(signed_in: SignedIn, visit: Visit) -> None:
    requesting = signed_in(Role.ADMINISTRATOR)
    ask_for(requesting)
    confirming = signed_in(Role.SUPERVISOR, name="second")
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


def test_pending_token_of_a_command_says_so(signed_in: SignedIn) -> None:
    supervisor = signed_in(Role.SUPERVISOR)
    command = replace(local_actor(Role.ADMINISTRATOR), is_admitted=False)
    token = issue(command, "robot", Role.OPERATOR, None, timedelta(days=1))
    page = supervisor.get(LIST).text
    assert token.pending and token.key_id in page
    assert "Command line</td>" in page and "None</td>" not in page


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


def requested_account(name: str, role: Role, agency_id: int | None = None, email: str | None = None) -> Account:
    """An account as a first sign-in with single sign-on leaves it: requested under its own name."""
    account = add_person(ADMINISTRATOR, NewPerson(name, role, agency_id, email), PASSWORD).account
    with transaction():
        account.pending_since, account.asked_by = now(), [account.id]
    return account


def row_of(page: str, name: str) -> str:
    (row,) = [row for row in page.split("<tr")[2:] if f'govuk-visually-hidden"> {name}</span>' in row]
    return row


def test_page_shows_the_agency_and_that_single_sign_on_requested_the_account(signed_in: SignedIn) -> None:
    agency = an_agency()
    requested_account("Dana", Role.AGENCY_EDITOR, agency.id, "dana@med.example")
    row = row_of(signed_in(Role.ADMINISTRATOR).get(LIST).text, "Dana")
    assert agency.bin in row
    assert "Single sign-on" in row and "dana@med.example" in row
    person = db.session.scalars(select(Person).where(Person.email == "dana@med.example")).one()
    assert f'href="/people/{person.id}"' in row


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("name", ["Kanat Ospanov 2", "OSPANOV KANAT", "Ospanov Kanat (k@med.example)"])
def test_name_is_like_another_in_any_order_and_with_additions(name: str) -> None:
    first = add_person(ADMINISTRATOR, NewPerson("Kanat Ospanov", Role.AUDITOR), PASSWORD).account
    second = add_person(ADMINISTRATOR, NewPerson(name, Role.AUDITOR), PASSWORD).account
    add_person(ADMINISTRATOR, NewPerson("Kanat Ospan", Role.AUDITOR), PASSWORD)
    assert similar_accounts([second, first]) == {second.id: [first], first.id: [second]}


def test_rejected_account_is_disabled_and_the_journal_says_by_whom(signed_in: SignedIn) -> None:
    account = requested_account("Dana", Role.ADMINISTRATOR)
    visit = signed_in(Role.SUPERVISOR, name="second")
    path = f"{LIST}/{account.id}/rejection"
    assert path in visit.get(LIST).text and "Reject account" in visit.get(path).text
    assert "The account Dana is rejected and disabled." in visit.send(path).text
    assert account.status == "disabled" and "Dana" not in visit.get(LIST).text
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.rejected")).one()
    assert (entry.principal, entry.subject) == ("second", "account:Dana")
    assert "does not wait for a confirmation" in visit.send(path, page="/account/password").text


@pytest.mark.usefixtures("app")
def test_only_people_who_may_confirm_reject_and_never_their_own_account() -> None:
    account = requested_account("Dana", Role.REVIEWER)
    with pytest.raises(RoleNotAllowed):
        reject_account(an_actor(Role.AUDITOR), account.id)
    with pytest.raises(AccountsNeedAPerson):
        reject_account(Actor("robot", Role.ADMINISTRATOR), account.id)
    with pytest.raises(NotYourself):
        reject_account(Actor("Dana", Role.ADMINISTRATOR, is_person=True, credential="local"), account.id)
    assert account.status == "pending"
    reject_account(an_actor(Role.SUPERVISOR), account.id)
    with pytest.raises(AccountNotPending):
        reject_account(an_actor(Role.SUPERVISOR), account.id)
