"""Forgotten passwords: who gets a link by e-mail, what it changes, and what it reveals to nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.account_changes import disable_account
from registry.accounts.models import Person, TotpFactor, account_actor
from registry.accounts.passwords import Invitation, InvitationNotFound, invitation_key
from registry.accounts.roles import Role
from registry.accounts.service import (
    NewPerson,
    accept_invitation,
    add_person,
    change_own_password,
    edit_account,
    request_password_link,
    set_password,
)
from registry.accounts.sessions import WebSession
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.core.database import db, transaction
from registry.core.outbox import OutboxMessage
from registry.journal.service import JournalEntry
from registry.notifications.email import render_email
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import recipient_now
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency
from tests.fixtures.web import Visit
from tests.notifications.readers import queued_emails
from tests.notifications.test_email_texts import MAIL, text_of
from tests.present import Present

FIRST = an_actor(Role.ADMINISTRATOR, name="first")
NEW_PASSWORD = "the password of her own choice"
ADDRESS = "zhanna@readers.kz"


@pytest.fixture(autouse=True)
def _with_mail_server(app: Flask, present: Present, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "INVITATIONS_BY_EMAIL", True)
    present.set(date(2026, 11, 26))


def zhanna(role: Role = Role.AGENCY_EDITOR, address: str | None = ADDRESS) -> Person:
    agency = an_agency().id if role is Role.AGENCY_EDITOR else None
    return add_person(ADMINISTRATOR, NewPerson("zhanna", role, agency, address, "en"), PASSWORD)


def ask(text: str = ADDRESS) -> None:
    request_password_link(text, "10.0.0.1", "r")


def links() -> list[str]:
    """The addresses to which a link went."""
    return [address for address, kind, _ in queued_emails() if kind == "password-link"]


def key() -> str:
    return invitation_key(db.session.scalars(select(Invitation.id)).one())


def use(of: str) -> str:
    return accept_invitation(of, NEW_PASSWORD, "10.0.0.1", "r")


@pytest.mark.parametrize("text", ["Zhanna@Readers.kz", "ZHANNA"])
def test_link_goes_to_the_address_of_the_account_and_sets_a_password_once(text: str) -> None:
    zhanna()
    ask(text)
    assert links() == [ADDRESS]
    used = key()
    assert use(used) == "zhanna" and sign_in("zhanna", NEW_PASSWORD, "10.0.0.1", "r").secret
    with pytest.raises(InvitationNotFound):
        use(used)


def test_new_password_ends_sessions_and_is_in_the_journal_and_in_an_email() -> None:
    zhanna()
    sign_in("zhanna", PASSWORD, "10.0.0.1", "r")
    ask()
    links()
    use(key())
    assert db.session.scalar(select(func.count(WebSession.id))) == 0
    actions = list(db.session.scalars(select(JournalEntry.action).order_by(JournalEntry.seq)))
    assert [each for each in actions if "password-" in each] == [
        "account.password-link-sent",
        "account.password-reset",
    ]
    assert [kind for _, kind, _ in queued_emails()] == ["account-password", "password-link"]


def test_email_has_the_link_in_the_readers_language_and_no_table_the_key() -> None:
    person = zhanna()
    with transaction():
        person.language = "ru"
    ask()
    links()
    mail = db.session.scalars(select(OutboundEmail)).one()
    to = recipient_now(person.id, None)
    assert to is not None
    email = render_email(MAIL, "k", to, mail.events, mail.created_at, is_digest=False)
    text = "Задайте новый пароль для реестра проектов в течение часа"
    assert email["Subject"] == text and text in text_of(email)
    assert f"https://registry.tests/invitation?key={key()}" in text_of(email)
    kept = [str(message.payload) for message in db.session.scalars(select(OutboxMessage))]
    kept += [entry.details for entry in db.session.scalars(select(JournalEntry))] + [str(mail.events)]
    assert not any(key() in each for each in kept)


CHANGES: dict[str, Callable[[Person], object]] = {
    "disabled": lambda person: disable_account(ADMINISTRATOR, person.account_id),
    "another address": lambda person: edit_account(ADMINISTRATOR, person.account_id, {"email": "other@readers.kz"}),
    "another password": lambda person: set_password(ADMINISTRATOR, person.id, "quite another password"),
    "own password": lambda person: change_own_password(
        account_actor(person.account, "", "10.0.0.1", "r"), PASSWORD, "quite another password"
    ),
    "oversight": lambda person: edit_account(
        ADMINISTRATOR, person.account_id, {"role": Role.REVIEWER, "agency_id": None}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_the_account_ends_the_link(present: Present, change: str) -> None:
    person = zhanna()
    ask()
    links()
    used = key()
    present.move(timedelta(seconds=1))
    CHANGES[change](person)
    with pytest.raises(InvitationNotFound):
        use(used)


def test_link_works_for_an_hour(present: Present) -> None:
    zhanna()
    ask()
    links()
    present.move(timedelta(hours=1))
    with pytest.raises(InvitationNotFound):
        use(key())
    present.move(-timedelta(seconds=1))
    use(key())


def nobody() -> None:
    """Nobody has the address."""


def without_an_address() -> None:
    zhanna(address=None)


def of_oversight() -> None:
    zhanna(Role.REVIEWER)


def who_waits_for_a_confirmation() -> None:
    add_person(FIRST, NewPerson("zhanna", Role.REVIEWER, email=ADDRESS), PASSWORD)


def with_single_sign_on_alone() -> None:
    person = zhanna()
    with transaction():
        person.password_hash = ""


def with_an_address_of_two() -> None:
    zhanna()
    add_person(ADMINISTRATOR, NewPerson("aigul", Role.AGENCY_EDITOR, an_agency().id, ADDRESS), PASSWORD)


@pytest.mark.parametrize(
    "who",
    [
        nobody,
        without_an_address,
        of_oversight,
        who_waits_for_a_confirmation,
        with_single_sign_on_alone,
        with_an_address_of_two,
    ],
)
def test_no_link_goes_to(who: Callable[[], None]) -> None:
    who()
    ask()
    assert links() == [] and db.session.scalars(select(Invitation)).all() == []


def test_oversight_gets_a_link_with_a_second_factor_only_while_it_has_one() -> None:
    person = zhanna(Role.REVIEWER)
    with transaction() as session:
        factor = TotpFactor(
            person_id=person.id,
            encrypted_secret="-",
            last_used_step=0,
            created_at=person.created_at,
            last_used_at=person.created_at,
        )
        session.add(factor)
    ask()
    assert links() == [ADDRESS]
    assert accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r") == "zhanna"
    assert sign_in("zhanna", NEW_PASSWORD, "10.0.0.1", "r").awaits_factor


def test_second_link_goes_out_after_ten_minutes_only_and_ends_the_first(present: Present) -> None:
    zhanna()
    ask()
    assert links() == [ADDRESS]
    first = key()
    present.move(timedelta(minutes=9))
    ask()
    assert links() == [ADDRESS] and key() == first
    present.move(timedelta(minutes=2))
    ask()
    assert links() == [ADDRESS] * 2 and key() != first


def test_page_answers_the_same_whether_the_account_exists_and_writes_the_same(app: Flask) -> None:
    zhanna()
    answers = []
    for text in (ADDRESS, "zhanna", "nobody@readers.kz", "nobody"):
        visit = Visit(app.test_client())
        page = visit.send("/forgotten-password", name=text)
        answers.append((page.status_code, page.request.path, "a link is on its way" in page.text))
    assert answers == [(200, "/sign-in", True)] * 4
    asked = select(OutboxMessage.topic).where(OutboxMessage.delivered_at.is_(None))
    assert list(db.session.scalars(asked)) == ["account.password-forgotten"] * 4


@pytest.mark.parametrize("text", [ADDRESS, "nobody@readers.kz"])
def test_page_is_limited_to_5_requests_in_a_quarter_of_an_hour(visit: Visit, text: str) -> None:
    zhanna()
    sent = [visit.send("/forgotten-password", name=text, follow=False).status_code for _ in range(6)]
    assert sent == [303] * 5 + [429]


def test_without_a_mail_server_there_is_no_such_page(app: Flask, visit: Visit) -> None:
    assert "/forgotten-password" in visit.get("/sign-in").text
    app.config["INVITATIONS_BY_EMAIL"] = False
    assert visit.get("/forgotten-password").status_code == 404
    assert "Ask the administrator" in visit.get("/sign-in").text


# Signing in with the e-mail address.


def test_person_signs_in_with_the_name_or_the_address() -> None:
    zhanna()
    for text in ("Zhanna", ADDRESS, "  Zhanna@READERS.kz "):
        assert sign_in(text, PASSWORD, "10.0.0.1", "r").secret


def test_address_of_two_accounts_signs_in_neither_until_one_is_disabled() -> None:
    zhanna()
    agency = an_agency().id
    other = add_person(ADMINISTRATOR, NewPerson("aigul", Role.AGENCY_EDITOR, agency, ADDRESS), NEW_PASSWORD)
    for password in (PASSWORD, NEW_PASSWORD):
        with pytest.raises(PasswordNotAccepted):
            sign_in(ADDRESS, password, "10.0.0.1", "r")
    assert sign_in("zhanna", PASSWORD, "10.0.0.1", "r").secret
    disable_account(ADMINISTRATOR, other.account_id)
    assert sign_in(ADDRESS, PASSWORD, "10.0.0.1", "r").secret


def test_name_that_is_the_address_of_another_account_stays_a_name() -> None:
    zhanna()
    add_person(ADMINISTRATOR, NewPerson(ADDRESS, Role.AGENCY_EDITOR, an_agency().id), NEW_PASSWORD)
    assert sign_in(ADDRESS, NEW_PASSWORD, "10.0.0.1", "r").secret


def test_failures_count_for_the_account_and_do_not_show_that_two_spellings_are_one(visit: Visit) -> None:
    zhanna()
    answers = []
    for text, password in [(ADDRESS, "guess")] * 5 + [("zhanna", PASSWORD), (ADDRESS, PASSWORD)]:
        answers.append(visit.send("/sign-in", follow=False, name=text, password=password).status_code)
    # The name is not limited, as far as the answer shows: it is refused as a wrong password is.
    assert answers == [401] * 6 + [429]
    token = visit.token()
    elsewhere = {"REMOTE_ADDR": "192.0.2.77"}
    data = {"csrf_token": token, "name": "zhanna", "password": PASSWORD}
    assert visit.client.post("/sign-in", data=data, environ_overrides=elsewhere).status_code == 303


def test_failed_sign_in_with_the_address_is_recorded_with_the_name_and_found_by_both(
    signed_in: Callable[..., Visit],
) -> None:
    zhanna()
    with pytest.raises(PasswordNotAccepted):
        sign_in(ADDRESS, "guess", "10.0.0.1", "r")
    visit = signed_in(Role.AUDITOR)
    for typed in ("zhanna", ADDRESS):
        assert ">zhanna<" in visit.get(f"/journal/failed-sign-ins?name={typed}").text
